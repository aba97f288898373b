//! One sync with one peer, from the first request to the report.
//!
//! Pull, guard, merge, apply; collect, push, acknowledge; the next pull verifies. Pull first: local
//! edits then carry times later than what the peer has, and what the peer deleted is not sent to it
//! again. Knows the order and nothing else; how to pull and how to push are in files of their own.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::backoff::Patience;
use super::progress::Reporter;
use super::push::MAX_CAUTION;
use super::schedule::next_try_ms;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{PullRequest, Revision};
use crate::model::ids::RecordId;
use crate::model::merge::MergeRule;
use crate::model::notice::SyncPhase;
use crate::model::report::SyncReport;
use crate::model::schema::{Schema, TableIndex};
use crate::model::terms::PeerTerms;
use crate::ports::{Clock, Disk, Entropy, ProgressListener, SyncPeer, SyncStore, Timer};

/// All that a sync needs. Runs on the caller's thread; one at a time per peer.
pub struct Engine<'a> {
    /// The local store.
    pub store: &'a dyn SyncStore,
    /// The peer to sync with.
    pub peer: &'a dyn SyncPeer,
    /// The store's name for that peer, and what its word is worth.
    pub terms: PeerTerms,
    /// What becomes of pulled records.
    pub rule: Arc<dyn MergeRule>,
    /// The store's schema.
    pub schema: &'a Schema,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Randomness, for jitter and the spool's key.
    pub entropy: &'a dyn Entropy,
    /// Waiting.
    pub timer: &'a dyn Timer,
    /// Where pulls are kept until they are applied.
    pub spool_directory: &'a Path,
    /// Watched while a pull is spooled.
    pub disk: &'a Arc<dyn Disk>,
    /// Hears how it goes on.
    pub progress: Option<&'a dyn ProgressListener>,
    /// Looked at between all steps, and handed on to those that take long.
    pub cancel: &'a CancelToken,
    /// Whether to ask for everything, beside the changes since the last pull.
    pub full_pull: bool,
    /// Whether nothing may be sent before everything was pulled: since the schema grew, whole rows would
    /// be sent without what is in their new columns.
    pub full_pull_first: bool,
    /// How many syncs with this peer failed since the last that ended well.
    pub past_failures: u32,
}

impl Engine<'_> {
    /// Pulls, applies and pushes. On error, what was applied and acknowledged until then stays;
    /// a pull that was not applied leaves nothing behind.
    pub fn run(&self) -> Result<SyncReport> {
        let mut run = Run::new(self);
        match run.steps() {
            Ok(()) => Ok(run.report),
            Err(error) => Err(self.note_failure(error)),
        }
    }

    /// A sync that was stopped has not failed. That a failure cannot be noted is no other failure.
    fn note_failure(&self, error: Error) -> Error {
        if error.code() != ErrorCode::Cancelled && !self.cancel.is_cancelled() {
            let now_ms = self.clock.now_ms();
            let next = next_try_ms(&error, self.past_failures, now_ms, self.entropy);
            let _ = self.store.note_failure(&self.terms.id, error.code(), next);
        }
        error
    }
}

impl Run<'_> {
    fn steps(&mut self) -> Result<()> {
        let failed = self.pull_all()?;
        // Collected, checked, sent and acknowledged, piece by piece.
        self.push_all()?;
        self.engine.cancel.check()?;
        failed.map_or(Ok(()), Err)?;
        let peer = &self.engine.terms.id;
        self.engine.store.note_success(peer, self.skew_ms)?;
        self.reporter.begin(SyncPhase::Finished, None);
        Ok(())
    }

    /// Applies what is to be pulled. Where the changes came, and everything beside them did not, what waits
    /// is sent all the same: a poor line, a full disk or one broken old record may never let that through.
    /// The sync fails with this error after the push.
    fn pull_all(&mut self) -> Result<Option<Error>> {
        let mut has_changes = false;
        for request in self.plan_pulls()? {
            match self.pull_and_apply(&request) {
                Ok(()) => has_changes = true,
                Err(error) if has_changes && self.leaves_the_push(&error) => {
                    return Ok(Some(error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn pull_and_apply(&mut self, request: &PullRequest) -> Result<()> {
        // Guarded as it arrives, and spooled whole before anything is touched.
        let (reply, changes) = self.pull(request)?;
        // Merged, compared with what was sent before, and stored, in one transaction.
        self.apply(&reply, changes)
    }

    /// Whether a pull that failed with this says nothing of a push. Who was told to wait waits.
    fn leaves_the_push(&self, error: &Error) -> bool {
        let of_the_reply = matches!(
            error.code(),
            ErrorCode::Network | ErrorCode::Server | ErrorCode::Protocol | ErrorCode::StorageFull
        );
        let engine = self.engine;
        let goes_on = !engine.full_pull_first && !engine.cancel.is_cancelled();
        of_the_reply && error.retry_after().is_none() && goes_on
    }
}

/// What a sync carries from step to step.
pub(super) struct Run<'a> {
    pub(super) engine: &'a Engine<'a>,
    pub(super) reporter: Reporter<'a>,
    pub(super) patience: Patience,
    pub(super) report: SyncReport,
    /// The peer's clock minus ours, by the last reply.
    pub(super) skew_ms: i64,
    /// How often the next piece of the push is halved before it is sent.
    pub(super) caution: u32,
    /// The newest revision when the push began.
    pub(super) begun: Revision,
    /// What it has taken as new in tables in which it knows records by other columns than their ids:
    /// until a pull has shown by which one, it cannot be told to delete them.
    pub(super) unseen: HashSet<(TableIndex, RecordId)>,
}

impl<'a> Run<'a> {
    fn new(engine: &'a Engine<'a>) -> Self {
        Self {
            engine,
            reporter: Reporter::new(engine.progress, engine.clock),
            patience: Patience::default(),
            report: SyncReport::default(),
            skew_ms: 0,
            caution: engine.past_failures.min(MAX_CAUTION),
            begun: Revision::default(),
            unseen: HashSet::new(),
        }
    }

    /// Waits, and goes on with the phase that was interrupted.
    pub(super) fn wait(&self, pause: Duration) -> Result<()> {
        let interrupted = self.reporter.current();
        self.reporter.begin(SyncPhase::Waiting, None);
        self.engine.timer.wait(pause, self.engine.cancel)?;
        self.reporter.resume(interrupted);
        Ok(())
    }

    /// Runs a step and tells how many milliseconds it took.
    pub(super) fn timed<T>(&self, step: impl FnOnce() -> T) -> (T, u64) {
        let start = self.engine.clock.monotonic_ms();
        let result = step();
        let end = self.engine.clock.monotonic_ms();
        (result, end.saturating_sub(start))
    }
}
