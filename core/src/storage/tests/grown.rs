//! A schema that grew: what the store makes of it, and what has to be asked for anew.

use super::*;
use crate::model::peer::{Person, Proof};
use crate::storage::StoredSession;

/// Fails when it was read, as a spool that cannot be read on.
struct Breaking;

impl ChangeSource for Breaking {
    fn next_change(&mut self) -> Result<Option<&RemoteChange>> {
        Err(Error::internal("test"))
    }
}

#[test]
fn l19_w098_w105_w106_a_newer_schema_widens_and_an_older_or_different_one_is_refused() {
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
    let theirs = RecordId::parse_uuid("aaaaaaaa-0000-4000-8000-000000000001").unwrap();
    let pull = |store: &Store, cells: &[(&str, Value)]| {
        let note = store.remote("notes", theirs.as_str(), cells);
        store.pull(vec![note]).unwrap()
    };
    pull(&store, &[("title", text("t"))]);
    // Everything was asked for, for whoever is signed in.
    let everything_is_there =
        |store: &Store| store.run("UPDATE amana_peer SET full_pull_for = 'somebody'");
    let is_due =
        |store: &Store| -> bool { raw(store, "SELECT full_pull_for IS NULL FROM amana_peer") };
    everything_is_there(&store);
    store.database.close();
    let directory = store.directory;
    let refused = |schema| {
        let path = directory.path().join("database");
        Database::open(DatabaseOptions {
            background: Arc::default(),
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
    assert!(is_due(&store), "what is new must be fetched");
    pull(
        &store,
        &[("title", text("t")), ("body", text("long there"))],
    );
    assert_eq!(store.get("notes", &theirs).unwrap()["body"], "long there");
    everything_is_there(&store);
    store.update("notes", &id, json!({"body": "b"})).unwrap();
    assert_eq!(
        store.get("notes", &id).unwrap(),
        json!({"id": id.as_str(), "title": "a", "body": "b"})
    );
    store.database.close();
    let indexed = more.replace("\"nullable\"", "\"max_chars\":9,\"nullable\"");
    let with_index = schema(
        3,
        &format!("{indexed},{{\"name\":\"tag\",\"role\":\"text\",\"nullable\":true}}"),
    );
    let store = Store::open(store.directory, with_index).unwrap();
    assert!(is_due(&store));
    everything_is_there(&store);
    store.database.close();
    let indexed =
        indexed + ",{\"name\":\"tag\",\"role\":\"text\",\"nullable\":true,\"indexed\":true}";
    // Only an index more.
    let store = Store::open(store.directory, schema(4, &indexed)).unwrap();
    let indexes: i64 = raw(
        &store,
        "SELECT count(*) FROM sqlite_schema WHERE name = 'notes_by_tag'",
    );
    assert_eq!(indexes, 1);
    assert!(!is_due(&store), "no column is new");
    store.database.close();
    let error = Store::open(store.directory, schema(1, "")).err().unwrap();
    assert_eq!(error.code(), ErrorCode::StorageTooNew);
}

/// The version of the schema is the database's. What it brings is due by peer, until everything came.
#[test]
fn w101_w102_w104_what_a_schema_that_grew_brings_is_due_until_a_pull_of_everything_was_applied() {
    let schema = |version: u32, more: &str| {
        let columns = format!(r#"{{"name":"id","role":"id"}}{more}"#);
        let table = format!(r#"{{"name":"notes","direction":"both","columns":[{columns}]}}"#);
        Schema::from_json(&format!(r#"{{"version":{version},"tables":[{table}]}}"#)).unwrap()
    };
    let more = r#",{"name":"body","role":"text","nullable":true}"#;
    let peer = PeerId::cloud();
    let is_there_for = |store: &Store| {
        let status = store.database.peer_status(&peer).wait().unwrap();
        status.full_pull_for
    };
    let apply = |store: &Store, full: bool, source: Box<dyn ChangeSource>| {
        let reply = PullReply {
            full,
            tables: [store.table("notes")].into_iter().collect(),
            ..reply(NOW + 1)
        };
        let (rule, cancel) = (Arc::new(RemoteWins), CancelToken::new());
        let terms = PeerTerms::cloud();
        let applied = store
            .database
            .apply_pull(&terms, &reply, source, rule, &cancel);
        applied.is_ok()
    };
    let nothing = || {
        Box::new(List {
            changes: Vec::new(),
            next: 0,
        })
    };
    let me = Some("me".to_owned());

    let store = Store::open(tempfile::tempdir().unwrap(), schema(1, "")).unwrap();
    let session = StoredSession {
        address: None,
        proof: Proof::Nothing,
        person: Person {
            id: "me".to_owned(),
            name: "A".to_owned(),
            role: "provider".to_owned(),
            clinic_id: None,
        },
    };
    store.database.save_session(&peer, session).wait().unwrap();
    assert!(apply(&store, true, nothing()));
    assert_eq!(is_there_for(&store), me);
    store.database.close();
    let store = Store::open(store.directory, schema(1, "")).unwrap();
    assert_eq!(is_there_for(&store), me, "nothing grew");
    store.database.close();

    let store = Store::open(store.directory, schema(2, more)).unwrap();
    assert_eq!(is_there_for(&store), None);
    assert!(!apply(&store, true, Box::new(Breaking)));
    assert_eq!(is_there_for(&store), None, "it failed");
    assert!(apply(&store, false, nothing()));
    assert_eq!(is_there_for(&store), None, "that was only what changed");
    store.database.close();
    let store = Store::open(store.directory, schema(2, more)).unwrap();
    assert_eq!(is_there_for(&store), None, "a restart asks for nothing");
    assert!(apply(&store, true, nothing()));
    assert_eq!(is_there_for(&store), me);
}
