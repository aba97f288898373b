//! A gate in a reply's body or in a push: it stops at a point until the test says go.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Waiting,
    Reached,
    /// The reply was over before the point was reached.
    Missed,
}

#[derive(Debug)]
struct Shared {
    phase: Mutex<Phase>,
    changed: Condvar,
    released: watch::Sender<bool>,
}

impl Shared {
    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn advance(&self, phase: Phase) {
        let mut current = self.phase();
        if *current == Phase::Waiting {
            *current = phase;
            self.changed.notify_all();
        }
    }
}

/// The test's end of a gate. Dropping it releases it, so that no reply hangs for ever.
#[derive(Debug)]
pub struct Gate {
    shared: Arc<Shared>,
}

impl Gate {
    /// Waits until the bytes before the gate have been handed to the connection, or the row
    /// before it was stored. False if that did not happen in time, or the reply was shorter.
    pub fn wait_reached(&self, most: Duration) -> bool {
        let waited = self
            .shared
            .changed
            .wait_timeout_while(self.shared.phase(), most, |phase| *phase == Phase::Waiting);
        let (phase, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *phase == Phase::Reached
    }

    /// Whether what [`wait_reached`](Self::wait_reached) waits for has happened.
    pub fn is_reached(&self) -> bool {
        *self.shared.phase() == Phase::Reached
    }

    /// Lets the rest of the body go.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.release();
    }
}

/// The reply's end of a gate.
#[derive(Debug)]
pub(crate) struct Held {
    pub(super) after_bytes: u64,
    shared: Arc<Shared>,
}

impl Held {
    /// Reports that the point is reached and waits for the release.
    pub(crate) async fn wait(&self) {
        self.shared.advance(Phase::Reached);
        let mut released = self.shared.released.subscribe();
        // Fails only if the sender is gone, and then nobody could release it any more.
        let _ = released.wait_for(|released| *released).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.advance(Phase::Missed);
    }
}

/// Both ends of a gate after `after_bytes`.
pub(crate) fn pair(after_bytes: u64) -> (Gate, Held) {
    let shared = Arc::new(Shared {
        phase: Mutex::new(Phase::Waiting),
        changed: Condvar::new(),
        released: watch::Sender::new(false),
    });
    let held = Held {
        after_bytes,
        shared: Arc::clone(&shared),
    };
    (Gate { shared }, held)
}
