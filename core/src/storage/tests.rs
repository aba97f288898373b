//! The store as its callers see it, on a real encrypted file.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{Database, DatabaseOptions, Operation};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    Acknowledgement, OutboxKind, OutboxPosition, OutboxRow, PullReply, PushClass, RemoteChange,
    RemoteRow, SkipCounts,
};
use crate::model::filter::Query;
use crate::model::ids::{PeerId, RecordId};
use crate::model::merge::{MergeInput, MergePlan};
use crate::model::notice::ChangeNotice;
use crate::model::report::ApplyReport;
use crate::model::row;
use crate::model::schema::Schema;
use crate::model::value::Value;
use crate::ports::{ChangeSource, SyncStore};
use crate::secret::DatabaseKey;
use crate::test_support::{FakeClock, SeededEntropy};

const NOW: i64 = 1_795_470_612_883;

struct Store {
    database: Database,
    schema: Arc<Schema>,
    clock: Arc<FakeClock>,
    notices: Arc<Mutex<Vec<ChangeNotice>>>,
    directory: TempDir,
}

impl Store {
    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap(), Schema::hikma().unwrap()).unwrap()
    }

    fn open(directory: TempDir, schema: Arc<Schema>) -> Result<Self> {
        let clock = Arc::new(FakeClock::at(NOW));
        let notices = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&notices);
        let database = Database::open(DatabaseOptions {
            path: &directory.path().join("database"),
            key: &DatabaseKey::from_bytes(&[7; 32]),
            schema: Arc::clone(&schema),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            notices: Arc::new(move |notice| sink.lock().unwrap().push(notice)),
        })?;
        Ok(Self {
            database,
            schema,
            clock,
            notices,
            directory,
        })
    }

    fn insert(&self, table: &str, fields: Json) -> Result<RecordId> {
        let (index, table) = self.schema.require(table)?;
        let (id, fields) = row::parse_fields(table, fields.as_object().unwrap())?;
        let operation = Operation::Insert {
            table: index,
            id,
            fields,
        };
        Ok(self.database.apply(vec![operation]).wait()?.remove(0))
    }

    fn update(&self, table: &str, id: &RecordId, fields: Json) -> Result<()> {
        let (index, table) = self.schema.require(table)?;
        let (_, fields) = row::parse_fields(table, fields.as_object().unwrap())?;
        let operation = Operation::Update {
            table: index,
            id: id.clone(),
            fields,
        };
        self.database.apply(vec![operation]).wait().map(|_| ())
    }

    fn delete(&self, table: &str, id: &RecordId) -> Result<()> {
        let (index, _) = self.schema.require(table)?;
        let operation = Operation::Delete {
            table: index,
            id: id.clone(),
        };
        self.database.apply(vec![operation]).wait().map(|_| ())
    }

    fn get(&self, table: &str, id: &RecordId) -> Option<Json> {
        let (index, _) = self.schema.require(table).unwrap();
        let text = self.database.get(index, id.clone()).wait().unwrap();
        text.map(|text| serde_json::from_str(&text).unwrap())
    }

    fn query(&self, table: &str, query: &str) -> Json {
        let (index, table) = self.schema.require(table).unwrap();
        let query = Query::parse(table, query).unwrap();
        serde_json::from_str(&self.database.query(index, query).wait().unwrap()).unwrap()
    }

    fn column(&self, table: &str, query: &str, column: &str) -> Vec<Json> {
        let page = self.query(table, query);
        let columns = page["columns"].as_array().unwrap();
        let at = columns.iter().position(|c| c == column).unwrap();
        page["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[at].clone())
            .collect()
    }

    fn outbox(&self, class: PushClass) -> Vec<OutboxRow> {
        let start = OutboxPosition::default();
        self.database
            .collect(&PeerId::cloud(), class, &start, 100)
            .unwrap()
            .rows
    }

    fn upserts(&self) -> Vec<OutboxRow> {
        self.outbox(PushClass::Upserts { stage: 0 })
    }

    fn pull(&self, changes: Vec<RemoteChange>) -> Result<ApplyReport> {
        self.database.apply_pull(
            &PeerId::cloud(),
            &reply(NOW + 1),
            Box::new(List(changes.into_iter())),
            remote_wins,
            &CancelToken::new(),
        )
    }

    fn remote(&self, table: &str, id: &str, cells: &[(&str, Value)]) -> RemoteChange {
        let (index, table) = self.schema.require(table).unwrap();
        let cells = cells
            .iter()
            .map(|(c, v)| (table.position(c).unwrap(), v.clone()))
            .collect();
        let row = RemoteRow {
            id: RecordId::from_peer(id).unwrap(),
            cells,
        };
        RemoteChange::Upsert(index, row)
    }

    fn remote_delete(&self, table: &str, id: &RecordId) -> RemoteChange {
        RemoteChange::Delete(self.schema.require(table).unwrap().0, id.clone())
    }
}

