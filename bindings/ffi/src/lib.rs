<<<<<<< HEAD
//! Amana for Kotlin and Swift: exports and conversions, and nothing else.
//!
//! Whatever touches disk or network is async and only awaits a channel. Rows cross as JSON text.
//! No key, PIN or password is ever returned; secrets go in as bytes and are wiped.

mod error;
mod guard;
mod listeners;
mod types;
mod vault;

pub use error::{AmanaError, Code};
pub use listeners::{CancelHandle, ChangeObserver, Observation, SyncListener};
pub use types::{
    Change, Conflict, KeyStoreKind, Person, Progress, Status, SyncResult, TableChange, TableDigest,
    VaultConfig, VaultState,
};
pub use vault::{Vault, open_vault};

uniffi::setup_scaffolding!();
=======
//! TEMPORARY hello world.
#![allow(missing_docs, unsafe_code, clippy::disallowed_methods)]
use std::sync::Arc;
uniffi::setup_scaffolding!();

#[derive(Debug, uniffi::Error)]
pub enum AmanaError {
    Failure { code: Code, retryable: bool, retry_after_ms: Option<u64>, detail: String, at: Option<String> },
}
impl std::fmt::Display for AmanaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "failure") }
}
impl std::error::Error for AmanaError {}

#[derive(Debug, Clone, Copy, uniffi::Enum)]
pub enum Code { Locked, NotFound, Internal }

#[derive(Debug, Clone, uniffi::Enum)]
pub enum Event { Changed { table: String, ids: Vec<String> }, Idle, Named(String, u32) }

/// A setting.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Settings { pub directory: String, #[uniffi(default = None)] pub limit: Option<u32>, pub tags: Vec<String> }

#[uniffi::export(with_foreign)]
pub trait Listener: Send + Sync { fn changed(&self, table: String, count: u32); fn asked(&self, q: Vec<u8>) -> Result<Vec<u8>, AmanaError>; }

#[derive(uniffi::Object)]
pub struct Core { settings: Settings }

#[uniffi::export]
impl Core {
    #[uniffi::constructor]
    pub fn new(settings: Settings) -> Arc<Self> { Arc::new(Self { settings }) }
    /// Says hello.
    pub fn hello(&self, name: String) -> Result<String, AmanaError> {
        if name.is_empty() {
            return Err(AmanaError::Failure { code: Code::NotFound, retryable: false, retry_after_ms: None, detail: "empty name".into(), at: None });
        }
        Ok(format!("hello, {name} in {}", self.settings.directory))
    }
    pub async fn slow_add(&self, a: u32, b: u32) -> Result<u32, AmanaError> { Ok(a + b) }
    pub fn listen(&self, listener: Arc<dyn Listener>) { listener.changed("patients".into(), 3) }
    pub fn event(&self) -> Event { Event::Idle }
}

#[uniffi::export]
pub fn version() -> String { env!("CARGO_PKG_VERSION").to_owned() }
#[uniffi::export]
pub async fn open(settings: Settings) -> Result<Arc<Core>, AmanaError> { Ok(Core::new(settings)) }
>>>>>>> tooling
