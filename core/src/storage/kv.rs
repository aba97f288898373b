//! The statements of the key–value table. No cache, no threads, no clock: the time is given.

use std::sync::Arc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};

use super::connection::is_sound;
use super::errors::MapSqlite;
use crate::error::{Error, ErrorCode, Result};
use crate::model::kv::{Kept, KeyRange, KvValue};

const TEXT: i64 = 0;
const BYTES: i64 = 1;

/// Expired rows that a write takes along.
const PURGE_ROWS: u32 = 32;

/// The row of a key, expired or not.
pub(super) fn get(connection: &Connection, namespace: &str, key: &str) -> Result<Option<Kept>> {
    let found = connection
        .prepare_cached(
            "SELECT expires_at_ms, kind, value FROM amana_kv WHERE namespace = ? AND key = ?",
        )
        .map_sqlite()?
        .query_row([namespace, key], |row| Ok(read(row)))
        .optional()
        .map_sqlite()?
        .transpose()?;
    if found.as_ref().is_some_and(is_over_several_pages) && !is_sound(connection)? {
        return Err(unreadable());
    }
    Ok(found)
}

/// Whether a value may have a page that holds nothing but its end: the only kind of page whose damage
/// SQLite does not notice. What is shorter is beside its key, on a page that has a form.
fn is_over_several_pages(kept: &Kept) -> bool {
    kept.value.raw().len() > 2_000
}

/// A row that is there but cannot be understood is an error, and never "missing".
fn read(row: &Row<'_>) -> Result<Kept> {
    let kind: i64 = row.get(1).map_err(|_| unreadable())?;
    let ValueRef::Blob(bytes) = row.get_ref(2).map_sqlite()? else {
        return Err(unreadable());
    };
    let value = match kind {
        TEXT => KvValue::text(std::str::from_utf8(bytes).map_err(|_| unreadable())?),
        BYTES => KvValue::bytes(bytes),
        _ => return Err(unreadable()),
    };
    Ok(Kept {
        value: Arc::new(value),
        expires_at_ms: row.get(0).map_err(|_| unreadable())?,
    })
}

const fn unreadable() -> Error {
    Error::new(ErrorCode::DatabaseDamaged, "a stored value cannot be read")
}

/// Sets a value, whatever was there.
pub(super) fn set(connection: &Connection, namespace: &str, key: &str, kept: &Kept) -> Result<()> {
    let kind = match &*kept.value {
        KvValue::Text(_) => TEXT,
        KvValue::Bytes(_) => BYTES,
    };
    connection
        .prepare_cached(
            "INSERT INTO amana_kv (namespace, key, expires_at_ms, kind, value)
             VALUES (?, ?, ?, ?, ?)
             ON CONFLICT (namespace, key) DO UPDATE SET
               expires_at_ms = excluded.expires_at_ms, kind = excluded.kind, value = excluded.value",
        )
        .map_sqlite()?
        .execute(params![
            namespace,
            key,
            kept.expires_at_ms,
            kind,
            kept.value.raw()
        ])
        .map(|_| ())
        .map_sqlite()
}

/// Removes a row; the expiry it had, if it was there.
pub(super) fn remove(
    connection: &Connection,
    namespace: &str,
    key: &str,
) -> Result<Option<Option<i64>>> {
    connection
        .prepare_cached(
            "DELETE FROM amana_kv WHERE namespace = ? AND key = ? RETURNING expires_at_ms",
        )
        .map_sqlite()?
        .query_row([namespace, key], |row| row.get(0))
        .optional()
        .map_sqlite()
}

/// Removes a namespace's rows; how many of them were live, and how many there were.
pub(super) fn clear(connection: &Connection, namespace: &str, now_ms: i64) -> Result<(u64, usize)> {
    let live: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM amana_kv
             WHERE namespace = ? AND (expires_at_ms IS NULL OR expires_at_ms > ?)",
        )
        .map_sqlite()?
        .query_row(params![namespace, now_ms], |row| row.get(0))
        .map_sqlite()?;
    let rows = connection
        .prepare_cached("DELETE FROM amana_kv WHERE namespace = ?")
        .map_sqlite()?
        .execute([namespace])
        .map_sqlite()?;
    Ok((live.unsigned_abs(), rows))
}

/// Live keys of a range, in order; one more than its limit if there are more.
pub(super) fn keys(
    connection: &Connection,
    namespace: &str,
    range: &KeyRange,
    now_ms: i64,
) -> Result<Vec<String>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT key FROM amana_kv
             WHERE namespace = ? AND key >= ? AND key < ?
               AND (expires_at_ms IS NULL OR expires_at_ms > ?)
             ORDER BY key LIMIT ?",
        )
        .map_sqlite()?;
    let arguments = params![
        namespace,
        range.start,
        End(range.end.as_deref()),
        now_ms,
        range.limit + 1
    ];
    statement
        .query_map(arguments, |row| row.get(0))
        .map_sqlite()?
        .collect::<rusqlite::Result<_>>()
        .map_sqlite()
}

/// The end of a range of keys. No end is the empty blob: in SQLite's order every text is before it,
/// so that one statement, and one index, serves both.
struct End<'a>(Option<&'a str>);

impl ToSql for End<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Some(end) => ValueRef::Text(end.as_bytes()),
            None => ValueRef::Blob(&[]),
        }))
    }
}

/// Removes some of the rows that have expired; their namespaces and keys.
pub(super) fn purge(connection: &Connection, now_ms: i64) -> Result<Vec<(String, String)>> {
    connection
        .prepare_cached(
            "DELETE FROM amana_kv WHERE id IN
               (SELECT id FROM amana_kv WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?)
             RETURNING namespace, key",
        )
        .map_sqlite()?
        .query_map(params![now_ms, PURGE_ROWS], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_sqlite()?
        .collect::<rusqlite::Result<_>>()
        .map_sqlite()
}
