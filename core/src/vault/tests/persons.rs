//! PIN slots: whose PIN opens, what a wrong one costs, what stays when somebody leaves.

use super::clinic::{Clinic, KDF, person, pin};
use super::*;

#[test]
fn every_member_opens_the_same_vault_with_their_own_pin_alone() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    clinic.add(&mut keys, "kofi", "2222");
    clinic.phone.calls();
    for (name, text) in [("ama", "1111"), ("kofi", "2222")] {
        let opened = clinic.enter(name, text).unwrap();
        assert_eq!(opened.database.expose(), keys.database.expose());
        assert_eq!(clinic.phone.calls(), ["derive"]);
    }
    assert_eq!(clinic.code("ama", "2222"), ErrorCode::WrongPin);
    assert_eq!(clinic.code("esi", "1111"), ErrorCode::NotFound);
    let kinds: Vec<_> = list_slots(clinic.path())
        .into_iter()
        .map(|s| s.kind)
        .collect();
    let pins = ["ama", "kofi"].map(|name| SlotInfoKind::Pin(person(name)));
    assert_eq!(kinds, pins);
    assert_eq!(keys.slots(), list_slots(clinic.path()));
    // Nobody there: no device slot makes the PINs decoration.
    let refusal = open(&clinic.io(), &Way::Device, None).unwrap_err();
    assert_eq!(refusal.error.code(), ErrorCode::PresenceRequired);
    assert!(replace_device_slot(&clinic.io(), &mut keys).is_err());
}

#[test]
fn a_device_vault_has_no_pins() {
    let clinic = Clinic::new(3);
    let mut keys = clinic.make(&NewVault::DEVICE);
    let added = add_pin(&clinic.io(), &mut keys, &person("ama"), &pin("1111"), KDF);
    assert_eq!(added.unwrap_err().code(), ErrorCode::InvalidInput);
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::NotFound);
    assert_eq!(clinic.phone.aliases().len(), 1);
}

#[test]
fn wrong_pins_are_counted_and_delayed_across_kills_reboots_and_clocks_set_back() {
    let (clinic, _) = Clinic::with_ama(None);
    for failures in 1..=5 {
        let refusal = clinic.enter("ama", "0000").unwrap_err();
        assert_eq!(refusal.error.code(), ErrorCode::WrongPin);
        let Some(RefusalReport::WrongPin(report)) = refusal.report else {
            panic!("no report");
        };
        assert_eq!(report.failures, failures);
        assert_eq!(report.delay_ms, if failures == 5 { 30_000 } else { 0 });
    }
    let left = |clinic: &Clinic, text: &str| {
        let refusal = clinic.enter("ama", text).unwrap_err();
        assert_eq!(refusal.error.code(), ErrorCode::PinDelayed);
        let left_ms = refusal.error.retry_after().unwrap();
        assert_eq!(refusal.report, Some(RefusalReport::PinDelayed { left_ms }));
        left_ms
    };
    clinic.phone.calls();
    // Also the right PIN has to wait, and asks nothing of the key store.
    assert_eq!(left(&clinic, "1111"), 30_000);
    clinic.clock.advance(10_000);
    clinic.clock.set_wall(0);
    assert_eq!(left(&clinic, "1111"), 20_000);
    clinic.clock.set_wall(i64::MAX / 2);
    assert_eq!(left(&clinic, "1111"), 20_000);
    clinic.clock.advance(19_000);
    clinic.phone.reboot();
    clinic.phone.unlock();
    assert_eq!(left(&clinic, "1111"), 30_000);
    clinic.clock.advance(29_999);
    assert_eq!(left(&clinic, "1111"), 1);
    assert!(clinic.phone.calls().is_empty());
    clinic.clock.advance(1);
    assert_eq!(clinic.code("ama", "0000"), ErrorCode::WrongPin);
    assert_eq!(left(&clinic, "1111"), 60_000);
    clinic.clock.advance(60_000);
    clinic.enter("ama", "1111").unwrap();
    // Forgotten: five are free again.
    assert_eq!(clinic.code("ama", "0000"), ErrorCode::WrongPin);
    clinic.enter("ama", "1111").unwrap();
}

