//! The keyring in memory, and its two copies on disk. Owns which copy is read and which is written
//! first; the bytes are `format`'s, the keys `hierarchy`'s.

use std::cmp::Reverse;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use amana_keystore::{Alias, SecurityLevel};

use super::directory::KEYRING_COPIES;
use super::files;
use super::format::{self, MAX_LENGTH, Unread};
use super::pin::{PersonId, PinKdf};
use super::sealing::{PRIVATE_LENGTH, ROOT_LENGTH};
use crate::error::Result;

/// 16 random bytes that name a vault.
pub(super) type VaultId = [u8; 16];
/// 16 random bytes that name a slot.
pub(super) type SlotId = [u8; 16];

/// A keyring, by its state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Keyring {
    /// The vault is being made: no data can exist yet.
    Creating(Bare),
    /// The vault exists.
    Active(Active),
    /// The vault is being wiped: nothing opens it again.
    Shredding(Bare),
}

/// A keyring without keys: it only names the aliases that must go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bare {
    pub vault_id: VaultId,
    pub generation: u64,
    pub policy: Policy,
    pub aliases: Vec<Alias>,
}

/// State `Active`, or `PendingRekey` where `pending` is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Active {
    pub vault_id: VaultId,
    pub generation: u64,
    pub policy: Policy,
    /// A slot was removed since the root key was made.
    pub rotation_due: bool,
    /// Aliases of no slot, to be deleted after the next opening: made for a slot that was never
    /// finished, or left by one that was removed.
    pub loose: Vec<Alias>,
    pub slots: Vec<Slot>,
    /// Tells a wrong root key from a damaged file.
    pub key_check: [u8; 16],
    /// Under a root-derived key, over everything before the MACs.
    pub mac: [u8; 32],
    pub pending: Option<Pending>,
}

/// The next root key, while the database may be under the old one or the new.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pending {
    pub key_check: [u8; 16],
    /// Under the next root key, over the same bytes.
    pub mac: [u8; 32],
    /// The next root key, sealed to each slot, in their order.
    pub sealed_roots: Vec<[u8; ROOT_LENGTH]>,
}

/// Who may open a vault. Chosen when it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Opens without a person, so that work in the background is possible.
    Device,
    /// Opens with a PIN or presence alone: there is no slot that needs nobody.
    Person,
}

/// One way to the root key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Slot {
    pub id: SlotId,
    pub public: [u8; 32],
    pub lock: SlotLock,
    pub sealed_root: [u8; ROOT_LENGTH],
}

/// What a slot asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum SlotLock {
    /// The device secret alone.
    Device(DeviceHalf),
    /// The device secret, asked with what a PIN was stretched to.
    Pin {
        half: DeviceHalf,
        person: PersonId,
        kdf: PinKdf,
    },
    /// A device secret that the system gives after it has recognised the person.
    Biometric(DeviceHalf),
    /// The organisation, which alone has the private half.
    Recovery,
}

/// A private half on this device, sealed under the slot key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DeviceHalf {
    pub level: SecurityLevel,
    pub alias: Alias,
    pub salt: [u8; 32],
    pub sealed_private: [u8; PRIVATE_LENGTH],
}

impl Slot {
    /// The half that is sealed on this device; none for the organisation's slot.
    pub const fn half(&self) -> Option<&DeviceHalf> {
        match &self.lock {
            SlotLock::Device(half) | SlotLock::Biometric(half) | SlotLock::Pin { half, .. } => {
                Some(half)
            }
            SlotLock::Recovery => None,
        }
    }
}

impl Active {
    /// Every alias that this keyring names: of its slots, and loose.
    pub fn aliases(&self) -> impl Iterator<Item = &Alias> {
        let slots = self.slots.iter().filter_map(Slot::half);
        slots.map(|half| &half.alias).chain(&self.loose)
    }
}

impl Keyring {
    /// Every alias that this keyring names.
    pub fn aliases(&self) -> Vec<Alias> {
        match self {
            Self::Creating(bare) | Self::Shredding(bare) => bare.aliases.clone(),
            Self::Active(active) => active.aliases().cloned().collect(),
        }
    }

    /// Grows with every write of the keyring.
    pub const fn generation(&self) -> u64 {
        match self {
            Self::Creating(bare) | Self::Shredding(bare) => bare.generation,
            Self::Active(active) => active.generation,
        }
    }
}

/// What one copy turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum KeyringCopy {
    Missing,
    Unreadable,
    TooNew,
    /// Of format 0, which no version promised to open.
    Provisional,
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
                    Ok(Some(bytes)) => match format::decode(&bytes) {
                        Ok(keyring) => KeyringCopy::Readable(keyring),
                        Err(Unread::TooNew) => KeyringCopy::TooNew,
                        Err(Unread::Provisional) => KeyringCopy::Provisional,
                        Err(Unread::Damaged) => KeyringCopy::Unreadable,
                    },
                    Err(error) => {
                        denied |= error.kind() == ErrorKind::PermissionDenied;
                        KeyringCopy::Unreadable
                    }
                },
            );
        Self { copies, denied }
    }

    /// What can be read.
    pub fn readable(&self) -> impl Iterator<Item = &Keyring> {
        self.copies.iter().filter_map(|copy| match copy {
            KeyringCopy::Readable(keyring) => Some(keyring),
            _ => None,
        })
    }

    /// The active keyrings, newest first, each once.
    pub fn active(&self) -> Vec<&Active> {
        let mut active: Vec<&Active> = self
            .readable()
            .filter_map(|keyring| match keyring {
                Keyring::Active(active) => Some(active),
                _ => None,
            })
            .collect();
        active.sort_by_key(|active| Reverse(active.generation));
        active.dedup();
        active
    }

    /// Every alias that a copy names, each once.
    pub fn aliases(&self) -> Vec<Alias> {
        let mut all: Vec<Alias> = Vec::new();
        for alias in self.readable().flat_map(Keyring::aliases) {
            if !all.contains(&alias) {
                all.push(alias);
            }
        }
        all
    }
}

/// Writes one copy whole.
pub(super) fn write(directory: &Path, index: usize, keyring: &Keyring) -> Result<()> {
    let bytes = format::encode(keyring)?;
    files::replace(&path(directory, index), &bytes).map_err(files::storage_error)
}

/// Writes both copies: B first, so that a kill in between leaves the newer one there.
pub(super) fn write_both(directory: &Path, keyring: &Keyring) -> Result<()> {
    write(directory, 1, keyring)?;
    write(directory, 0, keyring)
}

/// Removes both copies and what an interrupted write left of them.
pub(super) fn remove(directory: &Path) -> Result<()> {
    remove_copy(directory, 0)?;
    remove_copy(directory, 1)
}

/// Removes one copy and what an interrupted write left of it.
pub(super) fn remove_copy(directory: &Path, index: usize) -> Result<()> {
    let path = path(directory, index);
    files::remove(&files::temporary(&path)).map_err(files::storage_error)?;
    files::remove(&path).map_err(files::storage_error)?;
    files::sync_parent(&path).map_err(files::storage_error)
}

/// Where a copy is.
pub(super) fn path(directory: &Path, index: usize) -> PathBuf {
    directory.join(KEYRING_COPIES[index])
}
