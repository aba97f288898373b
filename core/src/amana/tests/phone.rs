//! A phone that locks itself, and one that stops the app: what a vault does on it.

use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::access::integrity::IntegrityRule;
use crate::ports::StateListener;

#[test]
fn without_its_files_a_vault_is_locked_and_refuses_by_itself_until_they_are_back() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    vault.protected_data_gone().unwrap();
    assert_eq!(vault.state(), VaultState::Locked);
    assert_eq!(code(count(&vault)), ErrorCode::Locked);
    tablet.phone.calls();
    let refused = [
        code(enter(&vault, "ama", "1111")),
        // Not even a wrong PIN is tried, or counted.
        code(enter(&vault, "ama", "9999")),
        code(vault.unlock()),
        code(vault.glance()),
        code(vault.slots()),
        code(vault.pin_standing(&person("ama"))),
        code(vault.begin_presence()),
        code(vault.make_recovery_request()),
        code(vault.salvage(&Unlock::Device)),
        code(vault.quarantine(LossAcknowledged { unsynced: Some(1) })),
        code(vault.wipe()),
    ];
    assert_eq!(refused, [ErrorCode::KeyTemporarilyUnavailable; 11]);
    assert!(
        tablet.phone.calls().is_empty(),
        "the key store was not asked"
    );
    let refusal = vault.last_refusal().unwrap();
    assert_eq!(refusal.error.code(), ErrorCode::KeyTemporarilyUnavailable);
    assert!(refusal.error.is_retryable());
    // Told twice it is no error, and another handle of the directory is told with it.
    vault.protected_data_gone().unwrap();
    let again = tablet.attach("patients");
    assert_eq!(code(again.glance()), ErrorCode::KeyTemporarilyUnavailable);

    vault.protected_data_back();
    assert_eq!(vault.state(), VaultState::Locked, "nothing opens by itself");
    assert_eq!(vault.pin_standing(&person("ama")).unwrap().failures, 0);
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
    vault.close().unwrap();
    vault.protected_data_gone().unwrap();
}

#[test]
fn nothing_is_made_while_files_are_out_of_reach() {
    let tablet = Tablet::new();
    let vault = tablet.attach("notes");
    vault.protected_data_gone().unwrap();
    let new = NewVault {
        policy: NewPolicy::Device,
        recovery: None,
    };
    let refused = code(vault.create(&new));
    assert_eq!(refused, ErrorCode::KeyTemporarilyUnavailable);
    assert!(tablet.phone.calls().is_empty());
    vault.protected_data_back();
    vault.create(&new).unwrap();
    assert_eq!(vault.state(), VaultState::Unlocked);
}

#[test]
fn a_look_that_is_under_way_ends_for_a_rest_and_none_begins_until_the_vault_is_awake() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    for n in 0..200 {
        insert(&vault, &format!("Patient {n} {}", "x".repeat(200)));
    }
    let rule = IntegrityRule::default();
    tablet.clock.advance(rule.after_ms);
    vault.check_integrity();
    vault.rest().unwrap();
    let before = vault.integrity().unwrap();
    tablet.clock.advance(rule.every_ms);
    enter(&vault, "ama", "1111").unwrap();
    tablet.clock.advance(rule.after_ms);
    vault.check_integrity();
    assert_eq!(vault.integrity().unwrap(), before, "it rests");
    // Calls go on, and are what is waited for elsewhere.
    insert(&vault, "Basem");
    vault.rest().unwrap();
    assert_eq!(vault.glance().unwrap().unsynced, Some(202));
    vault.wake();
    tablet.clock.advance(rule.after_ms);
    vault.check_integrity();
    while vault.integrity().unwrap().checked_at_ms.is_none() {
        std::thread::yield_now();
    }
    vault.rest().unwrap();
    vault.lock().unwrap();
    vault.rest().unwrap();
    vault.close().unwrap();
    vault.rest().unwrap();
}

#[test]
fn once_a_rest_has_begun_a_look_comes_no_further() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    let rule = IntegrityRule::default();
    for _ in 0..20 {
        vault.wake();
        tablet.clock.advance(rule.after_ms);
        vault.check_integrity();
        vault.rest().unwrap();
        let stands = vault.integrity();
        tablet.clock.advance(rule.after_ms);
        vault.check_integrity();
        assert_eq!(vault.integrity(), stands);
        enter(&vault, "ama", "1111").unwrap();
    }
}

/// A vault with one record, and the note of it.
fn resting(tablet: &Tablet) -> Amana {
    let vault = tablet.patients();
    vault.rest().unwrap();
    assert_eq!(vault.glance().unwrap().unsynced, Some(1));
    vault
}

#[test]
fn a_resting_vault_is_neither_noted_nor_closed_by_itself() {
    let tablet = Tablet::new();
    let vault = resting(&tablet);
    insert(&vault, "Basem");
    tablet.clock.advance(300_001);
    vault.take_turn(true);
    assert_eq!(vault.glance().unwrap().unsynced, Some(1));
    assert!(vault.integrity().is_some(), "the database is open");
    vault.wake();
    vault.take_turn(true);
    assert_eq!(vault.glance().unwrap().unsynced, Some(2));
    assert!(vault.integrity().is_none(), "the time was up");
}

struct Locked(mpsc::Sender<VaultState>);

impl StateListener for Locked {
    fn changed(&self, state: VaultState) {
        let _ = self.0.send(state);
    }
}

#[test]
fn what_a_rest_has_put_off_is_done_once_the_vault_is_woken() {
    let tablet = Tablet::new();
    let vault = resting(&tablet);
    insert(&vault, "Basem");
    let (sender, told) = mpsc::channel();
    let _listening = vault.subscribe_state(Arc::new(Locked(sender)));
    tablet.clock.advance(300_001);
    vault.wake();
    // Hangs for a minute where the thread is not woken, and then fails.
    let state = told.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(state, VaultState::Locked);
    assert_eq!(vault.glance().unwrap().unsynced, Some(2));
}

#[test]
fn a_look_is_stopped_also_while_a_key_is_being_proven() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    let (change, open) = vault
        .inner
        .life
        .begin(Doing::Opening, |state| {
            state.open().cloned().ok_or_else(locked)
        })
        .unwrap();
    let look = open.held.integrity.running();
    vault.rest().unwrap();
    assert!(look.is_cancelled());
    change.end(State::Unlocked(open));
}
