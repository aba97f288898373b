//! From a device secret to the database key: what is derived from what, under which label.
//! Owns the labels; sees no file and no key store.

use amana_keystore::{Alias, Derived, SecurityLevel};
use hkdf::Hkdf;
use hkdf::hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::format;
use super::keyring::{Active, DeviceHalf, Pending, Policy, Slot, SlotId, SlotLock, VaultId};
use super::pin::{PersonId, PinKdf};
use super::sealing::{self, PRIVATE_LENGTH, ROOT_LENGTH, Secret};
use crate::error::{Error, Result};
use crate::ports::Entropy;
use crate::secret::{DatabaseKey, KeyringMacKey, RootKey, SlotKey};

const SLOT_KEY: &[u8] = b"amana slot key 1";
pub(super) const ROOT_INFO: &[u8] = b"amana root key 1";
const DATABASE_KEY: &[u8] = b"amana database key 1";
const KEYRING_MAC_KEY: &[u8] = b"amana keyring mac key 1";
const KEY_CHECK: &[u8] = b"amana key check 1";

/// The root keys of a vault: one, and during a change of the root key the next as well.
#[derive(Debug)]
pub(super) struct Roots {
    pub root: RootKey,
    pub next: Option<RootKey>,
}

/// What a new slot needs before its device secret is asked: its names and its salt.
pub(super) struct SlotDraft {
    pub id: SlotId,
    pub alias: Alias,
    pub salt: [u8; 32],
}

/// What a drafted slot will ask for.
pub(super) enum DraftKind {
    Device,
    Pin { person: PersonId, kdf: PinKdf },
    Biometric,
}

impl SlotDraft {
    /// A draft under a fresh alias.
    pub fn make(entropy: &dyn Entropy) -> Result<Self> {
        let (mut id, mut alias, mut salt) = ([0; 16], [0; 16], [0; 32]);
        entropy.fill(&mut id)?;
        entropy.fill(&mut alias)?;
        entropy.fill(&mut salt)?;
        Ok(Self {
            id,
            alias: Alias::from_random(&alias),
            salt,
        })
    }

    /// Makes the slot under what its device secret derived. The root key is sealed to it later.
    pub fn make_slot(
        self,
        kind: DraftKind,
        level: SecurityLevel,
        derived: &Derived,
        vault_id: &VaultId,
        entropy: &dyn Entropy,
    ) -> Result<Slot> {
        let (private, public) = sealing::make_pair(entropy)?;
        let half = DeviceHalf {
            level,
            alias: self.alias,
            salt: self.salt,
            sealed_private: [0; PRIVATE_LENGTH],
        };
        let mut slot = Slot {
            id: self.id,
            public,
            lock: match kind {
                DraftKind::Device => SlotLock::Device(half),
                DraftKind::Pin { person, kdf } => SlotLock::Pin { half, person, kdf },
                DraftKind::Biometric => SlotLock::Biometric(half),
            },
            sealed_root: [0; ROOT_LENGTH],
        };
        seal_half(&mut slot, &private, derived, vault_id, entropy)?;
        Ok(slot)
    }
}

/// Some bytes are no key: known before anything is made, and not when the root key is sealed.
pub(super) fn check_recovery_key(public: &[u8; 32], entropy: &dyn Entropy) -> Result<()> {
    sealing::seal_root(&[0; 32], public, ROOT_INFO, &[], entropy)
        .map(|_| ())
        .map_err(|_| Error::invalid("nothing can be sealed to this recovery key"))
}

/// The organisation's slot: only its public half is known here.
pub(super) fn make_recovery_slot(public: [u8; 32], entropy: &dyn Entropy) -> Result<Slot> {
    let mut id = [0; 16];
    entropy.fill(&mut id)?;
    Ok(Slot {
        id,
        public,
        lock: SlotLock::Recovery,
        sealed_root: [0; ROOT_LENGTH],
    })
}

