//! From a device secret to the database key: what is derived from what, under which label.
//! Owns the labels; sees no file and no key store.

use amana_keystore::{Alias, Derived};
use hkdf::Hkdf;
use hkdf::hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::keyring::{Active, Policy, Slot, SlotKind, SlotParameters, VaultId};
use super::keyring_format;
use super::sealing::{self, Secret};
use crate::error::{Error, Result};
use crate::ports::Entropy;
use crate::secret::{DatabaseKey, KeyringMacKey, RootKey, SlotKey};

const SLOT_KEY: &[u8] = b"amana slot key 0";
const ROOT_INFO: &[u8] = b"amana root key 0";
const DATABASE_KEY: &[u8] = b"amana database key 0";
const KEYRING_MAC_KEY: &[u8] = b"amana keyring mac key 0";
const KEY_CHECK: &[u8] = b"amana key check 0";

/// What a new slot needs before its device secret is asked: its names and its salt.
pub(super) struct SlotDraft {
    pub id: [u8; 16],
    pub alias: Alias,
    pub salt: [u8; 32],
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
}

/// Makes a vault's root key and its first slot, under what the device secret derived for it.
pub(super) fn make_active(
    vault_id: &VaultId,
    generation: u64,
    draft: SlotDraft,
    derived: &Derived,
    entropy: &dyn Entropy,
) -> Result<(RootKey, Active)> {
    let root = RootKey::make(entropy)?;
    let (private, public) = sealing::make_pair(entropy)?;
    let SlotDraft { id, alias, salt } = draft;
    let parameters = SlotParameters {
        id,
        kind: SlotKind::Device,
        alias,
        salt,
        public,
    };
    let context = keyring_format::slot_context(vault_id, &parameters);
    let slot_key = slot_key(derived, vault_id, &id)?;
    let sealed_private = sealing::seal_private(&private, &slot_key, &context, entropy)?;
    let sealed_root = sealing::seal_root(root.expose(), &public, ROOT_INFO, &context, entropy)?;
    let mut active = Active {
        vault_id: *vault_id,
        generation,
        policy: Policy::Device,
        slots: vec![Slot {
            parameters,
            sealed_private,
            sealed_root,
        }],
        key_check: key_check(&root, vault_id)?,
        mac: [0; 32],
    };
    let mac = keyring_mac(&root, &active)?.finalize();
    active.mac.copy_from_slice(&mac.into_bytes());
    Ok((root, active))
}

/// Opens the root key through a slot, and proves it: the sealed parts, the key-check value and the
/// MAC over the whole list of slots. `None` if any of them says no.
pub(super) fn open_root(
    active: &Active,
    slot: &Slot,
    derived: &Derived,
) -> Result<Option<RootKey>> {
    let context = keyring_format::slot_context(&active.vault_id, &slot.parameters);
    let slot_key = slot_key(derived, &active.vault_id, &slot.parameters.id)?;
    let root = sealing::unseal_private(&slot.sealed_private, &slot_key, &context)
        .and_then(|half| sealing::unseal_root(&slot.sealed_root, &half, ROOT_INFO, &context));
    let Some(root) = root.map(|bytes| RootKey::from_bytes(&bytes)) else {
        return Ok(None);
    };
    // The key-check value stands in the file for everyone to read: no secret to compare slowly.
    let proven = key_check(&root, &active.vault_id)? == active.key_check
        && keyring_mac(&root, active)?
            .verify_slice(&active.mac)
            .is_ok();
    Ok(proven.then_some(root))
}

/// SQLCipher's raw key.
pub(super) fn database_key(root: &RootKey, vault_id: &VaultId) -> Result<DatabaseKey> {
    derive_key(root, vault_id, DATABASE_KEY).map(|bytes| DatabaseKey::from_bytes(&bytes))
}

fn slot_key(derived: &Derived, vault_id: &VaultId, slot_id: &[u8; 16]) -> Result<SlotKey> {
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
    let key = derive_key(root, &active.vault_id, KEYRING_MAC_KEY)
        .map(|bytes| KeyringMacKey::from_bytes(&bytes))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).map_err(|_| cannot_derive())?;
    mac.update(&keyring_format::authenticated(active));
    Ok(mac)
}

