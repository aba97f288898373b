//! Deletions in tables in which a peer knows a record by other columns than its id. What was made here
//! and taken by the peer, and was deleted before a pull showed it, may be held there as part of the
//! record that the peer had of the same key: it is that one which was deleted.

use rusqlite::params;

use super::errors::MapSqlite;
use super::outbox::base_from_json;
use super::transaction::WriteTransaction;
use super::{conflicts, outbox, records, sent};
use crate::error::Result;
use crate::model::change_set::{OutboxEntry, OutboxKind, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::schema::{Table, TableIndex};
use crate::model::terms::PeerTerms;
use crate::model::value::Value;

/// A record that was deleted here, by the values of its key.
pub(super) struct Buried {
    id: RecordId,
    key: Vec<(usize, Value)>,
}

/// What a tombstone remembers: the version that was deleted, and its key where the table has one.
pub(super) fn remembered(table: &Table, stored: &[Value]) -> Vec<(usize, Value)> {
    let key = table.natural_key.iter().copied();
    let positions = key.chain(table.updated_at());
    positions.map(|at| (at, stored[at].clone())).collect()
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
        let (id, base) = <(String, String)>::try_from(row).map_sqlite()?;
        let mut key = base_from_json(table, &base)?;
        key.retain(|(at, value)| table.natural_key.contains(at) && !value.is_null());
        if let (Some(id), true) = (
            RecordId::from_peer(&id),
            key.len() == table.natural_key.len(),
        ) {
            found.push(Buried { id, key });
        }
    }
    Ok(found)
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
    let version = table.updated_at();
    let base = remote.cells.iter().filter(|(at, _)| Some(*at) == version);
    let entry = OutboxEntry {
        kind: OutboxKind::Deleted,
        revision: tx.next_revision(),
        base: base.cloned().collect(),
    };
    outbox::put(tx.connection, table, id, &entry, None)
}
