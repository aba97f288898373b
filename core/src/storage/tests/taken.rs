//! What an acknowledgement makes of entries: whole pieces in place, or each by itself.

use super::*;
use crate::storage::errors::MapSqlite;
use crate::storage::{conflicts, holders, sent, standing};

/// All entries by table and revision: state, kind, columns with their bases, who took it.
fn books(store: &Store) -> Vec<String> {
    let text: String = raw(
        store,
        "SELECT group_concat(concat_ws(' ', table_name, revision, state, kind, base, peer), '\n'
                  ORDER BY table_name, revision) FROM amana_entry",
    );
    text.lines().map(str::to_owned).collect()
}

fn acknowledge(store: &Store, rows: Vec<Acknowledgement>) {
    store
        .database
        .acknowledge(&PeerTerms::cloud(), rows)
        .unwrap();
}

fn acknowledgements(store: &Store) -> Vec<Acknowledgement> {
    let mut rows = store.upserts();
    rows.append(&mut store.outbox(PushClass::Deletions));
    rows.iter().map(Acknowledgement::from).collect()
}

/// Patients of every kind of entry, with visits; the first three were sent and edited again.
fn prepared() -> (Store, Vec<RecordId>) {
    let store = Store::new();
    let mut patients: Vec<RecordId> = Vec::new();
    for name in ["A", "B", "C", "D", "E", "F"] {
        let id = store.insert("patients", json!({"given_name": name}));
        patients.push(id.unwrap());
    }
    let sent = acknowledgements(&store).into_iter();
    acknowledge(&store, sent.filter(|ack| ack.id != patients[5]).collect());
    for id in &patients[..3] {
        store
            .update("patients", id, json!({"surname": "edited"}))
            .unwrap();
    }
    for id in &patients[2..5] {
        let visit = json!({"patient_id": id.as_str()});
        store.insert("visits", visit).unwrap();
    }
    store.delete("patients", &patients[3]).unwrap();
    store.delete("patients", &patients[4]).unwrap();
    (store, patients)
}

#[test]
fn a_piece_that_is_taken_at_once_ends_as_rows_that_are_taken_one_by_one() {
    type Meanwhile = fn(&Store, &[RecordId]);
    let meanwhile: [Meanwhile; 5] = [
        |_, _| {},
        |store, ids| {
            store
                .update("patients", &ids[1], json!({"surname": "again"}))
                .unwrap();
        },
        |store, ids| store.delete("patients", &ids[0]).unwrap(),
        |store, ids| {
            store
                .pull(vec![store.remote_delete("patients", &ids[5])])
                .unwrap();
        },
        |store, _| {
            store.insert("patients", json!({})).unwrap();
        },
    ];
    for (number, meanwhile) in meanwhile.into_iter().enumerate() {
        let ends = [true, false].map(|at_once| {
            let (store, ids) = prepared();
            let rows = acknowledgements(&store);
            meanwhile(&store, &ids);
            if at_once {
                acknowledge(&store, rows);
            } else {
                for row in rows {
                    acknowledge(&store, vec![row]);
                }
            }
            books(&store)
        });
        assert_eq!(ends[0], ends[1], "case {number}");
        assert!(ends[0].iter().any(|line| line.contains(" 1 ")));
    }
}

#[test]
fn an_entry_between_those_that_were_taken_stays() {
    let store = Store::new();
    let mut ids = Vec::new();
    for name in ["A", "B", "C"] {
        let id = store.insert("patients", json!({"given_name": name}));
        ids.push(id.unwrap());
    }
    let mut rows = acknowledgements(&store);
    rows.remove(1);
    // As many entries as were taken are left between the first and the last of them.
    store
        .update("patients", &ids[0], json!({"surname": "since"}))
        .unwrap();
    acknowledge(&store, rows);
    let waiting: Vec<RecordId> = store.upserts().into_iter().map(|row| row.id).collect();
    assert_eq!(waiting, [ids[1].clone(), ids[0].clone()]);
    let sent: i64 = raw(&store, "SELECT count(*) FROM amana_sent");
    assert_eq!(sent, 2);
}

