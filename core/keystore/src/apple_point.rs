//! What the Secure Enclave is asked: the point of a derivation. No call, so that it is tested on every
//! host.
//!
//! The enclave only knows ECDH, so an input becomes a point of P-256, and the enclave answers with its
//! private key times that point. The point comes from RFC 9380's hash to curve: nobody knows its
//! discrete logarithm, so that only the enclave can answer. With a point made as scalar times generator
//! whoever knows the enclave's PUBLIC key could answer in its place.

use p256::NistP256;
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::hash2curve::GroupDigest as _;
use zeroize::Zeroizing;

use crate::error::KeyStoreError;

/// A point as Apple takes it (ANSI X9.63): 04, x, y.
pub(crate) const POINT_LENGTH: usize = 65;

/// RFC 9380, section 3.1: the application, its version, the suite. Changing it would lose every vault
/// on an iPhone.
const DOMAIN: &[u8] = b"amana-secure-enclave-V02-with-P256_XMD:SHA-256_SSWU_RO_";

/// The point of an input, always the same one.
pub(crate) fn of_input(input: &[u8; 32]) -> Result<Zeroizing<[u8; POINT_LENGTH]>, KeyStoreError> {
    hash(input, DOMAIN)
}

fn hash(message: &[u8], domain: &[u8]) -> Result<Zeroizing<[u8; POINT_LENGTH]>, KeyStoreError> {
    let encoded = NistP256::hash_from_bytes(&[message], &[domain])
        .map_err(|_| KeyStoreError::HardwareFailure)?
        .to_affine()
        .to_sec1_point(false);
    let mut point = Zeroizing::new([0; POINT_LENGTH]);
    // The neutral element has a shorter form. No input is known that leads to it.
    if encoded.as_bytes().len() != POINT_LENGTH {
        return Err(KeyStoreError::HardwareFailure);
    }
    point.copy_from_slice(encoded.as_bytes());
    Ok(point)
}

#[cfg(test)]
mod tests {
    use p256::elliptic_curve::point::AffineCoordinates as _;
    use p256::{PublicKey, SecretKey};

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

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 9380, appendix J.1.1.
    #[test]
    fn the_points_of_the_standard() {
        let long = |start: &str, letter: &str, count| format!("{start}{}", letter.repeat(count));
        for (message, x, y) in [
            (
                String::new(),
                "2c15230b26dbc6fc9a37051158c95b79656e17a1a920b11394ca91c44247d3e4",
                "8a7a74985cc5c776cdfe4b1f19884970453912e9d31528c060be9ab5c43e8415",
            ),
            (
                "abc".to_owned(),
                "0bb8b87485551aa43ed54f009230450b492fead5f1cc91658775dac4a3388a0f",
                "5c41b3d0731a27a7b14bc0bf0ccded2d8751f83493404c84a88e71ffd424212e",
            ),
            (
                "abcdef0123456789".to_owned(),
                "65038ac8f2b1def042a5df0b33b1f4eca6bff7cb0f9c6c1526811864e544ed80",
                "cad44d40a656e7aff4002a8de287abc8ae0482b5ae825822bb870d6df9b56ca3",
            ),
            (
                long("q128_", "q", 128),
                "4be61ee205094282ba8a2042bcb48d88dfbb609301c49aa8b078533dc65a0b5d",
                "98f8df449a072c4721d241a3b1236d3caccba603f916ca680f4539d2bfb3c29e",
            ),
            (
                long("a512_", "a", 512),
                "457ae2981f70ca85d8e24c308b14db22f3e3862c5ea0f652ca38b5e49cd64bc5",
                "ecb9f0eadc9aeed232dabc53235368c1394c78de05dd96893eefa62b0f4757dc",
            ),
        ] {
            let domain = b"QUUX-V01-CS02-with-P256_XMD:SHA-256_SSWU_RO_";
            let point = hash(message.as_bytes(), domain).unwrap();
            assert_eq!(hex(point.as_slice()), format!("04{x}{y}"));
        }
    }

    #[test]
    fn the_point_of_an_input_never_changes() {
        // Changing this would lose every vault on an iPhone. Computed apart from this code.
        let point = of_input(&[7; 32]).unwrap();
        assert_eq!(
            hex(point.as_slice()),
            concat!(
                "04",
                "b74ca6a34fdd5664ec81c4da458d7da7c00fb4f0e9c3365d3727aea6433638b5",
                "eb5fd203c3691fce2d6e39c7d068bcc7f8e9d522afff5755edca3c0507da3de5"
            )
        );
        let private = SecretKey::from_slice(&[1; 32]).unwrap();
        assert_eq!(
            hex(&derive(&private, &[7; 32])),
            "c47e585783199d0a003534c4950625c81699cd2691510f3ea0dad8d54e9bee50"
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
