//! The outbox: local writes that the peer with the last word has not taken, one entry a record.
//!
//! Entries lie in the order in which they are sent, by table and revision, so that a piece of a push is a few neighbouring
//! pages. What was taken of them stays where it is: `sent` has those.

use std::fmt;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value as Json};

use super::errors::MapSqlite;
use super::schema_tables::cells_to_json;
use super::{aside, marks};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{Acknowledgement, OutboxEntry, OutboxKind, Revision};
use crate::model::schema::{Schema, Table};
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
            "SELECT kind, revision, base FROM amana_entry INDEXED BY amana_entry_by_record
               WHERE table_name = ? AND record_id = ? AND state = 0",
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
    let text = base.as_str().map_err(|_| damaged())?;
    let mut names = serde_json::Deserializer::from_str(text);
    names
        .deserialize_map(Positions(table))
        .map_err(|_| damaged())
}

/// Reads the names of an object's members, without making anything of the values.
struct Positions<'a>(&'a Table);

impl<'de> Visitor<'de> for Positions<'_> {
    type Value = Vec<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Vec<usize>, M::Error> {
        let mut positions = Vec::new();
        // Names of columns need no escapes.
        while let Some(name) = map.next_key::<&str>()? {
            map.next_value::<IgnoredAny>()?;
            positions.extend(self.0.position(name));
        }
        Ok(positions)
    }
}

/// Whether the entries of a table between two revisions, its deletions or all others, are exactly
/// these, as they were collected, and nothing is noted of their records beside.
pub(super) fn is_exactly(
    connection: &Connection,
    table: &Table,
    (first, last): (Revision, Revision),
    deletions: bool,
    these: &[Acknowledgement],
) -> Result<bool> {
    let mut statement = connection
        .prepare_cached(
            "SELECT o.revision, o.kind, o.record_id, o.base FROM amana_entry o NOT INDEXED
               WHERE o.table_name = ?1 AND o.revision BETWEEN ?2 AND ?3 AND o.state = 0
                 AND (o.kind = 2) = ?4
                 AND NOT EXISTS
                   (SELECT 1 FROM amana_entry s INDEXED BY amana_entry_by_record
                     WHERE s.table_name = ?1 AND s.record_id = o.record_id
                       AND s.revision <> o.revision)
                 AND NOT EXISTS
                   (SELECT 1 FROM amana_entry c INDEXED BY amana_entry_by_parent
                     WHERE c.parent_table = ?1 AND c.parent_id = o.record_id)
               ORDER BY o.revision",
        )
        .map_sqlite()?;
    let mut rows = statement
        .query(params![table.name, first.0, last.0, deletions])
        .map_sqlite()?;
    for this in these {
        let Some(row) = rows.next().map_sqlite()? else {
            return Ok(false);
        };
        let is_this = row.get::<_, i64>(0).map_sqlite()? == this.revision.0
            && row.get::<_, i64>(1).map_sqlite()? == kind_number(this.kind)
            && row.get_ref(2).map_sqlite()?.as_str() == Ok(this.id.as_str())
            && (deletions || changed_columns(table, row.get_ref(3).map_sqlite()?)? == this.changed);
        if !is_this {
            return Ok(false);
        }
    }
    Ok(rows.next().map_sqlite()?.is_none())
}

/// Writes the entry of a record in place of the one that it has, if any. An edit brings a new
/// revision: what was noted of the old one is void. `place` is where the record lies, if known.
pub(super) fn put(
    connection: &Connection,
    table: &Table,
    id: &str,
    entry: &OutboxEntry,
    place: Option<i64>,
) -> Result<()> {
    remove_alone(connection, &table.name, id)?;
    add(connection, table, id, entry, place)
}

/// The same for a record that has none.
pub(super) fn add(
    connection: &Connection,
    table: &Table,
    id: &str,
    entry: &OutboxEntry,
    place: Option<i64>,
) -> Result<()> {
    let base = cells_to_json(table, entry.base.iter().map(|(i, v)| (*i, v)));
    connection
        .prepare_cached(
            "INSERT INTO amana_entry (revision, state, kind, table_name, record_id, base, place)
             VALUES (?, 0, ?, ?, ?, ?, ?)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                entry.revision.0,
                kind_number(entry.kind),
                table.name,
                id,
                base,
                place,
            ])
        })
        .map(|_| ())
        .map_sqlite()
}

