//! A server that keeps a pull to the last days (`MAX_HISTORY_DAYS_SYNC`): who comes anew lacks what is
//! older, and who has it keeps it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use amana_core::model::ledger::ConflictKind;
use amana_core::model::report::SyncReport;
use amana_core::model::standing::Standing;
use amana_core::test_support::FakeClock;
use amana_core::{SyncOptions, System};
use amana_peer::{ManualClock, Peer, PeerConfig, ids};
use amana_tests::{PASSWORD, Tablet, clinic_with, patient};
use pollster::block_on;
use serde_json::json;

const DAY_MS: u32 = 24 * 60 * 60 * 1000;
const LIMIT_DAYS: u32 = 30;
/// The server means to spare them, compares another name, and does not.
const FORMS: &str = "registration_forms";

struct Scene {
    peer: Peer,
    server_clock: ManualClock,
    clock: Arc<FakeClock>,
}

impl Scene {
    fn new() -> Self {
        // Certificates are judged by the tablets' clocks.
        let now_ms = System::real().clock.now_ms();
        let server_clock = ManualClock::new(now_ms);
        let peer = clinic_with(PeerConfig {
            rate_limit: false,
            clock: server_clock.clock(),
            max_history_days: Some(LIMIT_DAYS),
            ..PeerConfig::default()
        });
        Self {
            peer,
            server_clock,
            clock: Arc::new(FakeClock::at(now_ms)),
        }
    }

    fn tablet(&self) -> Tablet {
        let tablet = Tablet::always_open(self.clock.clone());
        tablet
            .sign_in(&self.peer, "amal@clinic.example", PASSWORD)
            .unwrap();
        tablet
    }

    fn pass_days(&self, days: u32) {
        for _ in 0..days {
            self.server_clock.advance(i64::from(DAY_MS));
            self.clock.advance(u64::from(DAY_MS));
        }
    }
}

fn sync_fully(tablet: &Tablet) -> SyncReport {
    let options = SyncOptions {
        full_pull: true,
        ..SyncOptions::default()
    };
    block_on(tablet.amana.sync(options)).unwrap()
}

#[test]
fn a_tablet_keeps_what_the_server_no_longer_tells_and_a_new_one_takes_what_it_tells() {
    let scene = Scene::new();
    let old = scene.tablet();
    let amal = old.insert("patients", &patient("Amal"));
    old.sync().unwrap();
    // Its next pull shows her; what a server took and never showed would be here only.
    old.sync().unwrap();
    scene.pass_days(2 * LIMIT_DAYS);
    let basem = old.insert("patients", &patient("Basem"));
    let visit = json!({"patient_id": amal, "clinic_id": ids::CLINIC_A});
    let visit = old.insert("visits", &visit);
    // After so long this is a pull of everything. It does not hold her, and that proves nothing.
    let report = old.sync().unwrap();
    assert_eq!((report.applied.gone, report.applied.deleted), (0, 0));
    assert_eq!((report.applied.absent, report.pushed), (2, 2));
    // She and the form are marked.
    assert_eq!(old.count(FORMS), 1);
    assert_eq!(old.get("patients", &amal)["given_name"], "Amal");
    let standing = block_on(old.amana.standing("patients", &amal)).unwrap();
    assert_eq!(standing.standing, Standing::InCloud);
    assert!(standing.absent_since_ms.is_some());
    assert_eq!(
        (sync_fully(&old).pushed, old.pending()),
        (0, 0),
        "nor is she sent again"
    );

    // The newcomer gets a visit whose patient it is not told of, and the clinic's own lists whole.
    let new = scene.tablet();
    let report = new.sync().unwrap();
    assert_eq!(report.skipped.bad_records, 0);
    assert!(new.get("patients", &amal).is_null());
    assert_eq!(new.get("visits", &visit)["patient_id"], amal.as_str());
    assert_eq!(new.get("patients", &basem)["given_name"], "Basem");
    assert_eq!(new.count("clinics"), old.count("clinics"));
    assert!(new.count("clinics") > 0);

    // Who edits her brings her back into everybody's pull.
    old.update("patients", &amal, &json!({"phone": "961"}));
    assert_eq!(old.sync().unwrap().pushed, 1);
    new.sync().unwrap();
    assert_eq!(new.get("patients", &amal)["phone"], "961");
    sync_fully(&old);
    let standing = block_on(old.amana.standing("patients", &amal)).unwrap();
    assert_eq!(standing.absent_since_ms, None);
    // Only the forms the newcomer never gets.
    let held = |tablet: &Tablet| {
        let mut tables = block_on(tablet.amana.digest()).unwrap().tables;
        tables.retain(|table| table.table != FORMS);
        tables
    };
    assert_eq!(held(&new), held(&old));
    assert_eq!((new.count(FORMS), old.count(FORMS)), (0, 1));
}

#[test]
fn who_was_away_for_longer_than_the_limit_brings_the_own_edit_and_what_it_covers_is_in_a_ledger() {
    let scene = Scene::new();
    let (away, other) = (scene.tablet(), scene.tablet());
    let amal = other.insert("patients", &patient("Amal"));
    let deleted = other.insert("patients", &patient("Deleted"));
    other.sync().unwrap();
    away.sync().unwrap();
    // Both happen while it is away, and are older than the limit when it comes back.
    other.update("patients", &amal, &json!({"phone": "111"}));
    block_on(other.amana.delete("patients", &deleted)).unwrap();
    other.sync().unwrap();
    scene.pass_days(2 * LIMIT_DAYS);
    away.update("patients", &amal, &json!({"surname": "Mine"}));
    let report = away.sync().unwrap();
    assert_eq!((report.pushed, away.pending()), (1, 0));
    other.sync().unwrap();
    assert_eq!(other.get("patients", &amal)["surname"], "Mine");
    // Its row went up whole, with the number of before: who wrote the other has it in the ledger.
    assert!(other.get("patients", &amal)["phone"].is_null());
    let ledger = block_on(other.amana.conflicts(0)).unwrap();
    let ledger: Vec<_> = ledger
        .iter()
        .map(|entry| (entry.kind, entry.column.as_deref(), entry.local.as_deref()))
        .collect();
    assert_eq!(
        ledger,
        [(ConflictKind::NotKept, Some("phone"), Some("\"111\""))]
    );
    // No deletion is told in a pull of everything: what the others deleted stays here, marked.
    assert_eq!(away.get("patients", &deleted)["given_name"], "Deleted");
    let standing = block_on(away.amana.standing("patients", &deleted)).unwrap();
    assert!(standing.absent_since_ms.is_some());
}
