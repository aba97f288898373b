//! Whether a vault is locked, open or gone for good, and who may change that: one call at a time.
//!
//! The mutex is held for moments only, never while the key store, the disk or a sync is waited for: a
//! listener may ask for the state while another thread locks.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::opened::Open;
use super::refuse_listener;
use crate::error::{Error, ErrorCode, Result};
use crate::model::notice::{Notice, VaultState};
use crate::observers::Observers;

pub(super) enum State {
    Locked,
    /// One call is changing the state; others that want to wait for it.
    Changing(Doing),
    Unlocked(Arc<Open>),
    Closed,
}

/// What a change of the state is for: what calls hear that do not wait for its end.
pub(super) enum Doing {
    Opening,
    /// A key is proven to a vault that is open: who uses it goes on.
    Proving(Arc<Open>),
    Closing,
    Rotating,
    /// A wipe, or a quarantine.
    Removing,
}

impl Doing {
    pub(super) const fn refusal(&self) -> Error {
        match self {
            Self::Opening | Self::Closing | Self::Proving(_) => locked(),
            Self::Rotating => rotating(),
            Self::Removing => Error::new(ErrorCode::Locked, "the vault is being taken away"),
        }
    }
}

impl State {
    /// What can be used, unless its time is up.
    pub(super) const fn open(&self) -> Option<&Arc<Open>> {
        match self {
            Self::Unlocked(open) | Self::Changing(Doing::Proving(open)) => Some(open),
            Self::Locked | Self::Changing(_) | Self::Closed => None,
        }
    }
}

/// The state, and a bell for its changes.
pub(super) struct Life {
    state: Mutex<State>,
    changed: Condvar,
    /// What listeners know.
    told: Mutex<VaultState>,
    observers: Arc<Observers>,
}

impl Life {
    pub(super) const fn locked(observers: Arc<Observers>) -> Self {
        Self {
            state: Mutex::new(State::Locked),
            changed: Condvar::new(),
            told: Mutex::new(VaultState::Locked),
            observers,
        }
    }

    /// Tells listeners, unless they know; who reads by itself hears in any case that it can go on.
    pub(super) fn tell(&self, state: VaultState) {
        // Queued under the lock, so that the order is that of the changes; nobody is called here.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != state {
            *told = state;
            self.observers.publish(Notice::State(state));
        } else {
            self.observers.ring(&Notice::State(state));
        }
    }

    pub(super) fn now(&self) -> Result<MutexGuard<'_, State>> {
        self.state.lock().map_err(|_| broken())
    }

    /// Begins a change once nobody else makes one. `decide` sees the settled state and gives what
    /// the change works on, or refuses and nothing is changed.
    pub(super) fn begin<T>(
        &self,
        doing: Doing,
        decide: impl FnOnce(&State) -> Result<T>,
    ) -> Result<(Change<'_>, T)> {
        let mut state = self
            .changed
            .wait_while(self.now()?, |state| matches!(state, State::Changing(_)))
            .map_err(|_| broken())?;
        let work_on = decide(&state)?;
        let doing = match (&*state, doing) {
            (State::Unlocked(open), Doing::Opening) => Doing::Proving(Arc::clone(open)),
            (_, doing) => doing,
        };
        *state = State::Changing(doing);
        drop(state);
        let next = State::Locked;
        Ok((Change { life: self, next }, work_on))
    }

    /// Whether the vault is gone for good. Waits for a call that locks or closes it.
    pub(super) fn is_closed(&self) -> Result<bool> {
        let mut state = self.now()?;
        if matches!(*state, State::Changing(Doing::Closing | Doing::Removing)) {
            refuse_listener()?;
            let is_going = |state: &mut State| {
                matches!(*state, State::Changing(Doing::Closing | Doing::Removing))
            };
            state = self
                .changed
                .wait_while(state, is_going)
                .map_err(|_| broken())?;
        }
        Ok(matches!(*state, State::Closed))
    }

    /// The vault's last moment: nobody else has a handle.
    pub(super) fn last_open(&mut self) -> Option<Arc<Open>> {
        match self.state.get_mut() {
            Ok(State::Unlocked(open)) => Some(Arc::clone(open)),
            _ => None,
        }
    }
}

/// A change under way; ends in `Locked` unless it is told otherwise, also by a panic.
pub(super) struct Change<'a> {
    life: &'a Life,
    next: State,
}

impl Change<'_> {
    pub(super) fn end(mut self, next: State) {
        self.next = next;
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let next = std::mem::replace(&mut self.next, State::Locked);
        let seen = match &next {
            State::Locked | State::Changing(_) => VaultState::Locked,
            State::Unlocked(_) => VaultState::Unlocked,
            State::Closed => VaultState::Closed,
        };
        if let Ok(mut state) = self.life.now() {
            *state = next;
            self.life.tell(seen);
        }
        self.life.changed.notify_all();
    }
}

const fn broken() -> Error {
    Error::internal("the vault's state was left half changed")
}

pub(super) const fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the vault is closed")
}

pub(super) const fn locked() -> Error {
    Error::new(ErrorCode::Locked, "the vault is locked")
}

pub(super) const fn rotating() -> Error {
    Error::new(ErrorCode::Busy, "the vault's root key is being changed")
}
