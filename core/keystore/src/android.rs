//! Secrets in AndroidKeyStore: HMAC-SHA-256 keys that never leave it. Speaks to the framework's own
//! classes over JNI. Keeps no Java object, and leaves neither a thread attached nor an exception
//! pending.
//!
//! `derive`: input → HMAC in the key store → HKDF.

mod framework;
#[cfg(feature = "android-on-host")]
#[cfg(test)]
mod host_tests;
mod java;
mod thrown;

use std::sync::Mutex;

use jni::Env;
use jni::objects::JObject;
use zeroize::Zeroizing;

use crate::android_status;
use crate::derivation::{Store, from_answer};
use crate::error::KeyStoreError;
use crate::options::KeyStoreOptions;
use crate::traits::{Alias, Derived, KeyStore, Probe, SecurityLevel};

use java::Failure;
pub use java::on_load;

/// Generating a key replaces one of the same alias silently, so looking and making are one step.
/// (Between processes the vault's own lock sees to that.)
static CREATING: Mutex<()> = Mutex::new(());

/// The key store of an Android device.
#[derive(Debug)]
pub struct AndroidKeyStore {
    options: KeyStoreOptions,
}

impl AndroidKeyStore {
    /// Needs the JVM, which [`on_load`] has been given; none without it.
    pub fn new(options: KeyStoreOptions) -> Option<Self> {
        java::is_there().then_some(Self { options })
    }
}

impl KeyStore for AndroidKeyStore {
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        // A creator that panicked has left nothing half done here.
        let _one_at_a_time = CREATING
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match self.probe(alias) {
            Err(KeyStoreError::Absent) => {}
            Ok(_) => return Err(KeyStoreError::HardwareFailure),
            // whoever cannot look must not make
            Err(error) => return Err(error),
        }
        let made = java::with(|env| framework::generate(env, alias, self.options, true));
        match made {
            Err(java::Thrown { chain, .. })
                if self.options.strong_box && android_status::is_strong_box_refusal(&chain) =>
            {
                java::with(|env| framework::generate(env, alias, self.options, false))?;
            }
            other => other?,
        }
        Ok(self.probe(alias)?.level)
    }

    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        let level = java::with(|env| {
            let key = present(env, alias)?;
            framework::level(env, &key)
        })?;
        Ok(Probe { level })
    }

    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        let answer: Zeroizing<[u8; 32]> = java::with(|env| {
            let key = present(env, alias)?;
            framework::hmac(env, &key, input)
        })?;
        from_answer(&answer, input, Store::AndroidKeyStore)
    }

    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        let Err(error) = java::with(|env| framework::delete(env, alias)) else {
            return Ok(());
        };
        // Some versions complain of what is not there.
        match self.probe(alias) {
            Err(KeyStoreError::Absent) => Ok(()),
            _ => Err(error.into()),
        }
    }
}

fn present<'local>(env: &mut Env<'local>, alias: &Alias) -> Result<JObject<'local>, Failure> {
    framework::load(env, alias)?.ok_or(Failure::Store(KeyStoreError::Absent))
}
