//! A phone's key store, simulated: what reboots, locks, new fingers, slow or forgetful stores do to
//! an app. Its secrets are computed from its seed, so that a life can be played again.
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
    says_absent_until: u64,
    fails_until: u64,
    slow_ms: u64,
    calls: Vec<&'static str>,
}

struct Secret {
    number: u64,
    needs_presence: bool,
    invalidated: bool,
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
        self.state().before_first_unlock = true;
    }

    /// The person unlocks the phone.
    pub fn unlock(&self) {
        self.state().before_first_unlock = false;
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
            invalidated: false,
        };
        state.secrets.insert(alias.as_str().to_owned(), secret);
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
