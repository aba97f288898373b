//! The thread that watches a vault: closes it when nobody uses it, has its pages looked at, and notes
//! how many records wait to be pushed.
//!
//! Every call is a sign of life.
//! The limit itself is held by the calls: one that comes too late is refused, whether the thread has
//! come to it or not.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::opened::Open;
use super::state::{Doing, State, locked};
use super::{Amana, Inner};
use crate::access::idle::{Idle, IdleRule};
use crate::error::{Error, Result};
use crate::model::notice::VaultState;

/// When an open vault was last used.
#[derive(Default)]
pub(super) struct LastUse {
    at_ms: AtomicU64,
    /// No call is let in until the vault is unlocked again.
    session_locked: AtomicBool,
}

impl LastUse {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            at_ms: AtomicU64::new(now_ms),
            session_locked: AtomicBool::new(false),
        }
    }

    /// A call comes: lets it in, and counts as use; or not.
    pub(super) fn let_in(&self, rule: Option<IdleRule>, now_ms: u64) -> bool {
        if self.is_locked(rule, now_ms) {
            self.session_locked.store(true, Ordering::SeqCst);
            return false;
        }
        self.at_ms.fetch_max(now_ms, Ordering::SeqCst);
        true
    }

    /// Whether calls are refused.
    pub(super) fn is_locked(&self, rule: Option<IdleRule>, now_ms: u64) -> bool {
        let in_time = rule
            .is_none_or(|rule| matches!(rule.decide(self.idle_ms(now_ms), false), Idle::Wait(_)));
        self.session_locked.load(Ordering::SeqCst) || !in_time
    }

    /// Somebody showed that they may use the vault.
    pub(super) fn renew(&self, now_ms: u64) {
        self.at_ms.fetch_max(now_ms, Ordering::SeqCst);
        self.session_locked.store(false, Ordering::SeqCst);
    }

    pub(super) fn idle_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.at_ms.load(Ordering::SeqCst))
    }
}

/// Ends the watching thread when the vault is dropped.
#[derive(Default)]
pub(super) struct Watch(Arc<Bell>);

/// What the watching thread waits for.
#[derive(Default)]
pub(super) struct Bell {
    rung: Mutex<Rung>,
    bell: Condvar,
}

#[derive(Default)]
struct Rung {
    ended: bool,
    news: bool,
    /// The vault goes on after a rest: what came meanwhile is due, and so may the lock be.
    woken: bool,
}

impl Bell {
    /// Records were changed, or pushed. Costs nothing where the thread knows it already.
    pub(super) fn come(&self) {
        let mut rung = self.rung();
        if !rung.news {
            rung.news = true;
            self.bell.notify_all();
        }
    }

    /// The vault's rest is over.
    pub(super) fn wake(&self) {
        self.rung().woken = true;
        self.bell.notify_all();
    }

