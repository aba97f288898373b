//! What a later pull tells about a push: what was dropped in silence is told, and kept in the
//! ledger.

use std::sync::Mutex;

use super::device::cloud_and_device;
use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{OutboxRow, PullReply, PullRequest, PushFailure};
use crate::model::ids::PeerId;
use crate::model::ledger::{ConflictKind, Kept};
use crate::ports::{ChangeSink, SyncPeer};

/// Something happens at the server between this client's pull and its push.
struct Meanwhile<'a, F: FnMut() + Send> {
    cloud: &'a Cloud,
    happens: Mutex<Option<F>>,
}

impl<F: FnMut() + Send> SyncPeer for Meanwhile<'_, F> {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply> {
        self.cloud.pull(request, sink, on_bytes, cancel)
    }

    fn push(&self, piece: &[OutboxRow], cancel: &CancelToken) -> Result<(), PushFailure> {
        if let Some(mut happens) = self.happens.lock().unwrap().take() {
            happens();
        }
        self.cloud.push(piece, cancel)
    }
}

fn sync_while(device: &Device, cloud: &Cloud, happens: impl FnMut() + Send) {
    let peer = Meanwhile {
        cloud,
        happens: Mutex::new(Some(happens)),
    };
    device.sync_with(&PeerId::cloud(), &peer, false).unwrap();
}

#[test]
fn l15_an_edit_that_the_server_took_for_stale_is_reported_and_in_the_ledger() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    // Another client is quicker, with a clock that runs ahead.
    sync_while(&device, &cloud, || {
        cloud.put(
            "patients",
            &id(1),
            json!({"given_name": "Theirs", "updated_at": NOW + 900_000}),
        );
    });
    assert_eq!(device.pending(), 0, "the server said that it took it");
    assert!(!device.standing("patients", &id(1)).confirmed);
    let report = device.sync(&cloud);
    assert_eq!(report.applied.not_kept, 1);
    assert_eq!(device.field("patients", &id(1), "given_name"), "Theirs");
    let ledger = device.ledger();
    assert_eq!(ledger.len(), 1);
    let entry = &ledger[0];
    assert_eq!(
        (entry.kind, entry.kept),
        (ConflictKind::NotKept, Kept::Remote)
    );
    assert_eq!(entry.local.as_deref(), Some("\"Ours\""));
    assert_eq!(entry.remote.as_deref(), Some("\"Theirs\""));
    assert_eq!(entry.remote_at_ms, Some(NOW + 900_000));
    assert_eq!(device.sync(&cloud).applied.not_kept, 0, "once");

    // Taken after all: as an edit like any other.
    device.database.undo_conflict(entry.id).wait().unwrap();
    device.sync(&cloud);
    assert_eq!(
        cloud.value("patients", &id(1), "given_name"),
        Some(text("Ours"))
    );
}

#[test]
fn l17_a_stale_column_in_a_colleagues_whole_row_is_found_even_after_the_edit_was_confirmed() {
    let (clock, cloud, device) = cloud_and_device();
    let other = Device::new(&clock, 2);
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    other.sync(&cloud);
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    clock.advance(60_000);
    other
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    // The other has pulled before our push, and pushes after we have even seen ours come back.
    sync_while(&other, &cloud, || {
        device.sync(&cloud);
        device.sync(&cloud);
    });
    assert_eq!(
        cloud.value("patients", &id(1), "given_name"),
        Some(text("Amal"))
    );
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    assert_eq!(device.ledger()[0].local.as_deref(), Some("\"Ours\""));
}

