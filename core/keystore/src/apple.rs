//! Secrets on Apple's devices: a P-256 key in the Secure Enclave, else 256 random bytes in the keychain.
//! Touches nothing but items of its own services. Keeps nothing in memory.
//!
//! One keychain item per alias says where the secret is (`apple_record`); adding it is the atomic step of
//! `create`. All of it stays on this device: no backup, no other device, no iCloud.

mod counts;
mod enclave;
mod keychain;

use zeroize::Zeroizing;

use crate::apple_point;
use crate::apple_record::Record;
use crate::derivation::{Store, from_answer, from_secret};
use crate::error::KeyStoreError;
use crate::options::{KeyStoreOptions, Presence};
use crate::traits::{Alias, AttemptCopy, Derived, KeyStore, Probe, SecurityLevel};

/// The key store of an Apple device.
#[derive(Debug)]
pub(crate) struct AppleKeyStore {
    options: KeyStoreOptions,
}

impl AppleKeyStore {
    /// Asks nothing yet.
    pub(crate) fn new(options: KeyStoreOptions) -> Self {
        Self { options }
    }

    fn create_in_enclave(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        let key = enclave::generate(alias, self.options)?;
        if let Err(error) = keychain::add(alias, &Record::Enclave(key), self.options) {
            // Another creator was quicker, or the keychain failed: the new key alone is taken back.
            // Should that fail too, it is a key that no item names; `delete` of this alias finds it.
            let _ = enclave::delete_one(alias, &key);
            return Err(error);
        }
        Ok(SecurityLevel::SecureElement)
    }

    // The only randomness outside the core: a device secret is the key store's own.
    #[allow(clippy::disallowed_methods)]
    fn create_in_keychain(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut_slice()).map_err(|_| KeyStoreError::HardwareFailure)?;
        keychain::add(alias, &Record::Keychain(secret), self.options)?;
        Ok(SecurityLevel::Software)
    }
}

impl KeyStore for AppleKeyStore {
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        match keychain::read(alias) {
            Err(KeyStoreError::Absent) => {}
            Ok(_) => return Err(KeyStoreError::HardwareFailure),
            // whoever cannot look must not make
            Err(error) => return Err(error),
        }
        match self.create_in_enclave(alias) {
            // Only what is final: a locked device must not end with a lesser secret. A taken alias
            // comes here as well, and is refused again by the keychain.
            Err(KeyStoreError::HardwareFailure) if self.options.presence == Presence::None => {
                self.create_in_keychain(alias)
            }
            other => other,
        }
    }

    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        let level = match keychain::read(alias)? {
            Record::Keychain(_) => SecurityLevel::Software,
            Record::Enclave(key) => {
                enclave::find(alias, &key)?;
                SecurityLevel::SecureElement
            }
        };
        Ok(Probe { level })
    }

    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        match keychain::read(alias)? {
            Record::Keychain(secret) => from_secret(&secret, input),
            Record::Enclave(key) => {
                let key = enclave::find(alias, &key)?;
                let point = apple_point::of_input(input)?;
                let answer = enclave::exchange(&key, &point)?;
                from_answer(&answer, input, Store::SecureEnclave)
            }
        }
    }

    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        // The secret before what names it, so that a delete that was cut off can be repeated.
        enclave::delete_all(alias)?;
        keychain::delete(alias)
    }

    fn attempt_copy(&self) -> Option<&dyn AttemptCopy> {
        Some(self)
    }
}
