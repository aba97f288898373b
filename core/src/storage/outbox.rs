//! The outbox: local writes that the peer with the last word has not taken, one entry a record.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value as Json};

use super::errors::MapSqlite;
use super::schema_tables::cells_to_json;
use super::{aside, marks};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{OutboxEntry, OutboxKind, Revision};
use crate::model::schema::Table;
use crate::model::value::Value;

/// How much waits to be pushed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct OutboxCounts {
    /// Records created, changed or deleted here that the peer has not taken.
    pub pending: u64,
    /// Of these, records put aside because the peer refuses them.
    pub quarantined: u64,
}

pub(super) const fn kind_number(kind: OutboxKind) -> i64 {
    match kind {
        OutboxKind::Created => 0,
        OutboxKind::Updated => 1,
        OutboxKind::Deleted => 2,
    }
}

pub(super) fn kind_of(number: i64) -> Result<OutboxKind> {
    match number {
        0 => Ok(OutboxKind::Created),
        1 => Ok(OutboxKind::Updated),
        2 => Ok(OutboxKind::Deleted),
        _ => Err(damaged()),
    }
}

pub(super) fn damaged() -> Error {
    Error::new(ErrorCode::DatabaseDamaged, "an outbox entry cannot be read")
}

/// The entry of a record, if it has one.
pub(super) fn find(
    connection: &Connection,
    table: &Table,
    id: &str,
) -> Result<Option<OutboxEntry>> {
    let found = connection
        .prepare_cached(
            "SELECT kind, revision, base FROM amana_outbox WHERE table_name = ? AND record_id = ?",
        )
        .map_sqlite()?
        .query_row([table.name.as_str(), id], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
            ))
        })
        .optional()
        .map_sqlite()?;
    found
        .map(|(kind, revision, base)| {
            Ok(OutboxEntry {
                kind: kind_of(kind)?,
                revision: Revision(revision),
                base: base_from_json(table, &base)?,
            })
        })
        .transpose()
}

/// Columns that the schema no longer shows are left out: it can only have grown.
pub(super) fn base_from_json(table: &Table, text: &str) -> Result<Vec<(usize, Value)>> {
    if text == "{}" {
        return Ok(Vec::new());
    }
    let object: Map<String, Json> = serde_json::from_str(text).map_err(|_| damaged())?;
    object
        .iter()
        .filter_map(|(name, json)| table.position(name).map(|position| (position, json)))
        .map(|(position, json)| Ok((position, Value::from_json(json).ok_or_else(damaged)?)))
        .collect()
}

/// The columns that an entry's bases name.
pub(super) fn changed_columns(table: &Table, base: ValueRef<'_>) -> Result<Vec<usize>> {
    let base = base_from_json(table, base.as_str().map_err(|_| damaged())?)?;
    Ok(base.into_iter().map(|(position, _)| position).collect())
}

/// Writes an entry. An edit brings a new revision: what was noted of the old one is void.
pub(super) fn put(
    connection: &Connection,
    table: &Table,
    id: &str,
    entry: &OutboxEntry,
    parent: Option<(&str, &str)>,
) -> Result<()> {
    let base = cells_to_json(table, entry.base.iter().map(|(i, v)| (*i, v)));
    connection
        .prepare_cached(
            "INSERT INTO amana_outbox
               (table_name, record_id, kind, revision, base, parent_table, parent_id)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET kind = ?3, revision = ?4, base = ?5,
               parent_table = ?6, parent_id = ?7",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                table.name,
                id,
                kind_number(entry.kind),
                entry.revision.0,
                base,
                parent.map(|p| p.0),
                parent.map(|p| p.1),
            ])
        })
        .map(|_| ())
        .map_sqlite()
}

/// Replaces the bases of an entry; kind and revision stay.
pub(super) fn set_base(
    connection: &Connection,
    table: &Table,
    id: &str,
    base: &[(usize, Value)],
) -> Result<()> {
    let base = cells_to_json(table, base.iter().map(|(i, v)| (*i, v)));
    connection
        .prepare_cached("UPDATE amana_outbox SET base = ? WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute(params![base, table.name, id]))
        .map(|_| ())
        .map_sqlite()
}

/// Removes an entry and what peers were noted to have taken or refused of it; for a deletion also
/// the tombstones of what it took along.
pub(super) fn remove(
    connection: &Connection,
    table: &str,
    id: &str,
    kind: OutboxKind,
) -> Result<()> {
    remove_alone(connection, table, id)?;
    aside::forget(connection, table, id)?;
    marks::forget(connection, table, id)?;
    if kind == OutboxKind::Deleted {
        for (table, id) in taken_along(connection, table, id)? {
            remove(connection, &table, &id, OutboxKind::Updated)?;
        }
    }
    Ok(())
}

/// The records whose deletion was taken along by another one.
pub(super) fn taken_along(
    connection: &Connection,
    table: &str,
    id: &str,
) -> Result<Vec<(String, String)>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT table_name, record_id FROM amana_outbox
               WHERE parent_table = ? AND parent_id = ?",
        )
        .map_sqlite()?;
    let rows = statement
        .query_map([table, id], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_sqlite()?;
    rows.collect::<rusqlite::Result<_>>().map_sqlite()
}

/// Gives an entry another record's id; a new record becomes an edit of that one.
pub(super) fn rename(
    connection: &Connection,
    table: &Table,
    from: &str,
    to: &str,
    entry: &OutboxEntry,
) -> Result<()> {
    remove(connection, &table.name, from, OutboxKind::Updated)?;
    put(connection, table, to, entry, None)
}

/// Removes an entry of which nothing else is noted.
pub(super) fn remove_alone(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM amana_outbox WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}

/// Whether any record of a table has an entry.
pub(super) fn has_any(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_outbox WHERE table_name = ?)")
        .and_then(|mut statement| statement.query_row([table], |row| row.get(0)))
        .map_sqlite()
}

/// Whether anything waits to be pushed.
pub(super) fn waits(connection: &Connection) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_outbox)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}

/// Whether any record of a table was deleted here and that is not yet known to the peer.
pub(super) fn has_deletions(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_outbox WHERE table_name = ? AND kind = 2)",
        )
        .and_then(|mut statement| statement.query_row([table], |row| row.get(0)))
        .map_sqlite()
}

/// Counts what waits for the peer with the last word. Tombstones that go with their parent are not
/// counted.
pub(super) fn counts(connection: &Connection) -> Result<OutboxCounts> {
    connection
        .prepare_cached(
            "SELECT count(*), count((SELECT 1 FROM amana_aside a
                 WHERE a.table_name = o.table_name AND a.record_id = o.record_id
                   AND a.revision = o.revision AND a.reason IS NOT NULL LIMIT 1))
               FROM amana_outbox o WHERE parent_id IS NULL",
        )
        .and_then(|mut statement| {
            statement.query_row([], |row| {
                Ok(OutboxCounts {
                    pending: row.get::<_, i64>(0)?.unsigned_abs(),
                    quarantined: row.get::<_, i64>(1)?.unsigned_abs(),
                })
            })
        })
        .map_sqlite()
}
