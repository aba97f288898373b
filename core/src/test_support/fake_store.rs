//! A store in memory that keeps the rules of the real one, for tests of the sync engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::scripted_peer::{Call, CallLog};
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{
    Acknowledgement, OutboxEntry, OutboxKind, OutboxPage, OutboxPosition, OutboxRow, PullReply,
    PushClass, RemoteChange, RemoteRow, Revision,
};
use crate::model::ids::{PeerId, RecordId};
use crate::model::merge::{ColumnConflict, MergeInput, MergePlan};
use crate::model::report::ApplyReport;
use crate::model::schema::{Direction, Schema, TableIndex};
use crate::model::value::Value;
use crate::ports::{ChangeSource, MergeRule, SyncStore};

type Key = (TableIndex, RecordId);

#[derive(Default)]
struct State {
    rows: BTreeMap<Key, Vec<Value>>,
    outbox: BTreeMap<Key, OutboxEntry>,
    quarantine: BTreeMap<Key, Revision>,
    cursor: i64,
    revision: i64,
    conflicts: Vec<ColumnConflict>,
    lost_edits: Vec<Vec<Value>>,
}

/// A store in memory, of one peer.
pub struct FakeStore {
    schema: Arc<Schema>,
    log: CallLog,
    state: Mutex<State>,
}

impl FakeStore {
    /// An empty store that notes its calls in this log.
    pub fn new(schema: Arc<Schema>, log: &CallLog) -> Self {
        Self {
            schema,
            log: log.clone(),
            state: Mutex::default(),
        }
    }

    /// Sets the cursor.
    pub fn set_cursor(&self, cursor: i64) {
        self.state().cursor = cursor;
    }

    /// The cursor, without a note in the log.
    pub fn stored_cursor(&self) -> i64 {
        self.state().cursor
    }

    /// A local write: creates or updates a record. Cells that are the same are no change.
    pub fn write(&self, table: TableIndex, id: &RecordId, cells: &[(usize, Value)], now_ms: i64) {
        let mut state = self.state();
        let key = (table, id.clone());
        let stamp = self.schema.table(table).updated_at();
        state.revision += 1;
        let revision = Revision(state.revision);
        let known = state.rows.contains_key(&key);
        let columns = self.schema.table(table).columns.len();
        let mut row = state.rows.remove(&key).unwrap_or_else(|| {
            let mut row = vec![Value::Null; columns];
            row[0] = Value::Text(id.to_string());
            row
        });
        let mut entry = state.outbox.remove(&key).unwrap_or(OutboxEntry {
            kind: if known {
                OutboxKind::Updated
            } else {
                OutboxKind::Created
            },
            revision,
            base: Vec::new(),
        });
        let mut cells = cells.to_vec();
        if let Some(stamp) = stamp {
            let last = row[stamp].as_integer().unwrap_or(0);
            cells.push((stamp, Value::Integer(now_ms.max(last + 1))));
        }
        for (position, value) in cells {
            if known && row[position] != value && entry.base.iter().all(|(p, _)| *p != position) {
                entry.base.push((position, row[position].clone()));
            }
            row[position] = value;
        }
        entry.revision = revision;
        state.rows.insert(key.clone(), row);
        state.outbox.insert(key, entry);
    }

    /// A local deletion: leaves a tombstone that remembers the version deleted.
    pub fn remove(&self, table: TableIndex, id: &RecordId) {
        let mut state = self.state();
        let key = (table, id.clone());
        let Some(row) = state.rows.remove(&key) else {
            return;
        };
        state.revision += 1;
        let stamp = self.schema.table(table).updated_at();
        let entry = OutboxEntry {
            kind: OutboxKind::Deleted,
            revision: Revision(state.revision),
            base: stamp.map(|p| (p, row[p].clone())).into_iter().collect(),
        };
        state.outbox.insert(key, entry);
    }

    /// As if the peer had taken all that waits.
    pub fn acknowledge_all(&self) {
        self.state().outbox.clear();
    }

    /// The stored record.
    pub fn row(&self, table: TableIndex, id: &RecordId) -> Option<Vec<Value>> {
        self.state().rows.get(&(table, id.clone())).cloned()
    }

    /// All records, by table and id.
    pub fn rows(&self) -> BTreeMap<(TableIndex, RecordId), Vec<Value>> {
        self.state().rows.clone()
    }

    /// The outbox entry of a record.
    pub fn entry(&self, table: TableIndex, id: &RecordId) -> Option<OutboxEntry> {
        self.state().outbox.get(&(table, id.clone())).cloned()
    }

    /// The ids that wait to be pushed, those put aside included.
    pub fn dirty(&self) -> Vec<RecordId> {
        self.state()
            .outbox
            .keys()
            .map(|(_, id)| id.clone())
            .collect()
    }

    /// The ids that were put aside.
    pub fn quarantined(&self) -> Vec<RecordId> {
        self.state()
            .quarantine
            .keys()
            .map(|(_, id)| id.clone())
            .collect()
    }

