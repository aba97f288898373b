//! Which other peers have the version of a record that the peer with the last word took from here: by
//! being sent it before, or by saying it themselves. Kept only where there are several peers, and as
//! long as what was sent is watched.

use rusqlite::Connection;

use super::errors::MapSqlite;
use crate::error::Result;
use crate::model::ids::PeerId;

/// Begins anew for a version that was just taken: these have it, and no others.
pub(super) fn begin(
    connection: &Connection,
    table: &str,
    id: &str,
    peers: &[String],
) -> Result<()> {
    forget(connection, table, id)?;
    for peer in peers {
        add(connection, table, id, peer)?;
    }
    Ok(())
}

fn forget(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM amana_holder WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}

/// What was sent of a record is known by another id now, in place of what was sent of that one.
pub(super) fn rename(connection: &Connection, table: &str, from: &str, to: &str) -> Result<()> {
    forget(connection, table, to)?;
    connection
        .prepare_cached(
            "UPDATE amana_holder SET record_id = ?3 WHERE table_name = ?1 AND record_id = ?2",
        )
        .and_then(|mut statement| statement.execute([table, from, to]))
        .map(|_| ())
        .map_sqlite()
}

/// This one has it too.
pub(super) fn add(connection: &Connection, table: &str, id: &str, peer: &str) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO amana_holder (table_name, record_id, peer) VALUES (?, ?, ?)",
        )
        .and_then(|mut statement| statement.execute([table, id, peer]))
        .map(|_| ())
        .map_sqlite()
}

/// Whether a peer has it.
pub(super) fn has(connection: &Connection, table: &str, id: &str, peer: &PeerId) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_holder
               WHERE table_name = ? AND record_id = ? AND peer = ?)",
        )
        .and_then(|mut statement| statement.query_row([table, id, peer.as_str()], |row| row.get(0)))
        .map_sqlite()
}

/// By the index of records: all entries of a table would be looked at for each holder.
pub(super) const FORGET_OLD: &str = "DELETE FROM amana_holder WHERE NOT EXISTS
     (SELECT 1 FROM amana_entry s INDEXED BY amana_entry_by_record
       WHERE s.table_name = amana_holder.table_name
         AND s.record_id = amana_holder.record_id AND s.state > 0)";

/// Forgets what is watched no more.
pub(super) fn forget_old(connection: &Connection) -> Result<()> {
    connection
        .prepare_cached(FORGET_OLD)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_sqlite()
}
