//! Whose turn it is to sync: one with each peer at most, who waits for it, one that is wanted behind it,
//! and how they are ended. Runs nothing itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::hub::Hubs;
use super::refuse_listener;
use super::state::locked;
use super::sync_run::SyncOptions;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::PeerId;
use crate::model::report::SyncReport;
use crate::pending::{self, Answer, Pending};
use crate::sync::Budget;

/// The running syncs, one for each peer at most, and whether another may start.
#[derive(Default)]
pub(super) struct SyncRun {
    state: Mutex<RunState>,
    ended: Condvar,
    /// What this device may still ask of the cloud, which counts for all behind one address.
    pub(super) budget: Arc<Mutex<Budget>>,
    pub(super) hubs: Hubs,
}

#[derive(Default)]
struct RunState {
    running: BTreeMap<PeerId, Running>,
    /// The calls that keep a sync from starting, while the session changes, or what is known of a peer:
    /// with this one, or with all.
    pauses: Vec<Option<PeerId>>,
    /// The database is going: no sync starts any more.
    closed: Option<Error>,
}

struct Running {
    turn: Turn,
    /// The one behind it, for who wants more than it does.
    next: Option<Turn>,
}

/// One sync, and who waits for its result.
struct Turn {
    /// Of the call that was the first to want it.
    task: Task,
    waiters: Vec<Answer<SyncReport>>,
}

/// What the thread of a peer's syncs has to do.
#[derive(Clone)]
pub(super) struct Task {
    pub(super) options: SyncOptions,
    pub(super) cancel: CancelToken,
}

impl Turn {
    fn new(options: SyncOptions) -> Self {
        // The app's token may serve other calls too: locking cancels the run, not the token.
        let cancel = options.cancel.child();
        Self {
            task: Task { options, cancel },
            waiters: Vec::new(),
        }
    }

    fn is_ending(&self) -> bool {
        self.task.cancel.is_cancelled()
    }

    fn does(&self, wanted: &SyncOptions) -> bool {
        self.task.options.full_pull || !wanted.full_pull
    }
}

impl Running {
    /// Where a call waits: for the sync that runs if that does what is wanted, else for the one behind
    /// it, which is there from then on.
    fn turn_for(&mut self, wanted: SyncOptions) -> Result<&mut Turn> {
        if !self.turn.is_ending() && self.turn.does(&wanted) {
            return Ok(&mut self.turn);
        }
        let is_over = |turn: &Turn| turn.is_ending();
        if self.next.as_ref().map_or(self.turn.is_ending(), is_over) {
            return Err(busy());
        }
        Ok(self.next.get_or_insert_with(|| Turn::new(wanted)))
    }
}

/// Keeps syncs from starting until it is dropped: with this peer, or with all.
pub(super) struct Pause<'a>(&'a SyncRun, Option<PeerId>);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut state = self.0.guard();
        if let Some(at) = state.pauses.iter().position(|pause| *pause == self.1) {
            state.pauses.swap_remove(at);
        }
    }
}

impl SyncRun {
    /// Waits for the peer's running sync or for one behind it, or becomes the one that runs: then there
    /// is a task. A sync's listener cannot wait: that sync, or one that waits for it in turn, may be its
    /// own.
    pub(super) fn join(
        &self,
        peer: &PeerId,
        options: SyncOptions,
    ) -> Result<(Pending<SyncReport>, Option<Task>)> {
        let mut state = self.guard();
        if let Some(why) = &state.closed {
            return Err(why.clone());
        }
        if state
            .pauses
            .iter()
            .any(|pause| concerns(pause.as_ref(), peer))
        {
            return Err(busy());
        }
        if let Some(running) = state.running.get_mut(peer) {
            refuse_listener()?;
            let turn = running.turn_for(options)?;
            let (answer, pending) = pending::channel();
            turn.waiters.push(answer);
            return Ok((pending, None));
        }
        let (answer, pending) = pending::channel();
        let mut turn = Turn::new(options);
        turn.waiters.push(answer);
        let task = turn.task.clone();
        let running = Running { turn, next: None };
        state.running.insert(peer.clone(), running);
        Ok((pending, Some(task)))
    }

