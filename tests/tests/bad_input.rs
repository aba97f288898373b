//! Every argument that an app can get wrong: a typed error, and nothing written.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use amana_core::model::peer::HttpsUrl;
use amana_core::ports::{Derived, KeyStore, SecurityLevel};
use amana_core::test_support::MemoryKeyStore;
use amana_core::{
    Amana, Config, ErrorCode, LossAcknowledged, NewPolicy, NewVault, PersonId, Pin, PresenceAnswer,
    RecoveryKey, SchemaSource, System, Unlock,
};

use amana_tests::{Tablet, patient};
use pollster::block_on;
use serde_json::json;
use std::sync::Arc;

#[test]
fn records_are_checked_before_anything_is_written() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    let insert =
        |table: &str, fields: &str| block_on(amana.insert(table, fields)).unwrap_err().code();
    assert_eq!(insert("martians", "{}"), ErrorCode::InvalidInput);
    assert_eq!(insert("users", "{}"), ErrorCode::ForbiddenTable);
    assert_eq!(insert("amana_outbox", "{}"), ErrorCode::InvalidInput);
    assert_eq!(
        insert("patients; DROP TABLE patients", "{}"),
        ErrorCode::InvalidInput
    );
    assert_eq!(insert("clinics", "{}"), ErrorCode::PermissionDenied);
    for fields in [
        "",
        "[]",
        "null",
        "{",
        r#"{"shoe_size":38}"#,
        r#"{"given_name":1}"#,
        r#"{"id":"1"}"#,
        r#"{"id":7}"#,
        r#"{"id":"aaaaaaaa-0000-4000-8000-00000000000"}"#,
        r#"{"hashed_password":"x"}"#,
        r#"{"date_of_birth":318384000000}"#,
        r#"{"date_of_birth":"1980-13-01"}"#,
        r#"{"metadata":"not json"}"#,
        r#"{"given_name":"a\u0000b"}"#,
        "\u{feff}{}",
    ] {
        assert_eq!(
            insert("patients", fields),
            ErrorCode::InvalidInput,
            "{fields}"
        );
    }
    let deep = format!(
        "{{\"metadata\":{}{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    assert_eq!(insert("patients", &deep), ErrorCode::InvalidInput);
    let huge = json!({"given_name": "x".repeat(17 << 20)}).to_string();
    assert_eq!(insert("patients", &huge), ErrorCode::ValueTooLarge);
    assert_eq!(tablet.count("patients"), 0);
    assert_eq!(tablet.pending(), 0);
}

#[test]
fn records_that_are_not_there_are_not_found() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    for id in [
        "aaaaaaaa-0000-4000-8000-000000000001",
        "1",
        "",
        "' OR 1=1 --",
    ] {
        assert_eq!(tablet.get("patients", id), json!(null));
        let update = block_on(amana.update("patients", id, "{}")).unwrap_err();
        assert_eq!(update.code(), ErrorCode::NotFound, "{id}");
        let delete = block_on(amana.delete("patients", id)).unwrap_err();
        assert_eq!(delete.code(), ErrorCode::NotFound, "{id}");
    }
}

#[test]
fn a_batch_with_one_mistake_writes_nothing() {
    let tablet = Tablet::new();
    let insert = json!({"op": "insert", "table": "patients", "fields": patient("Amal")});
    for bad in [
        json!({"op": "insert", "table": "patients", "fields": {"given_name": 1}}),
        json!({"op": "delete", "table": "patients", "id": "aaaaaaaa-0000-4000-8000-000000000001"}),
        json!({"op": "explode", "table": "patients"}),
        json!({"op": "insert", "table": "patients", "fields": {}, "extra": 1}),
        json!(7),
    ] {
        let batch = json!([insert, bad]).to_string();
        assert!(block_on(tablet.amana.batch(&batch)).is_err(), "{bad}");
        assert_eq!(tablet.count("patients"), 0);
    }
    assert_eq!(
        block_on(tablet.amana.batch(&json!([insert, insert]).to_string()))
            .unwrap()
            .len(),
        2
    );
    assert_eq!(block_on(tablet.amana.batch("[]")).unwrap().len(), 0);
}

