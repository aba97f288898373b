//! Two tablets and a server: the main job.
#![allow(clippy::unwrap_used, reason = "tests")]

use amana_core::SyncOptions;
use amana_core::VaultState;
use amana_core::model::notice::SyncPhase;
use amana_peer::ids;
use amana_tests::{Recorder, Tablet, clinic, patient};
use pollster::block_on;
use serde_json::json;
use std::sync::Arc;

#[test]
fn what_one_registers_the_other_sees() {
    let peer = clinic();
    let (one, two) = (Tablet::signed_in(&peer), Tablet::signed_in(&peer));
    let id = one.insert("patients", &patient("سلمى 👶"));
    let visit = one.insert(
        "visits",
        &json!({"patient_id": id, "clinic_id": ids::CLINIC_A, "check_in_timestamp": 954_835_200_000_i64}),
    );
    let vitals = one.insert(
        "patient_vitals",
        &json!({"patient_id": id, "visit_id": visit, "timestamp": 1_769_847_330_123_i64,
                "temperature_celsius": "36.60", "heart_rate": 80}),
    );
    let report = one.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (3, 0));
    assert_eq!(one.pending(), 0);

    let report = two.sync().unwrap();
    assert!(report.applied.inserted >= 3);
    assert_eq!(report.skipped.unreadable_values, 0);
    for (table, id) in [
        ("patients", &id),
        ("visits", &visit),
        ("patient_vitals", &vitals),
    ] {
        let (mine, theirs) = (one.get(table, id), two.get(table, id));
        assert_eq!(mine["given_name"], theirs["given_name"]);
        assert!(!theirs.is_null(), "{table}");
    }
    assert_eq!(two.get("patients", &id)["date_of_birth"], "1980-02-03");
    // An instant before September 2001 would have become the present as a number.
    assert_eq!(
        two.get("visits", &visit)["check_in_timestamp"],
        954_835_200_000_i64
    );
    assert_eq!(
        two.get("patient_vitals", &vitals)["temperature_celsius"],
        "36.60"
    );
    assert_eq!(two.get("patient_vitals", &vitals)["heart_rate"], 80);

    one.sync().unwrap();
    two.sync().unwrap();
    assert_eq!(
        block_on(one.amana.digest()).unwrap(),
        block_on(two.amana.digest()).unwrap()
    );
}

#[test]
fn edits_of_different_columns_both_survive() {
    let peer = clinic();
    let (one, two) = (Tablet::signed_in(&peer), Tablet::signed_in(&peer));
    let id = one.insert("patients", &patient("Amal"));
    one.sync().unwrap();
    two.sync().unwrap();
    one.update("patients", &id, &json!({"phone": "111"}));
    two.update("patients", &id, &json!({"camp": "North"}));
    one.sync().unwrap();
    two.sync().unwrap();
    one.sync().unwrap();
    for tablet in [&one, &two] {
        let record = tablet.get("patients", &id);
        assert_eq!(
            (&record["phone"], &record["camp"]),
            (&json!("111"), &json!("North"))
        );
        assert!(block_on(tablet.amana.conflicts(0)).unwrap().is_empty());
    }
}

#[test]
fn a_true_conflict_keeps_the_local_value_and_both_in_the_ledger() {
    let peer = clinic();
    let (one, two) = (Tablet::signed_in(&peer), Tablet::signed_in(&peer));
    let id = one.insert("patients", &patient("Amal"));
    one.sync().unwrap();
    two.sync().unwrap();
    one.update("patients", &id, &json!({"phone": "111"}));
    two.update("patients", &id, &json!({"phone": "222"}));
    one.sync().unwrap();
    let report = two.sync().unwrap();
    assert_eq!(report.applied.conflicts, 1);
    one.sync().unwrap();
    for tablet in [&one, &two] {
        assert_eq!(tablet.get("patients", &id)["phone"], "222");
    }
    let ledger = block_on(two.amana.conflicts(0)).unwrap();
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].column.as_deref(), Some("phone"));
    assert_eq!(ledger[0].local.as_deref(), Some("\"222\""));
    assert_eq!(ledger[0].remote.as_deref(), Some("\"111\""));
    // The overlap brings the same rows again: no second entry.
    two.sync().unwrap();
    assert_eq!(block_on(two.amana.conflicts(0)).unwrap().len(), 1);
}

