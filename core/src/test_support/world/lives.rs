//! Random lives of devices, a hub and a cloud: edits, deletions, clocks that are wrong, cuts, lost
//! replies, restarts, syncs that run into each other. After the storm everybody holds the same, and
//! no value is lost that is not in a ledger.
//!
//! What the servers do not let through, and is left out of the comparison: `prescriptions.items`
//! and `metadata` (always stored empty), `prescribed_at` and `filled_at` (not changed by an
//! update), the times that the cloud sets itself. A hub keeps the children of what was deleted in
//! the cloud: a device that meets such a record only there holds it, marked as absent. A value that
//! its writer had seen in the cloud, and that a hub then writes over there with an edit of somebody
//! who had not, looks like any later edit: nobody can tell.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{OutboxRow, PullReply, PullRequest, PushFailure, RemoteRow};
use crate::model::ids::PeerId;
use crate::ports::{ChangeSink, Clock, SyncPeer};
use crate::test_support::FakeClock;

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// The pull breaks off behind so many rows.
    CutPull(usize),
    /// The server takes so many rows of the push, and the reply is lost.
    CutPush(usize),
    /// The whole push arrives, its reply does not.
    LostReply,
    /// Another device syncs between pull and push.
    Meanwhile(usize),
    Stopped,
}

#[derive(Clone, Debug)]
enum Step {
    Make {
        device: usize,
        kind: usize,
        parent: usize,
    },
    Edit {
        device: usize,
        table: usize,
        record: usize,
        column: usize,
    },
    Remove {
        device: usize,
        table: usize,
        record: usize,
    },
    Sync {
        device: usize,
        hub: bool,
        full: bool,
        fault: Fault,
    },
    Relay,
    Restart {
        device: usize,
    },
    Clock {
        device: usize,
        minutes: i64,
    },
    Pass {
        minutes: u64,
    },
}

/// Tables with the columns that people edit, all text.
const TABLES: [(&str, &[&str]); 5] = [
    ("patients", &["given_name", "surname", "phone"]),
    ("visits", &["provider_name"]),
    ("events", &["event_type"]),
    (
        "patient_additional_attributes",
        &["string_value", "attribute"],
    ),
    ("prescription_items", &["notes", "dosage_instructions"]),
];

fn a_step(devices: usize) -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        1 => (0usize..6).prop_map(Fault::CutPull),
        1 => (0usize..4).prop_map(Fault::CutPush),
        1 => Just(Fault::LostReply),
        2 => (0usize..devices).prop_map(Fault::Meanwhile),
        1 => Just(Fault::Stopped),
    ];
    prop_oneof![
        3 => (0..devices, 0usize..5, 0usize..4)
            .prop_map(|(device, kind, parent)| Step::Make { device, kind, parent }),
        6 => (0..devices, 0usize..5, 0usize..4, 0usize..3).prop_map(
            |(device, table, record, column)| Step::Edit { device, table, record, column }
        ),
        1 => (0..devices, 0usize..5, 0usize..4)
            .prop_map(|(device, table, record)| Step::Remove { device, table, record }),
        7 => (0..devices, prop::bool::weighted(0.4), prop::bool::weighted(0.2), fault).prop_map(
            |(device, hub, full, fault)| Step::Sync { device, hub, full, fault }
        ),
        1 => Just(Step::Relay),
        1 => (0..devices).prop_map(|device| Step::Restart { device }),
        1 => (0..devices, -600i64..600).prop_map(|(device, minutes)| Step::Clock { device, minutes }),
        2 => (0u64..30).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

/// A peer as one device sees it: over a line that breaks, with a clock of its own.
struct Line<'a> {
    peer: &'a dyn SyncPeer,
    servers: &'a FakeClock,
    devices: &'a FakeClock,
    fault: Fault,
    cancel: &'a CancelToken,
    meanwhile: Mutex<Option<Box<dyn FnMut() + Send + 'a>>>,
}

struct Cut<'a> {
    sink: &'a mut dyn ChangeSink,
    left: usize,
}

impl Cut<'_> {
    fn step(&mut self) -> Result<()> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or(failure(ErrorCode::Protocol))?;
        Ok(())
    }
}

