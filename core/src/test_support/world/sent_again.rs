//! What a peer took and never showed is sent once more where somebody undoes its ledger entry.

use super::device::cloud_and_device;
use super::*;
use crate::model::change_set::{OutboxKind, OutboxPosition, PieceLimit, PushClass};
use crate::model::standing::Standing;
use crate::model::terms::PeerTerms;
use crate::ports::SyncStore;

/// What waits for the cloud: what it is, and the columns that it changes.
fn waiting(device: &Device) -> Vec<(OutboxKind, Vec<usize>)> {
    let limit = PieceLimit {
        rows: 10,
        bytes: usize::MAX,
        begun: crate::model::change_set::Revision(i64::MAX),
    };
    let class = PushClass::Upserts { stage: 0 };
    let start = OutboxPosition::default();
    let page = device
        .database
        .collect(&PeerTerms::cloud(), class, &start, limit);
    let rows = page.wait().unwrap().rows.into_iter();
    rows.map(|row| (row.kind, row.changed)).collect()
}

/// The cloud loses a patient whose name it took, and the entry for that is undone.
fn lost_and_undone(cloud: &Cloud, device: &Device, id: &RecordId) {
    device.sync(cloud);
    let key = (device.table("patients"), id.to_string());
    cloud.state.lock().unwrap().rows.remove(&key);
    assert_eq!(device.sync(cloud).applied.not_kept, 1);
    assert_eq!(device.pending(), 0);
    let before = device.field("patients", id, "updated_at");
    let entry = device.ledger()[0].id;
    assert_eq!(&device.database.undo_conflict(entry).wait().unwrap(), id);
    let after = device.field("patients", id, "updated_at");
    assert!(after.as_i64() > before.as_i64(), "{before} {after}");
    assert_eq!(device.standing("patients", id).standing, Standing::HereOnly);
}

fn comes_back(cloud: &Cloud, device: &Device, id: &RecordId, name: &str) {
    assert_eq!(device.sync(cloud).pushed, 1);
    assert_eq!(cloud.value("patients", id, "given_name"), Some(text(name)));
    assert!(!device.standing("patients", id).confirmed);
    device.sync(cloud);
    let standing = device.standing("patients", id);
    assert_eq!(standing.standing, Standing::InCloud);
    assert!(standing.confirmed && standing.absent_since_ms.is_none());
    assert_eq!(device.ledger().len(), 1, "{:?}", device.ledger());
}

#[test]
fn a_new_record_that_never_came_back_is_sent_as_a_new_one() {
    let (_, cloud, device) = cloud_and_device();
    let fields = json!({"given_name": "Amal"});
    let id = device.insert("patients", fields).unwrap();
    lost_and_undone(&cloud, &device, &id);
    assert_eq!(waiting(&device), [(OutboxKind::Created, vec![])]);
    comes_back(&cloud, &device, &id, "Amal");
}

#[test]
fn what_was_edited_since_it_did_not_come_back_is_sent_as_it_is_now() {
    let (_, cloud, device) = cloud_and_device();
    let fields = json!({"given_name": "Amal", "surname": "A"});
    let id = device.insert("patients", fields).unwrap();
    device.sync(&cloud);
    let key = (device.table("patients"), id.to_string());
    cloud.state.lock().unwrap().rows.remove(&key);
    device.sync(&cloud);
    device
        .update("patients", &id, json!({"surname": "B"}))
        .unwrap();
    let entry = device.ledger()[0].id;
    device.database.undo_conflict(entry).wait().unwrap();
    assert_eq!(device.field("patients", &id, "surname"), "B");
    device.sync(&cloud);
    for (column, value) in [("given_name", "Amal"), ("surname", "B")] {
        assert_eq!(cloud.value("patients", &id, column), Some(text(value)));
    }
}

#[test]
fn an_edit_that_never_came_back_is_sent_with_its_columns() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    let fields = json!({"given_name": "Amalia"});
    device.update("patients", &id(1), fields).unwrap();
    lost_and_undone(&cloud, &device, &id(1));
    let table = device.table("patients");
    let name = device.schema.table(table).position("given_name").unwrap();
    assert_eq!(waiting(&device), [(OutboxKind::Updated, vec![name])]);
    comes_back(&cloud, &device, &id(1), "Amalia");
}
