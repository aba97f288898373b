//! The one sync that may run at a time, its waiters, and how it is ended.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::Amana;
use super::opened::Open;
use super::state::locked;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::PeerId;
use crate::model::report::SyncReport;
use crate::pending::{self, Answer, Pending};
use crate::ports::ProgressListener;
use crate::sync::Engine;
use crate::transport::CloudProof;
use crate::vault;

/// How a sync is watched and ended.
#[derive(Clone, Default)]
pub struct SyncOptions {
    /// Hears how it goes on.
    pub progress: Option<Arc<dyn ProgressListener>>,
    /// Cancels it.
    pub cancel: CancelToken,
    /// Pulls everything, not only what is new, and tries again what the peer had refused.
    pub full_pull: bool,
}

/// The running sync, if there is one, and whether another may start.
#[derive(Default)]
pub(super) struct SyncRun {
    state: Mutex<RunState>,
    ended: Condvar,
}

#[derive(Default)]
struct RunState {
    running: Option<Running>,
    /// How many calls keep a sync from starting, while the session changes.
    pauses: u32,
    /// The database is going: no sync starts any more.
    closed: Option<Error>,
}

struct Running {
    cancel: CancelToken,
    waiters: Vec<Answer<SyncReport>>,
}

thread_local! {
    static SYNCING: Cell<bool> = const { Cell::new(false) };
}

/// Whether the caller is a sync's own thread: a listener that it called.
pub(super) fn is_sync_thread() -> bool {
    SYNCING.get()
}

/// Keeps syncs from starting until it is dropped.
pub(super) struct Pause<'a>(&'a SyncRun);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.guard().pauses -= 1;
    }
}

impl SyncRun {
    /// Joins the running sync, or becomes the one that runs: then the second value is true.
    fn join(&self, cancel: &CancelToken) -> Result<(Pending<SyncReport>, bool)> {
        let mut state = self.guard();
        if let Some(why) = &state.closed {
            return Err(why.clone());
        }
        if state.pauses > 0
            || state
                .running
                .as_ref()
                .is_some_and(|run| run.cancel.is_cancelled())
        {
            return Err(Error::new(
                ErrorCode::Busy,
                "the session changes, or a sync is ending",
            ));
        }
        let (answer, pending) = pending::channel();
        let first = state.running.is_none();
        state
            .running
            .get_or_insert_with(|| Running {
                cancel: cancel.clone(),
                waiters: Vec::new(),
            })
            .waiters
            .push(answer);
        Ok((pending, first))
    }

    fn end(&self, result: &Result<SyncReport>) {
        let waiters = self.guard().running.take().map(|running| running.waiters);
        self.ended.notify_all();
        for waiter in waiters.unwrap_or_default() {
            waiter.send(result.clone());
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.guard().running.is_some()
    }

    #[cfg(any(test, feature = "test-support"))]
    pub(super) fn waiting(&self) -> usize {
        self.guard()
            .running
            .as_ref()
            .map_or(0, |running| running.waiters.len())
    }

    /// Ends the running sync, and lets none start as long as the pause is kept. Blocks.
    pub(super) fn pause(&self) -> Pause<'_> {
        let mut state = self.guard();
        state.pauses += 1;
        self.cancel_and_wait(state);
        Pause(self)
    }

    /// Ends the running sync for good: once this returns it has let go of the database.
    pub(super) fn close(&self) {
        let mut state = self.guard();
        state.closed = Some(locked());
        self.cancel_and_wait(state);
    }

    /// The same where none is running and nobody signs in or out; whether that is so. A later sync
    /// hears why.
    pub(super) fn close_if_idle(&self, why: Error) -> bool {
        let mut state = self.guard();
        let idle = state.running.is_none() && state.pauses == 0;
        if idle {
            state.closed = Some(why);
        }
        idle
    }

    fn cancel_and_wait(&self, mut state: MutexGuard<'_, RunState>) {
        while let Some(running) = &state.running {
            running.cancel.cancel();
            state = self
                .ended
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn guard(&self) -> MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Amana {
    /// Starts a sync on a thread of its own, or joins the one that runs.
    pub(super) fn start_sync(
        &self,
        open: &Arc<Open>,
        options: SyncOptions,
    ) -> Result<Pending<SyncReport>> {
        // The app's token may serve other calls too: locking cancels the run, not the token.
        let cancel = options.cancel.child();
        let (pending, first) = open.sync.join(&cancel)?;
        if !first {
            return Ok(pending);
        }
        let (vault, for_thread) = (self.clone(), Arc::clone(open));
        let spawned = std::thread::Builder::new()
            .name("amana-sync".to_owned())
            .spawn(move || {
                SYNCING.set(true);
                let result = catch_unwind(AssertUnwindSafe(|| {
                    vault.run_sync(&for_thread, &options, &cancel)
                }))
                .unwrap_or_else(|_| Err(crate::panics::to_error()));
                for_thread.sync.end(&result);
                // What was pushed is not unsynced any more.
                vault.inner.watch.news().come();
            });
        if spawned.is_err() {
            open.sync
                .end(&Err(Error::internal("no thread for the sync")));
        }
        Ok(pending)
    }

    /// Who is signed in is read here, where no sign-in can come in between.
    fn run_sync(
        &self,
        open: &Open,
        options: &SyncOptions,
        cancel: &CancelToken,
    ) -> Result<SyncReport> {
        let session = open.database.session().wait()?.ok_or_else(not_signed_in)?;
        let own_user = session.person.id;
        let peer = self
            .client(&session.address)?
            .peer(CloudProof::Password(session.credentials), own_user.clone());
        let peer_id = PeerId::cloud();
        let status = open.database.peer_status(&peer_id).wait()?;
        // Own permission rows come only with a full pull, and so do columns that a newer schema
        // added: due when somebody else signed in, or the schema grew.
        let full_pull = options.full_pull || status.full_pull_for.as_deref() != Some(&own_user);
        if options.full_pull {
            // Asked for by a person: what was put aside gets another chance, too.
            open.database.release_quarantined().wait()?;
        }
        let system = &self.inner.system;
        Engine {
            store: &open.database,
            peer: &peer,
            peer_id,
            schema: &self.inner.schema,
            clock: &*system.clock,
            entropy: &*system.entropy,
            timer: &*system.timer,
            spool_directory: &vault::spool_directory(&self.inner.config.directory),
            disk: &system.disk,
            progress: options.progress.as_deref(),
            cancel,
            full_pull,
        }
        .run()
    }
}

const fn not_signed_in() -> Error {
    Error::new(ErrorCode::NotSignedIn, "nobody is signed in")
}
