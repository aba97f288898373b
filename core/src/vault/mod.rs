//! The vault's keys: keyring file, key slots, the decision at opening, the directory's lock.
//!
//! Owns what stands between a device secret and the database key. Must not open the database, know
//! SQL, a network or a person's session; must never make a key where data may exist.

// What the format already has and the opening does not use yet.
#![allow(dead_code)]

mod attempts;
mod decide;
mod directory;
mod files;
mod format;
#[cfg(test)]
mod golden;
mod hierarchy;
mod keyring;
mod look;
mod open;
mod pin;
mod sealing;
mod status;
#[cfg(test)]
mod tests;

pub use directory::{
    DirectoryLock, KEYRING_COPIES, VaultDirectory, attachments_directory, database_path,
    spool_directory,
};
#[cfg(any(test, feature = "test-support"))]
pub use format::check_keyring_decoder;
pub use keyring::Policy;
pub use open::{Opened, VaultKeys, database_unreadable, finish_creation, open};
pub use pin::{PersonId, Pin, PinKdf};
