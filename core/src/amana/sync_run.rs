//! The syncs that run, one with each peer at most, their waiters, and how they are ended.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::hub::Hubs;
use super::opened::Open;
use super::state::locked;
use super::{Amana, refuse_listener};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::{PeerId, PeerKind};
use crate::model::report::SyncReport;
use crate::pending::{self, Answer, Pending};
use crate::ports::{ProgressListener, SyncPeer};
use crate::storage::StoredSession;
use crate::sync::{Budget, Engine, Paced, Resolver, full_pull_is_due};
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

/// The running syncs, one for each peer at most, and whether another may start.
#[derive(Default)]
pub(super) struct SyncRun {
    state: Mutex<RunState>,
    ended: Condvar,
    /// What this device may still ask of the cloud, which counts for all behind one address.
    budget: Arc<Mutex<Budget>>,
    pub(super) hubs: Hubs,
}

#[derive(Default)]
struct RunState {
    running: BTreeMap<PeerId, Running>,
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

/// Makes this thread one that works for a sync's listener, or not.
pub(super) fn set_sync_thread(is_sync_thread: bool) {
    SYNCING.set(is_sync_thread);
}

/// Keeps syncs from starting until it is dropped.
pub(super) struct Pause<'a>(&'a SyncRun);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.0.guard().pauses -= 1;
    }
}

impl SyncRun {
    /// Joins the peer's running sync, or becomes the one that runs: then the second value is true. A
    /// sync's listener cannot join: that sync, or one that waits for it in turn, may be its own.
    fn join(&self, peer: &PeerId, cancel: &CancelToken) -> Result<(Pending<SyncReport>, bool)> {
        let mut state = self.guard();
        if let Some(why) = &state.closed {
            return Err(why.clone());
        }
        if state.pauses > 0
            || state
                .running
                .get(peer)
                .is_some_and(|run| run.cancel.is_cancelled())
        {
            return Err(Error::new(
                ErrorCode::Busy,
                "the session changes, or a sync is ending",
            ));
        }
        let first = !state.running.contains_key(peer);
        if !first {
            refuse_listener()?;
        }
        let (answer, pending) = pending::channel();
        state
            .running
            .entry(peer.clone())
            .or_insert_with(|| Running {
                cancel: cancel.clone(),
                waiters: Vec::new(),
            })
            .waiters
            .push(answer);
        Ok((pending, first))
    }

    /// Notes the end of a sync; who waits for its result is for the caller to tell.
    fn end(&self, peer: &PeerId) -> Vec<Answer<SyncReport>> {
        let ended = self.guard().running.remove(peer);
        self.ended.notify_all();
        ended.map(|running| running.waiters).unwrap_or_default()
    }

    pub(super) fn is_running_with(&self, peer: &PeerId) -> bool {
        self.guard().running.contains_key(peer)
    }

    pub(super) fn is_running(&self) -> bool {
        !self.guard().running.is_empty()
    }

    #[cfg(any(test, feature = "test-support"))]
    pub(super) fn waiting(&self) -> usize {
        let state = self.guard();
        state.running.values().map(|run| run.waiters.len()).sum()
    }

