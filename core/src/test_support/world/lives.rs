//! Random lives of devices, a hub and a cloud: edits, deletions, clocks that are wrong, cuts, lost
//! replies, restarts, syncs that run into each other. After the storm everybody holds the same, devices,
//! cloud and hub, and no value is lost that is not in a ledger.
//!
//! All ten tables that are pushed are played, with columns of every type, nulls among the values.
//! What the servers do not let through, and is left out of the comparison: `prescriptions.items`
//! and `metadata` (always stored empty), `prescribed_at` and `filled_at` (not changed by an
//! update), the times that the cloud sets itself. A hub keeps the children of what was deleted in
//! the cloud: a device that meets such a record only there holds it, marked as absent. What else may be
//! otherwise at the hub than in the cloud is listed in `at_hub`. A value that
//! its writer had seen in the cloud, and that a hub then writes over there with an edit of somebody
//! who had not, looks like any later edit: nobody can tell. What was dispensed to a patient who was
//! deleted before the cloud had them is refused there: it stays on its device, put aside. What belongs to a
//! visit that somebody else made and a hub brought is not held against the device here, where the cloud
//! invents a visit for it: `only_at_hub` looks at that. An item of
//! which something was dispensed can be removed in this cloud, other than in the real one.

mod by_hub;
mod set_back;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use super::line::Line;
use super::marks::{Mark, Places, edited, mark, marks, marks_of_entry, place};
use super::steps::{Fault, Step, a_step};
use super::wire::Form;
use super::{at_hub, *};
use crate::cancel::CancelToken;
use crate::model::ids::{PeerId, PeerKind};
use crate::model::row::default_value;
use crate::model::schema::Role;
use crate::ports::{Clock, SyncPeer};
use crate::test_support::life_values::{IN_EVERY_LIFE, TABLES, value_of};
use crate::test_support::{FakeClock, draws};

struct World {
    clock: Arc<FakeClock>,
    cloud: Cloud,
    hub: Hub,
    last_word: PeerKind,
    devices: Vec<Device>,
    /// The tables of this life.
    cast: Vec<usize>,
    made: u32,
    /// Each value that somebody wrote: of which record, and by which device.
    written: BTreeMap<Mark, (String, usize)>,
    /// Values that somebody saw and replaced, or deleted with their record, and nobody wrote since.
    replaced: BTreeSet<Mark>,
    /// From which values who has edited, and by which record.
    edited_from: BTreeMap<Mark, BTreeSet<(usize, String)>>,
    /// By which key attributes are known.
    places: Places,
    /// Who made which record.
    makers: BTreeMap<String, usize>,
}

impl World {
    fn new(devices: Vec<Device>, cast: Vec<usize>, last_word: PeerKind) -> Self {
        let clock = Arc::new(FakeClock::at(NOW));
        for device in &devices {
            device.begin_anew();
            device.policy.lock().unwrap().last_word = last_word;
        }
        Self {
            last_word,
            cloud: Cloud::new(&clock),
            hub: Hub::new(&clock),
            devices,
            cast,
            clock,
            made: 0,
            written: BTreeMap::new(),
            replaced: BTreeSet::new(),
            edited_from: BTreeMap::new(),
            places: Places::new(),
            makers: BTreeMap::new(),
        }
    }

    fn pass(&self, ms: u64) {
        self.clock.advance(ms);
        for device in &self.devices {
            device.clock.advance(ms);
        }
    }

    fn new_id(&mut self) -> RecordId {
        self.made += 1;
        id(self.made)
    }

    /// A value that nobody has written before.
    fn value(&mut self, table: TableIndex, position: usize) -> Json {
        self.made += 1;
        value_of(&self.cloud.schema.table(table).columns[position], self.made)
    }

    fn place(&self, table: TableIndex, id: &RecordId) -> String {
        let id = id.to_string();
        self.places.get(&(table, id.clone())).cloned().unwrap_or(id)
    }

