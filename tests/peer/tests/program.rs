//! The program: its one line, its files, its end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

#[allow(dead_code, reason = "only the client is needed here")]
mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

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
