//! Random lives of tablets and a cloud over real sockets and TLS, through the front door: a small
//! set beside the thousands that the engine's own tests play in memory. `AMANA_LIVES=10` plays ten
//! times as many.
//!
//! Compared are whole digests among the tablets, and with the server the columns that the lives
//! write, read from its own tables rather than from a pull.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use amana_core::test_support::FakeClock;
use amana_core::{SyncOptions, System};
use amana_peer::{Answer, Kind, ManualClock, Peer, PeerConfig, ids};
use amana_tests::{PASSWORD, Tablet, clinic_with};
use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value as Json, json};

/// Tables with the columns that people edit, all text.
const TABLES: [(&str, &[&str]); 4] = [
    ("patients", &["given_name", "surname", "phone"]),
    ("visits", &["provider_name"]),
    ("events", &["event_type"]),
    ("patient_additional_attributes", &["string_value"]),
];

/// More than the engine tries by itself.
const EVERY_TRY: u32 = 10;

#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// Pull replies break off behind so many bytes.
    CutPull(u64),
    /// Pushes are taken, and their replies break off behind so many bytes.
    CutPush(u64),
    /// Pushes are taken, and answered with an error.
    LostReply(u32),
    /// Errors of the server itself, for so many requests.
    PullFails(u32),
    PushFails(u32),
    /// The push is taken up to this row.
    FailsAtRow(usize),
    DatabaseDown,
}

#[derive(Clone, Debug)]
enum Step {
    Make {
        tablet: usize,
        table: usize,
        parent: usize,
    },
    Edit {
        tablet: usize,
        table: usize,
        record: usize,
        column: usize,
    },
    Remove {
        tablet: usize,
        table: usize,
        record: usize,
    },
    Sync {
        tablet: usize,
        full: bool,
        fault: Fault,
    },
    Restart {
        tablet: usize,
    },
    Clock {
        tablet: usize,
        minutes: i64,
    },
    Pass {
        minutes: u32,
    },
}

