//! What was wanted and what was seen, for people and as JSON.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program's interface"
)]

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

/// A case that was played.
pub struct Line {
    pub row: u8,
    pub observed: &'static str,
    pub wanted: &'static str,
    pub seen: String,
}

impl Line {
    fn holds(&self) -> bool {
        self.wanted == self.seen
    }
}

/// All of them.
pub struct Table {
    pub lines: Vec<Line>,
    pub total_ms: u64,
}

impl Table {
    /// Whether each outcome was the one wanted.
    pub fn holds(&self) -> bool {
        !self.lines.is_empty() && self.lines.iter().all(Line::holds)
    }

    fn failed(&self) -> Vec<u8> {
        let failed = self.lines.iter().filter(|line| !line.holds());
        failed.map(|line| line.row).collect()
    }

    /// The whole as one object.
    pub fn to_json(&self) -> Json {
        let rows: Vec<Json> = self
            .lines
            .iter()
            .map(|line| {
                json!({
                    "row": line.row,
                    "observed": line.observed,
                    "wanted": line.wanted,
                    "seen": line.seen,
                    "holds": line.holds(),
                })
            })
            .collect();
        json!({
            "ok": self.holds(),
            "scene": "keys",
            "rows": rows,
            "failed": self.failed(),
            "total_ms": self.total_ms,
        })
    }

    /// The page goes to standard output; with JSON, that is alone there.
    pub fn print(&self, json: bool) {
        if json {
            eprint!("{}", self.page());
            println!("{}", self.to_json());
        } else {
            print!("{}", self.page());
        }
    }

    fn page(&self) -> String {
        let mut page = String::from("Opening a vault: every row of the table\n\n");
        for line in &self.lines {
            let verdict = if line.holds() { "holds " } else { "FAILED" };
            // Writing to a text cannot fail.
            let _ = writeln!(page, "{:>3}  {verdict}  {}", line.row, line.observed);
            let _ = writeln!(page, "       wanted  {}", line.wanted);
            let _ = writeln!(page, "       seen    {}", line.seen);
        }
        let seconds = self.total_ms as f64 / 1000.0;
        let _ = match self.failed().as_slice() {
            [] => writeln!(
                page,
                "\nEvery outcome is the one wanted: {} cases of 16 rows in {seconds:.1} s.",
                self.lines.len()
            ),
            failed => writeln!(page, "\nFAILED: rows {failed:?}"),
        };
        page
    }
}
