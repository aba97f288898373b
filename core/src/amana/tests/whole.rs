//! The vault as a whole: made, opened, refused, wiped, put aside; several in one app.

use std::time::Duration;

use super::*;
use crate::vault;

#[test]
fn a_handle_asks_no_key_store_and_an_opening_asks_once() {
    let tablet = Tablet::new();
    let vault = tablet.attach("settings");
    assert_eq!(vault.state(), VaultState::Locked);
    assert_eq!(vault.glance().unwrap().presence, Presence::Nothing);
    assert!(vault.slots().unwrap().slots.is_empty());
    // Nothing is made but on a first run that was asked for.
    assert_eq!(code(vault.unlock()), ErrorCode::NotFound);
    assert!(tablet.phone.calls().is_empty());
    drop(vault);

    let vault = tablet.open("settings").unwrap();
    assert_eq!(tablet.phone.calls(), ["create", "derive"]);
    insert(&vault, "Amal");
    vault.lock().unwrap();
    vault.unlock().unwrap();
    assert_eq!(tablet.phone.calls(), ["derive"]);
    vault.close().unwrap();
    let again = tablet.attach("settings");
    let seen = again.glance().unwrap();
    assert_eq!(seen.presence, Presence::Vault);
    assert_eq!(seen.policy, Some(Policy::Device));
    assert_eq!(seen.unsynced, Some(1));
    assert!(tablet.phone.calls().is_empty());
}

#[test]
fn vaults_of_several_names_know_nothing_of_each_other() {
    let tablet = Tablet::new();
    let settings = tablet.open("settings").unwrap();
    let patients = tablet.patients();
    patients.lock().unwrap();
    // What must be readable before anyone has unlocked is.
    assert_eq!(count(&settings).unwrap(), 0);
    assert_eq!(code(count(&patients)), ErrorCode::Locked);
    patients.wipe().unwrap();
    assert_eq!(count(&settings).unwrap(), 0);
    let long = "a".repeat(49);
    for name in [
        "",
        "A",
        "a b",
        "../a",
        "a/b",
        "a.quarantine.1",
        "1",
        "ä",
        "a\0",
        &long,
    ] {
        let refused = Config::named(tablet.home.path(), name).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidInput, "{name}");
    }
}

#[test]
fn a_vault_is_made_only_where_there_is_none() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    let device = NewVault {
        policy: NewPolicy::Device,
        recovery: None,
    };
    assert_eq!(code(vault.create(&device)), ErrorCode::InvalidInput);
    vault.lock().unwrap();
    assert_eq!(code(vault.create(&device)), ErrorCode::InvalidInput);
    // Nor by the call that makes one on a first run.
    assert_eq!(code(tablet.open("patients")), ErrorCode::PresenceRequired);
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
}

#[test]
fn a_key_store_that_cannot_answer_is_waited_for_and_nothing_is_lost() {
    let tablet = Tablet::new();
    let vault = tablet.open("settings").unwrap();
    insert(&vault, "Amal");
    vault.lock().unwrap();
    tablet.phone.fails_for(Duration::from_secs(30));
    assert_eq!(code(vault.unlock()), ErrorCode::KeyTemporarilyUnavailable);
    assert!(vault.last_refusal().unwrap().error.is_retryable());
    tablet.clock.advance(30_000);
    vault.unlock().unwrap();
    assert_eq!(vault.last_refusal(), None);
    assert_eq!(count(&vault).unwrap(), 1);
}

#[test]
fn a_lost_key_says_what_is_lost_and_what_can_be_done() {
    let tablet = Tablet::new();
    let vault = tablet.open("settings").unwrap();
    insert(&vault, "Amal");
    insert(&vault, "Badr");
    vault.lock().unwrap();
    tablet.phone.says_absent_for(Duration::from_secs(30));
    assert_eq!(code(vault.unlock()), ErrorCode::KeyLost);
    let Some(RefusalReport::KeyLost(report)) = vault.last_refusal().unwrap().report else {
        panic!("no report");
    };
    assert_eq!(report.unsynced, Some(2));
    assert_eq!(report.remedies, [Remedy::TryLater, Remedy::Quarantine]);

    // Put aside only by who knows what is lost.
    let agreed = |unsynced| LossAcknowledged { unsynced };
    assert_eq!(
        code(vault.quarantine(agreed(None))),
        ErrorCode::InvalidInput
    );
    let aside = vault.quarantine(agreed(Some(2))).unwrap();
    assert_eq!(vault.state(), VaultState::Closed);
    assert_eq!(code(vault.unlock()), ErrorCode::Closed);
    assert_eq!(vault.quarantined(), std::slice::from_ref(&aside));

    tablet.clock.advance(30_000);
    let fresh = tablet.open("settings").unwrap();
    assert_eq!(count(&fresh).unwrap(), 0);
    assert_eq!(fresh.quarantined(), std::slice::from_ref(&aside));
    // Its key has come back, and it is whole where it is now.
    let config = Config::new(&aside.path);
    let old = Amana::open(config, tablet.phone.clone(), tablet.system()).unwrap();
    assert_eq!(count(&old).unwrap(), 2);
}

