//! The switches: what a client sees when the peer misbehaves.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

#[path = "../common/mod.rs"]
mod common;

use std::time::Duration;

use amana_peer::{Answer, Kind, PeerConfig, Replacement};
use common::{Harness, NOOR};
use reqwest::Method;
use serde_json::json;

/// Long enough for any machine; reached only when a test fails.
const MOST: Duration = Duration::from_secs(30);

fn start() -> Harness {
    Harness::start(PeerConfig {
        rate_limit: false,
        admin: true,
        ..PeerConfig::default()
    })
}

fn patient(id: &str) -> serde_json::Value {
    json!({"patients": {"created": [{"id": id, "given_name": "Mira"}]}})
}

const P1: &str = "a0000000-0000-4000-8000-000000000001";
const P2: &str = "a0000000-0000-4000-8000-000000000002";
const P3: &str = "a0000000-0000-4000-8000-000000000003";

#[test]
fn a_held_reply_waits_for_its_release_and_keeps_its_snapshot() {
    let harness = start();
    harness.push(&patient(P1));
    let gate = harness.peer.faults().hold_pull_after(40);
    let request = harness.sync(Method::GET, "last_pulled_at=0");
    let (first, rest) = harness.runtime.block_on(async {
        let mut reply = request.send().await.unwrap();
        let first = reply.chunk().await.unwrap().unwrap();
        (first, reply)
    });
    assert!(gate.wait_reached(MOST));
    assert_eq!(first.len(), 40);
    // Stored while the reply is on its way, so not in it.
    assert_eq!(harness.push(&patient(P2)).status, 200);
    assert_eq!(harness.peer.count("patients"), 2);
    gate.release();
    let rest = harness.runtime.block_on(rest.text()).unwrap();
    let whole = format!("{}{rest}", String::from_utf8_lossy(&first));
    assert!(whole.contains(P1) && !whole.contains(P2));
    // The next pull is not held.
    assert!(harness.pull(0).body.contains(P2));
}

#[test]
fn a_gate_behind_the_end_is_missed() {
    let harness = start();
    let gate = harness.peer.faults().hold_pull_after(1 << 40);
    assert_eq!(harness.pull(0).status, 200);
    assert!(!gate.wait_reached(MOST));
    assert!(!gate.is_reached());
}

#[test]
fn a_cut_breaks_the_body_after_so_many_bytes() {
    let harness = start();
    harness.peer.faults().cut_after(Kind::Pull, 100, 1);
    let request = harness.sync(Method::GET, "last_pulled_at=0");
    harness.runtime.block_on(async {
        let mut reply = request.send().await.unwrap();
        let mut got = 0;
        let end = loop {
            match reply.chunk().await {
                Ok(Some(chunk)) => got += chunk.len(),
                Ok(None) => break true,
                Err(_) => break false,
            }
        };
        assert!(!end, "the body ended as if it were whole");
        assert_eq!(got, 100);
    });
    assert_eq!(harness.pull(0).status, 200);
}

#[test]
fn a_push_whose_reply_is_cut_is_stored() {
    let harness = start();
    harness.peer.faults().cut_after(Kind::Push, 0, 1);
    let request = harness
        .sync(Method::POST, "last_pulled_at=0")
        .body(patient(P1).to_string());
    assert!(harness.send(request).is_err());
    assert_eq!(harness.peer.count("patients"), 1);
}

#[test]
fn a_dripping_reply_is_whole_in_the_end() {
    let harness = start();
    let whole = harness.pull(0).json();
    harness.peer.faults().drip(7, 0);
    assert_eq!(harness.pull(0).json()["changes"], whole["changes"]);
}

#[test]
fn answers_are_given_for_so_many_requests_of_their_kind() {
    let harness = start();
    harness.peer.faults().answer_with(Answer {
        times: 2,
        retry_after: Some("7".to_owned()),
        body: "{\"error\":\"busy\"}".to_owned(),
        ..Answer::status(Kind::Push, 503)
    });
    assert_eq!(harness.pull(0).status, 200);
    for _ in 0..2 {
        let reply = harness.push(&patient(P1));
        assert_eq!(reply.status, 503);
        assert_eq!(reply.header("retry-after"), Some("7"));
        assert_eq!(reply.json()["error"], "busy");
    }
    assert_eq!(harness.peer.count("patients"), 0);
    assert_eq!(harness.push(&patient(P1)).status, 200);
    harness.peer.faults().answer_with(Answer {
        carry_out: true,
        ..Answer::status(Kind::Push, 502)
    });
    assert_eq!(harness.push(&patient(P2)).status, 502);
    assert_eq!(harness.peer.count("patients"), 2);
}

