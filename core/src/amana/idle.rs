//! Carries the idle lock out: every call is a sign of life, and a thread closes what nobody uses.
//!
//! The limit itself is held by the calls: one that comes too late is refused, whether the thread has
//! come to it or not.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::{Amana, Inner, Open, State};
use crate::access::idle::{Idle, IdleRule};
use crate::error::{Error, Result};

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

    fn idle_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.at_ms.load(Ordering::SeqCst))
    }
}

/// Ends the watching thread when the vault is dropped.
#[derive(Default)]
pub(super) struct Watch(Arc<(Mutex<bool>, Condvar)>);

impl Drop for Watch {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

impl Amana {
    /// Starts the thread that closes the vault when nobody uses it.
    pub(super) fn watch_idleness(&self) -> Result<()> {
        let Some(rule) = self.inner.config.idle_lock else {
            return Ok(());
        };
        let (vault, end) = (Arc::downgrade(&self.inner), Arc::clone(&self.inner.watch.0));
        std::thread::Builder::new()
            .name("amana-idle".to_owned())
            .spawn(move || watch(&vault, &end, rule))
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

    /// Looks whether the vault is idle, and does what the rule says. Returns after how many
    /// milliseconds to look again.
    pub(super) fn check_idleness(&self, rule: IdleRule) -> u64 {
        let open = match self.inner.state().as_deref() {
            Ok(State::Unlocked(open)) => Arc::clone(open),
            _ => return rule.after_ms,
        };
        let now_ms = self.inner.system.clock.monotonic_ms();
        match rule.decide(open.last_use.idle_ms(now_ms), open.sync.is_running()) {
            Idle::Wait(ms) => ms,
            Idle::LockSession => {
                open.last_use.session_locked.store(true, Ordering::SeqCst);
                open.end_session();
                // The end of the sync, or of its lease, is what is waited for.
                LEASE_STEP_MS
            }
            Idle::Close => {
                self.close_if_still(&open);
                rule.after_ms
            }
        }
    }

    /// Locks, unless the vault was locked or used in between.
    fn close_if_still(&self, open: &Arc<Open>) {
        open.last_use.session_locked.store(true, Ordering::SeqCst);
        // An error means that it is closed already.
        let _ = self.lock();
    }
}

/// How often to look whether a sync that holds a lease has ended.
const LEASE_STEP_MS: u64 = 1_000;

fn watch(vault: &Weak<Inner>, end: &(Mutex<bool>, Condvar), rule: IdleRule) {
    let mut next_ms = rule.after_ms;
    loop {
        let ended = end.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = Duration::from_millis(next_ms.max(1));
        let waited = end.1.wait_timeout_while(ended, wait, |ended| !*ended);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
        let Some(inner) = vault.upgrade() else { return };
        next_ms = Amana { inner }.check_idleness(rule);
    }
}
