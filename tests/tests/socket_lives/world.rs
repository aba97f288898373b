//! The clinic: a cloud, perhaps a hub, tablets, and what was ever written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amana_core::ports::ProgressListener;
use amana_core::{SyncOptions, System};
use amana_peer::hub::Hub;
use amana_peer::{Answer, Faults, Kind, ManualClock, Peer, PeerConfig, ids};
use amana_tests::clinic_with;
use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::json;

use crate::hub::{ClinicHub, KillAtPush};
use crate::member::{Member, Rows, TABLES, texts};
use crate::steps::{EVERY_TRY, Fault, Step};

pub struct World {
    peer: Peer,
    hub: Option<ClinicHub>,
    clock: ManualClock,
    members: Vec<Member>,
    made: u32,
    /// Each value that somebody wrote: where, and on which tablet.
    written: BTreeMap<String, ((&'static str, String), usize)>,
    /// Values that somebody saw and replaced, or deleted with their record.
    replaced: BTreeSet<String>,
    /// Values that the server has held at some time.
    ever: BTreeSet<String>,
}

impl World {
    pub fn new(tablets: usize, with_hub: bool) -> Self {
        // Certificates are judged by the tablets' clocks.
        let now_ms = System::real().clock.now_ms();
        let clock = ManualClock::new(now_ms);
        let peer = clinic_with(PeerConfig {
            rate_limit: false,
            clock: clock.clock(),
            ..PeerConfig::default()
        });
        let members = (0..tablets).map(|_| Member::new(&peer, now_ms)).collect();
        let mut world = Self {
            peer,
            hub: None,
            clock,
            members,
            made: 0,
            written: BTreeMap::new(),
            replaced: BTreeSet::new(),
            ever: BTreeSet::new(),
        };
        // Something that everybody knows, to quarrel about.
        for table in [0, 0, 1, 2, 3] {
            world.make(0, table, 0);
        }
        for tablet in 0..tablets {
            world.sync(tablet, false, false, Fault::None).unwrap();
        }
        assert_eq!(world.ever.len(), 6, "five values, and a surname");
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

    fn value(&mut self) -> String {
        self.made += 1;
        format!("v{:05}", self.made)
    }

    fn make(&mut self, tablet: usize, table: usize, parent: usize) {
        let (name, columns) = TABLES[table];
        let value = self.value();
        let member = &self.members[tablet];
        let mut fields = json!({ columns[0]: value });
        match (name, member.pick("patients", parent)) {
            ("patients", _) => {
                fields["surname"] = json!("Test");
                fields["date_of_birth"] = json!("1980-02-03");
            }
            (_, None) => return,
            ("visits", Some(patient)) => {
                fields["patient_id"] = json!(patient);
                fields["clinic_id"] = json!(ids::CLINIC_A);
            }
            ("events", Some(_)) => {
                let Some(visit) = member.pick("visits", parent) else {
                    return;
                };
                let owner = member.tablet.get("visits", &visit)["patient_id"].clone();
                fields["visit_id"] = json!(visit);
                fields["patient_id"] = owner;
                fields["form_id"] = json!(ids::EVENT_FORM);
            }
            // Two tablets may give a patient the same attribute: one record, with the server's id.
            (_, Some(patient)) => {
                let attribute = format!("a77b0000-0000-4000-8000-00000000000{}", parent % 2);
                fields["patient_id"] = json!(patient);
                fields["attribute_id"] = json!(attribute);
                fields["attribute"] = json!("blood group");
            }
        }
        // The patient may have the attribute already.
        if let Ok(id) = block_on(member.tablet.amana.insert(name, &fields.to_string())) {
            self.written.insert(value, ((name, id), tablet));
        }
    }

    fn edit(&mut self, tablet: usize, table: usize, record: usize, column: usize) {
        let (name, columns) = TABLES[table];
        let Some(id) = self.members[tablet].pick(name, record) else {
            return;
        };
        let column = columns[column % columns.len()];
        let value = self.value();
        let editor = &self.members[tablet].tablet;
        let before = editor.get(name, &id)[column].clone();
        editor.update(name, &id, &json!({ column: value }));
        self.replaced.extend(before.as_str().map(str::to_owned));
        self.written.insert(value, ((name, id), tablet));
    }

    fn remove(&mut self, tablet: usize, table: usize, record: usize) {
        let (name, _) = TABLES[table];
        // Given again, it would stay out of every pull, since the server keeps its time of deletion:
        // the tablet that gave it would be alone with it.
        if name == "patient_additional_attributes" {
            return;
        }
        let member = &self.members[tablet];
        let Some(id) = member.pick(name, record) else {
            return;
        };
        let before = texts(&member.rows());
        block_on(member.tablet.amana.delete(name, &id)).unwrap();
        let after = texts(&member.rows());
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
                options.progress = hub.with(|running| arm_hub(running, hub, fault));
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
                block_on(amana.sync(options))
            }
        };
        self.peer.faults().clear();
        self.remember();
        result.map(|_| ())
    }

    fn mend_hub(&self) {
        let Some(hub) = &self.hub else { return };
        if hub.revive() {
            self.members.iter().for_each(|member| member.follow(hub));
        }
        hub.with(|hub| hub.faults().clear());
    }

    fn meet(&mut self) {
        let Some(hub) = &self.hub else { return };
        let before = texts(&self.stored(false));
        // What comes of it is the hub's own affair: it may stick for good.
        hub.with(Hub::meet_cloud);
        let after = texts(&self.stored(false));
        // A value that its writer had seen in the cloud, and that the hub writes over there with an
        // edit of somebody who had not, looks like any later edit: nobody can tell.
        for value in before.difference(&after) {
            if self.is_confirmed(value) {
                self.replaced.insert(value.clone());
            }
        }
        self.remember();
    }

    fn is_confirmed(&self, value: &str) -> bool {
        let Some(((table, id), tablet)) = self.written.get(value) else {
            return false;
        };
        let standing = self.members[*tablet].tablet.amana.standing(table, id);
        block_on(standing).is_ok_and(|standing| standing.confirmed)
    }

    fn remember(&mut self) {
        self.ever.extend(texts(&self.stored(true)));
    }

    /// What the server's tables hold, with or without what was deleted. A pull shows no record with
    /// a time of deletion, and a push that brings an attribute back does not take that time away.
    fn stored(&self, with_deleted: bool) -> Rows {
        let mut rows = Rows::new();
        for (table, columns) in TABLES {
            for row in self.peer.rows(table) {
                let lives = row["is_deleted"] == json!(false) && row["deleted_at"].is_null();
                if with_deleted || lives {
                    let id = row["id"].as_str().unwrap().to_owned();
                    let values = columns.iter().map(|name| row[*name].clone()).collect();
                    rows.insert((table, id), values);
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
            } => self.edit(tablet, table, record, column),
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
            Step::Meeting => self.meet(),
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
        }
        Ok(())
    }

    pub fn check(&self) -> Result<(), TestCaseError> {
        let stored = self.stored(false);
        // A tablet that was never there has the server's word alone.
        let newcomer = Member::new(&self.peer, self.clock.now());
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
        known.extend(texts(&stored));
        for (value, ((table, id), _)) in &self.written {
            // A record that the server had and that was deleted there by somebody is no loss.
            let lives = stored.contains_key(&(*table, id.clone()));
            prop_assert!(
                known.contains(value) || (!lives && self.ever.contains(value)),
                "{value} of {table} {id} is lost"
            );
        }
        Ok(())
    }
}

fn arm(faults: &Faults, fault: Fault) {
    let answer = |kind, times, carry_out| {
        let mut answer = Answer::status(kind, 500);
        (answer.times, answer.carry_out) = (times, carry_out);
        faults.answer_with(answer);
    };
    match fault {
        Fault::None | Fault::HubDies | Fault::HubForgets => {}
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

/// The same at the hub, and what only a hub does.
fn arm_hub(running: &Hub, hub: &ClinicHub, fault: Fault) -> Option<Arc<dyn ProgressListener>> {
    match fault {
        Fault::HubForgets => running.forget_sessions(),
        Fault::HubDies => return Some(Arc::new(KillAtPush(hub.clone()))),
        _ => arm(running.faults().base(), fault),
    }
    None
}
