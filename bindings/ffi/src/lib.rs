//! Amana for Kotlin and Swift: exports and conversions, and nothing else.
//!
//! Whatever touches disk or network is async and only awaits a channel, but for the reads of the
//! key–value store, which answer at once. Rows cross as JSON text.
//! No key, PIN or password is ever returned; secrets go in as bytes and are wiped.

mod care;
mod conflict_rule;
mod direct;
mod error;
mod guard;
#[cfg(target_os = "android")]
mod init;
#[cfg(not(target_os = "ios"))]
mod jni;
mod key_store;
mod kv;
mod life;
mod listeners;
mod live;
mod open_request;
mod peers;
mod phone;
mod presence;
mod slots;
mod time_limits;
mod types;
mod vault;
mod wiped;

pub use care::{
    DamageObserver, IntegrityStatus, SalvageReport, TableKind, TableSalvage, diagnose_directory,
};
pub use conflict_rule::{AppRule, ConflictResolver};
pub use direct::DirectHandle;
pub use error::{AmanaError, ErrorCode};
pub use key_store::{
    KeyStoreKind, KeyStoreLevel, KeyStoreOptions, KeyStoreReport, KeyStoreStep,
    run_key_store_self_test,
};
pub use kv::{KvChange, KvEntry, KvKeys, KvNamespace, KvObserver, KvValue};
pub use life::{
    QuarantinedVault, VaultGlance, VaultPolicy, VaultPresence, attach_vault, open_vault,
};
pub use listeners::{CancelHandle, ChangeObserver, Observation, StateObserver, SyncListener};
pub use live::QueryObserver;
pub use open_request::{OpenRequest, read_key_store_options, read_open_request};
pub use peers::{
    PairedHub, PeerRefusal, PeerStatus, QuarantinedRecord, RecordStanding, Standing, SyncStatus,
    TablePending,
};
pub use presence::{derive_with_presence, make_presence_secret};
pub use slots::{
    KeyLostReason, PinStanding, PresenceOutcome, PresenceRequest, RecoveryRequest, RefusalReport,
    Remedy, Slot, SlotKind, SlotList,
};
pub use time_limits::TimeLimits;
pub use types::{
    Change, CloudPins, Conflict, ConflictRule, Person, SyncProgress, SyncResult, SyncRules,
    TableChange, TableDigest, TableRule, VaultConfig, VaultState, VaultStatus,
};
pub use vault::Vault;

uniffi::setup_scaffolding!();
