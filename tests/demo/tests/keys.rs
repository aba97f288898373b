//! The scene of the open-time table, as a process.

use std::process::Command;

use serde_json::Value as Json;

#[test]
fn every_row_comes_out_as_wanted() {
    let run = Command::new(env!("CARGO_BIN_EXE_amana-demo"))
        .args(["keys", "--json"])
        .output()
        .unwrap();
    let page = String::from_utf8_lossy(&run.stderr);
    let table: Json = serde_json::from_slice(&run.stdout).unwrap();
    assert!(run.status.success(), "{page}");
    assert_eq!(table["ok"], true);
    assert_eq!(table["failed"], Json::Array(Vec::new()));
    let rows = table["rows"].as_array().unwrap();
    assert!(rows.len() >= 16);
    for row in rows {
        assert_eq!(row["wanted"], row["seen"]);
    }
    assert!(page.contains("Every outcome is the one wanted"));
}
