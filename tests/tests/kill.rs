//! Kill −9 in a loop, some dozens of times. Thousands: `amana-kill --kills 10000`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

use serde_json::Value as Json;

#[test]
fn nothing_that_was_done_is_lost_by_a_kill() {
    let run = Command::new(env!("CARGO_BIN_EXE_amana-kill"))
        .args(["--kills", "60"])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&run.stderr);
    let figures: Json = serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{log}"));
    assert!(run.status.success(), "{figures:#}\n{log}");
    assert_eq!(figures["kills"], 60);
    assert_eq!(figures["committed_values_lost"], 0);
    assert_eq!(figures["opened_with_nothing_in_it"], 0);
    // It did something, and was killed in the middle of it.
    assert!(figures["done"]["set"].as_u64().unwrap() > 10, "{figures:#}");
}
