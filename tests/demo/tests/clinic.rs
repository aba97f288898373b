//! The week at a clinic with few patients, as a process, on the programs that cargo built.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

const DEMO: &str = env!("CARGO_BIN_EXE_amana-demo");

#[test]
fn the_week_holds() {
    let folder = Path::new(DEMO).parent().unwrap();
    for program in ["amana-tablet", "amana-peer"] {
        assert!(
            folder.join(program).is_file(),
            "{program} is not in {}: build the programs first (cargo build --workspace --bins)",
            folder.display()
        );
    }
    let run = Command::new(DEMO)
        .args(["clinic", "--patients", "14", "--json"])
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
    let proofs: Vec<&str> = report["proofs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|proof| proof["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        proofs,
        [
            "conflict_kept",
            "hub_returned",
            "outage_is_no_loss",
            "stuck_hub_freed",
            "poison_alone",
            "kills_recovered",
            "same_every_evening",
            "same_rows",
            "nothing_lost",
            "ledgers_are_true",
            "sealed_only",
            "no_plain_text",
        ]
    );
    let facts = &report["facts"];
    let digests: Vec<&Json> = facts["digests"].as_array().unwrap().iter().collect();
    let who: Vec<&str> = digests.iter().map(|d| d["who"].as_str().unwrap()).collect();
    assert_eq!(
        who,
        [
            "tablet 1", "tablet 2", "tablet 3", "tablet 4", "hub", "cloud"
        ]
    );
    assert!(digests.iter().all(|d| d["digest"] == digests[0]["digest"]));
    assert_eq!(facts["kills"].as_array().unwrap().len(), 12);
    assert!(facts["poison"]["quarantined"].as_u64().unwrap() > 0);
    assert_eq!(facts["poison"]["quarantined_after_correction"], 0);
}
