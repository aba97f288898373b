//! When everything is asked for, and when a sync that failed makes sense again. Pure but for
//! randomness; the app decides when it really syncs.

use crate::error::{Error, ErrorCode};
use crate::model::ids::PeerKind;
use crate::model::standing::PeerStatus;
use crate::model::terms::SyncPolicy;
use crate::ports::Entropy;

/// Whether everything is to be asked for: never done for this person, or since the schema grew, or
/// long ago. Own permission rows and new columns come no other way, and nothing else finds rows
/// that were never announced as gone.
pub fn full_pull_is_due(
    policy: &SyncPolicy,
    kind: PeerKind,
    status: &PeerStatus,
    person: &str,
    now_ms: i64,
) -> bool {
    let long_ago = || {
        let after = policy.full_pull_after_ms(kind)?;
        // A clock that was set back must not put it off for ever.
        let since = now_ms.saturating_sub(status.last_full_ms.unwrap_or(i64::MIN));
        Some(since >= after || since < 0)
    };
    status.full_pull_for.as_deref() != Some(person) || long_ago().unwrap_or(false)
}

/// When to try again, epoch milliseconds of the device: at random within a time that grows to an hour,
/// and where the peer named a wait, so much after that. `None` where only a person can help, or nothing
/// stands in the way.
pub fn next_try_ms(
    error: &Error,
    past_failures: u32,
    now_ms: i64,
    entropy: &dyn Entropy,
) -> Option<i64> {
    const BASE_MS: u64 = 30_000;
    const CAP_MS: u64 = 60 * 60 * 1000;
    let temporary = matches!(
        error.code(),
        ErrorCode::Network
            | ErrorCode::Server
            | ErrorCode::RateLimited
            | ErrorCode::StorageBusy
            // A cloud whose database is down says so too.
            | ErrorCode::Unauthorized
    );
    if !temporary {
        return None;
    }
    let ceiling = BASE_MS
        .saturating_mul(1 << past_failures.min(16))
        .min(CAP_MS);
    let mut random = [0; 8];
    // Without randomness the whole time is waited.
    let jitter = match entropy.fill(&mut random) {
        Ok(()) => u64::from_le_bytes(random) % (ceiling + 1),
        Err(_) => ceiling,
    };
    // On top: all who share an address were told the same time.
    let wait = jitter.saturating_add(error.retry_after().unwrap_or(0));
    Some(now_ms.saturating_add_unsigned(wait))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::SeededEntropy;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn everything_is_asked_for_at_first_for_each_person_and_once_in_some_days() {
        let policy = SyncPolicy::default();
        let due = |kind, full_for: Option<&str>, last: Option<i64>, now_ms| {
            let status = PeerStatus {
                full_pull_for: full_for.map(str::to_owned),
                last_full_ms: last,
                ..PeerStatus::default()
            };
            full_pull_is_due(&policy, kind, &status, "me", now_ms)
        };
        let now = 1_795_470_612_883;
        assert!(due(PeerKind::Cloud, None, None, now));
        assert!(due(PeerKind::Cloud, Some("you"), Some(now), now));
        assert!(!due(
            PeerKind::Cloud,
            Some("me"),
            Some(now - 6 * DAY_MS),
            now
        ));
        assert!(due(
            PeerKind::Cloud,
            Some("me"),
            Some(now - 7 * DAY_MS),
            now
        ));
        assert!(!due(PeerKind::Hub, Some("me"), Some(now - DAY_MS / 2), now));
        assert!(due(PeerKind::Hub, Some("me"), Some(now - DAY_MS), now));
        assert!(due(PeerKind::Hub, Some("me"), Some(now + DAY_MS), now));
        // One that an older version made has no time.
        assert!(due(PeerKind::Cloud, Some("me"), None, now));
        let never = SyncPolicy {
            cloud_full_pull_days: 0,
            ..SyncPolicy::default()
        };
        let status = PeerStatus {
            full_pull_for: Some("me".into()),
            ..PeerStatus::default()
        };
        assert!(!full_pull_is_due(
            &never,
            PeerKind::Cloud,
            &status,
            "me",
            now
        ));
    }

    #[test]
    fn waits_grow_are_spread_and_obey_the_peer() {
        let network = Error::new(ErrorCode::Network, "x");
        let mut largest = 0;
        let mut different = std::collections::HashSet::new();
        for seed in 0..200 {
            let entropy = SeededEntropy::new(seed);
            let first = next_try_ms(&network, 0, 1_000, &entropy).unwrap();
            assert!((1_000..=31_000).contains(&first));
            let late = next_try_ms(&network, 40, 0, &entropy).unwrap();
            assert!(late <= 60 * 60 * 1000);
            largest = largest.max(late);
            different.extend([first, late]);
        }
        // A clinic's tablets, which all lost the line at once, do not come back at once.
        assert!(different.len() > 380, "{}", different.len());
        assert!(largest > 30 * 60 * 1000);
        let entropy = SeededEntropy::new(1);
        // Nor those that were told to wait, and were told the same time.
        for code in [ErrorCode::RateLimited, ErrorCode::Server] {
            let told = Error::new(code, "x").retry_after_ms(90_000);
            let tries = (0..200).map(|seed| {
                let next = next_try_ms(&told, 0, 0, &SeededEntropy::new(seed)).unwrap();
                assert!((90_000..=120_000).contains(&next), "{next}");
                next
            });
            let different: std::collections::HashSet<_> = tries.collect();
            assert!(different.len() > 190, "{}", different.len());
        }
        let tls = Error::new(ErrorCode::Tls, "x");
        assert_eq!(next_try_ms(&tls, 3, 0, &entropy), None);
    }
}
