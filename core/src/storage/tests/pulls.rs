//! What an applied pull does to the store.

use super::*;

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
fn a_cancelled_apply_leaves_rows_and_cursor_as_they_were() {
    let store = Store::new();
    let cancel = CancelToken::new();
    cancel.cancel();
    let change = store.remote("patients", "aaaaaaaa-0000-4000-8000-000000000001", &[]);
    let error = store
        .database
        .apply_pull(
            &PeerTerms::cloud(),
            &reply(5),
            Box::new(List {
                changes: vec![change],
                next: 0,
            }),
            Arc::new(RemoteWins),
            &cancel,
        )
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert_eq!(store.database.cursor(&PeerId::cloud()).unwrap(), 0);
    assert_eq!(store.query("patients", "{}")["rows"], json!([]));
}

/// Cancels while it hands out its 300th change.
struct CancelsInTheMiddle(List, CancelToken);

impl ChangeSource for CancelsInTheMiddle {
    fn next_change(&mut self) -> Result<Option<&RemoteChange>> {
        if self.0.next == 299 {
            self.1.cancel();
        }
        self.0.next_change()
    }
}

#[test]
fn h18_an_apply_that_is_cancelled_at_its_300th_change_leaves_nothing_of_it() {
    let store = Store::new();
    let id = |n: u32| format!("aaaaaaaa-0000-4000-8000-{n:012}");
    store
        .pull(vec![store.remote("patients", &id(0), &[])])
        .unwrap();
    let first = RecordId::parse_uuid(&id(0)).unwrap();
    store
        .update("patients", &first, json!({"given_name": "Ours"}))
        .unwrap();
    let seen = || {
        let cursor = store.database.cursor(&PeerId::cloud()).unwrap();
        let digest = store.database.digest().wait().unwrap();
        let ledger = store.database.conflicts(0, 10).wait().unwrap();
        (cursor, digest, store.upserts(), ledger)
    };
    let before = seen();
    let pull = |cancel_it: bool| {
        let name = [("given_name", text("B"))];
        let changes = (0..600).map(|n| store.remote("patients", &id(n), &name));
        let changes = List {
            changes: changes.collect(),
            next: 0,
        };
        let cancel = CancelToken::new();
        let source: Box<dyn ChangeSource> = match cancel_it {
            true => Box::new(CancelsInTheMiddle(changes, cancel.clone())),
            false => Box::new(changes),
        };
        let later = reply(NOW + 60_000);
        let terms = PeerTerms::cloud();
        store
            .database
            .apply_pull(&terms, &later, source, Arc::new(RemoteWins), &cancel)
    };
    assert_eq!(pull(true).unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(seen(), before);
    let report = pull(false).unwrap();
    assert_eq!((report.inserted, report.updated), (599, 1));
    assert!(seen().0 > before.0);
}

#[test]
fn a_disk_that_fills_up_while_a_pull_is_applied_leaves_rows_and_cursor_as_they_were() {
    let store = Store::new();
    let id = |n: u32| format!("aaaaaaaa-0000-4000-8000-{n:012}");
    store
        .pull(vec![store.remote(
            "patients",
            &id(0),
            &[("given_name", text("A"))],
        )])
        .unwrap();
    let first = RecordId::parse_uuid(&id(0)).unwrap();
    store
        .update("patients", &first, json!({"phone": "961"}))
        .unwrap();
    let seen = || {
        let cursor = store.database.cursor(&PeerId::cloud()).unwrap();
        let digest = store.database.digest().wait().unwrap();
        (cursor, digest, store.upserts().len())
    };
    let before = seen();
    let long = "x".repeat(1_000);
    // More than the cache holds back until the end, and the known row among them.
    let pull = || {
        let changes = (0..2_000).map(|n| {
            let cells = [("given_name", text("B")), ("camp", text(&long))];
            store.remote("patients", &id(n), &cells)
        });
        let mut later = reply(NOW + 60_000);
        later.upserts = 2_000;
        store.database.apply_pull(
            &PeerTerms::cloud(),
            &later,
            Box::new(List {
                changes: changes.collect(),
                next: 0,
            }),
            Arc::new(RemoteWins),
            &CancelToken::new(),
        )
    };
    store.run("PRAGMA max_page_count = 1");
    assert_eq!(pull().unwrap_err().code(), ErrorCode::StorageFull);
    assert_eq!(seen(), before);
    store.run("PRAGMA max_page_count = 4294967294");
    let report = pull().unwrap();
    assert_eq!((report.inserted, report.updated), (1_999, 1));
    assert!(seen().0 > before.0);
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

/// What a peer with a dead clock told, before such replies were looked at.
#[test]
fn no_edit_gets_a_time_that_no_clock_shows() {
    let store = Store::new();
    let id = store.insert("patients", json!({})).unwrap();
    let edited = |told: i64, device: i64| {
        let mut reply = reply(NOW);
        reply.skew_ms = told.saturating_sub(device);
        store.clock.set_wall(device);
        let source = Box::new(List {
            changes: Vec::new(),
            next: 0,
        });
        let pulled = store.database.apply_pull(
            &PeerTerms::cloud(),
            &reply,
            source,
            Arc::new(RemoteWins),
            &CancelToken::new(),
        );
        pulled.unwrap();
        let made = store.insert("patients", json!({})).unwrap();
        store.get("patients", &made).unwrap()["updated_at"]
            .as_i64()
            .unwrap()
    };
    for told in [5, 946_684_800_000, NOW * 1_000, i64::MAX, i64::MIN] {
        assert_eq!(edited(told, NOW), NOW, "{told}");
    }
    // What puts a dead clock right is taken.
    assert_eq!(edited(NOW, 5_000), NOW);
    assert_eq!(edited(NOW + 60_000, NOW), NOW + 60_000);
    assert!(crate::model::dates::format_instant(edited(i64::MAX, 5_000)).is_some());

    // An edit is later than what is known, but where nothing can be.
    let last = crate::model::dates::into_calendar(i64::MAX);
    let row = store.remote(
        "patients",
        id.as_str(),
        &[("updated_at", Value::Integer(last))],
    );
    store.pull(vec![row]).unwrap();
    store
        .update("patients", &id, json!({"given_name": "Amal"}))
        .unwrap();
    assert_eq!(store.get("patients", &id).unwrap()["updated_at"], last);
}

#[test]
fn a_pull_of_everything_does_not_move_the_cursor_past_deletions() {
    let store = Store::new();
    let pull = |timestamp, full| {
        let mut reply = reply(timestamp);
        reply.full = full;
        reply.skew_ms = timestamp;
        let source = Box::new(List {
            changes: Vec::new(),
            next: 0,
        });
        let cancel = CancelToken::new();
        store
            .database
            .apply_pull(
                &PeerTerms::cloud(),
                &reply,
                source,
                Arc::new(RemoteWins),
                &cancel,
            )
            .unwrap();
        store.database.peer_status(&PeerId::cloud()).wait().unwrap()
    };
    assert_eq!(
        pull(100, true).cursor,
        100,
        "the first pull is one of everything"
    );
    assert_eq!(pull(200, false).cursor, 200);
    let status = pull(300, true);
    assert_eq!((status.cursor, status.skew_ms), (200, 300));
}

/// A pull of everything that holds nothing.
fn pull_everything(store: &Store) -> ApplyReport {
    let mut reply = reply(NOW + 1);
    reply.full = true;
    let source = Box::new(List {
        changes: Vec::new(),
        next: 0,
    });
    let (terms, cancel) = (PeerTerms::cloud(), CancelToken::new());
    let rule = Arc::new(RemoteWins);
    let pulled = store
        .database
        .apply_pull(&terms, &reply, source, rule, &cancel);
    pulled.unwrap()
}

fn take_all(store: &Store) {
    let taken = store.upserts().iter().map(Acknowledgement::from).collect();
    let terms = PeerTerms::cloud();
    store.database.acknowledge(&terms, taken).unwrap();
}

#[test]
fn a_record_that_did_not_come_back_and_is_gone_is_not_marked_as_absent() {
    let schema = Schema::from_json(concat!(
        r#"{"version":1,"tables":[{"name":"notes","direction":"both","whole_history":true,"#,
        r#""columns":[{"name":"id","role":"id"},{"name":"title","role":"text"}]}]}"#
    ));
    let store = Store::open(tempfile::tempdir().unwrap(), schema.unwrap()).unwrap();
    let id = store.insert("notes", json!({"title": "a"})).unwrap();
    take_all(&store);
    let report = pull_everything(&store);
    assert_eq!((report.not_kept, report.gone), (1, 1));
    assert!(store.get("notes", &id).is_none());
    let marked: i64 = raw(&store, "SELECT count(*) FROM amana_absent");
    assert_eq!(marked, 0);
}

#[test]
fn an_absent_record_that_is_deleted_here_is_not_marked_any_more() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    let visit = json!({"patient_id": patient.as_str()});
    store.insert("visits", visit).unwrap();
    take_all(&store);
    assert_eq!(pull_everything(&store).not_kept, 2);
    let marked = || raw::<i64>(&store, "SELECT count(*) FROM amana_absent");
    assert_eq!(marked(), 2);
    store.delete("patients", &patient).unwrap();
    assert_eq!(marked(), 0);
}
