//! All that is printed. Chapters and bars go to standard error, the summary to standard output;
//! with `--json` the object is alone there, and the summary goes to standard error as well.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program's interface"
)]

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};

use crate::report::Report;
use crate::summary;
use crate::tablet::Progress;

const BAR: usize = 30;

/// Where the driver speaks.
pub struct Output {
    json: bool,
    bars: bool,
    drawn: Cell<usize>,
}

impl Output {
    /// Bars only for a person at a terminal.
    pub fn new(json: bool) -> Self {
        Self {
            json,
            bars: std::io::stderr().is_terminal(),
            drawn: Cell::new(0),
        }
    }

    /// A chapter begins.
    pub fn chapter(&self, title: &str) {
        self.wipe();
        eprintln!("{title}");
    }

    /// Something happened.
    pub fn line(&self, text: &str) {
        self.wipe();
        eprintln!("  {text}");
    }

    /// How far a sync is.
    pub fn progress(&self, tablet: usize, progress: &Progress) {
        if !self.bars {
            return;
        }
        let Progress {
            phase,
            bytes,
            rows,
            total,
        } = progress;
        let filled = match total {
            Some(total) if *total > 0 => {
                let share = (*rows as f64 / *total as f64).clamp(0.0, 1.0);
                (share * BAR as f64) as usize
            }
            _ => 0,
        };
        let of = total.map_or(String::new(), |total| format!(" of {total}"));
        let text = format!(
            "  tablet {tablet} {phase:<9} [{}{}] {rows}{of} rows {}",
            "=".repeat(filled),
            " ".repeat(BAR - filled),
            if *bytes > 0 {
                summary::mb(*bytes)
            } else {
                String::new()
            },
        );
        let width = text.chars().count();
        eprint!(
            "\r{text}{}",
            " ".repeat(self.drawn.get().saturating_sub(width))
        );
        let _ = std::io::stderr().flush();
        self.drawn.set(width);
    }

    fn wipe(&self) {
        let drawn = self.drawn.replace(0);
        if drawn > 0 {
            eprint!("\r{}\r", " ".repeat(drawn));
        }
    }

    /// The end.
    pub fn finish(&self, report: &Report) {
        self.wipe();
        let page = summary::page(report);
        if self.json {
            eprint!("{page}");
            println!("{}", report.to_json());
        } else {
            print!("{page}");
        }
        let _ = std::io::stdout().flush();
    }
}
