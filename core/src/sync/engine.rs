//! One sync with one peer, from the first request to the report.
//!
//! Pull first, apply, then push: local edits then carry times later than what the peer has, and
//! what the peer deleted is not sent to it again. Knows the order and nothing else; how to pull
//! and how to push are in files of their own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::backoff::Patience;
use super::progress::Reporter;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::ids::PeerId;
use crate::model::notice::SyncPhase;
use crate::model::report::SyncReport;
use crate::model::schema::Schema;
use crate::ports::{Clock, Disk, Entropy, ProgressListener, SyncPeer, SyncStore, Timer};

/// All that a sync needs. Runs on the caller's thread; one at a time per peer.
pub struct Engine<'a> {
    /// The local store.
    pub store: &'a dyn SyncStore,
    /// The peer to sync with.
    pub peer: &'a dyn SyncPeer,
    /// The store's name for that peer.
    pub peer_id: PeerId,
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
}

impl Engine<'_> {
    /// Pulls, applies and pushes. On error, what was applied and acknowledged until then stays;
    /// a pull that was not applied leaves nothing behind.
    pub fn run(&self) -> Result<SyncReport> {
        let mut run = Run::new(self);
        run.pull_all()?;
        run.push_all()?;
        self.cancel.check()?;
        self.store.note_success(&self.peer_id, run.skew_ms)?;
        run.reporter.begin(SyncPhase::Finished, None);
        Ok(run.report)
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
}

impl<'a> Run<'a> {
    fn new(engine: &'a Engine<'a>) -> Self {
        Self {
            engine,
            reporter: Reporter::new(engine.progress, engine.clock),
            patience: Patience::default(),
            report: SyncReport::default(),
            skew_ms: 0,
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
