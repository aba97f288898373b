//! No file of a vault holds anything readable, and the password is where it must be, only.
#![allow(clippy::unwrap_used, reason = "tests")]

use amana_core::error::ErrorCode;
use amana_core::model::peer::Credentials;
use amana_core::model::pins::{PinMode, SpkiPins};
use amana_core::secret::SecretText;
use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, System};
use amana_peer::Kind;
use amana_tests::{PASSWORD, Tablet, clinic, patient};
use pollster::block_on;
use serde_json::json;
use std::sync::Arc;

fn assert_absent(tablet: &Tablet, needle: &str) {
    for file in tablet.files() {
        let bytes = std::fs::read(&file).unwrap();
        let found = bytes
            .windows(needle.len())
            .any(|window| window == needle.as_bytes());
        assert!(!found, "{needle} in {}", file.display());
    }
}

#[test]
fn s01_neither_names_nor_the_password_are_in_any_file() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let _ = tablet.insert("patients", &patient("CanaryPatient"));
    tablet.sync().unwrap();
    for needle in ["CanaryPatient", PASSWORD, "amal@clinic.example"] {
        assert_absent(&tablet, needle);
    }
    tablet.amana.lock().unwrap();
    assert_absent(&tablet, "CanaryPatient");
}

/// What an app may log or send with a crash: errors, and all that the vault answers of a sync.
#[test]
fn s09_no_text_for_logs_holds_a_value_of_a_patient() {
    const NAME: &str = "CanaryPatient";
    const BIRTH: &str = "1987-06-05";
    let peer = clinic();
    let (tablet, other) = (Tablet::signed_in(&peer), Tablet::signed_in(&peer));
    let mut shown = Vec::new();
    let fields = |phone: &str| json!({"given_name": NAME, "date_of_birth": BIRTH, "phone": phone});
    let id = tablet.insert("patients", &fields("CanaryPhone1"));
    shown.push(format!("{:?}", tablet.sync().unwrap()));
    other.sync().unwrap();
    // A conflict, edits that a deletion took, and a row that the server refuses.
    let gone = tablet.insert("patients", &fields("CanaryPhone2"));
    tablet.sync().unwrap();
    other.sync().unwrap();
    other.update("patients", &id, &json!({"phone": "CanaryPhone3"}));
    block_on(other.amana.delete("patients", &gone)).unwrap();
    other.sync().unwrap();
    for id in [&id, &gone] {
        tablet.update("patients", id, &json!({"phone": "CanaryPhone4"}));
    }
    let bad =
        json!({"given_name": NAME, "primary_clinic_id": "aaaaaaaa-0000-4000-8000-00000000dead"});
    let bad = tablet.insert("patients", &bad);
    let _ = tablet.insert("patients", &fields("CanaryPhone5"));
    shown.push(format!("{:?}", tablet.sync().unwrap()));
    let entries = block_on(tablet.amana.conflicts(0)).unwrap();
    let holds = entries.iter().filter(|entry| entry.local.is_some()).count();
    assert!(holds >= 2, "a conflict and lost edits");
    shown.extend(entries.iter().map(|entry| format!("{entry:?} {entry:#?}")));
    let aside = block_on(tablet.amana.quarantined_records()).unwrap();
    assert_eq!(aside.len(), 1);
    shown.push(format!("{aside:?}"));
    shown.push(format!(
        "{:?}",
        block_on(tablet.amana.standing("patients", &bad)).unwrap()
    ));
    shown.push(format!("{:?}", block_on(tablet.amana.status()).unwrap()));
    shown.push(format!(
        "{:?}",
        block_on(tablet.amana.sync_status()).unwrap()
    ));
    shown.push(format!("{:?}", block_on(tablet.amana.digest()).unwrap()));
    shown.push(format!("{:?}", block_on(tablet.amana.diagnose()).unwrap()));
    shown.push(format!("{:?}", tablet.amana));

    // Everything that is refused, with a value where the fault is.
    let refused = [
        ("patients", format!(r#"{{"date_of_birth":"{NAME}"}}"#)),
        ("patients", format!(r#"{{"sex":"{}"}}"#, NAME.repeat(90))),
        ("patients", format!(r#"{{"is_deleted":"{NAME}"}}"#)),
        ("patients", format!(r#"{{"additional_data":"{NAME}"}}"#)),
        ("patients", format!(r#"{{"{NAME}":1}}"#)),
        ("patients", format!("{{{NAME}")),
        (NAME, "{}".to_owned()),
        ("patient_vitals", format!(r#"{{"weight_kg":"{NAME}"}}"#)),
    ];
    let mut errors = Vec::new();
    for (table, fields) in &refused {
        errors.push(block_on(tablet.amana.insert(table, fields)).unwrap_err());
    }
    let by_filter = format!(r#"{{"filter":{{"given_name":{{"{NAME}":"{NAME}"}}}}}}"#);
    errors.push(block_on(tablet.amana.query("patients", &by_filter)).unwrap_err());
    errors.push(block_on(tablet.amana.update("patients", NAME, "{}")).unwrap_err());
    errors.push(block_on(tablet.amana.batch(&format!("[\"{NAME}\"]"))).unwrap_err());
    // And what a server's reply holds that nobody can read.
    for reply in [format!("{{\"changes\":{NAME}"), format!("\"{NAME}\"")] {
        let mut answer = amana_peer::Answer::status(Kind::Pull, 200);
        answer.body = reply;
        answer.times = 1;
        peer.faults().answer_with(answer);
        errors.push(tablet.sync().unwrap_err());
        peer.faults().clear();
    }
    for error in errors {
        shown.push(format!("{error} {error:?} {error:#?} {:?}", error.detail()));
    }
    for text in shown {
        for value in ["Canary", BIRTH, PASSWORD] {
            assert!(!text.contains(value), "{value} in {text}");
        }
    }
}

#[test]
fn s13_signing_out_removes_the_password_and_keeps_the_records() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let id = tablet.insert("patients", &patient("Amal"));
    block_on(tablet.amana.sign_out()).unwrap();
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::NotSignedIn);
    assert!(block_on(tablet.amana.status()).unwrap().person.is_none());
    assert!(!tablet.get("patients", &id).is_null());
}

#[test]
fn s03_the_password_is_sent_only_where_the_protocol_needs_it() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let _ = tablet.insert("patients", &patient("Amal"));
    tablet.sync().unwrap();
    tablet.sync().unwrap();
    let requests = peer.requests();
    let sign_ins = requests
        .iter()
        .filter(|seen| seen.target.contains("sign-in"))
        .count();
    assert_eq!(sign_ins, 1, "a sync does not sign in again");
    for seen in &requests {
        let body = seen.body.as_deref().unwrap_or_default();
        assert!(!seen.target.contains("peerType"), "{}", seen.target);
        assert!(seen.target.contains("sign-in") || !body.contains(PASSWORD));
        let is_sync = seen.target.starts_with("/api/v2/sync?");
        assert_eq!(seen.authorization.is_some(), is_sync, "{}", seen.target);
    }
}

#[test]
fn h16_a_password_with_a_colon_is_explained_before_anything_is_sent() {
    let peer = clinic();
    let error = Tablet::new()
        .sign_in(&peer, "a@b.example", "pass:word")
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
    assert!(error.detail().contains("colon"));
    assert!(peer.requests().is_empty());
}

#[test]
fn an_unknown_authority_gets_no_credential() {
    let (peer, other) = (clinic(), clinic());
    let tablet = Tablet::new();
    let mut address = amana_tests::address(&peer);
    address.private_ca_pem = Some(other.ca_pem().to_owned());
    let credentials = Credentials::new(
        "amal@clinic.example".into(),
        SecretText::new(PASSWORD.into()),
    )
    .unwrap();
    let error = block_on(
        tablet
            .amana
            .sign_in(address, credentials, Default::default()),
    )
    .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Tls);
    assert!(peer.requests().is_empty());
}

#[test]
fn keys_that_are_not_pinned_are_in_the_status() {
    let peer = clinic();
    let tablet = Tablet::configured(|config| {
        let pins = [
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ];
        config.cloud_pins = SpkiPins::new(&pins, i64::MAX, PinMode::ReportOnly).ok();
    });
    let mismatches = || {
        let status = block_on(tablet.amana.sync_status()).unwrap();
        status.pin_mismatches
    };
    assert_eq!(mismatches(), 0);
    tablet
        .sign_in(&peer, "amal@clinic.example", PASSWORD)
        .unwrap();
    let first = mismatches();
    assert!(first > 0);
    tablet.sync().unwrap();
    assert!(mismatches() >= first);
}

#[test]
fn another_key_store_opens_nothing_and_changes_nothing() {
    let tablet = Tablet::new();
    let _ = tablet.insert("patients", &patient("Amal"));
    tablet.amana.close().unwrap();
    let contents = || -> Vec<Vec<u8>> {
        let mut files = tablet.files();
        files.sort();
        files
            .iter()
            .map(|file| std::fs::read(file).unwrap())
            .collect()
    };
    let before = contents();
    let timer = Arc::new(amana_core::test_support::InstantTimer::default());
    let system = System {
        timer,
        ..System::real()
    };
    let config = Config::new(tablet.directory());
    let error = Amana::open(config, Arc::new(MemoryKeyStore::new()), system).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KeyLost);
    assert_eq!(contents(), before);
}

#[test]
fn l23_a_database_that_is_no_longer_one_is_refused_and_left_as_it_is() {
    let tablet = Tablet::new();
    let _ = tablet.insert("patients", &patient("Amal"));
    tablet.amana.close().unwrap();
    let path = tablet.directory().join("database");
    let noise = vec![0x5a; 8192];
    std::fs::write(&path, &noise).unwrap();
    let config = Config::new(tablet.directory());
    let error = Amana::open(config, Arc::clone(&tablet.key_store), System::real()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
    assert_eq!(std::fs::read(&path).unwrap(), noise);
}
