//! PINs, presence and recovery through the front door.

use std::time::Duration;

use super::*;
use crate::ports::KeyStoreError;
use crate::system::SystemEntropy;
use crate::vault::{PresenceAnswer, SlotInfoKind, WrongPinReport, answer_request};
use amana_keystore::SecurityLevel;

#[test]
fn every_member_has_a_pin_of_their_own() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    vault.add_pin(&person("kofi"), &pin("2222")).unwrap();
    let twice = vault.add_pin(&person("kofi"), &pin("3333"));
    assert_eq!(code(twice), ErrorCode::InvalidInput);
    let proven = vault.slots().unwrap();
    assert!(proven.proven && !proven.rotation_due);
    vault.lock().unwrap();
    let listed = vault.slots().unwrap();
    assert!(!listed.proven);
    assert_eq!(listed.slots, proven.slots);
    let pins = ["ama", "kofi"].map(|name| SlotInfoKind::Pin(person(name)));
    let kinds: Vec<_> = listed.slots.into_iter().map(|slot| slot.kind).collect();
    assert_eq!(kinds, pins);

    tablet.phone.calls();
    enter(&vault, "kofi", "2222").unwrap();
    assert_eq!(tablet.phone.calls(), ["derive"]);
    assert_eq!(count(&vault).unwrap(), 1);
    vault
        .change_pin(&person("kofi"), &pin("2222"), &pin("4444"))
        .unwrap();
    let wrong = vault.change_pin(&person("kofi"), &pin("2222"), &pin("5555"));
    assert_eq!(code(wrong), ErrorCode::WrongPin);
    assert!(vault.last_refusal().unwrap().report.is_some());
    vault.reset_pin(&person("ama"), &pin("6666")).unwrap();
    assert!(vault.slots().unwrap().rotation_due);
    vault.lock().unwrap();
    assert_eq!(code(enter(&vault, "ama", "1111")), ErrorCode::WrongPin);
    assert_eq!(code(enter(&vault, "kofi", "2222")), ErrorCode::WrongPin);
    enter(&vault, "ama", "6666").unwrap();
    vault.lock().unwrap();
    enter(&vault, "kofi", "4444").unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
    for call in [
        vault.change_pin(&person("esi"), &pin("1111"), &pin("2222")),
        vault.reset_pin(&person("esi"), &pin("2222")),
        vault.remove_pin(&person("esi")),
        vault.remove_slot([7; 16]),
    ] {
        assert_eq!(code(call), ErrorCode::NotFound);
    }
    vault.lock().unwrap();
    assert_eq!(
        code(vault.add_pin(&person("esi"), &pin("1111"))),
        ErrorCode::Locked
    );
}

#[test]
fn s14_wrong_pins_are_told_and_delayed_whether_the_vault_is_locked_or_not() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    vault.lock().unwrap();
    for failures in 1..=5 {
        assert_eq!(code(enter(&vault, "ama", "0000")), ErrorCode::WrongPin);
        let delay_ms = if failures == 5 { 30_000 } else { 0 };
        let dropped = false;
        let report = WrongPinReport {
            failures,
            delay_ms,
            dropped,
        };
        let kept = vault.last_refusal().unwrap().report;
        assert_eq!(kept, Some(RefusalReport::WrongPin(report)));
    }
    tablet.clock.advance(10_000);
    let standing = vault.pin_standing(&person("ama")).unwrap();
    assert_eq!((standing.failures, standing.delay_ms), (5, 20_000));
    let refused = enter(&vault, "ama", "1111").unwrap_err();
    assert_eq!(refused.code(), ErrorCode::PinDelayed);
    assert_eq!(refused.retry_after(), Some(20_000));
    tablet.clock.advance(20_000);
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(vault.pin_standing(&person("ama")).unwrap().failures, 0);
    // A wrong PIN at an open vault is counted, and locks nobody out.
    assert_eq!(code(enter(&vault, "ama", "0000")), ErrorCode::WrongPin);
    assert_eq!(count(&vault).unwrap(), 1);
    let nobody = vault.pin_standing(&person("esi"));
    assert_eq!(code(nobody), ErrorCode::NotFound);
}

#[test]
fn too_many_wrong_pins_destroy_a_slot_only_where_the_app_says_so() {
    let tablet = Tablet {
        rules: PinRules {
            drop_after: Some(3),
        },
        ..Tablet::new()
    };
    let vault = tablet.patients();
    vault.add_pin(&person("kofi"), &pin("2222")).unwrap();
    vault.lock().unwrap();
    for _ in 0..3 {
        assert_eq!(code(enter(&vault, "kofi", "0000")), ErrorCode::WrongPin);
    }
    let Some(RefusalReport::WrongPin(report)) = vault.last_refusal().unwrap().report else {
        panic!("no report");
    };
    assert!(report.dropped && vault.pin_standing(&person("kofi")).unwrap().dropped);
    assert!(enter(&vault, "kofi", "2222").is_err());
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(vault.slots().unwrap().slots.len(), 1);
}

#[test]
fn an_idle_vault_of_persons_wants_its_pin_again() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    tablet.clock.advance(5 * 60_000);
    assert_eq!(vault.state(), VaultState::Locked);
    // Also before the watching thread has closed it.
    assert_eq!(code(vault.unlock()), ErrorCode::PresenceRequired);
    assert_eq!(code(enter(&vault, "ama", "0000")), ErrorCode::WrongPin);
    assert_eq!(code(count(&vault)), ErrorCode::Locked);
    assert!(!vault.slots().unwrap().proven);
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
}

