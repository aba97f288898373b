//! A key store in memory, for tests. Its secrets go with it.

use std::collections::HashMap;
use std::sync::Mutex;

use zeroize::Zeroizing;

use crate::error::KeyStoreError;
use crate::traits::{Alias, AttemptCopy, Derived, KeyStore, Probe, SecurityLevel};

/// A key store in memory.
#[derive(Default)]
pub struct MemoryKeyStore {
    secrets: Mutex<HashMap<Alias, Zeroizing<[u8; 32]>>>,
}

impl MemoryKeyStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(
        &self,
        use_secrets: impl FnOnce(&mut HashMap<Alias, Zeroizing<[u8; 32]>>) -> T,
    ) -> Result<T, KeyStoreError> {
        self.secrets
            .lock()
            .map(|mut secrets| use_secrets(&mut secrets))
            .map_err(|_| KeyStoreError::HardwareFailure)
    }
}

impl KeyStore for MemoryKeyStore {
    // The only randomness outside the core: a device secret is the key store's own.
    #[allow(clippy::disallowed_methods)]
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| KeyStoreError::HardwareFailure)?;
        self.with(|secrets| {
            if secrets.contains_key(alias) {
                return Err(KeyStoreError::HardwareFailure);
            }
            secrets.insert(alias.clone(), secret);
            Ok(SecurityLevel::Unprotected)
        })?
    }

    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        self.with(|secrets| secrets.contains_key(alias))?
            .then_some(Probe {
                level: SecurityLevel::Unprotected,
            })
            .ok_or(KeyStoreError::Absent)
    }

    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        self.with(|secrets| {
            let secret = secrets.get(alias).ok_or(KeyStoreError::Absent)?;
            crate::derivation::from_secret(secret, input)
        })?
    }

    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.with(|secrets| secrets.remove(alias)).map(|_| ())
    }
}

/// Copies of the counts of wrong PINs in memory, for tests.
#[derive(Default)]
pub struct MemoryAttemptCopy {
    items: Mutex<HashMap<Alias, Vec<u8>>>,
}

impl MemoryAttemptCopy {
    fn with<T>(
        &self,
        use_items: impl FnOnce(&mut HashMap<Alias, Vec<u8>>) -> T,
    ) -> Result<T, KeyStoreError> {
        self.items
            .lock()
            .map(|mut items| use_items(&mut items))
            .map_err(|_| KeyStoreError::HardwareFailure)
    }
}

impl AttemptCopy for MemoryAttemptCopy {
    fn read(&self, alias: &Alias) -> Result<Option<Vec<u8>>, KeyStoreError> {
        self.with(|items| items.get(alias).cloned())
    }

    fn write(&self, alias: &Alias, bytes: &[u8]) -> Result<(), KeyStoreError> {
        self.with(|items| items.insert(alias.clone(), bytes.to_vec()))
            .map(|_| ())
    }

    fn remove(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.with(|items| items.remove(alias)).map(|_| ())
    }
}
