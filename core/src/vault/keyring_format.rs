//! The keyring's bytes, format 0. Owns encoding and decoding; decides nothing about what it reads.
//!
//! Format 0 is provisional: no later version promises to open it. Every version keeps the frame,
//! so that a newer file is told from a damaged one:
//!
//! ```text
//! magic 8 | version 2 | body | checksum 16
//! ```
//!
//! The checksum is the beginning of the SHA-256 of all before it. It finds damage, not forgery:
//! that is the MAC's part, which needs the key. Numbers are big-endian. The body of format 0:
//!
//! ```text
//! vault id 16 | generation 8 | state 1 | policy 1 | count 1 | then by state
//! creating    alias (length 1, text) for each
//! active      slot for each: id 16 | kind 1 | alias (length 1, text) | salt 32 | suite 6
//!                            | public half 32 | sealed private half 60 | sealed root key 80
//!             key-check value 16 | MAC 32
//! ```

use amana_keystore::Alias;
use sha2::{Digest, Sha256};

use super::keyring::{Active, Creating, Keyring, Policy, Slot, SlotKind, SlotParameters, VaultId};
use crate::error::{Error, ErrorCode, Result};

/// No keyring is longer; whatever is longer is not one.
pub(super) const MAX_LENGTH: usize = 16 * 1024;

const MAGIC: [u8; 8] = *b"AMANAKR\n";
const VERSION: [u8; 2] = 0_u16.to_be_bytes();
const CHECKSUM_LENGTH: usize = 16;
const MAX_SLOTS: usize = 32;
/// RFC 9180: X25519-HKDF-SHA256, HKDF-SHA256, AES-256-GCM.
const SUITE: [u8; 6] = [0x00, 0x20, 0x00, 0x01, 0x00, 0x02];
const CREATING: u8 = 1;
const ACTIVE: u8 = 2;
const POLICY_DEVICE: u8 = 1;
const KIND_DEVICE: u8 = 1;

/// The bytes of a keyring.
pub(super) fn encode(keyring: &Keyring) -> Vec<u8> {
    let mut out = match keyring {
        Keyring::Creating(creating) => {
            let count = creating.aliases.len();
            let mut out = head(
                &creating.vault_id,
                creating.generation,
                CREATING,
                Policy::Device,
                count,
            );
            creating
                .aliases
                .iter()
                .for_each(|alias| put_alias(&mut out, alias));
            out
        }
        Keyring::Active(active) => {
            let mut out = authenticated(active);
            out.extend_from_slice(&active.mac);
            out
        }
    };
    let checksum = checksum(&out);
    out.extend_from_slice(&checksum);
    out
}

/// What the MAC of an active keyring covers: every byte before it.
pub(super) fn authenticated(active: &Active) -> Vec<u8> {
    let count = active.slots.len();
    let mut out = head(
        &active.vault_id,
        active.generation,
        ACTIVE,
        active.policy,
        count,
    );
    for slot in &active.slots {
        put_parameters(&mut out, &slot.parameters);
        out.extend_from_slice(&slot.sealed_private);
        out.extend_from_slice(&slot.sealed_root);
    }
    out.extend_from_slice(&active.key_check);
    out
}

/// What each sealed part of a slot authenticates: everything about the slot that never changes.
pub(super) fn slot_context(vault_id: &VaultId, parameters: &SlotParameters) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(vault_id);
    put_parameters(&mut out, parameters);
    out
}

fn head(vault_id: &VaultId, generation: u64, state: u8, policy: Policy, count: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(vault_id);
    out.extend_from_slice(&generation.to_be_bytes());
    out.push(state);
    out.push(match policy {
        Policy::Device => POLICY_DEVICE,
    });
    // Saturates; the decoder refuses such a count.
    out.push(u8::try_from(count).unwrap_or(u8::MAX));
    out
}

fn put_parameters(out: &mut Vec<u8>, parameters: &SlotParameters) {
    out.extend_from_slice(&parameters.id);
    out.push(match parameters.kind {
        SlotKind::Device => KIND_DEVICE,
    });
    put_alias(out, &parameters.alias);
    out.extend_from_slice(&parameters.salt);
    out.extend_from_slice(&SUITE);
    out.extend_from_slice(&parameters.public);
}

