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
use crate::model::standing::Standing;
use crate::ports::{ChangeSink, Clock as _, SyncPeer};

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

pub(super) fn sync_while(device: &Device, cloud: &Cloud, happens: impl FnMut() + Send) {
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
fn an_edit_that_was_confirmed_is_still_watched_after_the_next_one_of_its_record() {
    let (clock, cloud, device) = cloud_and_device();
    let other = Device::new(&clock, 2);
    // Of problems the cloud takes whatever comes last.
    let problem = json!({"patient_id": id(2).as_str(), "problem_label": "A", "problem_code": "A",
                         "clinical_status": "active", "is_deleted": 0, "updated_at": NOW});
    cloud.put("patients", &id(2), patient("Amal", NOW));
    cloud.put("patient_problems", &id(1), problem);
    device.sync(&cloud);
    other.sync(&cloud);
    let edit = |device: &Device, column: &str| {
        clock.advance(60_000);
        let fields = json!({column: "Ours"});
        device.update("patient_problems", &id(1), fields).unwrap();
    };
    edit(&other, "clinical_status");
    // The other has pulled before both.
    sync_while(&other, &cloud, || {
        edit(&device, "problem_label");
        device.sync(&cloud);
        device.sync(&cloud);
        assert!(device.standing("patient_problems", &id(1)).confirmed);
        edit(&device, "problem_code");
        device.sync(&cloud);
        clock.advance(600_000);
    });
    let label = cloud.value("patient_problems", &id(1), "problem_label");
    assert_eq!(label, Some(text("A")));
    device.sync(&cloud);
    let ledger = device.ledger();
    let columns = ledger.iter().filter_map(|entry| entry.column.as_deref());
    let columns: std::collections::BTreeSet<_> = columns.collect();
    assert_eq!(
        columns,
        ["problem_label", "problem_code"].into(),
        "{ledger:?}"
    );
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
fn what_the_server_makes_of_a_new_record_is_told_though_it_was_edited_meanwhile() {
    let (clock, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    let attribute = json!({"patient_id": patient.as_str(), "attribute_id": "children",
                           "attribute": "Children", "number_value": 0});
    let attribute = device
        .insert("patient_additional_attributes", attribute)
        .unwrap();
    device.sync(&cloud);
    clock.advance(60_000);
    device
        .update(
            "patient_additional_attributes",
            &attribute,
            json!({"string_value": "none"}),
        )
        .unwrap();
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    let entry = &device.ledger()[0];
    assert_eq!(entry.column.as_deref(), Some("number_value"));
    assert_eq!(entry.kind, ConflictKind::NotKept);
    let value = cloud.value("patient_additional_attributes", &attribute, "string_value");
    assert_eq!(value, Some(text("none")));
    assert_eq!(device.sync(&cloud).applied.not_kept, 0, "once");

    // What somebody else has changed since is no refusal.
    let other = device.insert("patients", json!({"phone": "1"})).unwrap();
    device.sync(&cloud);
    clock.advance(60_000);
    let theirs = json!({"phone": "2", "updated_at": clock.now_ms()});
    cloud.put("patients", &other, theirs);
    let ours = json!({"given_name": "Ours"});
    device.update("patients", &other, ours).unwrap();
    assert_eq!(device.sync(&cloud).applied.not_kept, 0);
    assert_eq!(device.field("patients", &other, "phone"), "2");
    assert_eq!(device.ledger().len(), 1);
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

/// Nobody hears of an update of an item but by a pull of everything: whoever edits it may not have seen
/// ours.
#[test]
fn an_edit_of_an_item_that_somebody_goes_over_is_told_also_weeks_later() {
    for days in [0, 1, 20] {
        let (clock, cloud, device) = cloud_and_device();
        let other = Device::new(&clock, 2);
        let (item, _) = an_item(&device);
        device.sync(&cloud);
        other.sync(&cloud);
        let edit = |device: &Device, value: &str| {
            let fields = json!({"notes": value});
            device.update("prescription_items", &item, fields).unwrap();
            clock.advance(60_000);
            device.sync(&cloud);
        };
        edit(&device, "ours");
        device.sync_fully(&cloud);
        clock.advance(days * 24 * 60 * 60 * 1000);
        device.sync(&cloud);
        edit(&other, "theirs");
        assert_eq!(device.sync_fully(&cloud).applied.not_kept, 1, "{days}");
        let ledger = device.ledger();
        assert_eq!(ledger.len(), 1, "{days}");
        assert_eq!(ledger[0].local.as_deref(), Some("\"ours\""));
        assert_eq!(ledger[0].remote.as_deref(), Some("\"theirs\""));
        assert_eq!(device.sync_fully(&cloud).applied.not_kept, 0, "{days}");
    }
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
    // It is said to be in the cloud by nobody, until it comes after all.
    let standing = device.standing("patients", &id);
    assert_eq!(standing.standing, Standing::HereOnly);
    assert!(!standing.confirmed && standing.absent_since_ms.is_some());
    assert_eq!(device.status().absent, 1);
    cloud.put("patients", &id, patient("Amal", NOW));
    device.sync(&cloud);
    let standing = device.standing("patients", &id);
    assert_eq!(
        (
            standing.standing,
            standing.confirmed,
            standing.absent_since_ms
        ),
        (Standing::InCloud, true, None)
    );
}

/// The server keeps the time of a deletion for good: an attribute that is given again it takes, and
/// shows to nobody.
#[test]
fn an_attribute_that_was_deleted_and_is_given_again_is_here_only_and_not_confirmed() {
    let (clock, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    let table = "patient_additional_attributes";
    let give = |value: &str| {
        let fields = json!({"patient_id": patient.as_str(), "attribute_id": "blood",
            "attribute": "Blood", "string_value": value});
        device.insert(table, fields).unwrap()
    };
    let first = give("A");
    device.sync(&cloud);
    device.sync(&cloud);
    device.delete(table, &first).unwrap();
    device.sync(&cloud);
    clock.advance(60_000);
    let again = give("B");
    assert_eq!(device.sync(&cloud).pushed, 1, "it says that it took it");
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    let standing = device.standing(table, &again);
    assert_eq!(standing.standing, Standing::HereOnly);
    assert!(!standing.confirmed && standing.absent_since_ms.is_some());
    assert_eq!(device.field(table, &again, "string_value"), "B");
    // The same after a pull of everything, and for whoever looks at the ledger.
    device.sync_fully(&cloud);
    assert_eq!(device.standing(table, &again).standing, Standing::HereOnly);
    let entry = device.ledger().pop().unwrap();
    assert_eq!(
        (entry.kind, entry.kept),
        (ConflictKind::NotKept, Kept::Local)
    );
    assert_eq!(cloud.visible().len(), 1, "the patient alone");
}

#[test]
fn an_edit_that_the_server_dropped_in_silence_is_here_only_until_its_version_comes() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW + 900_000));
    device.sync(&cloud);
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    // What it has becomes later than ours, long before what the next pull asks for.
    let key = (device.table("patients"), id(1).to_string());
    {
        let mut state = cloud.state.lock().unwrap();
        let kept = state.rows.get_mut(&key).unwrap();
        let at = device.schema.table(key.0).position("updated_at").unwrap();
        kept.values[at] = Value::Integer(NOW + 1_800_000);
        (kept.created, kept.modified) = (NOW - 3_600_000, NOW - 3_600_000);
    }
    device.sync(&cloud);
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    assert_eq!(device.field("patients", &id(1), "given_name"), "Ours");
    let standing = device.standing("patients", &id(1));
    assert_eq!(
        (standing.standing, standing.confirmed),
        (Standing::HereOnly, false)
    );
    device.sync_fully(&cloud);
    assert_eq!(device.field("patients", &id(1), "given_name"), "Amal");
    let standing = device.standing("patients", &id(1));
    assert_eq!(
        (standing.standing, standing.confirmed),
        (Standing::InCloud, true)
    );
}

/// By way of a hub that met the cloud late, a colleague's attribute takes the place of ours. No
/// server tells whether whoever wrote it knew of ours: so it is told for a day, whoever it was.
#[test]
fn a_new_attribute_that_somebody_made_as_well_is_found_even_after_ours_was_confirmed() {
    let (clock, cloud, device) = cloud_and_device();
    let (other, hub) = (Device::new(&clock, 2), Hub::new(&clock));
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    other.sync(&cloud);
    let table = "patient_additional_attributes";
    let give = |device: &Device, value: &str| {
        let fields = json!({"patient_id": patient.as_str(), "attribute_id": "blood",
            "attribute": "Blood", "string_value": value});
        device.insert(table, fields).unwrap()
    };
    let ours = give(&device, "A");
    device.sync(&cloud);
    assert_eq!(device.sync(&cloud).applied.not_kept, 0);
    assert!(device.standing(table, &ours).confirmed);
    clock.advance(60_000);
    give(&other, "B");
    other.sync_hub(&hub);
    hub.relay(&cloud);
    assert_eq!(cloud.value(table, &ours, "string_value"), Some(text("B")));
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    assert_eq!(device.field(table, &ours, "string_value"), "B");
    let entry = device.ledger().pop().unwrap();
    assert_eq!(entry.column.as_deref(), Some("string_value"));
    assert_eq!(entry.local.as_deref(), Some("\"A\""));
    assert_eq!(device.sync(&cloud).applied.not_kept, 0, "once");
    other.sync(&cloud);
    assert_eq!(other.field(table, &ours, "string_value"), "B");
}

/// Whoever writes over a new record has seen it, or could not know its id.
#[test]
fn a_new_record_that_was_confirmed_is_a_colleagues_to_edit() {
    let (clock, cloud, device) = cloud_and_device();
    let other = Device::new(&clock, 2);
    let id = device
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    device.sync(&cloud);
    device.sync(&cloud);
    other.sync(&cloud);
    clock.advance(60_000);
    other
        .update("patients", &id, json!({"given_name": "Amalia"}))
        .unwrap();
    other.sync(&cloud);
    assert_eq!(device.sync(&cloud).applied.not_kept, 0);
    assert_eq!(device.field("patients", &id, "given_name"), "Amalia");
    assert!(device.ledger().is_empty());
}

#[test]
fn a_deletion_that_was_not_carried_out_is_told_and_can_be_repeated() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    device.delete("patients", &id(1)).unwrap();
    device.sync(&cloud);
    cloud.bring_back("patients", &id(1));
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    assert!(device.get("patients", &id(1)).is_some(), "the peer's word");
    let entry = device.ledger()[0].id;
    device.database.undo_conflict(entry).wait().unwrap();
    assert!(device.get("patients", &id(1)).is_none());
    device.sync(&cloud);
    assert!(cloud.visible().is_empty());
}
