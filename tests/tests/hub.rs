//! Tablets and a hub at the front door: pairing, signing in, syncing, without the internet; and
//! somebody else in the hub's place.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

use std::net::TcpListener;
use std::time::Duration;

use amana_core::cancel::CancelToken;
use amana_core::model::hub::HubUrl;
use amana_core::model::ids::PeerId;
use amana_core::model::peer::{CloudAddress, Credentials, HttpsUrl};
use amana_core::model::report::SyncReport;
use amana_core::secret::SecretText;
use amana_core::{ErrorCode, PairedHub, Result, SyncOptions};
use amana_peer::hub::{CloudLink, Hub, HubConfig, Impostor};
use amana_peer::{Peer, PeerConfig, ids};
use amana_tests::{Tablet, clinic, patient};
use pollster::block_on;
use serde_json::json;

const NOOR: &str = "noor@clinic-a.example";
const PASSWORD: &str = "Cedar-River-7";

fn hub() -> Hub {
    Hub::start(HubConfig::default()).unwrap()
}

fn pair(tablet: &Tablet, hub: &Hub) -> Result<PairedHub> {
    block_on(tablet.amana.pair_hub(&hub.qr_text(), CancelToken::new()))
}

fn sign_in(tablet: &Tablet, peer: &PeerId) -> Result<()> {
    let credentials = Credentials::new(NOOR.into(), SecretText::new(PASSWORD.into()))?;
    block_on(
        tablet
            .amana
            .sign_in_at_hub(peer, credentials, CancelToken::new()),
    )
    .map(|_| ())
}

fn sync(tablet: &Tablet, peer: &PeerId) -> Result<SyncReport> {
    block_on(tablet.amana.sync_with(peer, SyncOptions::default()))
}

/// A tablet that is paired, with somebody signed in.
fn ready(hub: &Hub) -> (Tablet, PeerId) {
    let tablet = Tablet::new();
    let peer = pair(&tablet, hub).unwrap().peer;
    sign_in(&tablet, &peer).unwrap();
    (tablet, peer)
}

fn paths(hub: &Hub) -> Vec<String> {
    hub.requests()
        .iter()
        .map(|seen| seen.target.clone())
        .collect()
}

#[test]
fn what_one_tablet_registers_the_other_gets_from_the_hub() {
    let hub = hub();
    let ((first, peer), (second, _)) = (ready(&hub), ready(&hub));
    let id = first.insert("patients", &patient("Amal"));
    sync(&first, &peer).unwrap();
    sync(&second, &peer).unwrap();
    assert_eq!(second.get("patients", &id)["given_name"], "Amal");
    second.update("patients", &id, &json!({"phone": "961"}));
    sync(&second, &peer).unwrap();
    sync(&first, &peer).unwrap();
    assert_eq!(first.get("patients", &id)["phone"], "961");
    block_on(first.amana.delete("patients", &id)).unwrap();
    sync(&first, &peer).unwrap();
    sync(&second, &peer).unwrap();
    assert!(second.get("patients", &id).is_null());
    // Everything went through the sealed routes.
    assert!(hub.plain_requests().is_empty());
    // The hub is not the last word: the cloud still has to hear of it.
    assert!(first.pending() > 0);
    assert_eq!(first.sync().unwrap_err().code(), ErrorCode::NotSignedIn);
}

#[test]
fn the_hubs_people_leave_no_trace_and_the_password_and_the_token_neither() {
    let hub = hub();
    let (tablet, peer) = ready(&hub);
    let report = sync(&tablet, &peer).unwrap();
    // They came, and were not taken.
    assert_eq!(report.skipped.forbidden_tables, 1);
    tablet.amana.lock().unwrap();
    for file in tablet.files() {
        let bytes = std::fs::read(&file).unwrap();
        for needle in [NOOR, PASSWORD, "hashed_password", "$2b$"] {
            let found = bytes
                .windows(needle.len())
                .any(|window| window == needle.as_bytes());
            assert!(!found, "{needle} in {}", file.display());
        }
    }
}

