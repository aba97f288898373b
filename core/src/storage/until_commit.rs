//! A yes or no that holds until the next commit: for what an app asks far more often than it changes.

use std::sync::atomic::{AtomicU64, Ordering};

use super::at_once::AtOnce;
use crate::error::Result;

/// The answer, and how many commits there were when it was looked up: `commits * 2 + answer`.
pub(super) struct UntilCommit(AtomicU64);

const UNKNOWN: u64 = u64::MAX;

impl UntilCommit {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(UNKNOWN))
    }

    /// The answer, looked up only if something may have changed it.
    pub(super) fn get(
        &self,
        at_once: &AtOnce,
        look: impl FnOnce(&rusqlite::Connection) -> Result<bool>,
    ) -> Result<bool> {
        // Before the look: a commit beside it makes the answer void, never stale.
        let commits = at_once.commits();
        let known = self.0.load(Ordering::Acquire);
        if known != UNKNOWN && known / 2 == commits {
            return Ok(known % 2 == 1);
        }
        let answer = at_once.read(look)?;
        self.0
            .store(commits * 2 + u64::from(answer), Ordering::Release);
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorCode};

    #[test]
    fn an_answer_is_looked_up_once_after_each_commit_and_not_given_after_the_end() {
        let at_once = AtOnce::new(rusqlite::Connection::open_in_memory().unwrap());
        let kept = UntilCommit::new();
        let mut looks = 0;
        let mut ask = |answer| {
            kept.get(&at_once, |_| {
                looks += 1;
                Ok(answer)
            })
        };
        assert!(ask(true).unwrap());
        assert!(ask(false).unwrap());
        at_once.committed();
        assert!(!ask(false).unwrap());
        assert!(!ask(true).unwrap());
        at_once.close(&Error::new(ErrorCode::Locked, "closed"));
        assert_eq!(ask(true).unwrap_err().code(), ErrorCode::Locked);
        assert_eq!(looks, 2);
    }

    #[test]
    fn a_commit_during_a_look_makes_its_answer_void() {
        let at_once = AtOnce::new(rusqlite::Connection::open_in_memory().unwrap());
        let kept = UntilCommit::new();
        let answer = kept.get(&at_once, |_| {
            at_once.committed();
            Ok(false)
        });
        assert!(!answer.unwrap());
        assert!(kept.get(&at_once, |_| Ok(true)).unwrap());
    }
}
