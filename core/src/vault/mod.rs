//! The vault's keys: keyring file, key slots, the decision at opening, the directory's lock.
//!
//! Owns what stands between a device secret and the database key. Must not open the database, know
//! SQL, a network or a person's session; must never make a key where data may exist.

mod decide;
mod directory;
mod files;
mod hierarchy;
mod keyring;
mod keyring_format;
mod look;
mod open;
mod sealing;
#[cfg(test)]
mod tests;

pub use directory::{
    DirectoryLock, KEYRING_COPIES, VaultDirectory, attachments_directory, database_path,
    spool_directory,
};
pub use open::{Opened, VaultKeys, database_unreadable, finish_creation, open};
