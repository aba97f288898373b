//! The story, chapter by chapter.

mod conflict;
mod day;
mod keys;
mod kill;
mod proofs;

use std::path::PathBuf;

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::error::{Doing as _, Result};
use crate::output::Output;
use crate::processes::Processes;
use crate::programs::Programs;
use crate::report::{self, Chapter, Report, Sync};
use crate::server::Server;
use crate::signals;
use crate::tablet::{Tablet, Then};
use crate::time::{Stopwatch, rare_word};

/// All that the chapters share.
pub struct Stage<'a> {
    output: &'a Output,
    report: &'a mut Report,
    server: &'a Server,
    tablets: [Tablet; 2],
    folder: PathBuf,
    /// Part of every invented patient's surname, and nowhere else.
    family: String,
    /// The signed-in users' ids.
    users: [String; 2],
    clinic: String,
    patients: Shares,
}

/// Who registers how many.
#[derive(Clone, Copy)]
struct Shares {
    first: u32,
    second: u32,
    /// By tablet 2, just before it is killed.
    late: u32,
}

impl Shares {
    fn of(all: u32) -> Self {
        let late = (all / 20).clamp(1, 10);
        let first = all / 2;
        Self {
            first,
            second: all - first - late,
            late,
        }
    }
}

/// Tells the story in a temporary folder.
pub fn run(arguments: &Arguments, output: &Output, report: &mut Report) -> Result<()> {
    let processes = Processes::new();
    signals::listen(&processes)?;
    let mut folder = tempfile::Builder::new()
        .prefix("amana-demo-")
        .tempdir()
        .doing("a temporary folder")?;
    if arguments.keep {
        folder.disable_cleanup(true);
        report.kept = Some(folder.path().display().to_string());
    }
    let result = tell(arguments, output, report, &folder, &processes);
    report::note_interruption(&processes, report);
    result
}

fn tell(
    arguments: &Arguments,
    output: &Output,
    report: &mut Report,
    folder: &TempDir,
    processes: &Processes,
) -> Result<()> {
    let programs = Programs::find(arguments.programs.as_deref())?;
    let chapter = Chapter::begin("start");
    output.chapter("1/6 A server and two tablets");
    let server = Server::start(
        arguments,
        &folder.path().join("server"),
        &programs,
        processes,
    )?;
    output.line(&format!("server: {}", server.url));
    let tablet = |number| Tablet::new(number, folder.path(), programs.tablet()?, processes);
    let mut stage = Stage {
        output,
        report,
        tablets: [tablet(1)?, tablet(2)?],
        folder: folder.path().to_owned(),
        family: format!("Qamar{}", rare_word(10)),
        users: Default::default(),
        clinic: String::new(),
        patients: Shares::of(arguments.patients()),
        server: &server,
    };
    stage.sign_in()?;
    chapter.end(stage.report);

    let chapter = Chapter::begin("register_offline");
    output.chapter("2/6 Patients, registered offline");
    stage.register()?;
    chapter.end(stage.report);

    let chapter = Chapter::begin("first_syncs");
    output.chapter("3/6 The tablets meet at the server");
    stage.sync(1, "first, its own up", &[])?;
    stage.sync(2, "first, both ways", &[])?;
    stage.sync(1, "the other's patients", &[])?;
    chapter.end(stage.report);

    let chapter = Chapter::begin("conflict");
    output.chapter("4/6 One patient, edited on both");
    stage.conflict()?;
    chapter.end(stage.report);

    let chapter = Chapter::begin("kill");
    output.chapter("5/6 A tablet is killed in the middle of a pull");
    stage.kill()?;
    chapter.end(stage.report);

    let chapter = Chapter::begin("proofs");
    output.chapter("6/6 Proofs");
    stage.prove()?;
    chapter.end(stage.report);
    Ok(())
}

impl Stage<'_> {
    fn tablet(&self, number: usize) -> &Tablet {
        &self.tablets[number - 1]
    }

    /// A sync that must succeed.
    fn sync(&mut self, number: usize, what: &'static str, flags: &[&str]) -> Result<()> {
        let mut arguments = vec!["sync", "--progress"];
        arguments.extend(flags);
        let watch = Stopwatch::start();
        let (tablet, output) = (self.tablet(number), self.output);
        let end = tablet.attempt(&arguments, &mut |progress| {
            output.progress(number, progress);
            Then::GoOn
        })?;
        let report = tablet.answer(&arguments, end)?;
        self.note_sync(number, what, watch.ms(), report);
        Ok(())
    }

    fn note_sync(&mut self, tablet: usize, what: &'static str, ms: u64, report: Json) {
        let count = |name: &str| report[name].as_u64().unwrap_or_default();
        self.output.line(&format!(
            "tablet {tablet}: {what}: {} rows pulled, {} pushed, {:.1} s",
            count("pulled"),
            count("pushed"),
            ms as f64 / 1000.0
        ));
        self.report.syncs.push(Sync {
            tablet,
            what,
            ms,
            report,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for all in [10, 11, 40, 2_000, 20_001] {
            let shares = Shares::of(all);
            assert_eq!(shares.first + shares.second + shares.late, all);
            assert!(shares.late > 0 && shares.second > 0);
        }
    }
}