impl ChangeSink for Cut<'_> {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        self.step()?;
        self.sink.upsert(table, row)
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        self.step()?;
        self.sink.delete(table, id)
    }
}

impl SyncPeer for Line<'_> {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply> {
        let left = match self.fault {
            Fault::CutPull(rows) => rows,
            _ => usize::MAX,
        };
        let mut cut = Cut { sink, left };
        let mut reply = self.peer.pull(request, &mut cut, on_bytes, cancel)?;
        reply.skew_ms = self.servers.now_ms() - self.devices.now_ms();
        Ok(reply)
    }

    fn push(&self, piece: &[OutboxRow], cancel: &CancelToken) -> Result<(), PushFailure> {
        if let Some(mut meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        let lost = || PushFailure::Stopped(failure(ErrorCode::Protocol));
        match self.fault {
            Fault::CutPush(rows) => {
                let _ = self.peer.push(&piece[..rows.min(piece.len())], cancel);
                Err(lost())
            }
            Fault::LostReply => {
                let _ = self.peer.push(piece, cancel);
                Err(lost())
            }
            Fault::Stopped => {
                self.cancel.cancel();
                Err(PushFailure::Stopped(failure(ErrorCode::Cancelled)))
            }
            _ => self.peer.push(piece, cancel),
        }
    }
}

struct World {
    clock: Arc<FakeClock>,
    cloud: Cloud,
    hub: Hub,
    devices: Vec<Device>,
    made: u32,
    /// Each value that somebody wrote: where, and by which device.
    written: BTreeMap<String, ((TableIndex, String), usize)>,
    /// Values that somebody saw and replaced, or deleted with their record.
    replaced: BTreeSet<String>,
}

impl World {
    fn new(devices: Vec<Device>) -> Self {
        let clock = Arc::new(FakeClock::at(NOW));
        devices.iter().for_each(Device::begin_anew);
        Self {
            cloud: Cloud::new(&clock),
            hub: Hub::new(&clock),
            devices,
            clock,
            made: 0,
            written: BTreeMap::new(),
            replaced: BTreeSet::new(),
        }
    }

    fn pass(&self, ms: u64) {
        self.clock.advance(ms);
        for device in &self.devices {
            device.clock.advance(ms);
        }
    }

    /// A value that nobody has written before.
    fn value(&mut self, device: usize, table: TableIndex, id: &RecordId) -> String {
        self.made += 1;
        let value = format!("v{:05}", self.made);
        let place = ((table, id.to_string()), device);
        self.written.insert(value.clone(), place);
        value
    }

    fn new_id(&mut self) -> RecordId {
        self.made += 1;
        id(self.made)
    }

    fn pick(&self, device: usize, table: &str, number: usize) -> Option<RecordId> {
        let device = &self.devices[device];
        let ids = device.ids(table);
        (!ids.is_empty()).then(|| ids[number % ids.len()].clone())
    }

    fn make(&mut self, device: usize, kind: usize, parent: usize) {
        let (name, columns) = TABLES[kind];
        let index = self.devices[device].table(name);
        let id = self.new_id();
        let value = self.value(device, index, &id);
        let mut fields = json!({"id": id.as_str(), columns[0]: value});
        let patient = self.pick(device, "patients", parent);
        match (name, patient) {
            ("patients", _) => {}
            (_, None) => return self.forget(&value),
            ("visits", Some(patient)) => fields["patient_id"] = json!(patient.as_str()),
            ("events", Some(_)) => {
                let Some(visit) = self.pick(device, "visits", parent) else {
                    return self.forget(&value);
                };
                let patient = self.devices[device].field("visits", &visit, "patient_id");
                fields["visit_id"] = json!(visit.as_str());
                fields["patient_id"] = patient;
            }
            ("patient_additional_attributes", Some(patient)) => {
                fields["patient_id"] = json!(patient.as_str());
                fields["attribute_id"] = json!(format!("a{}", parent % 2));
                fields["attribute"] = json!("");
            }
            (_, Some(patient)) => {
                fields["patient_id"] = json!(patient.as_str());
                for column in ["prescription_id", "drug_id", "clinic_id"] {
                    fields[column] = json!(id.as_str());
                }
                fields["quantity_prescribed"] = json!(1);
            }
        }
        if self.devices[device].insert(name, fields).is_err() {
            self.forget(&value);
        }
    }

