//! The ledger: what both sides changed, and edits that a deletion took with it.

use rusqlite::{Connection, Row, params};

use super::errors::MapSqlite;
use super::schema_tables::cells_to_json;
use super::session;
use super::transaction::WriteTransaction;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::OutboxKind;
use crate::model::ledger::{ConflictEntry, ConflictKind, Kept};
use crate::model::merge::{ColumnConflict, SentRow};
use crate::model::schema::Table;
use crate::model::terms::PeerTerms;
use crate::model::value::Value;

const fn kind_number(kind: ConflictKind) -> i64 {
    match kind {
        ConflictKind::BothChanged => 0,
        ConflictKind::DeletedByPeer => 1,
        ConflictKind::ChangedByPeer => 2,
        ConflictKind::NotKept => 3,
        ConflictKind::RuleFailed => 4,
    }
}

const fn kept_number(kept: Kept) -> i64 {
    match kept {
        Kept::Local => 0,
        Kept::Remote => 1,
        Kept::Rule => 2,
    }
}

fn kept_of(number: i64) -> Result<Kept> {
    match number {
        0 => Ok(Kept::Local),
        1 => Ok(Kept::Remote),
        2 => Ok(Kept::Rule),
        _ => Err(unreadable()),
    }
}

const fn unreadable() -> Error {
    Error::new(ErrorCode::DatabaseDamaged, "a ledger entry cannot be read")
}

fn kind_of(number: i64) -> Result<ConflictKind> {
    match number {
        0 => Ok(ConflictKind::BothChanged),
        1 => Ok(ConflictKind::DeletedByPeer),
        2 => Ok(ConflictKind::ChangedByPeer),
        3 => Ok(ConflictKind::NotKept),
        4 => Ok(ConflictKind::RuleFailed),
        _ => Err(unreadable()),
    }
}

/// A pulled record beside the stored one: where the times of both sides come from.
pub(super) type Versions<'a> = (&'a [Value], &'a [(usize, Value)]);

fn times(table: &Table, (local, remote): Versions<'_>) -> (Option<i64>, Option<i64>) {
    let Some(at) = table.updated_at() else {
        return (None, None);
    };
    let theirs = remote.iter().find(|(position, _)| *position == at);
    (
        local.get(at).and_then(Value::as_integer),
        theirs.and_then(|(_, value)| value.as_integer()),
    )
}

/// Both sides changed a column.
pub(super) fn record_column(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    table: &Table,
    id: &str,
    conflict: &ColumnConflict,
    versions: Versions<'_>,
) -> Result<()> {
    let kind = match conflict.unanswered {
        true => ConflictKind::RuleFailed,
        false => ConflictKind::BothChanged,
    };
    let entry = column_entry(kind, table, conflict, versions);
    write(tx, terms, table, id, entry)
}

/// The peer took a column's value and holds another.
pub(super) fn record_not_kept(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    table: &Table,
    id: &str,
    conflict: &ColumnConflict,
    versions: Versions<'_>,
) -> Result<()> {
    let entry = column_entry(ConflictKind::NotKept, table, conflict, versions);
    write(tx, terms, table, id, entry)
}

fn column_entry<'a>(
    kind: ConflictKind,
    table: &'a Table,
    conflict: &ColumnConflict,
    versions: Versions<'_>,
) -> NewEntry<'a> {
    let text = |value: &Value| Some(value.to_json().to_string());
    NewEntry {
        kind,
        kept: conflict.kept,
        column: Some(&table.columns[conflict.column].name),
        base: text(&conflict.base),
        local: text(&conflict.local),
        remote: text(&conflict.remote),
        times: times(table, versions),
    }
}

/// The peer took a record, and a later pull does not hold it.
pub(super) fn record_not_come_back(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    table: &Table,
    stored: &[Value],
    sent: &SentRow,
) -> Result<()> {
    let changed = |position: &usize| sent.changed.iter().any(|of| of.column == *position);
    let before = sent.changed.iter();
    let before = before.filter_map(|of| Some((of.column, of.before.first()?)));
    let cells = stored
        .iter()
        .enumerate()
        .filter(|(position, _)| sent.kind == OutboxKind::Created || changed(position));
    let entry = NewEntry {
        kind: ConflictKind::NotKept,
        kept: Kept::Local,
        column: None,
        base: Some(cells_to_json(table, before)),
        local: Some(cells_to_json(table, cells)),
        remote: None,
        times: times(table, (stored, &[])),
    };
    let id = stored.first().and_then(Value::as_text).unwrap_or_default();
    write(tx, terms, table, id, entry)
}

/// Whether an entry of that kind was written since a time, and nobody has sent the record anew since.
pub(super) fn was_not_shown(
    connection: &Connection,
    table: &str,
    id: &str,
    since_ms: i64,
) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_conflict
               WHERE table_name = ? AND record_id = ? AND at_ms >= ? AND kind = ? AND kept = ?
                 AND column_name IS NULL AND undone_ms IS NULL)",
        )
        .and_then(|mut statement| {
            let (kind, kept) = (kind_number(ConflictKind::NotKept), kept_number(Kept::Local));
            statement.query_row(params![table, id, since_ms, kind, kept], |row| row.get(0))
        })
        .map_sqlite()
}

/// The peer took a deletion, and still holds the record.
pub(super) fn record_still_there(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    table: &Table,
    id: &str,
    cells: &[(usize, Value)],
) -> Result<()> {
    let entry = NewEntry {
        kind: ConflictKind::NotKept,
        kept: Kept::Remote,
        column: None,
        base: None,
        local: None,
        remote: Some(cells_to_json(table, cells.iter().map(|(i, v)| (*i, v)))),
        times: times(table, (&[], cells)),
    };
    write(tx, terms, table, id, entry)
}

