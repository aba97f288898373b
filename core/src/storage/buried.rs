//! Deletions in tables in which a peer knows a record by other columns than its id. What was made here
//! and taken by the peer, and was deleted before a pull showed it, may be held there as part of the
//! record that the peer had of the same key: it is that one which was deleted. And what is given again
//! while its deletion waits, the peer would take for the record that it has, and then delete that.

use rusqlite::{Row, params};

use super::errors::MapSqlite;
use super::outbox::base_from_json;
use super::transaction::WriteTransaction;
use super::{conflicts, natural_key, outbox, records, sent};
use crate::error::Result;
use crate::model::change_set::{OutboxEntry, OutboxKind, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::row::Fields;
use crate::model::schema::{Table, TableIndex};
use crate::model::terms::PeerTerms;
use crate::model::value::Value;

/// A record that was deleted here, by the values of its key.
pub(super) struct Buried {
    id: RecordId,
    key: Fields,
}

/// What a tombstone remembers: the version that was deleted. Where the table has a key, all of the
/// record, as far as that is known as the peer has it: what is given again is compared with that.
fn remembered(table: &Table, before: Option<&OutboxEntry>, stored: &[Value]) -> Fields {
    let cell = |at: usize| (at, stored[at].clone());
    if table.natural_key.is_empty() {
        return table.updated_at().map(cell).into_iter().collect();
    }
    let mut cells: Fields = (1..stored.len()).map(cell).collect();
    let edits = before.filter(|entry| is_edit(entry));
    for (at, theirs) in edits.iter().flat_map(|entry| &entry.base) {
        if *at > 0 {
            cells.retain(|(known, _)| known != at);
            cells.push((*at, theirs.clone()));
        }
    }
    cells
}

/// What was given again is an edit of what the peer has, too.
fn is_edit(entry: &OutboxEntry) -> bool {
    entry.kind == OutboxKind::Updated || takes_place_of(entry).is_some()
}

/// The id of the deleted record whose place a new one took, and which no peer was told to delete. It
/// stands as the base of the new one's id: other bases a new record may have by being edited.
pub(super) fn takes_place_of(entry: &OutboxEntry) -> Option<&str> {
    let is_new = entry.kind == OutboxKind::Created;
    of(&entry.base, 0).filter(|_| is_new)?.as_text()
}

/// Leaves the tombstone of a record, with the one whose deletion takes it along. Where it took the place of
/// another under an id of its own, the deletion of that one was withdrawn for it, and is due again.
pub(super) fn leave_tombstone(
    tx: &mut WriteTransaction<'_>,
    table: &Table,
    id: &str,
    stored: &[Value],
    root: Option<&(TableIndex, String)>,
) -> Result<()> {
    let before = match table.natural_key.is_empty() {
        true => None,
        false => outbox::find(tx.connection, table, id)?,
    };
    let first = before.as_ref().and_then(takes_place_of);
    let mut entry = OutboxEntry {
        kind: OutboxKind::Deleted,
        revision: tx.next_revision(),
        base: remembered(table, before.as_ref(), stored),
    };
    let schema = &tx.context.schema;
    let parent = root.map(|(table, id)| (schema.table(*table).name.as_str(), id.as_str()));
    outbox::bury(tx.connection, table, id, &entry, parent)?;
    if let Some(first) = first.filter(|first| *first != id) {
        entry.revision = tx.next_revision();
        outbox::bury(tx.connection, table, first, &entry, parent)?;
    }
    Ok(())
}

/// A record that was given again stays, though a peer has carried out the deletion of the one whose id
/// it has: that is gone for good, and it becomes one of its own.
pub(super) fn stands_alone(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    record: &[Value],
) -> Result<()> {
    let table = tx.context.schema.table(index);
    let before = record.first().and_then(Value::as_text).unwrap_or_default();
    let id = RecordId::make(&*tx.context.clock, &*tx.context.entropy)?;
    let mut record = record.to_vec();
    record[0] = Value::Text(id.as_str().to_owned());
    records::remove_row(tx.connection, tx.context, index, before)?;
    records::insert_row(tx.connection, tx.context, index, &record)?;
    outbox::remove(tx.connection, &table.name, before, OutboxKind::Created)?;
    conflicts::rename(tx.connection, &table.name, before, id.as_str())?;
    let entry = OutboxEntry {
        kind: OutboxKind::Created,
        revision: tx.next_revision(),
        base: Vec::new(),
    };
    outbox::put(tx.connection, table, id.as_str(), &entry, None)?;
    natural_key::follow(tx, index, before, id.as_str())?;
    tx.touch(index, before);
    tx.touch(index, id.as_str());
    Ok(())
}

/// The tombstones of a table that the peer with the last word is yet to hear of, and whose records it
/// took as new ones and has not shown since.
pub(super) fn all(tx: &WriteTransaction<'_>, table: &Table) -> Result<Vec<Buried>> {
    if table.natural_key.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = tx
        .connection
        .prepare_cached(
            "SELECT t.record_id, t.base FROM amana_entry t INDEXED BY amana_entry_waiting
               WHERE t.state = 0 AND t.table_name = ? AND (t.kind = 2) = 1
                 AND EXISTS (SELECT 1 FROM amana_entry s INDEXED BY amana_entry_by_record
                   WHERE s.record_id = t.record_id AND s.table_name = t.table_name
                     AND s.state = 1 AND s.kind = 0)",
        )
        .map_sqlite()?;
    let mut rows = statement.query(params![table.name]).map_sqlite()?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        if let Some((id, mut key)) = read(table, row)? {
            key.retain(|(at, value)| table.natural_key.contains(at) && !value.is_null());
            if key.len() == table.natural_key.len() {
                found.push(Buried { id, key });
            }
        }
    }
    Ok(found)
}