#[test]
fn a_key_store_that_cannot_answer_makes_no_wrong_pin() {
    let (clinic, _) = Clinic::with_ama(None);
    for _ in 0..9 {
        clinic.phone.fails_for(Duration::from_secs(30));
        assert_eq!(
            clinic.code("ama", "1111"),
            ErrorCode::KeyTemporarilyUnavailable
        );
    }
    clinic.clock.advance(30_000);
    clinic.enter("ama", "1111").unwrap();
}

#[test]
fn a_key_store_that_cannot_answer_forgives_no_wrong_pin_either() {
    let (clinic, _) = Clinic::with_ama(None);
    for _ in 0..4 {
        assert_eq!(clinic.code("ama", "0000"), ErrorCode::WrongPin);
    }
    clinic.phone.fails_for(Duration::from_secs(30));
    let code = clinic.code("ama", "0000");
    assert_eq!(code, ErrorCode::KeyTemporarilyUnavailable);
    clinic.clock.advance(30_000);
    assert_eq!(clinic.code("ama", "0000"), ErrorCode::WrongPin);
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::PinDelayed);
}

#[test]
fn a_copy_that_does_not_have_the_slot_yet_makes_no_guess_free() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    let copies = KEYRING_COPIES.map(|name| clinic.path().join(name));
    let before = copies.each_ref().map(|path| fs::read(path).unwrap());
    clinic.add(&mut keys, "kofi", "2222");
    let after = copies.each_ref().map(|path| fs::read(path).unwrap());
    drop(keys);
    // As a kill between the two writes leaves it, whichever copy is written first.
    for old in [0, 1] {
        for (path, bytes) in copies.iter().zip(&after) {
            fs::write(path, bytes).unwrap();
        }
        fs::write(&copies[old], &before[old]).unwrap();
        let failures = |clinic: &Clinic| match clinic.enter("kofi", "0000").unwrap_err().report {
            Some(RefusalReport::WrongPin(report)) => report.failures,
            other => panic!("{other:?}"),
        };
        assert_eq!((failures(&clinic), failures(&clinic)), (1, 2));
        clinic.enter("kofi", "2222").unwrap();
    }
}

#[test]
fn one_members_delay_is_not_anothers() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    clinic.add(&mut keys, "kofi", "2222");
    for _ in 0..5 {
        assert_eq!(clinic.code("ama", "0000"), ErrorCode::WrongPin);
    }
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::PinDelayed);
    clinic.enter("kofi", "2222").unwrap();
}

#[test]
fn a_limit_drops_that_slot_alone() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    clinic.add(&mut keys, "kofi", "2222");
    let rules = PinRules {
        drop_after: Some(3),
    };
    for attempt in 1..=3 {
        let refusal = clinic.enter_with("ama", "0000", rules).unwrap_err();
        let Some(RefusalReport::WrongPin(report)) = refusal.report else {
            panic!("no report");
        };
        assert_eq!(report.dropped, attempt == 3);
    }
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::PresenceRequired);
    let mut keys = clinic.enter("kofi", "2222").unwrap();
    tidy(&clinic.io(), &mut keys).unwrap();
    assert_eq!(keys.slots().len(), 1);
    assert!(keys.is_rotation_due());
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::NotFound);
    clinic.enter("kofi", "2222").unwrap();
}

#[test]
fn a_changed_pin_replaces_the_old_one_and_needs_it() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    let change = |keys: &mut VaultKeys, old: &str, new: &str| {
        let pins = (&pin(old), &pin(new));
        change_pin(
            &clinic.io(),
            keys,
            &person("ama"),
            pins,
            KDF,
            PinRules::default(),
        )
    };
    let refusal = change(&mut keys, "0000", "3333").unwrap_err();
    assert_eq!(refusal.error.code(), ErrorCode::WrongPin);
    change(&mut keys, "1111", "3333").unwrap();
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::WrongPin);
    let opened = clinic.enter("ama", "3333").unwrap();
    assert_eq!(opened.database.expose(), keys.database.expose());
}