    /// Notes the end of a sync. Who waits for its result is for the caller to tell, and the one behind
    /// it, where there is one, for the caller to run: one that was cancelled meanwhile, too, which
    /// finds that out by its token.
    pub(super) fn end(&self, peer: &PeerId) -> (Vec<Answer<SyncReport>>, Option<Task>) {
        let mut state = self.guard();
        let Some(running) = state.running.get_mut(peer) else {
            return (Vec::new(), None);
        };
        if let Some(next) = running.next.take() {
            let task = next.task.clone();
            let ended = std::mem::replace(&mut running.turn, next);
            return (ended.waiters, Some(task));
        }
        let ended = state.running.remove(peer);
        drop(state);
        self.ended.notify_all();
        let waiters = ended.map(|running| running.turn.waiters);
        (waiters.unwrap_or_default(), None)
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
        let running = state.running.values();
        let turns = running.flat_map(|run| std::iter::once(&run.turn).chain(&run.next));
        turns.map(|turn| turn.waiters.len()).sum()
    }

    /// Ends the running syncs and those behind them, and lets none start as long as the pause is kept.
    /// Blocks.
    pub(super) fn pause(&self) -> Pause<'_> {
        self.pause_some(None)
    }

    /// The same for the syncs with one peer.
    pub(super) fn pause_with(&self, peer: &PeerId) -> Pause<'_> {
        self.pause_some(Some(peer.clone()))
    }

    fn pause_some(&self, peer: Option<PeerId>) -> Pause<'_> {
        let mut state = self.guard();
        state.pauses.push(peer.clone());
        self.cancel_and_wait(state, peer.as_ref());
        Pause(self, peer)
    }

    /// Ends the running syncs for good: once this returns they have let go of the database.
    pub(super) fn close(&self) {
        let mut state = self.guard();
        state.closed = Some(locked());
        self.cancel_and_wait(state, None);
    }

    /// The same where none is running and nobody signs in or out; whether that is so. A later sync
    /// hears why.
    pub(super) fn close_if_idle(&self, why: Error) -> bool {
        let mut state = self.guard();
        let idle = state.running.is_empty() && state.pauses.is_empty();
        if idle {
            state.closed = Some(why);
        }
        idle
    }

    fn cancel_and_wait(&self, mut state: MutexGuard<'_, RunState>, which: Option<&PeerId>) {
        while state.running.keys().any(|peer| concerns(which, peer)) {
            let running = state.running.iter();
            for (_, running) in running.filter(|(peer, _)| concerns(which, peer)) {
                for turn in std::iter::once(&running.turn).chain(&running.next) {
                    turn.task.cancel.cancel();
                }
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

/// Whether a pause, of one peer or of all, is one of this peer.
fn concerns(pause: Option<&PeerId>, peer: &PeerId) -> bool {
    pause.is_none_or(|paused| paused == peer)
}

const fn busy() -> Error {
    Error::new(ErrorCode::Busy, "the session changes, or a sync is ending")
}

#[cfg(test)]
mod tests {
    use super::super::sync_run::set_sync_thread;
    use super::*;

    fn plain() -> SyncOptions {
        SyncOptions::default()
    }

    fn full() -> SyncOptions {
        SyncOptions {
            full_pull: true,
            ..plain()
        }
    }

    /// Whether the call is the one that runs.
    fn runs(run: &SyncRun, peer: &PeerId, options: SyncOptions) -> Result<bool> {
        run.join(peer, options).map(|(_, task)| task.is_some())
    }

    fn code<T>(result: Result<T>) -> Option<ErrorCode> {
        result.err().map(|error| error.code())
    }

    #[test]
    fn a_listener_may_start_another_peers_sync_and_joins_none() {
        let run = SyncRun::default();
        let (cloud, hub) = (PeerId::cloud(), PeerId::hub("hub-1").unwrap());
        assert!(runs(&run, &cloud, plain()).unwrap());
        std::thread::scope(|scope| {
            let listener = scope.spawn(|| {
                set_sync_thread(true);
                assert_eq!(code(runs(&run, &cloud, plain())), Some(ErrorCode::Busy));
                assert_eq!(code(runs(&run, &cloud, full())), Some(ErrorCode::Busy));
                assert!(runs(&run, &hub, plain()).unwrap());
                assert_eq!(code(runs(&run, &hub, plain())), Some(ErrorCode::Busy));
            });
            listener.join().unwrap();
        });
        assert_eq!(run.waiting(), 2, "whoever was refused waits for nothing");
        assert!(!runs(&run, &cloud, plain()).unwrap());
        assert!(run.end(&cloud).1.is_none(), "nor is one behind for it");
    }

    #[test]
    fn who_wants_more_than_the_running_sync_does_waits_for_one_behind_it() {
        let (run, cloud) = (SyncRun::default(), PeerId::cloud());
        assert!(runs(&run, &cloud, plain()).unwrap());
        for options in [full(), plain(), full()] {
            assert!(!runs(&run, &cloud, options).unwrap());
        }
        let (waiters, next) = run.end(&cloud);
        assert_eq!(waiters.len(), 2, "the one that runs, and the plain call");
        assert!(next.unwrap().options.full_pull);
        assert!(run.is_running_with(&cloud), "no gap between the two");
        // The one that runs now does all that anybody can want.
        assert!(!runs(&run, &cloud, full()).unwrap());
        assert!(!runs(&run, &cloud, plain()).unwrap());
        let (waiters, next) = run.end(&cloud);
        assert_eq!((waiters.len(), next.is_none()), (4, true));
        assert!(!run.is_running());
        assert!(runs(&run, &cloud, full()).unwrap());
    }

    #[test]
    fn the_first_who_waits_for_the_one_behind_decides_for_it_and_for_it_alone() {
        let (run, cloud) = (SyncRun::default(), PeerId::cloud());
        let (first, second) = (CancelToken::new(), CancelToken::new());
        let with = |cancel: &CancelToken| SyncOptions {
            cancel: cancel.clone(),
            ..full()
        };
        let (_, task) = run.join(&cloud, plain()).unwrap();
        assert!(!runs(&run, &cloud, with(&first)).unwrap());
        assert!(!runs(&run, &cloud, with(&second)).unwrap());
        second.cancel();
        assert!(!runs(&run, &cloud, full()).unwrap());
        first.cancel();
        assert_eq!(code(runs(&run, &cloud, full())), Some(ErrorCode::Busy));
        assert!(!runs(&run, &cloud, plain()).unwrap(), "joins what runs");
        assert!(!task.unwrap().cancel.is_cancelled());
        let (waiters, next) = run.end(&cloud);
        assert_eq!(waiters.len(), 2);
        assert!(next.unwrap().cancel.is_cancelled());
        assert_eq!(run.end(&cloud).0.len(), 3);
    }

    #[test]
    fn a_cancelled_sync_is_joined_by_nobody_but_the_one_behind_it_is() {
        let (run, cloud) = (SyncRun::default(), PeerId::cloud());
        let (_, task) = run.join(&cloud, plain()).unwrap();
        assert!(!runs(&run, &cloud, full()).unwrap());
        task.unwrap().cancel.cancel();
        assert!(!runs(&run, &cloud, plain()).unwrap());
        let (waiters, next) = run.end(&cloud);
        assert_eq!(waiters.len(), 1);
        next.unwrap().cancel.cancel();
        for options in [plain(), full()] {
            assert_eq!(code(runs(&run, &cloud, options)), Some(ErrorCode::Busy));
        }
        assert_eq!(run.end(&cloud).0.len(), 2);
    }

    #[test]
    fn a_pause_of_one_peer_leaves_the_others_be() {
        let run = SyncRun::default();
        let (cloud, hub) = (PeerId::cloud(), PeerId::hub("hub-1").unwrap());
        let (_, task) = run.join(&cloud, plain()).unwrap();
        let pause = run.pause_with(&hub);
        assert!(!task.unwrap().cancel.is_cancelled());
        assert!(!runs(&run, &cloud, plain()).unwrap(), "joins");
        assert_eq!(code(runs(&run, &hub, plain())), Some(ErrorCode::Busy));
        run.end(&cloud);
        let all = run.pause();
        drop(pause);
        for peer in [&hub, &cloud] {
            assert_eq!(code(runs(&run, peer, plain())), Some(ErrorCode::Busy));
        }
        drop(all);
        assert!(runs(&run, &hub, plain()).unwrap());
    }

    #[test]
    fn a_pause_ends_the_one_behind_as_well_and_waits_for_both() {
        let (run, cloud) = (SyncRun::default(), PeerId::cloud());
        let cancel = CancelToken::new();
        let (_, task) = run.join(&cloud, plain()).unwrap();
        let behind = SyncOptions {
            cancel: cancel.clone(),
            ..full()
        };
        assert!(!runs(&run, &cloud, behind).unwrap());
        let task = task.unwrap();
        std::thread::scope(|scope| {
            let syncs = scope.spawn(|| {
                pollster::block_on(task.cancel.cancelled());
                let (_, next) = run.end(&cloud);
                assert!(next.unwrap().cancel.is_cancelled());
                assert_eq!(code(runs(&run, &cloud, full())), Some(ErrorCode::Busy));
                assert!(run.end(&cloud).1.is_none());
            });
            let pause = run.pause();
            assert!(!run.is_running());
            syncs.join().unwrap();
            assert_eq!(code(runs(&run, &cloud, plain())), Some(ErrorCode::Busy));
            drop(pause);
        });
        assert!(!cancel.is_cancelled(), "the app's token is the app's");
        assert!(runs(&run, &cloud, plain()).unwrap());
    }
}
