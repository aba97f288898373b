//! Which peer said the version that is held, where another peer may still say an older one.
//!
//! With one peer there is nothing to note: its word is the only one. With a hub and a cloud, the
//! overlap of one would otherwise bring back what the other has already replaced, or deleted.

use rusqlite::{Connection, OptionalExtension, params};

use super::aside;
use super::errors::MapSqlite;
use super::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::ids::PeerId;

/// A version that a peer said.
pub(super) struct Origin {
    pub peer: String,
    pub updated_at: Option<i64>,
    pub gone: bool,
    /// What another peer said before.
    pub said: Option<i64>,
    /// When it was noted, by the device's clock.
    pub at_ms: i64,
}

pub(super) fn find(connection: &Connection, table: &str, id: &str) -> Result<Option<Origin>> {
    connection
        .prepare_cached(
            "SELECT peer, updated_at, gone, said, at_ms FROM amana_origin
               WHERE table_name = ? AND record_id = ?",
        )
        .map_sqlite()?
        .query_row([table, id], |row| {
            Ok(Origin {
                peer: row.get(0)?,
                updated_at: row.get(1)?,
                gone: row.get(2)?,
                said: row.get(3)?,
                at_ms: row.get(4)?,
            })
        })
        .optional()
        .map_sqlite()
}

/// Notes that this peer said this version, or that the record is gone since that version. `before`
/// is the version that was held, where nothing was noted of it.
pub(super) fn put(
    tx: &WriteTransaction<'_>,
    peer: &PeerId,
    table: &str,
    id: &str,
    updated_at: Option<i64>,
    gone: bool,
    before: Option<i64>,
) -> Result<()> {
    let now_ms = tx.context.clock.now_ms();
    let said = match find(tx.connection, table, id)? {
        Some(known) if known.peer == peer.as_str() => known.said,
        Some(known) => known.updated_at,
        None => before,
    };
    let peer = peer.as_str();
    tx.connection
        .prepare_cached(
            "INSERT OR REPLACE INTO amana_origin
               (table_name, record_id, peer, updated_at, gone, said, at_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .and_then(|mut statement| {
            statement.execute(params![table, id, peer, updated_at, gone, said, now_ms])
        })
        .map(|_| ())
        .map_sqlite()
}

/// Whether anything is noted.
pub(super) fn any(connection: &Connection) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_origin)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}

/// For how long others are waited for who told a record, until they have told it to this peer as well: a
/// hub may be lost, and what the peer has may be too old for it to say.
const OTHERS_TELL_MS: i64 = 3 * 24 * 60 * 60 * 1000;
/// How far a clock that was set back may be behind what was noted before.
const SET_BACK_MS: i64 = 24 * 60 * 60 * 1000;

/// Whether other peers have told a record lately of which this one has said nothing so far: then whether
/// it waits here to be sent to this one. What another one has taken of it, or this one refuses, does not.
pub(super) fn told_by_others_alone(
    connection: &Connection,
    peer: &PeerId,
    (table, id): (&str, &str),
    now_ms: i64,
) -> Result<Option<bool>> {
    let from = now_ms.saturating_sub(OTHERS_TELL_MS);
    let to = now_ms.saturating_add(SET_BACK_MS);
    connection
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM amana_entry o INDEXED BY amana_entry_by_record
                 WHERE o.record_id = ?2 AND o.table_name = ?1 AND o.state = 0{})
               FROM amana_origin g
              WHERE g.table_name = ?1 AND g.record_id = ?2 AND g.peer <> ?5
                AND NOT g.gone AND g.said IS NULL AND g.at_ms BETWEEN ?3 AND ?4",
            aside::NOT_ASIDE
        ))
        .and_then(|mut statement| {
            let key = params![table, id, from, to, peer.as_str(), now_ms];
            statement.query_row(key, |row| row.get(0)).optional()
        })
        .map_sqlite()
}

/// Another peer says an older version: if it says it again, that is nothing new.
pub(super) fn note_said(
    connection: &Connection,
    table: &str,
    id: &str,
    said: Option<i64>,
) -> Result<()> {
    connection
        .prepare_cached("UPDATE amana_origin SET said = ? WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute(params![said, table, id]))
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

/// A record is known by another id now: what was said of it is said of that, in place of what was noted
/// of that one.
pub(super) fn rename(connection: &Connection, table: &str, from: &str, to: &str) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE OR REPLACE amana_origin SET record_id = ?3
               WHERE table_name = ?1 AND record_id = ?2",
        )
        .and_then(|mut statement| statement.execute([table, from, to]))
        .map(|_| ())
        .map_sqlite()
}
