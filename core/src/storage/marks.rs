//! What peers without the last word have taken of the outbox. An entry stays until the peer with
//! the last word has it; until then a mark says that another need not be sent it again, and which
//! values that other holds.

use rusqlite::{Connection, OptionalExtension, params};

use super::errors::MapSqlite;
use super::outbox::{self, base_from_json};
use super::schema_tables::cells_to_json;
use crate::error::Result;
use crate::model::change_set::{Acknowledgement, OutboxEntry, OutboxKind, RemoteRow, Revision};
use crate::model::ids::PeerId;
use crate::model::merge::Held;
use crate::model::schema::Table;
use crate::model::value::Value;

/// The condition that leaves out what the peer in `?5` has taken.
pub(super) const NOT_TAKEN: &str = " AND NOT EXISTS (SELECT 1 FROM amana_mark m
     WHERE m.table_name = o.table_name AND m.record_id = o.record_id AND m.peer = ?5
       AND m.revision = o.revision)";

/// No revision: nothing of the entry was taken, or it has to be sent again.
const NOT_YET: i64 = -1;

/// What one peer has taken of an entry.
pub(super) struct Mark {
    pub revision: i64,
    pub base: Vec<(usize, Value)>,
    /// Our values that were sent again over the ones from before our change.
    pub sent_again: Vec<(usize, Value)>,
}

impl Mark {
    /// Whether the peer was sent what took the place of a deleted record, in this or an earlier version,
    /// and not that deletion alone.
    pub(super) fn has_new_one(&self, entry: &OutboxEntry) -> bool {
        self.revision == entry.revision.0 || self.base.iter().any(|(position, _)| *position == 0)
    }
}

pub(super) fn find(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    id: &str,
) -> Result<Option<Mark>> {
    let found = connection
        .prepare_cached(
            "SELECT revision, base, sent_again FROM amana_mark
               WHERE table_name = ? AND record_id = ? AND peer = ?",
        )
        .map_sqlite()?
        .query_row([table.name.as_str(), id, peer.as_str()], |row| {
            Ok((
                row.get(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, String>(2)?,
            ))
        })
        .optional()
        .map_sqlite()?;
    found
        .map(|(revision, base, sent_again)| {
            Ok(Mark {
                revision,
                base: base_from_json(table, &base)?,
                sent_again: base_from_json(table, &sent_again)?,
            })
        })
        .transpose()
}

/// Leaves what was sent again as it is noted.
fn put(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    id: &str,
    revision: i64,
    base: &[(usize, Value)],
) -> Result<()> {
    let base = cells_to_json(table, base.iter().map(|(i, v)| (*i, v)));
    connection
        .prepare_cached(
            "INSERT INTO amana_mark (peer, table_name, record_id, revision, base)
             VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET revision = excluded.revision, base = excluded.base",
        )
        .and_then(|mut statement| {
            statement.execute(params![peer.as_str(), table.name, id, revision, base])
        })
        .map(|_| ())
        .map_sqlite()
}

/// The peer has taken this revision: what it was sent is what it holds.
pub(super) fn take(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    entry: &OutboxEntry,
    ack: &Acknowledgement,
) -> Result<()> {
    let columns = entry.base.iter().map(|(position, _)| *position);
    let base: Vec<_> = columns
        .filter_map(|position| Some((position, ack.sent.get(position)?.clone())))
        .collect();
    let id = ack.id.as_str();
    put(connection, peer, table, id, ack.revision.0, &base)?;
    aside_is_over(connection, peer, &table.name, id)
}

/// The peer says by itself that the record is deleted: it need not be told.
pub(super) fn take_deletion(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    id: &str,
    entry: &OutboxEntry,
) -> Result<()> {
    put(connection, peer, table, id, entry.revision.0, &[])
}

/// The entry's revision was replaced: the mark of a peer that has all of it goes along.
pub(super) fn follow(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    id: &str,
    (before, after): (Revision, Revision),
) -> Result<()> {
    connection
        .prepare_cached(
            "UPDATE amana_mark SET revision = ?
               WHERE table_name = ? AND record_id = ? AND peer = ? AND revision = ?",
        )
        .and_then(|mut statement| {
            let key = (table.name.as_str(), id, peer.as_str());
            statement.execute(params![after.0, key.0, key.1, key.2, before.0])
        })
        .map(|_| ())
        .map_sqlite()
}

/// The peers that hold what was sent of a record: those that took that revision, and those that hold
/// all values that were changed in it.
pub(super) fn holders(
    connection: &Connection,
    table: &Table,
    ack: &Acknowledgement,
) -> Result<Vec<String>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT peer, revision, base FROM amana_mark WHERE table_name = ? AND record_id = ?",
        )
        .map_sqlite()?;
    let mut rows = statement
        .query([table.name.as_str(), ack.id.as_str()])
        .map_sqlite()?;
    let mut holders = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        let revision: i64 = row.get(1).map_sqlite()?;
        let base: String = row.get(2).map_sqlite()?;
        if revision == ack.revision.0
            || revision != NOT_YET && has_all(ack, &base_from_json(table, &base)?)
        {
            holders.push(row.get(0).map_sqlite()?);
        }
    }
    Ok(holders)
}

