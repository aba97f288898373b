//! A store in memory that keeps the rules of the real one, for tests of the sync engine.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::scripted_peer::{Call, CallLog};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    Acknowledgement, Noted, OutboxEntry, OutboxKind, OutboxPage, OutboxPosition, OutboxRow,
    PieceLimit, PullReply, PushClass, Refusal, RemoteChange, RemoteRow, Revision, Suspicion,
};
use crate::model::ids::{PeerId, PeerKind, RecordId};
use crate::model::merge::{ColumnConflict, MergeInput, MergePlan, MergeRule};
use crate::model::report::ApplyReport;
use crate::model::schema::{Direction, Schema, TableIndex};
use crate::model::terms::PeerTerms;
use crate::model::value::Value;
use crate::pending::{self, Pending};
use crate::ports::{ChangeSource, SyncStore};

type Key = (TableIndex, RecordId);

#[derive(Default)]
struct State {
    rows: BTreeMap<Key, Vec<Value>>,
    outbox: BTreeMap<Key, OutboxEntry>,
    quarantine: BTreeMap<Key, (Revision, Refusal)>,
    /// What was ever put aside because the peer refused it, and was not taken since.
    refused: BTreeSet<Key>,
    suspects: BTreeMap<Key, Suspicion>,
    now_ms: i64,
    failure: Option<(ErrorCode, Option<i64>)>,
    cursor: i64,
    revision: i64,
    conflicts: Vec<ColumnConflict>,
    lost_edits: Vec<Vec<Value>>,
    collect_fails: Option<ErrorCode>,
}