    /// What was stored, so that it must not be lost.
    fn remember(&mut self, device: usize, table: TableIndex, id: &RecordId, fields: &Json) {
        let schema = Arc::clone(&self.cloud.schema);
        let (columns, place) = (schema.table(table), self.place(table, id));
        for (name, value) in fields.as_object().unwrap() {
            let position = columns.position(name).unwrap();
            if edited(&schema, table).contains(&position) {
                let mark = mark(&schema, table, position, value, &place);
                self.replaced.remove(&mark);
                if self.is_no_change(device, table, &mark) {
                    self.replaced.insert(mark.clone());
                }
                self.written.insert(mark, (id.to_string(), device));
            }
        }
    }

    fn pick(&self, device: usize, table: &str, number: usize) -> Option<RecordId> {
        let device = &self.devices[device];
        let ids = device.ids(table);
        (!ids.is_empty()).then(|| ids[number % ids.len()].clone())
    }

    fn reference(&self, device: usize, table: &str, number: usize) -> Json {
        let found = self.pick(device, table, number);
        json!(found.as_ref().map(RecordId::as_str))
    }

    fn make(&mut self, device: usize, kind: usize, parent: usize) {
        let (name, columns) = TABLES[self.cast[kind]];
        let schema = Arc::clone(&self.cloud.schema);
        let (index, table) = schema.require(name).unwrap();
        let id = self.new_id();
        let visit = self.pick(device, "visits", parent);
        let visit = visit.filter(|_| name != "visits");
        let patient = match &visit {
            Some(visit) => self.devices[device].field("visits", visit, "patient_id"),
            None => self.reference(device, "patients", parent),
        };
        let mut fields = json!({"id": id.as_str()});
        // Some records begin full, others with little.
        let all = self.made.is_multiple_of(2);
        for (position, column) in table.columns.iter().enumerate().skip(1) {
            let named = columns.iter().position(|name| *name == column.name);
            let needed = default_value(column, 0).is_none();
            let value = match column.name.as_str() {
                "patient_id" if patient.is_null() => return,
                "patient_id" => patient.clone(),
                _ if column.references.as_deref() == Some("visits") => match &visit {
                    None if column.must_exist => return,
                    visit => json!(visit.as_ref().map(RecordId::as_str)),
                },
                "prescription_id" => self.reference(device, "prescriptions", parent),
                "prescription_item_id" => self.reference(device, "prescription_items", parent),
                "attribute_id" => json!(format!("a{}", parent % 2)),
                _ if column.role == Role::Ref && needed => Json::Null,
                _ if needed || named.is_some_and(|at| at == 0 || all) => {
                    self.value(index, position)
                }
                _ => continue,
            };
            // Nobody looks whether there is such a clinic, drug or person.
            let value = if value.is_null() && needed {
                json!(id.as_str())
            } else {
                value
            };
            fields[column.name.as_str()] = value;
        }
        // One that is given again has the id of the deleted one, where none is chosen.
        if name == "patient_additional_attributes" && self.made.is_multiple_of(3) {
            fields.as_object_mut().unwrap().remove("id");
        }
        // The patient may have the attribute already.
        match self.devices[device].insert(name, fields.clone()) {
            Ok(id) => {
                if !table.natural_key.is_empty() {
                    let row = self.devices[device].rows()[&(index, id.to_string())].clone();
                    self.places
                        .insert((index, id.to_string()), place(table, &row));
                }
                self.remember(device, index, &id, &fields);
                self.makers.insert(id.to_string(), device);
            }
            Err(error) => assert_eq!(name, "patient_additional_attributes", "{error:?}"),
        }
    }

