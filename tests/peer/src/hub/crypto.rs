//! The hub's sealed channel, written from its description: key agreement, key derivation, and
//! envelopes. Shares no code with the client that it is used to test.

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use sha2::Sha256;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

/// The salt of the key derivation.
const SALT: &[u8] = b"hikma-health-pairing-v1";
/// The length of a nonce and of a tag: a shorter envelope is none.
const NONCE: usize = 12;
const TAG: usize = 16;

/// A key of 32 bytes: of a pair, or of a session.
pub type Key = [u8; 32];

/// The public half of a private key.
pub fn public_key(private: &Key) -> Key {
    x25519(*private, X25519_BASEPOINT_BYTES)
}

/// The key of a session, the same on both sides. Nothing if the agreed point is zero, which only
/// a bad public key leads to.
pub fn session_key(own_private: &Key, other_public: &Key, hub: &Key, client: &Key) -> Option<Key> {
    let shared = x25519(*own_private, *other_public);
    if shared == [0; 32] {
        return None;
    }
    let mut info = [0u8; 64];
    let (first, second) = info.split_at_mut(32);
    first.copy_from_slice(hub);
    second.copy_from_slice(client);
    let mut key = [0u8; 32];
    Hkdf::<Sha256>::new(Some(SALT), &shared)
        .expand(&info, &mut key)
        .ok()?;
    Some(key)
}

/// An envelope's text: nonce, ciphertext and tag in base64url without padding.
pub fn seal(key: &Key, aad: &str, nonce: &[u8; NONCE], plain: &[u8]) -> String {
    let payload = Payload {
        msg: plain,
        aad: aad.as_bytes(),
    };
    let mut bytes = nonce.to_vec();
    // Fails only for messages of 64 GiB.
    if let Ok(sealed) = Aes256Gcm::new(key.into()).encrypt(&(*nonce).into(), payload) {
        bytes.extend_from_slice(&sealed);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What an envelope holds, or nothing if it is not one of this key and kind.
pub fn open(key: &Key, aad: &str, envelope: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(envelope).ok()?;
    if bytes.len() < NONCE + TAG {
        return None;
    }
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
    let payload = Payload {
        msg: sealed,
        aad: aad.as_bytes(),
    };
    Aes256Gcm::new(key.into())
        .decrypt(&(*nonce).into(), payload)
        .ok()
}

/// A key as the wire writes it: base64url without padding.
pub fn key_text(key: &Key) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// A key from that text.
pub fn read_key(text: &str) -> Option<Key> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
#[path = "crypto_tests.rs"]
mod tests;
