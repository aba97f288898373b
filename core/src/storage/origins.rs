//! Which peer said the version that is held, where another peer may still say an older one.
//!
//! With one peer there is nothing to note: its word is the only one. With a hub and a cloud, the
//! overlap of one would otherwise bring back what the other has already replaced, or deleted.

use rusqlite::{Connection, OptionalExtension, params};

use super::errors::MapSqlite;
use crate::error::Result;
use crate::model::ids::PeerId;

/// A version that a peer said.
pub(super) struct Origin {
    pub peer: String,
    pub updated_at: Option<i64>,
    pub gone: bool,
}

pub(super) fn find(connection: &Connection, table: &str, id: &str) -> Result<Option<Origin>> {
    connection
        .prepare_cached(
            "SELECT peer, updated_at, gone FROM amana_origin
               WHERE table_name = ? AND record_id = ?",
        )
        .map_sqlite()?
        .query_row([table, id], |row| {
            Ok(Origin {
                peer: row.get(0)?,
                updated_at: row.get(1)?,
                gone: row.get(2)?,
            })
        })
        .optional()
        .map_sqlite()
}

/// Notes that this peer said this version, or that the record is gone since that version.
pub(super) fn put(
    connection: &Connection,
    peer: &PeerId,
    table: &str,
    id: &str,
    updated_at: Option<i64>,
    gone: bool,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO amana_origin (table_name, record_id, peer, updated_at, gone)
             VALUES (?, ?, ?, ?, ?)",
        )
        .and_then(|mut statement| {
            statement.execute(params![table, id, peer.as_str(), updated_at, gone])
        })
        .map(|_| ())
        .map_sqlite()
}

/// Another peer says the same now.
pub(super) fn forget(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM amana_origin WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}