#[test]
fn a_redirect_names_its_target() {
    let harness = start();
    let target = "https://elsewhere.example/api/v2/sync";
    harness.peer.faults().redirect(Kind::Pull, 307, target, 1);
    let reply = harness.pull(0);
    assert_eq!(reply.status, 307);
    assert_eq!(reply.header("location"), Some(target));
    assert_eq!(harness.pull(0).status, 200);
}

#[test]
fn a_push_fails_at_the_row_asked_for() {
    let harness = start();
    harness.peer.faults().fail_push_at_row(2, 1);
    let body = json!({"patients": {"created": [
        {"id": P1, "given_name": "One"}, {"id": P2, "given_name": "Two"},
    ]}});
    assert_eq!(harness.push(&body).status, 500);
    assert_eq!(harness.peer.count("patients"), 1);
    assert_eq!(harness.push(&body).status, 200);
    assert_eq!(harness.peer.count("patients"), 2);
}

#[test]
fn a_push_is_held_behind_the_row_asked_for_and_nobody_else_waits() {
    let harness = start();
    let gate = harness.peer.faults().hold_push_after_row(2);
    // One that does not come so far passes.
    assert_eq!(harness.push(&patient(P1)).status, 200);
    let held = json!({"patients": {"created": [
        {"id": P1, "given_name": "One"}, {"id": P2, "given_name": "Two"},
        {"id": P3, "given_name": "Three"},
    ]}});
    let url = harness.peer.url().to_owned();
    let client = common::client(harness.peer.ca_pem());
    let sender = std::thread::spawn(move || {
        let request = client
            .post(format!("{url}/api/v2/sync?last_pulled_at=0"))
            .header("authorization", common::basic(NOOR.0, NOOR.1))
            .body(held.to_string());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(request.send()).unwrap().status()
    });
    assert!(gate.wait_reached(MOST));
    assert_eq!(harness.peer.count("patients"), 2);
    let other = json!({"patients": {"updated": [{"id": P2, "given_name": "Too"}]}});
    assert_eq!(harness.push(&other).status, 200);
    gate.release();
    assert_eq!(sender.join().unwrap(), 200);
    assert_eq!(harness.peer.count("patients"), 3);
}

#[test]
fn pull_replies_are_replaced() {
    let harness = start();
    let faults = harness.peer.faults();
    faults.replace_pull(Some(Replacement::Bytes("{\"changes\":".into())));
    assert_eq!(harness.pull(0).body, "{\"changes\":");
    faults.replace_pull(Some(Replacement::HugeString(3_000_000)));
    let huge = harness.pull(0).json();
    let name = &huge["changes"]["patients"]["created"][0]["given_name"];
    assert_eq!(name.as_str().map(str::len), Some(3_000_000));
    faults.replace_pull(Some(Replacement::Nested(60)));
    assert!(harness.pull(0).body.contains(&"[".repeat(60)));
    assert_eq!(harness.pull(0).json()["success"], true);
    faults.replace_pull(Some(Replacement::Patients(1_000)));
    let many = harness.pull(0).json();
    let created = many["changes"]["patients"]["created"].as_array();
    assert_eq!(created.map(Vec::len), Some(1_000));
    faults.replace_pull(None);
    assert!(harness.pull(0).json()["changes"]["clinics"].is_object());
}

#[test]
fn an_endless_reply_goes_on_until_the_client_leaves() {
    let harness = start();
    harness
        .peer
        .faults()
        .replace_pull(Some(Replacement::Endless));
    let request = harness.sync(Method::GET, "last_pulled_at=0");
    harness.runtime.block_on(async {
        let mut reply = request.send().await.unwrap();
        let mut got = 0;
        while got < 20_000_000 {
            got += reply.chunk().await.unwrap().unwrap().len();
        }
    });
}

#[test]
fn the_clock_can_be_wrong() {
    let harness = start();
    harness.peer.faults().clock_offset(-86_400_000);
    let now = harness.peer.now_ms();
    let reply = harness.pull(0).json();
    let timestamp = reply["timestamp"].as_i64().unwrap();
    assert!((timestamp - now).abs() < 60_000);
    harness.push(&patient(P1));
    let stored = &harness.peer.rows("patients")[0]["last_modified"];
    let day = amana_peer::instant_text(now);
    assert_eq!(stored.as_str().map(|text| &text[..10]), Some(&day[..10]));
}

#[test]
fn requests_are_logged_without_secrets() {
    let harness = start();
    let body = patient(P1);
    harness.push(&body);
    let sign_in = harness
        .request(Method::POST, "/api/auth/sign-in")
        .body(r#"{"email":"noor@clinic-a.example","password":"Cedar-River-7"}"#);
    harness.send(sign_in).unwrap();
    let seen = harness.peer.requests();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].target, "/api/v2/sync?last_pulled_at=0");
    assert_eq!(seen[0].authorization.as_deref(), Some("Basic"));
    assert_eq!(seen[0].body, Some(body.to_string()));
    assert_eq!(seen[0].status, Some(200));
    assert_eq!(seen[1].authorization, None);
    assert!(seen[1].body.is_none() && seen[1].body_bytes > 0);
    harness.peer.clear_requests();
    assert!(harness.peer.requests().is_empty());
}

