//! The clinic: a cloud, perhaps a hub, tablets, and what was ever written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amana_core::ports::ProgressListener;
use amana_core::test_support::life_values::{TABLES, value_of};
use amana_core::{SyncOptions, System};
use amana_peer::hub::{Hub, Meeting};
use amana_peer::{Answer, Faults, Kind, ManualClock, Peer, PeerConfig, ids};
use amana_tests::clinic_with;
use amana_tests::line::{BreakInPush, Line};
use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value as Json, json};

use crate::at_hub;
use crate::hub::{ClinicHub, KillAtPush};
use crate::member::{Mark, Member, Rows, cells, mark, marks};
use crate::steps::{EVERY_TRY, Fault, Step};

pub struct World {
    peer: Peer,
    /// Between the tablets and the cloud.
    line: Arc<Line>,
    hub: Option<ClinicHub>,
    clock: ManualClock,
    members: Vec<Member>,
    /// The tables of this life.
    cast: Vec<usize>,
    /// By table, a record that everybody knows from the beginning.
    first: BTreeMap<&'static str, String>,
    made: u32,
    /// Each value that somebody wrote: of which record, and on which tablet.
    written: BTreeMap<Mark, (String, usize)>,
    /// Values that somebody saw and replaced, or deleted with their record.
    replaced: BTreeSet<Mark>,
    /// Values that the server has held at some time.
    ever: BTreeSet<Mark>,
}

impl World {
    pub fn new(tablets: usize, cast: Vec<usize>, with_hub: bool) -> Self {
        // Certificates are judged by the tablets' clocks.
        let now_ms = System::real().clock.now_ms();
        let clock = ManualClock::new(now_ms);
        let peer = clinic_with(PeerConfig {
            rate_limit: false,
            clock: clock.clock(),
            ..PeerConfig::default()
        });
        let line = Arc::new(Line::to(peer.url()));
        let members = (0..tablets).map(|_| Member::new(&peer, &line, now_ms));
        let members = members.collect();
        let mut world = Self {
            peer,
            line,
            hub: None,
            clock,
            members,
            cast: (0..TABLES.len()).collect(),
            first: BTreeMap::new(),
            made: 0,
            written: BTreeMap::new(),
            replaced: BTreeSet::new(),
            ever: BTreeSet::new(),
        };
        // Something that everybody knows, to quarrel about.
        for (table, (name, _)) in TABLES.iter().enumerate() {
            world.make(0, table, 0);
            let id = world.members[0].pick(name, 0).unwrap();
            world.first.insert(name, id);
        }
        world.cast = cast;
        for tablet in 0..tablets {
            world.sync(tablet, false, false, Fault::None).unwrap();
        }
        let written: BTreeSet<Mark> = world.written.keys().cloned().collect();
        let missing: Vec<_> = written.difference(&world.ever).collect();
        assert!(missing.is_empty(), "{missing:?}");
        if with_hub {
            world.open_hub();
        }
        world
    }

    fn open_hub(&mut self) {
        let hub = ClinicHub::start(&self.peer, self.clock.clock());
        for member in &mut self.members {
            member.pair(&hub);
        }
        self.hub = Some(hub);
        for tablet in 0..self.members.len() {
            self.sync(tablet, true, false, Fault::None).unwrap();
        }
    }

    pub fn pass(&self, ms: u32) {
        self.clock.advance(i64::from(ms));
        for member in &self.members {
            member.clock.advance(u64::from(ms));
        }
    }

    /// A value that nobody has written before, and what it is in the column.
    fn value(&mut self, table: &str, column: &str) -> Json {
        self.made += 1;
        let schema = self.members[0].tablet.amana.schema();
        let (_, table) = schema.require(table).unwrap();
        value_of(&table.columns[table.position(column).unwrap()], self.made)
    }

    fn remember_written(&mut self, tablet: usize, table: &'static str, id: &str, fields: &Json) {
        let (_, columns) = TABLES.iter().find(|(name, _)| *name == table).unwrap();
        let schema = self.members[tablet].tablet.amana.schema();
        let values = columns.iter().zip(cells(schema, table, fields));
        let marks = values.filter_map(|(column, value)| mark(table, column, &value));
        let marks: Vec<_> = marks.collect();
        for mark in marks {
            self.written.insert(mark, (id.to_owned(), tablet));
        }
    }

