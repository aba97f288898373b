//! The hub's rules: the last writer wins, nothing cascades, and what it gets from the cloud is
//! stamped with the record's own time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::marks::{Mark, mark, marks, place};
use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{
    OutboxKind, OutboxRow, PullReply, PullRequest, PushFailure, RemoteRow, Revision, SkipCounts,
};
use crate::model::ids::PeerId;
use crate::model::schema::Direction;
use crate::ports::{ChangeSink, Clock, SyncPeer};
use crate::test_support::FakeClock;

#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub values: Vec<Value>,
    pub created: i64,
    pub modified: i64,
    pub deleted_at: Option<i64>,
}

#[derive(Default)]
pub(super) struct State {
    pub rows: BTreeMap<(TableIndex, String), Kept>,
    pub down: bool,
    /// Ids whose rows somebody refuses in clear.
    pub refused_in_clear: Vec<String>,
    /// Up to where the cloud has what was written here.
    relayed: i64,
    requests: u32,
    /// Every value that a device ever stored here, by table and column.
    pub ever: BTreeSet<Mark>,
}

#[derive(Clone)]
pub(super) struct Hub {
    pub schema: Arc<Schema>,
    pub clock: Arc<FakeClock>,
    pub state: Arc<Mutex<State>>,
}

impl Hub {
    pub fn new(clock: &Arc<FakeClock>) -> Self {
        Self {
            schema: schema(),
            clock: Arc::clone(clock),
            state: Arc::default(),
        }
    }

    pub fn id() -> PeerId {
        PeerId::hub("aaaaaaaa-0000-4000-8000-00000000000a").unwrap()
    }

    pub fn value(&self, table: &str, id: &RecordId, column: &str) -> Option<Value> {
        let index = self.schema.find(table).unwrap();
        let position = self.schema.table(index).position(column).unwrap();
        let state = self.state.lock().unwrap();
        let kept = state.rows.get(&(index, id.to_string()))?;
        kept.deleted_at
            .is_none()
            .then(|| kept.values[position].clone())
    }

    /// What a pull of everything would hold.
    pub fn visible(&self) -> Rows {
        let state = self.state.lock().unwrap();
        let rows = state.rows.iter();
        rows.filter(|(_, kept)| kept.deleted_at.is_none())
            .map(|(key, kept)| (key.clone(), kept.values.clone()))
            .collect()
    }