fn put_alias(out: &mut Vec<u8>, alias: &Alias) {
    let text = alias.as_str().as_bytes();
    out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(text);
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut out = [0; CHECKSUM_LENGTH];
    out.copy_from_slice(&Sha256::digest(bytes)[..CHECKSUM_LENGTH]);
    out
}

/// Reads a keyring: `keyring_too_new` for an intact file of another version, `keyring_damaged` for
/// everything else that is not exactly what `encode` writes.
pub(super) fn decode(bytes: &[u8]) -> Result<Keyring> {
    if bytes.len() > MAX_LENGTH {
        return Err(damaged());
    }
    let (content, sum) = bytes
        .split_last_chunk::<CHECKSUM_LENGTH>()
        .ok_or_else(damaged)?;
    if *sum != checksum(content) {
        return Err(damaged());
    }
    let mut input = Input(content);
    if input.array()? != MAGIC {
        return Err(damaged());
    }
    if input.array()? != VERSION {
        return Err(Error::new(
            ErrorCode::KeyringTooNew,
            "the keyring was written by a newer version",
        ));
    }
    let vault_id = input.array()?;
    let generation = u64::from_be_bytes(input.array()?);
    let state = input.byte()?;
    let policy = match input.byte()? {
        POLICY_DEVICE => Policy::Device,
        _ => return Err(damaged()),
    };
    let count = usize::from(input.byte()?);
    if !(1..=MAX_SLOTS).contains(&count) {
        return Err(damaged());
    }
    let keyring = match state {
        CREATING => {
            let aliases = (0..count)
                .map(|_| input.alias())
                .collect::<Result<Vec<_>>>()?;
            Keyring::Creating(Creating {
                vault_id,
                generation,
                aliases,
            })
        }
        ACTIVE => {
            let slots = (0..count)
                .map(|_| input.slot())
                .collect::<Result<Vec<_>>>()?;
            let key_check = input.array()?;
            let mac = input.array()?;
            Keyring::Active(Active {
                vault_id,
                generation,
                policy,
                slots,
                key_check,
                mac,
            })
        }
        _ => return Err(damaged()),
    };
    if !input.0.is_empty() || repeats_itself(&keyring) {
        return Err(damaged());
    }
    Ok(keyring)
}

/// Slots that share an id or an alias: removing one would take the other's secret.
fn repeats_itself(keyring: &Keyring) -> bool {
    fn repeated<T: PartialEq>(items: &[T]) -> bool {
        items
            .iter()
            .enumerate()
            .any(|(index, item)| items[..index].contains(item))
    }
    match keyring {
        Keyring::Creating(creating) => repeated(&creating.aliases),
        Keyring::Active(active) => {
            let parameters = || active.slots.iter().map(|slot| &slot.parameters);
            repeated(&parameters().map(|p| p.id).collect::<Vec<_>>())
                || repeated(&parameters().map(|p| &p.alias).collect::<Vec<_>>())
        }
    }
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(damaged)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(damaged)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn alias(&mut self) -> Result<Alias> {
        let length = usize::from(self.byte()?);
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| damaged())?;
        Alias::parse(text).ok_or_else(damaged)
    }

    fn slot(&mut self) -> Result<Slot> {
        let id = self.array()?;
        let kind = match self.byte()? {
            KIND_DEVICE => SlotKind::Device,
            _ => return Err(damaged()),
        };
        let alias = self.alias()?;
        let salt = self.array()?;
        if self.array()? != SUITE {
            return Err(damaged());
        }
        let public = self.array()?;
        Ok(Slot {
            parameters: SlotParameters {
                id,
                kind,
                alias,
                salt,
                public,
            },
            sealed_private: self.array()?,
            sealed_root: self.array()?,
        })
    }
}