/// A tombstone's record, and what it remembers.
fn read(table: &Table, row: &Row<'_>) -> Result<Option<(RecordId, Fields)>> {
    let (id, base) = <(String, String)>::try_from(row).map_sqlite()?;
    let cells = base_from_json(table, &base)?;
    Ok(RecordId::from_peer(&id).map(|id| (id, cells)))
}

/// A new record takes the place of what was deleted by the same key, if that deletion waits: it is
/// withdrawn. The record gets that one's id unless the app has chosen another, and is later than what
/// was deleted. Returns what the peer has in its columns, as the bases of its entry.
///
/// A deletion that some peer has taken is not withdrawn: that peer says it for good. Nor is one that
/// goes with another record's.
pub(super) fn given_again(
    tx: &WriteTransaction<'_>,
    index: TableIndex,
    record: &mut [Value],
    id_is_chosen: bool,
) -> Result<Fields> {
    let table = tx.context.schema.table(index);
    let mut before: Option<(RecordId, Fields)> = None;
    for (id, cells) in waiting(tx, table, record)? {
        outbox::remove_root(tx.connection, &table.name, id.as_str())?;
        if let Some(at) = table.updated_at()
            && let (Some(deleted), Some(now)) = (of(&cells, at), record[at].as_integer())
            && let Some(deleted) = deleted.as_integer()
        {
            record[at] = Value::Integer(now.max(deleted.saturating_add(1)));
        }
        before = Some((id, cells));
    }
    let Some((id, before)) = before else {
        return Ok(Vec::new());
    };
    if !id_is_chosen {
        record[0] = Value::Text(id.as_str().to_owned());
    }
    let mut base = vec![(0, Value::Text(id.as_str().to_owned()))];
    for (at, column) in table.columns.iter().enumerate().skip(1) {
        let theirs = of(&before, at);
        if column.hidden || !column.pushed {
            // It is only carried.
            record[at] = theirs.unwrap_or(&record[at]).clone();
        } else if !natural_key::is_kept_by_store(column) && !table.natural_key.contains(&at) {
            let theirs = theirs.unwrap_or(&Value::Null);
            if !(theirs.is_null() && record[at].is_null()) {
                base.push((at, theirs.clone()));
            }
        }
    }
    Ok(base)
}

/// The deletions by the key of a record that wait by themselves, and that no peer has taken; the
/// latest is the last.
fn waiting(
    tx: &WriteTransaction<'_>,
    table: &Table,
    record: &[Value],
) -> Result<Vec<(RecordId, Fields)>> {
    let mut statement = tx
        .connection
        .prepare_cached(
            "SELECT record_id, base FROM amana_entry o INDEXED BY amana_entry_waiting
               WHERE state = 0 AND table_name = ? AND (kind = 2) = 1 AND parent_id IS NULL
                 AND NOT EXISTS (SELECT 1 FROM amana_mark m
                   WHERE m.table_name = o.table_name AND m.record_id = o.record_id
                     AND m.revision = o.revision)
               ORDER BY revision",
        )
        .map_sqlite()?;
    let mut rows = statement.query(params![table.name]).map_sqlite()?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        let has_key = |(_, cells): &(RecordId, Fields)| {
            let mut key = table.natural_key.iter();
            key.all(|at| !record[*at].is_null() && of(cells, *at) == Some(&record[*at]))
        };
        found.extend(read(table, row)?.filter(has_key));
    }
    Ok(found)
}

fn of(cells: &Fields, at: usize) -> Option<&Value> {
    let found = cells.iter().find(|(known, _)| *known == at);
    found.map(|(_, value)| value)
}

/// Whether a pulled record, of which nothing is known here, has the key of one that was deleted, which
/// the peer took and never showed by its own id.
pub(super) fn holds_one(
    tx: &WriteTransaction<'_>,
    index: TableIndex,
    buried: &[Buried],
    remote: &RemoteRow,
) -> Result<bool> {
    let table = tx.context.schema.table(index);
    let theirs = |at: usize| remote.cells.iter().find(|(p, _)| *p == at).map(|(_, v)| v);
    let has_key = |of: &&Buried| {
        let mut key = of.key.iter();
        of.id != remote.id && key.all(|(at, value)| theirs(*at) == Some(value))
    };
    for of in buried.iter().filter(has_key) {
        let sent = sent::find(tx.connection, table, of.id.as_str())?;
        if !sent.is_some_and(|s| s.row.kind == OutboxKind::Created && !s.row.confirmed) {
            continue;
        }
        let entry = outbox::find(tx.connection, table, remote.id.as_str())?;
        let stored = records::get(tx.connection, tx.context, index, &remote.id)?;
        return Ok(entry.is_none() && stored.is_none());
    }
    Ok(false)
}

/// Deletes the peer's record too. Nobody can tell what of it is somebody else's, so all of it goes into
/// the ledger.
pub(super) fn bury_as_well(
    tx: &mut WriteTransaction<'_>,
    terms: &PeerTerms,
    index: TableIndex,
    remote: &RemoteRow,
) -> Result<()> {
    let table = tx.context.schema.table(index);
    let id = remote.id.as_str();
    conflicts::record_changed_by_peer(tx, terms, table, id, &remote.cells)?;
    let entry = OutboxEntry {
        kind: OutboxKind::Deleted,
        revision: tx.next_revision(),
        base: remote.cells.clone(),
    };
    outbox::put(tx.connection, table, id, &entry, None)
}
