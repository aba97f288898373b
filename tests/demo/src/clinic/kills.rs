//! SIGKILL for every tablet in every phase of a sync. What must be there afterwards is known beforehand:
//! what it held, or what a copy of it holds that has pulled the same and pushed nothing.

use serde_json::{Value as Json, json};

use crate::digest::{self, Digests};
use crate::error::{Doing as _, Error, Result};
use crate::files;
use crate::tablet::{End, Progress, Then};

use super::records::{Who, update};
use super::roster::{COLLEAGUES, NURSE};
use super::{Clinic, Place};

const PHASES: [&str; 3] = ["pulling", "applying", "pushing"];
/// What a tablet writes before its kills, and what its colleague has news in.
const WRITTEN: &str = "camp";
const NEWS: &str = "hometown";
/// A phase may be over before the signal arrives.
const TRIES: u32 = 4;

impl Clinic<'_> {
    pub(super) fn saturday(&mut self, day: u32) -> Result<()> {
        let today = self.registered(day)?;
        self.treated(day, &today)?;
        let (mut kills, mut wrong) = (Vec::new(), Vec::new());
        for colleague in &COLLEAGUES {
            let number = colleague.number;
            let with = if number <= NURSE {
                Place::Hub
            } else {
                Place::Cloud
            };
            for phase in PHASES {
                let kill = self.kill(number, with, phase)?;
                wrong.extend(not_as_before(&kill));
                kills.push(kill);
            }
        }
        // What two of them brought to the cloud, the others get from the hub.
        self.met()?;
        self.all_sync(Place::Hub, "after the kills", &["--full"])?;
        self.evening(day)?;
        for colleague in &COLLEAGUES {
            let number = colleague.number;
            // The last kill of each tablet, whose text is the one that stays.
            for kill in kills.iter().skip(PHASES.len() - 1).step_by(PHASES.len()) {
                let patient = kill["patient"].as_str().unwrap_or_default();
                let record = self.tablet(number).call(&["get", "--id", patient])?;
                if record["record"][WRITTEN] != kill["wrote"] {
                    wrong.push(format!(
                        "tablet {number} lost what tablet {} wrote before its last kill",
                        kill["tablet"]
                    ));
                }
            }
        }
        self.line(&format!("{} kills", kills.len()));
        self.report.prove(
            "kills_recovered",
            wrong,
            format!(
                "{} kills, four tablets in {}: every vault opened again with just what it held or, from the moment of a push, just what it had pulled; what was written before is on all tablets",
                kills.len(),
                PHASES.join(", ")
            ),
        );
        self.fact("kills", json!(kills));
        self.met()
    }

    fn digest_of(&self, number: usize) -> Result<Digests> {
        Ok(digest::of_tablet(&self.tablet(number).call(&["digest"])?))
    }

    /// Something to push and something to pull, then a sync that ends with SIGKILL in a phase.
    fn kill(&mut self, number: usize, with: Place, phase: &str) -> Result<Json> {
        let patient = patient_of(number);
        for attempt in 0..TRIES {
            let text = format!("tablet {number}, {phase}, {attempt}");
            let fields = json!({WRITTEN: text});
            self.write_down(number, vec![update("patients", &patient, fields)])?;
            self.news_for(number, with, &text)?;
            let pending = self.count(number, "pending")?;
            let before = self.digest_of(number)?;
            let (pulled, waiting) = self.once_pulled(number, with)?;
            if before == pulled {
                return Err(Error::new(format!("tablet {number} had nothing to pull")));
            }
            let mut killed_at: Option<Progress> = None;
            let arguments = ["sync", "--with", with.as_str(), "--progress", "--full"];
            let output = self.output;
            self.faults(with, &slow())?;
            let end = self.tablet(number).attempt(&arguments, &mut |progress| {
                output.progress(number, progress);
                if progress.phase != phase || killed_at.is_some() {
                    return Then::GoOn;
                }
                killed_at = Some(progress.clone());
                Then::Kill
            })?;
            self.faults(with, &json!({"clear": true}))?;
            if let (End::Killed, Some(at)) = (&end, &killed_at) {
                let record = self.tablet(number).call(&["get", "--id", &patient])?;
                let after = self.digest_of(number)?;
                let held = match (after == before, after == pulled) {
                    (true, _) => "as before",
                    (_, true) => "as pulled",
                    _ => "something else",
                };
                return Ok(json!({
                    "read_after": record["record"][WRITTEN],
                    "records": held,
                    "on_server": self.on_server(with, &patient)?,
                    "tablet": number,
                    "with": with.as_str(),
                    "phase": phase,
                    "patient": patient,
                    "wrote": text,
                    "bytes": at.bytes,
                    "pending_before": pending,
                    "pending_once_pulled": waiting,
                    "pending_after": self.count(number, "pending")?,
                }));
            }
            self.tablet(number).answer(&arguments, end)?;
        }
        Err(Error::new(format!(
            "tablet {number} could not be killed while {phase}"
        )))
    }

    fn faults(&self, of: Place, switches: &Json) -> Result<()> {
        match of {
            Place::Hub => self.hub.faults(switches),
            Place::Cloud => self.cloud.faults(switches),
        }
    }

    /// A colleague writes something that the tablet does not have.
    fn news_for(&mut self, number: usize, with: Place, text: &str) -> Result<()> {
        let colleague = if number.is_multiple_of(2) {
            number - 1
        } else {
            number + 1
        };
        let fields = json!({NEWS: format!("news for {text}")});
        let change = update("patients", &patient_of(colleague), fields);
        self.write_down(colleague, vec![change])?;
        self.sync(colleague, with, "news before a kill").map(|_| ())
    }

    /// What the tablet will hold when it has pulled, and how much will wait: the pull shows what arrived
    /// before an earlier kill. A copy of it pulls, and its pushes are refused.
    fn once_pulled(&self, number: usize, with: Place) -> Result<(Digests, u64)> {
        let twin = self.folder.join("twin");
        let (vault, keys) = (twin.join("vault"), twin.join("keys"));
        let tablet = self.tablet(number);
        for (from, to) in [(&tablet.vault, &vault), (&tablet.keys, &keys)] {
            files::copy(from, to)?;
        }
        let copy = tablet.with(&vault, &keys);
        let refusal = json!({"kind": "push", "status": 400, "times": u32::MAX});
        self.faults(with, &json!({"clear": true, "answer": refusal}))?;
        let arguments = ["sync", "--with", with.as_str(), "--full"];
        let end = copy.attempt(&arguments, &mut |_| Then::GoOn);
        self.faults(with, &json!({"clear": true}))?;
        end?;
        let digest = digest::of_tablet(&copy.call(&["digest"])?);
        let pending = copy.call(&["status"])?["pending"].as_u64();
        std::fs::remove_dir_all(&twin).doing(twin.display())?;
        let pending = pending.ok_or_else(|| Error::new("the copy says not how much waits"))?;
        Ok((digest, pending))
    }

    /// What the server has of what a tablet writes before a kill.
    fn on_server(&self, with: Place, patient: &str) -> Result<Json> {
        let rows = match with {
            Place::Hub => self.hub.rows("patients")?,
            Place::Cloud => self.cloud.rows("patients")?,
        };
        let row = rows.iter().find(|row| row["id"] == patient);
        Ok(row.map_or(Json::Null, |row| row[WRITTEN].clone()))
    }
}

