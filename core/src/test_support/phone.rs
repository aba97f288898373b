//! A phone's key store, simulated: what reboots, locks, new fingers, slow or forgetful stores do to
//! an app. Its secrets are numbered in the order of their making, so that a life can be played again.
//!
//! Time is the fake clock's: waiting and slow answers move it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use amana_keystore::{Alias, Derived, KeyStore, KeyStoreError, Probe, SecurityLevel};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::fakes::FakeClock;
use crate::cancel::CancelToken;
use crate::error::Result as CoreResult;
use crate::ports::{Clock, Timer};

/// A phone: its key store, and a timer that moves its clock.
pub struct Phone {
    clock: Arc<FakeClock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Number of the secret under each alias: a new one under an old alias is another.
    secrets: BTreeMap<String, Secret>,
    made: u64,
    before_first_unlock: bool,
    locked: bool,
    /// New secrets can be used only while the phone is unlocked.
    strict: bool,
    kill_after: Option<u32>,
    says_absent_until: u64,
    fails_until: u64,
    slow_ms: u64,
    calls: Vec<&'static str>,
}

struct Secret {
    number: u64,
    needs_presence: bool,
    strict: bool,
    invalidated: bool,
}

/// What a secret will answer, apart from a store that cannot answer now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretState {
    /// It derives.
    There,
    /// It derives, but not while the phone is locked.
    LockedAway,
    /// It was never there, or is gone.
    Gone,
    /// The system has invalidated it.
    Invalidated,
}

impl Phone {
    /// A phone that is switched on and unlocked, with this clock.
    pub fn new(clock: Arc<FakeClock>) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Switched off and on: until it is unlocked once, its key store answers nothing.
    pub fn reboot(&self) {
        self.clock.reboot();
        let mut state = self.state();
        state.before_first_unlock = true;
        state.locked = true;
    }

    /// The person unlocks the phone.
    pub fn unlock(&self) {
        let mut state = self.state();
        state.before_first_unlock = false;
        state.locked = false;
    }

    /// The person, or time, locks the phone. Only secrets of strict mode care.
    pub fn lock(&self) {
        self.state().locked = true;
    }

    /// Whether secrets made from now on are of strict mode: to be used only while the phone is
    /// unlocked.
    pub fn set_strict(&self, strict: bool) {
        self.state().strict = strict;
    }

    /// The person turns the lock screen off. On Android 12 to 14 that deletes the secrets of strict
    /// mode, on every Android those that need presence.
    pub fn remove_lock_screen(&self) {
        let mut state = self.state();
        state.secrets.retain(|_, secret| !secret.strict);
        for secret in state.secrets.values_mut() {
            secret.invalidated |= secret.needs_presence;
        }
        state.locked = false;
    }

    /// The process is killed right after so many more calls have done what they were asked. Only
    /// under [`PhoneDisk::run`](super::PhoneDisk::run).
    pub fn kill_after(&self, calls: u32) {
        self.state().kill_after = Some(calls);
    }

    /// Nothing is going to be killed any more.
    pub fn spare(&self) {
        self.state().kill_after = None;
    }

    /// For so long, the key store says "not found" to everything.
    pub fn says_absent_for(&self, duration: Duration) {
        self.state().says_absent_until = self.after(duration);
    }

    /// For so long, the key store cannot answer.
    pub fn fails_for(&self, duration: Duration) {
        self.state().fails_until = self.after(duration);
    }

    /// From now on, each answer takes so long.
    pub fn answers_after(&self, duration: Duration) {
        self.state().slow_ms = milliseconds(duration);
    }

    /// A new finger: secrets that need presence are gone for good.
    pub fn new_finger(&self) {
        for secret in self.state().secrets.values_mut() {
            secret.invalidated |= secret.needs_presence;
        }
    }

    /// "Clear data", or another phone: every secret is gone. What files there were is the test's.
    pub fn clear_secrets(&self) {
        self.state().secrets.clear();
    }

    /// Somebody, or a fault, replaces every secret by another one.
    pub fn replace_secrets(&self) {
        let state = &mut *self.state();
        for secret in state.secrets.values_mut() {
            state.made += 1;
            secret.number = state.made;
        }
    }

    /// What the platform does for a biometric slot: makes a secret that needs presence.
    pub fn create_with_presence(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        self.make(alias, true)
    }

    /// The platform's prompt, confirmed by the person.
    pub fn derive_with_presence(
        &self,
        alias: &Alias,
        input: &[u8; 32],
    ) -> Result<Derived, KeyStoreError> {
        self.answer("presence")?;
        self.derive_from(alias, input, true)
    }

