//! Amana for Kotlin and Swift: exports and conversions, and nothing else.
//!
//! Whatever touches disk or network is async and only awaits a channel. Rows cross as JSON text.
//! No key, PIN or password is ever returned; secrets go in as bytes and are wiped.

mod error;
mod guard;
mod listeners;
mod types;
mod vault;

pub use error::{AmanaError, ErrorCode};
pub use listeners::{CancelHandle, ChangeObserver, Observation, SyncListener};
pub use types::{
    Change, Conflict, KeyStoreKind, Person, SyncProgress, SyncResult, TableChange, TableDigest,
    VaultConfig, VaultState, VaultStatus,
};
pub use vault::{Vault, open_vault};

uniffi::setup_scaffolding!();