    fn edit(&mut self, device: usize, table: usize, record: usize, column: usize, to_null: bool) {
        let (name, columns) = TABLES[self.cast[table]];
        let Some(id) = self.pick(device, name, record) else {
            return;
        };
        let column = columns[column % columns.len()];
        let schema = Arc::clone(&self.cloud.schema);
        let (index, table) = schema.require(name).unwrap();
        let position = table.position(column).unwrap();
        let old = self.devices[device].field(name, &id, column);
        let value = if to_null && table.columns[position].nullable {
            Json::Null
        } else {
            self.value(index, position)
        };
        // What is there is no edit.
        let place = self.place(index, &id);
        let of = |value: &Json| mark(&schema, index, position, value, &place);
        if of(&value) == of(&old) {
            return;
        }
        self.replaced.insert(of(&old));
        let from = self.edited_from.entry(of(&old)).or_default();
        from.insert((device, id.to_string()));
        let fields = json!({column: value});
        self.devices[device]
            .update(name, &id, fields.clone())
            .unwrap();
        self.remember(device, index, &id, &fields);
    }

    fn remove(&mut self, device: usize, table: usize, record: usize) {
        let (name, _) = TABLES[self.cast[table]];
        let Some(id) = self.pick(device, name, record) else {
            return;
        };
        let device = &self.devices[device];
        let before = marks(&device.schema, &device.rows());
        device.delete(name, &id).unwrap();
        let after = marks(&device.schema, &device.rows());
        self.replaced.extend(before.difference(&after).cloned());
    }

    fn sync(&self, device: usize, hub: bool, full: bool, fault: Fault) {
        self.pass(1_000);
        let this = &self.devices[device];
        let (id, peer, form): (_, &dyn SyncPeer, _) = if hub {
            (Hub::id(), &self.hub, Form::Hub)
        } else {
            (PeerId::cloud(), &self.cloud, Form::Cloud)
        };
        let cancel = CancelToken::new();
        let meanwhile: Option<Box<dyn FnMut() + Send>> = match fault {
            Fault::Meanwhile(other) if other != device => Some(Box::new(move || {
                self.sync(other, false, false, Fault::None)
            })),
            _ => None,
        };
        let line = Line {
            device,
            cloud: &self.cloud,
            schema: &this.schema,
            peer,
            form,
            servers: &self.clock,
            devices: &this.clock,
            fault,
            cancel: &cancel,
            meanwhile: Mutex::new(meanwhile),
        };
        let _ = this.sync_by(&id, &line, full, &cancel);
    }

    fn relay(&mut self) {
        let before = marks(&self.cloud.schema, &self.cloud.visible());
        self.cloud.state.lock().unwrap().caller = None;
        self.hub.relay(&self.cloud);
        let after = marks(&self.cloud.schema, &self.cloud.visible());
        for value in before.difference(&after) {
            let Some((id, device)) = self.written.get(value) else {
                continue;
            };
            let (device, id) = (&self.devices[*device], RecordId::from_peer(id).unwrap());
            let name = &device.schema.table(value.0).name;
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
                to_null,
            } => self.edit(device, table, record, column, to_null),
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
            Step::Pair { device } => self.devices[device].pair(),
            Step::Wipe => {
                self.hub.wipe();
                self.devices.iter().for_each(Device::pair);
            }
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
        if self.last_word == PeerKind::Hub {
            self.hear_the_hub();
        }
        // The hub has nothing to say that the devices do not know, and hears what they said last.
        self.relay();
        self.relay();
    }

    /// What was dispensed to patients whom the cloud never had, and who were deleted.
    fn of_unknown_patients(&self, device: &Device) -> BTreeSet<(TableIndex, String)> {
        let state = self.cloud.state.lock().unwrap();
        let (index, table) = device.schema.require("dispensing_records").unwrap();
        let patient = table.position("patient_id").unwrap();
        let patients = device.table("patients");
        let never_there = |row: &[Value]| {
            let id = row[patient].as_text().unwrap().to_owned();
            !state.rows.contains_key(&(patients, id))
        };
        let rows = device.rows().into_iter();
        rows.filter(|((table, _), row)| *table == index && never_there(row))
            .map(|(key, _)| key)
            .collect()
    }