    /// Ends the running syncs, and lets none start as long as the pause is kept. Blocks.
    pub(super) fn pause(&self) -> Pause<'_> {
        let mut state = self.guard();
        state.pauses += 1;
        self.cancel_and_wait(state);
        Pause(self)
    }

    /// Ends the running syncs for good: once this returns they have let go of the database.
    pub(super) fn close(&self) {
        let mut state = self.guard();
        state.closed = Some(locked());
        self.cancel_and_wait(state);
    }

    /// The same where none is running and nobody signs in or out; whether that is so. A later sync
    /// hears why.
    pub(super) fn close_if_idle(&self, why: Error) -> bool {
        let mut state = self.guard();
        let idle = state.running.is_empty() && state.pauses == 0;
        if idle {
            state.closed = Some(why);
        }
        idle
    }

    fn cancel_and_wait(&self, mut state: MutexGuard<'_, RunState>) {
        while !state.running.is_empty() {
            for running in state.running.values() {
                running.cancel.cancel();
            }
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

fn tell(waiters: Vec<Answer<SyncReport>>, result: &Result<SyncReport>) {
    for waiter in waiters {
        waiter.send(result.clone());
    }
}

impl Amana {
    /// Starts a sync on a thread of its own, or joins the one that runs with this peer.
    pub(super) fn start_sync(
        &self,
        open: &Arc<Open>,
        peer: &PeerId,
        options: SyncOptions,
    ) -> Result<Pending<SyncReport>> {
        // The app's token may serve other calls too: locking cancels the run, not the token.
        let cancel = options.cancel.child();
        let (pending, first) = open.sync.join(peer, &cancel)?;
        if !first {
            return Ok(pending);
        }
        let (vault, for_thread, peer_of_thread) = (self.clone(), Arc::clone(open), peer.clone());
        let spawned = std::thread::Builder::new()
            .name("amana-sync".to_owned())
            .spawn(move || {
                set_sync_thread(true);
                let result = catch_unwind(AssertUnwindSafe(|| {
                    vault.run_sync(&for_thread, &peer_of_thread, &options, &cancel)
                }))
                .unwrap_or_else(|_| Err(crate::panics::to_error()));
                // What was pushed is not unsynced any more.
                vault.inner.watch.news().come();
                let waiters = for_thread.sync.end(&peer_of_thread);
                // First: who hears the result and drops the last handle has closed the vault, and
                // nothing of it goes on beside the end of the process.
                drop((vault, for_thread));
                tell(waiters, &result);
            });
        if spawned.is_err() {
            let failed = Err(Error::internal("no thread for the sync"));
            tell(open.sync.end(peer), &failed);
        }
        Ok(pending)
    }

    /// Who is signed in is read here, where no sign-in can come in between.
    fn run_sync(
        &self,
        open: &Open,
        peer_id: &PeerId,
        options: &SyncOptions,
        cancel: &CancelToken,
    ) -> Result<SyncReport> {
        let session = open.database.session().wait()?.ok_or_else(not_signed_in)?;
        let own_user = session.person.id.clone();
        let found = self.sync_peer(open, peer_id, session)?;
        let status = open.database.peer_status(peer_id).wait()?;
        let system = &self.inner.system;
        let policy = &self.inner.config.sync;
        let now_ms = system.clock.now_ms();
        let due = full_pull_is_due(policy, peer_id.kind(), &status, &own_user, now_ms);
        if options.full_pull {
            // Asked for by a person: what was put aside gets another chance, too.
            let released = open.database.release_quarantined(Some(peer_id.clone()));
            released.wait()?;
        }
        let paced = Paced {
            peer: &*found,
            budget: &open.sync.budget,
            clock: &*system.clock,
            timer: &*system.timer,
        };
        let peer: &dyn SyncPeer = match peer_id.kind() {
            PeerKind::Cloud => &paced,
            PeerKind::Hub => &*found,
        };
        let result = Engine {
            store: &open.database,
            peer,
            terms: policy.terms(peer_id),
            rule: Arc::new(Resolver::new(&self.inner.schema, policy)),
            schema: &self.inner.schema,
            clock: &*system.clock,
            entropy: &*system.entropy,
            timer: &*system.timer,
            spool_directory: &vault::spool_directory(&self.inner.config.directory),
            disk: &system.disk,
            progress: options.progress.as_deref(),
            cancel,
            full_pull: options.full_pull || due,
            past_failures: status.failures,
        }
        .run();
        // The token that a hub gave on the way is for the next sync, too.
        let kept = self.keep_hub_token(open, peer_id);
        result.and_then(|report| kept.map(|()| report))
    }

    /// The peer behind a name, in the name of the person who is signed in.
    fn sync_peer(
        &self,
        open: &Open,
        peer: &PeerId,
        session: StoredSession,
    ) -> Result<Arc<dyn SyncPeer>> {
        if peer.kind() == PeerKind::Hub {
            return self.hub_peer(open, peer, session);
        }
        let address = session.address.ok_or_else(not_signed_in)?;
        let client = self.client(&address)?;
        Ok(Arc::new(client.peer(session.proof, session.person.id)))
    }
}

const fn not_signed_in() -> Error {
    Error::new(ErrorCode::NotSignedIn, "nobody is signed in")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_may_start_another_peers_sync_and_joins_none() {
        let (run, cancel) = (SyncRun::default(), CancelToken::new());
        let (cloud, hub) = (PeerId::cloud(), PeerId::hub("hub-1").unwrap());
        let first = |peer| run.join(peer, &cancel).map(|(_, first)| first);
        let code = |result: Result<bool>| result.err().map(|error| error.code());
        assert!(first(&cloud).unwrap());
        std::thread::scope(|scope| {
            let listener = scope.spawn(|| {
                set_sync_thread(true);
                assert_eq!(code(first(&cloud)), Some(ErrorCode::Busy));
                assert!(first(&hub).unwrap());
                assert_eq!(code(first(&hub)), Some(ErrorCode::Busy));
            });
            listener.join().unwrap();
        });
        assert_eq!(run.waiting(), 2, "whoever was refused waits for nothing");
        assert!(!first(&cloud).unwrap());
    }
}