    /// What was written here and is not yet in the cloud, deletions included.
    pub fn held_back(&self) -> BTreeSet<(TableIndex, String)> {
        let state = self.state.lock().unwrap();
        let rows = state.rows.iter();
        rows.filter(|(_, kept)| kept.modified > state.relayed)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Somebody writes a record that it has, now.
    pub fn overwrite(&self, table: &str, id: &RecordId, cells: Json) {
        let now = self.tick();
        let index = self.schema.find(table).unwrap();
        let table = self.schema.table(index);
        let mut state = self.state.lock().unwrap();
        let kept = state.rows.get_mut(&(index, id.to_string())).unwrap();
        kept.modified = now;
        kept.values[table.updated_at().unwrap()] = Value::Integer(now);
        for (name, json) in cells.as_object().unwrap() {
            kept.values[table.position(name).unwrap()] = Value::from_json(json).unwrap();
        }
    }

    /// All that it had is lost. What stood there was not deleted by anybody.
    pub fn wipe(&self) {
        let stood = marks(&self.schema, &self.visible());
        let mut state = self.state.lock().unwrap();
        let mut ever = std::mem::take(&mut state.ever);
        ever.retain(|value| !stood.contains(value));
        *state = State {
            ever,
            ..State::default()
        };
    }

    fn tick(&self) -> i64 {
        self.clock.advance(1);
        self.clock.now_ms()
    }

    /// One round of its own sync with the cloud: pushes what was written here, then takes what the
    /// cloud has. Its push fails as a whole with one bad row, and is then tried again next time.
    pub fn relay(&self, cloud: &Cloud) {
        let now = self.tick();
        let mut state = self.state.lock().unwrap();
        let mut rows: Vec<OutboxRow> = Vec::new();
        for ((index, id), kept) in &state.rows {
            if kept.modified <= state.relayed {
                continue;
            }
            let deleted = kept.deleted_at.is_some();
            rows.push(OutboxRow {
                table: *index,
                id: RecordId::from_peer(id).unwrap(),
                kind: if deleted {
                    OutboxKind::Deleted
                } else {
                    OutboxKind::Updated
                },
                revision: Revision(0),
                values: if deleted {
                    Vec::new()
                } else {
                    kept.values.clone()
                },
                changed: Vec::new(),
                dangling: Vec::new(),
                only_elsewhere: false,
            });
        }
        if rows.iter().all(|row| cloud.take(row).is_ok()) {
            state.relayed = now;
        }
        let relayed = state.relayed;
        for ((index, id), values) in cloud.visible() {
            let stamp = self.schema.table(index).updated_at();
            let version = |values: &[Value]| stamp.and_then(|at| values[at].as_integer());
            let key = (index, id);
            match state.rows.get_mut(&key) {
                None => {
                    let came = version(&values).unwrap_or(0).min(relayed);
                    let kept = Kept {
                        values,
                        created: came,
                        modified: came,
                        deleted_at: None,
                    };
                    state.rows.insert(key, kept);
                }
                Some(kept) if kept.deleted_at.is_none() && kept.modified <= relayed => {
                    // The stamp does not move: only a pull of everything shows it.
                    if version(&values) >= version(&kept.values) {
                        kept.values = values;
                    }
                }
                Some(_) => {}
            }
        }
        let arrived = self.tick();
        let gone: Vec<_> = {
            let at_cloud = cloud.state.lock().unwrap();
            let announced = at_cloud
                .rows
                .iter()
                .filter(|(_, kept)| kept.deleted_at.is_some());
            announced.map(|(key, _)| key.clone()).collect()
        };
        for key in gone {
            if let Some(kept) = state.rows.get_mut(&key)
                && kept.deleted_at.is_none()
            {
                kept.deleted_at = Some(arrived);
                // Not news for the cloud.
                kept.modified = kept.modified.min(relayed);
            }
        }
    }
}

impl SyncPeer for Hub {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        _: &mut dyn FnMut(u64),
        _: &CancelToken,
    ) -> Result<PullReply> {
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        if state.down {
            return Err(failure(ErrorCode::Network));
        }
        let since = request.cursor;
        let (mut upserts, mut deletions) = (0, 0);
        for ((index, id), kept) in &state.rows {
            let record = RecordId::from_peer(id).unwrap();
            match kept.deleted_at {
                Some(at) if at > since => {
                    deletions += 1;
                    sink.delete(*index, record)?;
                }
                None if kept.created > since || kept.modified > since => {
                    upserts += 1;
                    let cells = kept.values.iter().cloned().enumerate().skip(1).collect();
                    sink.upsert(*index, RemoteRow { id: record, cells })?;
                }
                _ => {}
            }
        }
        Ok(PullReply {
            timestamp: self.tick(),
            skew_ms: 0,
            upserts,
            deletions,
            bytes: 0,
            full: since < 0,
            tables: all_tables(),
            skipped: SkipCounts::default(),
        })
    }

    fn push(&self, piece: &[OutboxRow], _: &CancelToken) -> Result<(), PushFailure> {
        let now = self.tick();
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        if state.down {
            return Err(PushFailure::Stopped(failure(ErrorCode::Network)));
        }
        for row in piece {
            if state.refused_in_clear.contains(&row.id.to_string()) {
                return Err(PushFailure::Hinted(failure(ErrorCode::Server)));
            }
            let table = self.schema.table(row.table);
            assert_eq!(table.direction, Direction::Both, "only what is pushed");
            let key = (row.table, row.id.to_string());
            if row.kind == OutboxKind::Deleted {
                if let Some(kept) = state.rows.get_mut(&key) {
                    kept.deleted_at.get_or_insert(now);
                    kept.modified = now;
                }
                continue;
            }
            let old = state.rows.get(&key).cloned();
            let place = place(table, &row.values);
            // What was there before is not written again.
            let values = row.values.iter().enumerate();
            let written = values
                .filter(|(at, value)| old.as_ref().is_none_or(|old| old.values[*at] != **value));
            let marks = written
                .map(|(at, value)| mark(&self.schema, row.table, at, &value.to_json(), &place));
            state.ever.extend(marks);
            let kept = Kept {
                values: row.values.clone(),
                created: old.as_ref().map_or(now, |old| old.created),
                modified: now,
                deleted_at: old.and_then(|old| old.deleted_at),
            };
            state.rows.insert(key, kept);
        }
        Ok(())
    }
}
