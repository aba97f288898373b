//! A slow or broken network: nobody waits for it, and nothing is left half done.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amana_core::cancel::CancelToken;
use amana_core::model::notice::{SyncPhase, SyncProgress};
use amana_core::ports::{Clock, ProgressListener};
use amana_core::system::SystemClock;
use amana_core::test_support::FakeClock;
use amana_core::{ErrorCode, SyncOptions};
use amana_peer::{Kind, PeerConfig};
use amana_tests::{PASSWORD, Tablet, clinic, clinic_with, patient};
use pollster::block_on;

/// Only how long a test waits for its own server before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_local_write_does_not_wait_for_a_dripping_pull() {
    let peer = clinic();
    peer.seed_patients(300).unwrap();
    let tablet = Tablet::signed_in(&peer);
    // The reply stops after some bytes until it is let go: a minute or a day makes no difference.
    let gate = peer.faults().hold_pull_after(50_000);
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(PATIENCE));
        let id = tablet.insert("patients", &patient("Written meanwhile"));
        tablet.update("patients", &id, &serde_json::json!({"phone": "1"}));
        assert_eq!(tablet.get("patients", &id)["phone"], "1");
        assert_eq!(
            tablet.count("patients"),
            1,
            "nothing of the pull is visible yet"
        );
        assert!(
            !sync.is_finished(),
            "the pull was still on its way during all of this"
        );
        gate.release();
        let report = sync.join().unwrap().unwrap();
        assert_eq!(report.pushed, 1);
    });
    assert_eq!(tablet.count("patients"), 301);
}

#[test]
fn a_cancelled_pull_leaves_nothing_behind() {
    let peer = clinic();
    peer.seed_patients(300).unwrap();
    let tablet = Tablet::signed_in(&peer);
    let gate = peer.faults().hold_pull_after(50_000);
    let cancel = CancelToken::new();
    let options = SyncOptions {
        cancel: cancel.clone(),
        ..SyncOptions::default()
    };
    let error = std::thread::scope(|scope| {
        let sync = scope.spawn(|| block_on(tablet.amana.sync(options)));
        assert!(gate.wait_reached(PATIENCE));
        cancel.cancel();
        sync.join().unwrap().unwrap_err()
    });
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_nothing_changed(&tablet);
    gate.release();
    tablet.sync().unwrap();
    assert_eq!(tablet.count("patients"), 300);
}

#[test]
fn w079_locking_ends_a_sync_that_waits_for_the_network() {
    let peer = clinic();
    peer.seed_patients(300).unwrap();
    let tablet = Tablet::signed_in(&peer);
    let gate = peer.faults().hold_pull_after(50_000);
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(PATIENCE));
        tablet.amana.lock().unwrap();
        assert_eq!(
            sync.join().unwrap().unwrap_err().code(),
            ErrorCode::Cancelled
        );
    });
    gate.release();
    tablet.amana.unlock().unwrap();
    assert_nothing_changed(&tablet);
}

/// Tells when a sync begins to push.
struct AtPush(Mutex<Option<Sender<()>>>);

impl ProgressListener for AtPush {
    fn progress(&self, progress: &SyncProgress) {
        if progress.phase == SyncPhase::Pushing
            && let Some(tell) = self.0.lock().unwrap().take()
        {
            tell.send(()).unwrap();
        }
    }
}

#[test]
fn w080_locking_before_a_push_was_answered_marks_nothing_and_the_next_pull_tells() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    let id = tablet.insert("patients", &patient("Amal"));
    // The server takes the push, and its answer does not come.
    let gate = peer.faults().hold_push_reply();
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(PATIENCE));
        tablet.amana.lock().unwrap();
        let error = sync.join().unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled);
    });
    gate.release();
    assert!(peer.row("patients", &id).is_some(), "the server has it");
    tablet.amana.unlock().unwrap();
    assert_eq!(tablet.pending(), 1, "the tablet does not know");
    assert_eq!(tablet.sync().unwrap().pushed, 0);
    assert_eq!((tablet.pending(), peer.count("patients")), (0, 1));
}

#[test]
fn locking_before_the_server_looks_at_a_push_leaves_it_waiting() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    let id = tablet.insert("patients", &patient("Amal"));
    // Longer than anybody waits: the server does not get to look at it.
    peer.faults().latency(Kind::Push, 3_600_000);
    let (tell, begun) = channel();
    let options = SyncOptions {
        progress: Some(Arc::new(AtPush(Mutex::new(Some(tell))))),
        ..SyncOptions::default()
    };
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| block_on(tablet.amana.sync(options)));
        begun.recv_timeout(PATIENCE).unwrap();
        tablet.amana.lock().unwrap();
        let error = sync.join().unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled);
    });
    peer.faults().clear();
    tablet.amana.unlock().unwrap();
    assert_eq!(tablet.pending(), 1);
    assert!(peer.row("patients", &id).is_none());
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    assert_eq!((tablet.pending(), peer.count("patients")), (0, 1));
}

