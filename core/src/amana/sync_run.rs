//! The one sync that may run at a time, its waiters, and how it is ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

use super::{Amana, Open};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::model::ids::PeerId;
use crate::model::report::SyncReport;
use crate::pending::{self, Answer, Pending};
use crate::ports::{ProgressListener, SyncPeer};
use crate::sync::Engine;
use crate::vault;

/// How a sync is watched and ended.
#[derive(Clone, Default)]
pub struct SyncOptions {
    /// Hears how it goes on.
    pub progress: Option<Arc<dyn ProgressListener>>,
    /// Cancels it.
    pub cancel: CancelToken,
    /// Pulls everything, not only what is new.
    pub full_pull: bool,
}

/// The running sync, if there is one.
#[derive(Default)]
pub(super) struct SyncRun {
    running: Mutex<Option<Running>>,
    ended: Condvar,
}

struct Running {
    cancel: CancelToken,
    thread: Option<ThreadId>,
    waiters: Vec<Answer<SyncReport>>,
}

impl SyncRun {
    /// Joins the running sync, or becomes the one that runs: then the second value is true.
    fn join(&self, cancel: &CancelToken) -> (Pending<SyncReport>, bool) {
        let (answer, pending) = pending::channel();
        let mut running = self.guard();
        let first = running.is_none();
        running
            .get_or_insert_with(|| Running {
                cancel: cancel.clone(),
                thread: None,
                waiters: Vec::new(),
            })
            .waiters
            .push(answer);
        (pending, first)
    }

    fn end(&self, result: &Result<SyncReport>) {
        let waiters = self
            .guard()
            .take()
            .map(|running| running.waiters)
            .unwrap_or_default();
        self.ended.notify_all();
        for waiter in waiters {
            waiter.send(result.clone());
        }
    }

    /// The thread that calls this is the one that syncs.
    fn on_this_thread(&self) {
        if let Some(running) = &mut *self.guard() {
            running.thread = Some(std::thread::current().id());
        }
    }

    /// Whether the caller is the sync's own thread: a listener that was called by it.
    pub(super) fn is_this_thread(&self) -> bool {
        let this = std::thread::current().id();
        self.guard()
            .as_ref()
            .is_some_and(|running| running.thread == Some(this))
    }

    pub(super) fn is_running(&self) -> bool {
        self.guard().is_some()
    }

    #[cfg(any(test, feature = "test-support"))]
    pub(super) fn waiting(&self) -> usize {
        self.guard()
            .as_ref()
            .map_or(0, |running| running.waiters.len())
    }

    pub(super) fn cancel(&self) {
        if let Some(running) = &*self.guard() {
            running.cancel.cancel();
        }
    }

    /// Cancels, and returns once the sync has let go of the database.
    pub(super) fn cancel_and_wait(&self) {
        let mut running = self.guard();
        while let Some(current) = &*running {
            current.cancel.cancel();
            running = self
                .ended
                .wait(running)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn guard(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Amana {
    /// Starts a sync on a thread of its own, or joins the one that runs.
    pub(super) fn start_sync(
        &self,
        open: &Arc<Open>,
        peer: impl SyncPeer + 'static,
        own_user: String,
        options: SyncOptions,
    ) -> Result<Pending<SyncReport>> {
        // The app's token may serve other calls too: locking cancels the run, not the token.
        let cancel = options.cancel.child();
        let (pending, first) = open.sync.join(&cancel);
        if !first {
            return Ok(pending);
        }
        let (vault, for_thread) = (self.clone(), Arc::clone(open));
        let spawned = std::thread::Builder::new()
            .name("amana-sync".to_owned())
            .spawn(move || {
                for_thread.sync.on_this_thread();
                let result = catch_unwind(AssertUnwindSafe(|| {
                    vault.run_sync(&for_thread, &peer, &own_user, &options, &cancel)
                }))
                .unwrap_or_else(|_| Err(crate::panics::to_error()));
                for_thread.sync.end(&result);
            });
        if spawned.is_err() {
            open.sync
                .end(&Err(Error::internal("no thread for the sync")));
        }
        Ok(pending)
    }

    fn run_sync(
        &self,
        open: &Open,
        peer: &dyn SyncPeer,
        own_user: &str,
        options: &SyncOptions,
        cancel: &CancelToken,
    ) -> Result<SyncReport> {
        let peer_id = PeerId::cloud();
        let status = open.database.peer_status(&peer_id).wait()?;
        // Own permission rows come only with a full pull, and so do columns that a newer schema
        // added: due when somebody else signed in, or the schema grew.
        let full_pull = options.full_pull || status.full_pull_for.as_deref() != Some(own_user);
        let system = &self.inner.system;
        Engine {
            store: &open.database,
            peer,
            peer_id,
            schema: &self.inner.schema,
            clock: &*system.clock,
            entropy: &*system.entropy,
            timer: &*system.timer,
            spool_directory: &vault::spool_directory(&self.inner.config.directory),
            progress: options.progress.as_deref(),
            cancel,
            full_pull,
        }
        .run()
    }
}
