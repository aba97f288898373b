//! Break-glass: the organisation opens what a lost device secret cannot. Pure functions for both
//! sides; files, transport and people are their callers'.
//!
//! ```text
//! device          request: the root key as sealed to the organisation, a one-time public key
//! organisation    answer: the root key, sealed to that one-time key
//! ```
//!
//! Whoever answers must know who asks: both sides read the request's fingerprint to each other.

use sha2::{Digest, Sha256};

use super::format;
use super::hierarchy::{self, ROOT_INFO, Roots};
use super::keyring::{Active, Copies, Slot, SlotLock, VaultId};
use super::sealing::{self, ROOT_LENGTH};
use crate::error::{Error, ErrorCode, Result};
use crate::ports::Entropy;
use crate::secret::{OneTimePrivateKey, OrganisationPrivateKey, RootKey};

const REQUEST: [u8; 8] = *b"AMANARQ\n";
const ANSWER: [u8; 8] = *b"AMANARA\n";
const VERSION: [u8; 2] = 1_u16.to_be_bytes();
const CHECKSUM_LENGTH: usize = 16;
const ANSWER_INFO: &[u8] = b"amana recovery answer 1";

/// The organisation's public key, pinned in each vault that it can recover.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryKey([u8; 32]);

impl RecoveryKey {
    /// Reads a key. One that nothing can be sealed to safely is refused when a vault is made.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// By which people tell that it is the organisation's own: 16 hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        let hash = Sha256::new()
            .chain_update(b"amana organisation key 1")
            .chain_update(self.0)
            .finalize();
        hex(&hash[..8])
    }
}

/// Makes the organisation's key pair.
pub fn make_organisation_key(
    entropy: &dyn Entropy,
) -> Result<(OrganisationPrivateKey, RecoveryKey)> {
    let (private, public) = sealing::make_pair(entropy)?;
    Ok((
        OrganisationPrivateKey::from_bytes(&private),
        RecoveryKey(public),
    ))
}

/// The device's side: a request for the vault in a directory, and the key that will open its
/// answer. Needs no key; `not_found` where the vault has no recovery key.
pub fn make_request(
    directory: &std::path::Path,
    entropy: &dyn Entropy,
) -> Result<(Vec<u8>, OneTimePrivateKey)> {
    let copies = Copies::read(directory);
    let (active, index) = copies
        .active()
        .into_iter()
        .find_map(|active| Some((active, recovery_index(active)?)))
        .ok_or(Error::new(
            ErrorCode::NotFound,
            "the vault has no recovery key",
        ))?;
    let (private, public) = sealing::make_pair(entropy)?;
    let slot = &active.slots[index];
    let mut out = Vec::with_capacity(320);
    out.extend_from_slice(&REQUEST);
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(&active.vault_id);
    out.extend_from_slice(&slot.id);
    out.extend_from_slice(&slot.public);
    out.extend_from_slice(&public);
    let next = active
        .pending
        .as_ref()
        .and_then(|pending| pending.sealed_roots.get(index));
    out.push(1 + u8::from(next.is_some()));
    out.extend_from_slice(&slot.sealed_root);
    if let Some(next) = next {
        out.extend_from_slice(next);
    }
    seal_frame(&mut out);
    Ok((out, OneTimePrivateKey::from_bytes(&private)))
}

