//! Pushes that meet a bad row, or a server that is out of order.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use amana_core::ErrorCode;
use amana_core::model::schema::{Role, Schema};
use amana_peer::{Kind, PeerConfig, ids};
use amana_tests::{Tablet, clinic, clinic_with, patient};
use pollster::block_on;
use serde_json::{Value as Json, json};

#[test]
fn one_bad_row_is_found_put_aside_and_taken_again_after_an_edit() {
    let peer = clinic_with(PeerConfig {
        rate_limit: false,
        ..PeerConfig::default()
    });
    let tablet = Tablet::signed_in(&peer);
    for n in 0..40 {
        let _ = tablet.insert("patients", &patient(&format!("P{n}")));
    }
    // A clinic that the server does not have.
    let bad = tablet.insert(
        "patients",
        &json!({"given_name": "Bad", "primary_clinic_id": "aaaaaaaa-0000-4000-8000-00000000dead"}),
    );
    for n in 40..80 {
        let _ = tablet.insert("patients", &patient(&format!("P{n}")));
    }
    let report = tablet.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (80, 1));
    let status = block_on(tablet.amana.status()).unwrap();
    assert_eq!((status.outbox.pending, status.outbox.quarantined), (1, 1));
    assert_eq!(peer.count("patients"), 80);

    peer.clear_requests();
    tablet.sync().unwrap();
    assert!(
        peer.requests().iter().all(|seen| seen.method != "POST"),
        "it waits for an edit"
    );

    tablet.update(
        "patients",
        &bad,
        &json!({"primary_clinic_id": ids::CLINIC_A}),
    );
    let report = tablet.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (1, 0));
    assert_eq!(tablet.pending(), 0);
}

#[test]
fn children_of_a_bad_row_are_taken_once_it_is_mended() {
    let peer = clinic_with(PeerConfig {
        rate_limit: false,
        ..PeerConfig::default()
    });
    let tablet = Tablet::signed_in(&peer);
    let _ = tablet.insert("patients", &patient("Good"));
    let bad = tablet.insert(
        "patients",
        &json!({"given_name": "Bad", "primary_clinic_id": "aaaaaaaa-0000-4000-8000-00000000dead"}),
    );
    let visit = tablet.insert(
        "visits",
        &json!({"patient_id": bad, "clinic_id": ids::CLINIC_A}),
    );
    let event = tablet.insert("events", &json!({"patient_id": bad, "visit_id": visit}));
    let report = tablet.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (1, 1));
    assert_eq!(
        peer.count("visits"),
        0,
        "no visit was sent, and none invented"
    );
    peer.clear_requests();
    tablet.sync().unwrap();
    assert!(peer.requests().iter().all(|seen| seen.method != "POST"));
    tablet.update("patients", &bad, &json!({"primary_clinic_id": null}));
    assert_eq!(tablet.sync().unwrap().pushed, 3);
    assert_eq!(
        peer.row("events", &event).unwrap()["visit_id"],
        visit.as_str()
    );
    assert_eq!(tablet.pending(), 0);
}

#[test]
fn an_outage_puts_nothing_aside() {
    let peer = clinic_with(PeerConfig {
        rate_limit: false,
        ..PeerConfig::default()
    });
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    for n in 0..30 {
        let _ = tablet.insert("patients", &patient(&format!("P{n}")));
    }
    let mut answer = amana_peer::Answer::status(Kind::Push, 500);
    answer.times = 10_000;
    peer.faults().answer_with(answer);
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::Server);
    let status = block_on(tablet.amana.status()).unwrap();
    assert_eq!((status.outbox.pending, status.outbox.quarantined), (30, 0));
    peer.faults().clear();
    assert_eq!(tablet.sync().unwrap().pushed, 30);
}