    fn forget(&mut self, value: &str) {
        self.written.remove(value);
    }

    fn edit(&mut self, device: usize, table: usize, record: usize, column: usize) {
        let (name, columns) = TABLES[table];
        let Some(id) = self.pick(device, name, record) else {
            return;
        };
        let column = columns[column % columns.len()];
        self.replaced
            .extend(self.devices[device].texts(name, &id, &[column]));
        let index = self.devices[device].table(name);
        let value = self.value(device, index, &id);
        self.devices[device]
            .update(name, &id, json!({column: value}))
            .unwrap();
    }

    fn remove(&mut self, device: usize, table: usize, record: usize) {
        let (name, _) = TABLES[table];
        let Some(id) = self.pick(device, name, record) else {
            return;
        };
        let before = self.devices[device].all_texts();
        self.devices[device].delete(name, &id).unwrap();
        let after = self.devices[device].all_texts();
        self.replaced.extend(before.difference(&after).cloned());
    }

    fn sync(&self, device: usize, hub: bool, full: bool, fault: Fault) {
        self.pass(1_000);
        let this = &self.devices[device];
        let (id, peer): (_, &dyn SyncPeer) = if hub {
            (Hub::id(), &self.hub)
        } else {
            (PeerId::cloud(), &self.cloud)
        };
        let cancel = CancelToken::new();
        let meanwhile: Option<Box<dyn FnMut() + Send>> = match fault {
            Fault::Meanwhile(other) if other != device => Some(Box::new(move || {
                self.sync(other, false, false, Fault::None)
            })),
            _ => None,
        };
        let line = Line {
            peer,
            servers: &self.clock,
            devices: &this.clock,
            fault,
            cancel: &cancel,
            meanwhile: Mutex::new(meanwhile),
        };
        let _ = this.sync_by(&id, &line, full, &cancel);
    }

    fn relay(&mut self) {
        let before = texts(&self.cloud.visible());
        self.hub.relay(&self.cloud);
        let after = texts(&self.cloud.visible());
        for value in before.difference(&after) {
            let Some(((table, id), device)) = self.written.get(value) else {
                continue;
            };
            let (device, id) = (&self.devices[*device], RecordId::from_peer(id).unwrap());
            let name = &device.schema.table(*table).name;
            if device.get(name, &id).is_some() && device.standing(name, &id).confirmed {
                self.replaced.insert(value.clone());
            }
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Make {
                device,
                kind,
                parent,
            } => self.make(device, kind, parent),
            Step::Edit {
                device,
                table,
                record,
                column,
            } => {
                self.edit(device, table, record, column);
            }
            Step::Remove {
                device,
                table,
                record,
            } => self.remove(device, table, record),
            Step::Sync {
                device,
                hub,
                full,
                fault,
            } => self.sync(device, hub, full, fault),
            Step::Relay => self.relay(),
            Step::Restart { device } => self.devices[device].restart(),
            Step::Clock { device, minutes } => {
                let clock = &self.devices[device].clock;
                clock.set_wall(self.clock.now_ms() + minutes * 60_000);
            }
            Step::Pass { minutes } => self.pass(minutes * 60_000),
        }
    }

    /// Everybody talks to everybody, twice: then there is nothing left to say.
    fn calm(&mut self) {
        for round in 0..2 {
            self.pass(10 * 60_000);
            for device in 0..self.devices.len() {
                self.sync(device, true, round == 1, Fault::None);
                self.sync(device, false, round == 1, Fault::None);
            }
            self.relay();
        }
        self.pass(30 * 60 * 60_000);
        for device in 0..self.devices.len() {
            self.sync(device, false, true, Fault::None);
        }
    }

