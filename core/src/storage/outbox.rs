//! The outbox: local writes that the peer has not acknowledged, one entry a record.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value as Json};

use super::errors::MapSqlite;
use super::schema_tables::cells_to_json;
use super::table_sql::{SchemaSql, quote};
use super::values;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    Acknowledgement, OutboxEntry, OutboxKind, OutboxPage, OutboxPosition, OutboxRow, PushClass,
    Revision,
};
use crate::model::ids::RecordId;
use crate::model::schema::{Column, Direction, Schema, Table, TableIndex};
use crate::model::value::Value;

/// How much waits to be pushed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct OutboxCounts {
    /// Records created, changed or deleted here that the peer has not taken.
    pub pending: u64,
    /// Of these, records put aside because the peer refuses them.
    pub quarantined: u64,
}

const fn kind_number(kind: OutboxKind) -> i64 {
    match kind {
        OutboxKind::Created => 0,
        OutboxKind::Updated => 1,
        OutboxKind::Deleted => 2,
    }
}

fn kind_of(number: i64) -> Result<OutboxKind> {
    match number {
        0 => Ok(OutboxKind::Created),
        1 => Ok(OutboxKind::Updated),
        2 => Ok(OutboxKind::Deleted),
        _ => Err(damaged()),
    }
}

fn damaged() -> Error {
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
fn base_from_json(table: &Table, text: &str) -> Result<Vec<(usize, Value)>> {
    let object: Map<String, Json> = serde_json::from_str(text).map_err(|_| damaged())?;
    object
        .iter()
        .filter_map(|(name, json)| table.position(name).map(|position| (position, json)))
        .map(|(position, json)| Ok((position, Value::from_json(json).ok_or_else(damaged)?)))
        .collect()
}

/// The columns that an entry's bases name.
fn changed_columns(table: &Table, base: ValueRef<'_>) -> Result<Vec<usize>> {
    match base.as_str().map_err(|_| damaged())? {
        "{}" => Ok(Vec::new()),
        base => Ok(base_from_json(table, base)?
            .into_iter()
            .map(|(position, _)| position)
            .collect()),
    }
}

/// Writes an entry; an edit releases a record from quarantine.
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
               (table_name, record_id, kind, revision, base, parent_table, parent_id, quarantine)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)
             ON CONFLICT DO UPDATE SET kind = ?3, revision = ?4, base = ?5,
               parent_table = ?6, parent_id = ?7, quarantine = NULL",
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

/// Removes an entry, and the tombstones of what its deletion took along.
pub(super) fn remove(connection: &Connection, table: &str, id: &str) -> Result<()> {
    for sql in [
        "DELETE FROM amana_outbox WHERE table_name = ? AND record_id = ?",
        "DELETE FROM amana_outbox WHERE parent_table = ? AND parent_id = ?",
    ] {
        connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([table, id]))
            .map_sqlite()?;
    }
    Ok(())
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

/// Removes the entries that the peer took at the revision they still have. One that was edited
/// since stays, with what the peer took as the bases: that is what both sides agree on now.
pub(super) fn acknowledge(
    connection: &Connection,
    schema: &Schema,
    taken: &[Acknowledgement],
) -> Result<()> {
    for ack in taken {
        let (table, id) = (schema.table(ack.table), ack.id.as_str());
        let Some(entry) = find(connection, table, id)? else {
            continue;
        };
        if entry.revision == ack.revision {
            remove(connection, &table.name, id)?;
        } else if entry.kind != OutboxKind::Deleted && !ack.sent.is_empty() {
            let sent = |position: usize| ack.sent.get(position).cloned();
            let base: Vec<(usize, Value)> = entry
                .base
                .into_iter()
                .map(|(position, base)| (position, sent(position).unwrap_or(base)))
                .collect();
            set_base(connection, table, id, &base)?;
        }
    }
    Ok(())
}

/// Puts entries aside at the revision they still have.
pub(super) fn quarantine(
    connection: &Connection,
    schema: &Schema,
    rows: &[Acknowledgement],
    reason: &str,
) -> Result<()> {
    for row in rows {
        connection
            .prepare_cached(
                "UPDATE amana_outbox SET quarantine = ?
                   WHERE table_name = ? AND record_id = ? AND revision = ?",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    reason,
                    schema.table(row.table).name,
                    row.id.as_str(),
                    row.revision.0
                ])
            })
            .map_sqlite()?;
    }
    Ok(())
}

/// Whether an entry was put aside.
pub(super) fn is_quarantined(connection: &Connection, table: &str, id: &str) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_outbox
               WHERE table_name = ? AND record_id = ? AND quarantine IS NOT NULL)",
        )
        .and_then(|mut statement| statement.query_row([table, id], |row| row.get(0)))
        .map_sqlite()
}