fn derive_key(root: &RootKey, vault_id: &VaultId, label: &[u8]) -> Result<Secret> {
    let mut bytes = Zeroizing::new([0; 32]);
    expand(root, vault_id, label, bytes.as_mut_slice())?;
    Ok(bytes)
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
mod tests {
    use super::*;
    use crate::test_support::SeededEntropy;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn derived(n: u8) -> Derived {
        Derived::new(Zeroizing::new([n; 32]))
    }

    fn made(seed: u64) -> (RootKey, Active) {
        let entropy = SeededEntropy::new(seed);
        let draft = SlotDraft::make(&entropy).unwrap();
        make_active(&[3; 16], 2, draft, &derived(1), &entropy).unwrap()
    }

    // RFC 5869, A.1.
    #[test]
    fn hkdf_matches_rfc_5869() {
        let salt: Vec<u8> = (0x00..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let mut out = [0; 42];
        Hkdf::<Sha256>::new(Some(&salt), &[0x0b; 22])
            .expand(&info, &mut out)
            .unwrap();
        assert_eq!(
            hex(&out),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        );
    }

    // Computed with another implementation. A change here is a change of the format: keys that open
    // today's vaults would not be found.
    #[test]
    fn derived_keys_are_golden() {
        let (root, active) = made(42);
        let database = database_key(&root, &active.vault_id).unwrap();
        let slot = slot_key(&derived(1), &active.vault_id, &[5; 16]).unwrap();
        let mac_key = derive_key(&root, &active.vault_id, KEYRING_MAC_KEY).unwrap();
        assert_eq!(
            hex(slot.expose()),
            "6daa4fe1f3b603656056add5eea3f1b549261d6b9e0b5c4044f4a444a037a8ca"
        );
        assert_eq!(
            hex(root.expose()),
            "5be8afe6cbede15e0b3ca82dfa027430f21b38806cfdc7a3821c82f08edff4b6"
        );
        assert_eq!(
            hex(database.expose()),
            "14ca4224c5fa4712fdd244020e6b679174821ffd7ba54329c207bd96af512058"
        );
        assert_eq!(hex(&active.key_check), "279a3024c65919c65d29feeaba6ef5ed");
        assert_eq!(
            hex(mac_key.as_slice()),
            "2b413bf504ecac04d7f14c1ce75734218059954d7ed1c27793424b55de0c5fe2"
        );
    }

    #[test]
    fn every_key_has_a_label_of_its_own() {
        let labels = [
            SLOT_KEY,
            ROOT_INFO,
            DATABASE_KEY,
            KEYRING_MAC_KEY,
            KEY_CHECK,
        ];
        let distinct: std::collections::HashSet<_> = labels.iter().collect();
        assert_eq!(distinct.len(), labels.len());
    }

    #[test]
    fn the_root_key_opens_with_its_device_secret_alone() {
        let (root, active) = made(1);
        let opened = open_root(&active, &active.slots[0], &derived(1))
            .unwrap()
            .unwrap();
        assert_eq!(opened.expose(), root.expose());
        assert!(
            open_root(&active, &active.slots[0], &derived(2))
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn whatever_is_changed_does_not_open() {
        type Change = fn(&mut Active);
        let changes: &[Change] = &[
            |active| active.vault_id[0] ^= 1,
            |active| active.generation += 1,
            |active| active.key_check[0] ^= 1,
            |active| active.mac[31] ^= 1,
            |active| active.slots[0].parameters.id[0] ^= 1,
            |active| active.slots[0].parameters.alias = Alias::from_random(&[9; 16]),
            |active| active.slots[0].parameters.salt[0] ^= 1,
            |active| active.slots[0].parameters.public[0] ^= 1,
            |active| active.slots[0].sealed_private[20] ^= 1,
            |active| active.slots[0].sealed_root[40] ^= 1,
            // A slot slipped in: it would be sealed to at the next change of the root key.
            |active| {
                let mut slot = active.slots[0].clone();
                slot.parameters.id = [8; 16];
                slot.parameters.alias = Alias::from_random(&[8; 16]);
                active.slots.push(slot);
            },
        ];
        for (index, change) in changes.iter().enumerate() {
            let (_, mut active) = made(1);
            change(&mut active);
            let opened = open_root(&active, &active.slots[0], &derived(1)).unwrap();
            assert!(opened.is_none(), "change {index}");
        }
    }
}