#[test]
fn presence_opens_in_two_phases_until_the_finger_is_another() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    let given_up = vault.begin_add_presence().unwrap();
    let request = vault.begin_add_presence().unwrap();
    let make = |alias| {
        let level = tablet.phone.create_with_presence(alias).unwrap();
        assert_eq!(level, SecurityLevel::TrustedEnvironment);
        level
    };
    let level = make(&request.alias);
    let derive = |alias, input| tablet.phone.derive_with_presence(alias, input);
    let derived = derive(&request.alias, &request.input).unwrap();
    let late = vault.finish_add_presence(given_up.slot, &derived, level);
    assert_eq!(code(late), ErrorCode::NotFound);
    vault
        .finish_add_presence(request.slot, &derived, level)
        .unwrap();
    let again = vault.finish_add_presence(request.slot, &derived, level);
    assert_eq!(code(again), ErrorCode::NotFound);

    vault.lock().unwrap();
    let asked = vault.begin_presence().unwrap().pop().unwrap();
    assert_eq!(asked, request);
    let answer = |outcome| PresenceAnswer {
        slot: asked.slot,
        outcome,
    };
    let unlock = |answer| vault.unlock_with(&Unlock::Presence(&answer));
    let denied = unlock(answer(Err(KeyStoreError::Denied)));
    assert_eq!(code(denied), ErrorCode::PresenceRequired);
    unlock(answer(derive(&asked.alias, &asked.input))).unwrap();
    assert_eq!(count(&vault).unwrap(), 1);

    vault.lock().unwrap();
    tablet.phone.new_finger();
    let refused = unlock(answer(derive(&asked.alias, &asked.input)));
    assert_eq!(code(refused), ErrorCode::PresenceRequired);
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(vault.slots().unwrap().slots.len(), 1);
    assert_eq!(tablet.phone.aliases().len(), 1);
}

#[test]
fn a_slot_of_presence_is_removed_by_its_id() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    let request = vault.begin_add_presence().unwrap();
    let level = tablet.phone.create_with_presence(&request.alias).unwrap();
    let derived = tablet
        .phone
        .derive_with_presence(&request.alias, &request.input);
    vault
        .finish_add_presence(request.slot, &derived.unwrap(), level)
        .unwrap();
    vault.remove_slot(request.slot).unwrap();
    let ama = vault.slots().unwrap().slots.pop().unwrap().id;
    assert_eq!(code(vault.remove_slot(ama)), ErrorCode::InvalidInput);
    assert!(vault.begin_presence().unwrap().is_empty());
}

#[test]
fn the_organisation_opens_what_a_lost_key_cannot() {
    let (private, public) = crate::vault::make_organisation_key(&SystemEntropy).unwrap();
    let tablet = Tablet::new();
    let vault = tablet.patients_with(Some(public));
    assert_eq!(
        code(vault.unlock_with(&Unlock::Recovery(b"x"))),
        ErrorCode::NotFound
    );
    vault.lock().unwrap();
    tablet.phone.clear_secrets();
    assert_eq!(code(enter(&vault, "ama", "1111")), ErrorCode::KeyLost);
    let Some(RefusalReport::KeyLost(report)) = vault.last_refusal().unwrap().report else {
        panic!("no report");
    };
    assert!(report.remedies.contains(&Remedy::Recovery));

    let first = vault.make_recovery_request().unwrap();
    let request = vault.make_recovery_request().unwrap();
    assert_eq!(request.fingerprint.len(), 16);
    let answer = |bytes: &[u8]| answer_request(&private, bytes, &SystemEntropy).unwrap();
    // The first request's answer is worth nothing any more.
    let stale = answer(&first.bytes);
    let refused = vault.unlock_with(&Unlock::Recovery(&stale));
    assert_eq!(code(refused), ErrorCode::KeyMismatch);
    let answer = answer(&request.bytes);
    for bad in [&b""[..], b"\0", &answer[..answer.len() - 1]] {
        let refused = vault.unlock_with(&Unlock::Recovery(bad));
        assert_eq!(code(refused), ErrorCode::InvalidInput);
    }
    vault.unlock_with(&Unlock::Recovery(&answer)).unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
    // Nobody's PIN opens it yet.
    vault.reset_pin(&person("ama"), &pin("7777")).unwrap();
    vault.lock().unwrap();
    let again = vault.unlock_with(&Unlock::Recovery(&answer));
    assert_eq!(code(again), ErrorCode::NotFound);
    enter(&vault, "ama", "7777").unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
}

#[test]
fn a_device_vault_that_was_recovered_opens_by_itself_again() {
    let (private, public) = crate::vault::make_organisation_key(&SystemEntropy).unwrap();
    let tablet = Tablet::new();
    let vault = tablet.attach("settings");
    let policy = NewPolicy::Device;
    let recovery = Some(public);
    vault.create(&NewVault { policy, recovery }).unwrap();
    insert(&vault, "Amal");
    vault.lock().unwrap();
    tablet.phone.clear_secrets();
    assert_eq!(code(vault.unlock()), ErrorCode::KeyLost);
    let request = vault.make_recovery_request().unwrap();
    let answer = answer_request(&private, &request.bytes, &SystemEntropy).unwrap();
    tablet.phone.fails_for(Duration::from_secs(30));
    vault.unlock_with(&Unlock::Recovery(&answer)).unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
    // No secret could be made at once: the app is told, and may try again.
    tablet.clock.advance(30_000);
    vault.replace_device_slot().unwrap();
    vault.lock().unwrap();
    vault.unlock().unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
}