#[test]
fn s10_an_address_that_is_not_https_is_no_address() {
    for bad in [
        "http://clinic.example",
        "https://u:p@clinic.example",
        "https://clinic.example/x",
    ] {
        assert_eq!(
            HttpsUrl::parse(bad).unwrap_err().code(),
            ErrorCode::InvalidInput
        );
    }
}

#[test]
fn one_directory_is_one_vault() {
    let tablet = Tablet::new();
    let id = tablet.insert("patients", &patient("Amal"));
    let again = Amana::open(
        Config::new(tablet.directory()),
        Arc::clone(&tablet.key_store),
        System::real(),
    )
    .unwrap();
    assert!(block_on(again.get("patients", &id)).unwrap().is_some());
    again.close().unwrap();
    assert_eq!(
        block_on(tablet.amana.get("patients", &id))
            .unwrap_err()
            .code(),
        ErrorCode::Closed
    );
}

const MEGABYTES: usize = 10 << 20;

fn code<T>(result: amana_core::Result<T>) -> ErrorCode {
    result
        .err()
        .map(|error| error.code())
        .expect("it was not refused")
}

#[test]
fn a_directory_a_name_or_a_limit_that_cannot_be_one_is_refused() {
    let tablet = Tablet::new();
    let attach = |config: Config| {
        Amana::attach(config, Arc::clone(&tablet.key_store), System::real()).map(|_| ())
    };
    let long = "x".repeat(MEGABYTES);
    for path in ["", "a\0b", &long] {
        assert_eq!(code(attach(Config::new(path))), ErrorCode::InvalidInput);
    }
    for name in [
        "",
        "a\0b",
        &long,
        "..",
        "a/b",
        "A",
        "é",
        "-a",
        "a.quarantine.1",
    ] {
        let named = Config::named(tablet.directory(), name);
        assert_eq!(code(named), ErrorCode::InvalidInput);
    }
    let mut config = Config::new(tablet.directory());
    config.pin_rules.drop_after = Some(0);
    assert_eq!(code(attach(config)), ErrorCode::InvalidInput);
    let json = SchemaSource::Json(long);
    let config = Config {
        schema: json,
        ..Config::new(tablet.directory())
    };
    assert_eq!(code(attach(config)), ErrorCode::InvalidInput);
}

#[test]
fn persons_and_pins_have_bounds() {
    for person in ["", "a\0b", "a\nb", &"x".repeat(65), &"x".repeat(MEGABYTES)] {
        assert_eq!(code(PersonId::new(person)), ErrorCode::InvalidInput);
    }
    for length in [0, 3, 129, MEGABYTES] {
        assert_eq!(code(Pin::new(vec![0; length])), ErrorCode::InvalidInput);
    }
    // Any bytes are a PIN: also those that are no text.
    assert!(Pin::new(vec![0xff, 0, 0xfe, 0]).is_ok());
}