    fn make(&mut self, tablet: usize, table: usize, parent: usize) {
        let (name, columns) = TABLES[self.cast[table]];
        let mut fields = json!({});
        // Some records begin full, others with little.
        let given = if self.made.is_multiple_of(2) {
            columns.len()
        } else {
            1
        };
        for column in &columns[..given] {
            fields[*column] = self.value(name, column);
        }
        let member = &self.members[tablet];
        let visit = member.pick("visits", parent);
        let patient = match name {
            "patients" => None,
            // What does not go with a deleted patient belongs to one who is not deleted.
            "prescription_items" | "dispensing_records" => self.first.get("patients").cloned(),
            _ => member.pick("patients", parent),
        };
        if name != "patients" {
            let Some(patient) = patient.or_else(|| member.pick("patients", 0)) else {
                return;
            };
            fields["patient_id"] = json!(patient);
        }
        let (clinic, person) = (json!(ids::CLINIC_A), json!(ids::USER_A1));
        let of_visit = match name {
            "events" | "prescriptions" => Some("visit_id"),
            "appointments" => Some("current_visit_id"),
            _ => None,
        };
        if let Some(column) = of_visit {
            let Some(visit) = visit else { return };
            fields["patient_id"] = member.tablet.get("visits", &visit)["patient_id"].clone();
            fields[column] = json!(visit);
        }
        let any = |table| member.pick(table, 0);
        let first = |table| json!(self.first.get(table).cloned().or_else(|| any(table)));
        let mut set = |column: &str, value: Json| fields[column] = value;
        match name {
            "visits" => set("clinic_id", clinic),
            "events" => set("form_id", json!(ids::EVENT_FORM)),
            // Two tablets may give a patient the same attribute: one record, with the server's id.
            "patient_additional_attributes" => {
                let attribute = format!("a77b0000-0000-4000-8000-00000000000{}", parent % 2);
                set("attribute_id", json!(attribute));
            }
            "appointments" => {
                set("clinic_id", clinic);
                set("user_id", person);
            }
            "prescriptions" => {
                set("pickup_clinic_id", clinic);
                set("provider_id", person);
                set("prescribed_at", json!(self.clock.now()));
            }
            "prescription_items" => {
                set("prescription_id", first("prescriptions"));
                set("drug_id", json!(ids::DRUG));
                set("clinic_id", clinic);
                set("quantity_prescribed", json!(1));
            }
            "dispensing_records" => {
                set("prescription_item_id", first("prescription_items"));
                set("drug_id", json!(ids::DRUG));
                set("clinic_id", clinic);
                set("dispensed_by", person);
                set("quantity_dispensed", json!(1));
            }
            _ => {}
        }
        // Times and numbers that every record of the table has.
        for column in ["timestamp", "duration", "dispensed_at"] {
            if columns.contains(&column) && fields[column].is_null() {
                fields[column] = self.value(name, column);
            }
        }
        // The patient may have the attribute already.
        let text = fields.to_string();
        let amana = &self.members[tablet].tablet.amana;
        match block_on(amana.insert(name, &text)) {
            Ok(id) => self.remember_written(tablet, name, &id, &fields),
            Err(error) => assert_eq!(name, "patient_additional_attributes", "{error:?}"),
        }
    }

    fn edit(&mut self, tablet: usize, table: usize, record: usize, column: usize, to_null: bool) {
        let (name, columns) = TABLES[self.cast[table]];
        let Some(id) = self.members[tablet].pick(name, record) else {
            return;
        };
        let at = column % columns.len();
        let column = columns[at];
        let (_, of) = self.members[tablet]
            .tablet
            .amana
            .schema()
            .require(name)
            .unwrap();
        let value = if to_null && of.columns[of.position(column).unwrap()].nullable {
            Json::Null
        } else {
            self.value(name, column)
        };
        let editor = &self.members[tablet].tablet;
        let before = &cells(editor.amana.schema(), name, &editor.get(name, &id))[at];
        let fields = json!({ column: value });
        editor.update(name, &id, &fields);
        self.replaced.extend(mark(name, column, before));
        self.remember_written(tablet, name, &id, &fields);
    }

    fn remove(&mut self, tablet: usize, table: usize, record: usize) {
        let (name, _) = TABLES[self.cast[table]];
        // Given again, an attribute would stay out of every pull, since the server keeps its time of
        // deletion: the tablet that gave it would be alone with it.
        if name == "patient_additional_attributes" {
            return;
        }
        let member = &self.members[tablet];
        let Some(id) = member.pick(name, record) else {
            return;
        };
        // Others hang on these.
        if self.first[name] == id {
            return;
        }
        let before = marks(&member.rows());
        block_on(member.tablet.amana.delete(name, &id)).unwrap();
        let after = marks(&member.rows());
        self.replaced.extend(before.difference(&after).cloned());
    }

