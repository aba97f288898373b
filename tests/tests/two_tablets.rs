//! Two tablets and a server: the main job.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use amana_core::cancel::CancelToken;
use amana_core::model::hub::HubUrl;
use amana_core::model::ids::PeerId;
use amana_core::model::ledger::{ConflictEntry, ConflictKind};
use amana_core::model::notice::{SyncPhase, SyncProgress};
use amana_core::model::peer::{CloudAddress, Credentials};
use amana_core::ports::ProgressListener;
use amana_core::secret::SecretText;
use amana_core::{Amana, ErrorCode, SyncOptions, Unlock, VaultState};
use amana_peer::ids;
use amana_tests::{Recorder, Tablet, clinic, patient};
use pollster::block_on;
use serde_json::json;

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
    assert_eq!(two.get("patients", &id)["given_name"], "سلمى 👶");
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
    assert_eq!(ledger[0].actor, person(&two));
    assert!(ledger[0].actor.is_some());
    // The overlap brings the same rows again: no second entry.
    two.sync().unwrap();
    assert_eq!(block_on(two.amana.conflicts(0)).unwrap().len(), 1);
}

/// The id of who is signed in.
fn person(tablet: &Tablet) -> Option<String> {
    let status = block_on(tablet.amana.status()).unwrap();
    status.person.map(|person| person.id)
}

