//! What a refusal says beyond its code, as plain types. Decides nothing.

use crate::error::{Error, Result};

/// A refused opening: the error, and what needs more than a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// What crosses to apps.
    pub error: Error,
    /// Fetched by a call of its own.
    pub report: Option<RefusalReport>,
}

/// What a refusal says beyond its code.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RefusalReport {
    /// With `key_lost`.
    KeyLost(KeyLostReport),
    /// With `pin_delayed`: milliseconds until the next PIN may be tried.
    PinDelayed {
        /// The time left.
        left_ms: u64,
    },
    /// With `wrong_pin`.
    WrongPin(WrongPinReport),
    /// With `keyring_damaged`, `database_damaged` and `key_mismatch`.
    Damage(DamageReport),
    /// With `not_found`: an interrupted wipe was finished by this call.
    WipeFinished,
}

/// Why no slot opens, and what can still be done. Nothing was deleted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyLostReport {
    /// What the key store said.
    pub reason: KeyLostReason,
    /// Records that had not been pushed when the vault was last open: a hint, `None` if unknown.
    pub unsynced: Option<u64>,
    /// What can be done, the mildest first.
    pub remedies: Vec<Remedy>,
}

/// What is at stake where a vault is damaged, or its key is not the one it was sealed to. Nothing was
/// deleted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DamageReport {
    /// Records that had not been pushed when the vault was last open: a hint, `None` if unknown.
    pub unsynced: Option<u64>,
    /// What can be done, the mildest first.
    pub remedies: Vec<Remedy>,
}

/// Why a key is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyLostReason {
    /// The key store has no secret under the slot's alias.
    Absent,
    /// The system has invalidated the secret for good.
    Invalidated,
}

/// What can be done about a vault that does not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// Key stores say "absent" wrongly at times: a later opening may succeed.
    TryLater,
    /// The organisation holds a recovery key for this vault.
    Recovery,
    /// Copy the damaged database aside, and save what can be read of it.
    Salvage,
    /// Put the vault aside, keep it, and start afresh. What was not synced is lost with it.
    Quarantine,
}

/// How many wrong PINs there were, and what the next attempt costs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongPinReport {
    /// Wrong PINs since the last right one, this one included.
    pub failures: u32,
    /// Milliseconds until the next may be tried.
    pub delay_ms: u64,
    /// Whether this was one too many: the slot is gone.
    pub dropped: bool,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            error,
            report: None,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error
    }
}

/// The result of an opening.
pub type OpenResult<T> = Result<T, Refusal>;