#[test]
fn a_deletion_reaches_the_other_tablet_with_its_children() {
    let peer = clinic();
    let (one, two) = (Tablet::signed_in(&peer), Tablet::signed_in(&peer));
    let id = one.insert("patients", &patient("Amal"));
    let visit = one.insert(
        "visits",
        &json!({"patient_id": id, "clinic_id": ids::CLINIC_A}),
    );
    one.sync().unwrap();
    two.sync().unwrap();
    assert!(!two.get("visits", &visit).is_null());
    block_on(one.amana.delete("patients", &id)).unwrap();
    let report = one.sync().unwrap();
    assert_eq!(report.pushed_deletions, 1);
    assert_eq!(one.pending(), 0);
    let report = two.sync().unwrap();
    assert_eq!(report.applied.deleted, 1);
    assert!(two.get("patients", &id).is_null());
    assert!(two.get("visits", &visit).is_null());
    // Nothing of it comes back.
    for tablet in [&one, &two] {
        tablet.sync().unwrap();
        assert!(tablet.get("patients", &id).is_null());
    }
}

#[test]
fn items_are_pushed_before_their_dispensing() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    let patient = tablet.insert("patients", &patient("Amal"));
    let prescription = tablet.insert(
        "prescriptions",
        &json!({"patient_id": patient, "provider_id": ids::USER_A1, "pickup_clinic_id": ids::CLINIC_A,
                "priority": "normal", "prescribed_at": 1_795_470_612_883_i64, "status": "pending"}),
    );
    let item = tablet.insert(
        "prescription_items",
        &json!({"prescription_id": prescription, "patient_id": patient, "drug_id": ids::DRUG,
                "clinic_id": ids::CLINIC_A, "quantity_prescribed": 10, "item_status": "active"}),
    );
    let dispensed = tablet.insert(
        "dispensing_records",
        &json!({"clinic_id": ids::CLINIC_A, "drug_id": ids::DRUG, "prescription_item_id": item,
                "patient_id": patient, "quantity_dispensed": 10, "dispensed_by": ids::USER_A1,
                "dispensed_at": 1_795_470_612_883_i64}),
    );
    let report = tablet.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (4, 0));
    assert!(peer.row("dispensing_records", &dispensed).is_some());
    assert!(peer.row("prescription_items", &item).is_some());
}

#[test]
fn progress_is_reported_and_a_second_call_joins() {
    let peer = clinic();
    peer.seed_patients(200).unwrap();
    let tablet = Tablet::signed_in(&peer);
    let recorder = Arc::new(Recorder::default());
    let options = || SyncOptions {
        progress: Some(recorder.clone()),
        ..SyncOptions::default()
    };
    let gate = peer.faults().hold_pull_after(2_000);
    peer.clear_requests();
    let reports = std::thread::scope(|scope| {
        let first = scope.spawn(|| block_on(tablet.amana.sync(options())));
        assert!(gate.wait_reached(std::time::Duration::from_secs(30)));
        let (sender, receiver) = std::sync::mpsc::channel();
        let amana = tablet.amana.clone();
        let second = scope.spawn(move || {
            let joining = amana.sync(SyncOptions::default());
            sender.send(()).unwrap();
            block_on(joining)
        });
        receiver.recv().unwrap();
        gate.release();
        [
            first.join().unwrap().unwrap(),
            second.join().unwrap().unwrap(),
        ]
    });
    assert!(
        reports
            .iter()
            .all(|report| report.pulled >= 200 * 5 || report.pulled > 0)
    );
    let phases: Vec<SyncPhase> = recorder.heard().iter().map(|p| p.phase).collect();
    for phase in [SyncPhase::Pulling, SyncPhase::Applying, SyncPhase::Finished] {
        assert!(phases.contains(&phase), "{phase:?}");
    }
}

#[test]
fn a_locked_vault_refuses_and_opens_again_with_everything() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let id = tablet.insert("patients", &patient("Amal"));
    tablet.amana.lock().unwrap();
    assert_eq!(tablet.amana.state(), VaultState::Locked);
    let refused = block_on(tablet.amana.get("patients", &id)).unwrap_err();
    assert_eq!(refused.code().as_str(), "locked");
    assert_eq!(tablet.sync().unwrap_err().code().as_str(), "locked");
    tablet.amana.unlock().unwrap();
    assert_eq!(tablet.get("patients", &id)["given_name"], "Amal");
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    tablet.amana.close();
    assert_eq!(
        block_on(tablet.amana.count("patients", "{}"))
            .unwrap_err()
            .code()
            .as_str(),
        "closed"
    );
}