/// Amal's tablet deletes what Basem edits, and the other way round.
#[test]
fn the_ledger_names_who_was_signed_in_where_a_deletion_met_an_edit() {
    let peer = clinic();
    let (one, two) = (Tablet::signed_in(&peer), Tablet::new());
    two.sign_in(&peer, "basem@clinic.example", "battery staple")
        .unwrap();
    let ids = ["Amal", "Noor"].map(|name| one.insert("patients", &patient(name)));
    one.sync().unwrap();
    two.sync().unwrap();
    block_on(one.amana.delete("patients", &ids[0])).unwrap();
    two.update("patients", &ids[0], &json!({"phone": "222"}));
    two.update("patients", &ids[1], &json!({"phone": "333"}));
    one.sync().unwrap();
    two.sync().unwrap();
    block_on(one.amana.delete("patients", &ids[1])).unwrap();
    one.sync().unwrap();
    let (amal, basem) = (person(&one), person(&two));
    assert!(amal.is_some() && basem.is_some() && amal != basem);
    let told = |tablet: &Tablet| {
        let ledger = block_on(tablet.amana.conflicts(0)).unwrap();
        let entry = |entry: ConflictEntry| (entry.kind, entry.record_id, entry.actor);
        ledger.into_iter().map(entry).collect::<Vec<_>>()
    };
    let [first, second] = ids;
    assert_eq!(told(&one), [(ConflictKind::ChangedByPeer, second, amal)]);
    assert_eq!(told(&two), [(ConflictKind::DeletedByPeer, first, basem)]);
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
    let visit = tablet.insert(
        "visits",
        &json!({"patient_id": patient, "clinic_id": ids::CLINIC_A, "provider_id": ids::USER_A1}),
    );
    let prescription = tablet.insert(
        "prescriptions",
        &json!({"patient_id": patient, "visit_id": visit, "provider_id": ids::USER_A1, "pickup_clinic_id": ids::CLINIC_A,
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
    assert_eq!((report.pushed, report.quarantined), (5, 0));
    assert!(peer.row("dispensing_records", &dispensed).is_some());
    assert!(peer.row("prescription_items", &item).is_some());
}

/// A call that has begun to wait: polled until so many wait for a sync.
fn waiting<T>(
    tablet: &Tablet,
    in_all: usize,
    call: impl Future<Output = T>,
) -> Pin<Box<impl Future<Output = T>>> {
    let mut call = Box::pin(call);
    let mut context = Context::from_waker(Waker::noop());
    while tablet.amana.waiting_for_sync() < in_all {
        assert!(call.as_mut().poll(&mut context).is_pending());
        std::thread::yield_now();
    }
    call
}

fn full_pull() -> SyncOptions {
    SyncOptions {
        full_pull: true,
        ..SyncOptions::default()
    }
}

#[test]
fn h02_h03_h05_w078_progress_is_reported_and_a_second_call_joins() {
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
        assert!(gate.wait_reached(std::time::Duration::from_secs(60)));
        let second = waiting(&tablet, 2, tablet.amana.sync(SyncOptions::default()));
        gate.release();
        [first.join().unwrap().unwrap(), block_on(second).unwrap()]
    });
    assert_eq!(reports[0], reports[1]);
    assert!(reports[0].pulled >= 200 * 5);
    assert_eq!(peer.requests().len(), 1, "one pull for both");
    let phases: Vec<SyncPhase> = recorder.heard().iter().map(|p| p.phase).collect();
    for phase in [SyncPhase::Pulling, SyncPhase::Applying, SyncPhase::Finished] {
        assert!(phases.contains(&phase), "{phase:?}");
    }
}

#[test]
fn a_full_pull_that_is_wanted_while_a_sync_runs_is_run_behind_it() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    assert!(tablet.count("user_clinic_permissions") > 0);
    // Only a full pull finds out: a removed row is never announced.
    peer.execute("DELETE FROM user_clinic_permissions").unwrap();
    peer.seed_patients(200).unwrap();
    let recorder = Arc::new(Recorder::default());
    let gate = peer.faults().hold_pull_after(2_000);
    peer.clear_requests();
    let reports = std::thread::scope(|scope| {
        let sync = || block_on(tablet.amana.sync(SyncOptions::default()));
        let running = scope.spawn(sync);
        assert!(gate.wait_reached(Duration::from_secs(60)));
        let heard = SyncOptions {
            progress: Some(recorder.clone()),
            ..full_pull()
        };
        let first = waiting(&tablet, 2, tablet.amana.sync(heard));
        let second = waiting(&tablet, 3, tablet.amana.sync(full_pull()));
        let plain = waiting(&tablet, 4, tablet.amana.sync(SyncOptions::default()));
        assert!(recorder.heard().is_empty());
        gate.release();
        let calls = [block_on(plain), block_on(first), block_on(second)];
        [running.join().unwrap()]
            .into_iter()
            .chain(calls)
            .map(Result::unwrap)
            .collect::<Vec<_>>()
    });
    assert_eq!(reports[0], reports[1], "a plain call joins what runs");
    assert_eq!(reports[2], reports[3], "who wants the same shares it");
    assert_eq!(tablet.count("user_clinic_permissions"), 0);
    let requests = peer.requests();
    let full = requests
        .iter()
        .filter(|seen| seen.target.ends_with("=0"))
        .count();
    assert_eq!(full, 1, "one for both who want it");
    let last = recorder.heard().last().map(|heard| heard.phase);
    assert_eq!(last, Some(SyncPhase::Finished));
    assert!(!tablet.amana.is_syncing(&PeerId::cloud()));
}

#[test]
fn who_waits_for_anothers_sync_is_cancelled_alone_and_at_once() {
    let peer = clinic();
    peer.seed_patients(200).unwrap();
    let tablet = Tablet::signed_in(&peer);
    let gate = peer.faults().hold_pull_after(2_000);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(Duration::from_secs(60)));
        for (waiters, options) in [(2, SyncOptions::default()), (3, full_pull())] {
            let cancel = options.cancel.clone();
            let joined = waiting(&tablet, waiters, tablet.amana.sync(options));
            cancel.cancel();
            // The pull is still held.
            let code = block_on(joined).unwrap_err().code();
            assert_eq!(code, ErrorCode::Cancelled);
            assert!(tablet.amana.is_syncing(&PeerId::cloud()));
        }
        gate.release();
        assert!(first.join().unwrap().unwrap().applied.inserted >= 1_000);
    });
}

