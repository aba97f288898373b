//! How long to wait before asking again, and when to stop asking. Pure but for randomness.
//!
//! Waits are spread at random: the tablets of a clinic share one address and so one rate limit,
//! and would otherwise all come back at the same moment.

use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};
use crate::ports::Entropy;

/// The most waits because the peer asked to, without a request that it took in between, and the most
/// time spent in them.
const MAX_WAITS: u32 = 8;
const MAX_WAITED_MS: u64 = 10 * 60 * 1000;
/// Spread over so much at first, twice as much with each refusal in a row, at most a minute: all
/// who share an address hear the same time, and must not come back at the same moment.
const SPREAD_MS: u64 = 4_000;
const MAX_SPREAD_MS: u64 = 60_000;
/// The wait where the peer asks to, but names no time; and the least in any case.
const UNNAMED_WAIT_MS: u64 = 5_000;
const MIN_WAIT_MS: u64 = 1_000;

const MAX_RETRIES: u32 = 2;
const RETRY_BASE_MS: u64 = 1_000;
const RETRY_CAP_MS: u64 = 30_000;

/// What is left of a sync's patience.
#[derive(Default)]
pub(super) struct Patience {
    waits: u32,
    waited_ms: u64,
    retries: u32,
}

impl Patience {
    /// How long to wait after a failure of a request that may be repeated; `None` to give up.
    pub(super) fn after(
        &mut self,
        error: &Error,
        entropy: &dyn Entropy,
    ) -> Result<Option<Duration>> {
        match error.code() {
            ErrorCode::RateLimited => self.after_rate_limit(error, entropy),
            ErrorCode::Network | ErrorCode::Server => self.after_failure(error, entropy),
            _ => Ok(None),
        }
    }

    /// The time that the peer named, and some more.
    pub(super) fn after_rate_limit(
        &mut self,
        error: &Error,
        entropy: &dyn Entropy,
    ) -> Result<Option<Duration>> {
        let named = error
            .retry_after()
            .unwrap_or(UNNAMED_WAIT_MS)
            .max(MIN_WAIT_MS);
        let spread = (SPREAD_MS << self.waits.min(8)).min(MAX_SPREAD_MS);
        let pause = named.saturating_add(up_to(spread, entropy)?);
        let waited = self.waited_ms.saturating_add(pause);
        if self.waits == MAX_WAITS || waited > MAX_WAITED_MS {
            return Ok(None);
        }
        self.waits += 1;
        self.waited_ms = waited;
        Ok(Some(Duration::from_millis(pause)))
    }

    /// The peer took a request: what was suffered before does not count against the next.
    pub(super) fn renew(&mut self) {
        *self = Self::default();
    }

    /// Exponential backoff with full jitter, or the time that the peer named and some more.
    fn after_failure(&mut self, error: &Error, entropy: &dyn Entropy) -> Result<Option<Duration>> {
        if self.retries == MAX_RETRIES {
            return Ok(None);
        }
        if error.retry_after().is_some() {
            self.retries += 1;
            return self.after_rate_limit(error, entropy);
        }
        let ceiling = (RETRY_BASE_MS << self.retries).min(RETRY_CAP_MS);
        self.retries += 1;
        up_to(ceiling, entropy).map(|ms| Some(Duration::from_millis(ms)))
    }
}

