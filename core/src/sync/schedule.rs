//! When everything is asked for, and when a sync that failed makes sense again. Pure but for
//! randomness; the app decides when it really syncs.

use super::backoff::up_to;
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
    // On top of the time that the peer named: all behind one address heard the same.
    let wait = jitter.saturating_add(error.retry_after().unwrap_or(0));
    Some(now_ms.saturating_add_unsigned(wait))
}

/// A refusal of a call that is not repeated here, such as a sign-in: the time that it names is put off
/// by up to a minute. A clinic's tablets share an address and hear the same time; who obeys it must not
/// come back at one moment with everybody else.
pub fn spread(error: Error, entropy: &dyn Entropy) -> Error {
    const MOST_MS: u64 = 60_000;
    match (error.code(), error.retry_after()) {
        (ErrorCode::RateLimited, Some(named)) => {
            // Without randomness the whole time is waited.
            let more = up_to(MOST_MS, entropy).unwrap_or(MOST_MS);
            error.retry_after_ms(named.saturating_add(more))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::SeededEntropy;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn w101_w103_everything_is_asked_for_at_first_for_each_person_and_once_in_some_days() {
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
        let limited = Error::new(ErrorCode::RateLimited, "x").retry_after_ms(90_000);
        assert!(next_try_ms(&limited, 0, 0, &entropy).unwrap() >= 90_000);
        let different: std::collections::HashSet<_> = (0..200)
            .map(|seed| next_try_ms(&limited, 0, 0, &SeededEntropy::new(seed)).unwrap())
            .collect();
        assert!(different.len() > 180, "all behind one address come at once");
        assert!(different.iter().all(|at| (90_000..=120_000).contains(at)));
        let tls = Error::new(ErrorCode::Tls, "x");
        assert_eq!(next_try_ms(&tls, 3, 0, &entropy), None);
    }

    #[test]
    fn a_time_that_a_refusal_names_is_spread_and_nothing_else_is() {
        let limited = Error::new(ErrorCode::RateLimited, "x").retry_after_ms(900_000);
        let named: std::collections::HashSet<_> = (0..200)
            .map(|seed| spread(limited.clone(), &SeededEntropy::new(seed)))
            .map(|error| error.retry_after().unwrap())
            .collect();
        assert!(named.len() > 190, "{}", named.len());
        assert!(named.iter().all(|ms| (900_000..=960_000).contains(ms)));
        for other in [
            Error::new(ErrorCode::RateLimited, "x"),
            Error::new(ErrorCode::Server, "x").retry_after_ms(5_000),
            Error::new(ErrorCode::Unauthorized, "x"),
        ] {
            assert_eq!(spread(other.clone(), &SeededEntropy::new(1)), other);
        }
    }
}
