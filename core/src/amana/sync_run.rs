//! Running syncs, on threads of their own. Whose turn it is, and who waits, is `sync_turns`'.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Amana;
use super::opened::Open;
use super::sync_turns::{SyncRun, Task};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::{PeerId, PeerKind};
use crate::model::report::SyncReport;
use crate::pending::{Answer, Pending};
use crate::ports::{ProgressListener, SyncPeer};
use crate::storage::StoredSession;
use crate::sync::{Engine, Paced, Resolver, full_pull_is_due};
use crate::vault;

/// How a sync is watched and ended.
#[derive(Clone, Default)]
pub struct SyncOptions {
    /// Hears how it goes on. Not used by a call that joins another's sync.
    pub progress: Option<Arc<dyn ProgressListener>>,
    /// Cancels it, and who joined it. That of a call that joins another's sync ends that call alone.
    pub cancel: CancelToken,
    /// Pulls everything, not only what is new, and tries again what the peer had refused. Where a sync
    /// runs with the peer that does not, one that does is run behind it: the first call that wants it
    /// decides with its listener and its token, and later ones join it.
    pub full_pull: bool,
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

fn tell(waiters: Vec<Answer<SyncReport>>, result: &Result<SyncReport>) {
    for waiter in waiters {
        waiter.send(result.clone());
    }
}

/// Ends a peer's turn with a result; gives the task of the one behind it.
fn tell_end(turns: &SyncRun, peer: &PeerId, result: &Result<SyncReport>) -> Option<Task> {
    let (waiters, next) = turns.end(peer);
    tell(waiters, result);
    next
}

impl Amana {
    /// Starts a sync on a thread of its own, or waits for the one that runs with this peer, or for one
    /// behind it; whether the first.
    pub(super) fn start_sync(
        &self,
        open: &Arc<Open>,
        peer: &PeerId,
        options: SyncOptions,
    ) -> Result<(Pending<SyncReport>, bool)> {
        let (pending, task) = open.sync.join(peer, options)?;
        let Some(task) = task else {
            return Ok((pending, false));
        };
        let (vault, for_thread, peer_of_thread) = (self.clone(), Arc::clone(open), peer.clone());
        let spawned = std::thread::Builder::new()
            .name("amana-sync".to_owned())
            .spawn(move || {
                set_sync_thread(true);
                vault.run_syncs(for_thread, &peer_of_thread, task);
            });
        if spawned.is_err() {
            let failed = Err(Error::internal("no thread for the sync"));
            // The one behind it had the same thread.
            while tell_end(&open.sync, peer, &failed).is_some() {}
        }
        Ok((pending, true))
    }

    /// One sync after the other, until nobody waits for another.
    fn run_syncs(self, open: Arc<Open>, peer: &PeerId, mut task: Task) {
        loop {
            let result = catch_unwind(AssertUnwindSafe(|| self.run_sync(&open, peer, &task)))
                .unwrap_or_else(|_| Err(crate::panics::to_error()));
            // What was pushed is not unsynced any more.
            self.inner.watch.news().come();
            let (waiters, next) = open.sync.end(peer);
            let Some(next) = next else {
                // First: who hears the result and drops the last handle has closed the vault, and
                // nothing of it goes on beside the end of the process.
                drop((self, open));
                tell(waiters, &result);
                return;
            };
            tell(waiters, &result);
            task = next;
        }
    }

    /// Who is signed in is read here, where no sign-in can come in between.
    fn run_sync(
        &self,
        open: &Open,
        peer_id: &PeerId,
        Task { options, cancel }: &Task,
    ) -> Result<SyncReport> {
        // One that waited behind another may have been cancelled since.
        cancel.check()?;
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
            full_pull_first: status.full_pull_for.as_deref() != Some(&*own_user),
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
