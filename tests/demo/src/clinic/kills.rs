//! SIGKILL for every tablet in every phase of a sync.

use serde_json::{Value as Json, json};

use crate::digest::{self, Digests};
use crate::error::{Error, Result};
use crate::tablet::{End, Progress, Then};

use super::records::{Who, update};
use super::roster::{COLLEAGUES, NURSE};
use super::{Clinic, Place};

const PHASES: [&str; 3] = ["pulling", "applying", "pushing"];
/// A phase may be over before the signal arrives.
const TRIES: u32 = 4;

impl Clinic<'_> {
    pub(super) fn saturday(&mut self, day: u32) -> Result<()> {
        let today = self.registered(day)?;
        self.treated(day, &today)?;
        // Replies come slowly enough that a phase can be met.
        let slow = json!({
            "clear": true,
            "drip": {"bytes": 2_048, "wait_ms": 2},
            "latency": {"kind": "push", "ms": 150},
        });
        self.hub.faults(&slow)?;
        self.cloud.faults(&slow)?;
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
        let right = json!({"clear": true});
        self.hub.faults(&right)?;
        self.cloud.faults(&right)?;
        self.all_sync(Place::Hub, "after the kills", &["--full"])?;
        self.evening(day)?;
        for colleague in &COLLEAGUES {
            let number = colleague.number;
            let record = self
                .tablet(number)
                .call(&["get", "--id", &Who(0).patient()])?;
            // The last kill of each tablet, whose text is the one that stays.
            for kill in kills.iter().skip(PHASES.len() - 1).step_by(PHASES.len()) {
                let column = kill["column"].as_str().unwrap_or_default();
                if record["record"][column] != kill["wrote"] {
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
                "{} kills, four tablets in {}: every vault opened again with what it held, and what was written just before is on all tablets",
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

    /// Something to push, then a sync that ends with SIGKILL in a phase.
    fn kill(&mut self, number: usize, with: Place, phase: &str) -> Result<Json> {
        // A column that this tablet alone writes.
        let column = ["camp", "hometown", "citizenship", "government_id"][number - 1];
        for attempt in 0..TRIES {
            let text = format!("tablet {number}, {phase}, {attempt}");
            let fields = json!({column: text});
            self.write_down(number, vec![update("patients", &Who(0).patient(), fields)])?;
            let before = self.count(number, "pending")?;
            let records = self.digest_of(number)?;
            let mut killed_at: Option<Progress> = None;
            let arguments = ["sync", "--with", with.as_str(), "--progress", "--full"];
            let output = self.output;
            let end = self.tablet(number).attempt(&arguments, &mut |progress| {
                output.progress(number, progress);
                if progress.phase != phase || killed_at.is_some() {
                    return Then::GoOn;
                }
                killed_at = Some(progress.clone());
                Then::Kill
            })?;
            if let (End::Killed, Some(at)) = (&end, &killed_at) {
                let after = self.count(number, "pending")?;
                let record = self
                    .tablet(number)
                    .call(&["get", "--id", &Who(0).patient()])?;
                return Ok(json!({
                    "read_after": record["record"][column],
                    "same_records": self.digest_of(number)? == records,
                    "tablet": number,
                    "with": with.as_str(),
                    "phase": phase,
                    "column": column,
                    "wrote": text,
                    "bytes": at.bytes,
                    "pending_before": before,
                    "pending_after": after,
                }));
            }
            self.tablet(number).answer(&arguments, end)?;
        }
        Err(Error::new(format!(
            "tablet {number} could not be killed while {phase}"
        )))
    }
}

/// What a kill took of what was there before it: what was written stands, and nothing of a pull that
/// had not come to its end does.
fn not_as_before(kill: &Json) -> Vec<String> {
    let phase = kill["phase"].as_str().unwrap_or_default();
    let (before, after) = (&kill["pending_before"], &kill["pending_after"]);
    let found = [
        (
            kill["read_after"] != kill["wrote"],
            "what was written is gone",
        ),
        (after.as_u64() > before.as_u64(), "more waits than before"),
        // What waits goes with a push alone.
        (
            phase == "pulling" && after != before,
            "less waits than before",
        ),
        (
            phase == "pulling" && kill["same_records"] != true,
            "something of the pull is there",
        ),
    ];
    let found = found.iter().filter(|(wrong, _)| *wrong);
    found
        .map(|(_, what)| format!("tablet {}, {phase}: {what}", kill["tablet"]))
        .collect()
}