/// A random number of milliseconds, at most so many.
pub(super) fn up_to(most: u64, entropy: &dyn Entropy) -> Result<u64> {
    let mut random = [0; 8];
    entropy.fill(&mut random)?;
    Ok(u64::from_le_bytes(random) % most.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::SeededEntropy;

    fn limited(ms: Option<u64>) -> Error {
        let error = Error::new(ErrorCode::RateLimited, "too many requests");
        ms.map_or(error.clone(), |ms| error.retry_after_ms(ms))
    }

    #[test]
    fn the_peers_time_is_kept_with_a_floor_and_some_jitter() {
        let mut seen = std::collections::HashSet::new();
        for seed in 0..50 {
            let entropy = SeededEntropy::new(seed);
            for (named, least) in [(Some(10_000), 10_000), (Some(0), 1_000), (None, 5_000)] {
                let wait = Patience::default().after(&limited(named), &entropy);
                let ms = wait.unwrap().unwrap().as_millis();
                assert!((least..=least + 4_000).contains(&ms), "{ms}");
                seen.insert(ms);
            }
        }
        assert!(seen.len() > 100, "hardly any jitter");
    }

    #[test]
    fn patience_ends_after_eight_waits_or_ten_minutes_and_comes_back() {
        let entropy = SeededEntropy::new(1);
        let mut patience = Patience::default();
        for _ in 0..8 {
            assert!(
                patience
                    .after(&limited(Some(1)), &entropy)
                    .unwrap()
                    .is_some()
            );
        }
        assert!(
            patience
                .after(&limited(Some(1)), &entropy)
                .unwrap()
                .is_none()
        );

        patience.renew();
        assert!(
            patience
                .after(&limited(Some(400_000)), &entropy)
                .unwrap()
                .is_some()
        );
        assert!(
            patience
                .after(&limited(Some(400_000)), &entropy)
                .unwrap()
                .is_none()
        );
        assert!(
            patience
                .after(&limited(Some(u64::MAX)), &entropy)
                .unwrap()
                .is_none()
        );
    }

    /// A server that is being looked after says when it will be back.
    #[test]
    fn the_time_that_a_failing_peer_names_is_waited_for() {
        let failed = |ms| Error::new(ErrorCode::Server, "failed").retry_after_ms(ms);
        let mut seen = std::collections::HashSet::new();
        for seed in 0..50 {
            let entropy = SeededEntropy::new(seed);
            let mut patience = Patience::default();
            let mut wait = || patience.after(&failed(120_000), &entropy).unwrap();
            for spread in [4_000, 8_000] {
                let ms = wait().unwrap().as_millis();
                assert!((120_000..=120_000 + spread).contains(&ms), "{ms}");
                seen.insert(ms);
            }
            assert_eq!(wait(), None);
        }
        assert!(seen.len() > 80, "hardly any jitter");
        // Longer than a sync goes on waiting: it ends.
        let entropy = SeededEntropy::new(1);
        let hour = failed(60 * 60 * 1000);
        assert_eq!(Patience::default().after(&hour, &entropy).unwrap(), None);
    }

    #[test]
    fn only_network_and_server_failures_are_tried_again_twice() {
        let entropy = SeededEntropy::new(1);
        let mut patience = Patience::default();
        for ceiling in [1_000, 2_000] {
            let error = Error::new(ErrorCode::Network, "broken off");
            let wait = patience.after(&error, &entropy).unwrap().unwrap();
            assert!(wait.as_millis() <= ceiling);
            // All of it is jitter.
            let waits = (0..100).map(|seed| {
                let mut patience = Patience::default();
                let entropy = SeededEntropy::new(seed);
                let first = patience.after(&error, &entropy).unwrap().unwrap();
                let second = patience.after(&error, &entropy).unwrap().unwrap();
                if ceiling == 1_000 { first } else { second }
            });
            let different: std::collections::HashSet<_> = waits.collect();
            assert!(different.len() > 80, "{}", different.len());
            let below = different
                .iter()
                .filter(|wait| wait.as_millis() < ceiling / 2);
            assert!((20..80).contains(&below.count()));
        }
        let error = Error::new(ErrorCode::Server, "failed");
        assert!(patience.after(&error, &entropy).unwrap().is_none());
        for code in ErrorCode::ALL {
            if !matches!(
                code,
                ErrorCode::Network | ErrorCode::Server | ErrorCode::RateLimited
            ) {
                let wait = Patience::default().after(&Error::new(*code, "x"), &entropy);
                assert!(wait.unwrap().is_none(), "{}", code.as_str());
            }
        }
    }
}