#[test]
fn who_is_removed_does_not_come_back_with_an_old_keyring() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    clinic.add(&mut keys, "kofi", "2222");
    let old = [0, 1].map(|index| fs::read(keyring::path(clinic.path(), index)).unwrap());
    remove_pin(&clinic.io(), &mut keys, &person("kofi")).unwrap();
    assert!(keys.is_rotation_due());
    assert_eq!(clinic.phone.aliases().len(), 1);
    assert_eq!(clinic.code("kofi", "2222"), ErrorCode::NotFound);
    let last = remove_pin(&clinic.io(), &mut keys, &person("ama"));
    assert_eq!(last.unwrap_err().code(), ErrorCode::InvalidInput);
    for (index, bytes) in old.iter().enumerate() {
        fs::write(keyring::path(clinic.path(), index), bytes).unwrap();
    }
    assert_eq!(clinic.code("kofi", "2222"), ErrorCode::PresenceRequired);
    clinic.enter("ama", "1111").unwrap();
}

#[test]
fn a_slot_slipped_into_the_file_is_never_sealed_to() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    let other = Clinic::new(99);
    let foreign = other.make_person(None);
    let mut forged = keys.active.clone();
    forged.generation += 5;
    let mut slot = foreign.active.slots[0].clone();
    if let keyring::SlotLock::Pin { person: owner, .. } = &mut slot.lock {
        *owner = person("mallory");
    }
    forged.slots.push(slot);
    keyring::write(clinic.path(), 0, &Keyring::Active(forged.clone())).unwrap();
    clinic.enter("ama", "1111").unwrap();
    begin_rekey(&clinic.io(), &mut keys).unwrap();
    assert_eq!(keys.slots().len(), 1);
    keyring::write_both(clinic.path(), &Keyring::Active(forged)).unwrap();
    assert!(settle_rekey(&clinic.io(), &mut keys, DatabaseAnswer::Opens).is_err());
}

#[test]
fn presence_opens_until_a_new_finger_drops_that_slot_alone() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    let (request, draft) = begin_add_presence(&clinic.io(), &mut keys).unwrap();
    let level = clinic.phone.create_with_presence(&request.alias).unwrap();
    let derived = clinic
        .phone
        .derive_with_presence(&request.alias, &request.input)
        .unwrap();
    finish_add_presence(&clinic.io(), &mut keys, draft, &derived, level).unwrap();
    let enter = |outcome: fn(&Clinic, &PresenceRequest) -> Result<Derived, KeyStoreError>| {
        let requests = begin_presence(clinic.path());
        let answer = PresenceAnswer {
            slot: requests[0].slot,
            outcome: outcome(&clinic, &requests[0]),
        };
        open(&clinic.io(), &Way::Presence(&answer), None)
    };
    let prompt = |clinic: &Clinic, request: &PresenceRequest| {
        let phone = &clinic.phone;
        phone.derive_with_presence(&request.alias, &request.input)
    };
    let opened = enter(prompt).unwrap();
    assert_eq!(opened.keys.database.expose(), keys.database.expose());
    let denied = enter(|_, _| Err(KeyStoreError::Denied)).unwrap_err();
    assert_eq!(denied.error.code(), ErrorCode::PresenceRequired);
    clinic.phone.new_finger();
    let refusal = enter(prompt).unwrap_err();
    assert_eq!(refusal.error.code(), ErrorCode::PresenceRequired);
    let mut keys = clinic.enter("ama", "1111").unwrap();
    tidy(&clinic.io(), &mut keys).unwrap();
    assert!(begin_presence(clinic.path()).is_empty());
    assert_eq!(keys.slots().len(), 1);
}