    fn check(&self) -> std::result::Result<(), TestCaseError> {
        let expected = comparable(&self.cloud.schema, self.cloud.visible());
        let mut known = self.replaced.clone();
        for (number, device) in self.devices.iter().enumerate() {
            let aside = device.database.quarantined(100).wait().unwrap();
            let unknown = self.of_unknown_patients(device);
            prop_assert_eq!(device.pending(), aside.len() as u64, "device {}", number);
            let mut rows = device.rows();
            for record in &aside {
                let key = (device.table(&record.table), record.record_id.clone());
                prop_assert!(unknown.contains(&key), "device {number}: {record:?}");
                known.extend(
                    rows.remove(&key)
                        .map(|row| marks(&device.schema, &Rows::from([(key, row)])))
                        .unwrap_or_default(),
                );
            }
            let mut rows = comparable(&device.schema, rows);
            rows.retain(|(table, id), _| {
                let id = RecordId::from_peer(id).unwrap();
                let name = &device.schema.table(*table).name;
                device.standing(name, &id).absent_since_ms.is_none()
            });
            prop_assert_eq!(&rows, &expected, "device {}", number);
            for entry in device.ledger() {
                let sides = [&entry.base, &entry.local, &entry.remote];
                for side in sides.into_iter().flatten() {
                    known.extend(marks_of_entry(&device.schema, &self.places, &entry, side));
                }
            }
        }
        self.no_visit_was_invented()?;
        self.nothing_is_lost(known, &expected)?;
        at_hub::check(&self.cloud, &self.hub)
    }

    fn no_visit_was_invented(&self) -> std::result::Result<(), TestCaseError> {
        let state = self.cloud.state.lock().unwrap();
        for (device, visit) in &state.invented_for {
            let key = (self.cloud.schema.find("visits").unwrap(), visit.clone());
            let came_by_the_hub = self.hub.state.lock().unwrap().rows.contains_key(&key)
                && self.makers.get(visit).is_some_and(|maker| maker != device);
            prop_assert!(
                came_by_the_hub,
                "device {device} had a visit invented: {visit:?}"
            );
        }
        Ok(())
    }

    /// Each value stands in these records, or is known otherwise.
    fn nothing_is_lost(
        &self,
        mut known: BTreeSet<Mark>,
        expected: &Rows,
    ) -> std::result::Result<(), TestCaseError> {
        known.extend(marks(&self.cloud.schema, expected));
        let there = expected.iter();
        let there =
            there.map(|((table, _), row)| (*table, place(self.cloud.schema.table(*table), row)));
        let there: BTreeSet<(TableIndex, String)> = there.collect();
        let mut ever = self.cloud.state.lock().unwrap().ever.clone();
        if self.last_word == PeerKind::Hub {
            ever.append(&mut self.hub.state.lock().unwrap().ever.clone());
        }
        for (value, (id, _)) in &self.written {
            let record = (
                value.0,
                self.place(value.0, &RecordId::from_peer(id).unwrap()),
            );
            // A record that a server had and that was deleted there by somebody is no loss.
            let deleted = !there.contains(&record) && ever.contains(value);
            prop_assert!(
                known.contains(value) || deleted,
                "{value:?} of {record:?} is lost"
            );
        }
        Ok(())
    }
}

