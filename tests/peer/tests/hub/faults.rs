//! The switches: what somebody in the path can do, and what breaks by itself.

use std::time::Duration;

use amana_peer::hub::crypto::{public_key, read_key, session_key};
use amana_peer::hub::{Hub, HubConfig, Impostor, Mischief, Wipe};
use amana_peer::{Answer as Forged, Kind, Replacement};
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::NOOR;
use crate::device::{Answer, Device};

const CLIENT_KEY: [u8; 32] = [3; 32];

fn started() -> (Hub, Device) {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let mut device = Device::new(hub.url(), "tablet");
    device.handshake(CLIENT_KEY);
    device.login(NOOR.0, NOOR.1).opened();
    (hub, device)
}

fn pong() -> Answer {
    Answer::Opened(json!({"pong": true}))
}

fn patient(id: &str, now_ms: i64) -> Value {
    json!({"id": id, "given_name": "Mira", "additional_data": "{}", "metadata": "{}",
           "created_at": now_ms, "updated_at": now_ms})
}

fn push_patient(hub: &Hub, device: &Device, id: &str) {
    let row = patient(id, hub.now_ms());
    let changes = json!({"patients": {"created": [row], "updated": [], "deleted": []}});
    assert_eq!(device.push(&changes), Answer::Opened(json!({})));
}

#[test]
fn an_impostor_with_a_key_of_his_own_is_another_hub() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let own_key = [9; 32];
    hub.faults().impostor(Some(Impostor {
        private_key: own_key,
        shows_true_key: false,
    }));
    hub.faults()
        .show_id(Some("dead0000-0000-4000-8000-000000000000"));
    let mut device = Device::new(hub.url(), "tablet");
    let reply = device.handshake(CLIENT_KEY);
    assert_ne!(reply["hub_public_key"], hub.public_key());
    assert_ne!(reply["hub_id"], hub.id());
    // Who takes the key from the reply is his.
    assert_eq!(device.ping(), pong());
    // Who keeps to the true one is not, for want of the private half.
    let pinned = read_key(&hub.public_key()).unwrap();
    let own = public_key(&CLIENT_KEY);
    device.key = session_key(&CLIENT_KEY, &pinned, &pinned, &own).unwrap();
    assert!(matches!(device.ping(), Answer::Broken(500, _)));
    hub.faults().impostor(None);
    hub.faults().show_id(None);
    assert_eq!(device.handshake(CLIENT_KEY)["hub_id"], hub.id());
}

#[test]
fn an_impostor_who_shows_the_true_key_cannot_use_it() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    hub.faults().impostor(Some(Impostor {
        private_key: [9; 32],
        shows_true_key: true,
    }));
    let mut device = Device::new(hub.url(), "tablet");
    let reply = device.handshake(CLIENT_KEY);
    assert_eq!(reply["hub_public_key"], hub.public_key());
    assert!(matches!(device.ping(), Answer::Broken(500, _)));
}

#[test]
fn replies_are_altered_repeated_and_swapped() {
    let (hub, device) = started();
    let faults = hub.faults();
    faults.mischief(Kind::Ping, Mischief::Tamper, 1);
    assert!(matches!(device.ping(), Answer::Broken(200, _)));
    faults.mischief(Kind::Ping, Mischief::WrongWord, 1);
    assert!(matches!(device.ping(), Answer::Broken(200, _)));
    assert_eq!(device.ping(), pong());

    // An old pull in place of a new one: the same text, which hides what came in between.
    let before = device.pull(-1).opened();
    push_patient(&hub, &device, "a0000000-0000-4000-8000-000000000001");
    faults.mischief(Kind::Pull, Mischief::Repeat(Kind::Pull), 1);
    assert_eq!(device.pull(-1).opened(), before);
    assert_ne!(device.pull(-1).opened(), before);

    // The reply of another call of the same channel.
    faults.mischief(Kind::Push, Mischief::Repeat(Kind::Ping), 1);
    let nothing = json!({"patients": {"created": [], "updated": [], "deleted": []}});
    assert_eq!(device.push(&nothing), pong());
}