/// The patient whom only the tablet of this number edits: servers take whole records, so that a second
/// writer who has not seen the first one's words would make a conflict of them.
fn patient_of(number: usize) -> String {
    Who(number as u32 - 1).patient()
}

/// Replies come slowly enough that a phase can be met.
fn slow() -> Json {
    json!({
        "clear": true,
        "drip": {"bytes": 2_048, "wait_ms": 2},
        "latency": {"kind": "push", "ms": 150},
    })
}

/// What is not as it must be after a kill: what was written stands; a pull is there as a whole or not at
/// all, not before it is applied, and certainly when something is pushed; what waits is the same, with
/// the pull less what that shows, and when something is pushed it is that, or is on the server.
fn not_as_before(kill: &Json) -> Vec<String> {
    let phase = kill["phase"].as_str().unwrap_or_default();
    let (before, after) = (&kill["pending_before"], &kill["pending_after"]);
    let allowed: &[&str] = match phase {
        "pulling" => &["as before"],
        "applying" => &["as before", "as pulled"],
        _ => &["as pulled"],
    };
    let held = kill["records"].as_str().unwrap_or_default();
    let expected = if held == "as before" {
        before
    } else {
        &kill["pending_once_pulled"]
    };
    let found = [
        (
            kill["read_after"] != kill["wrote"],
            "what was written is gone",
        ),
        (
            !allowed.contains(&held),
            "its records are neither what it had nor what it pulled, or the wrong one of the two",
        ),
        (after.as_u64() > before.as_u64(), "more waits than before"),
        // What waits goes with a push alone.
        (
            phase != "pushing" && after != expected,
            "what waits is not what waited",
        ),
        (
            after != expected && kill["on_server"] != kill["wrote"],
            "what waits no more is not on the server",
        ),
    ];
    let found = found.iter().filter(|(wrong, _)| *wrong);
    found
        .map(|(_, what)| format!("tablet {}, {phase}: {what}", kill["tablet"]))
        .collect()
}