#[test]
fn a_sync_that_is_cancelled_leaves_the_one_behind_it_be_and_a_lock_ends_both() {
    let peer = clinic();
    peer.seed_patients(200).unwrap();
    let tablet = Tablet::signed_in(&peer);
    let code = |result: amana_core::Result<_>| result.map(|_| ()).unwrap_err().code();
    for lock in [false, true] {
        let cancel = CancelToken::new();
        let options = SyncOptions {
            cancel: cancel.clone(),
            ..SyncOptions::default()
        };
        let gate = peer.faults().hold_pull_after(2_000);
        std::thread::scope(|scope| {
            let running = scope.spawn(|| block_on(tablet.amana.sync(options)));
            assert!(gate.wait_reached(Duration::from_secs(60)));
            let behind = waiting(&tablet, 2, tablet.amana.sync(full_pull()));
            if lock {
                tablet.amana.lock().unwrap();
                assert_eq!(code(block_on(behind)), ErrorCode::Cancelled);
            } else {
                cancel.cancel();
                assert!(block_on(behind).unwrap().applied.inserted >= 1_000);
            }
            assert_eq!(code(running.join().unwrap()), ErrorCode::Cancelled);
            gate.release();
        });
    }
    tablet.amana.unlock().unwrap();
    tablet.sync().unwrap();
}

#[test]
fn a_sync_whose_listener_panics_leaves_the_one_behind_it_be() {
    struct Panicking(Amana);

    impl ProgressListener for Panicking {
        fn progress(&self, _: &SyncProgress) {
            while self.0.waiting_for_sync() < 2 {
                std::thread::yield_now();
            }
            panic!("a listener's own");
        }
    }

    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let options = SyncOptions {
        progress: Some(Arc::new(Panicking(tablet.amana.clone()))),
        ..SyncOptions::default()
    };
    std::thread::scope(|scope| {
        let running = scope.spawn(|| block_on(tablet.amana.sync(options)));
        while tablet.amana.waiting_for_sync() < 1 {
            std::thread::yield_now();
        }
        let behind = waiting(&tablet, 2, tablet.amana.sync(full_pull()));
        assert_eq!(
            running.join().unwrap().unwrap_err().code(),
            ErrorCode::Internal
        );
        block_on(behind).unwrap();
    });
    assert!(!tablet.amana.is_syncing(&PeerId::cloud()));
}

/// Does in a sync what an app's listener might do.
struct Meddler {
    amana: Amana,
    locked: Mutex<Option<ErrorCode>>,
    entered: Mutex<Option<mpsc::Sender<()>>>,
    proceed: Mutex<mpsc::Receiver<()>>,
}

impl ProgressListener for Meddler {
    fn progress(&self, _: &SyncProgress) {
        let Some(entered) = self.entered.lock().unwrap().take() else {
            return;
        };
        *self.locked.lock().unwrap() = self.amana.lock().err().map(|error| error.code());
        entered.send(()).unwrap();
        self.proceed.lock().unwrap().recv().unwrap();
        // Another thread is locking by now, and waits for this sync.
        while self.amana.state() == VaultState::Unlocked {
            std::thread::yield_now();
        }
        assert!(block_on(self.amana.status()).is_err());
    }
}

#[test]
fn a_listener_that_asks_while_another_thread_locks_hangs_nobody() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let (entered, has_entered) = mpsc::channel();
    let (proceed, may_proceed) = mpsc::channel();
    let meddler = Arc::new(Meddler {
        amana: tablet.amana.clone(),
        locked: Mutex::new(None),
        entered: Mutex::new(Some(entered)),
        proceed: Mutex::new(may_proceed),
    });
    let options = SyncOptions {
        progress: Some(meddler.clone()),
        ..SyncOptions::default()
    };
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| block_on(tablet.amana.sync(options)));
        has_entered.recv().unwrap();
        let locking = scope.spawn(|| tablet.amana.lock());
        proceed.send(()).unwrap();
        locking.join().unwrap().unwrap();
        assert_eq!(
            sync.join().unwrap().unwrap_err().code(),
            ErrorCode::Cancelled
        );
    });
    assert_eq!(*meddler.locked.lock().unwrap(), Some(ErrorCode::Busy));
    tablet.amana.unlock().unwrap();
    tablet.sync().unwrap();
}

