//! Reads that wait for nobody, and the snapshot that they keep.

use std::sync::mpsc;

use serde_json::json;

use super::{Operation, Store, raw, row};

fn name_now(store: &Store, id: &crate::model::ids::RecordId) -> Option<String> {
    let (index, _) = store.schema.require("patients").unwrap();
    let found = store.database.get_now(index, id).unwrap()?;
    let record: serde_json::Value = serde_json::from_str(&found).unwrap();
    record["given_name"].as_str().map(str::to_owned)
}

#[test]
fn they_see_every_commit_and_nothing_else() {
    let store = Store::new();
    assert!(!store.database.has_unsynced_now().unwrap());
    let id = store
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    assert!(store.database.has_unsynced_now().unwrap());
    for name in ["Basim", "Dina", "Farid"] {
        store
            .update("patients", &id, json!({"given_name": name}))
            .unwrap();
        // The second one is from the snapshot of the first.
        assert_eq!(name_now(&store, &id).as_deref(), Some(name));
        assert_eq!(name_now(&store, &id).as_deref(), Some(name));
    }
    store.delete("patients", &id).unwrap();
    assert_eq!(name_now(&store, &id), None);
}

#[test]
fn their_snapshot_does_not_keep_the_log() {
    let store = Store::new();
    let id = store
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    assert_eq!(name_now(&store, &id).as_deref(), Some("Amal"));
    store
        .update("patients", &id, json!({"given_name": "Basim"}))
        .unwrap();
    assert_eq!(name_now(&store, &id).as_deref(), Some("Basim"));
    store.database.move_log().wait().unwrap();
    let log = store.directory.path().join("database-wal");
    assert_eq!(std::fs::metadata(log).unwrap().len(), 0);
    assert_eq!(name_now(&store, &id).as_deref(), Some("Basim"));
    let rows: i64 = raw(&store, "SELECT count(*) FROM patients");
    assert_eq!(rows, 1);
}

#[test]
fn the_log_of_a_large_batch_is_moved_as_work_that_a_rest_waits_for() {
    let store = Store::new();
    // Both readers wait: the log cannot be moved yet.
    let (gates, readers): (Vec<_>, Vec<_>) = (0..2)
        .map(|_| {
            let (gate, closed) = mpsc::channel::<()>();
            let reader = store.database.on_reader(move || {
                let _ = closed.recv();
                Ok(())
            });
            (gate, reader)
        })
        .unzip();
    let (index, table) = store.schema.require("patients").unwrap();
    let operations = (0..1_000).map(|n| {
        let fields = json!({"given_name": format!("P{n}")});
        let (id, fields) = row::parse_fields(table, fields.as_object().unwrap()).unwrap();
        Operation::Insert {
            table: index,
            id,
            fields,
        }
    });
    let written = store.database.apply(operations.collect()).wait().unwrap();
    assert_eq!(written.len(), 1_000);
    assert!(store.background.is_working());
    drop(gates);
    for reader in readers {
        reader.wait().unwrap();
    }
    store.background.wait();
    let log = store.directory.path().join("database-wal");
    assert_eq!(std::fs::metadata(log).unwrap().len(), 0);
}
