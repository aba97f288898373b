//! The encrypted database: all SQL lives here, and nothing else.
//!
//! One writer thread and a few readers, each with its own connection. Every local write puts its
//! outbox entry and the new revision in the same transaction. Must not know peers, keyrings or
//! sessions beyond the rows that hold them.

mod apply;
mod conflicts;
mod connection;
mod database;
mod digest;
mod errors;
mod key;
mod kv;
mod kv_store;
mod migrations;
mod outbox;
mod peers;
mod query;
mod records;
mod rekey;
mod schema_tables;
mod session;
mod sync_store;
mod table_sql;
#[cfg(test)]
mod tests;
mod transaction;
mod values;
mod worker;

pub use database::{Database, DatabaseOptions, NoticeSink};
pub use outbox::OutboxCounts;
pub use peers::PeerStatus;
pub use records::Operation;
pub use rekey::{opens, rekey, rekey_needs};
pub use session::StoredSession;
