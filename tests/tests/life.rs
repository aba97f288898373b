//! The vault's life while it syncs: a change of the root key waits its turn, a wipe does not.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use amana_core::{ErrorCode, VaultState};
use amana_tests::{Tablet, clinic, patient};
use pollster::block_on;

/// Only how long a test waits for its own server before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_running_sync_is_not_disturbed_by_a_change_of_the_root_key() {
    let peer = clinic();
    peer.seed_patients(300).unwrap();
    let tablet = Tablet::signed_in(&peer);
    let _ = tablet.insert("patients", &patient("Amal"));
    let gate = peer.faults().hold_pull_after(50_000);
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(PATIENCE));
        let refused = tablet.amana.rotate().unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Busy);
        gate.release();
        assert_eq!(sync.join().unwrap().unwrap().pushed, 1);
    });
    tablet.amana.rotate().unwrap();
    assert_eq!(tablet.count("patients"), 301);
    // Whoever was signed in still is.
    let _ = tablet.insert("patients", &patient("Badr"));
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    assert_eq!(tablet.pending(), 0);
}

#[test]
fn a_wipe_ends_a_running_sync() {
    let peer = clinic();
    peer.seed_patients(300).unwrap();
    let tablet = Tablet::signed_in(&peer);
    let gate = peer.faults().hold_pull_after(50_000);
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(PATIENCE));
        tablet.amana.wipe().unwrap();
        let ended = sync.join().unwrap().unwrap_err();
        assert_eq!(ended.code(), ErrorCode::Cancelled);
    });
    gate.release();
    assert_eq!(tablet.amana.state(), VaultState::Closed);
    let refused = block_on(tablet.amana.count("patients", "{}")).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Closed);
    let left: Vec<_> = tablet.files();
    assert!(left.iter().all(|path| path.ends_with("lock")), "{left:?}");
}

#[test]
fn what_is_unsynced_is_known_without_the_key() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let _ = tablet.insert("patients", &patient("Amal"));
    // A moment after the write, by the watching thread: no call of the app is needed.
    while tablet.amana.glance().unwrap().unsynced != Some(1) {
        std::thread::yield_now();
    }
    tablet.sync().unwrap();
    while tablet.amana.glance().unwrap().unsynced != Some(0) {
        std::thread::yield_now();
    }
}