/// He answers at the hub's address, with a key of his own, openly or behind the true one's name.
#[test]
fn s04_somebody_in_the_hubs_place_gets_no_credential() {
    for shows_true_key in [false, true] {
        let hub = hub();
        let (tablet, peer) = ready(&hub);
        let _ = tablet.insert("patients", &patient("Secret"));
        hub.forget_sessions();
        hub.faults().impostor(Some(Impostor {
            private_key: [0x77; 32],
            shows_true_key,
        }));
        hub.clear_requests();
        let mismatch = ErrorCode::PeerIdentityMismatch;
        assert_eq!(sync(&tablet, &peer).unwrap_err().code(), mismatch);
        assert_eq!(sign_in(&tablet, &peer).unwrap_err().code(), mismatch);
        assert_eq!(pair(&Tablet::new(), &hub).unwrap_err().code(), mismatch);
        // Of all that came, nothing could be opened: handshakes, perhaps their pings, and one
        // pull in the session of before.
        let seen = hub.requests();
        assert!(seen.iter().all(|seen| seen.call.is_none()), "{seen:?}");
        let sealed = paths(&hub)
            .into_iter()
            .filter(|path| path != "/rpc/handshake")
            .count();
        // Where he shows a key of his own, not even a ping is sent.
        let pings = if shows_true_key { 3 } else { 0 };
        assert_eq!(
            (sealed, seen.len() - sealed),
            (1 + pings, 3),
            "{:?}",
            paths(&hub)
        );
        // Back in its place, the true one is taken as before, and nothing was lost.
        hub.faults().impostor(None);
        sync(&tablet, &peer).unwrap();
        assert_eq!(hub.count("patients"), 1);
    }
}

#[test]
fn s06_a_restart_of_the_hub_costs_a_handshake_and_the_token_lives_on() {
    let hub = hub();
    let (tablet, peer) = ready(&hub);
    sync(&tablet, &peer).unwrap();
    hub.forget_sessions();
    hub.clear_requests();
    let _ = tablet.insert("patients", &patient("Amal"));
    sync(&tablet, &peer).unwrap();
    let handshakes = paths(&hub)
        .iter()
        .filter(|path| *path == "/rpc/handshake")
        .count();
    assert_eq!(handshakes, 1);
    assert_eq!(hub.count("patients"), 1);

    // The tablet's own restart: token and pairing are in the vault, and no key of a session is.
    tablet.amana.lock().unwrap();
    tablet.amana.unlock().unwrap();
    hub.clear_requests();
    sync(&tablet, &peer).unwrap();
    // A handshake, its ping, and the pull: no login.
    assert_eq!(paths(&hub).len(), 3, "{:?}", paths(&hub));
    assert_eq!(paths(&hub)[0], "/rpc/handshake");
}

#[test]
fn signing_out_leaves_the_pairing_and_nothing_that_opens_the_hub() {
    let hub = hub();
    let (tablet, peer) = ready(&hub);
    sync(&tablet, &peer).unwrap();
    block_on(tablet.amana.sign_out()).unwrap();
    assert_eq!(
        sync(&tablet, &peer).unwrap_err().code(),
        ErrorCode::NotSignedIn
    );
    assert_eq!(block_on(tablet.amana.hubs()).unwrap().len(), 1);
    hub.clear_requests();
    sign_in(&tablet, &peer).unwrap();
    sync(&tablet, &peer).unwrap();
    // A new session, and one login: neither key nor token of before was left.
    let calls: Vec<_> = hub
        .requests()
        .into_iter()
        .filter_map(|seen| seen.call)
        .collect();
    assert_eq!(calls, ["ping", "login", "sync_pull"]);
}

#[test]
fn a_bad_row_is_put_aside_and_the_rest_reaches_the_hub() {
    let hub = hub();
    let (tablet, peer) = ready(&hub);
    sync(&tablet, &peer).unwrap();
    for name in ["A", "B", "C", "D"] {
        let _ = tablet.insert("patients", &patient(name));
    }
    hub.execute(
        "CREATE TRIGGER no_c BEFORE INSERT ON patients WHEN NEW.given_name = 'C'
         BEGIN SELECT RAISE(ABORT, 'refused'); END",
    )
    .unwrap();
    let report = sync(&tablet, &peer).unwrap();
    assert_eq!((report.pushed, report.quarantined), (3, 1), "{report:?}");
    assert_eq!(hub.count("patients"), 3);
    // A hub says so in clear, and so could anybody: it rests for a while there, with a reason that
    // claims nothing of the hub, and waits for the cloud as before.
    let listed = block_on(tablet.amana.quarantined_records()).unwrap();
    assert_eq!((listed.len(), &listed[0].peer), (1, &peer));
    assert!(listed[0].reason.contains("nobody has signed"));
    let rest_ms = listed[0].retry_at_ms.unwrap() - listed[0].since_ms;
    assert!((1..=660_000).contains(&rest_ms), "{rest_ms}");
    assert_eq!(tablet.pending(), 4);
}

#[test]
fn codes_that_are_no_hubs_pair_nothing() {
    let hub = hub();
    let tablet = Tablet::new();
    let without_key = json!({"type": "sync_hub", "url": hub.url(), "id": hub.id()}).to_string();
    let public = json!({"type": "sync_hub", "url": "http://8.8.8.8:4001", "id": hub.id(),
        "pk": hub.public_key()})
    .to_string();
    for code in [
        hub.url(),
        "https://cloud.example",
        &without_key,
        &public,
        "",
    ] {
        let error = block_on(tablet.amana.pair_hub(code, CancelToken::new())).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidInput, "{code}");
    }
    assert!(hub.requests().is_empty());
    assert!(block_on(tablet.amana.hubs()).unwrap().is_empty());
    let stranger = PeerId::hub("nobody").unwrap();
    assert_eq!(
        sign_in(&tablet, &stranger).unwrap_err().code(),
        ErrorCode::NotFound
    );
}

