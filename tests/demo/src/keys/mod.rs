//! The second scene: every row of the open-time table, played on a simulated phone through the front
//! door, with the outcome that was seen beside the one that was wanted.

mod cases;
mod damage;
mod ends;
mod stage;
mod table;

use crate::error::Result;
use crate::time::Stopwatch;

use table::{Line, Table};

/// One case of a row: what is observed, what the table wants, and how it is played. The play says
/// what was seen, in the words of what is wanted.
pub struct Case {
    row: u8,
    observed: &'static str,
    wanted: &'static str,
    play: fn() -> Result<String>,
}

/// Plays every case. Says whether each outcome was the one wanted.
pub fn run(json: bool) -> bool {
    let watch = Stopwatch::start();
    let lines = cases::all().map(|case| play(&case)).collect();
    let table = Table {
        lines,
        total_ms: watch.ms(),
    };
    table.print(json);
    table.holds()
}

fn play(case: &Case) -> Line {
    // What could not be played was not seen.
    let seen = (case.play)().unwrap_or_else(|error| format!("not played: {error}"));
    Line {
        row: case.row,
        observed: case.observed,
        wanted: case.wanted,
        seen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_has_a_case() {
        let mut rows: Vec<u8> = cases::all().map(|case| case.row).collect();
        rows.dedup();
        assert!(rows.into_iter().eq(1..=16));
    }

    #[test]
    fn another_outcome_than_the_one_wanted_is_found_out() {
        let other = Case {
            row: 4,
            observed: "nothing",
            wanted: "key_lost",
            play: || Ok("opens".to_owned()),
        };
        let unplayed = Case {
            play: || Err(crate::error::Error::new("no stage")),
            ..other
        };
        for case in [other, unplayed] {
            let table = Table {
                lines: vec![play(&case)],
                total_ms: 0,
            };
            assert!(!table.holds());
            assert_eq!(table.to_json()["failed"], serde_json::json!([4]));
        }
    }
}
