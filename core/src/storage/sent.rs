//! What the peer with the last word said it took, until a later pull has shown what it kept.
//!
//! A row whose edit was kept stays noted for a day: a device that had not seen the edit may still
//! push the whole row as it was before. So does a new row that the peer knows by other columns than
//! its id: a device that had not seen it may still make the same one. Any other new row nobody can
//! write over who has not seen it.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::errors::MapSqlite;
use super::outbox::{base_from_json, kind_number, kind_of};
use super::schema_tables::cells_to_json;
use crate::error::Result;
use crate::model::change_set::OutboxKind;
use crate::model::ids::PeerId;
use crate::model::merge::SentRow;
use crate::model::schema::Table;
use crate::model::value::Value;

/// How long a row is remembered after it was confirmed.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

/// Notes what was taken. What was taken before and is not yet confirmed stays part of it.
pub(super) fn add(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    id: &str,
    kind: OutboxKind,
    base: Vec<(usize, Value)>,
) -> Result<()> {
    let before = find(connection, table, id)?
        .map(|before| before.row)
        .filter(|before| !before.confirmed && kind != OutboxKind::Deleted);
    let Some(mut before) = before else {
        return put(connection, peer, table, id, kind, &base);
    };
    for (position, value) in base {
        if before.base.iter().all(|(known, _)| *known != position) {
            before.base.push((position, value));
        }
    }
    put(connection, peer, table, id, before.kind, &before.base)
}

/// Notes what was taken, in place of whatever was noted of the record.
pub(super) fn put(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    id: &str,
    kind: OutboxKind,
    base: &[(usize, Value)],
) -> Result<()> {
    let base = cells_to_json(table, base.iter().map(|(i, v)| (*i, v)));
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO amana_sent (table_name, record_id, peer, kind, base)
             VALUES (?, ?, ?, ?, ?)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                table.name,
                id,
                peer.as_str(),
                kind_number(kind),
                base
            ])
        })
        .map(|_| ())
        .map_sqlite()
}

/// A row that was sent, and to whom.
pub(super) struct Sent {
    pub peer: String,
    pub row: SentRow,
}

pub(super) fn find(connection: &Connection, table: &Table, id: &str) -> Result<Option<Sent>> {
    connection
        .prepare_cached(
            "SELECT kind, base, confirmed_ms, peer FROM amana_sent
               WHERE table_name = ? AND record_id = ?",
        )
        .map_sqlite()?
        .query_row([table.name.as_str(), id], |row| {
            Ok((columns(row)?, row.get(3)?))
        })
        .optional()
        .map_sqlite()?
        .map(|(columns, peer)| {
            let row = read(table, columns)?;
            Ok(Sent { peer, row })
        })
        .transpose()
}

type Columns = (i64, String, Option<i64>);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
}

fn read(table: &Table, (kind, base, confirmed_ms): Columns) -> Result<SentRow> {
    Ok(SentRow {
        kind: kind_of(kind)?,
        base: base_from_json(table, &base)?,
        confirmed: confirmed_ms.is_some(),
    })
}

/// Whether anything is noted.
pub(super) fn any(connection: &Connection) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_sent)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}

/// Whether anything of a table is noted.
pub(super) fn has_any(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_sent WHERE table_name = ?)")
        .and_then(|mut statement| statement.query_row([table], |row| row.get(0)))
        .map_sqlite()
}

/// The peer kept it. An edit is remembered for a while yet, all else is done with.
pub(super) fn confirm(
    connection: &Connection,
    table: &Table,
    id: &str,
    sent: &SentRow,
    now_ms: i64,
) -> Result<()> {
    let made_elsewhere = sent.kind == OutboxKind::Created && !table.natural_key.is_empty();
    if sent.base.is_empty() && !made_elsewhere {
        return forget(connection, &table.name, id);
    }
    if sent.confirmed {
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE amana_sent SET confirmed_ms = ? WHERE table_name = ? AND record_id = ?",
        )
        .and_then(|mut statement| statement.execute(params![now_ms, table.name, id]))
        .map(|_| ())
        .map_sqlite()
}

pub(super) fn forget(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM amana_sent WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}

/// What was confirmed a day ago needs no more watching.
pub(super) fn forget_old(connection: &Connection, now_ms: i64) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM amana_sent WHERE confirmed_ms < ?")
        .and_then(|mut statement| statement.execute([now_ms.saturating_sub(REMEMBERED_MS)]))
        .map(|_| ())
        .map_sqlite()
}

/// The rows of a table that no pull has confirmed.
pub(super) fn unconfirmed(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
) -> Result<Vec<(String, SentRow)>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT kind, base, confirmed_ms, record_id FROM amana_sent
               WHERE table_name = ? AND peer = ? AND confirmed_ms IS NULL",
        )
        .map_sqlite()?;
    let mut rows = statement
        .query([table.name.as_str(), peer.as_str()])
        .map_sqlite()?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        let sent = read(table, columns(row).map_sqlite()?)?;
        found.push((row.get(3).map_sqlite()?, sent));
    }
    Ok(found)
}

/// Gives the note of a record another id.
pub(super) fn rename(connection: &Connection, table: &str, from: &str, to: &str) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE OR REPLACE amana_sent SET record_id = ?3
               WHERE table_name = ?1 AND record_id = ?2",
        )
        .and_then(|mut statement| statement.execute([table, from, to]))
        .map(|_| ())
        .map_sqlite()
}
