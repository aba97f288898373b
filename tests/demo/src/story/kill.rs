//! SIGKILL in the middle of a pull, and what is there afterwards.

use serde_json::json;

use super::Stage;
use crate::digest::{self, Digests};
use crate::error::{Error, Result};
use crate::files::{self, Fingerprint};
use crate::tablet::{End, Progress, Then};
use crate::time::{Stopwatch, rare_word};

/// A pull of a fast server may be over before any progress is told, which happens ten times a
/// second. Then the kill comes as the pull begins.
const MOMENTS: [Moment; 3] = [Moment::UnderWay, Moment::UnderWay, Moment::Beginning];

/// When to kill.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Enough bytes have come.
    UnderWay,
    /// What is new was applied, and everything has just been asked for.
    Beginning,
}

impl Stage<'_> {
    /// Tablet 2 has patients that nobody else has, pulls everything, and is killed.
    pub(super) fn kill(&mut self) -> Result<()> {
        self.sync(2, "before the kill", &[])?;
        self.register_on(2, self.patients.late)?;
        let full_bytes = self.report.most("bytes").unwrap_or_default();
        let (before, killed_at) = self.kill_in_a_pull(full_bytes)?;

        // The remains are searched before any process has had the chance to tidy up.
        let remains = self.new_files(&before)?;
        let search = self.canary().search(&self.tablet(2).folders())?;
        let after = self.condition()?;
        let left = self.new_files(&before)?;
        self.output.line(&format!(
            "killed after {}; left behind: {}",
            crate::summary::mb(killed_at.bytes),
            if remains.is_empty() {
                "nothing".to_owned()
            } else {
                remains.join(", ")
            },
        ));
        self.sync(2, "goes on after the kill", &["--full"])?;

        let mut wrong = digest::differences(&before.digest, &after.digest);
        if before.pending != after.pending {
            wrong.push(format!(
                "{} records waited to be pushed before, {} after",
                before.pending, after.pending
            ));
        }
        if !left.is_empty() {
            wrong.push(format!(
                "still there after the next start: {}",
                left.join(", ")
            ));
        }
        if !search.found.is_empty() {
            wrong.push("the remains hold plain text".to_owned());
        }
        let pending_now = self.pending(2)?;
        if pending_now != 0 {
            wrong.push(format!(
                "{pending_now} records still wait after the next sync"
            ));
        }
        self.report.prove(
            "kill_recovered",
            wrong,
            format!(
                "the same records and the same {} waiting to be pushed; {} file(s) left by the kill, \
                 none after the next start; the next sync succeeded",
                after.pending,
                remains.len()
            ),
        );
        self.report.facts.insert(
            "kill".to_owned(),
            json!({
                "signal": 9,
                "phase": killed_at.phase,
                "killed_at_bytes": killed_at.bytes,
                "full_bytes": full_bytes,
                "files_left_by_the_kill": remains.len(),
                "files_left_after_the_next_start": left.len(),
                "pending_before": before.pending,
                "pending_after": after.pending,
                "plain_text_in_the_remains": search.found.len(),
            }),
        );
        Ok(())
    }

    /// What waits to be pushed.
    pub(super) fn pending(&self, number: usize) -> Result<u64> {
        let status = self.tablet(number).call(&["status"])?;
        status["pending"]
            .as_u64()
            .ok_or_else(|| Error::new("a status without what is pending"))
    }

    fn condition(&self) -> Result<Condition> {
        Ok(Condition {
            digest: digest::of_tablet(&self.tablet(2).call(&["digest"])?),
            pending: self.pending(2)?,
            files: files::fingerprint(&self.tablet(2).vault)?,
        })
    }

    fn new_files(&self, before: &Condition) -> Result<Vec<String>> {
        Ok(files::added(
            &files::fingerprint(&self.tablet(2).vault)?,
            &before.files,
        ))
    }

    /// How tablet 2 was before, and how far the pull was.
    fn kill_in_a_pull(&mut self, full_bytes: u64) -> Result<(Condition, Progress)> {
        for moment in MOMENTS {
            let before = self.condition()?;
            let under_way = self.server.slow_pulls(full_bytes)?;
            let (mut applied, mut killed_at, watch) = (false, None, Stopwatch::start());
            let (tablet, output) = (self.tablet(2), self.output);
            let arguments = ["sync", "--full", "--progress"];
            let end = tablet.attempt(&arguments, &mut |progress| {
                output.progress(2, progress);
                applied |= progress.phase == "applying";
                let enough =
                    progress.bytes >= under_way || (applied && moment == Moment::Beginning);
                if killed_at.is_some() || progress.phase != "pulling" || !enough {
                    return Then::GoOn;
                }
                killed_at = Some(progress.clone());
                Then::Kill
            });
            self.server.clear_faults()?;
            match (end?, killed_at) {
                (End::Killed, Some(progress)) => return Ok((before, progress)),
                (end, _) => {
                    let report = tablet.answer(&arguments, end)?;
                    self.note_sync(2, "over before the kill", watch.ms(), report);
                    self.leave_something_to_push()?;
                }
            }
        }
        Err(Error::new("every pull was over before it could be killed"))
    }

    /// The late patients are on the server now: an edit takes their place.
    fn leave_something_to_push(&mut self) -> Result<()> {
        self.sync(2, "once more before the kill", &[])?;
        let id = self.first_patient()?;
        let fields = json!({"citizenship": rare_word(8)}).to_string();
        let tablet = self.tablet(2);
        tablet.call(&["edit", "--id", &id, "--fields", &fields])?;
        Ok(())
    }
}

/// What must be the same before and after.
struct Condition {
    digest: Digests,
    pending: u64,
    files: Fingerprint,
}