    fn check(&self) -> std::result::Result<(), TestCaseError> {
        let expected = comparable(&self.cloud.schema, self.cloud.visible());
        let mut known = self.replaced.clone();
        for (number, device) in self.devices.iter().enumerate() {
            let aside = device.database.quarantined(100).wait().unwrap();
            prop_assert!(aside.is_empty(), "device {number}: {aside:?}");
            prop_assert_eq!(device.pending(), 0, "device {}", number);
            let mut rows = comparable(&device.schema, device.rows());
            rows.retain(|(table, id), _| {
                let id = RecordId::from_peer(id).unwrap();
                let name = &device.schema.table(*table).name;
                device.standing(name, &id).absent_since_ms.is_none()
            });
            prop_assert_eq!(&rows, &expected, "device {}", number);
            for entry in device.ledger() {
                for text in [entry.base, entry.local, entry.remote]
                    .into_iter()
                    .flatten()
                {
                    known.extend(values_in(&text));
                }
            }
        }
        let ever = self.cloud.state.lock().unwrap().ever.clone();
        let living: BTreeSet<_> = expected.keys().cloned().collect();
        for row in expected.values() {
            known.extend(
                row.iter()
                    .filter_map(|value| value.as_text().map(str::to_owned)),
            );
        }
        for (value, (record, _)) in &self.written {
            // A record that the cloud had and that was deleted there by somebody is no loss.
            let deleted = !living.contains(record) && ever.contains(value);
            prop_assert!(
                known.contains(value) || deleted,
                "{value} of {record:?} is lost"
            );
        }
        Ok(())
    }
}

fn texts(rows: &Rows) -> BTreeSet<String> {
    let values = rows.values().flatten();
    values
        .filter_map(|value| value.as_text().map(str::to_owned))
        .collect()
}

fn values_in(text: &str) -> Vec<String> {
    let starts = text.match_indices('v').map(|(at, _)| at);
    starts
        .filter_map(|at| text.get(at..at + 6).map(str::to_owned))
        .collect()
}

/// The columns that the servers let through.
fn comparable(schema: &Schema, mut rows: Rows) -> Rows {
    rows.retain(|(table, _), _| {
        TABLES
            .iter()
            .any(|(name, _)| *name == schema.table(*table).name)
    });
    for ((table, _), values) in &mut rows {
        let table = schema.table(*table);
        for (column, value) in table.columns.iter().zip(values) {
            let left_out = !column.pushed && column.name != "id"
                || matches!(column.name.as_str(), "last_modified" | "server_created_at")
                || (table.name == "prescriptions"
                    && matches!(
                        column.name.as_str(),
                        "items" | "metadata" | "prescribed_at" | "filled_at"
                    ));
            if left_out {
                *value = Value::Null;
            }
        }
    }
    rows
}

fn live(devices: usize, steps: &[Step]) -> std::result::Result<(), TestCaseError> {
    // A store is made once; each life begins with it empty.
    let mut pool = POOL.take();
    while pool.len() < devices {
        let own = Arc::new(FakeClock::at(NOW));
        pool.push(Device::new(&own, pool.len() as u64 + 1));
    }
    let rest = pool.split_off(devices);
    let mut world = World::new(pool);
    for step in steps {
        world.step(step);
        world.pass(17);
    }
    world.calm();
    let result = world.check();
    POOL.set(world.devices.into_iter().chain(rest).collect());
    result
}

thread_local! {
    static POOL: Cell<Vec<Device>> = const { Cell::new(Vec::new()) };
}

/// Few devices are the more likely.
fn a_storm() -> impl Strategy<Value = (usize, Vec<Step>)> {
    let devices =
        prop_oneof![3 => Just(2usize), 3 => Just(3usize), 2 => Just(4usize), 1 => Just(5usize)];
    devices.prop_flat_map(|devices| {
        let steps = proptest::collection::vec(a_step(devices), 0..36);
        (Just(devices), steps)
    })
}

/// One of several parts, which run beside each other, with lives of their own.
fn storms(part: u64) {
    let mut runner = TestRunner::new(ProptestConfig {
        cases: crate::test_support::lives(1_000),
        rng_seed: RngSeed::Fixed(crate::test_support::seed().wrapping_add(part)),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&a_storm(), |(devices, steps)| live(devices, &steps));
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn after_the_storm_all_hold_the_same_and_nothing_is_lost() {
    storms(0);
}

#[test]
fn after_another_storm_all_hold_the_same_and_nothing_is_lost() {
    storms(1);
}

#[test]
fn after_a_third_storm_all_hold_the_same_and_nothing_is_lost() {
    storms(2);
}
