//! The encrypted database: all SQL lives here, and nothing else.
//!
//! One writer thread and a few readers, each with its own connection. Every local write puts its
//! outbox entry and the new revision in the same transaction. Must not know peers, keyrings or
//! sessions beyond the rows that hold them.

mod apply;
mod at_once;
mod conflicts;
mod connection;
mod database;
mod digest;
#[cfg(any(test, feature = "test-support"))]
mod dump;
mod errors;
mod integrity;
mod key;
mod kv;
mod kv_store;
mod migrations;
mod opener;
mod outbox;
mod peers;
mod query;
mod records;
mod rekey;
mod salvage;
mod schema_tables;
mod session;
mod settings;
mod sync_store;
mod table_sql;
#[cfg(test)]
mod tests;
mod transaction;
mod values;
mod worker;

pub use database::{Database, DatabaseOptions, NoticeSink};
#[cfg(any(test, feature = "test-support"))]
pub use dump::DumpVisitor;
pub use integrity::IntegritySink;
pub use outbox::OutboxCounts;
pub use peers::PeerStatus;
pub use records::Operation;
pub use rekey::{opens, rekey, rekey_needs};
pub use salvage::{SalvageOptions, finish_salvage, has_salvage, salvage, salvage_needs};
pub use session::StoredSession;
pub use settings::{DatabaseSettings, header_state};