    /// Runs a sync with the hub, or the cloud, in whatever weather.
    fn sync(
        &mut self,
        tablet: usize,
        at_hub: bool,
        full_pull: bool,
        fault: Fault,
    ) -> amana_core::Result<()> {
        self.pass(60_000);
        let member = &self.members[tablet];
        let amana = &member.tablet.amana;
        let mut options = SyncOptions {
            full_pull,
            ..SyncOptions::default()
        };
        let result = match self.hub.as_ref().filter(|_| at_hub) {
            Some(hub) => {
                let line = hub.line();
                options.progress = hub.with(|running| arm_hub(running, &line, hub, fault));
                let peer = member.hub.as_ref().unwrap();
                let result = block_on(amana.sync_with(peer, options));
                if matches!(fault, Fault::HubDiesSilently) {
                    hub.kill();
                }
                self.mend_hub();
                result
            }
            None => {
                arm(self.peer.faults(), fault);
                options.progress = cut(&self.line, fault);
                block_on(amana.sync(options))
            }
        };
        self.line.mend(self.peer.url());
        self.peer.faults().clear();
        self.remember();
        result.map(|_| ())
    }

    fn mend_hub(&self) {
        let Some(hub) = &self.hub else { return };
        if hub.revive() {
            self.members.iter().for_each(|member| member.follow(hub));
        }
        hub.mend_line();
        hub.with(|hub| hub.faults().clear());
    }

    /// What comes of it during a storm is the hub's own affair: it may stick.
    fn meet(&mut self) -> Meeting {
        let Some(hub) = &self.hub else {
            return Meeting::default();
        };
        let before = marks(&self.stored(false));
        let meeting = hub.with(Hub::meet_cloud);
        let after = marks(&self.stored(false));
        // A value that its writer had seen in the cloud, and that the hub writes over there with an
        // edit of somebody who had not, looks like any later edit: nobody can tell.
        for value in before.difference(&after) {
            if self.is_confirmed(value) {
                self.replaced.insert(value.clone());
            }
        }
        self.remember();
        meeting
    }

    fn is_confirmed(&self, value: &Mark) -> bool {
        let Some((id, tablet)) = self.written.get(value) else {
            return false;
        };
        let standing = self.members[*tablet].tablet.amana.standing(value.0, id);
        block_on(standing).is_ok_and(|standing| standing.confirmed)
    }

    fn remember(&mut self) {
        self.ever.extend(marks(&self.stored(true)));
    }

    /// What the server's tables hold, with or without what was deleted. A pull shows no record with
    /// a time of deletion, and a push that brings an attribute back does not take that time away.
    fn stored(&self, with_deleted: bool) -> Rows {
        let mut rows = Rows::new();
        let schema = self.members[0].tablet.amana.schema();
        for (table, _) in TABLES {
            for row in self.peer.rows(table) {
                let lives = row["is_deleted"] == json!(false) && row["deleted_at"].is_null();
                if with_deleted || lives {
                    let id = row["id"].as_str().unwrap().to_owned();
                    rows.insert((table, id), cells(schema, table, &row.into()));
                }
            }
        }
        rows
    }

    pub fn step(&mut self, step: &Step) {
        match *step {
            Step::Make {
                tablet,
                table,
                parent,
            } => self.make(tablet, table, parent),
            Step::Edit {
                tablet,
                table,
                record,
                column,
                to_null,
            } => self.edit(tablet, table, record, column, to_null),
            Step::Remove {
                tablet,
                table,
                record,
            } => self.remove(tablet, table, record),
            Step::Sync {
                tablet,
                hub,
                full,
                fault,
            } => _ = self.sync(tablet, hub, full, fault),
            Step::Meeting => _ = self.meet(),
            Step::Restart { tablet } => self.members[tablet].tablet.restart(),
            Step::Clock { tablet, minutes } => {
                let clock = &self.members[tablet].clock;
                clock.set_wall(self.clock.now() + minutes * 60_000);
            }
            Step::Pass { minutes } => self.pass(minutes * 60_000),
        }
    }

