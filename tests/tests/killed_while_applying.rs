//! SIGKILL in the middle of the transaction that applies a pull: what was there before is all there,
//! nothing of the pull is, and the next sync ends as if nothing had been.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use amana_core::model::ledger::{ConflictEntry, Digest};
use amana_core::{Amana, SyncOptions, System};
use amana_peer::{Answer, Kind, ManualClock, PeerConfig};
use amana_tests::killed::{Child, Place};
use amana_tests::{Tablet, clinic_with, patient};
use pollster::block_on;
use serde_json::json;

/// All that a sync changes.
#[derive(PartialEq, Debug)]
struct State {
    digest: Digest,
    cursor: i64,
    pending: u64,
    ledger: Vec<ConflictEntry>,
}

fn state(amana: &Amana) -> State {
    let status = block_on(amana.status()).unwrap();
    let mut ledger = block_on(amana.conflicts(0)).unwrap();
    // Found at another moment, which is the machine's.
    ledger.iter_mut().for_each(|entry| entry.at_ms = 0);
    State {
        digest: block_on(amana.digest()).unwrap(),
        cursor: status.cloud.cursor,
        pending: status.outbox.pending,
        ledger,
    }
}

fn sync(amana: &Amana) -> amana_core::Result<amana_core::model::report::SyncReport> {
    block_on(amana.sync(SyncOptions::default()))
}

const PATIENTS: u64 = 460;

/// Far more than the 16 MiB that an apply may keep back: some of it is in the log before the end.
fn write_more_than_a_cache_holds(tablet: &Tablet) {
    let data = json!({"note": "x".repeat(40_000)}).to_string();
    let insert = |number| {
        let fields = json!({"given_name": format!("Patient {number}"), "additional_data": data});
        json!({"op": "insert", "table": "patients", "fields": fields})
    };
    let operations: Vec<_> = (0..PATIENTS).map(insert).collect();
    block_on(tablet.amana.batch(&json!(operations).to_string())).unwrap();
}

/// SQLite's log beside the database.
fn log_of(vault: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(vault).unwrap();
    entries
        .find_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let mut inner = std::fs::read_dir(&path).unwrap();
                inner.find_map(|entry| {
                    let path = entry.unwrap().path();
                    path.to_string_lossy().ends_with("-wal").then_some(path)
                })
            } else {
                path.to_string_lossy().ends_with("-wal").then_some(path)
            }
        })
        .unwrap()
}

#[test]
fn a_tablet_killed_while_it_applies_a_pull_has_nothing_of_it_and_goes_on_as_if_nothing_had_been() {
    let clock = ManualClock::new(System::real().clock.now_ms());
    let peer = clinic_with(PeerConfig {
        clock: clock.clock(),
        rate_limit: false,
        ..PeerConfig::default()
    });
    let root = tempfile::tempdir().unwrap();
    let place = Place::at(root.path().join("killed"));
    let colleague = Tablet::signed_in(&peer);
    let quarrelled = colleague.insert("patients", &patient("Amal"));
    colleague.sync().unwrap();
    // Longer than a pull's overlap: the patient comes among the updates, behind all that is new.
    clock.advance(60 * 60_000);

    let amana = place.signed_in(&peer);
    sync(&amana).unwrap();
    block_on(amana.update("patients", &quarrelled, r#"{"phone":"222"}"#)).unwrap();
    block_on(amana.insert("patients", r#"{"given_name":"Here only"}"#)).unwrap();
    let before = state(&amana);
    assert_eq!((before.pending, before.ledger.len()), (2, 0));
    amana.close().unwrap();
    let undisturbed = place.copy_to(root.path().join("undisturbed"));

    clock.advance(60_000);
    write_more_than_a_cache_holds(&colleague);
    colleague.update("patients", &quarrelled, &json!({"phone": "111"}));
    colleague.sync().unwrap();
    clock.advance(60_000);

    let mut child = Child::sync(env!("CARGO_BIN_EXE_amana-held"), "rule", &place);
    assert_eq!(child.said(), "asked", "it was asked, in the transaction");
    let log = std::fs::metadata(log_of(&place.vault())).unwrap().len();
    assert!(
        log > 2_000_000,
        "{log} bytes: nothing of it reached the disk"
    );
    child.kill();

    let killed = place.open();
    assert_eq!(state(&killed), before, "nothing of the pull is there");
    // Both pull the same, since no push gets through yet.
    let twin = undisturbed.open();
    let pulled = [&twin, &killed].map(|amana| {
        let mut refusal = Answer::status(Kind::Push, 400);
        refusal.times = u32::MAX;
        peer.faults().answer_with(refusal);
        let _ = sync(amana);
        peer.faults().clear();
        state(amana)
    });
    assert_eq!(pulled[1], pulled[0], "as if nothing had been");
    assert_ne!(pulled[0].digest, before.digest);
    assert!(pulled[0].cursor > before.cursor);
    assert_eq!(pulled[0].ledger.len(), 1);

    let report = sync(&killed).unwrap();
    assert_eq!((report.pushed, state(&killed).pending), (2, 0));
    colleague.sync().unwrap();
    sync(&killed).unwrap();
    let all = block_on(colleague.amana.digest()).unwrap();
    assert_eq!(state(&killed).digest, all);
    assert_eq!(colleague.get("patients", &quarrelled)["phone"], "222");
    assert_eq!(colleague.count("patients"), 2 + PATIENTS);
}
