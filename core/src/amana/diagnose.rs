//! Diagnosis: what a support call needs to know of a vault, with a key or without.

use std::path::Path;

use super::{Amana, Open};
use crate::error::Result;
use crate::model::diagnosis::{Diagnosis, OpenDiagnosis};
use crate::{storage, vault};

/// Looks at a vault's directory without a key, a lock or the key store. Changes nothing, and works
/// while the vault is open, here or in another process. Blocks for a few reads of the disk.
///
/// No text in it is anything but a word of Amana's own, SQLite's or SQLCipher's: no name, no path.
#[must_use]
pub fn diagnose(directory: &Path, free_disk: Option<u64>) -> Diagnosis {
    let found = vault::describe(directory);
    Diagnosis {
        amana_version: env!("CARGO_PKG_VERSION"),
        keyring: found.keyring,
        slots: found.slots,
        unsynced: found.unsynced,
        database: storage::header_state(&vault::database_path(directory)),
        files: found.files,
        free_disk,
        quarantined: found.quarantined,
        damaged_copies: found.damaged_copies,
        open: None,
    }
}
