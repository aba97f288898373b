//! The decoder on its own bytes, on noise, on forgeries, and on the golden files.

use proptest::prelude::*;

use super::encode::unchecked;
use super::*;
use crate::vault::keyring::*;
use crate::vault::pin::{PersonId, PinKdf};
use amana_keystore::{Alias, SecurityLevel};

fn alias() -> impl Strategy<Value = Alias> {
    any::<[u8; 16]>().prop_map(|bytes| Alias::from_random(&bytes))
}

fn half() -> impl Strategy<Value = DeviceHalf> {
    let level = prop::sample::select(vec![
        SecurityLevel::SecureElement,
        SecurityLevel::TrustedEnvironment,
        SecurityLevel::Software,
        SecurityLevel::Unprotected,
    ]);
    (
        level,
        alias(),
        any::<[u8; 32]>(),
        prop::collection::vec(any::<u8>(), 60),
    )
        .prop_map(|(level, alias, salt, sealed)| DeviceHalf {
            level,
            alias,
            salt,
            sealed_private: sealed.try_into().unwrap(),
        })
}

fn slot(lock: impl Strategy<Value = SlotLock>) -> impl Strategy<Value = Slot> {
    let sealed = prop::collection::vec(any::<u8>(), 80);
    (any::<[u8; 16]>(), any::<[u8; 32]>(), lock, sealed).prop_map(|(id, public, lock, sealed)| {
        Slot {
            id,
            public,
            lock,
            sealed_root: sealed.try_into().unwrap(),
        }
    })
}

fn person_slots() -> impl Strategy<Value = Vec<Slot>> {
    let kdf = (1_u32..17, 1_u32..65, 0_u32..1000).prop_map(|(lanes, passes, more)| PinKdf {
        memory_kib: 8 * lanes + more,
        passes,
        lanes,
    });
    let pin = (half(), "[a-z]{1,64}", kdf).prop_map(|(half, person, kdf)| SlotLock::Pin {
        half,
        person: PersonId::new(&person).unwrap(),
        kdf,
    });
    prop::collection::vec(
        slot(prop_oneof![pin, half().prop_map(SlotLock::Biometric)]),
        1..4,
    )
}

fn active() -> impl Strategy<Value = Active> {
    let recovery = prop::option::of(slot(Just(SlotLock::Recovery)));
    let slots = prop_oneof![
        slot(half().prop_map(SlotLock::Device)).prop_map(|slot| (Policy::Device, vec![slot])),
        person_slots().prop_map(|slots| (Policy::Person, slots)),
    ];
    let pending = prop::option::of((any::<([u8; 16], [u8; 32])>(), any::<u8>()));
    (
        any::<([u8; 16], u64, bool, [u8; 16], [u8; 32])>(),
        prop::collection::vec(alias(), 0..3),
        slots,
        recovery,
        pending,
    )
        .prop_map(|(plain, loose, (policy, mut slots), recovery, pending)| {
            slots.extend(recovery);
            Active {
                vault_id: plain.0,
                generation: plain.1,
                policy,
                rotation_due: plain.2,
                loose,
                pending: pending.map(|((key_check, mac), fill)| Pending {
                    key_check,
                    mac,
                    sealed_roots: vec![[fill; 80]; slots.len()],
                }),
                slots,
                key_check: plain.3,
                mac: plain.4,
            }
        })
}

fn keyring() -> impl Strategy<Value = Keyring> {
    let bare = || {
        (
            any::<([u8; 16], u64, bool)>(),
            prop::collection::vec(alias(), 0..5),
        )
            .prop_map(|((vault_id, generation, person), aliases)| Bare {
                vault_id,
                generation,
                policy: if person {
                    Policy::Person
                } else {
                    Policy::Device
                },
                aliases,
            })
    };
    prop_oneof![
        bare().prop_map(Keyring::Creating),
        bare().prop_map(Keyring::Shredding),
        active().prop_map(Keyring::Active),
    ]
}

fn resealed(mut content: Vec<u8>) -> Vec<u8> {
    let sum = checksum(&content);
    content.extend_from_slice(&sum);
    content
}

fn content(keyring: &Keyring) -> Vec<u8> {
    let mut bytes = unchecked(keyring);
    bytes.truncate(bytes.len() - CHECKSUM_LENGTH);
    bytes
}

