//! A cloud that breaks off, refuses and fails, over real sockets: nothing is lost, nothing half done.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use amana_core::ErrorCode;
use amana_peer::{Answer, Kind, PeerConfig};
use amana_tests::{PASSWORD, Tablet, clinic, clinic_with, patient};
use pollster::block_on;

fn without_limit() -> PeerConfig {
    PeerConfig {
        rate_limit: false,
        ..PeerConfig::default()
    }
}

#[test]
fn a_pull_that_is_cut_after_every_thousandth_byte_changes_nothing() {
    let peer = clinic_with(without_limit());
    peer.seed_patients(15).unwrap();
    let [tablet, other] = [(); 2].map(|()| Tablet::signed_in(&peer));
    for tablet in [&tablet, &other] {
        tablet.sync().unwrap();
    }
    peer.seed_patients(15).unwrap();
    let whole = other.sync().unwrap().bytes;
    assert!(whole > 10_000, "{whole}");
    let seen = || {
        let digest = block_on(tablet.amana.digest()).unwrap();
        (tablet.cursor(), tablet.count("patients"), digest)
    };
    let before = seen();
    assert_eq!((before.0 > 0, before.1), (true, 15));
    peer.clear_requests();
    for bytes in (0..whole).step_by(1_000) {
        // Once for each try that the engine makes by itself, and more.
        peer.faults().cut_after(Kind::Pull, bytes, 10);
        assert_eq!(
            tablet.sync().unwrap_err().code(),
            ErrorCode::Network,
            "{bytes}"
        );
        assert_eq!(seen(), before, "{bytes}");
        let spools = tablet
            .files()
            .iter()
            .filter(|file| file.to_string_lossy().ends_with(".spool"))
            .count();
        assert_eq!(spools, 0, "{bytes}");
        peer.faults().clear();
    }
    tablet.sync().unwrap();
    assert_eq!(tablet.count("patients"), 30);
    assert!(tablet.cursor() > before.0);
    assert_eq!(
        block_on(tablet.amana.digest()).unwrap(),
        block_on(other.amana.digest()).unwrap()
    );
    // Each try, the last one too, asked for what is new since the first sync, and never for everything.
    let asked: BTreeSet<String> = peer
        .requests()
        .into_iter()
        .map(|seen| seen.target)
        .collect();
    assert_eq!(asked.len(), 1, "{asked:?}");
    let asked = asked.first().unwrap();
    assert!(
        asked.contains("lastPulledAt=") && !asked.contains("lastPulledAt=0"),
        "{asked}"
    );
}

#[test]
fn a_storm_of_refusals_is_waited_out_or_left_for_later() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let _ = tablet.insert("patients", &patient("Amal"));
    let mut storm = Answer::status(Kind::Push, 429);
    storm.retry_after = Some("9".to_owned());
    storm.times = 5;
    peer.faults().answer_with(storm.clone());
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    let waits = tablet.timer.waits();
    let named = Duration::from_secs(9);
    assert!(
        waits.iter().filter(|wait| **wait >= named).count() >= 5,
        "{waits:?}"
    );
    // Spread, so that the tablets of a clinic do not come back at one moment.
    let mut different = waits.clone();
    different.dedup();
    assert!(different.len() > 1, "{waits:?}");

    // One that does not end is left for later: nothing is put aside, nothing lost.
    storm.times = 1_000;
    peer.faults().answer_with(storm);
    let id = tablet.insert("patients", &patient("Basem"));
    let error = tablet.sync().unwrap_err();
    assert_eq!(error.code(), ErrorCode::RateLimited);
    assert!(error.retry_after().is_some_and(|ms| ms >= 9_000));
    assert_eq!(tablet.pending(), 1);
    peer.faults().clear();
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    assert!(peer.row("patients", &id).is_some());
}

#[test]
fn a_failure_at_any_row_of_a_push_loses_none() {
    for row in [1, 7, 20] {
        let peer = clinic_with(without_limit());
        let tablet = Tablet::signed_in(&peer);
        for n in 0..20 {
            let _ = tablet.insert("patients", &patient(&format!("P{n}")));
        }
        // The server's own trouble, once: the halves that follow are taken.
        peer.faults().fail_push_at_row(row, 1);
        let report = tablet.sync().unwrap();
        // One pull, the piece that failed, and its halves.
        assert_eq!(report.requests, 4, "{row}");
        assert_eq!((report.pushed, report.quarantined), (20, 0), "{row}");
        assert_eq!((peer.count("patients"), tablet.pending()), (20, 0), "{row}");
    }
}

#[test]
fn a_dripping_pull_arrives_whole() {
    let peer = clinic_with(without_limit());
    peer.seed_patients(20).unwrap();
    let tablet = Tablet::signed_in(&peer);
    peer.faults().drip(997, 1);
    tablet.sync().unwrap();
    assert_eq!(tablet.count("patients"), 20);
}

/// Slower than any network: a byte now and then keeps no call alive.
#[test]
fn a_pull_that_drips_for_too_long_ends_by_the_limit_of_the_whole_call() {
    let peer = clinic_with(without_limit());
    peer.seed_patients(50).unwrap();
    let tablet = Tablet::configured(|config| config.time_limits.whole = Duration::from_secs(4));
    tablet
        .sign_in(&peer, "amal@clinic.example", PASSWORD)
        .unwrap();
    peer.faults().drip(8, 20);
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::Network);
    assert_eq!((tablet.count("patients"), tablet.cursor()), (0, 0));
}
