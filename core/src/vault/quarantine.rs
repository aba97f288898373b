//! Puts a vault that does not open aside, whole, so that a fresh one can start in its place. Deletes
//! nothing: the key may come back, and an expert may salvage.

use std::path::{Path, PathBuf};

use super::directory::VaultDirectory;
use super::files;
use super::keyring::{Copies, Keyring, KeyringCopy};
use super::status::Status;
use crate::error::{Error, ErrorCode, Result};

/// What the person was told and agreed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LossAcknowledged {
    /// The number of unsynced records that was shown to them: what the report said.
    pub unsynced: Option<u64>,
}

/// A vault that was put aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quarantined {
    /// Where it is now.
    pub path: PathBuf,
    /// Records in it that had not been pushed: a hint, `None` if unknown.
    pub unsynced: Option<u64>,
}

/// Renames the vault's directory; the caller lets go of it then. The next opening of the old place is
/// a first run: that is the loss which is acknowledged here. `invalid_input` where another number of
/// unsynced records was shown than the vault holds; after an error the vault is where it was.
pub fn quarantine(vault: &VaultDirectory, agreed: LossAcknowledged) -> Result<Quarantined> {
    let unsynced = Status::read(vault.path()).unsynced;
    if agreed.unsynced != unsynced {
        return Err(Error::invalid(
            "the loss that was acknowledged is not the vault's",
        ));
    }
    let copies = Copies::read(vault.path());
    let is_wiping =
        |copy: &KeyringCopy| matches!(copy, KeyringCopy::Readable(Keyring::Shredding(_)));
    if copies.copies.iter().any(is_wiping) {
        return Err(Error::new(
            ErrorCode::NotFound,
            "the vault is being wiped: there is nothing to keep",
        ));
    }
    let path = free_place(vault.path())?;
    files::rename(vault.path(), &path).map_err(files::storage_error)?;
    files::sync_parent(&path).map_err(files::storage_error)?;
    Ok(Quarantined { path, unsynced })
}

/// The vaults that were put aside beside this one, the oldest first.
pub fn list_quarantined(directory: &Path) -> Vec<Quarantined> {
    (1..=MAX)
        .map(|number| place(directory, number))
        .take_while(|path| path.is_dir())
        .map(|path| Quarantined {
            unsynced: Status::read(&path).unsynced,
            path,
        })
        .collect()
}

const MAX: u32 = 1000;

fn place(directory: &Path, number: u32) -> PathBuf {
    files::with_suffix(directory, &format!(".quarantine.{number}"))
}

fn free_place(directory: &Path) -> Result<PathBuf> {
    (1..=MAX)
        .map(|number| place(directory, number))
        .find(|path| matches!(files::exists(path), Ok(false)))
        .ok_or(Error::internal("there is no place for another vault aside"))
}
