//! Amana: the secure core of an offline-first app. See `ARCHITECTURE.md` beside this crate.

pub mod access;
mod amana;
mod asking;
mod background;
pub mod cancel;
pub mod error;
mod kv;
pub mod model;
mod notice_queue;
pub mod observers;
pub mod panics;
pub mod pending;
pub mod ports;
pub mod secret;
mod spool_file;
pub mod storage;
pub mod sync;
pub mod system;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
pub mod transport;
pub mod vault;

pub use access::idle::IdleRule;
pub use access::integrity::IntegrityRule;
pub use amana::LiveQuery;
pub use amana::{
    Amana, Caller, Config, NewPolicy, NewVault, PairedHub, RecoveryRequest, SchemaSource, SlotList,
    Status, SyncOptions, System, Unlock, VaultState, diagnose,
};
pub use error::{Error, ErrorCode, Result};
pub use observers::Subscription;
pub use system::SystemDisk;
pub use transport::TimeLimits;
pub use vault::{
    DamageReport, Glance, KeyLostReason, KeyLostReport, LossAcknowledged, PersonId, Pin, PinKdf,
    PinRules, PinStanding, Policy, Presence, PresenceAnswer, PresenceRequest, Quarantined,
    RecoveryKey, Refusal, RefusalReport, Remedy, SlotInfo, SlotInfoKind, WrongPinReport,
};

/// A key store in a file, for development hosts. Not for phones: it refuses to build there.
#[cfg(feature = "host-keystore")]
pub fn host_key_store(directory: &std::path::Path) -> Result<std::sync::Arc<dyn ports::KeyStore>> {
    amana_keystore::FileKeyStore::open(directory)
        .map(|store| std::sync::Arc::new(store) as _)
        .map_err(|_| Error::invalid("the key store's directory cannot be used"))
}
