//! The last step of every derivation, in software: HKDF-SHA-256.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::KeyStoreError;
use crate::traits::Derived;

/// For the stores that hold the secret themselves: the secret as key material, the input as salt.
#[cfg(any(feature = "memory", feature = "file", target_vendor = "apple"))]
pub(crate) fn from_secret(secret: &[u8; 32], input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
    expand(secret, input, b"amana device secret 1")
}

/// For the stores that ask hardware: its answer as key material, the input as salt.
#[cfg(any(
    test,
    target_vendor = "apple",
    target_os = "android",
    feature = "android-on-host"
))]
pub(crate) fn from_answer(
    answer: &[u8; 32],
    input: &[u8; 32],
    store: Store,
) -> Result<Derived, KeyStoreError> {
    match store {
        #[cfg(any(test, target_vendor = "apple"))]
        Store::SecureEnclave => expand(answer, input, b"amana secure enclave 2"),
        #[cfg(any(target_os = "android", feature = "android-on-host"))]
        Store::AndroidKeyStore => expand(answer, input, b"amana android key store 1"),
    }
}

/// Whose answer it is. Each has a label of its own, with the version of its derivation.
#[cfg(any(
    test,
    target_vendor = "apple",
    target_os = "android",
    feature = "android-on-host"
))]
#[derive(Clone, Copy)]
pub(crate) enum Store {
    /// ECDH in the Secure Enclave.
    #[cfg(any(test, target_vendor = "apple"))]
    SecureEnclave,
    /// HMAC in AndroidKeyStore.
    #[cfg(any(target_os = "android", feature = "android-on-host"))]
    AndroidKeyStore,
}

fn expand(material: &[u8; 32], salt: &[u8; 32], label: &[u8]) -> Result<Derived, KeyStoreError> {
    let mut out = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), material)
        .expand(label, out.as_mut_slice())
        .map_err(|_| KeyStoreError::HardwareFailure)?;
    Ok(Derived::new(out))
}