    /// The weather is fine, and everybody syncs until there is nothing left to say.
    pub fn calm(&mut self) -> Result<(), TestCaseError> {
        for round in 0..4 {
            self.pass(10 * 60_000);
            for tablet in 0..self.members.len() {
                if self.hub.is_some() {
                    let synced = self.sync(tablet, true, round % 2 == 1, Fault::None);
                    prop_assert!(synced.is_ok(), "tablet {tablet} at the hub: {synced:?}");
                }
                let synced = self.sync(tablet, false, round % 2 == 1, Fault::None);
                prop_assert!(synced.is_ok(), "tablet {tablet}: {synced:?}");
            }
            self.meet();
        }
        if self.hub.is_some() {
            // What a hub could not bring to the cloud for a day, a pull of everything settles.
            self.pass(30 * 60 * 60_000);
            for tablet in 0..self.members.len() {
                let synced = self.sync(tablet, false, true, Fault::None);
                prop_assert!(synced.is_ok(), "tablet {tablet} at last: {synced:?}");
            }
            // The hub has nothing to say that the tablets do not know, and hears what they said last.
            for _ in 0..2 {
                let meeting = self.meet();
                prop_assert!(meeting.done, "{meeting:?}");
            }
        }
        Ok(())
    }

    pub fn check(&self) -> Result<(), TestCaseError> {
        let stored = self.stored(false);
        // A tablet that was never there has the server's word alone.
        let newcomer = Member::new(&self.peer, &self.line, self.clock.now());
        newcomer.tablet.sync().unwrap();
        let expected = block_on(newcomer.tablet.amana.digest()).unwrap();
        let mut known = self.replaced.clone();
        for (number, member) in self.members.iter().enumerate() {
            let amana = &member.tablet.amana;
            let aside = block_on(amana.quarantined_records()).unwrap();
            prop_assert!(aside.is_empty(), "tablet {number}: {aside:?}");
            prop_assert_eq!(member.tablet.pending(), 0, "tablet {}", number);
            prop_assert_eq!(&member.rows_shown(), &stored, "tablet {}", number);
            if block_on(amana.sync_status()).unwrap().absent == 0 {
                let digest = block_on(amana.digest()).unwrap();
                prop_assert_eq!(&digest, &expected, "tablet {}", number);
            }
            known.extend(member.ledger());
        }
        known.extend(marks(&stored));
        for (value, (id, _)) in &self.written {
            // A record that the server had and that was deleted there by somebody is no loss.
            let lives = stored.contains_key(&(value.0, id.clone()));
            prop_assert!(
                known.contains(value) || (!lives && self.ever.contains(value)),
                "{value:?} of {id} is lost"
            );
        }
        let schema = self.members[0].tablet.amana.schema();
        self.hub.as_ref().map_or(Ok(()), |hub| {
            hub.with(|hub| at_hub::check(schema, &self.peer, hub))
        })
    }
}

fn arm(faults: &Faults, fault: Fault) {
    let answer = |kind, times, carry_out| {
        let mut answer = Answer::status(kind, 500);
        (answer.times, answer.carry_out) = (times, carry_out);
        faults.answer_with(answer);
    };
    match fault {
        Fault::None | Fault::CutRequest(_) | Fault::HubDies | Fault::HubForgets => {}
        Fault::CutPull(bytes) => faults.cut_after(Kind::Pull, bytes, EVERY_TRY),
        Fault::CutPush(bytes) => faults.cut_after(Kind::Push, bytes, EVERY_TRY),
        Fault::LostReply(times) => answer(Kind::Push, times, true),
        Fault::HubDiesSilently => answer(Kind::Push, EVERY_TRY, true),
        Fault::PullFails(times) => answer(Kind::Pull, times, false),
        Fault::PushFails(times) => answer(Kind::Push, times, false),
        Fault::FailsAtRow(row) => faults.fail_push_at_row(row, 1),
        Fault::DatabaseDown => faults.database_down(true),
    }
}

fn cut(line: &Arc<Line>, fault: Fault) -> Option<Arc<dyn ProgressListener>> {
    match fault {
        Fault::CutRequest(bytes) => Some(Arc::new(BreakInPush::new(Arc::clone(line), bytes))),
        _ => None,
    }
}

/// The same at the hub, and what only a hub does.
fn arm_hub(
    running: &Hub,
    line: &Arc<Line>,
    hub: &ClinicHub,
    fault: Fault,
) -> Option<Arc<dyn ProgressListener>> {
    match fault {
        Fault::HubForgets => running.forget_sessions(),
        Fault::HubDies => return Some(Arc::new(KillAtPush(hub.clone()))),
        _ => arm(running.faults().base(), fault),
    }
    cut(line, fault)
}
