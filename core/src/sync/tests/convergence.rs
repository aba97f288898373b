//! Two devices and a server with the real one's guard, which may lose its replies to pushes: after
//! a few quiet syncs all three hold the same, and nothing waits.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::change_set::{OutboxKind, OutboxRow, PullReply, PullRequest, SkipCounts};
use crate::ports::ChangeSink;

#[derive(Clone)]
struct Kept {
    values: Vec<Value>,
    modified: i64,
    deleted: bool,
}

/// Takes a row only if its `updated_at` is later than what it has. Pushes may arrive without their
/// reply getting back.
struct Server {
    stamp: usize,
    table: TableIndex,
    state: Mutex<(i64, BTreeMap<RecordId, Kept>)>,
    lose_replies: Mutex<bool>,
}

impl Server {
    fn rows(&self) -> BTreeMap<RecordId, Vec<Value>> {
        let state = self.state.lock().unwrap();
        state
            .1
            .iter()
            .filter(|(_, kept)| !kept.deleted)
            .map(|(id, kept)| (id.clone(), kept.values.clone()))
            .collect()
    }
}

impl SyncPeer for Server {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        _: &CancelToken,
    ) -> Result<PullReply> {
        let mut state = self.state.lock().unwrap();
        state.0 += 1_000;
        let (now, rows) = &*state;
        let (mut upserts, mut deletions) = (0, 0);
        for (id, kept) in rows
            .iter()
            .filter(|(_, kept)| kept.modified >= request.cursor)
        {
            if !kept.deleted {
                upserts += 1;
                let cells = kept.values.iter().cloned().enumerate().skip(1).collect();
                sink.upsert(
                    self.table,
                    RemoteRow {
                        id: id.clone(),
                        cells,
                    },
                )?;
            } else if request.cursor > 0 {
                deletions += 1;
                sink.delete(self.table, id.clone())?;
            }
        }
        on_bytes(1);
        Ok(PullReply {
            timestamp: *now,
            skew_ms: 0,
            upserts,
            deletions,
            bytes: 1,
            full: false,
            tables: crate::test_support::all_tables(),
            skipped: SkipCounts::default(),
        })
    }

    fn push(&self, piece: &[OutboxRow], _: &CancelToken) -> Result<(), PushFailure> {
        let mut state = self.state.lock().unwrap();
        state.0 += 1_000;
        let now = state.0;
        for row in piece {
            let old = state.1.get(&row.id);
            if row.kind == OutboxKind::Deleted {
                let values = old.map(|kept| kept.values.clone()).unwrap_or_default();
                let kept = Kept {
                    values,
                    modified: now,
                    deleted: true,
                };
                state.1.insert(row.id.clone(), kept);
                continue;
            }
            let stamp = |values: &[Value]| values.get(self.stamp).and_then(Value::as_integer);
            let later = old.is_none_or(|kept| stamp(&row.values) > stamp(&kept.values));
            if later && old.is_none_or(|kept| !kept.deleted) {
                let kept = Kept {
                    values: row.values.clone(),
                    modified: now,
                    deleted: false,
                };
                state.1.insert(row.id.clone(), kept);
            }
        }
        if *self.lose_replies.lock().unwrap() {
            return Err(PushFailure::Stopped(error(ErrorCode::Network)));
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write {
        device: usize,
        record: u32,
        column: usize,
        text: u8,
        clock: i64,
    },
    Remove {
        device: usize,
        record: u32,
    },
    Sync {
        device: usize,
        lose_reply: bool,
    },
}

fn a_step() -> impl Strategy<Value = Step> {
    let write = (0usize..2, 0u32..3, 0usize..3, 0u8..4, -5_000i64..5_000).prop_map(
        |(device, record, column, text, clock)| Step::Write {
            device,
            record,
            column,
            text,
            clock,
        },
    );
    prop_oneof![
        6 => write,
        1 => (0usize..2, 0u32..3).prop_map(|(device, record)| Step::Remove { device, record }),
        3 => (0usize..2, any::<bool>())
            .prop_map(|(device, lose_reply)| Step::Sync { device, lose_reply }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn replicas_converge(steps in proptest::collection::vec(a_step(), 0..40)) {
        let devices = [Device::new(), Device::new()];
        let table = devices[0].table("patients");
        let columns = ["given_name", "surname", "phone"]
            .map(|name| devices[0].column("patients", name));
        let server = Server {
            stamp: devices[0].column("patients", "updated_at"),
            table,
            state: Mutex::new((NOW, BTreeMap::new())),
            lose_replies: Mutex::new(false),
        };
        let sync = |device: usize, lose: bool| {
            *server.lose_replies.lock().unwrap() = lose;
            devices[device].engine(&server).run()
        };
        for step in steps {
            match step {
                Step::Write { device, record, column, text, clock } => {
                    let store = &devices[device].store;
                    // A record deleted here is not written again under its id.
                    if store.entry(table, &id(record)).is_none_or(|e| e.kind != OutboxKind::Deleted)
                    {
                        let cell = (columns[column], Value::Text(format!("{text}")));
                        store.write(table, &id(record), &[cell], NOW + clock);
                    }
                }
                Step::Remove { device, record } => devices[device].store.remove(table, &id(record)),
                Step::Sync { device, lose_reply } => {
                    let _ = sync(device, lose_reply);
                }
            }
        }
        for _ in 0..3 {
            sync(0, false).unwrap();
            sync(1, false).unwrap();
        }
        let expected = server.rows();
        for device in &devices {
            prop_assert!(device.store.dirty().is_empty());
            let rows: BTreeMap<_, _> = device
                .store
                .rows()
                .into_iter()
                .map(|((_, id), values)| (id, values))
                .collect();
            prop_assert_eq!(&rows, &expected);
        }
    }
}
