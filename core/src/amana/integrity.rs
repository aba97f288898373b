//! Carries the look at every page out: begins it on a reader's thread while nobody uses the vault, ends
//! it at the first call or lock, remembers how far it came and what it found.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Amana;
use super::state::State as VaultLife;
use crate::access::integrity::{IntegrityRule, Look};
use crate::background::{Background, Working};
use crate::cancel::CancelToken;
use crate::model::diagnosis::Integrity;
use crate::model::notice::Notice;
use crate::ports::Clock;
use crate::storage::{Database, IntegritySink};

/// What a look is made with.
pub(super) struct Looking<'a> {
    clock: &'a Arc<dyn Clock>,
    database: &'a Database,
    background: &'a Arc<Background>,
    /// Cancelled once the database is going.
    ended: &'a CancelToken,
    /// Told once for each tree in which damage is found.
    damaged: Arc<dyn Fn() + Send + Sync>,
}

/// The look at every page of one open vault.
#[derive(Default)]
pub(super) struct IntegrityWatch {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// So that a call of the vault costs one load while no look is under way.
    is_running: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: CancelToken,
    trees: u32,
    looked: u32,
    damaged_now: u32,
    damaged_before: u32,
    ended_at_ms: Option<u64>,
}

/// How often to ask whether a look that is under way has ended.
const STEP_MS: u64 = 1_000;

impl IntegrityWatch {
    /// Begins or goes on, if the rule says so. Returns after how many milliseconds to ask again.
    pub(super) fn step(
        &self,
        rule: IntegrityRule,
        idle_ms: u64,
        syncing: bool,
        looking: &Looking<'_>,
    ) -> u64 {
        let mut state = self.shared.state();
        let since = state
            .ended_at_ms
            .map(|ended| looking.clock.monotonic_ms().saturating_sub(ended));
        match rule.decide(idle_ms, since, syncing) {
            Look::Wait(ms) => return ms,
            Look::Now if self.shared.is_running.load(Ordering::SeqCst) => return STEP_MS,
            Look::Now => {}
        }
        let Some(working) = looking.background.begin_if_awake() else {
            return rule.after_ms;
        };
        state.running = looking.ended.child();
        self.shared.is_running.store(true, Ordering::SeqCst);
        let sink = Sink {
            shared: Arc::clone(&self.shared),
            clock: Arc::clone(looking.clock),
            damaged: Arc::clone(&looking.damaged),
            _working: working,
        };
        // Nobody waits for the answer: the sink has it.
        drop(
            looking
                .database
                .check_pages(state.looked, sink, state.running.clone()),
        );
        STEP_MS
    }

    /// The app will be stopped: a look that is under way ends at its next page, and so does one that
    /// another thread is just beginning. Waits until it has begun.
    pub(super) fn stop(&self) {
        self.shared.state().running.cancel();
    }

    /// Somebody uses the vault: a look that is under way ends at its next page.
    pub(super) fn pause(&self) {
        if self.shared.is_running.load(Ordering::SeqCst) {
            self.shared.state().running.cancel();
        }
    }

    /// The token of the last look.
    #[cfg(test)]
    pub(super) fn running(&self) -> CancelToken {
        self.shared.state().running.clone()
    }

    /// How the look stands.
    pub(super) fn status(&self) -> Integrity {
        let state = self.shared.state();
        Integrity {
            progress: (state.trees > 0).then_some((state.looked, state.trees)),
            checked_at_ms: state.ended_at_ms,
            damaged_trees: state.damaged_now.max(state.damaged_before),
        }
    }
}

impl Amana {
    /// Begins a look at every page, or goes on with it, if it is time. Returns after how many
    /// milliseconds to ask again; none where there is nothing to look at.
    pub(super) fn look_at_pages(&self) -> Option<u64> {
        let rule = self.inner.config.integrity?;
        let open = match self.inner.life.now().as_deref() {
            Ok(VaultLife::Unlocked(open)) => Arc::clone(open),
            _ => return None,
        };
        let clock = &self.inner.system.clock;
        let idle_ms = open.held.last_use.idle_ms(clock.monotonic_ms());
        let observers = Arc::clone(&self.inner.observers);
        let damaged = Arc::new(move || observers.publish(Notice::Damage));
        let syncing = open.sync.is_running();
        let looking = Looking {
            clock,
            database: &open.database,
            background: &self.inner.background,
            ended: &open.ended,
            damaged,
        };
        Some(open.held.integrity.step(rule, idle_ms, syncing, &looking))
    }

    /// What the watching thread does when its time has come, for tests that move the clock.
    #[cfg(any(test, feature = "test-support"))]
    pub fn check_integrity(&self) {
        let _ = self.look_at_pages();
    }

    /// How the look at every page stands; none while the vault is locked. Never waits, and is no
    /// use of the vault.
    pub fn integrity(&self) -> Option<Integrity> {
        match self.inner.life.now().as_deref() {
            Ok(VaultLife::Unlocked(open)) => Some(open.held.integrity.status()),
            _ => None,
        }
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Sink {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    damaged: Arc<dyn Fn() + Send + Sync>,
    _working: Working,
}

impl IntegritySink for Sink {
    fn begun(&mut self, trees: u32) {
        let mut state = self.shared.state();
        if state.trees != trees {
            // The schema has changed since: what was looked at is another list.
            state.trees = trees;
        }
    }

    fn looked(&mut self, damaged: bool) {
        let mut state = self.shared.state();
        state.looked += 1;
        state.damaged_now += u32::from(damaged);
        if state.looked >= state.trees {
            state.ended_at_ms = Some(self.clock.monotonic_ms());
            state.damaged_before = state.damaged_now;
            (state.looked, state.trees, state.damaged_now) = (0, 0, 0);
        }
        drop(state);
        if damaged {
            (self.damaged)();
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.is_running.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_another_thread_is_just_beginning_is_stopped_too() {
        let watch = IntegrityWatch::default();
        let mut state = watch.shared.state();
        let stopped = std::thread::scope(|scope| {
            let stopping = scope.spawn(|| watch.stop());
            state.running = CancelToken::new();
            let running = state.running.clone();
            drop(state);
            stopping.join().unwrap();
            running
        });
        assert!(stopped.is_cancelled());
    }
}
