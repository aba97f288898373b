//! The copy of a slot's wrong PINs beside its device secret, where the platform has a place for it: a
//! status file that was removed or copied back forgives nothing. Owns the copy's bytes (a status of
//! this slot alone) and what it means that it cannot be read.
//!
//! A store that cannot answer now is asked again, then the try is refused: the device secret lies in
//! the same store. Any other trouble may last, and must not keep a person out for ever: the file
//! alone counts then, but no wrong PIN is free, so that breaking the copy gains nothing. The copy is
//! read and written for PINs alone.

use amana_keystore::Alias;

use super::attempts::Attempts;
use super::io::VaultIo;
use super::keyring::{Slot, SlotId};
use super::status::{self, SlotStatus, Status};
use crate::error::Result;
use crate::ports::{BootTime, KeyStoreError};

/// What the copy says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Copied {
    /// There is no such place, or nothing in it.
    Nothing,
    Known(Attempts),
    /// It was read, and says nothing that makes sense: it is written anew.
    Damaged,
    /// It cannot be read. It is left as it is, for it may say more than the file.
    Unreadable,
}

impl Copied {
    /// What is held against the slot, by the file and the copy.
    pub fn with(self, file: Attempts, now: BootTime) -> Attempts {
        match self {
            Self::Known(copied) => file.larger(copied, now),
            Self::Nothing | Self::Damaged | Self::Unreadable => file,
        }
    }
}

/// Reads the copy. An error where the store cannot answer now.
pub(super) fn read(io: &VaultIo<'_>, slot: &Slot) -> Result<Copied> {
    let (Some(store), Some(half)) = (io.key_store.attempt_copy(), slot.half()) else {
        return Ok(Copied::Nothing);
    };
    io.patiently(|| match store.read(&half.alias) {
        Ok(None) => Ok(Copied::Nothing),
        Ok(Some(bytes)) => Ok(decode(&bytes, &slot.id).map_or(Copied::Damaged, Copied::Known)),
        Err(KeyStoreError::Transient) => Err(KeyStoreError::Transient),
        Err(_) => Ok(Copied::Unreadable),
    })
}

/// Writes the copy; false where it cannot be written. An error where the store cannot answer now.
pub(super) fn write(
    io: &VaultIo<'_>,
    alias: &Alias,
    id: SlotId,
    attempts: Attempts,
) -> Result<bool> {
    let Some(store) = io.key_store.attempt_copy() else {
        return Ok(true);
    };
    if attempts == Attempts::default() {
        clear(io, alias);
        return Ok(true);
    }
    let bytes = encode(id, attempts);
    // What cannot be replaced can perhaps be removed.
    let write = || match store.write(alias, &bytes) {
        Err(error) if error != KeyStoreError::Transient => store
            .remove(alias)
            .and_then(|()| store.write(alias, &bytes)),
        other => other,
    };
    io.patiently(|| match write() {
        Ok(()) => Ok(true),
        Err(KeyStoreError::Transient) => Err(KeyStoreError::Transient),
        Err(_) => Ok(false),
    })
}

/// Removes the copy. What stays after an error can only be too strict; an alias is never used again.
pub(super) fn clear(io: &VaultIo<'_>, alias: &Alias) {
    if let Some(store) = io.key_store.attempt_copy() {
        let _ = store.remove(alias);
    }
}

fn encode(id: SlotId, attempts: Attempts) -> Vec<u8> {
    let slot = SlotStatus {
        id,
        attempts,
        dropped: false,
    };
    let status = Status {
        unsynced: None,
        slots: vec![slot],
    };
    status.encode()
}

fn decode(bytes: &[u8], id: &SlotId) -> Option<Attempts> {
    match status::decode(bytes)?.slots[..] {
        [slot] if slot.id == *id => Some(slot.attempts),
        _ => None,
    }
}