fn a_step(tablets: usize) -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        2 => (0u64..20_000).prop_map(Fault::CutPull),
        2 => (0u64..20).prop_map(Fault::CutPush),
        1 => (1..EVERY_TRY).prop_map(Fault::LostReply),
        1 => (1..EVERY_TRY).prop_map(Fault::PullFails),
        1 => (1..EVERY_TRY).prop_map(Fault::PushFails),
        1 => (1usize..5).prop_map(Fault::FailsAtRow),
        1 => Just(Fault::DatabaseDown),
    ];
    prop_oneof![
        4 => (0..tablets, 0usize..4, 0usize..4)
            .prop_map(|(tablet, table, parent)| Step::Make { tablet, table, parent }),
        6 => (0..tablets, 0usize..4, 0usize..4, 0usize..3).prop_map(
            |(tablet, table, record, column)| Step::Edit { tablet, table, record, column }
        ),
        1 => (0..tablets, 0usize..4, 0usize..4)
            .prop_map(|(tablet, table, record)| Step::Remove { tablet, table, record }),
        7 => (0..tablets, prop::bool::weighted(0.2), fault)
            .prop_map(|(tablet, full, fault)| Step::Sync { tablet, full, fault }),
        1 => (0..tablets).prop_map(|tablet| Step::Restart { tablet }),
        1 => (0..tablets, -300i64..300)
            .prop_map(|(tablet, minutes)| Step::Clock { tablet, minutes }),
        2 => (0u32..30).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

/// By table and id, the columns that the lives write.
type Rows = BTreeMap<(&'static str, String), Vec<Json>>;

fn texts(rows: &Rows) -> BTreeSet<String> {
    let values = rows.values().flatten();
    values
        .filter_map(|value| value.as_str().map(str::to_owned))
        .collect()
}

struct Member {
    tablet: Tablet,
    clock: Arc<FakeClock>,
}

impl Member {
    fn new(peer: &Peer, now_ms: i64) -> Self {
        let clock = Arc::new(FakeClock::at(now_ms));
        let tablet = Tablet::always_open(clock.clone());
        tablet
            .sign_in(peer, "amal@clinic.example", PASSWORD)
            .unwrap();
        Self { tablet, clock }
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        for (table, columns) in TABLES {
            let page = block_on(self.tablet.amana.query(table, "{}")).unwrap();
            let page: Json = serde_json::from_str(&page).unwrap();
            let names = page["columns"].as_array().unwrap();
            let at = |name: &str| names.iter().position(|column| column == name).unwrap();
            for row in page["rows"].as_array().unwrap() {
                let id = row[at("id")].as_str().unwrap().to_owned();
                let values = columns.iter().map(|name| row[at(name)].clone()).collect();
                rows.insert((table, id), values);
            }
        }
        rows
    }

    fn pick(&self, table: &str, number: usize) -> Option<String> {
        let rows = self.rows();
        let ids: Vec<_> = rows.keys().filter(|(name, _)| *name == table).collect();
        (!ids.is_empty()).then(|| ids[number % ids.len()].1.clone())
    }

    /// Every value in the conflict ledger.
    fn ledger(&self) -> BTreeSet<String> {
        let mut values = BTreeSet::new();
        let mut after = 0;
        loop {
            let entries = block_on(self.tablet.amana.conflicts(after)).unwrap();
            let Some(last) = entries.last() else {
                return values;
            };
            after = last.id;
            for entry in entries {
                let sides = [entry.base, entry.local, entry.remote];
                values.extend(sides.iter().flatten().flat_map(|text| values_in(text)));
            }
        }
    }
}

/// Values are written as `v` and five digits.
fn values_in(text: &str) -> impl Iterator<Item = String> {
    text.match_indices('v')
        .filter_map(|(at, _)| text.get(at..at + 6).map(str::to_owned))
}

struct World {
    peer: Peer,
    clock: ManualClock,
    members: Vec<Member>,
    made: u32,
    /// Each value that somebody wrote: where.
    written: BTreeMap<String, (&'static str, String)>,
    /// Values that somebody saw and replaced, or deleted with their record.
    replaced: BTreeSet<String>,
    /// Values that the server has held at some time.
    ever: BTreeSet<String>,
}

impl World {
    fn new(tablets: usize) -> Self {
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
            world.sync(tablet, false, Fault::None).unwrap();
        }
        assert_eq!(world.ever.len(), 6, "five values, and a surname");
        world
    }

    fn pass(&self, ms: u32) {
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
            self.written.insert(value, (name, id));
        }
    }

    fn edit(&mut self, tablet: usize, table: usize, record: usize, column: usize) {
        let (name, columns) = TABLES[table];
        let Some(id) = self.members[tablet].pick(name, record) else {
            return;
        };
        let column = columns[column % columns.len()];
        let value = self.value();
        let tablet = &self.members[tablet].tablet;
        let before = tablet.get(name, &id)[column].clone();
        tablet.update(name, &id, &json!({ column: value }));
        self.replaced.extend(before.as_str().map(str::to_owned));
        self.written.insert(value, (name, id));
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

    fn arm(&self, fault: Fault) {
        let faults = self.peer.faults();
        let answer = |kind, times, carry_out| {
            let mut answer = Answer::status(kind, 500);
            (answer.times, answer.carry_out) = (times, carry_out);
            faults.answer_with(answer);
        };
        match fault {
            Fault::None => {}
            Fault::CutPull(bytes) => faults.cut_after(Kind::Pull, bytes, EVERY_TRY),
            Fault::CutPush(bytes) => faults.cut_after(Kind::Push, bytes, EVERY_TRY),
            Fault::LostReply(times) => answer(Kind::Push, times, true),
            Fault::PullFails(times) => answer(Kind::Pull, times, false),
            Fault::PushFails(times) => answer(Kind::Push, times, false),
            Fault::FailsAtRow(row) => faults.fail_push_at_row(row, 1),
            Fault::DatabaseDown => faults.database_down(true),
        }
    }

    fn sync(&mut self, tablet: usize, full_pull: bool, fault: Fault) -> amana_core::Result<()> {
        self.pass(60_000);
        self.arm(fault);
        let options = SyncOptions {
            full_pull,
            ..SyncOptions::default()
        };
        let result = block_on(self.members[tablet].tablet.amana.sync(options));
        self.peer.faults().clear();
        self.ever.extend(texts(&self.stored(true)));
        result.map(|_| ())
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

    fn step(&mut self, step: &Step) {
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
                full,
                fault,
            } => _ = self.sync(tablet, full, fault),
            Step::Restart { tablet } => self.members[tablet].tablet.restart(),
            Step::Clock { tablet, minutes } => {
                let clock = &self.members[tablet].clock;
                clock.set_wall(self.clock.now() + minutes * 60_000);
            }
            Step::Pass { minutes } => self.pass(minutes * 60_000),
        }
    }

    /// The weather is fine, and everybody syncs until there is nothing left to say.
    fn calm(&mut self) -> Result<(), TestCaseError> {
        for round in 0..4 {
            self.pass(10 * 60_000);
            for tablet in 0..self.members.len() {
                let synced = self.sync(tablet, round % 2 == 1, Fault::None);
                prop_assert!(synced.is_ok(), "tablet {tablet}: {synced:?}");
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
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
            prop_assert_eq!(&member.rows(), &stored, "tablet {}", number);
            let digest = block_on(amana.digest()).unwrap();
            prop_assert_eq!(&digest, &expected, "tablet {}", number);
            known.extend(member.ledger());
        }
        known.extend(texts(&stored));
        for (value, (table, id)) in &self.written {
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

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 60,
        rng_seed: RngSeed::Fixed(amana_core::test_support::seed()),
        ..ProptestConfig::with_cases(amana_core::test_support::lives(12))
    })]

    #[test]
    fn after_a_storm_over_sockets_all_hold_the_same_and_nothing_is_lost(
        (tablets, steps) in (2usize..=3).prop_flat_map(|tablets| {
            (Just(tablets), prop::collection::vec(a_step(tablets), 10..40))
        })
    ) {
        let mut world = World::new(tablets);
        for step in &steps {
            world.step(step);
            world.pass(17);
        }
        world.calm()?;
        world.check()?;
    }
}
