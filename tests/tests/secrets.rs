//! No file of a vault holds anything readable, and the password is where it must be, only.
#![allow(clippy::unwrap_used, reason = "tests")]

use amana_core::error::ErrorCode;
use amana_core::model::peer::Credentials;
use amana_core::model::pins::{PinMode, SpkiPins};
use amana_core::secret::SecretText;
use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, System};
use amana_tests::{PASSWORD, Tablet, clinic, patient};
use pollster::block_on;
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
fn s09_neither_names_nor_the_password_are_in_any_file() {
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