#[test]
fn a_hub_that_is_forgotten_in_the_middle_of_a_sync_leaves_nothing_behind() {
    let hub = hub();
    let (one, peer) = ready(&hub);
    let id = one.insert("patients", &patient("Amal"));
    sync(&one, &peer).unwrap();
    let (tablet, _) = ready(&hub);
    let _ = tablet.insert("patients", &patient("Noor"));
    let gate = hub.faults().base().hold_pull_after(64);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| sync(&tablet, &peer));
        assert!(gate.wait_reached(Duration::from_secs(60)));
        block_on(tablet.amana.forget_peer(&peer)).unwrap();
        gate.release();
        assert_eq!(
            running.join().unwrap().unwrap_err().code(),
            ErrorCode::Cancelled
        );
    });
    assert!(!tablet.amana.is_syncing(&peer));
    assert!(tablet.get("patients", &id).is_null());
    let status = block_on(tablet.amana.sync_status()).unwrap();
    assert!(status.peers.iter().all(|known| known.peer != peer));
    assert!(block_on(tablet.amana.hubs()).unwrap().is_empty());
    assert!(tablet.pending() > 0, "what waits stays");
    // Met again it is a hub like any other.
    pair(&tablet, &hub).unwrap();
    sign_in(&tablet, &peer).unwrap();
    sync(&tablet, &peer).unwrap();
    assert_eq!(tablet.get("patients", &id)["given_name"], "Amal");
}

/// Nobody answers there; who comes is let in.
fn silent() -> (TcpListener, HubUrl) {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    (silent, HubUrl::parse(&url).unwrap())
}

#[test]
fn who_signs_in_at_a_hub_that_is_forgotten_meanwhile_sends_it_nothing_more() {
    let hub = hub();
    let (tablet, peer) = ready(&hub);
    let (silent, url) = silent();
    block_on(tablet.amana.move_hub(&peer, url)).unwrap();
    std::thread::scope(|scope| {
        let signing_in = scope.spawn(|| sign_in(&tablet, &peer));
        let (_line, _) = silent.accept().unwrap();
        block_on(tablet.amana.forget_peer(&peer)).unwrap();
        let refused = signing_in.join().unwrap().unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Cancelled);
    });
    assert_eq!(
        sign_in(&tablet, &peer).unwrap_err().code(),
        ErrorCode::NotFound
    );
}

#[test]
fn who_signs_out_ends_the_sign_ins_that_are_under_way() {
    let hub = hub();
    let (tablet, peer) = ready(&hub);
    let (at_hub, url) = silent();
    let (at_cloud, cloud) = silent();
    let cloud = CloudAddress {
        url: HttpsUrl::parse(&cloud.as_str().replace("http:", "https:")).unwrap(),
        private_ca_pem: None,
    };
    let password = SecretText::new(PASSWORD.into());
    let credentials = Credentials::new(NOOR.into(), password).unwrap();
    block_on(tablet.amana.move_hub(&peer, url)).unwrap();
    std::thread::scope(|scope| {
        let hubs = scope.spawn(|| sign_in(&tablet, &peer));
        let (_line, _) = at_hub.accept().unwrap();
        let never = CancelToken::new();
        let clouds = scope.spawn(|| block_on(tablet.amana.sign_in(cloud, credentials, never)));
        let (_other_line, _) = at_cloud.accept().unwrap();
        block_on(tablet.amana.sign_out()).unwrap();
        for signing_in in [hubs.join().unwrap(), clouds.join().unwrap().map(|_| ())] {
            assert_eq!(signing_in.unwrap_err().code(), ErrorCode::Cancelled);
        }
    });
    let status = block_on(tablet.amana.status()).unwrap();
    assert!(status.person.is_none());
    // One that begins afterwards goes its way.
    let back = HubUrl::parse(hub.url()).unwrap();
    block_on(tablet.amana.move_hub(&peer, back)).unwrap();
    sign_in(&tablet, &peer).unwrap();
}

