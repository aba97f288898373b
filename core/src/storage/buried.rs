//! Deletions in tables in which a peer knows a record by other columns than its id. What was made
//! and deleted here may be held there as part of the record that the peer had of the same key: it is
//! that one which was deleted.

use rusqlite::params;

use super::errors::MapSqlite;
use super::outbox::base_from_json;
use super::transaction::WriteTransaction;
use super::{conflicts, outbox, records, sent};
use crate::error::Result;
use crate::model::change_set::{OutboxEntry, OutboxKind, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::merge::{MergeRule, SentRow, Verdict, VerifyInput};
use crate::model::schema::{Table, TableIndex};
use crate::model::terms::PeerTerms;
use crate::model::value::Value;

/// A record that was deleted here.
pub(super) struct Buried {
    id: RecordId,
    record: Vec<Value>,
    /// The peer with the last word does not know of it yet.
    waits: bool,
}

/// A deletion, and a peer's record that holds what was deleted.
pub(super) struct Met<'b> {
    buried: &'b Buried,
    /// That record came to be by what was sent from here, and is as it was sent.
    is_certain: bool,
}

/// What a tombstone remembers: the version that was deleted, and in a table with a key all of it.
pub(super) fn remembered(table: &Table, stored: &[Value]) -> Vec<(usize, Value)> {
    if !table.natural_key.is_empty() {
        return stored.iter().cloned().enumerate().skip(1).collect();
    }
    let version = table.updated_at().map(|at| (at, stored[at].clone()));
    version.into_iter().collect()
}

/// The tombstones of a table with a key.
pub(super) fn all(tx: &WriteTransaction<'_>, table: &Table) -> Result<Vec<Buried>> {
    if table.natural_key.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement = tx
        .connection
        .prepare_cached(
            "SELECT record_id, base, state FROM amana_entry WHERE table_name = ? AND kind = 2",
        )
        .map_sqlite()?;
    let mut rows = statement.query(params![table.name]).map_sqlite()?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        let (id, base, state) = <(String, String, i64)>::try_from(row).map_sqlite()?;
        let mut record = vec![Value::Null; table.columns.len()];
        for (position, value) in base_from_json(table, &base)? {
            record[position] = value;
        }
        let has_key = table.natural_key.iter().all(|at| !record[*at].is_null());
        if let (Some(id), true) = (RecordId::from_peer(&id), has_key) {
            let waits = state == 0;
            found.push(Buried { id, record, waits });
        }
    }
    Ok(found)
}

/// The deletion of what a pulled record, which is not known here, holds: the same values, or what a
/// peer took and never showed by the id that it had.
pub(super) fn of_what_is_in<'b>(
    tx: &WriteTransaction<'_>,
    rule: &dyn MergeRule,
    index: TableIndex,
    buried: &'b [Buried],
    remote: &RemoteRow,
) -> Result<Option<Met<'b>>> {
    let table = tx.context.schema.table(index);
    let theirs = |at: usize| remote.cells.iter().find(|(p, _)| *p == at).map(|(_, v)| v);
    let has_key = |of: &Buried| {
        let mut key = table.natural_key.iter();
        of.id != remote.id && key.all(|at| theirs(*at) == Some(&of.record[*at]))
    };
    for buried in buried.iter().filter(|of| has_key(of)) {
        let sent = sent::find(tx.connection, table, buried.id.as_str())?;
        let was_taken = sent.is_some_and(|sent| {
            let is_new = sent.row.kind == OutboxKind::Created;
            is_new && !sent.row.confirmed
        });
        let is_same = holds(rule, table, buried, remote);
        let is_unknown = || -> Result<bool> {
            let entry = outbox::find(tx.connection, table, remote.id.as_str())?;
            let stored = records::get(tx.connection, tx.context, index, &remote.id)?;
            Ok(entry.is_none() && stored.is_none())
        };
        if (was_taken || is_same) && is_unknown()? {
            let is_certain = was_taken && is_same;
            return Ok(Some(Met { buried, is_certain }));
        }
    }
    Ok(None)
}

/// Whether the peer holds what was deleted, whenever it says that it was written.
fn holds(rule: &dyn MergeRule, table: &Table, buried: &Buried, remote: &RemoteRow) -> bool {
    let mut record = buried.record.clone();
    if let Some(at) = table.updated_at()
        && let Some((_, theirs)) = remote.cells.iter().find(|(position, _)| *position == at)
    {
        record[at] = theirs.clone();
    }
    let as_made = SentRow {
        kind: OutboxKind::Created,
        base: Vec::new(),
        confirmed: false,
    };
    let verdict = rule.verify(&VerifyInput {
        table,
        local: Some(&record),
        outbox: None,
        sent: &as_made,
        remote,
    });
    verdict == Verdict::Kept
}

impl Met<'_> {
    /// The id by which a peer without the last word is told of the deletion; none where it was told.
    pub(super) fn waiting_id(&self) -> Option<&RecordId> {
        self.buried.waits.then_some(&self.buried.id)
    }

    /// Deletes the peer's record too. What may be somebody else's goes into the ledger.
    pub(super) fn bury_as_well(
        &self,
        tx: &mut WriteTransaction<'_>,
        terms: &PeerTerms,
        index: TableIndex,
        remote: &RemoteRow,
    ) -> Result<()> {
        let table = tx.context.schema.table(index);
        let id = remote.id.as_str();
        if !self.is_certain {
            conflicts::record_changed_by_peer(tx, terms, table, id, &remote.cells)?;
        }
        let entry = OutboxEntry {
            kind: OutboxKind::Deleted,
            revision: tx.next_revision(),
            base: remote.cells.clone(),
        };
        outbox::put(tx.connection, table, id, &entry, None)
    }
}