#[test]
fn what_was_taken_is_found_among_the_sent_and_no_more_waits() {
    let store = Store::new();
    for _ in 0..3 {
        store.insert("patients", json!({})).unwrap();
    }
    assert!(store.database.has_unsynced_now().unwrap());
    acknowledge(&store, acknowledgements(&store));
    assert!(!store.database.has_unsynced_now().unwrap());
    assert_eq!(store.database.outbox_counts().wait().unwrap().pending, 0);
    let peers: String = raw(&store, "SELECT group_concat(DISTINCT peer) FROM amana_sent");
    assert_eq!(peers, "cloud");
    assert!(books(&store).iter().all(|line| line.contains(" 1 0 {}")));
}

#[test]
fn a_record_that_has_moved_since_its_edit_is_still_pushed_as_itself() {
    let store = Store::new();
    let mut ids = Vec::new();
    for name in ["A", "B"] {
        let id = store.insert("patients", json!({"given_name": name}));
        ids.push(id.unwrap());
    }
    // As after a salvage: the places lead to another record, or to none.
    store
        .database
        .writer(|state| {
            state
                .connection
                .execute_batch(
                    "UPDATE patients SET _rowid_ = _rowid_ + 1000;
                     UPDATE patients SET _rowid_ = 1 WHERE given_name = 'B';",
                )
                .map_err(|_| Error::internal("test"))
        })
        .wait()
        .unwrap();
    let (_, table) = store.schema.require("patients").unwrap();
    let name = table.position("given_name").unwrap();
    let rows = store.upserts();
    let found: Vec<_> = rows
        .iter()
        .map(|row| (&row.id, &row.values[name]))
        .collect();
    assert_eq!(found, [(&ids[0], &text("A")), (&ids[1], &text("B"))]);
}

#[test]
fn what_is_made_again_under_the_id_of_a_deleted_record_is_noted_as_new() {
    let store = Store::new();
    let id = store.insert("patients", json!({})).unwrap();
    acknowledge(&store, acknowledgements(&store));
    store.delete("patients", &id).unwrap();
    acknowledge(&store, acknowledgements(&store));
    // No pull has come between.
    let again = json!({"id": id.as_str(), "given_name": "Amal"});
    assert_eq!(store.insert("patients", again).unwrap(), id);
    acknowledge(&store, acknowledgements(&store));
    assert_eq!(raw::<i64>(&store, "SELECT kind FROM amana_sent"), 0);
    // It does not come back.
    assert_eq!(store.pull(Vec::new()).unwrap().not_kept, 1);
}

/// What is noted of a column that was taken again and again.
#[test]
fn of_a_column_that_is_changed_often_the_first_value_and_the_newest_are_watched() {
    let store = Store::new();
    let id = store.insert("patients", json!({})).unwrap();
    acknowledge(&store, acknowledgements(&store));
    let mut expected: Vec<Option<String>> = Vec::new();
    for number in 0..30 {
        let phone = store.get("patients", &id).unwrap()["phone"].clone();
        let phone = phone.as_str().map(str::to_owned);
        // One value comes again and again, and is the newest each time.
        expected.retain(|older| *older != phone);
        expected.push(phone);
        let new = if number % 5 == 4 { 4 } else { number };
        let edit = json!({"phone": format!("{new}"), "surname": "once"});
        store.update("patients", &id, edit).unwrap();
        acknowledge(&store, acknowledgements(&store));
    }
    expected.drain(1..expected.len() - 15);
    let base: String = raw(&store, "SELECT base FROM amana_sent");
    let base: Json = serde_json::from_str(&base).unwrap();
    assert_eq!(base["phone"], json!(expected));
    assert_eq!(base["surname"], json!(null), "changed once");
    let (_, table) = store.schema.require("patients").unwrap();
    let watched = store.database.read(move |connection, context| {
        let (_, table) = context.schema.require("patients")?;
        let found = sent::find(connection, table, id.as_str())?;
        Ok(found.map(|sent| sent.row.changed))
    });
    let watched = watched.wait().unwrap().unwrap();
    let phone = table.position("phone").unwrap();
    let phone = watched.iter().find(|of| of.column == phone).unwrap();
    let before = phone
        .before
        .iter()
        .map(|value| value.as_text().map(str::to_owned));
    assert_eq!(before.collect::<Vec<_>>(), expected);
}

