//! What the peer with the last word said it took, until a later pull has shown what it kept.
//!
//! A row whose edit was kept stays noted for a day: a device that had not seen the edit may still
//! push the whole row as it was before. So does a new row that the peer knows by other columns than
//! its id: a device that had not seen it may still make the same one. Any other new row nobody can
//! write over who has not seen it. An edit that is not announced stays noted for weeks, and whatever
//! stands in its place is suspicious.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Map, Value as Json, json};

use super::errors::MapSqlite;
use super::outbox::{damaged, kind_number, kind_of};
use super::{holders, taken_back};
use crate::error::Result;
use crate::model::change_set::{Acknowledgement, OutboxKind, Revision};
use crate::model::ids::{PeerId, PeerKind};
use crate::model::merge::{SentRow, Watched};
use crate::model::schema::{Schema, Table};
use crate::model::value::Value;

/// How long a row is remembered after it was confirmed.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

/// The same where no pull but one of everything tells others of an edit: such pulls are days apart.
const REMEMBERED_UNHEARD_MS: i64 = 30 * REMEMBERED_MS;

/// How many of a column's values from before its changes are remembered: the oldest, which who has heard
/// of none of them has, and the newest.
const REMEMBERED_VALUES: usize = 16;

/// Notes what was taken of a record at a revision; the entry of that revision, where it still
/// waits, becomes this. What was taken before and is not yet confirmed stays part of it. So
/// does an edit that was, also one of a new record: the next pull looks at all of it, since somebody
/// may still write over it.
pub(super) fn take(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    ack: &Acknowledgement,
    before: Vec<(usize, Value)>,
) -> Result<()> {
    let mut kind = ack.kind;
    let changed = before.into_iter().map(Watched::from).collect();
    // Of a column several, from before it and from what other peers hold.
    let mut changed = watch_as_well(Vec::new(), changed);
    if let Some(before) = find(connection, table, ack.id.as_str())? {
        forget(connection, &table.name, ack.id.as_str())?;
        let is_new = before.row.kind == OutboxKind::Created;
        // Others may make the same one yet, and write over all of it.
        let made_elsewhere = is_new && !table.natural_key.is_empty();
        // What was edited in a new record before it was confirmed, another peer may have without that.
        let is_edited = !is_new || !before.row.changed.is_empty();
        let is_watched = !before.row.confirmed || is_edited || made_elsewhere;
        // What was deleted was another one.
        let is_same = kind != OutboxKind::Deleted && before.row.kind != OutboxKind::Deleted;
        if is_watched && is_same {
            if !(before.row.confirmed && is_new) || made_elsewhere {
                kind = before.row.kind;
            }
            changed = watch_as_well(before.row.changed, changed);
        }
    }
    let base = to_json(table, &changed);
    connection
        .prepare_cached(
            "INSERT INTO amana_entry (revision, state, kind, table_name, record_id, base, peer)
             VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (table_name, revision) DO UPDATE SET state = 1, kind = ?2, base = ?5, peer = ?6",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                ack.revision.0,
                kind_number(kind),
                table.name,
                ack.id.as_str(),
                base,
                stored_peer(peer)
            ])
        })
        .map(|_| ())
        .map_sqlite()
}

/// What is watched, and what was changed once more. A value from before an earlier change may still be
/// written over by whoever has seen none of them, one from before a later change by whoever has seen
/// the earlier ones.
fn watch_as_well(mut all: Vec<Watched>, changed: Vec<Watched>) -> Vec<Watched> {
    for newer in changed {
        let Some(known) = all.iter_mut().find(|of| of.column == newer.column) else {
            all.push(newer);
            continue;
        };
        for value in newer.before {
            known.before.retain(|older| *older != value);
            known.before.push(value);
        }
        let too_many = known.before.len().saturating_sub(REMEMBERED_VALUES);
        known.before.drain(1..=too_many);
    }
    all
}