/// Takes entries back from quarantine whose record refers to this one.
pub(super) fn release_referring(
    connection: &Connection,
    table: &Table,
    column: &Column,
    id: &str,
) -> Result<()> {
    let sql = format!(
        "UPDATE amana_outbox SET quarantine = NULL
           WHERE table_name = ?1 AND quarantine IS NOT NULL
             AND record_id IN (SELECT id FROM {} WHERE {} = ?2)",
        quote(&table.name),
        quote(&column.name)
    );
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.execute([table.name.as_str(), id]))
        .map(|_| ())
        .map_sqlite()
}

/// Takes all entries back from quarantine.
pub(super) fn release_all(connection: &Connection) -> Result<()> {
    connection
        .execute(
            "UPDATE amana_outbox SET quarantine = NULL WHERE quarantine IS NOT NULL",
            [],
        )
        .map(|_| ())
        .map_sqlite()
}

/// The condition that holds a record back while one it refers to is put aside and was never taken:
/// the cloud would invent a visit for it.
fn not_waiting(schema: &Schema, table: &Table) -> String {
    let mut sql = String::new();
    for column in &table.columns {
        let parent = column.references.as_deref().filter(|name| {
            schema
                .find(name)
                .is_some_and(|t| schema.table(t).direction == Direction::Both)
        });
        if let Some(parent) = parent {
            sql.push_str(&format!(
                " AND NOT EXISTS (SELECT 1 FROM {} r JOIN amana_outbox p
                     ON p.table_name = '{parent}' AND p.record_id = r.{}
                   WHERE r.id = amana_outbox.record_id AND p.kind = 0 AND p.quarantine IS NOT NULL)",
                quote(&table.name),
                quote(&column.name),
            ));
        }
    }
    sql
}

/// Counts what waits. Tombstones that go with their parent are not counted.
pub(super) fn counts(connection: &Connection) -> Result<OutboxCounts> {
    connection
        .prepare_cached(
            "SELECT count(*), count(quarantine) FROM amana_outbox WHERE parent_id IS NULL",
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

/// The next entries of a class after a position, with the records that a push needs whole.
pub(super) fn collect(
    connection: &Connection,
    schema: &Schema,
    sql: &SchemaSql,
    class: PushClass,
    after: &OutboxPosition,
    limit: usize,
) -> Result<OutboxPage> {
    let mut rows = Vec::new();
    let some_aside = counts(connection)?.quarantined > 0;
    for (index, table) in schema.tables().filter(|(index, _)| index.0 >= after.table) {
        if table.direction != Direction::Both {
            continue;
        }
        if let PushClass::Upserts { stage } = class
            && stage != table.push_stage
        {
            continue;
        }
        let after_revision = if index.0 == after.table {
            after.revision
        } else {
            i64::MIN
        };
        let left = limit - rows.len();
        collect_table(
            connection,
            schema,
            index,
            sql,
            class,
            some_aside,
            after_revision,
            left,
            &mut rows,
        )?;
        if rows.len() == limit {
            let next = rows.last().map(|row: &OutboxRow| OutboxPosition {
                table: row.table.0,
                revision: row.revision.0,
            });
            return Ok(OutboxPage { rows, next });
        }
    }
    Ok(OutboxPage { rows, next: None })
}

#[allow(clippy::too_many_arguments)]
fn collect_table(
    connection: &Connection,
    schema: &Schema,
    index: TableIndex,
    sql: &SchemaSql,
    class: PushClass,
    some_aside: bool,
    after_revision: i64,
    limit: usize,
    out: &mut Vec<OutboxRow>,
) -> Result<()> {
    let table = schema.table(index);
    let deletions = class == PushClass::Deletions;
    let waiting = if some_aside && !deletions {
        not_waiting(schema, table)
    } else {
        String::new()
    };
    let sql_text = format!(
        "SELECT record_id, kind, revision, base FROM amana_outbox
           WHERE table_name = ?1 AND revision > ?2 AND (kind = 2) = ?3
             AND parent_id IS NULL AND quarantine IS NULL{waiting}
           ORDER BY revision LIMIT ?4"
    );
    let mut entries = connection.prepare_cached(&sql_text).map_sqlite()?;
    let mut record = connection
        .prepare_cached(&sql.table(index).find)
        .map_sqlite()?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = entries
        .query(params![table.name, after_revision, deletions, limit])
        .map_sqlite()?;
    while let Some(row) = rows.next().map_sqlite()? {
        let text: String = row.get(0).map_sqlite()?;
        let (values, changed) = if deletions {
            (Vec::new(), Vec::new())
        } else {
            let values = values::find(&mut record, table, &text)?.ok_or_else(damaged)?;
            (
                values,
                changed_columns(table, row.get_ref(3).map_sqlite()?)?,
            )
        };
        out.push(OutboxRow {
            table: index,
            id: RecordId::from_peer(&text).ok_or_else(damaged)?,
            kind: kind_of(row.get(1).map_sqlite()?)?,
            revision: Revision(row.get(2).map_sqlite()?),
            values,
            changed,
            dangling: Vec::new(),
        });
    }
    Ok(())
}