fn reply(timestamp: i64) -> PullReply {
    PullReply {
        timestamp,
        skew_ms: 0,
        upserts: 0,
        deletions: 0,
        bytes: 0,
        full: false,
        skipped: SkipCounts::default(),
    }
}

struct List(std::vec::IntoIter<RemoteChange>);

impl ChangeSource for List {
    fn next_change(&mut self) -> Result<Option<RemoteChange>> {
        Ok(self.0.next())
    }
}

/// The simplest rule: enough to see what the store does with a plan.
fn remote_wins(input: &MergeInput<'_>) -> MergePlan {
    if input
        .outbox
        .is_some_and(|entry| entry.kind == OutboxKind::Deleted)
    {
        return MergePlan::KeepTombstone { newer: false };
    }
    match input.local {
        None => {
            let mut record = vec![Value::Null; input.table.columns.len()];
            record[0] = Value::Text(input.remote.id.as_str().to_owned());
            for (position, value) in &input.remote.cells {
                record[*position] = value.clone();
            }
            MergePlan::Insert(record)
        }
        Some(_) => MergePlan::Update {
            cells: input.remote.cells.clone(),
            base: None,
            conflicts: Vec::new(),
        },
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[test]
fn a_record_comes_back_as_it_was_written() {
    let store = Store::new();
    let id = store
        .insert(
            "patients",
            json!({"given_name": "سلمى 👶", "surname": "O'Hara; DROP TABLE patients; --",
                   "date_of_birth": "1980-02-03", "metadata": "{ \"a\": 1 }"}),
        )
        .unwrap();
    let record = store.get("patients", &id).unwrap();
    assert_eq!(record["given_name"], "سلمى 👶");
    assert_eq!(record["surname"], "O'Hara; DROP TABLE patients; --");
    assert_eq!(record["metadata"], "{ \"a\": 1 }");
    assert_eq!(record["camp"], Json::Null);
    assert_eq!(record["created_at"], NOW);
    assert_eq!(record["is_deleted"], false);
    assert!(record.get("image_timestamp").is_none());
}

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
fn an_update_lists_only_what_changed_with_its_base() {
    let store = Store::new();
    let patient = "aaaaaaaa-0000-4000-8000-000000000001";
    store
        .pull(vec![store.remote(
            "patients",
            patient,
            &[
                ("given_name", text("A")),
                ("surname", text("B")),
                ("updated_at", Value::Integer(NOW + 50)),
            ],
        )])
        .unwrap();
    let id = RecordId::parse_uuid(patient).unwrap();
    assert!(store.upserts().is_empty());

    store
        .update("patients", &id, json!({"given_name": "A"}))
        .unwrap();
    assert!(
        store.upserts().is_empty(),
        "nothing changed, nothing to push"
    );

    store
        .update("patients", &id, json!({"given_name": "C", "surname": "B"}))
        .unwrap();
    store
        .update("patients", &id, json!({"given_name": "D"}))
        .unwrap();
    let rows = store.upserts();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].kind, OutboxKind::Updated);
    // The device's clock is behind what is known of the record: the edit is later all the same.
    assert_eq!(store.get("patients", &id).unwrap()["updated_at"], NOW + 52);
    let base: String = raw(&store, "SELECT base FROM amana_outbox");
    assert_eq!(base, r#"{"given_name":"A"}"#);
}

fn raw<T: rusqlite::types::FromSql + Send + 'static>(store: &Store, sql: &'static str) -> T {
    store
        .database
        .read(move |connection, _| {
            connection
                .query_row(sql, [], |row| row.get(0))
                .map_err(|_| Error::internal("test"))
        })
        .wait()
        .unwrap()
}

