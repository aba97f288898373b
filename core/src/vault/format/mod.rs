//! The keyring's bytes, format 1. Owns encoding and decoding; decides nothing about what it reads.
//!
//! Every later version opens what this one writes. Every version keeps the frame, so that a newer
//! file is told from a damaged one:
//!
//! ```text
//! magic 8 | version 2 | body | checksum 16
//! ```
//!
//! The checksum is the beginning of the SHA-256 of all before it. It finds damage, not forgery:
//! that is the MAC's part, which needs the key. Numbers are big-endian. The body of format 1:
//!
//! ```text
//! state 1 | policy 1 | vault id 16 | generation 8 | then by state
//! creating, shredding     aliases
//! active, pending         flags 1 (1: a change of the root key is due)
//!                         loose aliases
//!                         count 1, slot for each:
//!                             id 16 | kind 1 | suite 6 | public half 32 | by kind | sealed root key 80
//!                             device, biometric   half
//!                             pin                 half | person (length 1, text)
//!                                                 | KDF 1 | memory KiB 4 | passes 4 | lanes 4
//!                             recovery            nothing
//!                         key-check value 16
//!     pending only        next root key sealed to each slot 80 | its key-check value 16
//!                         MAC 32
//!     pending only        MAC under the next root key 32
//!
//! aliases                 count 1, alias (length 1, text) for each
//! half                    level 1 | alias | salt 32 | sealed private half 60
//! ```
//!
//! Format 0 was provisional and is not read.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub(super) use decode::{Unread, decode};
pub(super) use encode::{authenticated, encode, private_context, root_context};

/// No keyring is longer; whatever is longer is not one.
pub(super) const MAX_LENGTH: usize = 64 * 1024;
/// How many slots, and how many loose aliases, a keyring can have.
pub(super) const MAX_SLOTS: usize = 60;
/// How many aliases a keyring without keys can name: all that two copies can.
const MAX_ALIASES: usize = 4 * MAX_SLOTS;

const MAGIC: [u8; 8] = *b"AMANAKR\n";
const PROVISIONAL: [u8; 2] = 0_u16.to_be_bytes();
const VERSION: [u8; 2] = 1_u16.to_be_bytes();
const CHECKSUM_LENGTH: usize = 16;
/// RFC 9180: X25519-HKDF-SHA256, HKDF-SHA256, AES-256-GCM.
const SUITE: [u8; 6] = [0x00, 0x20, 0x00, 0x01, 0x00, 0x02];

const CREATING: u8 = 1;
const ACTIVE: u8 = 2;
const PENDING: u8 = 3;
const SHREDDING: u8 = 4;

const POLICY_DEVICE: u8 = 1;
const POLICY_PERSON: u8 = 2;

const ROTATION_DUE: u8 = 1;

const KIND_DEVICE: u8 = 1;
const KIND_PIN: u8 = 2;
const KIND_BIOMETRIC: u8 = 3;
const KIND_RECOVERY: u8 = 4;

/// Argon2id, version 0x13.
const ARGON2ID: u8 = 1;

const LEVEL_SECURE_ELEMENT: u8 = 1;
const LEVEL_TRUSTED_ENVIRONMENT: u8 = 2;
const LEVEL_SOFTWARE: u8 = 3;
const LEVEL_UNPROTECTED: u8 = 4;

/// What the fuzzer calls: decodes bytes as they are and behind a checksum that fits.
#[cfg(any(test, feature = "test-support"))]
pub fn check_keyring_decoder(bytes: &[u8]) {
    let mut resealed = bytes.to_vec();
    resealed.extend_from_slice(&checksum(bytes));
    for bytes in [bytes, &resealed] {
        if let Ok(keyring) = decode(bytes) {
            assert_eq!(encode(&keyring).ok().as_deref(), Some(bytes));
        }
    }
}

/// The version that a file claims to have, where it begins as a keyring does. Nothing else of it need
/// be intact.
pub(super) fn version(bytes: &[u8]) -> Option<u16> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (version, _) = rest.split_first_chunk::<2>()?;
    (*magic == MAGIC).then_some(u16::from_be_bytes(*version))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    use sha2::{Digest, Sha256};
    let mut out = [0; CHECKSUM_LENGTH];
    out.copy_from_slice(&Sha256::digest(bytes)[..CHECKSUM_LENGTH]);
    out
}
