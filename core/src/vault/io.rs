//! What the vault works on and with: its directory, the key store, and the ports. Owns the patience
//! with a key store that cannot answer now.

use std::path::Path;
use std::time::Duration;

use super::decide::{KeyState, Plan, after_answer};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::ports::{Clock, Entropy, KeyStore, KeyStoreError, Timer};

/// A vault's place and surroundings. The caller holds the directory's lock.
#[derive(Clone, Copy)]
pub struct VaultIo<'a> {
    /// The vault's directory.
    pub directory: &'a Path,
    /// The database in it.
    pub database_file: &'a Path,
    /// Where device secrets are.
    pub key_store: &'a dyn KeyStore,
    /// For delays and calibration.
    pub clock: &'a dyn Clock,
    /// For everything that is made.
    pub entropy: &'a dyn Entropy,
    /// For waiting between two questions.
    pub timer: &'a dyn Timer,
    /// Ends the waiting.
    pub cancel: &'a CancelToken,
}

impl VaultIo<'_> {
    /// Calls the key store until it answers or the table says to give up.
    pub(super) fn patiently<T>(
        &self,
        mut call: impl FnMut() -> Result<T, KeyStoreError>,
    ) -> Result<T> {
        let mut patience = Patience::default();
        loop {
            self.cancel.check()?;
            let state = match call() {
                Ok(answer) => return Ok(answer),
                Err(error) => patience.note(error, false),
            };
            match after_answer(state).map(|decision| decision.plan) {
                Some(Plan::AskAgainAfter(pause)) => patience.wait(pause, self)?,
                Some(Plan::Refuse(error)) => return Err(error),
                Some(Plan::Lost(_) | Plan::DropSlot(_)) => return Err(forgetful()),
                _ => return Err(not_planned()),
            }
        }
    }
}

/// What has been asked of the key store so far.
#[derive(Default)]
pub(super) struct Patience {
    waited: Duration,
    looks: u32,
}

impl Patience {
    /// What a refusal of the key store amounts to, after all that went before.
    pub fn note(&mut self, error: KeyStoreError, others: bool) -> KeyState {
        match error {
            KeyStoreError::Absent => {
                self.looks += 1;
                KeyState::Absent {
                    looks: self.looks,
                    others,
                }
            }
            // Failing hardware proves nothing about the secret: a later attempt may succeed.
            KeyStoreError::Transient | KeyStoreError::HardwareFailure => KeyState::Transient {
                waited: self.waited,
            },
            KeyStoreError::Denied => KeyState::Denied,
            KeyStoreError::Invalidated => KeyState::Invalidated { others },
        }
    }

    /// Waits as planned.
    pub fn wait(&mut self, pause: Duration, io: &VaultIo<'_>) -> Result<()> {
        io.timer.wait(pause, io.cancel)?;
        self.waited += pause;
        Ok(())
    }
}

/// Where a secret was only just made, no key can be lost by its absence: a store that forgets it
/// cannot be used now.
const fn forgetful() -> Error {
    Error::new(
        ErrorCode::KeyTemporarilyUnavailable,
        "the key store does not keep a new secret",
    )
}

pub(super) const fn not_planned() -> Error {
    Error::internal("the vault took a step that was not planned")
}