/// The peer deleted a record that was edited here.
pub(super) fn record_lost_edits(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    table: &Table,
    stored: &[Value],
    id: &str,
) -> Result<()> {
    let entry = NewEntry {
        kind: ConflictKind::DeletedByPeer,
        kept: Kept::Remote,
        column: None,
        base: None,
        local: Some(cells_to_json(table, stored.iter().enumerate())),
        remote: None,
        times: times(table, (stored, &[])),
    };
    write(tx, terms, table, id, entry)
}

pub(super) const IS_KNOWN: &str = "SELECT EXISTS (SELECT 1 FROM amana_conflict
     WHERE kind = ? AND table_name = ? AND record_id = ? AND remote = ?)";

/// The peer changed a record that was deleted here, or made one that belongs to such a record.
pub(super) fn record_changed_by_peer(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    table: &Table,
    id: &str,
    cells: &[(usize, Value)],
) -> Result<()> {
    let remote = cells_to_json(table, cells.iter().map(|(i, v)| (*i, v)));
    // An overlap brings the same version again: one entry for it is enough.
    let known: bool = tx
        .connection
        .prepare_cached(IS_KNOWN)
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
    let entry = NewEntry {
        kind: ConflictKind::ChangedByPeer,
        kept: Kept::Local,
        column: None,
        base: None,
        local: None,
        remote: Some(remote),
        times: times(table, (&[], cells)),
    };
    write(tx, terms, table, id, entry)
}

struct NewEntry<'a> {
    kind: ConflictKind,
    kept: Kept,
    column: Option<&'a str>,
    base: Option<String>,
    local: Option<String>,
    remote: Option<String>,
    times: (Option<i64>, Option<i64>),
}

fn write(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    table: &Table,
    id: &str,
    entry: NewEntry<'_>,
) -> Result<()> {
    let actor = session::person_id(tx.connection)?;
    tx.connection
        .prepare_cached(
            "INSERT INTO amana_conflict
               (at_ms, kind, table_name, record_id, column_name, base, local, remote,
                peer, kept, actor, local_at_ms, remote_at_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                tx.context.clock.now_ms(),
                kind_number(entry.kind),
                table.name,
                id,
                entry.column,
                entry.base,
                entry.local,
                entry.remote,
                terms.id.as_str(),
                kept_number(entry.kept),
                actor,
                entry.times.0,
                entry.times.1,
            ])
        })
        .map(|_| ())
        .map_sqlite()
}

pub(super) fn count(connection: &Connection) -> Result<u64> {
    connection
        .query_row(
            "SELECT count(*) FROM amana_conflict WHERE undone_ms IS NULL",
            [],
            |row| row.get::<_, i64>(0),
        )
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
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM amana_conflict WHERE id > ? ORDER BY id LIMIT ?"
        ))
        .map_sqlite()?;
    let mut rows = statement.query(params![after, limit]).map_sqlite()?;
    let mut entries = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_sqlite()? {
        if bytes > MAX_LIST_BYTES {
            break;
        }
        let entry = read(row)?;
        bytes += size_of_values(&entry);
        entries.push(entry);
    }
    Ok(entries)
}

const COLUMNS: &str = "id, at_ms, kind, table_name, record_id, column_name, base, local, remote,
    peer, kept, actor, local_at_ms, remote_at_ms, undone_ms";

fn read(row: &Row<'_>) -> Result<ConflictEntry> {
    Ok(ConflictEntry {
        id: row.get(0).map_sqlite()?,
        at_ms: row.get(1).map_sqlite()?,
        kind: kind_of(row.get(2).map_sqlite()?)?,
        table: row.get(3).map_sqlite()?,
        record_id: row.get(4).map_sqlite()?,
        column: row.get(5).map_sqlite()?,
        base: row.get(6).map_sqlite()?,
        local: row.get(7).map_sqlite()?,
        remote: row.get(8).map_sqlite()?,
        peer: row.get(9).map_sqlite()?,
        kept: kept_of(row.get(10).map_sqlite()?)?,
        actor: row.get(11).map_sqlite()?,
        local_at_ms: row.get(12).map_sqlite()?,
        remote_at_ms: row.get(13).map_sqlite()?,
        undone_at_ms: row.get(14).map_sqlite()?,
    })
}

pub(super) const RENAME: &str =
    "UPDATE amana_conflict SET record_id = ?3 WHERE table_name = ?1 AND record_id = ?2";

/// A record is known by another id now: undoing its entries changes that one.
pub(super) fn rename(connection: &Connection, table: &str, from: &str, to: &str) -> Result<()> {
    connection
        .prepare_cached(RENAME)
        .and_then(|mut statement| statement.execute([table, from, to]))
        .map(|_| ())
        .map_sqlite()
}

/// One entry.
pub(super) fn get(connection: &Connection, id: i64) -> Result<Option<ConflictEntry>> {
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM amana_conflict WHERE id = ?"
        ))
        .map_sqlite()?;
    let mut rows = statement.query([id]).map_sqlite()?;
    rows.next().map_sqlite()?.map(read).transpose()
}

/// Notes that the other value was taken after all.
pub(super) fn mark_undone(connection: &Connection, id: i64, now_ms: i64) -> Result<()> {
    connection
        .execute(
            "UPDATE amana_conflict SET undone_ms = ? WHERE id = ?",
            [now_ms, id],
        )
        .map(|_| ())
        .map_sqlite()
}