/// Seals a slot's private half under what its device secret derived.
pub(super) fn seal_half(
    slot: &mut Slot,
    private: &[u8; 32],
    derived: &Derived,
    vault_id: &VaultId,
    entropy: &dyn Entropy,
) -> Result<()> {
    let key = slot_key(derived, vault_id, &slot.id)?;
    let context = format::private_context(vault_id, slot);
    let sealed = sealing::seal_private(private, &key, &context, entropy)?;
    match &mut slot.lock {
        SlotLock::Device(half) | SlotLock::Biometric(half) | SlotLock::Pin { half, .. } => {
            half.sealed_private = sealed;
            Ok(())
        }
        SlotLock::Recovery => Err(Error::internal("a recovery slot has no half here")),
    }
}

/// Opens a slot's private half, or `None` if it is not this device secret's (or PIN's).
pub(super) fn open_half(active: &Active, slot: &Slot, derived: &Derived) -> Result<Option<Secret>> {
    let Some(half) = slot.half() else {
        return Ok(None);
    };
    let key = slot_key(derived, &active.vault_id, &slot.id)?;
    let context = format::private_context(&active.vault_id, slot);
    Ok(sealing::unseal_private(
        &half.sealed_private,
        &key,
        &context,
    ))
}

/// Opens the root keys through a slot's private half, and proves them: sealed parts, key-check
/// values, and the MACs over the whole list of slots. `None` if any of them says no.
pub(super) fn open_roots(
    active: &Active,
    slot: &Slot,
    private: &[u8; 32],
) -> Result<Option<Roots>> {
    let Some(index) = active.slots.iter().position(|other| other == slot) else {
        return Ok(None);
    };
    let context = format::root_context(&active.vault_id, slot);
    let unseal = |sealed: &[u8; ROOT_LENGTH]| {
        sealing::unseal_root(sealed, private, ROOT_INFO, &context)
            .map(|bytes| RootKey::from_bytes(&bytes))
    };
    let Some(root) = unseal(&slot.sealed_root) else {
        return Ok(None);
    };
    let next = match &active.pending {
        None => None,
        Some(pending) => match pending.sealed_roots.get(index).and_then(unseal) {
            Some(next) => Some(next),
            None => return Ok(None),
        },
    };
    let roots = Roots { root, next };
    Ok(is_proven(active, &roots)?.then_some(roots))
}

/// Whether a keyring is these root keys' own: key-check values and MACs.
pub(super) fn is_proven(active: &Active, roots: &Roots) -> Result<bool> {
    let fits = |root: &RootKey, check: &[u8; 16], mac: &[u8; 32]| -> Result<bool> {
        // The key-check value stands in the file for everyone: no secret to compare slowly.
        Ok(key_check(root, &active.vault_id)? == *check
            && keyring_mac(root, active)?.verify_slice(mac).is_ok())
    };
    Ok(fits(&roots.root, &active.key_check, &active.mac)?
        && match (&active.pending, &roots.next) {
            (None, None) => true,
            (Some(pending), Some(next)) => fits(next, &pending.key_check, &pending.mac)?,
            _ => false,
        })
}

/// Makes a vault's first keyring and its root key, sealed to these slots.
pub(super) fn make_active(
    vault_id: &VaultId,
    generation: u64,
    policy: Policy,
    mut slots: Vec<Slot>,
    entropy: &dyn Entropy,
) -> Result<(Roots, Active)> {
    let root = RootKey::make(entropy)?;
    for slot in &mut slots {
        slot.sealed_root = seal_root(&root, vault_id, slot, entropy)?;
    }
    let roots = Roots { root, next: None };
    let mut active = Active {
        vault_id: *vault_id,
        generation,
        policy,
        rotation_due: false,
        loose: Vec::new(),
        slots,
        key_check: [0; 16],
        mac: [0; 32],
        pending: None,
    };
    authenticate(&mut active, &roots)?;
    Ok((roots, active))
}