    /// What a secret would answer.
    pub fn secret(&self, alias: &Alias) -> SecretState {
        let state = self.state();
        match state.secrets.get(alias.as_str()) {
            None => SecretState::Gone,
            Some(secret) if secret.invalidated => SecretState::Invalidated,
            Some(secret) if secret.strict && state.locked => SecretState::LockedAway,
            Some(_) => SecretState::There,
        }
    }

    /// For how many milliseconds the store still cannot answer, `None` if no time will help; and for
    /// how many it says "not found".
    pub fn weather(&self) -> (Option<u64>, u64) {
        let now = self.clock.monotonic_ms();
        let state = self.state();
        let fails = (!state.before_first_unlock).then(|| state.fails_until.saturating_sub(now));
        (fails, state.says_absent_until.saturating_sub(now))
    }

    /// The aliases that have a secret.
    pub fn aliases(&self) -> Vec<String> {
        self.state().secrets.keys().cloned().collect()
    }

    /// The calls since this was last asked.
    pub fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.state().calls)
    }

    fn after(&self, duration: Duration) -> u64 {
        self.clock.monotonic_ms() + milliseconds(duration)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, call: &'static str) -> Result<(), KeyStoreError> {
        let mut state = self.state();
        state.calls.push(call);
        self.clock.advance(state.slow_ms);
        let now = self.clock.monotonic_ms();
        if state.before_first_unlock || now < state.fails_until {
            return Err(KeyStoreError::Transient);
        }
        if now < state.says_absent_until {
            return Err(KeyStoreError::Absent);
        }
        Ok(())
    }

    /// A call has done what it was asked.
    fn done(&self) {
        let mut state = self.state();
        match &mut state.kill_after {
            Some(0) => {
                state.kill_after = None;
                drop(state);
                super::disk::kill();
            }
            Some(left) => *left -= 1,
            None => {}
        }
    }

    fn make(&self, alias: &Alias, needs_presence: bool) -> Result<SecurityLevel, KeyStoreError> {
        self.answer("create")?;
        let mut state = self.state();
        if state.secrets.contains_key(alias.as_str()) {
            return Err(KeyStoreError::HardwareFailure);
        }
        state.made += 1;
        let secret = Secret {
            number: state.made,
            needs_presence,
            strict: state.strict,
            invalidated: false,
        };
        state.secrets.insert(alias.as_str().to_owned(), secret);
        drop(state);
        self.done();
        Ok(SecurityLevel::TrustedEnvironment)
    }

    fn derive_from(
        &self,
        alias: &Alias,
        input: &[u8; 32],
        present: bool,
    ) -> Result<Derived, KeyStoreError> {
        let state = self.state();
        let secret = state
            .secrets
            .get(alias.as_str())
            .ok_or(KeyStoreError::Absent)?;
        if secret.invalidated {
            return Err(KeyStoreError::Invalidated);
        }
        if secret.strict && state.locked {
            return Err(KeyStoreError::Transient);
        }
        if secret.needs_presence && !present {
            return Err(KeyStoreError::Denied);
        }
        let mut hash = Sha256::new();
        hash.update(secret.number.to_be_bytes());
        hash.update(alias.as_str());
        hash.update(input);
        let mut out = Zeroizing::new([0; 32]);
        out.copy_from_slice(&hash.finalize());
        Ok(Derived::new(out))
    }
}

impl KeyStore for Phone {
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        self.make(alias, false)
    }

    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        self.answer("probe")?;
        match self.state().secrets.get(alias.as_str()) {
            None => Err(KeyStoreError::Absent),
            Some(secret) if secret.invalidated => Err(KeyStoreError::Invalidated),
            Some(_) => Ok(Probe {
                level: SecurityLevel::TrustedEnvironment,
            }),
        }
    }

    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        self.answer("derive")?;
        self.derive_from(alias, input, false)
    }

    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        // A store that says "not found" says that there is nothing to delete, and deletes nothing.
        match self.answer("delete") {
            Err(KeyStoreError::Absent) => return Ok(()),
            other => other?,
        }
        self.state().secrets.remove(alias.as_str());
        self.done();
        Ok(())
    }
}

impl Timer for Phone {
    fn wait(&self, duration: Duration, cancel: &CancelToken) -> CoreResult<()> {
        cancel.check()?;
        self.clock.advance(milliseconds(duration));
        Ok(())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
