//! What is on the disk: encryption, wrong keys, older and newer schemas.

use super::*;

#[test]
fn nothing_readable_is_in_any_file() {
    let store = Store::new();
    store
        .insert("patients", json!({"given_name": "CanaryName"}))
        .unwrap();
    let files: Vec<PathBuf> = std::fs::read_dir(store.directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(files.iter().any(|f| f.ends_with("database-wal")));
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(10).any(|w| w == b"CanaryName"),
            "{}",
            file.display()
        );
        assert!(!bytes.starts_with(b"SQLite format 3"));
    }
}

#[test]
fn a_wrong_key_opens_nothing_and_changes_nothing() {
    let store = Store::new();
    let id = store.insert("patients", json!({})).unwrap();
    store.database.close();
    let path = store.directory.path().join("database");
    let before = std::fs::read(&path).unwrap();
    let error = Database::open(DatabaseOptions {
        path: &path,
        key: &DatabaseKey::from_bytes(&[8; 32]),
        schema: Arc::clone(&store.schema),
        clock: store.clock.clone(),
        entropy: Arc::new(SeededEntropy::new(1)),
        notices: Arc::new(|_| {}),
    })
    .err()
    .unwrap();
    assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let Store {
        directory, schema, ..
    } = store;
    assert!(
        Store::open(directory, schema)
            .unwrap()
            .get("patients", &id)
            .is_some()
    );
}

#[test]
fn a_newer_schema_widens_and_an_older_or_different_one_is_refused() {
    let schema = |version: u32, extra: &str| {
        let columns = r#"{"name":"id","role":"id"},{"name":"title","role":"text"}"#;
        Schema::from_json(&format!(
            r#"{{"version":{version},"tables":[{{"name":"notes","direction":"both","columns":[{columns}{extra}]}}]}}"#
        ))
        .unwrap()
    };
    let more = r#",{"name":"body","role":"text","nullable":true,"indexed":true}"#;
    let store = Store::open(tempfile::tempdir().unwrap(), schema(1, "")).unwrap();
    let id = store.insert("notes", json!({"title": "a"})).unwrap();
    store.database.close();
    let directory = store.directory;
    let refused = |schema| {
        let path = directory.path().join("database");
        Database::open(DatabaseOptions {
            path: &path,
            key: &DatabaseKey::from_bytes(&[7; 32]),
            schema,
            clock: Arc::new(FakeClock::at(NOW)),
            entropy: Arc::new(SeededEntropy::new(1)),
            notices: Arc::new(|_| {}),
        })
        .err()
        .unwrap()
        .code()
    };
    assert_eq!(refused(schema(1, more)), ErrorCode::InvalidInput);
    assert_eq!(refused(Schema::hikma().unwrap()), ErrorCode::InvalidInput);
    let store = Store::open(directory, schema(2, more)).unwrap();
    store.update("notes", &id, json!({"body": "b"})).unwrap();
    assert_eq!(
        store.get("notes", &id).unwrap(),
        json!({"id": id.as_str(), "title": "a", "body": "b"})
    );
    store.database.close();
    let error = Store::open(store.directory, schema(1, "")).err().unwrap();
    assert_eq!(error.code(), ErrorCode::StorageTooNew);
}