#[test]
fn a_batch_is_all_or_nothing() {
    let store = Store::new();
    let (patients, _) = store.schema.require("patients").unwrap();
    let id = RecordId::parse_uuid("aaaaaaaa-0000-4000-8000-000000000001").unwrap();
    let insert = || Operation::Insert {
        table: patients,
        id: Some(id.clone()),
        fields: Vec::new(),
    };
    let error = store
        .database
        .apply(vec![insert(), insert()])
        .wait()
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
    assert!(store.get("patients", &id).is_none());
    assert!(store.upserts().is_empty());
    assert!(store.notices.lock().unwrap().is_empty());
    assert_eq!(store.database.apply(vec![insert()]).wait().unwrap(), [id]);
    assert_eq!(store.notices.lock().unwrap().len(), 1);
}

#[test]
fn a_deletion_takes_the_declared_children_and_announces_only_itself() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    let visit = store
        .insert("visits", json!({"patient_id": patient.as_str()}))
        .unwrap();
    let event = store
        .insert(
            "events",
            json!({"patient_id": patient.as_str(), "visit_id": visit.as_str()}),
        )
        .unwrap();
    let other = store.insert("patients", json!({})).unwrap();
    store.delete("patients", &patient).unwrap();
    for (table, id) in [
        ("patients", &patient),
        ("visits", &visit),
        ("events", &event),
    ] {
        assert!(store.get(table, id).is_none(), "{table}");
    }
    assert!(store.get("patients", &other).is_some());
    let deletions = store.outbox(PushClass::Deletions);
    assert_eq!(deletions.len(), 1);
    assert_eq!(deletions[0].id, patient);
    store
        .database
        .acknowledge(&PeerId::cloud(), vec![(&deletions[0]).into()])
        .unwrap();
    let left: i64 = raw(&store, "SELECT count(*) FROM amana_outbox WHERE kind = 2");
    assert_eq!(left, 0, "the children's tombstones go with the parent's");
    assert_eq!(
        store.delete("patients", &patient).unwrap_err().code(),
        ErrorCode::NotFound
    );
}

#[test]
fn a_pulled_deletion_cascades_and_keeps_lost_edits_in_the_ledger() {
    let store = Store::new();
    let patient = "aaaaaaaa-0000-4000-8000-000000000001";
    let visit = "bbbbbbbb-0000-4000-8000-000000000001";
    store
        .pull(vec![
            store.remote("patients", patient, &[("given_name", text("A"))]),
            store.remote("visits", visit, &[("patient_id", text(patient))]),
        ])
        .unwrap();
    let (patient, visit) = (
        RecordId::parse_uuid(patient).unwrap(),
        RecordId::parse_uuid(visit).unwrap(),
    );
    store
        .update("visits", &visit, json!({"provider_name": "Dr Lost"}))
        .unwrap();
    let report = store
        .pull(vec![store.remote_delete("patients", &patient)])
        .unwrap();
    assert_eq!(
        (report.deleted, report.cascaded, report.lost_edits),
        (1, 1, 1)
    );
    assert!(store.upserts().is_empty());
    let (entries, count) = store.database.conflicts(0, 10).wait().unwrap();
    assert_eq!(count, 1);
    assert!(entries[0].local.as_deref().unwrap().contains("Dr Lost"));
    // Once more changes nothing.
    let again = store
        .pull(vec![store.remote_delete("patients", &patient)])
        .unwrap();
    assert_eq!(again, ApplyReport::default());
}

