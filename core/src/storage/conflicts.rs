//! The ledger: what both sides changed, and edits that a deletion took with it.

use rusqlite::{Connection, params};

use super::errors::MapSqlite;
use super::schema_tables::cells_to_json;
use super::transaction::Context;
use crate::error::{Error, ErrorCode, Result};
use crate::model::ledger::{ConflictEntry, ConflictKind};
use crate::model::merge::ColumnConflict;
use crate::model::schema::Table;
use crate::model::value::Value;

const fn kind_number(kind: ConflictKind) -> i64 {
    match kind {
        ConflictKind::BothChanged => 0,
        ConflictKind::DeletedByPeer => 1,
        ConflictKind::ChangedByPeer => 2,
    }
}

fn kind_of(number: i64) -> Result<ConflictKind> {
    match number {
        0 => Ok(ConflictKind::BothChanged),
        1 => Ok(ConflictKind::DeletedByPeer),
        2 => Ok(ConflictKind::ChangedByPeer),
        _ => Err(Error::new(
            ErrorCode::DatabaseDamaged,
            "a ledger entry cannot be read",
        )),
    }
}

pub(super) fn record_column(
    connection: &Connection,
    context: &Context,
    table: &Table,
    id: &str,
    conflict: &ColumnConflict,
) -> Result<()> {
    let text = |value: &Value| value.to_json().to_string();
    write(
        connection,
        context,
        ConflictKind::BothChanged,
        table,
        id,
        Some(&table.columns[conflict.column].name),
        [
            Some(text(&conflict.base)),
            Some(text(&conflict.local)),
            Some(text(&conflict.remote)),
        ],
    )
}

pub(super) fn record_lost_edits(
    connection: &Connection,
    context: &Context,
    table: &Table,
    stored: &[Value],
    id: &str,
) -> Result<()> {
    let local = cells_to_json(table, stored.iter().enumerate());
    let values = [None, Some(local), None];
    write(
        connection,
        context,
        ConflictKind::DeletedByPeer,
        table,
        id,
        None,
        values,
    )
}

pub(super) fn record_changed_by_peer(
    connection: &Connection,
    context: &Context,
    table: &Table,
    id: &str,
    cells: &[(usize, Value)],
) -> Result<()> {
    let remote = cells_to_json(table, cells.iter().map(|(i, v)| (*i, v)));
    // An overlap brings the same version again: one entry for it is enough.
    let known: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_conflict
               WHERE kind = ? AND table_name = ? AND record_id = ? AND remote = ?)",
        )
        .and_then(|mut statement| {
            statement.query_row(
                params![
                    kind_number(ConflictKind::ChangedByPeer),
                    table.name,
                    id,
                    remote
                ],
                |row| row.get(0),
            )
        })
        .map_sqlite()?;
    if known {
        return Ok(());
    }
    let values = [None, None, Some(remote)];
    write(
        connection,
        context,
        ConflictKind::ChangedByPeer,
        table,
        id,
        None,
        values,
    )
}

fn write(
    connection: &Connection,
    context: &Context,
    kind: ConflictKind,
    table: &Table,
    id: &str,
    column: Option<&str>,
    [base, local, remote]: [Option<String>; 3],
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO amana_conflict
               (at_ms, kind, table_name, record_id, column_name, base, local, remote)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                context.clock.now_ms(),
                kind_number(kind),
                table.name,
                id,
                column,
                base,
                local,
                remote
            ])
        })
        .map(|_| ())
        .map_sqlite()
}

pub(super) fn count(connection: &Connection) -> Result<u64> {
    connection
        .query_row("SELECT count(*) FROM amana_conflict", [], |row| {
            row.get::<_, i64>(0)
        })
        .map(i64::unsigned_abs)
        .map_sqlite()
}

/// A list ends behind the entry with which its values get larger than this.
const MAX_LIST_BYTES: usize = 8 * 1024 * 1024;

fn size_of_values(entry: &ConflictEntry) -> usize {
    [&entry.base, &entry.local, &entry.remote]
        .into_iter()
        .flatten()
        .map(String::len)
        .sum()
}

/// The entries after an id, oldest first; fewer than `limit` also where they are large.
pub(super) fn list(connection: &Connection, after: i64, limit: u32) -> Result<Vec<ConflictEntry>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT id, at_ms, kind, table_name, record_id, column_name, base, local, remote
             FROM amana_conflict WHERE id > ? ORDER BY id LIMIT ?",
        )
        .map_sqlite()?;
    let mut rows = statement.query(params![after, limit]).map_sqlite()?;
    let mut entries = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_sqlite()? {
        if bytes > MAX_LIST_BYTES {
            break;
        }
        entries.push(ConflictEntry {
            id: row.get(0).map_sqlite()?,
            at_ms: row.get(1).map_sqlite()?,
            kind: kind_of(row.get(2).map_sqlite()?)?,
            table: row.get(3).map_sqlite()?,
            record_id: row.get(4).map_sqlite()?,
            column: row.get(5).map_sqlite()?,
            base: row.get(6).map_sqlite()?,
            local: row.get(7).map_sqlite()?,
            remote: row.get(8).map_sqlite()?,
        });
        bytes += entries.last().map_or(0, size_of_values);
    }
    Ok(entries)
}