const HUB: &str = "hub:aaaaaaaa-0000-4000-8000-00000000000a";

/// Notes that the hub has all that was sent.
fn hub_holds_all(store: &Store) {
    store.run(
        "INSERT INTO amana_holder SELECT table_name, record_id,
           'hub:aaaaaaaa-0000-4000-8000-00000000000a' FROM amana_sent",
    );
}

fn held(store: &Store) -> Vec<String> {
    let sql = "SELECT group_concat(record_id || ' ' || peer, '\n' ORDER BY record_id)
                 FROM amana_holder";
    let text: Option<String> = raw(store, sql);
    text.unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_hub_that_is_paired_anew_holds_nothing() {
    let (store, _) = prepared();
    hub_holds_all(&store);
    store.run("INSERT INTO amana_holder VALUES ('patients', 'x', 'hub:other')");
    assert!(held(&store).len() > 1);
    let hub = PeerId::parse(HUB).unwrap();
    let paired = store.database.pair(hub, "Hub".into(), "{}".into());
    paired.wait().unwrap();
    assert_eq!(held(&store), ["x hub:other"]);
}

#[test]
fn who_holds_a_record_is_known_by_the_id_that_it_takes_over() {
    let store = Store::new();
    let table = "patient_additional_attributes";
    let patient = store.insert("patients", json!({})).unwrap();
    let fields = json!({"patient_id": patient.as_str(), "attribute_id": "blood",
        "attribute": "Blood", "string_value": "A"});
    let ours = store.insert(table, fields).unwrap();
    acknowledge(&store, acknowledgements(&store));
    hub_holds_all(&store);
    let theirs = "aaaaaaaa-0000-4000-8000-000000000001";
    let key = [
        ("patient_id", text(patient.as_str())),
        ("attribute_id", text("blood")),
        ("string_value", text("A")),
    ];
    let report = store.pull(vec![store.remote(table, theirs, &key)]).unwrap();
    assert_eq!(report.adopted, 1);
    assert!(store.get(table, &ours).is_none());
    let held = held(&store);
    assert!(held.contains(&format!("{theirs} {HUB}")), "{held:?}");
    assert_eq!(held.len(), 2, "with the patient: {held:?}");
}

/// SQLite would take the key of the table, and with it all that a tablet sent in a day: for each holder
/// anew, after every sync. Without an index it would read the whole ledger for each record of a pull.
#[test]
fn what_is_noted_of_one_record_is_found_by_the_record() {
    let store = Store::new();
    for (sql, index) in [
        (holders::FORGET_OLD, "amana_entry_by_record"),
        (standing::IS_CONFIRMED, "amana_entry_by_record"),
        (conflicts::IS_KNOWN, "amana_conflict_by_record"),
        (conflicts::RENAME, "amana_conflict_by_record"),
    ] {
        let plan = format!("EXPLAIN QUERY PLAN {sql}");
        let steps = store.database.read(move |connection, _| {
            let mut statement = connection.prepare(&plan).map_sqlite()?;
            let nothing = vec![""; statement.parameter_count()];
            let steps = statement
                .query_map(rusqlite::params_from_iter(nothing), |row| row.get(3))
                .map_sqlite()?;
            steps
                .collect::<rusqlite::Result<Vec<String>>>()
                .map_sqlite()
        });
        let steps = steps.wait().unwrap();
        let index = format!("{index} (record_id=? AND");
        let by_record = |step: &String| step.contains(&index);
        assert!(steps.iter().any(by_record), "{steps:?}");
    }
}
