//! The keys of an open vault, and the one way in which its keyring is changed: checked against what
//! was opened, changed, authenticated, written to both copies.

use std::path::{Path, PathBuf};

use super::hierarchy::{self, Roots};
use super::io::VaultIo;
use super::keyring::{self, Active, Copies, Keyring, KeyringCopy, Policy};
use crate::error::{Error, ErrorCode, Result};
use crate::secret::DatabaseKey;

/// The keys that an open vault works with. Dropping them is what locks the vault's secrets away.
#[derive(Debug)]
pub struct VaultKeys {
    /// Names the vault; random, made with it.
    pub vault_id: [u8; 16],
    /// Opens the database; while a change of the root key is unfinished, the key it had before.
    pub database: DatabaseKey,
    /// The database's next key, while a change of the root key is unfinished.
    pub next_database: Option<DatabaseKey>,
    pub(super) roots: Roots,
    /// The keyring as it was proven or last written.
    pub(super) active: Active,
    /// What `finish_creation` writes; `None` for a vault that exists already.
    pub(super) creation: Option<PathBuf>,
}

impl VaultKeys {
    pub(super) fn derive(roots: Roots, active: Active) -> Result<Self> {
        let next_database = match &roots.next {
            Some(next) => Some(hierarchy::database_key(next, &active.vault_id)?),
            None => None,
        };
        Ok(Self {
            vault_id: active.vault_id,
            database: hierarchy::database_key(&roots.root, &active.vault_id)?,
            next_database,
            roots,
            active,
            creation: None,
        })
    }

    /// Who may open the vault.
    pub fn policy(&self) -> Policy {
        self.active.policy
    }

    /// Whether a slot was removed since the root key was made: the root key should be changed.
    pub fn is_rotation_due(&self) -> bool {
        self.active.rotation_due
    }
}

/// Changes the keyring of an open vault. What is on disk must be what was opened: nothing is ever
/// sealed to a slot that came from anywhere else.
pub(super) fn change(
    io: &VaultIo<'_>,
    keys: &mut VaultKeys,
    change: impl FnOnce(&mut Active) -> Result<()>,
) -> Result<()> {
    if keys.creation.is_some() {
        return Err(Error::new(ErrorCode::Busy, "the vault is still being made"));
    }
    let newest = check_unchanged(io.directory, keys)?;
    let mut next = keys.active.clone();
    change(&mut next)?;
    next.generation = newest
        .checked_add(1)
        .ok_or(Error::internal("the keyring cannot be changed any more"))?;
    hierarchy::authenticate(&mut next, &keys.roots)?;
    write(io.directory, keys, next)
}

/// Writes a keyring that was authenticated. Where the disk takes only one copy, the keys follow it:
/// the next opening would.
pub(super) fn write(directory: &Path, keys: &mut VaultKeys, next: Active) -> Result<()> {
    let next = Keyring::Active(next);
    let written = keyring::write_both(directory, &next);
    let is_there = written.is_ok() || Copies::read(directory).readable().any(|copy| *copy == next);
    if let (true, Keyring::Active(next)) = (is_there, next) {
        keys.active = next;
    }
    written
}

/// The newest generation on disk, once it is clear that the opened keyring is still the last one.
pub(super) fn check_unchanged(directory: &Path, keys: &VaultKeys) -> Result<u64> {
    let copies = Copies::read(directory);
    let mut newest = keys.active.generation;
    let mut is_there = false;
    for copy in &copies.copies {
        match copy {
            // Damaged or missing: written anew.
            KeyringCopy::Missing | KeyringCopy::Unreadable => {}
            KeyringCopy::Readable(Keyring::Active(active)) => {
                if *active == keys.active {
                    is_there = true;
                } else if active.generation >= keys.active.generation
                    && hierarchy::is_proven(active, &keys.roots)?
                {
                    return Err(moved_on());
                }
                newest = newest.max(active.generation);
            }
            KeyringCopy::TooNew
            | KeyringCopy::Provisional
            | KeyringCopy::Readable(Keyring::Creating(_) | Keyring::Shredding(_)) => {
                return Err(moved_on());
            }
        }
    }
    if copies.denied || !is_there {
        return Err(Error::new(
            ErrorCode::KeyTemporarilyUnavailable,
            "the keyring is not accessible now",
        ));
    }
    Ok(newest)
}

const fn moved_on() -> Error {
    Error::internal("the keyring is not the one that was opened")
}