#[test]
fn a_tombstone_survives_an_overlapping_pull() {
    let store = Store::new();
    let id = "aaaaaaaa-0000-4000-8000-000000000001";
    let change = || store.remote("patients", id, &[("given_name", text("A"))]);
    store.pull(vec![change()]).unwrap();
    let id = RecordId::parse_uuid(id).unwrap();
    store.delete("patients", &id).unwrap();
    let report = store.pull(vec![change()]).unwrap();
    assert_eq!(report.kept_tombstones, 1);
    assert!(store.get("patients", &id).is_none());
    assert_eq!(store.outbox(PushClass::Deletions).len(), 1);
}

#[test]
fn an_edit_made_while_its_older_version_was_pushed_stays() {
    let store = Store::new();
    let id = store
        .insert("patients", json!({"given_name": "A"}))
        .unwrap();
    let sent: Vec<Acknowledgement> = store.upserts().iter().map(Acknowledgement::from).collect();
    store
        .update("patients", &id, json!({"given_name": "B"}))
        .unwrap();
    store.database.acknowledge(&PeerId::cloud(), sent).unwrap();
    let rows = store.upserts();
    assert_eq!((rows.len(), rows[0].kind), (1, OutboxKind::Created));
    let sent = rows.iter().map(Acknowledgement::from).collect();
    store.database.acknowledge(&PeerId::cloud(), sent).unwrap();
    assert!(store.upserts().is_empty());
}

#[test]
fn a_quarantined_row_waits_until_it_is_edited() {
    let store = Store::new();
    let id = store
        .insert("patients", json!({"given_name": "A"}))
        .unwrap();
    let rows: Vec<Acknowledgement> = store.upserts().iter().map(Acknowledgement::from).collect();
    store
        .database
        .quarantine(&PeerId::cloud(), rows, "refused")
        .unwrap();
    assert!(store.upserts().is_empty());
    let counts = store.database.outbox_counts().wait().unwrap();
    assert_eq!((counts.pending, counts.quarantined), (1, 1));
    store
        .update("patients", &id, json!({"given_name": "B"}))
        .unwrap();
    assert_eq!(store.upserts().len(), 1);
}

#[test]
fn the_outbox_is_walked_in_pages_parents_first() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    for _ in 0..5 {
        store
            .insert("visits", json!({"patient_id": patient.as_str()}))
            .unwrap();
    }
    store.insert("patients", json!({})).unwrap();
    let class = PushClass::Upserts { stage: 0 };
    let (mut position, mut seen) = (OutboxPosition::default(), Vec::new());
    loop {
        let page = store
            .database
            .collect(&PeerId::cloud(), class, &position, 2)
            .unwrap();
        assert!(page.rows.len() <= 2);
        seen.extend(
            page.rows
                .iter()
                .map(|row| store.schema.table(row.table).name.clone()),
        );
        match page.next {
            Some(next) => position = next,
            None => break,
        }
    }
    assert_eq!(
        seen,
        [
            "patients", "patients", "visits", "visits", "visits", "visits", "visits"
        ]
    );
}