/// An object of column names: the value from before the only change, or a list of those from before
/// each of several. No value is a list.
fn to_json(table: &Table, changed: &[Watched]) -> String {
    let object: Map<String, Json> = changed
        .iter()
        .map(|watched| {
            let json = match &watched.before[..] {
                [value] => value.to_json(),
                values => values.iter().map(Value::to_json).collect(),
            };
            (table.columns[watched.column].name.clone(), json)
        })
        .collect();
    Json::Object(object).to_string()
}

/// Columns that the schema no longer shows are left out, and in whose place a new record was made: that
/// is over.
fn from_json(table: &Table, text: &str) -> Result<Vec<Watched>> {
    if text == "{}" {
        return Ok(Vec::new());
    }
    let object: Map<String, Json> = serde_json::from_str(text).map_err(|_| damaged())?;
    let mut changed = Vec::with_capacity(object.len());
    for (name, json) in &object {
        let Some(column) = table.position(name).filter(|position| *position > 0) else {
            continue;
        };
        let values = json
            .as_array()
            .map_or(std::slice::from_ref(json), |list| &list[..]);
        let before = values.iter().map(Value::from_json).collect::<Option<_>>();
        let before = before.ok_or_else(damaged)?;
        changed.push(Watched { column, before });
    }
    Ok(changed)
}

/// Notes that entries of a table between two revisions were taken, as they are: its deletions or all
/// others that wait. The caller knows all of them, and that nothing is noted of their records.
pub(super) fn take_between(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    (first, last): (Revision, Revision),
    deletions: bool,
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE amana_entry NOT INDEXED SET state = 1, peer = ?1
               WHERE table_name = ?2 AND revision BETWEEN ?3 AND ?4 AND state = 0
                 AND (kind = 2) = ?5",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                stored_peer(peer),
                table.name,
                first.0,
                last.0,
                deletions
            ])
        })
        .map(|_| ())
        .map_sqlite()
}

/// Nothing for the cloud, so that taking an entry does not make it longer.
fn stored_peer(peer: &PeerId) -> Option<&str> {
    (peer.kind() != PeerKind::Cloud).then_some(peer.as_str())
}

/// A row that was sent, and to whom.
pub(super) struct Sent {
    pub peer: String,
    pub row: SentRow,
}

pub(super) fn find(connection: &Connection, table: &Table, id: &str) -> Result<Option<Sent>> {
    connection
        .prepare_cached(
            "SELECT kind, base, confirmed_ms, coalesce(peer, 'cloud')
               FROM amana_entry INDEXED BY amana_entry_by_record
               WHERE table_name = ? AND record_id = ? AND state > 0",
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
    let kind = kind_of(kind)?;
    let changed = match kind {
        // What a tombstone remembers is no value that was changed.
        OutboxKind::Deleted => Vec::new(),
        OutboxKind::Created | OutboxKind::Updated => from_json(table, &base)?,
    };
    Ok(SentRow {
        kind,
        changed,
        confirmed: confirmed_ms.is_some(),
    })
}

/// Whether anything of a table is noted.
pub(super) fn has_any(connection: &Connection, table: &str) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_entry WHERE table_name = ? AND state > 0)",
        )
        .and_then(|mut statement| statement.query_row([table], |row| row.get(0)))
        .map_sqlite()
}

/// The peer kept it. An edit is remembered for a while yet, all else is done with.
pub(super) fn confirm(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    id: &str,
    sent: &SentRow,
    now_ms: i64,
) -> Result<()> {
    let made_elsewhere = sent.kind == OutboxKind::Created && !table.natural_key.is_empty();
    if sent.changed.is_empty() && !made_elsewhere {
        return settle(connection, peer, &table.name, id, now_ms);
    }
    if sent.confirmed {
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE amana_entry INDEXED BY amana_entry_by_record SET state = 2, confirmed_ms = ?
               WHERE table_name = ? AND record_id = ? AND state > 0",
        )
        .and_then(|mut statement| statement.execute(params![now_ms, table.name, id]))
        .map(|_| ())
        .map_sqlite()
}