#[test]
fn a_slot_that_was_never_finished_is_deleted_after_the_next_opening() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    let (request, _) = begin_add_presence(&clinic.io(), &mut keys).unwrap();
    clinic.phone.create_with_presence(&request.alias).unwrap();
    assert_eq!(clinic.phone.aliases().len(), 2);
    assert_eq!(clinic.code("ama", "0000"), ErrorCode::WrongPin);
    assert_eq!(clinic.phone.aliases().len(), 2);
    let mut keys = clinic.enter("ama", "1111").unwrap();
    tidy(&clinic.io(), &mut keys).unwrap();
    assert_eq!(clinic.phone.aliases().len(), 1);
}

#[test]
fn the_organisation_opens_what_nobody_else_can() {
    let entropy = SeededEntropy::new(77);
    let (private, public) = make_organisation_key(&entropy).unwrap();
    let (clinic, keys) = Clinic::with_ama(Some(public));
    note_unsynced(clinic.path(), 12).unwrap();
    clinic.phone.clear_secrets();
    let refusal = clinic.enter("ama", "1111").unwrap_err();
    assert_eq!(refusal.error.code(), ErrorCode::KeyLost);
    let report = KeyLostReport {
        reason: KeyLostReason::Absent,
        unsynced: Some(12),
        remedies: vec![Remedy::TryLater, Remedy::Recovery, Remedy::Quarantine],
    };
    assert_eq!(refusal.report, Some(RefusalReport::KeyLost(report)));

    let (request, one_time) = make_request(clinic.path(), &entropy).unwrap();
    assert_eq!(fingerprint(&request).unwrap().len(), 16);
    let answer = answer_request(&private, &request, &entropy).unwrap();
    let opening = open_answer(&answer, &one_time).unwrap();
    let way = Way::Recovery(&opening);
    let mut opened = open(&clinic.io(), &way, None).unwrap().keys;
    assert_eq!(opened.database.expose(), keys.database.expose());
    clinic.add(&mut opened, "esi", "4444");
    clinic.enter("esi", "4444").unwrap();

    // Another organisation, another device's key, a changed byte: nothing opens.
    let (stranger, _) = make_organisation_key(&entropy).unwrap();
    let refused = answer_request(&stranger, &request, &entropy).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::KeyMismatch);
    let (_, other) = make_request(clinic.path(), &entropy).unwrap();
    let refused = open_answer(&answer, &other).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::KeyMismatch);
    for at in 0..request.len() {
        let mut bad = request.clone();
        bad[at] ^= 1;
        assert!(answer_request(&private, &bad, &entropy).is_err());
    }
    let foreign = Clinic::new(5);
    foreign.make_person(Some(public));
    let refusal = open(&foreign.io(), &way, None).unwrap_err();
    assert_eq!(refusal.error.code(), ErrorCode::KeyMismatch);
}

#[test]
fn a_recovered_device_vault_gets_a_new_device_slot() {
    let entropy = SeededEntropy::new(78);
    let (private, public) = make_organisation_key(&entropy).unwrap();
    let clinic = Clinic::new(6);
    let keys = clinic.make(&NewVault {
        policy: NewPolicy::Device,
        recovery: Some(public),
    });
    clinic.phone.clear_secrets();
    let (request, one_time) = make_request(clinic.path(), &entropy).unwrap();
    let answer = answer_request(&private, &request, &entropy).unwrap();
    let opening = open_answer(&answer, &one_time).unwrap();
    let mut opened = open(&clinic.io(), &Way::Recovery(&opening), None).unwrap();
    replace_device_slot(&clinic.io(), &mut opened.keys).unwrap();
    let again = open(&clinic.io(), &Way::Device, None).unwrap();
    assert_eq!(again.keys.database.expose(), keys.database.expose());
    assert_eq!(clinic.phone.aliases().len(), 1);
}
