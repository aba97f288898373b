//! What a phone's system tells an app, and what follows for the vault: that its files will soon be out of
//! reach, and that the app is about to be stopped.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{Amana, Inner, refuse_listener};
use crate::error::{ErrorCode, Result};
use crate::vault;

/// Whether the system has said that the vault's files cannot be read now.
#[derive(Default)]
pub(super) struct ProtectedData {
    is_gone: AtomicBool,
}

impl Amana {
    /// The device is being locked, and with it the files and secrets of a vault of the strict class,
    /// which only an unlocked device may read. Locks the vault, as [`Amana::lock`] does: keys are
    /// dropped while that can still be done in order. From then on, whatever needs the vault's files is
    /// refused as `key_temporarily_unavailable`, untried, until [`Amana::protected_data_back`]: what a
    /// read tells meanwhile proves nothing. Also for a vault that is attached while the device is
    /// locked. Of a closed vault it is no error.
    ///
    /// # Errors
    /// `busy` from a sync's listener.
    pub fn protected_data_gone(&self) -> Result<()> {
        refuse_listener()?;
        // First: an opening that comes in between is refused, one that is under way is locked again.
        self.inner
            .protected_data
            .is_gone
            .store(true, Ordering::SeqCst);
        match self.lock() {
            Err(error) if error.code() == ErrorCode::Closed => Ok(()),
            result => result,
        }
    }

    /// The device was unlocked: the vault can be unlocked again. Opens nothing by itself.
    pub fn protected_data_back(&self) {
        self.inner
            .protected_data
            .is_gone
            .store(false, Ordering::SeqCst);
    }

    /// Whether the vault works on its files by itself, without a call that somebody waits for: a look at
    /// every page, the move of a long log into the file, notes and locks of the watching thread. Never
    /// waits, and is no use of the vault.
    pub fn is_working(&self) -> bool {
        self.inner.background.is_working()
    }

    /// The app will soon be stopped: ends what can go on later, notes how many records are unsynced, and
    /// returns once nothing of [`Amana::is_working`] is under way. Until [`Amana::wake`] only what belongs
    /// to calls begins. Calls, running ones too, are the caller's to wait for. Blocks: for a fraction of
    /// a second, or the time in which a log of a large pull is moved.
    ///
    /// # Errors
    /// `busy` from a sync's listener, with nothing changed: what is under way may be a lock, which waits
    /// for that sync.
    pub fn rest(&self) -> Result<()> {
        refuse_listener()?;
        self.inner.background.set_resting(true);
        let state = self.inner.life.now();
        let open = state.ok().and_then(|state| state.open().cloned());
        if let Some(open) = open {
            open.held.integrity.stop();
        }
        self.inner.note_what_is_unsynced();
        self.inner.background.wait();
        Ok(())
    }

    /// The app goes on. What was put off is due now: a note of what is unsynced, the idle lock.
    pub fn wake(&self) {
        self.inner.background.set_resting(false);
        self.inner.watch.news().wake();
    }
}

impl Inner {
    /// Refuses what needs the vault's files while they are out of reach.
    pub(super) fn reachable(&self) -> Result<()> {
        if self.protected_data.is_gone.load(Ordering::SeqCst) {
            return Err(vault::out_of_reach());
        }
        Ok(())
    }
}
