//! What local writes leave behind, by the numbers of `docs/sync-behaviours.md`.

use super::device::cloud_and_device;
use super::pulling::{outbox, with_patient};
use super::*;
use crate::model::change_set::{Acknowledgement, OutboxKind, OutboxRow, PushFailure, RemoteChange};
use crate::model::ids::PeerId;
use crate::model::terms::PeerTerms;
use crate::ports::SyncStore;
use crate::storage::Operation;
use crate::test_support::{CallLog, ScriptedPeer, ScriptedPull};

pub(super) fn changed(device: &Device, row: &OutboxRow) -> Vec<String> {
    let table = device.schema.table(row.table);
    row.changed
        .iter()
        .map(|position| table.columns[*position].name.clone())
        .collect()
}

#[test]
fn w001_w002_w026_a_new_record_is_created_with_no_changed_columns_until_it_is_edited() {
    let (_, _, device) = cloud_and_device();
    let id = device
        .insert("patients", json!({"given_name": "A"}))
        .unwrap();
    let rows = outbox(&device);
    assert_eq!(
        (rows[0].kind, rows[0].changed.len()),
        (OutboxKind::Created, 0)
    );
    assert!(
        RecordId::parse_uuid(id.as_str()).is_ok(),
        "a UUID, not 16 characters"
    );
    device
        .update("patients", &id, json!({"given_name": "B"}))
        .unwrap();
    let rows = outbox(&device);
    assert_eq!(rows[0].kind, OutboxKind::Created);
    assert_eq!(changed(&device, &rows[0]), ["given_name"]);
}

#[test]
fn w003_w004_w005_edits_of_a_synced_record_gather_their_columns_once() {
    let (_, device) = with_patient();
    for (column, value) in [("phone", "1"), ("surname", "X"), ("phone", "2")] {
        device
            .update("patients", &id(1), json!({column: value}))
            .unwrap();
    }
    let rows = outbox(&device);
    assert_eq!((rows.len(), rows[0].kind), (1, OutboxKind::Updated));
    let mut columns = changed(&device, &rows[0]);
    columns.sort_unstable();
    assert_eq!(columns, ["phone", "surname"]);
}

#[test]
fn w006_writing_the_value_that_is_there_changes_nothing() {
    let (cloud, device) = with_patient();
    let before = device.get("patients", &id(1));
    device
        .update(
            "patients",
            &id(1),
            json!({"given_name": "Amal", "phone": null}),
        )
        .unwrap();
    assert!(outbox(&device).is_empty());
    assert_eq!(device.get("patients", &id(1)), before);
    // Nor in another form of it.
    let visit = json!({"patient_id": id(1).as_str(), "check_in_timestamp": NOW, "metadata": "{}"});
    cloud.put("visits", &id(2), visit);
    device.sync(&cloud);
    device
        .update("visits", &id(2), json!({"check_in_timestamp": NOW as f64}))
        .unwrap();
    assert!(outbox(&device).is_empty());
}

#[test]
fn w009_w010_a_deleted_record_is_out_of_queries_and_in_the_push() {
    let (_, device) = with_patient();
    device.delete("patients", &id(1)).unwrap();
    assert!(device.get("patients", &id(1)).is_none());
    assert_eq!(device.count("patients"), 0);
    let rows = outbox(&device);
    assert_eq!(
        (rows[0].kind, rows[0].values.len()),
        (OutboxKind::Deleted, 0)
    );
}