    /// The ledger's conflicts.
    pub fn conflicts(&self) -> Vec<ColumnConflict> {
        self.state().conflicts.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn upsert(
        &self,
        state: &mut State,
        key: Key,
        remote: &RemoteRow,
        merge: MergeRule,
        report: &mut ApplyReport,
    ) {
        let plan = merge(&MergeInput {
            table: self.schema.table(key.0),
            local: state.rows.get(&key).map(Vec::as_slice),
            outbox: state.outbox.get(&key),
            remote,
        });
        match plan {
            MergePlan::Insert(row) => {
                report.inserted += 1;
                state.rows.insert(key, row);
            }
            MergePlan::Unchanged => report.unchanged += 1,
            MergePlan::KeepTombstone { .. } => report.kept_tombstones += 1,
            MergePlan::Update {
                cells,
                base,
                conflicts,
            } => {
                report.updated += 1;
                report.conflicts += conflicts.len() as u64;
                state.conflicts.extend(conflicts);
                if let Some(row) = state.rows.get_mut(&key) {
                    for (position, value) in cells {
                        row[position] = value;
                    }
                }
                if let (Some(entry), Some(base)) = (state.outbox.get_mut(&key), base) {
                    entry.base = base;
                }
            }
        }
    }
}

impl SyncStore for FakeStore {
    fn cursor(&self, _: &PeerId) -> Result<i64> {
        self.log.note(Call::Cursor);
        Ok(self.state().cursor)
    }

    fn apply_pull(
        &self,
        _: &PeerId,
        reply: &PullReply,
        mut source: Box<dyn ChangeSource>,
        merge: MergeRule,
        cancel: &CancelToken,
    ) -> Result<ApplyReport> {
        self.log.note(Call::Apply);
        // All or nothing: nothing is touched until all of it was read.
        let mut changes = Vec::new();
        while let Some(change) = source.next_change()? {
            cancel.check()?;
            changes.push(change.clone());
        }
        let mut state = self.state();
        let mut report = ApplyReport::default();
        for change in changes {
            match change {
                RemoteChange::Upsert(table, row) => {
                    let key = (table, row.id.clone());
                    self.upsert(&mut state, key, &row, merge, &mut report);
                }
                RemoteChange::Delete(table, id) => {
                    let key = (table, id);
                    let edited = state.outbox.remove(&key).is_some();
                    if let Some(row) = state.rows.remove(&key) {
                        report.deleted += 1;
                        if edited {
                            report.lost_edits += 1;
                            state.lost_edits.push(row);
                        }
                    }
                }
            }
        }
        state.cursor = reply.timestamp;
        Ok(report)
    }

    fn collect(
        &self,
        _: &PeerId,
        class: PushClass,
        after: &OutboxPosition,
        limit: usize,
    ) -> Result<OutboxPage> {
        self.log.note(Call::Collect(class));
        let state = self.state();
        let mut rows = state
            .outbox
            .iter()
            .filter(|((table, _), entry)| {
                let table = self.schema.table(*table);
                let deleted = entry.kind == OutboxKind::Deleted;
                table.direction == Direction::Both
                    && match class {
                        PushClass::Upserts { stage } => !deleted && table.push_stage == stage,
                        PushClass::Deletions => deleted,
                    }
            })
            .filter(|(key, entry)| state.quarantine.get(key) != Some(&entry.revision))
            .map(|((table, id), entry)| OutboxRow {
                table: *table,
                id: id.clone(),
                kind: entry.kind,
                revision: entry.revision,
                changed: entry.base.iter().map(|(position, _)| *position).collect(),
                dangling: Vec::new(),
                values: state
                    .rows
                    .get(&(*table, id.clone()))
                    .cloned()
                    .unwrap_or_default(),
            })
            .filter(|row| position(row) > *after)
            .collect::<Vec<_>>();
        rows.sort_by_key(position);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(position);
        Ok(OutboxPage { rows, next })
    }

    fn acknowledge(&self, _: &PeerId, taken: Vec<Acknowledgement>) -> Result<()> {
        self.log.note(Call::Acknowledge(taken.len()));
        let mut state = self.state();
        for taken in taken {
            let key = (taken.table, taken.id);
            if state.outbox.get(&key).map(|entry| entry.revision) == Some(taken.revision) {
                state.outbox.remove(&key);
            }
        }
        Ok(())
    }

    fn quarantine(&self, _: &PeerId, rows: Vec<Acknowledgement>, _: &'static str) -> Result<()> {
        self.log.note(Call::Quarantine(rows.len()));
        let mut state = self.state();
        for row in rows {
            state.quarantine.insert((row.table, row.id), row.revision);
        }
        Ok(())
    }

    fn note_success(&self, _: &PeerId, skew_ms: i64) -> Result<()> {
        self.log.note(Call::NoteSuccess(skew_ms));
        Ok(())
    }
}

fn position(row: &OutboxRow) -> OutboxPosition {
    OutboxPosition {
        table: row.table.0,
        revision: row.revision.0,
    }
}