/// Writes a tombstone in place of the entry that the record had, if any; with the record whose
/// deletion took it along.
pub(super) fn bury(
    connection: &Connection,
    table: &Table,
    id: &str,
    entry: &OutboxEntry,
    parent: Option<(&str, &str)>,
) -> Result<()> {
    put(connection, table, id, entry, None)?;
    let Some((parent_table, parent_id)) = parent else {
        return Ok(());
    };
    connection
        .prepare_cached(
            "UPDATE amana_entry SET parent_table = ?, parent_id = ?
               WHERE table_name = ? AND revision = ?",
        )
        .and_then(|mut statement| {
            let key = (table.name.as_str(), entry.revision.0);
            statement.execute(params![parent_table, parent_id, key.0, key.1])
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
        .prepare_cached(
            "UPDATE amana_entry INDEXED BY amana_entry_by_record SET base = ?
               WHERE table_name = ? AND record_id = ? AND state = 0",
        )
        .and_then(|mut statement| statement.execute(params![base, table.name, id]))
        .map(|_| ())
        .map_sqlite()
}

/// Gives an entry a new revision; kind and bases stay.
pub(super) fn set_revision(
    connection: &Connection,
    table: &Table,
    id: &str,
    revision: Revision,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE amana_entry INDEXED BY amana_entry_by_record SET revision = ?
               WHERE table_name = ? AND record_id = ? AND state = 0",
        )
        .and_then(|mut statement| statement.execute(params![revision.0, table.name, id]))
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
    match kind {
        OutboxKind::Deleted => remove_along(connection, table, id),
        OutboxKind::Created | OutboxKind::Updated => Ok(()),
    }
}

/// Removes the tombstone of a record; what it took along is announced by itself from now on.
pub(super) fn remove_root(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE amana_entry INDEXED BY amana_entry_by_parent
                SET parent_table = NULL, parent_id = NULL
               WHERE parent_table = ? AND parent_id = ? AND state = 0",
        )
        .and_then(|mut statement| statement.execute([table, id]))
        .map_sqlite()?;
    remove(connection, table, id, OutboxKind::Deleted)
}

/// Removes the tombstones of what a deletion took along.
pub(super) fn remove_along(connection: &Connection, table: &str, id: &str) -> Result<()> {
    for (table, id) in taken_along(connection, table, id)? {
        remove(connection, &table, &id, OutboxKind::Updated)?;
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
            "SELECT table_name, record_id FROM amana_entry INDEXED BY amana_entry_by_parent
               WHERE parent_table = ? AND parent_id = ? AND state = 0",
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
fn remove_alone(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM amana_entry INDEXED BY amana_entry_by_record
               WHERE table_name = ? AND record_id = ? AND state = 0",
        )
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}

/// Whether any record of a table has an entry.
pub(super) fn has_any(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_entry INDEXED BY amana_entry_waiting
               WHERE state = 0 AND table_name = ?)",
        )
        .and_then(|mut statement| statement.query_row([table], |row| row.get(0)))
        .map_sqlite()
}

/// Whether anything waits to be pushed.
pub(super) fn waits(connection: &Connection) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_entry INDEXED BY amana_entry_waiting
               WHERE state = 0)",
        )
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}

/// The newest revision of all tables.
pub(super) fn newest(connection: &Connection, schema: &Schema) -> Result<Revision> {
    let mut newest = Revision::default();
    let mut statement = connection
        .prepare_cached("SELECT max(revision) FROM amana_entry WHERE table_name = ?")
        .map_sqlite()?;
    for (_, table) in schema.tables() {
        let of_table: Option<i64> = statement
            .query_row([table.name.as_str()], |row| row.get(0))
            .map_sqlite()?;
        newest = newest.max(Revision(of_table.unwrap_or(0)));
    }
    Ok(newest)
}

/// Whether new records of a table wait that are of a later revision.
pub(super) fn has_newer(connection: &Connection, table: &str, than: Revision) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_entry INDEXED BY amana_entry_waiting
               WHERE state = 0 AND table_name = ? AND (kind = 2) = 0 AND revision > ?)",
        )
        .and_then(|mut statement| statement.query_row(params![table, than.0], |row| row.get(0)))
        .map_sqlite()
}

/// Whether this one waits as a new record of a later revision.
pub(super) fn is_newer(
    connection: &Connection,
    table: &str,
    id: &str,
    than: Revision,
) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_entry INDEXED BY amana_entry_by_record
               WHERE record_id = ? AND table_name = ? AND state = 0 AND kind = 0 AND revision > ?)",
        )
        .and_then(|mut statement| statement.query_row(params![id, table, than.0], |row| row.get(0)))
        .map_sqlite()
}

/// Whether any record of a table was deleted here and that is not yet known to the peer.
pub(super) fn has_deletions(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_entry INDEXED BY amana_entry_waiting
               WHERE state = 0 AND table_name = ? AND (kind = 2) = 1)",
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