/// The columns that the servers let through.
pub(super) fn comparable(schema: &Schema, mut rows: Rows) -> Rows {
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

fn live(
    devices: usize,
    cast: Vec<usize>,
    steps: &[Step],
    last_word: PeerKind,
) -> std::result::Result<(), TestCaseError> {
    // A store is made once; each life begins with it empty.
    let mut pool = POOL.take();
    while pool.len() < devices {
        let own = Arc::new(FakeClock::at(NOW));
        pool.push(Device::new(&own, pool.len() as u64 + 1));
    }
    let rest = pool.split_off(devices);
    let mut world = World::new(pool, cast, last_word);
    for step in steps {
        world.step(step);
        world.pass(17);
    }
    world.calm();
    let result = match last_word {
        PeerKind::Cloud => world.check(),
        PeerKind::Hub => world.check_by_hub(),
    };
    POOL.set(world.devices.into_iter().chain(rest).collect());
    result
}

thread_local! {
    static POOL: Cell<Vec<Device>> = const { Cell::new(Vec::new()) };
}

/// Few devices are the more likely. Each life has patients, visits and three other tables.
fn a_storm() -> impl Strategy<Value = (usize, Vec<usize>, Vec<Step>)> {
    let devices =
        prop_oneof![3 => Just(2usize), 3 => Just(3usize), 2 => Just(4usize), 1 => Just(5usize)];
    let others: Vec<usize> = (IN_EVERY_LIFE..TABLES.len()).collect();
    let cast = prop::sample::subsequence(others, 3)
        .prop_map(|others| (0..IN_EVERY_LIFE).chain(others).collect());
    (devices, cast).prop_flat_map(|(devices, cast)| {
        let steps = proptest::collection::vec(a_step(devices), 0..36);
        (Just(devices), Just(cast), steps)
    })
}

/// Two people at the same few records, all of whose columns have values: that one clears what the other
/// edits is rare in a whole clinic's life.
fn a_meeting() -> impl Strategy<Value = (usize, Vec<usize>, Vec<Step>)> {
    const CAST: [&str; 5] = [
        "patients",
        "visits",
        "patient_additional_attributes",
        "appointments",
        "patient_vitals",
    ];
    let cast = CAST.map(|name| TABLES.iter().position(|(table, _)| *table == name).unwrap());
    let sync = |device, hub| Step::Sync {
        device,
        hub,
        full: false,
        fault: Fault::None,
    };
    let edit = |device, table, column, to_null| Step::Edit {
        device,
        table,
        record: 0,
        column,
        to_null,
    };
    let mut before = Vec::new();
    for kind in 0..CAST.len() {
        let (device, parent) = (0, 0);
        before.push(Step::Make {
            device,
            kind,
            parent,
        });
        before.extend((0..6).map(|column| edit(0, kind, column, false)));
    }
    before.extend([sync(0, false), sync(1, false)]);
    let step = prop_oneof![
        3 => (0usize..2, 0usize..CAST.len(), 0usize..6, prop::bool::weighted(0.4))
            .prop_map(move |(device, table, column, to_null)| edit(device, table, column, to_null)),
        1 => (0usize..2, prop::bool::weighted(0.2)).prop_map(move |(device, hub)| sync(device, hub)),
    ];
    proptest::collection::vec(step, 0..40)
        .prop_map(move |steps| (2, cast.to_vec(), [before.clone(), steps].concat()))
}

/// One of several parts, which run beside each other, with lives of their own.
fn storms(
    part: u64,
    lives: u32,
    last_word: PeerKind,
    strategy: &impl Strategy<Value = (usize, Vec<usize>, Vec<Step>)>,
) {
    for draw in draws(lives) {
        let mut runner = TestRunner::new(ProptestConfig {
            cases: draw.lives,
            rng_seed: RngSeed::Fixed(draw.seed.wrapping_add(part)),
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        let outcome = runner.run(strategy, |(devices, cast, steps)| {
            live(devices, cast, &steps, last_word)
        });
        if let Err(failure) = outcome {
            panic!("{failure}\n{}", draw.again("-p amana-core --lib"));
        }
    }
}

#[test]
fn what_one_clears_while_another_edits_it_is_not_lost() {
    storms(3, 200, PeerKind::Cloud, &a_meeting());
}

#[test]
fn after_the_storm_all_hold_the_same_and_nothing_is_lost() {
    storms(0, 1_000, PeerKind::Cloud, &a_storm());
}

#[test]
fn after_another_storm_all_hold_the_same_and_nothing_is_lost() {
    storms(1, 1_000, PeerKind::Cloud, &a_storm());
}

#[test]
fn after_a_third_storm_all_hold_the_same_and_nothing_is_lost() {
    storms(2, 1_000, PeerKind::Cloud, &a_storm());
}