/// The values that peers hold of what was sent of a record, where they are others than those that were
/// sent.
pub(super) fn held(
    connection: &Connection,
    table: &Table,
    ack: &Acknowledgement,
) -> Result<Vec<(usize, Value)>> {
    let mut statement = connection
        .prepare_cached("SELECT base FROM amana_mark WHERE table_name = ? AND record_id = ?")
        .map_sqlite()?;
    let mut rows = statement
        .query([table.name.as_str(), ack.id.as_str()])
        .map_sqlite()?;
    let mut held = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        let base: String = row.get(0).map_sqlite()?;
        let theirs = base_from_json(table, &base)?.into_iter();
        held.extend(theirs.filter(|(position, value)| {
            let is_other = ack.sent.get(*position).is_some_and(|sent| sent != value);
            *position > 0 && is_other
        }));
    }
    Ok(held)
}

/// Whether a peer that holds these values has every change that was sent.
fn has_all(ack: &Acknowledgement, held: &[(usize, Value)]) -> bool {
    let is_held = |position: &usize| {
        let theirs = held.iter().find(|(known, _)| known == position);
        theirs.is_some_and(|(_, value)| ack.sent.get(*position) == Some(value))
    };
    ack.kind != OutboxKind::Deleted && ack.changed.iter().all(is_held)
}

fn aside_is_over(connection: &Connection, peer: &PeerId, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM amana_aside WHERE table_name = ? AND record_id = ? AND peer = ?",
        )
        .and_then(|mut statement| statement.execute([table, id, peer.as_str()]))
        .map(|_| ())
        .map_sqlite()
}

/// Whether any peer has taken this revision of a record.
pub(super) fn is_taken(
    connection: &Connection,
    table: &Table,
    id: &str,
    revision: Revision,
) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_mark
               WHERE table_name = ? AND record_id = ? AND revision = ?)",
        )
        .and_then(|mut statement| {
            statement.query_row(params![table.name, id, revision.0], |row| row.get(0))
        })
        .map_sqlite()
}

/// Whether anything is noted of any entry.
pub(super) fn any(connection: &Connection) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_mark)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}

pub(super) fn forget(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM amana_mark WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}

