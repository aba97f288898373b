//! Work on a vault's files that no call waits for: the look at every page, the move of a long log into the
//! file, the notes of the watching thread, the runs of live queries. An app that the system is about to
//! stop has to know of it, and to wait for its end. Owns the count; decides nothing.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What is under way, of one vault.
#[derive(Default)]
pub struct Background {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    running: u32,
    is_resting: bool,
}

/// One piece of work, until it is dropped.
#[must_use = "the work ends when this is dropped"]
pub(crate) struct Working(Arc<Background>);

impl Background {
    /// Begins what is short, or has to be done.
    pub(crate) fn begin(self: &Arc<Self>) -> Working {
        self.state().running += 1;
        Working(Arc::clone(self))
    }

    /// Begins what can as well be done later: none while the vault rests.
    pub(crate) fn begin_if_awake(self: &Arc<Self>) -> Option<Working> {
        let mut state = self.state();
        if state.is_resting {
            return None;
        }
        state.running += 1;
        Some(Working(Arc::clone(self)))
    }

    pub(crate) fn is_working(&self) -> bool {
        self.state().running > 0
    }

    pub(crate) fn set_resting(&self, is_resting: bool) {
        self.state().is_resting = is_resting;
    }

    /// Blocks until nothing is under way.
    pub(crate) fn wait(&self) {
        let ended = self
            .ended
            .wait_while(self.state(), |state| state.running > 0);
        drop(ended.unwrap_or_else(PoisonError::into_inner));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.running -= 1;
        if state.running == 0 {
            self.0.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_waits_for_all_and_what_can_wait_does_not_begin_meanwhile() {
        let background = Arc::new(Background::default());
        let (one, two) = (background.begin(), background.begin_if_awake().unwrap());
        background.set_resting(true);
        assert!(background.begin_if_awake().is_none());
        let waiting = Arc::clone(&background);
        let waiter = std::thread::spawn(move || waiting.wait());
        drop(one);
        assert!(background.is_working() && !waiter.is_finished());
        drop(two);
        waiter.join().unwrap();
        assert!(!background.is_working());
        background.set_resting(false);
        assert!(background.begin_if_awake().is_some());
    }
}
