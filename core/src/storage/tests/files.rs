//! What is on the disk: encryption, wrong keys, older and newer schemas.

use super::*;
use crate::model::peer::{CloudAddress, CloudToken, Credentials, HttpsUrl, Person, Proof};
use crate::secret::SecretText;
use crate::storage::StoredSession;

#[test]
fn s01_nothing_readable_is_in_any_file() {
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
        background: Arc::default(),
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
fn every_connection_has_the_settings_it_needs() {
    let store = Store::new();
    let reader = |pragma: &'static str| {
        store
            .database
            .read(move |connection, _| Ok(pragma_text(connection, pragma)))
            .wait()
            .unwrap()
    };
    let writer = |pragma: &'static str| {
        store
            .database
            .writer(move |state| Ok(pragma_text(&state.connection, pragma)))
            .wait()
            .unwrap()
    };
    for (pragma, value) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("temp_store", "2"),
        ("secure_delete", "1"),
        ("trusted_schema", "0"),
        ("cipher_hmac_algorithm", "HMAC_SHA256"),
        ("cipher_page_size", "4096"),
    ] {
        assert_eq!(writer(pragma), value, "{pragma}");
        assert_eq!(reader(pragma), value, "{pragma}");
    }
    assert_eq!(reader("query_only"), "1");
    assert!(!writer("cipher_version").is_empty());
}

fn pragma_text(connection: &rusqlite::Connection, pragma: &str) -> String {
    connection
        .query_row(&format!("PRAGMA {pragma}"), [], |row| {
            row.get::<_, String>(0)
                .or_else(|_| row.get::<_, i64>(0).map(|n| n.to_string()))
        })
        .unwrap()
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt as _;
    let store = Store::new();
    store.insert("patients", json!({})).unwrap();
    for name in ["database", "database-wal", "database-shm"] {
        let mode = std::fs::metadata(store.directory.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_removed_session_is_gone_from_the_database_and_its_log() {
    let store = Store::new();
    let session = StoredSession {
        address: Some(CloudAddress {
            url: HttpsUrl::parse("https://clinic.example").unwrap(),
            private_ca_pem: None,
        }),
        proof: Proof::Password(Credentials {
            email: "a@b.example".to_owned(),
            password: SecretText::new("CanaryPassword".to_owned()),
        }),
        person: Person {
            id: "p".to_owned(),
            name: "A".to_owned(),
            role: "provider".to_owned(),
            clinic_id: None,
        },
    };
    store
        .database
        .save_session(&PeerId::cloud(), session)
        .wait()
        .unwrap();
    let kept = store.database.session().wait().unwrap().unwrap();
    let Proof::Password(credentials) = kept.proof else {
        panic!("no password");
    };
    assert_eq!(credentials.password.expose(), "CanaryPassword");
    drop(credentials);
    store.database.remove_session().wait().unwrap();
    assert!(store.database.session().wait().unwrap().is_none());
    let rows: i64 = raw(&store, "SELECT count(*) FROM amana_session");
    let log = std::fs::metadata(store.directory.path().join("database-wal"))
        .unwrap()
        .len();
    assert_eq!((rows, log), (0, 0));
}

#[test]
fn a_session_may_rest_on_a_token_or_on_nothing() {
    let store = Store::new();
    let person = Person {
        id: "p".to_owned(),
        name: "A".to_owned(),
        role: "provider".to_owned(),
        clinic_id: None,
    };
    for token in [Some("CanaryToken"), None] {
        let proof = token.map_or(Proof::Nothing, |text| {
            Proof::Token(CloudToken {
                text: SecretText::new(text.to_owned()),
                since_ms: 5,
            })
        });
        let session = StoredSession {
            address: None,
            proof,
            person: person.clone(),
        };
        let saved = store.database.save_session(&PeerId::cloud(), session);
        saved.wait().unwrap();
        let kept = store.database.session().wait().unwrap().unwrap();
        assert!(kept.address.is_none());
        match (token, kept.proof) {
            (Some(text), Proof::Token(kept)) => {
                assert_eq!((kept.text.expose(), kept.since_ms), (text, 5));
            }
            (None, Proof::Nothing) => {}
            (_, other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_flipped_bit_is_found_before_it_is_read() {
    let store = Store::new();
    for n in 0..200 {
        store
            .insert("patients", json!({"given_name": format!("P{n}")}))
            .unwrap();
    }
    store.database.close();
    let Store {
        directory, schema, ..
    } = store;
    let store = Store::open(directory, schema).unwrap();
    assert_eq!(store.database.integrity_faults().wait().unwrap(), 0);
    store.database.close();
    let path = store.directory.path().join("database");
    let mut bytes = std::fs::read(&path).unwrap();
    let last = bytes.len() - 2_000;
    bytes[last] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let Store {
        directory, schema, ..
    } = store;
    let store = Store::open(directory, schema).unwrap();
    assert_eq!(store.database.integrity_faults().wait().unwrap(), 1);
}