#[test]
fn l06_dates_are_never_pushed_as_numbers() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    // All before 9 September 2001: as a number, each would become the present moment at this server.
    let ms = 900_000_000_000_i64;
    let person = tablet.insert("patients", &patient("Amal"));
    let visit = tablet.insert(
        "visits",
        &json!({"patient_id": person, "clinic_id": ids::CLINIC_A, "check_in_timestamp": ms}),
    );
    let problem = tablet.insert(
        "patient_problems",
        &json!({"patient_id": person, "visit_id": visit, "problem_code_system": "icd10",
                "problem_code": "E11", "problem_label": "x", "clinical_status": "active",
                "verification_status": "confirmed", "onset_date": "1999-05-01",
                "end_date": "1962-12-31"}),
    );
    let vitals = tablet.insert(
        "patient_vitals",
        &json!({"patient_id": person, "visit_id": visit, "timestamp": ms, "heart_rate": 70}),
    );
    tablet.sync().unwrap();
    tablet.update("patient_problems", &problem, &json!({"problem_label": "y"}));
    tablet.sync().unwrap();

    let schema = Schema::hikma().unwrap();
    let mut seen = BTreeSet::new();
    for body in peer.requests().into_iter().filter_map(|seen| seen.body) {
        let body: Json = serde_json::from_str(&body).unwrap();
        for (table, lists) in body.as_object().into_iter().flatten() {
            let Ok((_, table)) = schema.require(table) else {
                continue;
            };
            let lists = ["created", "updated"]
                .iter()
                .filter_map(|list| lists[*list].as_array());
            for row in lists.flatten() {
                assert!(row.get("_status").is_none());
                for column in &table.columns {
                    let cell = &row[&column.name];
                    let is_date = matches!(column.role, Role::Instant | Role::Day);
                    if !is_date || cell.is_null() {
                        continue;
                    }
                    let place = format!("{}.{}", table.name, column.name);
                    let text = cell.as_str().unwrap_or_else(|| panic!("{place}: {cell}"));
                    assert_eq!(text.ends_with('Z'), column.role == Role::Instant, "{place}");
                    seen.insert(place);
                }
            }
        }
    }
    for expected in [
        "patients.date_of_birth",
        "patients.created_at",
        "patients.updated_at",
        "patient_problems.onset_date",
        "patient_problems.end_date",
        "patient_vitals.timestamp",
        "visits.check_in_timestamp",
    ] {
        assert!(seen.contains(expected), "{expected} of {seen:?}");
    }
    for (table, id, column, day) in [
        ("patients", &person, "date_of_birth", "1980-02-03"),
        ("patient_problems", &problem, "onset_date", "1999-05-01"),
        ("patient_problems", &problem, "end_date", "1962-12-31"),
        (
            "patient_vitals",
            &vitals,
            "timestamp",
            "1998-07-09T16:00:00",
        ),
        (
            "visits",
            &visit,
            "check_in_timestamp",
            "1998-07-09T16:00:00",
        ),
    ] {
        let row = peer.row(table, id).unwrap();
        let stored = row[column].as_str().unwrap();
        assert!(stored.starts_with(day), "{table}.{column}: {stored}");
    }
}

#[test]
fn l01_a_value_that_the_app_never_sees_is_sent_back_unchanged() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    peer.seed_patients(1).unwrap();
    peer.execute("UPDATE patients SET image_timestamp = '2026-01-31T08:15:30.123Z'")
        .unwrap();
    let before = peer.rows("patients").remove(0);
    assert!(!before["image_timestamp"].is_null());
    tablet.sync().unwrap();
    let id = before["id"].as_str().unwrap();
    assert!(tablet.get("patients", id).get("image_timestamp").is_none());
    tablet.update("patients", id, &json!({"phone": "111"}));
    tablet.sync().unwrap();
    let after = peer.row("patients", id).unwrap();
    assert_eq!(after["phone"], "111");
    assert_eq!(after["image_timestamp"], before["image_timestamp"]);
}

#[test]
fn a_device_clock_that_is_hours_behind_loses_no_edit() {
    let peer = clinic();
    // The server is six hours ahead of the tablet.
    peer.faults().clock_offset(6 * 60 * 60 * 1000);
    let tablet = Tablet::signed_in(&peer);
    let id = tablet.insert("patients", &patient("Amal"));
    let visit = tablet.insert(
        "visits",
        &json!({"patient_id": id, "clinic_id": ids::CLINIC_A}),
    );
    tablet.sync().unwrap();
    for n in 0..3 {
        tablet.update(
            "visits",
            &visit,
            &json!({"provider_name": format!("Dr {n}")}),
        );
        tablet.sync().unwrap();
        let stored = peer.row("visits", &visit).unwrap();
        assert_eq!(stored["provider_name"], format!("Dr {n}"));
    }
}

/// What the server keeps fewer digits of, it has kept.
#[test]
fn a_number_that_the_server_rounds_counts_as_kept() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let person = tablet.insert("patients", &patient("Amal"));
    let vitals = tablet.insert(
        "patient_vitals",
        &json!({"patient_id": person, "timestamp": 1_769_847_330_123_i64,
                "weight_kg": "72.5747792", "temperature_celsius": 37.005}),
    );
    assert_eq!(tablet.sync().unwrap().quarantined, 0);
    let report = tablet.sync().unwrap();
    assert_eq!(report.applied.not_kept, 0);
    let stored = tablet.get("patient_vitals", &vitals);
    assert_eq!(stored["weight_kg"], "72.57");

    tablet.update("patient_vitals", &vitals, &json!({"weight_kg": "72.5891"}));
    assert_eq!(
        tablet.get("patient_vitals", &vitals)["weight_kg"],
        "72.5891"
    );
    tablet.sync().unwrap();
    let report = tablet.sync().unwrap();
    assert_eq!((report.applied.not_kept, report.pushed), (0, 0));
    assert_eq!(tablet.get("patient_vitals", &vitals)["weight_kg"], "72.59");
}
