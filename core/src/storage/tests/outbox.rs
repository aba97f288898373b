//! What is pushed, in which order, and what an acknowledgement removes.

use super::*;

const TWO: PieceLimit = PieceLimit {
    rows: 2,
    bytes: usize::MAX,
    begun: crate::model::change_set::Revision(i64::MAX),
};

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
    store
        .database
        .acknowledge(&PeerTerms::cloud(), sent)
        .unwrap();
    let rows = store.upserts();
    assert_eq!((rows.len(), rows[0].kind), (1, OutboxKind::Created));
    let sent = rows.iter().map(Acknowledgement::from).collect();
    store
        .database
        .acknowledge(&PeerTerms::cloud(), sent)
        .unwrap();
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
        .quarantine(&PeerId::cloud(), refusals(rows))
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
            .collect(&PeerTerms::cloud(), class, &position, TWO)
            .wait()
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
fn what_the_peer_took_of_an_edited_record_is_what_both_agree_on() {
    let store = Store::new();
    let patient = "aaaaaaaa-0000-4000-8000-000000000001";
    store
        .pull(vec![store.remote(
            "patients",
            patient,
            &[("given_name", text("A"))],
        )])
        .unwrap();
    let id = RecordId::parse_uuid(patient).unwrap();
    store
        .update("patients", &id, json!({"given_name": "B"}))
        .unwrap();
    let sent = store.upserts().iter().map(Acknowledgement::from).collect();
    store
        .update("patients", &id, json!({"given_name": "C"}))
        .unwrap();
    store
        .database
        .acknowledge(&PeerTerms::cloud(), sent)
        .unwrap();
    let base: String = raw(&store, "SELECT base FROM amana_outbox");
    assert_eq!(
        base, r#"{"given_name":"B"}"#,
        "the peer has B: it is no conflict with C"
    );
}

#[test]
fn a_record_waits_for_the_new_one_it_refers_to() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    let visit = store
        .insert("visits", json!({"patient_id": patient.as_str()}))
        .unwrap();
    let other = store.insert("patients", json!({})).unwrap();
    let aside: Vec<Acknowledgement> = store
        .upserts()
        .iter()
        .filter(|row| row.id == patient)
        .map(Acknowledgement::from)
        .collect();
    store
        .database
        .quarantine(&PeerId::cloud(), refusals(aside))
        .unwrap();
    let ids = |store: &Store| -> Vec<RecordId> {
        store.upserts().into_iter().map(|row| row.id).collect()
    };
    let noted = || store.database.noted(&PeerId::cloud()).unwrap();
    assert_eq!(ids(&store), [other.clone(), visit.clone()]);
    let known = [(store.table("patients"), patient.clone())];
    assert_eq!(
        (&noted().missing[..], &noted().refused[..]),
        (&known[..], &known[..])
    );
    let listed = store.database.quarantined(10).wait().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].reason.as_str(), listed[0].waiting),
        ("refused", 1)
    );
    let table = store.table("patients");
    let release = |id: &RecordId| store.database.release_record(table, id.clone()).wait();
    assert_eq!(release(&other).unwrap_err().code(), ErrorCode::NotFound);
    release(&patient).unwrap();
    assert!(noted().missing.is_empty());
    assert_eq!(noted().refused, known, "until the peer takes it");
    assert_eq!(ids(&store), [patient, other, visit]);
}

#[test]
fn a_page_ends_with_its_rows_or_its_bytes() {
    let store = Store::new();
    for _ in 0..5 {
        store
            .insert("patients", json!({"surname": "x".repeat(1_000)}))
            .unwrap();
    }
    let limit = PieceLimit {
        rows: 100,
        bytes: 2_500,
        begun: crate::model::change_set::Revision(i64::MAX),
    };
    let (mut after, mut sizes) = (OutboxPosition::default(), Vec::new());
    let class = PushClass::Upserts { stage: 0 };
    loop {
        let page = store
            .database
            .collect(&PeerTerms::cloud(), class, &after, limit)
            .wait()
            .unwrap();
        sizes.push(page.rows.len());
        match page.next {
            Some(next) => after = next,
            None => break,
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
}

#[test]
fn a_revision_is_never_given_twice_whatever_failed_and_however_often_it_was_opened() {
    let mut store = Store::new();
    let mut given = std::collections::BTreeSet::new();
    for opening in 0..3 {
        for record in [1, 2] {
            let id = format!("0190d7a0-0000-7000-8000-0000000{opening}000{record}");
            store.insert("patients", json!({"id": id})).unwrap();
            // Fails as a whole, after its first half took a revision.
            let (table, _) = store.schema.require("patients").unwrap();
            let twice = Operation::Insert {
                table,
                id: RecordId::from_peer("0190d7a0-0000-7000-8000-00000000000a"),
                fields: Vec::new(),
            };
            let failed = store.database.apply(vec![twice.clone(), twice]).wait();
            assert_eq!(failed.unwrap_err().code(), ErrorCode::InvalidInput);
        }
        let rows: Vec<i64> = store.upserts().iter().map(|row| row.revision.0).collect();
        assert_eq!(rows.len(), 2 * (opening + 1));
        given.extend(rows);
        assert_eq!(given.len(), 2 * (opening + 1), "a revision was given twice");
        store.database.close();
        let Store {
            directory, schema, ..
        } = store;
        store = Store::open(directory, schema).unwrap();
    }
    assert!(!store.upserts().is_empty());
}

#[test]
fn l24_an_entry_that_cannot_be_read_is_an_error_and_stays() {
    let store = Store::new();
    let good = store.insert("patients", json!({})).unwrap();
    let broken = store.insert("visits", json!({"patient_id": good.as_str()}));
    broken.unwrap();
    store.run("UPDATE amana_entry SET base = '{' WHERE table_name = 'visits'");
    let page = store.database.collect(
        &PeerTerms::cloud(),
        PushClass::Upserts { stage: 0 },
        &OutboxPosition::default(),
        ALL,
    );
    assert_eq!(page.wait().unwrap_err().code(), ErrorCode::DatabaseDamaged);
    let counts = store.database.outbox_counts().wait().unwrap();
    assert_eq!(counts.pending, 2, "nothing was left out");
}
