//! A week at a clinic: four tablets, a hub in the next room, a cloud far away, and what goes wrong
//! in such a week.

mod friday;
mod kills;
mod outage;
mod page;
mod proofs;
mod records;
mod roster;
mod servers;
mod start;
mod week;

use std::path::PathBuf;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::arguments::Arguments;
use crate::error::{Doing as _, Error, Result};
use crate::output::Output;
use crate::processes::Processes;
use crate::report::{self, Chapter, Report, Sync};
use crate::signals;
use crate::tablet::{End, Tablet, Then};
use crate::time::Stopwatch;

pub use page::write as page;
use records::{Book, Who};
use roster::COLLEAGUES;
use servers::{Cloud, Hub};

/// All that the days share.
struct Clinic<'a> {
    output: &'a Output,
    report: &'a mut Report,
    cloud: Cloud,
    hub: Hub,
    tablets: [Tablet; 4],
    folder: PathBuf,
    book: Book,
    /// Patients registered each day.
    per_day: u32,
    /// The number of the next patient.
    next: u32,
    /// Patients that were registered and deleted again.
    deleted: u32,
    /// Who was here while the cloud was down.
    outage_patients: Vec<Who>,
    /// Whether the hub meets the cloud all day.
    hub_is_relaying: bool,
    /// Evenings on which the tablets did not hold the same.
    uneven: Vec<String>,
    /// Evenings that were looked at.
    evenings: u32,
}

/// With whom a tablet syncs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Hub,
    Cloud,
}

impl Place {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Cloud => "cloud",
        }
    }
}

/// Tells the week in a temporary folder.
pub fn run(arguments: &Arguments, output: &Output, report: &mut Report) -> Result<()> {
    if arguments.cloud.is_some() {
        return Err(Error::new(
            "the clinic needs servers of its own, which may die: leave --cloud out",
        ));
    }
    let processes = Processes::new();
    signals::listen(&processes)?;
    let mut folder = tempfile::Builder::new()
        .prefix("amana-clinic-")
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

type Day<'a> = fn(&mut Clinic<'a>, u32) -> Result<()>;

fn tell<'a>(
    arguments: &Arguments,
    output: &'a Output,
    report: &'a mut Report,
    folder: &TempDir,
    processes: &Processes,
) -> Result<()> {
    let chapter = Chapter::begin("start");
    output.chapter("A cloud, a hub, four tablets");
    let mut clinic = Clinic::start(arguments, output, report, folder.path(), processes)?;
    chapter.end(clinic.report);
    let week: [(&'static str, &str, Day<'a>); 7] = [
        ("monday", "Monday: an ordinary day", Clinic::monday),
        (
            "tuesday",
            "Tuesday: one patient, edited on three tablets; one registered twice",
            Clinic::tuesday,
        ),
        (
            "wednesday",
            "Wednesday: the hub dies and comes back",
            Clinic::wednesday,
        ),
        ("thursday", "Thursday: the cloud is down", Clinic::thursday),
        (
            "friday",
            "Friday: the cloud is back; a row that it will not take",
            Clinic::friday,
        ),
        (
            "saturday",
            "Saturday: every tablet is killed in every phase",
            Clinic::saturday,
        ),
        (
            "sunday",
            "Sunday: everybody meets everybody",
            Clinic::sunday,
        ),
    ];
    for (number, (name, title, day)) in (0..).zip(week) {
        let chapter = Chapter::begin(name);
        clinic.output.chapter(title);
        day(&mut clinic, number)?;
        chapter.end(clinic.report);
    }
    let chapter = Chapter::begin("proofs");
    clinic.output.chapter("Proofs");
    clinic.prove()?;
    chapter.end(clinic.report);
    Ok(())
}

impl Clinic<'_> {
    fn tablet(&self, number: usize) -> &Tablet {
        &self.tablets[number - 1]
    }

    /// A sync that must succeed; its report.
    fn sync(&mut self, number: usize, with: Place, what: &'static str) -> Result<Json> {
        self.sync_with(number, with, what, &[])
    }

    fn sync_with(
        &mut self,
        number: usize,
        with: Place,
        what: &'static str,
        flags: &[&str],
    ) -> Result<Json> {
        let watch = Stopwatch::start();
        let end = self.try_sync(number, with, flags)?;
        let report = self.tablet(number).answer(&["sync"], end)?;
        self.report.syncs.push(Sync {
            tablet: number,
            what,
            ms: watch.ms(),
            report: report.clone(),
        });
        Ok(report)
    }

    /// A sync, however it ends.
    fn try_sync(&self, number: usize, with: Place, flags: &[&str]) -> Result<End> {
        let mut arguments = vec!["sync", "--with", with.as_str(), "--progress"];
        arguments.extend(flags);
        let output = self.output;
        self.tablet(number).attempt(&arguments, &mut |progress| {
            output.progress(number, progress);
            Then::GoOn
        })
    }

    /// A sync that must be refused; the code of the error.
    fn refused(&self, number: usize, with: Place) -> Result<String> {
        match self.try_sync(number, with, &[])? {
            End::Refused(error) => Ok(error["code"].as_str().unwrap_or("?").to_owned()),
            End::Answer(_) | End::Killed => Err(Error::new(format!(
                "tablet {number} synced with a {} that is not there",
                with.as_str()
            ))),
        }
    }

    /// Everybody syncs in turn.
    fn all_sync(&mut self, with: Place, what: &'static str, flags: &[&str]) -> Result<()> {
        for colleague in &COLLEAGUES {
            self.sync_with(colleague.number, with, what, flags)?;
        }
        Ok(())
    }

    /// One transaction of a tablet. The records go through a file of the driver's: the command
    /// line of a process is for everyone to read.
    fn write_down(&self, number: usize, operations: Vec<Json>) -> Result<()> {
        let file = self.folder.join("operations.json");
        std::fs::write(&file, Json::from(operations).to_string()).doing(file.display())?;
        let path = file.display().to_string();
        self.tablet(number)
            .call(&["batch", "--operations", &path])?;
        std::fs::remove_file(&file).doing(file.display())
    }

    /// Counts of a tablet's status.
    fn count(&self, number: usize, what: &str) -> Result<u64> {
        let status = self.tablet(number).call(&["status"])?;
        status[what]
            .as_u64()
            .ok_or_else(|| Error::new(format!("a status without {what}")))
    }

    fn fact(&mut self, name: &str, value: Json) {
        self.report.facts.insert(name.to_owned(), value);
    }

    fn line(&self, text: &str) {
        self.output.line(text);
    }

    /// The hub meets its cloud; whether all went well, and the hub's own account.
    fn meeting(&self) -> Result<(bool, Json)> {
        let meeting = self.hub.meet_cloud()?;
        self.line(&format!(
            "the hub meets the cloud: {} rows down, {} up{}",
            meeting["merged"],
            meeting["sent"],
            if meeting["done"] == true {
                ""
            } else {
                ", and fails"
            }
        ));
        Ok((meeting["done"] == json!(true), meeting))
    }
}