#[test]
fn queries_find_by_every_operator_in_pages() {
    let store = Store::new();
    for (name, camp) in [
        ("Amal", Some("North")),
        ("amira", None),
        ("Basem 100%", Some("South")),
    ] {
        store
            .insert("patients", json!({"given_name": name, "camp": camp}))
            .unwrap();
    }
    let names = |condition: &str| {
        let query = format!(r#"{{"where":{condition},"order":[{{"column":"given_name"}}]}}"#);
        store.column("patients", &query, "given_name")
    };
    assert_eq!(
        names(r#"{"column":"given_name","op":"eq","value":"Amal"}"#),
        ["Amal"]
    );
    assert_eq!(
        names(r#"{"column":"camp","op":"ne","value":"North"}"#),
        ["Basem 100%", "amira"]
    );
    assert_eq!(names(r#"{"column":"camp","op":"isNull"}"#), ["amira"]);
    assert_eq!(
        names(r#"{"column":"given_name","op":"startsWith","value":"AM"}"#),
        ["Amal", "amira"]
    );
    assert_eq!(
        names(r#"{"column":"given_name","op":"contains","value":"0%"}"#),
        ["Basem 100%"]
    );
    assert_eq!(
        names(r#"{"column":"given_name","op":"contains","value":"_"}"#),
        [""; 0]
    );
    assert_eq!(
        names(r#"{"column":"camp","op":"in","value":["North","South"]}"#).len(),
        2
    );
    assert_eq!(
        names(r#"{"column":"created_at","op":"gte","value":1}"#).len(),
        3
    );
    assert_eq!(names(r#"{"or":[]}"#).len(), 0);

    let page = store.query("patients", r#"{"limit":2}"#);
    assert_eq!(
        (page["rows"].as_array().unwrap().len(), &page["next_offset"]),
        (2, &json!(2))
    );
    let page = store.query("patients", r#"{"limit":2,"offset":2}"#);
    assert_eq!(
        (page["rows"].as_array().unwrap().len(), &page["next_offset"]),
        (1, &Json::Null)
    );
}

#[test]
fn decimals_keep_their_text_and_compare_as_numbers() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    for weight in ["9.50", "70.5", "100"] {
        store
            .insert(
                "patient_vitals",
                json!({"patient_id": patient.as_str(), "timestamp": NOW, "weight_kg": weight}),
            )
            .unwrap();
    }
    let query = r#"{"where":{"column":"weight_kg","op":"gt","value":"9.5"},"order":[{"column":"weight_kg"}]}"#;
    assert_eq!(
        store.column("patient_vitals", query, "weight_kg"),
        ["70.5", "100"]
    );
}

#[test]
fn tables_and_columns_that_are_not_the_apps_are_refused() {
    let store = Store::new();
    let refused = |table, fields| store.insert(table, fields).unwrap_err();
    assert_eq!(
        refused("clinics", json!({"name": "X"})).code(),
        ErrorCode::PermissionDenied
    );
    for column in ["updated_at", "is_deleted", "deleted_at"] {
        let value = if column == "is_deleted" {
            json!(true)
        } else {
            json!(1)
        };
        assert_eq!(
            refused("patients", json!({column: value})).code(),
            ErrorCode::InvalidInput
        );
    }
    assert_eq!(
        refused("visits", json!({"image_timestamp": 1})).code(),
        ErrorCode::InvalidInput
    );
    let error = refused("patient_vitals", json!({}));
    assert_eq!(error.place(), Some("patient_vitals.patient_id"));
}

#[test]
fn a_cancelled_apply_leaves_rows_and_cursor_as_they_were() {
    let store = Store::new();
    let cancel = CancelToken::new();
    cancel.cancel();
    let change = store.remote("patients", "aaaaaaaa-0000-4000-8000-000000000001", &[]);
    let error = store
        .database
        .apply_pull(
            &PeerId::cloud(),
            &reply(5),
            Box::new(List(vec![change].into_iter())),
            remote_wins,
            &cancel,
        )
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_eq!(store.database.cursor(&PeerId::cloud()).unwrap(), 0);
    assert_eq!(store.query("patients", "{}")["rows"], json!([]));
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

#[test]
fn a_digest_tells_sameness_whatever_the_order() {
    let (one, two) = (Store::new(), Store::new());
    let ids = [
        "aaaaaaaa-0000-4000-8000-000000000001",
        "aaaaaaaa-0000-4000-8000-000000000002",
    ];
    let digest = |store: &Store| store.database.digest().wait().unwrap();
    let change = |store: &Store, id: &str, metadata: &str| {
        store.remote("patients", id, &[("metadata", text(metadata))])
    };
    one.pull(vec![
        change(&one, ids[0], r#"{"a":1,"b":2}"#),
        change(&one, ids[1], "{}"),
    ])
    .unwrap();
    two.pull(vec![change(&two, ids[1], "{}")]).unwrap();
    assert_ne!(digest(&one), digest(&two));
    two.pull(vec![change(&two, ids[0], r#"{"b": 2, "a": 1}"#)])
        .unwrap();
    assert_eq!(digest(&one), digest(&two));
}