/// What both sides read to each other before a request is answered: 16 hexadecimal digits.
pub fn fingerprint(request: &[u8]) -> Result<String> {
    read_request(request)?;
    let hash = Sha256::digest(request);
    Ok(hex(&hash[..8]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The organisation's side. `key_mismatch` where the request is not for this key.
pub fn answer_request(
    private: &OrganisationPrivateKey,
    request: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>> {
    let request = read_request(request)?;
    let context = format::root_context(&request.vault_id, &request.slot);
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&ANSWER);
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(&request.vault_id);
    out.extend_from_slice(&request.one_time);
    let bound = out.clone();
    out.push(u8::try_from(request.sealed.len()).unwrap_or(u8::MAX));
    for sealed in &request.sealed {
        let root = sealing::unseal_root(sealed, private.expose(), ROOT_INFO, &context).ok_or(
            Error::new(
                ErrorCode::KeyMismatch,
                "the request is not for this organisation's key",
            ),
        )?;
        let sealed = sealing::seal_root(&root, &request.one_time, ANSWER_INFO, &bound, entropy)?;
        out.extend_from_slice(&sealed);
    }
    seal_frame(&mut out);
    Ok(out)
}

/// What an answer held: opens the vault that asked.
#[derive(Debug)]
pub struct RecoveryOpening {
    vault_id: VaultId,
    roots: Vec<RootKey>,
}

/// The device's side again. `key_mismatch` where the answer is not for this one-time key.
pub fn open_answer(answer: &[u8], key: &OneTimePrivateKey) -> Result<RecoveryOpening> {
    let mut input = open_frame(answer, ANSWER)?;
    let vault_id: VaultId = take(&mut input)?;
    let _one_time: [u8; 32] = take(&mut input)?;
    let bound = &answer[..ANSWER.len() + VERSION.len() + 16 + 32];
    let roots = take_sealed(&mut input)?
        .iter()
        .map(|sealed| {
            sealing::unseal_root(sealed, key.expose(), ANSWER_INFO, bound)
                .map(|root| RootKey::from_bytes(&root))
        })
        .collect::<Option<Vec<_>>>()
        .ok_or(Error::new(
            ErrorCode::KeyMismatch,
            "the answer is not for this request",
        ))?;
    Ok(RecoveryOpening { vault_id, roots })
}

impl RecoveryOpening {
    /// The root keys of a keyring, if these are its own.
    pub(super) fn roots(&self, active: &Active) -> Result<Option<Roots>> {
        if active.vault_id != self.vault_id {
            return Ok(None);
        }
        let copy = |root: &RootKey| RootKey::from_bytes(root.expose());
        for root in &self.roots {
            // With a change of the root key unfinished, any of the others may be the next.
            let nexts = self.roots.iter().map(Some).chain([None]);
            for next in nexts {
                let roots = Roots {
                    root: copy(root),
                    next: next.map(copy),
                };
                if hierarchy::is_proven(active, &roots)? {
                    return Ok(Some(roots));
                }
            }
        }
        Ok(None)
    }
}

struct Request {
    vault_id: VaultId,
    slot: Slot,
    one_time: [u8; 32],
    sealed: Vec<[u8; ROOT_LENGTH]>,
}

fn read_request(bytes: &[u8]) -> Result<Request> {
    let mut input = open_frame(bytes, REQUEST)?;
    let vault_id = take(&mut input)?;
    let (id, public) = (take(&mut input)?, take(&mut input)?);
    let one_time = take(&mut input)?;
    let sealed = take_sealed(&mut input)?;
    Ok(Request {
        vault_id,
        slot: Slot {
            id,
            public,
            lock: SlotLock::Recovery,
            sealed_root: sealed[0],
        },
        one_time,
        sealed,
    })
}

fn recovery_index(active: &Active) -> Option<usize> {
    active
        .slots
        .iter()
        .position(|slot| matches!(slot.lock, SlotLock::Recovery))
}

fn seal_frame(out: &mut Vec<u8>) {
    let sum = Sha256::digest(&*out);
    out.extend_from_slice(&sum[..CHECKSUM_LENGTH]);
}

fn open_frame(bytes: &[u8], magic: [u8; 8]) -> Result<&[u8]> {
    let (content, sum) = bytes
        .split_last_chunk::<CHECKSUM_LENGTH>()
        .ok_or_else(unreadable)?;
    if sum[..] != Sha256::digest(content)[..CHECKSUM_LENGTH] {
        return Err(unreadable());
    }
    let mut input = content;
    if take(&mut input)? != magic {
        return Err(unreadable());
    }
    if take(&mut input)? != VERSION {
        return Err(Error::new(
            ErrorCode::Unsupported,
            "the recovery message was written by another version",
        ));
    }
    Ok(input)
}

fn take<const N: usize>(input: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, rest) = input.split_first_chunk::<N>().ok_or_else(unreadable)?;
    *input = rest;
    Ok(*taken)
}

/// One sealed root key, or two; nothing after them.
fn take_sealed(input: &mut &[u8]) -> Result<Vec<[u8; ROOT_LENGTH]>> {
    let [count] = take(input)?;
    if !(1..=2).contains(&count) {
        return Err(unreadable());
    }
    let sealed = (0..count).map(|_| take(input)).collect::<Result<_>>()?;
    if input.is_empty() {
        Ok(sealed)
    } else {
        Err(unreadable())
    }
}

const fn unreadable() -> Error {
    Error::invalid("this is not a whole recovery message")
}