#[test]
fn slots_answers_and_losses_that_are_not_the_vaults_change_nothing() {
    let tablet = Tablet::new();
    let id = tablet.insert("patients", &patient("Amal"));
    let amana = &tablet.amana;
    let (person, pin) = (
        PersonId::new("ama").unwrap(),
        Pin::new(b"1111".to_vec()).unwrap(),
    );
    let slots = amana.slots().unwrap();
    // A vault of policy `device` has no person.
    assert_eq!(code(amana.add_pin(&person, &pin)), ErrorCode::InvalidInput);
    assert_eq!(code(amana.begin_add_presence()), ErrorCode::InvalidInput);
    assert_eq!(
        code(amana.change_pin(&person, &pin, &pin)),
        ErrorCode::NotFound
    );
    assert_eq!(code(amana.reset_pin(&person, &pin)), ErrorCode::NotFound);
    assert_eq!(code(amana.remove_pin(&person)), ErrorCode::NotFound);
    assert_eq!(code(amana.pin_standing(&person)), ErrorCode::NotFound);
    for slot in [[0; 16], [0xff; 16]] {
        assert_eq!(code(amana.remove_slot(slot)), ErrorCode::NotFound);
        let derived = Derived::new([0; 32].into());
        let level = SecurityLevel::Software;
        let finished = amana.finish_add_presence(slot, &derived, level);
        assert_eq!(code(finished), ErrorCode::NotFound);
    }
    assert_eq!(
        code(amana.remove_slot(slots.slots[0].id)),
        ErrorCode::InvalidInput
    );
    assert_eq!(code(amana.make_recovery_request()), ErrorCode::NotFound);
    let unlock = |unlock: Unlock<'_>| code(amana.unlock_with(&unlock));
    for answer in [vec![], vec![0], vec![0xff; MEGABYTES]] {
        assert_eq!(unlock(Unlock::Recovery(&answer)), ErrorCode::NotFound);
    }
    let pin = &pin;
    let person = &person;
    assert_eq!(unlock(Unlock::Pin { person, pin }), ErrorCode::NotFound);
    let outcome = Ok(Derived::new([0; 32].into()));
    let slot = [7; 16];
    let answer = PresenceAnswer { slot, outcome };
    assert_eq!(unlock(Unlock::Presence(&answer)), ErrorCode::NotFound);
    let policy = NewPolicy::Device;
    // A key that nothing can be sealed to.
    let recovery = Some(RecoveryKey::from_bytes([0; 32]));
    assert_eq!(
        code(amana.create(&NewVault { policy, recovery })),
        ErrorCode::InvalidInput
    );
    let unsynced = Some(u64::MAX);
    assert_eq!(
        code(amana.quarantine(LossAcknowledged { unsynced })),
        ErrorCode::InvalidInput
    );
    assert_eq!(amana.slots().unwrap(), slots);
    assert_eq!(tablet.get("patients", &id)["given_name"], "Amal");
    amana.lock().unwrap();
    for unsynced in [None, Some(0), Some(u64::MAX)] {
        let refused = amana.quarantine(LossAcknowledged { unsynced });
        assert_eq!(code(refused), ErrorCode::InvalidInput);
    }
    amana.unlock().unwrap();
}

#[test]
fn a_recovery_key_that_nothing_can_be_sealed_to_makes_no_vault() {
    let home = tempfile::tempdir().unwrap();
    let key_store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
    let config = Config::new(home.path());
    let amana = Amana::attach(config, key_store, System::real()).unwrap();
    let new = |bytes| NewVault {
        policy: NewPolicy::Device,
        recovery: Some(RecoveryKey::from_bytes(bytes)),
    };
    assert_eq!(code(amana.create(&new([0; 32]))), ErrorCode::InvalidInput);
    // What was begun is discarded, and a key that is one is taken.
    amana.create(&new([9; 32])).unwrap();
}

#[test]
fn hundreds_of_calls_at_once_while_the_vault_locks_and_unlocks() {
    const THREADS: u64 = 16;
    const WRITES: u64 = 20;
    let tablet = Tablet::new();
    std::thread::scope(|scope| {
        for n in 0..THREADS {
            let amana = &tablet.amana;
            scope.spawn(move || {
                for k in 0..WRITES {
                    let fields = patient(&format!("{n}-{k}")).to_string();
                    let id = unless_locked(|| block_on(amana.insert("patients", &fields)));
                    let found = unless_locked(|| block_on(amana.get("patients", &id)));
                    assert!(found.is_some(), "a write that was answered is there");
                }
            });
        }
        for _ in 0..20 {
            tablet.amana.lock().unwrap();
            tablet.amana.unlock().unwrap();
        }
    });
    // A write that was refused was not made: the sum is exact.
    assert_eq!(tablet.count("patients"), THREADS * WRITES);
    assert_eq!(tablet.pending(), THREADS * WRITES);
}

/// Calls again until the vault was not locked.
fn unless_locked<T>(mut call: impl FnMut() -> amana_core::Result<T>) -> T {
    loop {
        match call() {
            Ok(result) => return result,
            Err(error) => assert_eq!(error.code(), ErrorCode::Locked),
        }
        std::thread::yield_now();
    }
}