proptest! {
    #[test]
    fn decode_undoes_encode(keyring in keyring()) {
        prop_assert_eq!(decode(&encode(&keyring).unwrap()).unwrap(), keyring);
    }

    #[test]
    fn noise_is_damaged(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert_eq!(decode(&bytes), Err(Unread::Damaged));
    }

    // Noise behind an honest frame reaches the decoder proper.
    #[test]
    fn noise_in_the_frame_is_damaged_or_canonical(
        state in 0_u8..6, noise in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut content = MAGIC.to_vec();
        content.extend_from_slice(&VERSION);
        content.push(state);
        content.extend_from_slice(&noise);
        check_keyring_decoder(&content);
    }

    // A forged checksum lets the changed byte through: what is accepted must be exactly what would
    // be written.
    #[test]
    fn what_is_accepted_is_canonical(
        keyring in keyring(), at in any::<prop::sample::Index>(), flip in 1_u8..,
    ) {
        let mut content = content(&keyring);
        let at = at.index(content.len());
        content[at] ^= flip;
        let version = [content[8], content[9]];
        let bytes = resealed(content);
        match decode(&bytes) {
            Ok(read) => prop_assert_eq!(encode(&read).unwrap(), bytes),
            Err(Unread::Provisional) => prop_assert_eq!(version, PROVISIONAL),
            Err(Unread::TooNew) => prop_assert!((8..10).contains(&at)),
            Err(Unread::Damaged) => prop_assert!(!(8..10).contains(&at)),
        }
    }

    #[test]
    fn every_truncation_is_damaged(keyring in keyring(), cut in any::<prop::sample::Index>()) {
        let bytes = unchecked(&keyring);
        let cut = cut.index(bytes.len());
        prop_assert_eq!(decode(&bytes[..cut]), Err(Unread::Damaged));
        // Also where the end is made to look right.
        let content = bytes[..cut.min(bytes.len() - CHECKSUM_LENGTH - 1)].to_vec();
        prop_assert_eq!(decode(&resealed(content)), Err(Unread::Damaged));
    }

    #[test]
    fn more_bytes_are_damaged(keyring in keyring(), more in 1_usize..40) {
        let mut content = content(&keyring);
        content.resize(content.len() + more, 0);
        prop_assert_eq!(decode(&resealed(content)), Err(Unread::Damaged));
    }

    // What a policy excludes and what is named twice is neither read nor written.
    #[test]
    fn unsound_lists_of_slots_are_refused(active in active(), which in 0..5) {
        let mut bad = active.clone();
        bad.pending = None;
        match which {
            0 => bad.policy = match bad.policy {
                Policy::Device => Policy::Person,
                Policy::Person => Policy::Device,
            },
            1 => bad.slots.push(bad.slots[0].clone()),
            2 => bad.loose.extend(bad.slots[0].half().map(|half| half.alias.clone())),
            3 => bad.slots.clear(),
            _ => bad.loose = vec![Alias::from_random(&[1; 16]); 2],
        }
        let bad = Keyring::Active(bad);
        prop_assert!(encode(&bad).is_err());
        prop_assert_eq!(decode(&unchecked(&bad)), Err(Unread::Damaged));
    }
}

#[test]
fn giants_are_damaged() {
    assert_eq!(decode(&vec![0; MAX_LENGTH + 1]), Err(Unread::Damaged));
    let aliases = (0..=u8::try_from(MAX_ALIASES).unwrap())
        .map(|n| Alias::from_random(&[n; 16]))
        .collect();
    let bare = Keyring::Shredding(Bare {
        vault_id: [1; 16],
        generation: 1,
        policy: Policy::Device,
        aliases,
    });
    assert!(encode(&bare).is_err());
}

#[test]
fn parameters_that_no_device_can_bear_are_damaged() {
    for (memory_kib, passes, lanes) in [(u32::MAX, 1, 1), (8, u32::MAX, 1), (8, 1, 2), (8, 0, 1)] {
        let kdf = PinKdf {
            memory_kib,
            passes,
            lanes,
        };
        assert!(!kdf.is_bearable());
    }
}

proptest! {
    // The files of every released version, cut, flipped, spliced: never a panic, always typed.
    #[test]
    fn mutated_golden_files_have_a_typed_outcome(
        which in 0..crate::vault::golden::FILES.len(),
        at in any::<prop::sample::Index>(),
        noise in prop::collection::vec(any::<u8>(), 0..8),
        keep_checksum in any::<bool>(),
    ) {
        let (_, golden) = crate::vault::golden::FILES[which];
        let mut content = golden[..golden.len() - CHECKSUM_LENGTH].to_vec();
        let at = at.index(content.len());
        let end = (at + noise.len() / 2).min(content.len());
        content.splice(at..end, noise);
        let bytes = if keep_checksum {
            content.extend_from_slice(&golden[golden.len() - CHECKSUM_LENGTH..]);
            content
        } else {
            resealed(content)
        };
        check_keyring_decoder(&bytes);
    }
}
