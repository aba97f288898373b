//! The encrypted database: all SQL lives here, and nothing else.
//!
//! One writer thread and a few readers, each with its own connection. Every local write puts its
//! outbox entry and the new revision in the same transaction. Must not know peers, keyrings or
//! sessions beyond the rows that hold them.

mod absent;
mod acknowledge;
mod apply;
mod apply_cases;
mod arrived;
mod aside;
mod at_once;
mod awaited;
mod buried;
mod collect;
mod conflicts;
mod connection;
mod database;
mod deletions;
mod digest;
#[cfg(any(test, feature = "test-support"))]
mod dump;
mod errors;
#[cfg(any(test, feature = "test-support"))]
mod growth;
mod holders;
mod integrity;
mod key;
mod kv;
mod kv_store;
mod marks;
mod migrations;
mod natural_key;
mod opener;
mod origins;
mod outbox;
mod peers;
mod query;
mod reconcile;
mod records;
mod rekey;
mod related;
mod salvage;
mod schema_tables;
mod sent;
mod session;
mod settings;
mod standing;
mod sync_store;
mod table_sql;
mod taken_back;
#[cfg(test)]
mod tests;
mod transaction;
mod undo;
mod until_commit;
mod values;
mod worker;

pub use crate::model::standing::PeerStatus;
pub use database::{Database, DatabaseOptions, NoticeSink};
#[cfg(any(test, feature = "test-support"))]
pub use dump::DumpVisitor;
pub use integrity::IntegritySink;
pub use outbox::OutboxCounts;
pub use records::Operation;
pub use rekey::{opens, rekey, rekey_needs};
pub use salvage::{SalvageOptions, finish_salvage, has_salvage, salvage, salvage_needs};
pub use session::StoredSession;
pub use settings::{DatabaseSettings, header_state};
