//! Replays written-down exchanges against the peer: requests, expected replies, expected
//! stored rows. Each fixture is one fresh server with a clock that the fixture moves.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

#[path = "../common/mod.rs"]
mod common;
mod matching;
mod steps;
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
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/replay/fixtures");
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
    appointments,
    attributes,
    authentication,
    change_lists,
    dates,
    database_down,
    deletions,
    dispensing,
    events,
    failing_row,
    history_limit,
    hub_leak,
    patients,
    prescription_items,
    prescriptions,
    problems,
    push_shapes,
    rate_limits,
    rpc,
    sign_in,
    stale_guard,
    time_zone_east,
    time_zone_west,
    vitals,
);