#[test]
fn what_is_open_or_not_there_is_not_put_aside() {
    let tablet = Tablet::new();
    let vault = tablet.open("settings").unwrap();
    let agreed = LossAcknowledged { unsynced: Some(0) };
    assert_eq!(code(vault.quarantine(agreed)), ErrorCode::InvalidInput);
    assert_eq!(vault.state(), VaultState::Unlocked);
    let nothing = tablet.attach("nothing");
    let agreed = LossAcknowledged { unsynced: None };
    assert_eq!(code(nothing.quarantine(agreed)), ErrorCode::NotFound);
    assert_eq!(nothing.state(), VaultState::Locked);
}

#[test]
fn a_damaged_keyring_is_put_aside_and_never_replaced() {
    let tablet = Tablet::new();
    let vault = tablet.open("settings").unwrap();
    insert(&vault, "Amal");
    vault.lock().unwrap();
    for copy in vault::KEYRING_COPIES {
        std::fs::write(tablet.path("settings").join(copy), b"damaged").unwrap();
    }
    assert_eq!(code(vault.unlock()), ErrorCode::KeyringDamaged);
    let device = NewVault {
        policy: NewPolicy::Device,
        recovery: None,
    };
    assert_eq!(code(vault.create(&device)), ErrorCode::KeyringDamaged);
    assert_eq!(code(vault.unlock()), ErrorCode::KeyringDamaged);
    let Some(RefusalReport::Damage(report)) = vault.last_refusal().unwrap().report else {
        panic!("no report");
    };
    assert_eq!(report.unsynced, Some(1));
    assert_eq!(report.remedies, [Remedy::Quarantine]);
    let agreed = LossAcknowledged { unsynced: Some(1) };
    vault.quarantine(agreed).unwrap();
}

#[test]
fn after_a_wipe_nothing_opens_and_nothing_is_left() {
    let tablet = Tablet::new();
    for locked in [false, true] {
        let vault = tablet.patients();
        let _other = vault.clone();
        if locked {
            vault.lock().unwrap();
        }
        vault.wipe().unwrap();
        assert_eq!(vault.state(), VaultState::Closed);
        assert_eq!(code(count(&vault)), ErrorCode::Closed);
        assert_eq!(code(enter(&vault, "ama", "1111")), ErrorCode::Closed);
        assert_eq!(code(vault.wipe()), ErrorCode::Closed);
        assert!(tablet.phone.aliases().is_empty());
        let again = tablet.attach("patients");
        assert_eq!(again.glance().unwrap().presence, Presence::Nothing);
        assert_eq!(code(enter(&again, "ama", "1111")), ErrorCode::NotFound);
        let left: Vec<_> = std::fs::read_dir(tablet.path("patients"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["lock"]);
    }
}

#[test]
fn a_wipe_that_could_not_end_goes_on_at_the_next_opening() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    tablet.phone.fails_for(Duration::from_secs(60));
    assert_eq!(code(vault.wipe()), ErrorCode::KeyTemporarilyUnavailable);
    assert_eq!(vault.state(), VaultState::Locked);
    assert_eq!(vault.glance().unwrap().presence, Presence::HalfWiped);
    // The right PIN opens it as little as anything else.
    let refused = code(enter(&vault, "ama", "1111"));
    assert_eq!(refused, ErrorCode::KeyTemporarilyUnavailable);
    tablet.clock.advance(60_000);
    assert_eq!(code(enter(&vault, "ama", "1111")), ErrorCode::NotFound);
    let report = vault.last_refusal().unwrap().report;
    assert_eq!(report, Some(RefusalReport::WipeFinished));
    assert!(tablet.phone.aliases().is_empty());
    assert_eq!(vault.glance().unwrap().presence, Presence::Nothing);
}

#[test]
fn the_unsynced_hint_follows_the_records() {
    let tablet = Tablet::new();
    let vault = tablet.open("settings").unwrap();
    assert_eq!(vault.glance().unwrap().unsynced, Some(0));
    for name in ["A", "B", "C"] {
        insert(&vault, name);
    }
    // What the watching thread does a moment later.
    vault.inner.note_what_is_unsynced();
    assert_eq!(vault.glance().unwrap().unsynced, Some(3));
    insert(&vault, "D");
    vault.lock().unwrap();
    assert_eq!(vault.glance().unwrap().unsynced, Some(4));
}