/// Seals a root key to a slot.
pub(super) fn seal_root(
    root: &RootKey,
    vault_id: &VaultId,
    slot: &Slot,
    entropy: &dyn Entropy,
) -> Result<[u8; ROOT_LENGTH]> {
    let context = format::root_context(vault_id, slot);
    sealing::seal_root(root.expose(), &slot.public, ROOT_INFO, &context, entropy)
}

/// Puts the next root key beside the present one, sealed to every slot.
pub(super) fn make_pending(
    active: &mut Active,
    next: &RootKey,
    entropy: &dyn Entropy,
) -> Result<()> {
    let sealed_roots = active
        .slots
        .iter()
        .map(|slot| seal_root(next, &active.vault_id, slot, entropy))
        .collect::<Result<_>>()?;
    active.pending = Some(Pending {
        key_check: [0; 16],
        mac: [0; 32],
        sealed_roots,
    });
    Ok(())
}

/// Writes key-check values and MACs anew, after a change.
pub(super) fn authenticate(active: &mut Active, roots: &Roots) -> Result<()> {
    let vault_id = active.vault_id;
    active.key_check = key_check(&roots.root, &vault_id)?;
    if let (Some(pending), Some(next)) = (&mut active.pending, &roots.next) {
        pending.key_check = key_check(next, &vault_id)?;
    }
    let mac = keyring_mac(&roots.root, active)?.finalize().into_bytes();
    if let Some(next) = &roots.next {
        let next_mac = keyring_mac(next, active)?.finalize().into_bytes();
        if let Some(pending) = &mut active.pending {
            pending.mac.copy_from_slice(&next_mac);
        }
    }
    active.mac.copy_from_slice(&mac);
    Ok(())
}

/// SQLCipher's raw key.
pub(super) fn database_key(root: &RootKey, vault_id: &VaultId) -> Result<DatabaseKey> {
    derive_key(root, vault_id, DATABASE_KEY, DatabaseKey::from_bytes)
}

pub(super) fn slot_key(derived: &Derived, vault_id: &VaultId, slot_id: &SlotId) -> Result<SlotKey> {
    let mut bytes = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(vault_id), derived.expose())
        .expand_multi_info(&[SLOT_KEY, slot_id], bytes.as_mut_slice())
        .map_err(|_| cannot_derive())?;
    Ok(SlotKey::from_bytes(&bytes))
}

fn key_check(root: &RootKey, vault_id: &VaultId) -> Result<[u8; 16]> {
    let mut value = [0; 16];
    expand(root, vault_id, KEY_CHECK, &mut value)?;
    Ok(value)
}

fn keyring_mac(root: &RootKey, active: &Active) -> Result<Hmac<Sha256>> {
    let take = KeyringMacKey::from_bytes;
    let key = derive_key(root, &active.vault_id, KEYRING_MAC_KEY, take)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).map_err(|_| cannot_derive())?;
    mac.update(&format::authenticated(active));
    Ok(mac)
}

/// The bytes are lent, not given: a moved array leaves its old place as it was.
fn derive_key<K>(
    root: &RootKey,
    vault_id: &VaultId,
    label: &[u8],
    take: impl FnOnce(&[u8; 32]) -> K,
) -> Result<K> {
    let mut bytes = Zeroizing::new([0; 32]);
    expand(root, vault_id, label, bytes.as_mut_slice())?;
    Ok(take(&bytes))
}

/// HKDF-SHA-256: the vault's id as salt, the label as info.
fn expand(root: &RootKey, vault_id: &VaultId, label: &[u8], out: &mut [u8]) -> Result<()> {
    Hkdf::<Sha256>::new(Some(vault_id), root.expose())
        .expand(label, out)
        .map_err(|_| cannot_derive())
}

const fn cannot_derive() -> Error {
    Error::internal("a key could not be derived")
}

#[cfg(test)]
#[path = "hierarchy_tests.rs"]
mod tests;
