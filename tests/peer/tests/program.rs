//! The program: its one line, its files, its end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

#[allow(dead_code, reason = "only the client is needed here")]
mod common;
#[path = "common/hub.rs"]
mod device;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::Value;

#[test]
fn it_tells_its_address_serves_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let mut program = Command::new(env!("CARGO_BIN_EXE_amana-peer"))
        .args(["--until-stdin-closes", "--admin", "--no-rate-limit"])
        .args(["--seed-patients", "3", "--time-zone-minutes", "-300"])
        .args(["--user", "ada@clinic-a.example:pass:word:provider"])
        .arg("--ca-out")
        .arg(&ca)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(program.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["ca"], ca.to_str().unwrap());
    assert_eq!(line["users"][0]["password"], "pass:word");

    let client = common::client(&std::fs::read_to_string(&ca).unwrap());
    let url = line["url"].as_str().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (status, state) = runtime.block_on(async {
        let sign_in = client
            .post(format!("{url}/api/auth/sign-in"))
            .body(r#"{"email":"ada@clinic-a.example","password":"pass:word"}"#)
            .send()
            .await
            .unwrap();
        let state = client.get(format!("{url}/__peer/state")).send().await;
        let state = state.unwrap().text().await.unwrap();
        (sign_in.status().as_u16(), state)
    });
    assert_eq!(status, 200);
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["rows"]["events"], 9);

    drop(program.stdin.take());
    assert!(program.wait().unwrap().success());
    let mut rest = String::new();
    assert_eq!(output.read_line(&mut rest).unwrap(), 0);
}

#[test]
fn the_hub_tells_its_qr_text_and_meets_a_cloud_of_the_same_group() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    let (mut cloud, cloud_line) = started(&["--admin", "--ca-out", ca.to_str().unwrap()]);
    let cloud_url = cloud_line["url"].as_str().unwrap();
    let (mut hub, line) = started(&[
        "hub",
        "--admin",
        "--cloud",
        cloud_url,
        "--cloud-ca",
        ca.to_str().unwrap(),
        "--meet",
    ]);
    assert_eq!(line["meeting"]["done"], true, "{line}");
    let qr: Value = serde_json::from_str(line["qr"].as_str().unwrap()).unwrap();
    assert_eq!(qr["type"], "sync_hub");
    assert_eq!(
        (&qr["url"], &qr["id"], &qr["pk"]),
        (&line["url"], &line["id"], &line["pk"])
    );

    let url = line["url"].as_str().unwrap();
    let mut device = device::Device::new(url, "tablet");
    device.handshake([3; 32]);
    device.login(common::NOOR.0, common::NOOR.1).opened();
    let post = |path: &str, body: Value| {
        let reply = device.request(Method::POST, path, Some(body.to_string()));
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    post(
        "/__peer/faults",
        serde_json::json!({"mischief": {"kind": "ping", "what": "tamper"}}),
    );
    assert!(matches!(device.ping(), device::Answer::Broken(200, _)));
    post(
        "/__peer/faults",
        serde_json::json!({
            "clear": true,
            "mischief": {"kind": "pull", "what": {"repeat": "pull"}},
            "answer": {"kind": "ping", "status": 500},
        }),
    );
    assert!(matches!(device.ping(), device::Answer::Broken(500, _)));
    let refused = device.request(
        Method::POST,
        "/__peer/faults",
        Some(r#"{"no_such_switch":1}"#.to_owned()),
    );
    assert_eq!(refused.status, 400);
    assert_eq!(
        post("/__peer/replay", serde_json::json!({"kind": "ping"}))["status"],
        200
    );
    assert_eq!(post("/__peer/cloud", serde_json::json!({}))["done"], true);
    post("/__peer/forget-sessions", serde_json::json!({}));
    assert!(matches!(device.ping(), device::Answer::Broken(500, _)));
    post("/__peer/wipe", serde_json::json!({"what": "everything"}));
    let state = device.request(Method::GET, "/__peer/state", None);
    let state: Value = serde_json::from_str(&state.body).unwrap();
    assert_eq!(
        (&state["rows"]["users"], &state["plain_calls"]),
        (&0.into(), &0.into())
    );
    assert_eq!(state["requests"][1]["call"], "login");
    for program in [&mut hub, &mut cloud] {
        drop(program.stdin.take());
        assert!(program.wait().unwrap().success());
    }
}

fn started(arguments: &[&str]) -> (Child, Value) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_amana-peer"))
        .args(arguments)
        .arg("--until-stdin-closes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(program.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let line = serde_json::from_str(&line).unwrap();
    (program, line)
}
