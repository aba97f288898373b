//! Which key store the current target has. Chooses, and nothing else.

use std::fmt;
use std::sync::Arc;

use crate::options::KeyStoreOptions;
use crate::traits::KeyStore;

/// Why there is no platform key store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoPlatformKeyStore {
    /// This target has none.
    Unsupported,
    /// Android: the library was not loaded by `System.loadLibrary`, so that it does not know the JVM.
    NoJavaVm,
}

impl fmt::Display for NoPlatformKeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsupported => "this platform has no key store",
            Self::NoJavaVm => "the library was not loaded by System.loadLibrary",
        })
    }
}

impl std::error::Error for NoPlatformKeyStore {}

/// The key store of this device: Secure Enclave and Keychain on Apple's, AndroidKeyStore on Android.
/// Touches no secret yet, and does not ask the key store anything.
#[cfg(target_vendor = "apple")]
pub fn platform_key_store(
    options: KeyStoreOptions,
) -> Result<Arc<dyn KeyStore>, NoPlatformKeyStore> {
    Ok(Arc::new(crate::apple::AppleKeyStore::new(options)))
}

/// The key store of this device: Secure Enclave and Keychain on Apple's, AndroidKeyStore on Android.
/// Touches no secret yet, and does not ask the key store anything.
#[cfg(target_os = "android")]
pub fn platform_key_store(
    options: KeyStoreOptions,
) -> Result<Arc<dyn KeyStore>, NoPlatformKeyStore> {
    crate::android::AndroidKeyStore::new(options)
        .map(|store| Arc::new(store) as _)
        .ok_or(NoPlatformKeyStore::NoJavaVm)
}

/// The key store of this device: Secure Enclave and Keychain on Apple's, AndroidKeyStore on Android.
/// Here there is none.
#[cfg(not(any(target_vendor = "apple", target_os = "android")))]
pub fn platform_key_store(_: KeyStoreOptions) -> Result<Arc<dyn KeyStore>, NoPlatformKeyStore> {
    Err(NoPlatformKeyStore::Unsupported)
}

#[cfg(all(test, not(any(target_vendor = "apple", target_os = "android"))))]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_none_whatever_is_built_for_tests() {
        let none = platform_key_store(KeyStoreOptions::default()).err();
        assert_eq!(none, Some(NoPlatformKeyStore::Unsupported));
    }
}
