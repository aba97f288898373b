//! Reads that wait for nobody, and the snapshot that they keep.

use serde_json::json;

use super::{Store, raw};

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
