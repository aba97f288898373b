//! What changed since a moment by the hub's own clock columns: the body of a pull, and what the
//! hub tells its cloud.

use std::io::Write as _;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::tables::{CREATED, DELETED, MODIFIED, SERVED, Table};
use crate::print::write_text;

/// All comparisons are strict: what is stamped with just that moment is in no list.
fn conditions() -> [String; 2] {
    [
        format!("{CREATED} > ?1 AND {DELETED} IS NULL"),
        format!("{MODIFIED} > ?1 AND {CREATED} <= ?1 AND {DELETED} IS NULL"),
    ]
}

/// The change set since a moment as JSON, keys in alphabetical order, only tables with something
/// in them.
///
/// Each query sees the database as it is then: there is no snapshot around them, as on the real
/// hub.
pub(super) fn since(database: &Connection, since_ms: i64) -> rusqlite::Result<Vec<u8>> {
    let mut out = vec![b'{'];
    for table in SERVED.iter() {
        let [created, updated] = conditions();
        let created = rows(database, table, &created, since_ms)?;
        let deleted = ids(database, table, since_ms)?;
        let updated = rows(database, table, &updated, since_ms)?;
        if [&created, &deleted, &updated].iter().all(|l| l.is_empty()) {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        write_text(table.name, &mut out);
        for (before, list) in [
            (":{\"created\":[", created),
            ("],\"deleted\":[", deleted),
            ("],\"updated\":[", updated),
        ] {
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(&list);
        }
        out.extend_from_slice(b"]}");
    }
    out.push(b'}');
    Ok(out)
}

/// The columns of a table for a `SELECT`, in printing order.
pub(super) fn column_list(table: &Table) -> String {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    names.join(",")
}

fn rows(
    database: &Connection,
    table: &Table,
    condition: &str,
    since_ms: i64,
) -> rusqlite::Result<Vec<u8>> {
    let sql = format!(
        "SELECT {} FROM \"{}\" WHERE {condition} ORDER BY rowid",
        column_list(table),
        table.name
    );
    let mut out = Vec::new();
    let mut statement = database.prepare_cached(&sql)?;
    let mut rows = statement.query([since_ms])?;
    while let Some(row) = rows.next()? {
        if !out.is_empty() {
            out.push(b',');
        }
        write_row(table, row, &mut out)?;
    }
    Ok(out)
}

fn ids(database: &Connection, table: &Table, since_ms: i64) -> rusqlite::Result<Vec<u8>> {
    let sql = format!(
        "SELECT id FROM \"{}\" WHERE {DELETED} > ?1 ORDER BY rowid",
        table.name
    );
    let mut out = Vec::new();
    let mut statement = database.prepare_cached(&sql)?;
    let mut rows = statement.query([since_ms])?;
    while let Some(row) = rows.next()? {
        if !out.is_empty() {
            out.push(b',');
        }
        write_text(&row.get::<_, String>(0)?, &mut out);
    }
    Ok(out)
}

/// Appends a row, selected with [`column_list`], as a JSON object.
pub(super) fn write_row(table: &Table, row: &Row<'_>, out: &mut Vec<u8>) -> rusqlite::Result<()> {
    out.push(b'{');
    for (index, column) in table.columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(column.name, out);
        out.push(b':');
        match row.get_ref(index)? {
            ValueRef::Integer(number) => {
                // Writing into a vector has no way to fail.
                let _ = write!(out, "{number}");
            }
            ValueRef::Real(number) => {
                // With a point even where nothing follows it: `80.0`.
                let _ = write!(out, "{number:?}");
            }
            ValueRef::Text(text) => write_text(&String::from_utf8_lossy(text), out),
            ValueRef::Null | ValueRef::Blob(_) => out.extend_from_slice(b"null"),
        }
    }
    out.push(b'}');
    Ok(())
}