#[test]
fn a_reply_that_never_arrived_can_be_played_later() {
    let (hub, device) = started();
    hub.faults().base().cut_after(Kind::Ping, 0, 1);
    let body = json!({"client_id": device.client_id, "payload": amana_peer::hub::crypto::seal(
        &device.key, "command", &[1; 12], br#"{"command":"ping","data":{}}"#)});
    let cut = device.try_request(Method::POST, "/rpc/command", Some(body.to_string()));
    assert!(cut.is_err());
    hub.faults()
        .mischief(Kind::Push, Mischief::Repeat(Kind::Ping), 1);
    let nothing = json!({"patients": {"created": [], "updated": [], "deleted": []}});
    assert_eq!(device.push(&nothing), pong());
}

#[test]
fn errors_can_be_forged_and_work_done_without_an_answer() {
    let (hub, device) = started();
    hub.faults().base().answer_with(Forged {
        body: r#"{"payload":"","success":false,"error":"Authentication required"}"#.to_owned(),
        ..Forged::status(Kind::Pull, 200)
    });
    let forged = Answer::Error("Authentication required".to_owned());
    assert_eq!(device.pull(-1), forged);
    hub.faults().base().answer_with(Forged {
        carry_out: true,
        ..Forged::status(Kind::Push, 500)
    });
    let id = "a0000000-0000-4000-8000-000000000001";
    let changes = json!({"patients": {"created": [patient(id, 1)], "updated": [], "deleted": []}});
    assert!(matches!(device.push(&changes), Answer::Broken(500, _)));
    assert!(hub.row("patients", id).is_some());
}

#[test]
fn a_failing_row_leaves_what_came_before_it() {
    let (hub, device) = started();
    hub.faults().base().fail_push_at_row(2, 1);
    let rows: Vec<Value> = (1..=3)
        .map(|n| patient(&format!("a0000000-0000-4000-8000-00000000000{n}"), 1))
        .collect();
    let changes = json!({"patients": {"created": rows, "updated": [], "deleted": []}});
    match device.push(&changes) {
        Answer::Error(text) => {
            assert!(text.starts_with("Upsert failed for patients id="), "{text}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(hub.count("patients"), 1);
}

#[test]
fn what_is_written_before_the_stamp_is_in_no_later_pull() {
    let (hub, device) = started();
    let gate = hub.faults().hold_before_stamp();
    let slow = std::thread::spawn({
        let url = hub.url().to_owned();
        move || {
            let mut other = Device::new(&url, "other");
            other.handshake([4; 32]);
            other.login(NOOR.0, NOOR.1).opened();
            other.pull(-1).opened()
        }
    });
    assert!(gate.wait_reached(Duration::from_secs(20)));
    push_patient(&hub, &device, "a0000000-0000-4000-8000-000000000001");
    drop(gate);
    let pulled = slow.join().unwrap();
    assert!(pulled["changes"].get("patients").is_none());
    let stamp = pulled["timestamp"].as_i64().unwrap();
    let later = device.pull(stamp).opened();
    assert!(later["changes"].get("patients").is_none(), "it is lost");
    assert!(device.pull(stamp - 60_000).opened()["changes"]["patients"].is_object());
}

#[test]
fn a_pull_can_be_replaced_and_stays_sealed() {
    let (hub, device) = started();
    hub.faults()
        .base()
        .replace_pull(Some(Replacement::Patients(300)));
    let reply = device.pull(-1).opened();
    let created = reply["changes"]["patients"]["created"].as_array();
    assert_eq!(created.map(Vec::len), Some(300));
}

#[test]
fn a_wiped_hub_knows_its_people_or_nobody() {
    let (hub, mut device) = started();
    push_patient(&hub, &device, "a0000000-0000-4000-8000-000000000001");
    hub.wipe(Wipe::Records).unwrap();
    assert!(matches!(device.ping(), Answer::Broken(500, _)));
    device.handshake(CLIENT_KEY);
    let reply = device.pull(-1).opened();
    assert!(reply["changes"].get("patients").is_none());
    hub.wipe(Wipe::Everything).unwrap();
    device.handshake(CLIENT_KEY);
    let refused = Answer::Error("Invalid email or password".to_owned());
    assert_eq!(device.login(NOOR.0, NOOR.1), refused);
}

#[test]
fn the_log_knows_calls_and_keeps_no_password() {
    let (hub, device) = started();
    device.pull(-1).opened();
    push_patient(&hub, &device, "a0000000-0000-4000-8000-000000000001");
    let calls: Vec<String> = hub
        .requests()
        .into_iter()
        .filter_map(|seen| seen.call)
        .collect();
    assert_eq!(calls, ["login", "sync_pull", "sync_push"]);
    assert!(hub.plain_requests().is_empty());
    let all = format!("{:?}", hub.requests());
    assert!(!all.contains(NOOR.1) && all.contains("Mira"));
    device.request(Method::GET, "/api/v2/sync?lastPulledAt=0", None);
    assert_eq!(hub.plain_requests().len(), 1);
}

#[test]
fn a_hub_that_comes_back_knows_tokens_but_no_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let config = HubConfig {
        database: Some(folder.path().join("hub.db")),
        ..HubConfig::default()
    };
    let hub = Hub::start(config.clone()).unwrap();
    let mut device = Device::new(hub.url(), "tablet");
    device.handshake(CLIENT_KEY);
    device.login(NOOR.0, NOOR.1).opened();
    push_patient(&hub, &device, "a0000000-0000-4000-8000-000000000001");
    let permissions = hub.count("user_clinic_permissions");
    hub.stop();

    let hub = Hub::start(config).unwrap();
    let token = device.token.take();
    let mut device = Device::new(hub.url(), "tablet");
    assert!(matches!(device.ping(), Answer::Broken(500, _)));
    device.handshake(CLIENT_KEY);
    device.token = token;
    let reply = device.pull(-1).opened();
    assert_eq!(
        reply["changes"]["patients"]["created"][0]["given_name"],
        "Mira"
    );
    assert_eq!(hub.count("user_clinic_permissions"), permissions);
}

#[test]
fn a_second_handshake_of_the_same_client_ends_the_first_ones_session() {
    let (hub, device) = started();
    let mut thief = Device::new(hub.url(), &device.client_id);
    thief.handshake([5; 32]);
    let refused = "Decryption failed: AES-GCM decryption failed (wrong key or tampered data)";
    assert_eq!(device.ping(), Answer::Broken(500, refused.to_owned()));
    assert_eq!(thief.ping(), pong());
    // The session is his, the token is not.
    let refused = Answer::Error("Authentication required".to_owned());
    assert_eq!(thief.pull(-1), refused);
}

#[test]
fn a_push_of_many_megabytes_is_taken() {
    let (hub, device) = started();
    let mut row = patient("a0000000-0000-4000-8000-000000000001", 1);
    row["additional_data"] = "x".repeat(5 << 20).into();
    let changes = json!({"patients": {"created": [row], "updated": [], "deleted": []}});
    assert_eq!(device.push(&changes), Answer::Opened(json!({})));
    assert_eq!(hub.count("patients"), 1);
}
