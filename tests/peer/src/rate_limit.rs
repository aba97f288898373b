//! The sliding windows that refuse too many calls.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// What is limited together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Budget {
    Sync,
    SignIn,
    Rpc,
}

impl Budget {
    /// Calls in a window and its length in ms.
    fn limit(self) -> (usize, i64) {
        match self {
            Self::Sync => (60, 60_000),
            Self::SignIn => (30, 15 * 60_000),
            Self::Rpc => (100, 60_000),
        }
    }
}

/// The calls of the last window, per budget and caller.
#[derive(Default)]
pub(crate) struct RateLimit {
    calls: Mutex<HashMap<(Budget, String), VecDeque<i64>>>,
}

impl RateLimit {
    /// Counts a call, or refuses it with the whole seconds until the oldest one leaves the
    /// window. Refused calls are not counted, so that a window really empties.
    pub(crate) fn take(&self, budget: Budget, caller: &str, now_ms: i64) -> Result<(), i64> {
        let (most, window_ms) = budget.limit();
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let times = calls.entry((budget, caller.to_owned())).or_default();
        while times.front().is_some_and(|time| now_ms - time >= window_ms) {
            times.pop_front();
        }
        match times.front() {
            Some(oldest) if times.len() >= most => {
                let wait_ms = oldest + window_ms - now_ms;
                Err(wait_ms.div_euclid(1_000) + i64::from(wait_ms.rem_euclid(1_000) > 0))
            }
            _ => {
                times.push_back(now_ms);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_and_refusals_do_not_count() {
        let limit = RateLimit::default();
        for call in 0..60 {
            assert_eq!(limit.take(Budget::Sync, "a", call * 100), Ok(()));
        }
        assert_eq!(limit.take(Budget::Sync, "a", 8_200), Err(52));
        assert_eq!(limit.take(Budget::Sync, "b", 8_200), Ok(()));
        assert_eq!(limit.take(Budget::SignIn, "a", 8_200), Ok(()));
        assert_eq!(limit.take(Budget::Sync, "a", 59_999), Err(1));
        assert_eq!(limit.take(Budget::Sync, "a", 60_000), Ok(()));
        assert_eq!(limit.take(Budget::Sync, "a", 60_050), Err(1));
        assert_eq!(limit.take(Budget::Sync, "a", 60_100), Ok(()));
    }
}
