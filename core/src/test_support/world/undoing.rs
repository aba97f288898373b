//! Ledger entries that somebody undoes when the record is gone: it comes back whole or not at all.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::PeerId;
use crate::model::standing::Standing;

fn undo_last(device: &Device) -> crate::error::Result<RecordId> {
    let entry = device.ledger().pop().unwrap();
    device.database.undo_conflict(entry.id).wait()
}

/// Refused, and as if it had not been tried.
fn is_refused(device: &Device) {
    let pending = device.pending();
    assert_eq!(undo_last(device).unwrap_err().code(), ErrorCode::NotFound);
    assert_eq!((device.count("patients"), device.pending()), (0, pending));
    assert_eq!(device.ledger().pop().unwrap().undone_at_ms, None);
}

#[test]
fn one_column_makes_no_record() {
    let (clock, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    let theirs = json!({"given_name": "Theirs", "updated_at": NOW + 5});
    cloud.put("patients", &id(1), theirs);
    clock.advance(1_000);
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    assert_eq!(device.sync(&cloud).applied.conflicts, 1);
    device.delete("patients", &id(1)).unwrap();
    // While the deletion waits, and once the peer knows of it.
    is_refused(&device);
    device.sync(&cloud);
    is_refused(&device);
    device.sync(&cloud);
    assert!(cloud.visible().is_empty());
}

/// The cloud loses a patient that it took, and the record is deleted here as well.
fn lost_and_deleted(cloud: &Cloud, device: &Device, id: &RecordId) {
    device.sync(cloud);
    let key = (device.table("patients"), id.to_string());
    cloud.state.lock().unwrap().rows.remove(&key);
    assert_eq!(device.sync(cloud).applied.not_kept, 1);
    device.delete("patients", id).unwrap();
}

#[test]
fn an_edit_that_never_came_back_makes_no_record() {
    let (clock, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    clock.advance(1_000);
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    lost_and_deleted(&cloud, &device, &id(1));
    is_refused(&device);
}

#[test]
fn a_new_record_that_never_came_back_is_whole_in_its_entry() {
    let (_, cloud, device) = cloud_and_device();
    let fields = json!({"given_name": "Amal", "phone": "1"});
    let id = device.insert("patients", fields).unwrap();
    lost_and_deleted(&cloud, &device, &id);
    let back = undo_last(&device).unwrap();
    assert_eq!(device.field("patients", &back, "given_name"), "Amal");
    assert_eq!(device.field("patients", &back, "phone"), "1");
    let standing = device.standing("patients", &back).standing;
    assert_eq!(standing, Standing::HereOnly);
}

#[test]
fn a_deletion_that_was_repeated_already_is_done() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    device.delete("patients", &id(1)).unwrap();
    device.sync(&cloud);
    cloud.bring_back("patients", &id(1));
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    device.delete("patients", &id(1)).unwrap();
    assert_eq!(undo_last(&device).unwrap(), id(1));
    assert_eq!((device.count("patients"), device.pending()), (0, 1));
    assert!(device.ledger().pop().unwrap().undone_at_ms.is_some());
}

/// A hub says for good what was deleted at it: under the old id the record would go again.
#[test]
fn a_deletion_that_a_hub_has_taken_is_undone_as_a_new_record() {
    let (clock, cloud, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    cloud.put("patients", &id(1), patient("Amal", NOW));
    hub.relay(&cloud);
    device.sync(&cloud);
    device.sync_hub(&hub);
    device.delete("patients", &id(1)).unwrap();
    device.sync_hub(&hub);
    let newer = patient("Newer", NOW + 500_000);
    cloud.put("patients", &id(1), newer);
    cloud.state.lock().unwrap().refuses_pushes = true;
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    let back = undo_last(&device).unwrap();
    cloud.state.lock().unwrap().refuses_pushes = false;
    device.sync_with(&Hub::id(), &hub, true).unwrap();
    assert_eq!(device.field("patients", &back, "given_name"), "Newer");
    for full in [false, true] {
        device.sync_with(&PeerId::cloud(), &cloud, full).unwrap();
        device.sync_with(&Hub::id(), &hub, full).unwrap();
    }
    assert_eq!(device.field("patients", &back, "given_name"), "Newer");
    assert_eq!((device.count("patients"), device.pending()), (1, 0));
    let of_both = [
        cloud.value("patients", &back, "given_name"),
        hub.value("patients", &back, "given_name"),
    ];
    assert_eq!(of_both, [Some(text("Newer")), Some(text("Newer"))]);
}