const fn damaged() -> Error {
    Error::new(ErrorCode::KeyringDamaged, "the keyring cannot be read")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn slot() -> impl Strategy<Value = Slot> {
        (
            any::<([u8; 16], [u8; 16], [u8; 32], [u8; 32])>(),
            prop::collection::vec(any::<u8>(), 140),
        )
            .prop_map(|((id, alias, salt, public), sealed)| Slot {
                parameters: SlotParameters {
                    id,
                    kind: SlotKind::Device,
                    alias: Alias::from_random(&alias),
                    salt,
                    public,
                },
                sealed_private: sealed[..60].try_into().unwrap(),
                sealed_root: sealed[60..].try_into().unwrap(),
            })
    }

    fn keyring() -> impl Strategy<Value = Keyring> {
        let creating = (
            any::<([u8; 16], u64)>(),
            prop::collection::vec(any::<[u8; 16]>(), 1..5),
        )
            .prop_map(|((vault_id, generation), aliases)| {
                Keyring::Creating(Creating {
                    vault_id,
                    generation,
                    aliases: aliases.iter().map(Alias::from_random).collect(),
                })
            });
        let active = (
            any::<([u8; 16], u64, [u8; 16], [u8; 32])>(),
            prop::collection::vec(slot(), 1..5),
        )
            .prop_map(|((vault_id, generation, key_check, mac), slots)| {
                Keyring::Active(Active {
                    vault_id,
                    generation,
                    policy: Policy::Device,
                    slots,
                    key_check,
                    mac,
                })
            });
        prop_oneof![creating, active]
    }

    fn resealed(mut content: Vec<u8>) -> Vec<u8> {
        let sum = checksum(&content);
        content.extend_from_slice(&sum);
        content
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(keyring in keyring()) {
            prop_assert_eq!(decode(&encode(&keyring)).unwrap(), keyring);
        }

        #[test]
        fn noise_is_damaged(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert_eq!(decode(&bytes).unwrap_err().code(), ErrorCode::KeyringDamaged);
        }

        // A forged checksum lets the changed byte through to the decoder proper: what it accepts
        // must be exactly what it would write.
        #[test]
        fn what_is_accepted_is_canonical(
            keyring in keyring(), at in any::<prop::sample::Index>(), flip in 1_u8..,
        ) {
            let mut content = encode(&keyring);
            content.truncate(content.len() - CHECKSUM_LENGTH);
            let at = at.index(content.len());
            content[at] ^= flip;
            let bytes = resealed(content);
            match decode(&bytes) {
                Ok(read) => prop_assert_eq!(encode(&read), bytes),
                Err(error) => {
                    let newer = (8..10).contains(&at);
                    prop_assert_eq!(error.code() == ErrorCode::KeyringTooNew, newer);
                }
            }
        }

        #[test]
        fn every_truncation_is_damaged(keyring in keyring(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&keyring);
            let cut = cut.index(bytes.len());
            prop_assert_eq!(decode(&bytes[..cut]).unwrap_err().code(), ErrorCode::KeyringDamaged);
            // Also where the end is made to look right.
            let content = bytes[..cut.min(bytes.len() - CHECKSUM_LENGTH - 1)].to_vec();
            prop_assert_eq!(
                decode(&resealed(content)).unwrap_err().code(),
                ErrorCode::KeyringDamaged
            );
        }

        #[test]
        fn more_bytes_are_damaged(keyring in keyring(), more in 1_usize..40) {
            let mut content = encode(&keyring);
            content.truncate(content.len() - CHECKSUM_LENGTH);
            content.resize(content.len() + more, 0);
            prop_assert_eq!(
                decode(&resealed(content)).unwrap_err().code(),
                ErrorCode::KeyringDamaged
            );
        }
    }

    #[test]
    fn shared_aliases_empty_lists_and_giants_are_damaged() {
        let alias = Alias::from_random(&[1; 16]);
        for aliases in [vec![], vec![alias.clone(), alias.clone()], vec![alias; 300]] {
            let keyring = Keyring::Creating(Creating {
                vault_id: [1; 16],
                generation: 1,
                aliases,
            });
            let error = decode(&encode(&keyring)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::KeyringDamaged);
        }
        assert!(decode(&vec![0; MAX_LENGTH + 1]).is_err());
    }
}
