//! Tells the listener how far a sync is: every new phase, within a phase at most ten times a
//! second, and how far it came in the end. Counts only.

use std::cell::Cell;

use crate::model::notice::{SyncPhase, SyncProgress};
use crate::ports::{Clock, ProgressListener};

const MIN_GAP_MS: u64 = 100;

/// The progress of one sync.
pub(super) struct Reporter<'a> {
    listener: Option<&'a dyn ProgressListener>,
    clock: &'a dyn Clock,
    current: Cell<SyncProgress>,
    reported_at: Cell<u64>,
    /// The current progress is news to the listener.
    is_news: Cell<bool>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(listener: Option<&'a dyn ProgressListener>, clock: &'a dyn Clock) -> Self {
        Self {
            listener,
            clock,
            current: Cell::new(SyncProgress {
                phase: SyncPhase::Pulling,
                bytes: 0,
                rows: 0,
                total_rows: None,
            }),
            reported_at: Cell::new(0),
            is_news: Cell::new(false),
        }
    }

    pub(super) fn current(&self) -> SyncProgress {
        self.current.get()
    }

    /// A phase begins.
    pub(super) fn begin(&self, phase: SyncPhase, total_rows: Option<u64>) {
        self.resume(SyncProgress {
            phase,
            bytes: 0,
            rows: 0,
            total_rows,
        });
    }

    /// A phase goes on where it was.
    pub(super) fn resume(&self, progress: SyncProgress) {
        // How far the phase before came in the end: a short one would never show more than 0.
        if self.is_news.get() {
            self.tell();
        }
        self.current.set(progress);
        self.tell();
    }

    /// The phase has come so far.
    pub(super) fn advance(&self, bytes: u64, rows: u64) {
        self.current.set(SyncProgress {
            bytes,
            rows,
            ..self.current.get()
        });
        self.is_news.set(true);
        let since = self
            .clock
            .monotonic_ms()
            .saturating_sub(self.reported_at.get());
        if since >= MIN_GAP_MS {
            self.tell();
        }
    }

    fn tell(&self) {
        self.is_news.set(false);
        self.reported_at.set(self.clock.monotonic_ms());
        if let Some(listener) = self.listener {
            listener.progress(&self.current.get());
        }
    }
}
