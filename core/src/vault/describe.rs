//! The vault's part of a diagnosis: keyring, status, files, vaults put aside. Needs no key and no lock,
//! asks no key store, changes nothing; and says nothing that names a person or a place.

use std::fs;
use std::path::Path;

use amana_keystore::SecurityLevel;

use super::directory::{KEYRING_COPIES, STATUS, damaged_directory};
use super::files;
use super::format;
use super::keyring::{self, Active, Copies, Keyring, KeyringCopy, Policy, Slot, SlotLock};
use super::quarantine::list_quarantined;
use super::status::Status;
use crate::model::diagnosis::{FileDiagnosis, KeyringCopyDiagnosis, KeyringState, SlotDiagnosis};

/// What a vault's files tell.
#[derive(Debug)]
pub struct Description {
    /// The two copies of the keyring.
    pub keyring: [KeyringCopyDiagnosis; 2],
    /// Slots of the newest readable copy.
    pub slots: Vec<SlotDiagnosis>,
    /// Records that had not been pushed: a hint.
    pub unsynced: Option<u64>,
    /// What is in the directory.
    pub files: Vec<FileDiagnosis>,
    /// What each vault that was put aside held unsynced.
    pub quarantined: Vec<Option<u64>>,
    /// Copies of damaged databases.
    pub damaged_copies: u32,
}

/// Looks at a vault's directory. What cannot be seen is missing from the answer.
pub fn describe(directory: &Path) -> Description {
    let copies = Copies::read(directory);
    let status = Status::read(directory);
    let active = copies.active();
    let slots = active.first().map_or(&[][..], |active| &active.slots);
    let damaged = fs::read_dir(damaged_directory(directory));
    Description {
        keyring: [0, 1].map(|index| copy(directory, index, &copies.copies[index])),
        slots: slots
            .iter()
            .map(|slot| describe_slot(slot, &status))
            .collect(),
        unsynced: status.unsynced,
        files: describe_files(directory),
        quarantined: list_quarantined(directory)
            .into_iter()
            .map(|vault| vault.unsynced)
            .collect(),
        damaged_copies: damaged.map_or(0, |entries| {
            u32::try_from(entries.count()).unwrap_or(u32::MAX)
        }),
    }
}

fn copy(directory: &Path, index: usize, copy: &KeyringCopy) -> KeyringCopyDiagnosis {
    let format = files::read_bounded(&keyring::path(directory, index), format::MAX_LENGTH)
        .ok()
        .flatten()
        .and_then(|bytes| format::version(&bytes));
    let (state, known) = match copy {
        KeyringCopy::Missing => (KeyringState::Missing, None),
        KeyringCopy::Unreadable => (KeyringState::Unreadable, None),
        KeyringCopy::TooNew => (KeyringState::TooNew, None),
        KeyringCopy::Provisional => (KeyringState::Provisional, None),
        KeyringCopy::Readable(keyring) => {
            let (state, policy, due) = match keyring {
                Keyring::Creating(bare) => (KeyringState::Creating, bare.policy, false),
                Keyring::Shredding(bare) => (KeyringState::Shredding, bare.policy, false),
                Keyring::Active(active) => {
                    (active_state(active), active.policy, active.rotation_due)
                }
            };
            (state, Some((keyring.generation(), policy, due)))
        }
    };
    KeyringCopyDiagnosis {
        state,
        format,
        generation: known.map(|(generation, ..)| generation),
        policy: known.map(|(_, policy, _)| match policy {
            Policy::Device => "device",
            Policy::Person => "person",
        }),
        rotation_due: known.is_some_and(|(.., due)| due),
    }
}

const fn active_state(active: &Active) -> KeyringState {
    match active.pending {
        Some(_) => KeyringState::PendingRekey,
        None => KeyringState::Active,
    }
}

fn describe_slot(slot: &Slot, status: &Status) -> SlotDiagnosis {
    let known = status.slot(&slot.id);
    SlotDiagnosis {
        kind: match &slot.lock {
            SlotLock::Device(_) => "device",
            SlotLock::Pin { .. } => "pin",
            SlotLock::Biometric(_) => "biometric",
            SlotLock::Recovery => "recovery",
        },
        level: slot.half().map(|half| match half.level {
            SecurityLevel::SecureElement => "secure_element",
            SecurityLevel::TrustedEnvironment => "trusted_environment",
            SecurityLevel::Software => "software",
            SecurityLevel::Unprotected => "unprotected",
        }),
        failures: known.attempts.failures,
        dropped: known.dropped,
    }
}

/// The names that a vault's directory can have; whatever else lies there is `other`, because its name
/// could be anybody's.
const NAMES: [&str; 16] = [
    KEYRING_COPIES[0],
    KEYRING_COPIES[1],
    STATUS,
    "lock",
    "database",
    "database-wal",
    "database-shm",
    "database-journal",
    "database.salvaging",
    "database.salvaging-wal",
    "database.salvaged",
    "attachments",
    "spool",
    "damaged",
    "keyring.a.new",
    "keyring.b.new",
];

fn describe_files(directory: &Path) -> Vec<FileDiagnosis> {
    let mut found: Vec<FileDiagnosis> = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let given = entry.file_name();
        let name = NAMES
            .into_iter()
            .find(|name| given == *name)
            .unwrap_or("other");
        let bytes = size(&entry.path(), DEPTH);
        match found.iter_mut().find(|file| file.name == name) {
            Some(file) => {
                file.count += 1;
                file.bytes = file.bytes.saturating_add(bytes);
            }
            None => found.push(FileDiagnosis {
                name,
                count: 1,
                bytes,
            }),
        }
    }
    found.sort_by_key(|file| file.name);
    found
}

/// How deep folders are followed; ours have at most two levels.
const DEPTH: u32 = 4;

fn size(path: &Path, depth: u32) -> u64 {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return 0;
    };
    if !metadata.is_dir() || depth == 0 {
        return if metadata.is_dir() { 0 } else { metadata.len() };
    }
    fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .fold(0, |sum, entry| {
            sum.saturating_add(size(&entry.path(), depth - 1))
        })
}