/// A store in memory, of one peer at a time.
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

    /// From now on what waits cannot be read, for this reason.
    pub fn fail_to_collect(&self, code: ErrorCode) {
        self.state().collect_fails = Some(code);
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

    /// The time by which refusals are noted.
    pub fn set_now(&self, now_ms: i64) {
        self.state().now_ms = now_ms;
    }

    /// How the last sync failed, and when the next makes sense.
    pub fn failure(&self) -> Option<(ErrorCode, Option<i64>)> {
        self.state().failure
    }

    /// What was put aside, with the reasons.
    pub fn refusals(&self) -> Vec<Refusal> {
        let state = self.state();
        state.quarantine.values().map(|(_, r)| r.clone()).collect()
    }

    /// Takes all back that was put aside.
    pub fn release_all(&self) {
        self.state().quarantine.clear();
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
        rule: &dyn MergeRule,
        report: &mut ApplyReport,
    ) {
        let input = MergeInput {
            table: self.schema.table(key.0),
            local: state.rows.get(&key).map(Vec::as_slice),
            outbox: state.outbox.get(&key),
            remote,
            held: &[],
            elsewhere: None,
        };
        let plan = rule.merge(key.0, &input);
        match plan {
            MergePlan::Insert(row) => {
                report.inserted += 1;
                let row = row.into_iter().map(Cow::into_owned).collect();
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
                    let nothing_left = base.is_empty() && entry.kind == OutboxKind::Updated;
                    entry.base = base;
                    if nothing_left {
                        state.outbox.remove(&key);
                    }
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
        _: &PeerTerms,
        reply: &PullReply,
        mut source: Box<dyn ChangeSource>,
        rule: Arc<dyn MergeRule>,
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
                    self.upsert(&mut state, key, &row, &*rule, &mut report);
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
        terms: &PeerTerms,
        class: PushClass,
        after: &OutboxPosition,
        limit: PieceLimit,
    ) -> Pending<OutboxPage> {
        self.log.note(Call::Collect(class));
        let state = self.state();
        if let Some(code) = state.collect_fails {
            return pending::ready(Err(Error::new(code, "what waits cannot be read")));
        }
        let reversed = class == PushClass::Deletions && terms.id.kind() == PeerKind::Hub;
        let position = |row: &OutboxRow| OutboxPosition {
            table: if reversed {
                u16::MAX - row.table.0
            } else {
                row.table.0
            },
            revision: row.revision.0,
        };
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
            .filter(|(key, entry)| !state.is_aside(key, entry))
            .map(|((table, id), entry)| OutboxRow {
                table: *table,
                id: id.clone(),
                kind: entry.kind,
                revision: entry.revision,
                changed: entry.base.iter().map(|(position, _)| *position).collect(),
                dangling: Vec::new(),
                only_elsewhere: false,
                values: state
                    .rows
                    .get(&(*table, id.clone()))
                    .cloned()
                    .unwrap_or_default(),
            })
            .filter(|row| position(row) > *after)
            .collect::<Vec<_>>();
        rows.sort_by_key(&position);
        let more = rows.len() > limit.rows;
        rows.truncate(limit.rows);
        let next = rows.last().filter(|_| more).map(position);
        let waiting = Vec::new();
        pending::ready(Ok(OutboxPage {
            rows,
            waiting,
            next,
        }))
    }

    fn waits_as(&self, row: &Acknowledgement) -> Result<bool> {
        let state = self.state();
        let entry = state.outbox.get(&(row.table, row.id.clone()));
        Ok(entry.is_some_and(|entry| entry.revision == row.revision))
    }

    fn noted(&self, _: &PeerId) -> Result<Noted> {
        let state = self.state();
        let missing = state
            .outbox
            .iter()
            .filter(|(key, entry)| entry.kind == OutboxKind::Created && state.is_aside(key, entry));
        Ok(Noted {
            waits: !state.outbox.is_empty(),
            newest: Revision(state.revision),
            missing: missing.map(|(key, _)| key.clone()).collect(),
            refused: state.refused.iter().cloned().collect(),
        })
    }

    fn acknowledge(&self, _: &PeerTerms, taken: Vec<Acknowledgement>) -> Result<()> {
        self.log.note(Call::Acknowledge(taken.len()));
        let mut state = self.state();
        for taken in taken {
            let key = (taken.table, taken.id);
            if state.outbox.get(&key).map(|entry| entry.revision) == Some(taken.revision) {
                state.outbox.remove(&key);
                state.refused.remove(&key);
            }
        }
        Ok(())
    }

    fn quarantine(&self, _: &PeerId, rows: Vec<Refusal>) -> Result<()> {
        self.log.note(Call::Quarantine(rows.len()));
        let mut state = self.state();
        for refusal in rows {
            let key = (refusal.row.table, refusal.row.id.clone());
            if refusal.by_peer {
                state.refused.insert(key.clone());
            }
            state
                .quarantine
                .insert(key, (refusal.row.revision, refusal));
        }
        Ok(())
    }

    fn suspect(&self, _: &PeerId, rows: Vec<Acknowledgement>) -> Result<Vec<Suspicion>> {
        let mut state = self.state();
        let now_ms = state.now_ms;
        let suspicions = rows.into_iter().map(|row| {
            let known = state
                .suspects
                .entry((row.table, row.id))
                .or_insert(Suspicion {
                    refusals: 0,
                    first_ms: now_ms,
                    now_ms,
                });
            known.refusals += 1;
            known.now_ms = now_ms;
            *known
        });
        Ok(suspicions.collect())
    }

    fn note_success(&self, _: &PeerId, skew_ms: i64) -> Result<()> {
        self.log.note(Call::NoteSuccess(skew_ms));
        self.state().failure = None;
        Ok(())
    }

    fn note_failure(&self, _: &PeerId, code: ErrorCode, next_try_ms: Option<i64>) -> Result<()> {
        self.state().failure = Some((code, next_try_ms));
        Ok(())
    }
}

impl State {
    fn is_aside(&self, key: &Key, entry: &OutboxEntry) -> bool {
        self.quarantine.get(key).is_some_and(|(revision, refusal)| {
            *revision == entry.revision && refusal.retry_ms.is_none_or(|ms| ms > self.now_ms)
        })
    }
}