/// An entry as it is for a peer without the last word: the bases are what that peer holds. With it
/// the columns in which that is our own value.
pub(super) fn as_seen(
    entry: &OutboxEntry,
    mark: Option<&Mark>,
    local: &[Value],
) -> (OutboxEntry, Vec<Held>) {
    let mut seen = entry.clone();
    let mut held = Vec::new();
    let Some(mark) = mark else {
        return (seen, held);
    };
    if entry.kind == OutboxKind::Created && mark.revision != NOT_YET {
        seen.kind = OutboxKind::Updated;
    }
    for (position, base) in &mut seen.base {
        let Some((_, theirs)) = mark.base.iter().find(|(p, _)| p == position) else {
            continue;
        };
        let before = std::mem::replace(base, theirs.clone());
        if local.get(*position) == Some(theirs) {
            let sent_again = mark.sent_again.iter().find(|(p, _)| p == position);
            held.push(Held {
                column: *position,
                before,
                sent_again: sent_again.is_some_and(|(_, ours)| ours == theirs),
            });
        }
    }
    (seen, held)
}

/// Notes what such a peer holds in the entry's columns. If that is not what is stored here, the
/// entry is sent to it again.
pub(super) fn note_seen(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    entry: &OutboxEntry,
    mark: Option<&Mark>,
    local: &[Value],
    remote: &RemoteRow,
) -> Result<()> {
    let theirs = |position: usize| {
        let cell = remote.cells.iter().find(|(p, _)| *p == position);
        let held = mark.and_then(|mark| mark.base.iter().find(|(p, _)| *p == position));
        cell.or(held).map(|(_, value)| value)
    };
    let is_sent = |(position, _): &&(usize, Value)| {
        // In whose place a record was made, only a peer that was sent it holds.
        *position > 0 || mark.is_some_and(|mark| mark.base.iter().any(|(at, _)| *at == 0))
    };
    let base: Vec<_> = entry
        .base
        .iter()
        .filter(is_sent)
        .map(|(position, base)| (*position, theirs(*position).unwrap_or(base).clone()))
        .collect();
    let all_there = base
        .iter()
        .all(|(position, value)| local.get(*position) == Some(value));
    let revision = match mark {
        Some(mark) if all_there => mark.revision,
        _ => NOT_YET,
    };
    if mark.is_some_and(|mark| mark.revision == revision && mark.base == base) {
        return Ok(());
    }
    let id = remote.id.as_str();
    put(connection, peer, table, id, revision, &base)?;
    match mark {
        Some(mark) => note_sent_again(connection, peer, (table, id), mark, local, &base),
        None => Ok(()),
    }
}

/// Notes the columns in which the peer had our value, has another, and is sent ours once more.
fn note_sent_again(
    connection: &Connection,
    peer: &PeerId,
    (table, id): (&Table, &str),
    mark: &Mark,
    local: &[Value],
    now: &[(usize, Value)],
) -> Result<()> {
    let is_ours = |(position, value): &(usize, Value)| local.get(*position) == Some(value);
    let had = mark.base.iter().filter(|cell| is_ours(cell));
    let lost: Vec<_> = had
        .filter(|(position, _)| now.iter().any(|cell| cell.0 == *position && !is_ours(cell)))
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    let is_other = |(position, _): &&(usize, Value)| lost.iter().all(|(p, _)| p != position);
    let cells = mark
        .sent_again
        .iter()
        .filter(is_other)
        .chain(lost.iter().copied());
    let cells = cells_to_json(table, cells.map(|(position, value)| (*position, value)));
    connection
        .prepare_cached(
            "UPDATE amana_mark SET sent_again = ?
               WHERE table_name = ? AND record_id = ? AND peer = ?",
        )
        .and_then(|mut statement| statement.execute(params![cells, table.name, id, peer.as_str()]))
        .map(|_| ())
        .map_sqlite()
}

/// The entry of a record with its mark, if it has either.
pub(super) fn entry_and_mark(
    connection: &Connection,
    peer: &PeerId,
    table: &Table,
    id: &str,
) -> Result<Option<(OutboxEntry, Option<Mark>)>> {
    let Some(entry) = outbox::find(connection, table, id)? else {
        return Ok(None);
    };
    Ok(Some((entry, find(connection, peer, table, id)?)))
}
