//! The tablet as a process of its own: its memory, its death in the middle, its hold on the vault.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use amana_core::{Amana, Config, System};
use amana_peer::{Peer, PeerConfig};
use serde_json::Value as Json;
use tempfile::TempDir;

/// Only how long a test waits for its own server before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

struct Place {
    peer: Peer,
    directory: TempDir,
}

impl Place {
    fn new(patients: usize) -> Self {
        let peer = Peer::start(PeerConfig {
            seed_patients: patients,
            ..PeerConfig::default()
        })
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), peer.ca_pem()).unwrap();
        std::fs::write(directory.path().join("password"), "Cedar-River-7").unwrap();
        let place = Self { peer, directory };
        let (ca, password) = (place.path("ca.pem"), place.path("password"));
        place.run(&[
            "sign-in",
            "--cloud",
            place.peer.url(),
            "--ca",
            ca.to_str().unwrap(),
            "--email",
            "noor@clinic-a.example",
            "--password-file",
            password.to_str().unwrap(),
        ]);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amana-tablet"));
        command
            .arg("--vault")
            .arg(self.path("vault"))
            .args(arguments);
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Json {
        let output = self.output(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn rows(&self, table: &str) -> u64 {
        self.run(&["digest"])["tables"][table]["rows"]
            .as_u64()
            .unwrap()
    }
}

/// The bytes of a pull of so many patients, each with a visit and three events, and by how many KiB the
/// process grew in it. Elsewhere than on Linux a process does not tell its memory.
fn pull_of(patients: usize) -> (u64, Option<u64>) {
    let place = Place::new(patients);
    let report = place.run(&["sync"]);
    assert!(report["pulled"].as_u64().unwrap() >= 5 * patients as u64);
    let kib = |field: &str| report[field].as_u64();
    let grown = kib("peak_memory_kib").zip(kib("idle_memory_kib"));
    let grown = grown.map(|(peak, idle)| peak - idle);
    assert_eq!(grown.is_some(), cfg!(target_os = "linux"));
    (report["bytes"].as_u64().unwrap(), grown)
}

#[test]
fn the_memory_of_a_pull_does_not_grow_with_it() {
    // Some 16 and 65 MB of JSON.
    let (quarter, whole) = (pull_of(5_000), pull_of(20_000));
    let more_bytes = whole.0 - quarter.0;
    assert!(more_bytes > 45_000_000, "{more_bytes}");
    if let (Some(before), Some(after)) = (quarter.1, whole.1) {
        // Some 19 and 24 MiB, and 24 for twice the whole: buffers that the quarter does not fill.
        let most = before + 12 * 1024;
        assert!(after < most, "{before} KiB, then {after} KiB");
    }
}

#[test]
fn a_tablet_killed_in_the_middle_of_a_pull_goes_on_as_if_nothing_had_been() {
    let place = Place::new(300);
    place.run(&["register", "--count", "3"]);
    let gate = place.peer.faults().hold_pull_after(50_000);
    let mut child: Child = place
        .command(&["sync"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(gate.wait_reached(PATIENCE));
    // SIGKILL: nothing of the process runs any more.
    child.kill().unwrap();
    child.wait().unwrap();
    gate.release();
    assert_eq!(place.rows("patients"), 3);
    assert_eq!(place.run(&["status"])["cursor"], 0);
    assert_eq!(
        spools(&place.path("vault")),
        0,
        "a spool found at start is deleted unread"
    );
    let report = place.run(&["sync"]);
    assert_eq!(
        (&report["pushed"], place.rows("patients")),
        (&3.into(), 303)
    );
}

fn spools(vault: &Path) -> usize {
    std::fs::read_dir(vault.join("spool")).map_or(0, Iterator::count)
}

#[test]
fn a_vault_that_another_process_has_open_is_busy() {
    let place = Place::new(0);
    let keys = amana_core::host_key_store(&place.path("vault.keys")).unwrap();
    let amana = Amana::open(Config::new(place.path("vault")), keys, System::real()).unwrap();
    let output = place.output(&["status"]);
    assert_eq!(output.status.code(), Some(1));
    let error: Json = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["code"], "busy");
    amana.close().unwrap();
    // A child of another test, forked a moment ago, may hold a copy of the lock until it becomes a
    // program of its own: so the lock may be seen a moment longer, but not for ever.
    let free = (0..200).any(|_| place.output(&["status"]).status.success());
    assert!(free, "a closed vault is nobody's");
}

#[test]
fn every_command_prints_one_json_object() {
    let place = Place::new(2);
    place.run(&["init"]);
    let id = place.run(&["register", "--fields", r#"{"given_name":"Amal"}"#])["id"].clone();
    let id = id.as_str().unwrap();
    place.run(&["edit", "--id", id, "--fields", r#"{"phone":"1"}"#]);
    assert_eq!(place.run(&["get", "--id", id])["record"]["phone"], "1");
    place.run(&["insert", "--table", "patients", "--fields", "{}"]);
    place.run(&["sync", "--progress"]);
    place.run(&["sync", "--full"]);
    assert_eq!(
        place.run(&["conflicts"])["conflicts"],
        serde_json::json!([])
    );
    assert_eq!(
        place.run(&["query", "--query", r#"{"limit":1}"#])["rows"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        place.run(&["dump"])["tables"]["patients"]["rows"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    place.run(&["delete", "--id", id]);
    assert_eq!(place.run(&["status"])["pending"], 1);
    place.run(&["kv", "set", "theme", "dark"]);
    assert_eq!(place.run(&["kv", "get", "theme"])["text"], "dark");
    assert_eq!(place.run(&["kv", "keys"])["keys"][0], "theme");
    assert_eq!(place.run(&["kv", "remove", "theme"])["removed"], true);
    assert_eq!(place.run(&["kv", "clear"])["removed"], 0);
    place.run(&["sign-out"]);
    let output = place.output(&["sync"]);
    let error: Json = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(error["error"]["code"], "not_signed_in");
}
