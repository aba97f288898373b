//! Derivation in software, for the stores that have no hardware to ask.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::KeyStoreError;
use crate::traits::Derived;

/// HKDF-SHA-256 with the device secret as key material and the input as salt.
pub(crate) fn derive(secret: &[u8; 32], input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
    let mut out = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(input), secret)
        .expand(b"amana device secret 1", out.as_mut_slice())
        .map_err(|_| KeyStoreError::HardwareFailure)?;
    Ok(Derived::new(out))
}
