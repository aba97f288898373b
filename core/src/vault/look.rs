//! The look at the files before the decision. Writes nothing; what it may not see it takes to be
//! there.

use std::path::Path;

use super::decide::{CopyState, DatabaseState, KeyState, Observation};
use super::directory::attachments_directory;
use super::files;
use super::keyring::{Copies, Keyring, KeyringCopy};

/// What SQLite puts beside a database.
pub(super) const JOURNALS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What a salvage puts beside a database.
pub(super) const SALVAGE: [&str; 5] = [
    ".salvaging",
    ".salvaging-wal",
    ".salvaging-shm",
    ".salvaging-journal",
    ".salvaged",
];

/// What a look at the files found.
pub(super) struct Found {
    pub copies: Copies,
    observation: Observation,
}

impl Found {
    /// The observation, with what the key store has answered so far.
    pub const fn with_key(&self, key: KeyState) -> Observation {
        Observation {
            key,
            ..self.observation
        }
    }
}

/// Looks at everything that the decision needs.
pub(super) fn look(directory: &Path, database_file: &Path) -> Found {
    let copies = Copies::read(directory);
    let database = database_state(database_file);
    let other_data = other_data(directory, database_file);
    let denied = copies.denied || database.is_err() || other_data.is_err();
    let observation = Observation {
        protected_data: if denied { None } else { Some(true) },
        copies: copies.copies.each_ref().map(copy_state),
        database: database.unwrap_or(DatabaseState::Present),
        other_data: other_data.unwrap_or(true),
        key: KeyState::NotAsked,
    };
    Found {
        copies,
        observation,
    }
}

fn other_data(directory: &Path, database_file: &Path) -> Result<bool, NotSeen> {
    for suffix in JOURNALS {
        if files::exists(&files::with_suffix(database_file, suffix)).map_err(|_| NotSeen)? {
            return Ok(true);
        }
    }
    files::is_empty_directory(&attachments_directory(directory))
        .map(|is_empty| !is_empty)
        .map_err(|_| NotSeen)
}

/// The operating system did not let us look.
#[derive(PartialEq, Eq)]
pub(super) struct NotSeen;

/// The state of the database file, as far as the file system shows it.
pub(super) fn database_state(file: &Path) -> Result<DatabaseState, NotSeen> {
    match files::length(file) {
        Ok(Some(0)) => Ok(DatabaseState::Empty),
        Ok(Some(_)) => Ok(DatabaseState::Present),
        Ok(None) => Ok(DatabaseState::Missing),
        Err(_) => Err(NotSeen),
    }
}

const fn copy_state(copy: &KeyringCopy) -> CopyState {
    match copy {
        KeyringCopy::Missing => CopyState::Missing,
        KeyringCopy::Unreadable => CopyState::Unreadable,
        KeyringCopy::TooNew => CopyState::TooNew,
        KeyringCopy::Provisional => CopyState::Provisional,
        KeyringCopy::Readable(Keyring::Shredding(_)) => CopyState::Shredding,
        KeyringCopy::Readable(Keyring::Creating(_)) => CopyState::Creating,
        KeyringCopy::Readable(Keyring::Active(active)) if active.pending.is_some() => {
            CopyState::PendingRekey
        }
        KeyringCopy::Readable(Keyring::Active(_)) => CopyState::Active,
    }
}
