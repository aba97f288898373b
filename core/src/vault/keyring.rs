//! The keyring in memory, and its two copies on disk. Owns which copy is read and which is written
//! first; the bytes are `keyring_format`'s, the keys `hierarchy`'s.

use std::cmp::Reverse;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use amana_keystore::Alias;

use super::directory::KEYRING_COPIES;
use super::files;
use super::keyring_format::{self, MAX_LENGTH};
use super::sealing::{PRIVATE_LENGTH, ROOT_LENGTH};
use crate::error::{ErrorCode, Result};

/// 16 random bytes that name a vault.
pub(super) type VaultId = [u8; 16];

/// A keyring, by its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Keyring {
    Creating(Creating),
    Active(Active),
}

/// The vault is being made: no data can exist yet. Names the aliases to delete if it is given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Creating {
    pub vault_id: VaultId,
    pub generation: u64,
    pub aliases: Vec<Alias>,
}

/// The vault exists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Active {
    pub vault_id: VaultId,
    pub generation: u64,
    pub policy: Policy,
    pub slots: Vec<Slot>,
    /// Tells a wrong root key from a damaged file.
    pub key_check: [u8; 16],
    /// Under a root-derived key, over everything before it.
    pub mac: [u8; 32],
}

/// Who may open the vault. Chosen when it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Policy {
    /// Opens without a person.
    Device,
}

/// One way to the root key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    pub parameters: SlotParameters,
    pub sealed_private: [u8; PRIVATE_LENGTH],
    pub sealed_root: [u8; ROOT_LENGTH],
}

/// What never changes about a slot; authenticated by each of its sealed parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SlotParameters {
    pub id: [u8; 16],
    pub kind: SlotKind,
    pub alias: Alias,
    pub salt: [u8; 32],
    pub public: [u8; 32],
}

/// What a slot asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SlotKind {
    /// The device secret alone.
    Device,
}

/// What one copy turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum KeyringCopy {
    Missing,
    Unreadable,
    TooNew,
    Readable(Keyring),
}

/// Both copies, as read at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Copies {
    pub copies: [KeyringCopy; 2],
    /// Whether the operating system denied a look: then no other look is trusted either.
    pub denied: bool,
}

impl Copies {
    /// Reads both copies.
    pub fn read(directory: &Path) -> Self {
        let mut denied = false;
        let copies =
            [0, 1].map(
                |index| match files::read_bounded(&path(directory, index), MAX_LENGTH) {
                    Ok(None) => KeyringCopy::Missing,
                    Ok(Some(bytes)) => match keyring_format::decode(&bytes) {
                        Ok(keyring) => KeyringCopy::Readable(keyring),
                        Err(error) if error.code() == ErrorCode::KeyringTooNew => {
                            KeyringCopy::TooNew
                        }
                        Err(_) => KeyringCopy::Unreadable,
                    },
                    Err(error) => {
                        denied |= error.kind() == ErrorKind::PermissionDenied;
                        KeyringCopy::Unreadable
                    }
                },
            );
        Self { copies, denied }
    }

    /// The active keyrings, newest first, each once.
    pub fn active(&self) -> Vec<&Active> {
        let mut active: Vec<&Active> = self
            .copies
            .iter()
            .filter_map(|copy| match copy {
                KeyringCopy::Readable(Keyring::Active(active)) => Some(active),
                _ => None,
            })
            .collect();
        active.sort_by_key(|active| Reverse(active.generation));
        active.dedup();
        active
    }

    /// Every alias that a keyring in creation names.
    pub fn creating_aliases(&self) -> impl Iterator<Item = &Alias> {
        self.copies
            .iter()
            .filter_map(|copy| match copy {
                KeyringCopy::Readable(Keyring::Creating(creating)) => Some(&creating.aliases),
                _ => None,
            })
            .flatten()
    }
}

/// Writes one copy whole.
pub(super) fn write(directory: &Path, index: usize, keyring: &Keyring) -> Result<()> {
    let bytes = keyring_format::encode(keyring);
    files::replace(&path(directory, index), &bytes).map_err(files::storage_error)
}

/// Removes both copies and what an interrupted write left of them.
pub(super) fn remove(directory: &Path) -> Result<()> {
    for index in [0, 1] {
        let path = path(directory, index);
        files::remove(&files::temporary(&path)).map_err(files::storage_error)?;
        files::remove(&path).map_err(files::storage_error)?;
        files::sync_parent(&path).map_err(files::storage_error)?;
    }
    Ok(())
}

/// Where a copy is.
pub(super) fn path(directory: &Path, index: usize) -> PathBuf {
    directory.join(KEYRING_COPIES[index])
}
