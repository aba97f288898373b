//! Key stores that cannot answer, say "absent", refuse, or forget.

use super::*;

#[test]
fn a_key_store_that_cannot_answer_is_asked_again_for_two_seconds() {
    use KeyStoreError::{HardwareFailure, Transient};
    let (place, key) = Place::with_vault();
    place
        .store
        .failing(&[Transient, HardwareFailure, Transient]);
    place.opens_with(&key);
    assert_eq!(place.store.calls(), ["derive"; 4]);

    let waited_before: Duration = place.timer.waits().iter().sum();
    place.store.failing(&[Transient; 9]);
    place.refuses(ErrorCode::KeyTemporarilyUnavailable);
    let waited: Duration = place.timer.waits().iter().sum();
    assert_eq!(waited - waited_before, Duration::from_secs(2));
    place.opens_with(&key);
}

#[test]
fn an_absent_secret_is_looked_up_twice_then_lost_then_found_again() {
    let (place, key) = Place::with_vault();
    place.store.failing(&[KeyStoreError::Absent]);
    place.opens_with(&key);
    assert_eq!(place.timer.waits(), [Duration::from_secs(1)]);

    // A store that says "not found" for half a minute: no key is made, and all is well later.
    for _ in 0..15 {
        place.store.failing(&[KeyStoreError::Absent; 2]);
        place.refuses(ErrorCode::KeyLost);
    }
    place.opens_with(&key);
}

#[test]
fn refusals_of_the_person_or_the_system_delete_nothing() {
    let (place, key) = Place::with_vault();
    place.store.failing(&[KeyStoreError::Denied]);
    place.refuses(ErrorCode::PresenceRequired);
    place.store.failing(&[KeyStoreError::Invalidated]);
    place.refuses(ErrorCode::KeyLost);
    place.opens_with(&key);
}

#[test]
fn a_first_run_waits_for_the_key_store_and_loses_nothing_if_it_must_give_up() {
    let place = Place::new();
    place.store.failing(&[KeyStoreError::Transient; 9]);
    assert_eq!(place.code(), ErrorCode::KeyTemporarilyUnavailable);
    let place = Place {
        store: Scripted::default(),
        ..place
    };
    let key = place.make();
    place.opens_with(&key);
}

#[test]
fn an_attempt_that_made_the_secret_but_failed_does_not_block_the_first_run() {
    let store = Scripted {
        acts_although_it_fails: true,
        ..Scripted::default()
    };
    store.failing(&[KeyStoreError::Transient]);
    let place = Place {
        store,
        ..Place::new()
    };
    let key = place.make();
    assert_eq!(
        place.store.calls(),
        ["create", "delete", "create", "derive"]
    );
    place.opens_with(&key);
}

#[test]
fn a_store_that_forgets_new_secrets_is_not_a_lost_key() {
    let place = Place::new();
    let forgetful = Forgetful(MemoryKeyStore::new());
    let database = place.database();
    let io = VaultIo {
        key_store: &forgetful,
        ..place.io(&database)
    };
    let error = open(&io, &Way::Device, Some(&NewVault::DEVICE))
        .unwrap_err()
        .error;
    assert_eq!(error.code(), ErrorCode::KeyTemporarilyUnavailable);
}

struct Forgetful(MemoryKeyStore);

impl KeyStore for Forgetful {
    fn create(&self, _: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        Ok(SecurityLevel::Unprotected)
    }
    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        self.0.probe(alias)
    }
    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        self.0.derive(alias, input)
    }
    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.0.delete(alias)
    }
}

#[test]
fn a_cancelled_opening_stops() {
    let (place, key) = Place::with_vault();
    let cancel = CancelToken::new();
    cancel.cancel();
    let error = place.open_with(&cancel).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert!(place.store.calls().is_empty());
    place.opens_with(&key);
}