#[test]
fn the_admin_route_sets_switches_and_tells_the_state() {
    let harness = start();
    let faults = |spec: serde_json::Value| {
        let request = harness.request(Method::POST, "/__peer/faults");
        harness.send(request.body(spec.to_string())).unwrap().status
    };
    assert_eq!(
        faults(json!({"answer": {"kind": "pull", "status": 503}})),
        200
    );
    assert_eq!(harness.pull(0).status, 503);
    assert_eq!(faults(json!({"database_down": true})), 200);
    assert_eq!(harness.pull(0).status, 401);
    let clear_and_hold = json!({"clear": true, "hold_pull_after": 1, "release": true});
    assert_eq!(faults(clear_and_hold), 200);
    assert_eq!(harness.pull(0).status, 200);
    assert_eq!(faults(json!({"replace_pull": {"nested": 5}})), 200);
    assert!(harness.pull(0).body.contains("[[[[[]]]]]"));
    assert_eq!(
        faults(json!({"replace_pull": "nothing", "no_such": 1})),
        400
    );
    let state = harness.send(harness.request(Method::GET, "/__peer/state"));
    let state = state.unwrap().json();
    assert_eq!(state["rows"]["clinics"], 2);
    assert_eq!(state["requests"][0]["status"], 503);
    let rows = harness.send(harness.request(Method::GET, "/__peer/rows?table=clinics"));
    assert_eq!(rows.unwrap().json()[0]["name"], "Clinic A");
}

#[test]
fn without_admin_there_is_no_such_route() {
    let harness = Harness::start(PeerConfig::default());
    let state = harness.request(Method::GET, "/__peer/state");
    assert_eq!(harness.send(state).unwrap().status, 404);
}

#[test]
fn seeded_patients_come_in_one_reply() {
    let harness = start();
    harness.peer.seed_patients(300).unwrap();
    harness.peer.seed_patients(200).unwrap();
    let reply = harness.pull(0).json();
    let count = |table: &str| reply["changes"][table]["created"].as_array().map(Vec::len);
    assert_eq!(count("patients"), Some(500));
    assert_eq!(count("visits"), Some(500));
    assert_eq!(count("events"), Some(1_500));
    assert!(
        harness
            .peer
            .row("events", &amana_peer::ids::event_id(499, 2))
            .is_some()
    );
}

#[test]
fn a_named_database_survives_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let config = || PeerConfig {
        database: Some(folder.path().join("clinic.db")),
        ..PeerConfig::default()
    };
    let first = Harness::start(config());
    first.push(&patient(P1));
    first.peer.stop();
    let second = Harness::start(config());
    assert_eq!(second.peer.count("patients"), 1);
    assert_eq!(second.peer.count("clinics"), 2);
    assert!(second.pull(0).body.contains(P1));
}

#[test]
fn a_stranger_to_the_authority_is_refused() {
    let harness = start();
    let other = start();
    let stranger = common::client(other.peer.ca_pem());
    let request = stranger.get(format!("{}/api/v2/sync", harness.peer.url()));
    assert!(harness.send(request).is_err());
    let port = harness.peer.url().rsplit(':').next().unwrap();
    let by_name = harness
        .client
        .get(format!("https://localhost:{port}/rpc/heartbeat"));
    assert_eq!(harness.send(by_name).unwrap().status, 200);
}

#[test]
fn a_peer_starts_and_ends_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let status = runtime.block_on(async {
        let peer = amana_peer::Peer::start(PeerConfig::default()).unwrap();
        let client = common::client(peer.ca_pem());
        let heartbeat = client.get(format!("{}/rpc/heartbeat", peer.url()));
        heartbeat.send().await.unwrap().status().as_u16()
    });
    assert_eq!(status, 200);
}

#[test]
fn a_server_that_comes_back_is_the_same_to_its_clients() {
    let folder = tempfile::tempdir().unwrap();
    let config = PeerConfig {
        database: Some(folder.path().join("peer.db")),
        tls_folder: Some(folder.path().join("tls")),
        rate_limit: false,
        ..PeerConfig::default()
    };
    let first = Harness::start(config.clone());
    assert_eq!(first.push(&patient(P1)).status, 200);
    let Harness { peer, client, .. } = first;
    peer.stop();
    let mut second = Harness::start(config);
    // The client of before, which trusts the authority of before.
    second.client = client;
    assert!(second.pull(0).body.contains(P1));
}