/// Watches only these columns from now on, as an edit.
pub(super) fn narrow(
    connection: &Connection,
    table: &Table,
    id: &str,
    changed: &[Watched],
) -> Result<()> {
    let base = to_json(table, changed);
    let kind = kind_number(OutboxKind::Updated);
    connection
        .prepare_cached(
            "UPDATE amana_entry INDEXED BY amana_entry_by_record SET kind = ?, base = ?
               WHERE table_name = ? AND record_id = ? AND state > 0",
        )
        .and_then(|mut statement| statement.execute(params![kind, base, table.name, id]))
        .map(|_| ())
        .map_sqlite()
}

pub(super) fn forget(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM amana_entry INDEXED BY amana_entry_by_record
               WHERE table_name = ? AND record_id = ? AND state > 0",
        )
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}

/// Forgets what needs no more watching, since the peer that took it has shown it.
pub(super) fn settle(
    connection: &Connection,
    peer: &PeerId,
    table: &str,
    id: &str,
    now_ms: i64,
) -> Result<()> {
    if peer.kind() == PeerKind::Hub {
        taken_back::keep(connection, table, id, now_ms)?;
    }
    forget(connection, table, id)
}

/// What was confirmed a day ago needs no more watching, unless others hear of it by a pull of everything
/// alone.
pub(super) fn forget_old(connection: &Connection, schema: &Schema, now_ms: i64) -> Result<()> {
    let before_ms = now_ms.saturating_sub(REMEMBERED_MS);
    taken_back::forget_old(connection, before_ms, now_ms)?;
    let unheard = schema.tables().filter(|(_, of)| !of.updates_announced);
    let unheard: Vec<&str> = unheard.map(|(_, of)| of.name.as_str()).collect();
    connection
        .prepare_cached(
            "DELETE FROM amana_entry WHERE state = 2 AND confirmed_ms < ?
               AND table_name NOT IN (SELECT value FROM json_each(?))",
        )
        .and_then(|mut statement| statement.execute(params![before_ms, json!(unheard).to_string()]))
        .map_sqlite()?;
    let before_ms = now_ms.saturating_sub(REMEMBERED_UNHEARD_MS);
    for table in unheard {
        connection
            .prepare_cached(
                "DELETE FROM amana_entry WHERE table_name = ? AND state = 2 AND confirmed_ms < ?",
            )
            .and_then(|mut statement| statement.execute(params![table, before_ms]))
            .map_sqlite()?;
    }
    Ok(())
}

/// The rows of a table that no pull has confirmed.
pub(super) fn unconfirmed(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
) -> Result<Vec<(String, SentRow)>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT kind, base, confirmed_ms, record_id
               FROM amana_entry NOT INDEXED
               WHERE state = 1 AND table_name = ? AND coalesce(peer, 'cloud') = ?",
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

/// Gives the note of a record another id, with who else has it, in place of what was noted of that
/// one.
pub(super) fn rename(connection: &Connection, table: &str, from: &str, to: &str) -> Result<()> {
    let is_noted: bool = connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_entry INDEXED BY amana_entry_by_record
               WHERE table_name = ? AND record_id = ? AND state > 0)",
        )
        .and_then(|mut statement| statement.query_row([table, from], |row| row.get(0)))
        .map_sqlite()?;
    if !is_noted {
        return Ok(());
    }
    forget(connection, table, to)?;
    connection
        .prepare_cached(
            "UPDATE amana_entry INDEXED BY amana_entry_by_record SET record_id = ?3
               WHERE table_name = ?1 AND record_id = ?2 AND state > 0",
        )
        .and_then(|mut statement| statement.execute([table, from, to]))
        .map_sqlite()?;
    holders::rename(connection, table, from, to)
}
