//! Replays written-down exchanges against the hub, and tries its switches and its meetings with
//! a cloud.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "only the hub's part is needed")]
mod common;
#[path = "../common/hub.rs"]
mod device;
mod faults;
#[path = "../replay/matching.rs"]
mod matching;
mod meeting;
mod steps;
#[path = "../replay/words.rs"]
mod words;

/// The records that fixtures begin from.
const TEMPLATES: &str = include_str!("fixtures/_templates.json");

macro_rules! fixtures {
    ($($name:ident),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                steps::replay(include_str!(concat!("fixtures/", stringify!($name), ".json")));
            }
        )*

        #[test]
        fn every_fixture_is_replayed() {
            let listed = [$(concat!(stringify!($name), ".json")),*];
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hub/fixtures");
            for entry in std::fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(
                    name.starts_with('_') || listed.contains(&name.as_str()),
                    "{name} is in the folder but not in the list"
                );
            }
        }
    };
}

fixtures!(
    deletions,
    envelope,
    failing_row,
    handshake,
    last_writer,
    plain_routes,
    pull_lists,
    push_shapes,
    required_columns,
    tokens,
);
