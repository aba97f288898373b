//! AES-256-GCM over a stream: the tag is checked over all of the ciphertext first, and only then is
//! anything decrypted. Whole messages go through the `aes-gcm` crate; this file is for those that
//! do not fit into memory, from the same authors' GHASH and counter mode.

use aes_gcm::aes::Aes256;
use ctr::Ctr32BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use ghash::universal_hash::UniversalHash;
use ghash::{Block, GHash};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};
use crate::secret::HubSessionKey;

pub(super) const NONCE: usize = 12;
pub(super) const TAG: usize = 16;
const BLOCK: usize = 16;
/// More than this one nonce cannot encrypt.
const MAX_BYTES: u64 = (1 << 36) - 32;

const TOO_LONG: Error = Error::new(ErrorCode::Protocol, "the reply is larger than allowed");

/// The counter mode of one message. Its first block masks the tag; the next is the text's.
fn keystream(key: &HubSessionKey, nonce: &[u8; NONCE]) -> Ctr32BE<Aes256> {
    let mut counter = [0; BLOCK];
    counter[..NONCE].copy_from_slice(nonce);
    counter[BLOCK - 1] = 1;
    Ctr32BE::new(key.expose().into(), &counter.into())
}

/// Decrypts the ciphertext of one message, piece by piece.
pub(super) struct Decryptor(Ctr32BE<Aes256>);

impl Decryptor {
    pub(super) fn new(key: &HubSessionKey, nonce: &[u8; NONCE]) -> Result<Self> {
        let mut stream = keystream(key, nonce);
        let mut mask = Zeroizing::new([0; BLOCK]);
        stream
            .try_apply_keystream(mask.as_mut_slice())
            .map_err(|_| TOO_LONG)?;
        Ok(Self(stream))
    }

    pub(super) fn apply(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.0.try_apply_keystream(bytes).map_err(|_| TOO_LONG)
    }
}

/// Computes the tag of one message from its ciphertext, piece by piece.
pub(super) struct TagCheck {
    hash: GHash,
    /// What the tag is masked with.
    mask: Zeroizing<[u8; BLOCK]>,
    aad_bytes: u64,
    bytes: u64,
    /// The start of a block whose rest has not come yet.
    cut: [u8; BLOCK],
}

impl TagCheck {
    pub(super) fn new(key: &HubSessionKey, nonce: &[u8; NONCE], aad: &[u8]) -> Result<Self> {
        let mut mask = Zeroizing::new([0; BLOCK]);
        keystream(key, nonce)
            .try_apply_keystream(mask.as_mut_slice())
            .map_err(|_| TOO_LONG)?;
        let mut hash = GHash::new(&(*hash_key(key)).into());
        hash.update_padded(aad);
        Ok(Self {
            hash,
            mask,
            aad_bytes: aad.len() as u64,
            bytes: 0,
            cut: [0; BLOCK],
        })
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) -> Result<()> {
        let waiting = (self.bytes % BLOCK as u64) as usize;
        self.bytes += bytes.len() as u64;
        if self.bytes > MAX_BYTES {
            return Err(TOO_LONG);
        }
        if waiting > 0 {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - waiting));
            self.cut[waiting..waiting + now.len()].copy_from_slice(now);
            bytes = later;
            if waiting + now.len() < BLOCK {
                return Ok(());
            }
            self.hash.update(&[self.cut.into()]);
        }
        let (blocks, rest) = Block::slice_as_chunks(bytes);
        self.hash.update(blocks);
        self.cut[..rest.len()].copy_from_slice(rest);
        Ok(())
    }

    /// Whether the tag is this message's. Takes the same time for every wrong one.
    pub(super) fn verifies(mut self, tag: &[u8; TAG]) -> bool {
        let waiting = (self.bytes % BLOCK as u64) as usize;
        self.hash.update_padded(&self.cut[..waiting]);
        let mut lengths = [0; BLOCK];
        lengths[..8].copy_from_slice(&(self.aad_bytes * 8).to_be_bytes());
        lengths[8..].copy_from_slice(&(self.bytes * 8).to_be_bytes());
        self.hash.update(&[lengths.into()]);
        let mut expected = *tag;
        for (byte, mask) in expected.iter_mut().zip(self.mask.iter()) {
            *byte ^= mask;
        }
        self.hash.verify(&expected.into()).is_ok()
    }
}

/// GHASH's key: the cipher's answer to a block of zeros, which is the first of the key stream that
/// begins at zero.
fn hash_key(key: &HubSessionKey) -> Zeroizing<[u8; BLOCK]> {
    let mut block = Zeroizing::new([0; BLOCK]);
    Ctr32BE::<Aes256>::new(key.expose().into(), &[0; BLOCK].into())
        .apply_keystream(block.as_mut_slice());
    block
}

#[cfg(test)]
#[path = "gcm_tests.rs"]
mod tests;
