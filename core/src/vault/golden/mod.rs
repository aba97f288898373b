//! Keyrings of every released format, as bytes that must open for ever. Tests alone.
//!
//! To add the files of a new format: write them with `write_golden_files` (ignored), list them here,
//! and never change them again.

use amana_keystore::{Alias, Derived, SecurityLevel};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::format::{decode, encode};
use super::hierarchy::{self, DraftKind, Roots, SlotDraft};
use super::keyring::{Active, Bare, Keyring, Policy, Slot, SlotLock, VaultId};
use super::pin::{self, PersonId, Pin, PinKdf};
use super::sealing;
use crate::secret::RootKey;
use crate::test_support::SeededEntropy;

pub(super) const FILES: [(&str, &[u8]); 5] = [
    ("1-creating", include_bytes!("1-creating.keyring")),
    ("1-device", include_bytes!("1-device.keyring")),
    ("1-person", include_bytes!("1-person.keyring")),
    ("1-pending", include_bytes!("1-pending.keyring")),
    ("1-shredding", include_bytes!("1-shredding.keyring")),
];

const VAULT: VaultId = *b"golden vault id.";
const PIN: &[u8] = b"246810";

/// A device secret that everyone can compute.
fn derive(alias: &Alias, input: &[u8; 32]) -> Derived {
    let mut hash = Sha256::new();
    hash.update(b"golden device secret");
    hash.update(alias.as_str());
    hash.update(input);
    let mut out = Zeroizing::new([0; 32]);
    out.copy_from_slice(&hash.finalize());
    Derived::new(out)
}

fn draft(kind: DraftKind, entropy: &SeededEntropy) -> Slot {
    let draft = SlotDraft::make(entropy).unwrap();
    let input = match &kind {
        DraftKind::Pin { kdf, .. } => {
            *pin::stretch(&Pin::new(PIN.to_vec()).unwrap(), &draft.salt, *kdf).unwrap()
        }
        _ => draft.salt,
    };
    let derived = derive(&draft.alias, &input);
    draft
        .make_slot(
            kind,
            SecurityLevel::TrustedEnvironment,
            &derived,
            &VAULT,
            entropy,
        )
        .unwrap()
}

fn person_vault(entropy: &SeededEntropy) -> (Roots, Active) {
    let (_, organisation) = sealing::make_pair(entropy).unwrap();
    let kind = DraftKind::Pin {
        person: PersonId::new("clinician-1").unwrap(),
        kdf: PinKdf::FLOOR,
    };
    let slots = vec![
        draft(kind, entropy),
        draft(DraftKind::Biometric, entropy),
        hierarchy::make_recovery_slot(organisation, entropy).unwrap(),
    ];
    hierarchy::make_active(&VAULT, 7, Policy::Person, slots, entropy).unwrap()
}

/// The golden keyrings, made again from a seed.
fn made() -> Vec<(&'static str, Keyring)> {
    let bare = |generation, policy, n: u8| Bare {
        vault_id: VAULT,
        generation,
        policy,
        aliases: (0..n).map(|n| Alias::from_random(&[n; 16])).collect(),
    };
    let entropy = SeededEntropy::new(1);
    let device = draft(DraftKind::Device, &entropy);
    let (_, mut device) =
        hierarchy::make_active(&VAULT, 2, Policy::Device, vec![device], &entropy).unwrap();
    device.generation = 2;
    let (_, person) = person_vault(&SeededEntropy::new(2));
    let (mut roots, mut pending) = person_vault(&SeededEntropy::new(3));
    let next = RootKey::from_bytes(&[0x5a; 32]);
    pending.rotation_due = true;
    pending.loose = vec![Alias::from_random(&[0xee; 16])];
    hierarchy::make_pending(&mut pending, &next, &SeededEntropy::new(4)).unwrap();
    roots.next = Some(next);
    hierarchy::authenticate(&mut pending, &roots).unwrap();
    vec![
        ("1-creating", Keyring::Creating(bare(1, Policy::Device, 1))),
        ("1-device", Keyring::Active(device)),
        ("1-person", Keyring::Active(person)),
        ("1-pending", Keyring::Active(pending)),
        (
            "1-shredding",
            Keyring::Shredding(bare(9, Policy::Person, 3)),
        ),
    ]
}

#[test]
#[ignore = "writes the golden files of a new format"]
fn write_golden_files() {
    for (name, keyring) in made() {
        let path = format!(
            "{}/src/vault/golden/{name}.keyring",
            env!("CARGO_MANIFEST_DIR")
        );
        assert!(
            !std::path::Path::new(&path).exists(),
            "never changed: {name}"
        );
        std::fs::write(path, encode(&keyring).unwrap()).unwrap();
    }
}

// What is written today is what was written then, byte by byte.
#[test]
fn the_golden_files_are_read_and_written_as_ever() {
    for ((name, bytes), (made_name, made)) in FILES.iter().zip(made()) {
        assert_eq!(*name, made_name);
        assert_eq!(decode(bytes).unwrap(), made, "{name}");
        assert_eq!(encode(&made).unwrap(), *bytes, "{name}");
    }
}

#[test]
fn the_golden_files_open_through_every_slot() {
    let mut opened = Vec::new();
    for (name, bytes) in FILES {
        let Keyring::Active(active) = decode(bytes).unwrap() else {
            continue;
        };
        for slot in &active.slots {
            let Some(half) = slot.half() else { continue };
            let input = match &slot.lock {
                SlotLock::Pin { kdf, .. } => {
                    *pin::stretch(&Pin::new(PIN.to_vec()).unwrap(), &half.salt, *kdf).unwrap()
                }
                _ => half.salt,
            };
            let derived = derive(&half.alias, &input);
            let private = hierarchy::open_half(&active, slot, &derived)
                .unwrap()
                .unwrap();
            let roots = hierarchy::open_roots(&active, slot, &private)
                .unwrap()
                .unwrap();
            let root: String = roots
                .root
                .expose()
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            opened.push((name, root, roots.next.map(|next| *next.expose())));
        }
    }
    let names: Vec<_> = opened.iter().map(|(name, ..)| *name).collect();
    assert_eq!(
        names,
        ["1-device", "1-person", "1-person", "1-pending", "1-pending"]
    );
    assert_eq!(opened[1].1, opened[2].1);
    assert_eq!(opened[3].2, Some([0x5a; 32]));
    // The root keys themselves, so that no change of derivation goes unseen.
    assert_eq!(
        [&opened[0].1, &opened[1].1],
        [
            "e716a168cd65de1488a49d997610a642f97d64f655d2ca95d15c89ae0b4dc358",
            "ca8beba3dac4ddcf0168d29573862c29380c4685c5a5eeb73b076ac0d201a6cd",
        ]
    );
}
