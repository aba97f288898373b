//! Takes the other value of a ledger entry after all: as an edit of somebody here, that is pushed
//! like any other. A record that never came back is sent once more. One that is gone comes back only by
//! an entry that holds all of it: made of single columns it would be another record.

use serde_json::{Map, Value as Json};

use super::transaction::WriteTransaction;
use super::{absent, conflicts, marks, outbox, peers, records};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{OutboxEntry, OutboxKind};
use crate::model::ids::RecordId;
use crate::model::ledger::{ConflictEntry, ConflictKind, Kept};
use crate::model::row::Fields;
use crate::model::schema::{Role, Table, TableIndex};
use crate::model::value::Value;

/// Undoes an entry; returns the id of the record that has the value now. A record that is gone
/// comes back as a new one, or `not_found` says that the entry does not hold all of it.
pub(super) fn undo(tx: &mut WriteTransaction<'_>, entry_id: i64) -> Result<RecordId> {
    let entry = conflicts::get(tx.connection, entry_id)?
        .ok_or(Error::new(ErrorCode::NotFound, "there is no such entry"))?;
    if entry.undone_at_ms.is_some() {
        return Err(Error::invalid("this entry was undone already"));
    }
    let (index, table) = tx.context.schema.require(&entry.table)?;
    let id = RecordId::from_peer(&entry.record_id).ok_or_else(unreadable)?;
    let wanted = wanted(table, &entry)?;
    let id = match records::get(tx.connection, tx.context, index, &id)? {
        Some(_) if did_not_come_back(&entry) => {
            let base = entry.base.as_deref().unwrap_or("{}");
            let base = outbox::base_from_json(table, base).map_err(|_| unreadable())?;
            // Where nobody shows it, as it is now: it may have been edited since. Else the other's is there.
            let is_absent = absent::is_marked(tx.connection, &table.name, id.as_str())?;
            let fields = if is_absent { Vec::new() } else { wanted };
            records::send_again(tx, index, &id, fields, base)?;
            id
        }
        Some(_) if was_still_there(&entry) => {
            records::delete(tx, index, &id)?;
            id
        }
        // It was deleted once more since.
        None if was_still_there(&entry) => id,
        Some(_) => {
            let fields = wanted.into_iter().filter(|(position, _)| *position > 0);
            records::change(tx, index, &id, fields.collect())?;
            id
        }
        None if is_whole(table, &entry)? => bring_back(tx, index, id, wanted)?,
        None => return Err(gone(&entry)),
    };
    conflicts::mark_undone(tx.connection, entry_id, tx.context.clock.now_ms())?;
    Ok(id)
}

/// The peer took the record, and a later pull did not hold it: here it is as it was sent.
fn did_not_come_back(entry: &ConflictEntry) -> bool {
    entry.kind == ConflictKind::NotKept && entry.kept == Kept::Local && entry.column.is_none()
}

/// The peer took a deletion, and held the record all the same.
fn was_still_there(entry: &ConflictEntry) -> bool {
    entry.kind == ConflictKind::NotKept && entry.kept == Kept::Remote && entry.column.is_none()
}

/// Whether the entry has the whole record, and not single columns. Of an edit that did not come back
/// it has what was edited, which its id never is.
fn is_whole(table: &Table, entry: &ConflictEntry) -> Result<bool> {
    if !did_not_come_back(entry) {
        return Ok(entry.column.is_none());
    }
    let local = entry.local.as_deref().unwrap_or("{}");
    let cells: Map<String, Json> = serde_json::from_str(local).map_err(|_| unreadable())?;
    Ok(cells.contains_key(&table.columns[0].name))
}

/// The columns with the value that did not stay; none for a deletion that was not carried out.
fn wanted(table: &Table, entry: &ConflictEntry) -> Result<Fields> {
    let other = match (entry.kind, entry.kept) {
        (ConflictKind::ChangedByPeer, _) => &entry.remote,
        (ConflictKind::DeletedByPeer, _) => &entry.local,
        (ConflictKind::NotKept, _) => &entry.local,
        (ConflictKind::BothChanged | ConflictKind::RuleFailed, Kept::Local) => &entry.remote,
        (ConflictKind::BothChanged | ConflictKind::RuleFailed, Kept::Remote | Kept::Rule) => {
            &entry.local
        }
    };
    let Some(text) = other else {
        return Ok(Vec::new());
    };
    let json: Json = serde_json::from_str(text).map_err(|_| unreadable())?;
    if let Some(column) = &entry.column {
        let position = table.position(column).ok_or_else(unreadable)?;
        return Ok(vec![(
            position,
            Value::from_json(&json).ok_or_else(unreadable)?,
        )]);
    }
    let object: Map<String, Json> = serde_json::from_value(json).map_err(|_| unreadable())?;
    object
        .iter()
        .filter_map(|(name, json)| Some((table.position(name)?, json)))
        .filter(|(position, _)| !is_stores_own(table, *position))
        .map(|(position, json)| Ok((position, Value::from_json(json).ok_or_else(unreadable)?)))
        .collect()
}

/// Columns that say when and whether, and belong to the record as it was.
fn is_stores_own(table: &Table, position: usize) -> bool {
    let column = &table.columns[position];
    column.role == Role::Id
        || matches!(
            column.name.as_str(),
            "created_at"
                | "updated_at"
                | "last_modified"
                | "server_created_at"
                | "is_deleted"
                | "deleted_at"
        )
}

/// A deletion that waits is taken back; one that any peer knows is not, for that peer says it for good,
/// and the record gets a new id. The others are told of both.
fn bring_back(
    tx: &mut WriteTransaction<'_>,
    index: TableIndex,
    id: RecordId,
    fields: Fields,
) -> Result<RecordId> {
    let table = tx.context.schema.table(index);
    let waits = match outbox::find(tx.connection, table, id.as_str())? {
        Some(entry) if entry.kind == OutboxKind::Deleted => {
            !marks::is_taken(tx.connection, table, id.as_str(), entry.revision)?
        }
        _ => false,
    };
    if !waits {
        return records::insert(tx, index, None, fields);
    }
    // What it took along can only come from the peer: it is asked for everything.
    outbox::remove(tx.connection, &table.name, id.as_str(), OutboxKind::Deleted)?;
    peers::want_everything(tx.connection)?;
    let id = records::insert(tx, index, Some(id), fields)?;
    // The peer has it: what was put together here are changes of its record.
    let entry = OutboxEntry {
        kind: OutboxKind::Updated,
        revision: tx.next_revision(),
        base: Vec::new(),
    };
    outbox::put(tx.connection, table, id.as_str(), &entry, None)?;
    Ok(id)
}

fn gone(entry: &ConflictEntry) -> Error {
    Error::new(
        ErrorCode::NotFound,
        "the record is gone, and this entry holds single columns of it",
    )
    .at(entry.table.as_str())
}

fn unreadable() -> Error {
    Error::new(ErrorCode::DatabaseDamaged, "a ledger entry cannot be read")
}
