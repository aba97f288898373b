//! What the Secure Enclave is asked: the point of a derivation. No call, so that it is tested on every
//! host.
//!
//! The enclave only knows ECDH, so an input becomes a point of P-256: input → HKDF → scalar → its public
//! point. The enclave answers with its private key times that point.
//!
//! Because the scalar follows from the input, the answer also follows from the input and the enclave's
//! PUBLIC key. That key is therefore treated as a secret: it is never exported and stands in no file or
//! record of ours.

use hkdf::Hkdf;
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::KeyStoreError;

/// A point as Apple takes it (ANSI X9.63): 04, x, y.
pub(crate) const POINT_LENGTH: usize = 65;

/// The point of an input, always the same one.
pub(crate) fn of_input(input: &[u8; 32]) -> Result<Zeroizing<[u8; POINT_LENGTH]>, KeyStoreError> {
    let expansion = Hkdf::<Sha256>::new(None, input);
    let mut candidate = Zeroizing::new([0; 32]);
    // Of 2^32 candidates one is no scalar (0, or not below the group's order): then the next is taken.
    for attempt in 0..=u8::MAX {
        expansion
            .expand_multi_info(
                &[b"amana secure enclave scalar 1", &[attempt]],
                candidate.as_mut_slice(),
            )
            .map_err(|_| KeyStoreError::HardwareFailure)?;
        if let Ok(scalar) = SecretKey::from_slice(candidate.as_slice()) {
            return encode(&scalar);
        }
    }
    Err(KeyStoreError::HardwareFailure)
}

fn encode(scalar: &SecretKey) -> Result<Zeroizing<[u8; POINT_LENGTH]>, KeyStoreError> {
    let encoded = scalar.public_key().to_sec1_point(false);
    let mut point = Zeroizing::new([0; POINT_LENGTH]);
    if encoded.as_bytes().len() != POINT_LENGTH {
        return Err(KeyStoreError::HardwareFailure);
    }
    point.copy_from_slice(encoded.as_bytes());
    Ok(point)
}

#[cfg(test)]
mod tests {
    use p256::PublicKey;
    use p256::elliptic_curve::point::AffineCoordinates as _;

    use super::*;
    use crate::derivation::{Store, from_answer};

    /// What the enclave does with a point.
    fn enclave(private: &SecretKey, point: &[u8; POINT_LENGTH]) -> [u8; 32] {
        let point = PublicKey::from_sec1_bytes(point).unwrap().to_projective();
        let product = point * *private.to_nonzero_scalar();
        product.to_affine().x().into()
    }

    fn derive(private: &SecretKey, input: &[u8; 32]) -> [u8; 32] {
        let answer = enclave(private, &of_input(input).unwrap());
        *from_answer(&answer, input, Store::SecureEnclave)
            .unwrap()
            .expose()
    }

    #[test]
    fn the_point_of_an_input_never_changes() {
        // Changing this would lose every vault on an iPhone. Computed apart from this code.
        let point = of_input(&[7; 32]).unwrap();
        let hex: String = point.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            concat!(
                "04",
                "e43e2bc9d1b17f9b1e24aa4ec08fce4f21f3da6f0d228fd9126016beb2afa84d",
                "fd4743554d4b13a997f9a94491c659248e40d777a91c6761738f6d58935ac4c4"
            )
        );
    }

    #[test]
    fn two_inputs_and_two_enclaves_derive_four_things() {
        let keys = [[1; 32], [2; 32]].map(|bytes| SecretKey::from_slice(&bytes).unwrap());
        let mut seen = std::collections::HashSet::new();
        for key in &keys {
            for input in [[0x11; 32], [0x12; 32]] {
                let derived = derive(key, &input);
                assert_eq!(derived, derive(key, &input));
                assert!(seen.insert(derived));
            }
        }
    }
}