    fn rung(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `enough`, or so long; whether the vault has ended.
    fn wait(&self, ms: u64, enough: impl Fn(&Rung) -> bool) -> bool {
        let wait = Duration::from_millis(ms.max(1));
        let waited = self
            .bell
            .wait_timeout_while(self.rung(), wait, |rung| !rung.ended && !enough(rung));
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    /// Whether there was news since this was last asked.
    fn take_news(&self) -> bool {
        std::mem::take(&mut self.rung().news)
    }

    /// Whether the vault was woken since this was last asked.
    fn take_woken(&self) -> bool {
        std::mem::take(&mut self.rung().woken)
    }
}

impl Watch {
    pub(super) fn news(&self) -> Arc<Bell> {
        Arc::clone(&self.0)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.rung().ended = true;
        self.0.bell.notify_all();
    }
}

impl Amana {
    /// Starts the thread.
    pub(super) fn watch(&self) -> Result<()> {
        let (vault, bell) = (Arc::downgrade(&self.inner), self.inner.watch.news());
        std::thread::Builder::new()
            .name("amana-watch".to_owned())
            .spawn(move || watch(&vault, &bell))
            .map(|_| ())
            .map_err(|_| Error::internal("no thread for the idle lock"))
    }

    /// What the watching thread does when its time has come, for tests that move the clock.
    #[cfg(any(test, feature = "test-support"))]
    pub fn check_idle_lock(&self) {
        if let Some(rule) = self.inner.config.idle_lock {
            self.check_idleness(rule);
        }
    }

    /// What the watching thread does each time. Returns after how many milliseconds to come again.
    pub(super) fn take_turn(&self, news: bool) -> u64 {
        // The end of a rest rings the bell, and counts as news.
        let Some(working) = self.inner.background.begin_if_awake() else {
            return RARELY_MS;
        };
        if news {
            self.inner.note_what_is_unsynced();
        }
        let rule = self.inner.config.idle_lock;
        // The lock first: a vault that is closed now is not looked at any more.
        let lock_ms = rule.map_or(RARELY_MS, |rule| self.check_idleness(rule));
        drop(working);
        lock_ms.min(self.look_at_pages().unwrap_or(RARELY_MS))
    }

    /// Looks whether the vault is idle, and does what the rule says. Returns after how many
    /// milliseconds to look again.
    pub(super) fn check_idleness(&self, rule: IdleRule) -> u64 {
        let open = match self.inner.life.now().as_deref() {
            Ok(State::Unlocked(open)) => Arc::clone(open),
            Ok(State::Changing(_)) => return LEASE_STEP_MS.min(rule.after_ms),
            _ => return rule.after_ms,
        };
        let now_ms = self.inner.system.clock.monotonic_ms();
        match rule.decide(open.held.last_use.idle_ms(now_ms), open.sync.is_running()) {
            Idle::Wait(ms) => ms,
            Idle::LockSession => {
                open.held
                    .last_use
                    .session_locked
                    .store(true, Ordering::SeqCst);
                open.end_session();
                self.inner.life.tell(VaultState::Locked);
                LEASE_STEP_MS
            }
            Idle::Close => {
                self.close_if_still(&open, rule);
                rule.after_ms
            }
        }
    }

    /// Locks, unless the vault was locked, opened anew or used in between.
    fn close_if_still(&self, idle: &Arc<Open>, rule: IdleRule) {
        let life = &self.inner.life;
        let begun = life.begin(Doing::Closing, |state| match state {
            State::Unlocked(open) if Arc::ptr_eq(open, idle) && self.is_due(open, rule) => Ok(()),
            _ => Err(locked()),
        });
        if let Ok((change, ())) = begun {
            self.inner.shut(idle);
            change.end(State::Locked);
        }
    }

    fn is_due(&self, open: &Open, rule: IdleRule) -> bool {
        let now_ms = self.inner.system.clock.monotonic_ms();
        let idle_ms = open.held.last_use.idle_ms(now_ms);
        rule.decide(idle_ms, open.sync.is_running()) == Idle::Close
    }
}

/// How often to look whether a sync that holds a lease has ended, or a change of the state.
const LEASE_STEP_MS: u64 = 1_000;

/// How far the note of what is unsynced may be behind: one write of it for a burst of changes.
const NOTE_AFTER_MS: u64 = 2_000;
/// Without an idle lock the thread only waits for news.
const RARELY_MS: u64 = 60 * 60 * 1000;

fn watch(vault: &Weak<Inner>, bell: &Bell) {
    let mut next_ms = 1;
    loop {
        if bell.wait(next_ms, |rung| rung.news || rung.woken) {
            return;
        }
        let news = bell.take_news();
        if news && bell.wait(NOTE_AFTER_MS, |rung| rung.woken) {
            return;
        }
        let news = bell.take_woken() || news;
        let Some(inner) = vault.upgrade() else { return };
        next_ms = Amana { inner }.take_turn(news);
    }
}