#[test]
fn w014_w016_acknowledging_what_is_not_there_is_no_error_and_touches_no_other_tombstone() {
    let (cloud, device) = with_patient();
    cloud.put("patients", &id(2), patient("Noor", NOW));
    device.sync(&cloud);
    device.delete("patients", &id(1)).unwrap();
    device.delete("patients", &id(2)).unwrap();
    let mut taken: Vec<Acknowledgement> = outbox(&device).iter().map(Into::into).collect();
    taken.retain(|ack| ack.id == id(1));
    // One that never was, and the same again.
    let mut unknown = taken[0].clone();
    unknown.id = id(9);
    taken.push(unknown);
    for _ in 0..2 {
        device
            .database
            .acknowledge(&PeerTerms::cloud(), taken.clone())
            .unwrap();
        let left = outbox(&device);
        assert_eq!((left.len(), &left[0].id), (1, &id(2)));
    }
    // Nor is it one where a peer deletes what is gone: here already, or by the line before.
    cloud.delete("patients", &id(1));
    let gone = id(1);
    let table = device.table("patients");
    let twice = [0, 1].map(|_| RemoteChange::Delete(table, gone.clone()));
    let line = ScriptedPeer::new(&CallLog::default());
    line.on_push(|_| Err(PushFailure::Stopped(failure(ErrorCode::Network))));
    line.will_answer(ScriptedPull {
        changes: twice.to_vec(),
        timestamp: NOW + 10,
        ..ScriptedPull::default()
    });
    let _ = device.sync_with(&PeerId::cloud(), &line, false);
    assert_eq!(device.database.cursor(&PeerId::cloud()).unwrap(), NOW + 10);
    let left = outbox(&device);
    assert_eq!((left.len(), &left[0].id), (1, &id(2)));
    // A person is told that what he deletes is not there.
    let error = device.delete("patients", &id(1)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::NotFound);
    assert_eq!(device.pending(), 1);
}

#[test]
fn w017_deletions_on_both_sides_end_with_no_tombstone() {
    let (_, cloud, device) = cloud_and_device();
    let keep = device.insert("patients", json!({})).unwrap();
    let gone = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    device.delete("patients", &gone).unwrap();
    cloud.delete("patients", &gone);
    device.sync(&cloud);
    assert_eq!((device.pending(), device.count("patients")), (0, 1));
    assert!(device.get("patients", &keep).is_some());
}

#[test]
fn w013_w015_a_batch_is_all_or_nothing_and_ids_are_data() {
    let (cloud, device) = with_patient();
    let insert = |number| Operation::Insert {
        table: device.table("patients"),
        id: Some(id(number)),
        fields: Vec::new(),
    };
    device.database.apply(vec![insert(7)]).wait().unwrap();
    // The second fails; the first was good, and is not there either, nor in the outbox.
    let batch = vec![insert(8), insert(7), insert(9)];
    assert!(device.database.apply(batch).wait().is_err());
    assert_eq!((device.count("patients"), device.pending()), (2, 1));
    assert!(device.get("patients", &id(8)).is_none());
    device.sync(&cloud);

    let odd = RecordId::from_peer("x'; DELETE FROM patients; --").unwrap();
    assert!(device.get("patients", &odd).is_none());
    cloud.put("patients", &odd, patient("Odd", NOW));
    device.sync(&cloud);
    assert_eq!(device.field("patients", &odd, "given_name"), "Odd");
    assert_eq!(device.count("patients"), 3);
    cloud.delete("patients", &odd);
    device.sync(&cloud);
    assert_eq!(device.count("patients"), 2, "itself and no other");
}

#[test]
fn w019_large_numbers_and_odd_texts_come_back_exactly() {
    let (_, cloud, device) = cloud_and_device();
    let odd = "\u{202e}a\u{feff}👶🏽é\u{1f}";
    let patient = device.insert("patients", json!({"surname": odd})).unwrap();
    let visit = json!({"patient_id": patient.as_str(), "check_in_timestamp": 4_102_444_800_123i64});
    let visit = device.insert("visits", visit).unwrap();
    device.sync(&cloud);
    let other = Device::new(&device.clock, 2);
    other.sync(&cloud);
    assert_eq!(other.field("patients", &patient, "surname"), odd);
    assert_eq!(
        other.field("visits", &visit, "check_in_timestamp"),
        4_102_444_800_123i64
    );
}
