//! The hierarchy against published vectors, golden values and forgers.

use super::*;
use crate::test_support::SeededEntropy;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn derived(n: u8) -> Derived {
    Derived::new(Zeroizing::new([n; 32]))
}

fn made(seed: u64) -> (Roots, Active) {
    let entropy = SeededEntropy::new(seed);
    let slot = SlotDraft::make(&entropy)
        .unwrap()
        .make_slot(
            DraftKind::Device,
            SecurityLevel::Software,
            &derived(1),
            &[3; 16],
            &entropy,
        )
        .unwrap();
    make_active(&[3; 16], 2, Policy::Device, vec![slot], &entropy).unwrap()
}

fn open(active: &Active, derived: &Derived) -> Option<Roots> {
    let slot = &active.slots[0];
    let half = open_half(active, slot, derived).unwrap()?;
    open_roots(active, slot, &half).unwrap()
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
    let root = RootKey::from_bytes(&std::array::from_fn(|n| u8::try_from(n).unwrap()));
    let id = [3; 16];
    let shown = [
        hex(slot_key(&derived(1), &id, &[5; 16]).unwrap().expose()),
        hex(database_key(&root, &id).unwrap().expose()),
        hex(&key_check(&root, &id).unwrap()),
        hex(&derive_key(&root, &id, KEYRING_MAC_KEY, |bytes| *bytes).unwrap()),
    ];
    assert_eq!(
        shown,
        [
            "190b00a48998aba6df57fbcfec35720ee3a35cd2b791e3acfdb16a5b4641f19c",
            "09de312491ee6fac25cd7a037225845cbdfa1853c1811f43771f4fe112a9ee9f",
            "c0c417a187a1e95d6c0a731d4a7e4036",
            "cf81f43ece0804cbc9c8718f6864a899669af807c7413888fe8010bf5a35445d",
        ]
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
    let (roots, active) = made(1);
    let opened = open(&active, &derived(1)).unwrap();
    assert_eq!(opened.root.expose(), roots.root.expose());
    assert!(open(&active, &derived(2)).is_none());
}

#[test]
fn both_root_keys_open_while_one_replaces_the_other() {
    let (mut roots, mut active) = made(1);
    roots.next = Some(RootKey::from_bytes(&[8; 32]));
    make_pending(
        &mut active,
        roots.next.as_ref().unwrap(),
        &SeededEntropy::new(2),
    )
    .unwrap();
    authenticate(&mut active, &roots).unwrap();
    let opened = open(&active, &derived(1)).unwrap();
    assert_eq!(opened.root.expose(), roots.root.expose());
    assert_eq!(opened.next.unwrap().expose(), &[8; 32]);
    for change in [
        (|p: &mut Pending| p.mac[0] ^= 1) as fn(&mut Pending),
        |p| p.key_check[0] ^= 1,
        |p| p.sealed_roots[0][40] ^= 1,
    ] {
        let mut active = active.clone();
        change(active.pending.as_mut().unwrap());
        assert!(open(&active, &derived(1)).is_none());
    }
    active.pending = None;
    assert!(open(&active, &derived(1)).is_none());
}

#[test]
fn whatever_is_changed_does_not_open() {
    fn half(active: &mut Active) -> &mut DeviceHalf {
        match &mut active.slots[0].lock {
            SlotLock::Device(half) => half,
            _ => panic!("not a device slot"),
        }
    }
    type Change = fn(&mut Active);
    let changes: &[Change] = &[
        |active| active.vault_id[0] ^= 1,
        |active| active.generation += 1,
        |active| active.policy = Policy::Person,
        |active| active.rotation_due = true,
        |active| active.loose.push(Alias::from_random(&[9; 16])),
        |active| active.key_check[0] ^= 1,
        |active| active.mac[31] ^= 1,
        |active| active.slots[0].id[0] ^= 1,
        |active| active.slots[0].public[0] ^= 1,
        |active| half(active).alias = Alias::from_random(&[9; 16]),
        |active| half(active).salt[0] ^= 1,
        |active| half(active).level = SecurityLevel::SecureElement,
        |active| half(active).sealed_private[20] ^= 1,
        |active| active.slots[0].sealed_root[40] ^= 1,
        |active| active.slots[0].lock = SlotLock::Biometric(half(active).clone()),
        // A slot slipped in: it would be sealed to at the next change of the root key.
        |active| {
            let mut slot = active.slots[0].clone();
            slot.id = [8; 16];
            slot.lock = SlotLock::Recovery;
            active.slots.push(slot);
        },
    ];
    for (index, change) in changes.iter().enumerate() {
        let (_, mut active) = made(1);
        change(&mut active);
        assert!(open(&active, &derived(1)).is_none(), "change {index}");
    }
}