#[test]
fn pairing_with_a_hub_that_does_not_answer_leaves_other_syncs_be() {
    let cloud = clinic();
    cloud.seed_patients(50).unwrap();
    let tablet = Tablet::signed_in(&cloud);
    let hub = hub();
    let (silent, url) = silent();
    let code = hub.qr_text().replace(hub.url(), url.as_str());
    assert!(code.contains(url.as_str()));
    let gate = cloud.faults().hold_pull_after(2_000);
    let cancel = CancelToken::new();
    std::thread::scope(|scope| {
        let syncing = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(Duration::from_secs(60)));
        let pairing = scope.spawn(|| block_on(tablet.amana.pair_hub(&code, cancel.clone())));
        let (_line, _) = silent.accept().unwrap();
        // One may even be begun.
        let joined = scope.spawn(|| tablet.sync());
        gate.release();
        for sync in [syncing, joined] {
            assert!(sync.join().unwrap().is_ok());
        }
        cancel.cancel();
        let code = pairing.join().unwrap().unwrap_err().code();
        assert_eq!(code, ErrorCode::Cancelled);
    });
}

#[test]
fn a_hub_is_listed_moved_paired_again_and_forgotten() {
    let hub = hub();
    let (tablet, peer) = ready(&hub);
    let _ = tablet.insert("patients", &patient("Amal"));
    sync(&tablet, &peer).unwrap();
    let listed = block_on(tablet.amana.hubs()).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (&listed[0].peer, listed[0].url.as_str()),
        (&peer, hub.url())
    );

    // An address where nobody is; key and id stay.
    let nowhere = HubUrl::parse("http://127.0.0.1:9").unwrap();
    block_on(tablet.amana.move_hub(&peer, nowhere)).unwrap();
    assert_eq!(sync(&tablet, &peer).unwrap_err().code(), ErrorCode::Network);
    // Scanned again it is found where it is, and goes on where it was.
    assert_eq!(pair(&tablet, &hub).unwrap().peer, peer);
    assert_eq!(sync(&tablet, &peer).unwrap().pushed, 0);

    // Another key under the same id is nobody's mistake.
    let other = Hub::start(HubConfig {
        private_key: [0x33; 32],
        ..HubConfig::default()
    })
    .unwrap();
    assert_eq!(
        pair(&tablet, &other).unwrap_err().code(),
        ErrorCode::InvalidInput
    );
    assert!(other.requests().is_empty());

    block_on(tablet.amana.forget_peer(&peer)).unwrap();
    assert!(block_on(tablet.amana.hubs()).unwrap().is_empty());
    assert_eq!(
        sync(&tablet, &peer).unwrap_err().code(),
        ErrorCode::NotFound
    );
    pair(&tablet, &other).unwrap();
}

/// Births go through a hub as text, and stay. What it would make a time of, and the cloud today, waits
/// for the cloud. What the hub then hears of the cloud, and says to it again, is theirs.
#[test]
fn l06_old_days_survive_a_hub_and_its_cloud() {
    let cloud = Peer::start(PeerConfig::default()).unwrap();
    let hub = Hub::start(HubConfig {
        seed: None,
        cloud: Some(CloudLink {
            url: cloud.url().to_owned(),
            ca_pem: cloud.ca_pem().to_owned(),
            api_key: ids::HUB_KEY.to_owned(),
        }),
        ..HubConfig::default()
    })
    .unwrap();
    let meet = || {
        let meeting = hub.meet_cloud();
        assert!(meeting.done, "{meeting:?}");
    };
    meet();
    let (tablet, peer) = ready(&hub);
    // Born before 1970, and between that and 9 September 2001.
    let births = ["1959-11-30", "1980-02-03"];
    let ids = births.map(|day| {
        let born = json!({"given_name": "Amal", "date_of_birth": day});
        tablet.insert("patients", &born)
    });
    let onset = "1999-05-01";
    let problem = tablet.insert(
        "patient_problems",
        &json!({"patient_id": ids[0], "problem_code_system": "icd10", "problem_code": "E11",
                "problem_label": "x", "clinical_status": "active",
                "verification_status": "confirmed", "onset_date": onset}),
    );
    sync(&tablet, &peer).unwrap();
    assert!(hub.row("patient_problems", &problem).is_none());
    let is = |table: &str, id: &str, column: &str, day: &str| {
        let row = cloud.row(table, id).unwrap();
        let stored = row[column].as_str().unwrap();
        assert!(stored.starts_with(day), "{day}: {stored}");
    };
    let are_right = || {
        for (id, day) in ids.iter().zip(births) {
            is("patients", id, "date_of_birth", day);
        }
    };
    meet();
    are_right();
    tablet.sign_in(&cloud, NOOR, PASSWORD).unwrap();
    tablet.sync().unwrap();
    is("patient_problems", &problem, "onset_date", onset);
    // Edits of these records, too, by way of the hub.
    for id in &ids {
        tablet.update("patients", id, &json!({"phone": "1"}));
    }
    sync(&tablet, &peer).unwrap();
    meet();
    are_right();
    for id in &ids {
        is("patients", id, "phone", "1");
    }
}