#[test]
fn a_cut_reply_changes_nothing_and_the_next_pull_has_it_all() {
    let peer = clinic_with(PeerConfig {
        rate_limit: false,
        ..PeerConfig::default()
    });
    peer.seed_patients(40).unwrap();
    let tablet = Tablet::signed_in(&peer);
    // Cut once for each try that the engine makes by itself.
    for bytes in [0, 1, 100, 3_000, 30_000] {
        peer.faults().cut_after(Kind::Pull, bytes, 10);
        let error = tablet.sync().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Network, "cut after {bytes} bytes");
        assert_nothing_changed(&tablet);
        peer.faults().clear();
    }
    tablet.sync().unwrap();
    assert_eq!(tablet.count("patients"), 40);
}

#[test]
fn a_push_that_was_stored_but_not_answered_is_known_from_the_next_pull() {
    let peer = clinic_with(PeerConfig {
        rate_limit: false,
        ..PeerConfig::default()
    });
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    let _ = tablet.insert("patients", &patient("Amal"));
    peer.faults().cut_after(Kind::Push, 0, 1);
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::Network);
    assert_eq!(peer.count("patients"), 1, "the server has it");
    assert_eq!(tablet.pending(), 1, "the tablet does not know");
    tablet.sync().unwrap();
    assert_eq!((tablet.pending(), peer.count("patients")), (0, 1));
    let posts = peer
        .requests()
        .iter()
        .filter(|seen| seen.method == "POST")
        .count();
    assert_eq!(posts, 2, "the sign-in and the push");
}

#[test]
fn a_limit_is_obeyed_by_waiting() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let mut answer = amana_peer::Answer::status(Kind::Pull, 429);
    answer.retry_after = Some("7".to_owned());
    peer.faults().answer_with(answer);
    tablet.sync().unwrap();
    let waits = tablet.timer.waits();
    assert!(
        waits.iter().any(|wait| *wait >= Duration::from_secs(7)),
        "{waits:?}"
    );
}

/// Time stands still here, so that what is waited for is what the budget says: the tablet is one of
/// many behind its address.
#[test]
fn the_cloud_is_not_asked_faster_than_a_share_of_its_limit() {
    let peer = clinic();
    let tablet = Tablet::with_clock(Arc::new(FakeClock::at(SystemClock.now_ms())));
    tablet
        .sign_in(&peer, "amal@clinic.example", PASSWORD)
        .unwrap();
    for _ in 0..10 {
        tablet.sync().unwrap();
    }
    assert!(tablet.timer.waits().is_empty());
    tablet.sync().unwrap();
    assert_eq!(tablet.timer.waits(), [Duration::from_secs(3)]);
}

/// The tablets of a clinic hear the same time, and must not come back at one moment.
#[test]
fn the_time_to_wait_for_a_sign_in_is_spread() {
    let peer = clinic();
    let tablet = Tablet::new();
    let mut answer = amana_peer::Answer::status(Kind::SignIn, 429);
    answer.retry_after = Some("900".to_owned());
    answer.times = 20;
    peer.faults().answer_with(answer);
    let waits = (0..20).map(|_| {
        let refused = tablet.sign_in(&peer, "amal@clinic.example", PASSWORD);
        let error = refused.unwrap_err();
        assert_eq!(error.code(), ErrorCode::RateLimited);
        error.retry_after().unwrap()
    });
    let waits: std::collections::HashSet<_> = waits.collect();
    assert!(waits.iter().all(|ms| (900_000..=960_000).contains(ms)));
    assert!(waits.len() > 10, "{waits:?}");
}

#[test]
fn h17_a_wrong_password_and_a_database_that_is_down_wipe_nothing() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let id = tablet.insert("patients", &patient("Amal"));
    peer.faults().database_down(true);
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::Unauthorized);
    let again = tablet
        .sign_in(&peer, "amal@clinic.example", "whatever")
        .unwrap_err();
    assert_eq!(again.code(), ErrorCode::Unauthorized);
    peer.faults().database_down(false);
    assert_eq!(tablet.sync().unwrap().pushed, 1);
    assert!(!tablet.get("patients", &id).is_null());
}

fn assert_nothing_changed(tablet: &Tablet) {
    assert_eq!((tablet.count("patients"), tablet.cursor()), (0, 0));
    let spools: Vec<_> = tablet
        .files()
        .into_iter()
        .filter(|f| f.to_string_lossy().contains("spool"))
        .collect();
    assert!(spools.is_empty(), "{spools:?}");
}
