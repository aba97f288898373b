//! Every argument that an app can get wrong: a typed error, and nothing written.
#![allow(clippy::unwrap_used, reason = "tests")]

use amana_core::model::peer::HttpsUrl;
use amana_core::{Amana, Config, ErrorCode, System};
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
fn an_address_that_is_not_https_is_no_address() {
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