/// Makes every call, once, that would wait for the end of the sync that it hears of.
struct Waiter {
    amana: Amana,
    cloud: CloudAddress,
    refused: Mutex<mpsc::Sender<(&'static str, Option<ErrorCode>)>>,
    has_called: Mutex<bool>,
}

impl ProgressListener for Waiter {
    fn progress(&self, _: &SyncProgress) {
        if std::mem::replace(&mut *self.has_called.lock().unwrap(), true) {
            return;
        }
        let (vault, hub) = (&self.amana, PeerId::hub("hub-1").unwrap());
        let credentials = || {
            let password = SecretText::new(amana_tests::PASSWORD.to_owned());
            Credentials::new("amal@clinic.example".to_owned(), password).unwrap()
        };
        let never = CancelToken::new;
        let url = HubUrl::parse("http://10.0.0.5:4001").unwrap();
        let told = |name, result: amana_core::Result<()>| {
            let code = result.err().map(|error| error.code());
            self.refused.lock().unwrap().send((name, code)).unwrap();
        };
        let sign_in = block_on(vault.sign_in(self.cloud.clone(), credentials(), never()));
        told("sign_in", sign_in.map(|_| ()));
        let at_hub = block_on(vault.sign_in_at_hub(&hub, credentials(), never()));
        told("sign_in_at_hub", at_hub.map(|_| ()));
        told("sign_out", block_on(vault.sign_out()));
        let paired = block_on(vault.pair_hub("no code", never()));
        told("pair_hub", paired.map(|_| ()));
        told("move_hub", block_on(vault.move_hub(&hub, url)));
        told("forget_peer", block_on(vault.forget_peer(&hub)));
        let joined = block_on(vault.sync(SyncOptions::default()));
        told("sync", joined.map(|_| ()));
        told("lock", vault.lock());
        told("unlock", vault.unlock());
        told("rotate", vault.rotate());
        told("rest", vault.rest());
        told("protected_data_gone", vault.protected_data_gone());
        told("close", vault.close());
        told("wipe", vault.wipe());
        told("salvage", vault.salvage(&Unlock::Device).map(|_| ()));
    }
}

#[test]
fn a_listener_is_refused_whatever_would_wait_for_its_own_sync() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let (refused, calls) = mpsc::channel();
    let options = SyncOptions {
        progress: Some(Arc::new(Waiter {
            amana: tablet.amana.clone(),
            cloud: amana_tests::address(&peer),
            refused: Mutex::new(refused),
            has_called: Mutex::default(),
        })),
        ..SyncOptions::default()
    };
    let amana = tablet.amana.clone();
    let sync = std::thread::spawn(move || block_on(amana.sync(options)));
    for _ in 0..15 {
        // A call that waits hangs for a minute, and then fails.
        let (name, code) = calls.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(code, Some(ErrorCode::Busy), "{name}");
    }
    sync.join().unwrap().unwrap();
    assert_eq!(tablet.amana.state(), VaultState::Unlocked);
    block_on(tablet.amana.sign_out()).unwrap();
}

#[test]
fn another_server_gets_nothing_that_was_meant_for_the_one_before() {
    let (peer, other) = (clinic(), clinic());
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    let _ = tablet.insert("patients", &patient("Amal"));
    let sign_in = || tablet.sign_in(&other, "amal@clinic.example", amana_tests::PASSWORD);
    assert_eq!(sign_in().unwrap_err().code(), ErrorCode::InvalidInput);
    tablet.sync().unwrap();
    assert_eq!((peer.count("patients"), other.count("patients")), (1, 0));
    sign_in().unwrap();
    assert_eq!(
        tablet.cursor(),
        0,
        "the other server's time is another time"
    );
}

#[test]
fn own_permissions_are_replaced_as_a_whole() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    let own = tablet.count("user_clinic_permissions");
    assert!(own > 0);
    // A removed row is never announced.
    peer.execute("DELETE FROM user_clinic_permissions").unwrap();
    tablet.sync().unwrap();
    assert_eq!(tablet.count("user_clinic_permissions"), own);
    block_on(tablet.amana.sync(full_pull())).unwrap();
    assert_eq!(tablet.count("user_clinic_permissions"), 0);
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
    tablet.amana.close().unwrap();
    assert_eq!(
        block_on(tablet.amana.count("patients", "{}"))
            .unwrap_err()
            .code()
            .as_str(),
        "closed"
    );
}