#[test]
fn a_colleagues_later_edit_is_no_refusal() {
    let (clock, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    device.sync(&cloud);
    assert_eq!(device.sync(&cloud).applied.not_kept, 0);
    assert!(device.standing("patients", &id(1)).confirmed);
    clock.advance(1_000);
    cloud.put(
        "patients",
        &id(1),
        json!({"given_name": "Later", "updated_at": NOW + 60_000}),
    );
    assert_eq!(device.sync(&cloud).applied.not_kept, 0);
    assert!(device.ledger().is_empty());
}

#[test]
fn what_the_server_makes_of_a_new_record_is_told() {
    let (_, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    let attribute = json!({"patient_id": patient.as_str(), "attribute_id": "children",
                           "attribute": "Children", "number_value": 0});
    let attribute = device
        .insert("patient_additional_attributes", attribute)
        .unwrap();
    device.sync(&cloud);
    let report = device.sync(&cloud);
    assert_eq!(report.applied.not_kept, 1);
    let entry = &device.ledger()[0];
    assert_eq!(entry.column.as_deref(), Some("number_value"));
    assert_eq!(entry.record_id, attribute.as_str());
}

#[test]
fn what_the_server_puts_where_nothing_was_sent_is_no_refusal() {
    let (_, cloud, device) = cloud_and_device();
    let patient = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    device.sync(&cloud);
    cloud.put("patients", &patient, json!({"hometown": "Tyre"}));
    assert_eq!(device.sync(&cloud).applied.not_kept, 0);
    assert!(device.ledger().is_empty());
    assert_eq!(device.field("patients", &patient, "hometown"), "Tyre");
}

#[test]
fn an_update_of_an_item_is_looked_at_by_the_next_pull_of_everything() {
    let (_, cloud, device) = cloud_and_device();
    let (item, _) = an_item(&device);
    device.sync(&cloud);
    device.sync(&cloud);
    device
        .update("prescription_items", &item, json!({"notes": "n"}))
        .unwrap();
    device.sync(&cloud);
    assert_eq!(
        device.sync(&cloud).applied.not_kept,
        0,
        "updates of items never come"
    );
    assert_eq!(device.sync_fully(&cloud).applied.not_kept, 0);
    assert_eq!(device.status().unconfirmed, 0);
    // The server forgets an update: only a pull of everything can tell.
    device
        .update("prescription_items", &item, json!({"notes": "m"}))
        .unwrap();
    device.sync(&cloud);
    cloud.put("prescription_items", &item, json!({"notes": "n"}));
    assert_eq!(device.sync_fully(&cloud).applied.not_kept, 1);
}

pub(super) fn an_item(device: &Device) -> (RecordId, RecordId) {
    let patient = device.insert("patients", json!({})).unwrap();
    let visit = device
        .insert("visits", json!({"patient_id": patient.as_str()}))
        .unwrap();
    let prescription = json!({"patient_id": patient.as_str(), "visit_id": visit.as_str(),
        "provider_id": id(90).as_str(), "pickup_clinic_id": id(91).as_str(),
        "prescribed_at": NOW, "status": "pending"});
    let prescription = device.insert("prescriptions", prescription).unwrap();
    let item = json!({"prescription_id": prescription.as_str(), "patient_id": patient.as_str(),
        "drug_id": id(92).as_str(), "clinic_id": id(91).as_str(), "quantity_prescribed": 1});
    (
        device.insert("prescription_items", item).unwrap(),
        prescription,
    )
}

#[test]
fn a_row_that_never_comes_back_is_told_and_kept() {
    let (_, cloud, device) = cloud_and_device();
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    device.sync(&cloud);
    let key = (device.table("patients"), id.to_string());
    cloud.state.lock().unwrap().rows.remove(&key);
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    assert_eq!(device.field("patients", &id, "given_name"), "Amal");
    let entry = &device.ledger()[0];
    assert_eq!(
        (entry.kind, entry.column.as_deref()),
        (ConflictKind::NotKept, None)
    );
    assert!(entry.local.as_deref().unwrap().contains("Amal"));
}

#[test]
fn a_deletion_that_was_not_carried_out_is_told_and_can_be_repeated() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    device.delete("patients", &id(1)).unwrap();
    device.sync(&cloud);
    let key = (device.table("patients"), id(1).to_string());
    {
        let mut state = cloud.state.lock().unwrap();
        let kept = state.rows.get_mut(&key).unwrap();
        (kept.is_deleted, kept.deleted_at) = (false, None);
    }
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    assert!(device.get("patients", &id(1)).is_some(), "the peer's word");
    let entry = device.ledger()[0].id;
    device.database.undo_conflict(entry).wait().unwrap();
    assert!(device.get("patients", &id(1)).is_none());
    device.sync(&cloud);
    assert!(cloud.visible().is_empty());
}
