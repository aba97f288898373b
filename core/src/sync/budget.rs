//! A device's share of a limit that it has in common with others.
//!
//! The cloud counts by address, and a whole clinic has one: 60 sync calls a minute for everybody.
//! An ordinary sync does not notice this budget; a device with a backlog does not take it all.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{OutboxRow, PullReply, PullRequest, PushFailure};
use crate::ports::{ChangeSink, Clock, SyncPeer, Timer};

/// Requests that may follow each other at once: an ordinary sync has fewer.
const BURST: u64 = 10;
/// Beyond those, one in so much time: a third of the limit for one device, which leaves room for
/// others however much it has to send.
const ONE_IN_MS: u64 = 3_000;

/// How many requests this device may still make. Lives as long as the vault is open.
#[derive(Debug, Default)]
pub struct Budget {
    /// What was spent: a request adds [`ONE_IN_MS`], time takes it off again.
    spent_ms: u64,
    /// When that was so, by the monotonic clock.
    at_ms: u64,
}

impl Budget {
    fn left_over(&self, now_ms: u64) -> u64 {
        self.spent_ms
            .saturating_sub(now_ms.saturating_sub(self.at_ms))
    }

    /// How long to wait before a request.
    pub(super) fn wait_ms(&self, now_ms: u64) -> u64 {
        self.left_over(now_ms)
            .saturating_sub((BURST - 1) * ONE_IN_MS)
    }

    /// A request is made.
    pub(super) fn spend(&mut self, now_ms: u64) {
        self.spent_ms = self.left_over(now_ms) + ONE_IN_MS;
        self.at_ms = now_ms;
    }
}

/// A peer that is not asked faster than the budget allows.
pub struct Paced<'a> {
    /// The peer itself.
    pub peer: &'a dyn SyncPeer,
    /// What is left for it.
    pub budget: &'a Arc<Mutex<Budget>>,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Waiting.
    pub timer: &'a dyn Timer,
}

impl Paced<'_> {
    fn held(&self) -> MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, cancel: &CancelToken) -> Result<()> {
        let ms = self.held().wait_ms(self.clock.monotonic_ms());
        if ms > 0 {
            self.timer.wait(Duration::from_millis(ms), cancel)?;
        }
        self.held().spend(self.clock.monotonic_ms());
        Ok(())
    }
}

impl SyncPeer for Paced<'_> {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply> {
        self.wait(cancel)?;
        self.peer.pull(request, sink, on_bytes, cancel)
    }

    fn push(&self, piece: &[OutboxRow], cancel: &CancelToken) -> Result<(), PushFailure> {
        self.wait(cancel).map_err(PushFailure::Stopped)?;
        self.peer.push(piece, cancel)
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
