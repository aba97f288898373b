//! Keyring to bytes, and the bytes that MACs and sealed parts authenticate.

use amana_keystore::{Alias, SecurityLevel};

use super::super::keyring::{Active, Bare, DeviceHalf, Keyring, Policy, Slot, SlotLock, VaultId};
use super::super::pin::{PersonId, PinKdf};
use super::{
    ACTIVE, ARGON2ID, CREATING, KIND_BIOMETRIC, KIND_DEVICE, KIND_PIN, KIND_RECOVERY,
    LEVEL_SECURE_ELEMENT, LEVEL_SOFTWARE, LEVEL_TRUSTED_ENVIRONMENT, LEVEL_UNPROTECTED, MAGIC,
    MAX_LENGTH, PENDING, POLICY_DEVICE, POLICY_PERSON, ROTATION_DUE, SHREDDING, SUITE, VERSION,
    checksum,
};
use crate::error::{Error, Result};

/// The bytes of a keyring. What the decoder would refuse is not written either.
pub(in super::super) fn encode(keyring: &Keyring) -> Result<Vec<u8>> {
    let out = unchecked(keyring);
    if out.len() > MAX_LENGTH || super::decode(&out).as_ref() != Ok(keyring) {
        return Err(Error::internal("the keyring cannot be written as it is"));
    }
    Ok(out)
}

pub(super) fn unchecked(keyring: &Keyring) -> Vec<u8> {
    let mut out = match keyring {
        Keyring::Creating(bare) => bare_bytes(bare, CREATING),
        Keyring::Shredding(bare) => bare_bytes(bare, SHREDDING),
        Keyring::Active(active) => {
            let mut out = authenticated(active);
            out.extend_from_slice(&active.mac);
            if let Some(pending) = &active.pending {
                out.extend_from_slice(&pending.mac);
            }
            out
        }
    };
    let checksum = checksum(&out);
    out.extend_from_slice(&checksum);
    out
}

/// What the MACs of an active keyring cover: every byte before them.
pub(in super::super) fn authenticated(active: &Active) -> Vec<u8> {
    let state = if active.pending.is_some() {
        PENDING
    } else {
        ACTIVE
    };
    let mut out = head(state, active.policy, &active.vault_id, active.generation);
    out.push(if active.rotation_due { ROTATION_DUE } else { 0 });
    put_aliases(&mut out, &active.loose);
    put_count(&mut out, active.slots.len());
    for slot in &active.slots {
        put_slot(&mut out, slot);
    }
    out.extend_from_slice(&active.key_check);
    if let Some(pending) = &active.pending {
        for sealed in &pending.sealed_roots {
            out.extend_from_slice(sealed);
        }
        out.extend_from_slice(&pending.key_check);
    }
    out
}

/// What a sealed root key authenticates: all that never changes about its slot. A new PIN changes
/// salt and KDF parameters: they stand in `private_context`.
pub(in super::super) fn root_context(vault_id: &VaultId, slot: &Slot) -> Vec<u8> {
    let mut out = context(vault_id);
    put_identity(&mut out, slot);
    if let Some(half) = slot.half() {
        put_alias(&mut out, &half.alias);
    }
    if let SlotLock::Pin { person, .. } = &slot.lock {
        put_person(&mut out, person);
    }
    out
}

/// What a sealed private half authenticates: all that its slot key depends on, too.
pub(in super::super) fn private_context(vault_id: &VaultId, slot: &Slot) -> Vec<u8> {
    let mut out = root_context(vault_id, slot);
    if let Some(half) = slot.half() {
        out.push(level(half.level));
        out.extend_from_slice(&half.salt);
    }
    if let SlotLock::Pin { kdf, .. } = &slot.lock {
        put_kdf(&mut out, *kdf);
    }
    out
}

fn context(vault_id: &VaultId) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(vault_id);
    out
}

fn head(state: u8, policy: Policy, vault_id: &VaultId, generation: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION);
    out.push(state);
    out.push(match policy {
        Policy::Device => POLICY_DEVICE,
        Policy::Person => POLICY_PERSON,
    });
    out.extend_from_slice(vault_id);
    out.extend_from_slice(&generation.to_be_bytes());
    out
}

fn bare_bytes(bare: &Bare, state: u8) -> Vec<u8> {
    let mut out = head(state, bare.policy, &bare.vault_id, bare.generation);
    put_aliases(&mut out, &bare.aliases);
    out
}

fn put_slot(out: &mut Vec<u8>, slot: &Slot) {
    put_identity(out, slot);
    if let Some(half) = slot.half() {
        put_half(out, half);
    }
    if let SlotLock::Pin { person, kdf, .. } = &slot.lock {
        put_person(out, person);
        put_kdf(out, *kdf);
    }
    out.extend_from_slice(&slot.sealed_root);
}

fn put_identity(out: &mut Vec<u8>, slot: &Slot) {
    out.extend_from_slice(&slot.id);
    out.push(match slot.lock {
        SlotLock::Device(_) => KIND_DEVICE,
        SlotLock::Pin { .. } => KIND_PIN,
        SlotLock::Biometric(_) => KIND_BIOMETRIC,
        SlotLock::Recovery => KIND_RECOVERY,
    });
    out.extend_from_slice(&SUITE);
    out.extend_from_slice(&slot.public);
}

fn put_half(out: &mut Vec<u8>, half: &DeviceHalf) {
    out.push(level(half.level));
    put_alias(out, &half.alias);
    out.extend_from_slice(&half.salt);
    out.extend_from_slice(&half.sealed_private);
}

fn put_kdf(out: &mut Vec<u8>, kdf: PinKdf) {
    out.push(ARGON2ID);
    for number in [kdf.memory_kib, kdf.passes, kdf.lanes] {
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn put_person(out: &mut Vec<u8>, person: &PersonId) {
    put_text(out, person.as_str());
}

fn put_aliases(out: &mut Vec<u8>, aliases: &[Alias]) {
    put_count(out, aliases.len());
    aliases.iter().for_each(|alias| put_alias(out, alias));
}

fn put_alias(out: &mut Vec<u8>, alias: &Alias) {
    put_text(out, alias.as_str());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Saturates; the decoder refuses such a count.
fn put_count(out: &mut Vec<u8>, count: usize) {
    out.push(u8::try_from(count).unwrap_or(u8::MAX));
}

const fn level(level: SecurityLevel) -> u8 {
    match level {
        SecurityLevel::SecureElement => LEVEL_SECURE_ELEMENT,
        SecurityLevel::TrustedEnvironment => LEVEL_TRUSTED_ENVIRONMENT,
        SecurityLevel::Software => LEVEL_SOFTWARE,
        SecurityLevel::Unprotected => LEVEL_UNPROTECTED,
    }
}
