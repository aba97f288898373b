//! The whole story with few patients, as a process, on the programs that cargo built.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

const DEMO: &str = env!("CARGO_BIN_EXE_amana-demo");

#[test]
fn the_story_holds() {
    let folder = Path::new(DEMO).parent().unwrap();
    for program in ["amana-tablet", "amana-peer"] {
        assert!(
            folder.join(program).is_file(),
            "{program} is not in {}: build the programs first (cargo build --workspace --bins)",
            folder.display()
        );
    }
    let run = Command::new(DEMO)
        .args(["--patients", "40", "--json"])
        .output()
        .unwrap();
    let (out, log) = (
        String::from_utf8(run.stdout).unwrap(),
        String::from_utf8_lossy(&run.stderr),
    );
    let report: Json = serde_json::from_str(out.trim_end()).unwrap_or_else(|error| {
        panic!("standard output is not one JSON object ({error}):\n{out}\n{log}")
    });
    assert!(run.status.success(), "{log}\n{report:#}");

    assert_eq!(report["ok"], true, "{report:#}");
    assert_eq!(report["failed"], Json::Array(Vec::new()));
    let proofs: Vec<&str> = report["proofs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        proofs,
        [
            "conflict_resolved",
            "kill_recovered",
            "same_rows",
            "nothing_lost",
            "no_plain_text",
            "wrong_key_refused"
        ]
    );
    let facts = &report["facts"];
    assert_eq!(facts["registered_offline"]["requests_meanwhile"], 0);
    assert_eq!(facts["server"]["tables"]["patients"], 40);
    let (at, full) = (
        &facts["kill"]["killed_at_bytes"],
        &facts["kill"]["full_bytes"],
    );
    assert!(
        at.as_u64().unwrap() > 0 && at.as_u64() < full.as_u64(),
        "{at} of {full}"
    );
    assert_eq!(
        facts["kill"]["pending_before"],
        facts["kill"]["pending_after"]
    );
    assert!(facts["kill"]["pending_before"].as_u64().unwrap() > 0);
    assert_eq!(
        facts["foreign_keys"]["codes"],
        serde_json::json!(["key_lost", "key_mismatch"])
    );
    assert_eq!(facts["conflict"]["ledger"].as_array().unwrap().len(), 1);
}

#[test]
fn a_wrong_call_says_what_is_possible() {
    let unknown = Command::new(DEMO).arg("opera").output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        String::from_utf8_lossy(&unknown.stderr).contains("possible values: story, keys, clinic")
    );

    let nowhere = Command::new(DEMO)
        .args(["--json", "--programs", "/nowhere"])
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(1));
    let report: Json = serde_json::from_slice(&nowhere.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert!(
        report["error"]
            .as_str()
            .unwrap()
            .contains("cargo build -p amana-peer")
    );
}

/// A proof that cannot fail proves nothing: this tablet keeps a diary of its calls.
#[test]
fn a_leaking_tablet_is_found_out() {
    let folder = Path::new(DEMO).parent().unwrap();
    let programs = tempfile::tempdir().unwrap();
    let tablet = programs.path().join("amana-tablet");
    let real = folder.join("amana-tablet");
    let diary = format!(
        "#!/bin/sh\necho \"$@\" >>\"$TMPDIR/diary\"\nexec '{}' \"$@\"\n",
        real.display()
    );
    std::fs::write(&tablet, diary).unwrap();
    std::fs::set_permissions(&tablet, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(
        folder.join("amana-peer"),
        programs.path().join("amana-peer"),
    )
    .unwrap();

    let mut run = Command::new(DEMO);
    run.args(["--patients", "10", "--json", "--programs"]);
    let run = run.arg(programs.path()).output().unwrap();
    assert_eq!(run.status.code(), Some(1));
    let report: Json = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["error"], Json::Null, "{report:#}");
    let failed = serde_json::json!(["kill_recovered", "no_plain_text"]);
    assert_eq!(report["failed"], failed, "{report:#}");
}
