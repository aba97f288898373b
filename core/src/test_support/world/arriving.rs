//! What waits has arrived in the cloud already: nothing is to be sent, and nothing is missed after.

use super::device::cloud_and_device;
use super::verifying::an_item;
use super::*;
use crate::model::change_set::{PieceLimit, PushClass, RemoteChange, RemoteRow, Revision};
use crate::model::ids::PeerId;
use crate::model::standing::Standing;
use crate::model::terms::PeerTerms;
use crate::ports::SyncStore;
use crate::test_support::{CallLog, ScriptedPeer, ScriptedPull};

const A_WHILE: u64 = 20 * 60 * 1000;

/// The cloud takes what waits, and its reply is lost.
fn push_unheard(device: &Device, cloud: &Cloud) {
    let limit = PieceLimit {
        rows: 10,
        bytes: 10_000,
        begun: Revision(i64::MAX),
    };
    let class = PushClass::Upserts { stage: 0 };
    let page = device
        .database
        .collect(&PeerTerms::cloud(), class, &Default::default(), limit);
    let rows = page.wait().unwrap().rows;
    assert!(!rows.is_empty());
    rows.iter().for_each(|row| cloud.take(row).unwrap());
}

fn is_known_to_be_there(device: &Device, patient: &RecordId) {
    let standing = device.standing("patients", patient);
    assert_eq!(
        (
            standing.standing,
            standing.confirmed,
            standing.absent_since_ms
        ),
        (Standing::InCloud, true, None)
    );
    assert_eq!((device.ledger(), device.pending()), (Vec::new(), 0));
}

#[test]
fn what_arrived_while_its_reply_was_lost_is_known_to_be_there() {
    let (clock, cloud, device) = cloud_and_device();
    let fields = json!({"given_name": "Amal"});
    let patient = device.insert("patients", fields).unwrap();
    push_unheard(&device, &cloud);
    clock.advance(A_WHILE);
    assert_eq!(device.sync(&cloud).pushed, 0);
    clock.advance(A_WHILE);
    device.sync(&cloud);
    is_known_to_be_there(&device, &patient);
    // The same of an edit.
    device
        .update("patients", &patient, json!({"given_name": "Noor"}))
        .unwrap();
    push_unheard(&device, &cloud);
    clock.advance(A_WHILE);
    assert_eq!(device.sync(&cloud).pushed, 0);
    clock.advance(A_WHILE);
    device.sync(&cloud);
    is_known_to_be_there(&device, &patient);
}

#[test]
fn what_somebody_else_wrote_as_well_is_known_to_be_there() {
    let (clock, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    clock.advance(1_000);
    device
        .update("patients", &id(1), json!({"given_name": "Noor"}))
        .unwrap();
    cloud.put("patients", &id(1), patient("Noor", NOW + 500_000));
    for _ in 0..2 {
        clock.advance(A_WHILE);
        assert_eq!(device.sync(&cloud).pushed, 0);
    }
    is_known_to_be_there(&device, &id(1));
}

#[test]
fn what_was_edited_since_is_sent() {
    let (clock, cloud, device) = cloud_and_device();
    let fields = json!({"given_name": "Amal"});
    let patient = device.insert("patients", fields).unwrap();
    push_unheard(&device, &cloud);
    clock.advance(A_WHILE);
    device
        .update("patients", &patient, json!({"given_name": "Noor"}))
        .unwrap();
    assert_eq!(device.sync(&cloud).pushed, 1);
    let at_cloud = cloud.value("patients", &patient, "given_name");
    assert_eq!(at_cloud, Some(text("Noor")));
}

/// That a hub holds it says nothing of the cloud.
#[test]
fn what_a_hub_shows_waits_for_the_cloud() {
    let (clock, cloud, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync_hub(&hub);
    device.sync_with(&Hub::id(), &hub, true).unwrap();
    assert_eq!(device.pending(), 1);
    device.sync_with(&PeerId::cloud(), &cloud, false).unwrap();
    assert!(cloud.value("patients", &patient, "given_name").is_some());
}

#[test]
fn an_edit_of_what_a_pull_does_not_show_is_sent() {
    let (clock, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    let born = json!({"date_of_birth": "1980-02-03"});
    device.update("patients", &id(1), born).unwrap();
    // It comes again, and of that column the reply has nothing.
    clock.advance(60_000);
    let (index, table) = device.schema.require("patients").unwrap();
    let row = RemoteRow {
        id: id(1),
        cells: vec![
            (table.position("phone").unwrap(), text("1")),
            (table.updated_at().unwrap(), Value::Integer(NOW + 1)),
        ],
    };
    let peer = ScriptedPeer::new(&CallLog::default());
    peer.will_answer(ScriptedPull {
        changes: vec![RemoteChange::Upsert(index, row)],
        timestamp: NOW + 2,
        ..ScriptedPull::default()
    });
    let report = device.sync_with(&PeerId::cloud(), &peer, false).unwrap();
    assert_eq!(report.pushed, 1);
}

/// What the cloud makes something else of is told, whether the reply to the push was heard or not.
#[test]
fn what_did_not_arrive_as_it_was_sent_is_in_the_ledger() {
    for heard in [true, false] {
        let (clock, cloud, device) = cloud_and_device();
        let patient = device.insert("patients", json!({})).unwrap();
        let fields = json!({"patient_id": patient.as_str(), "attribute_id": "children",
                            "attribute": "Children", "number_value": 0});
        let children = device
            .insert("patient_additional_attributes", fields)
            .unwrap();
        if heard {
            device.sync(&cloud);
        } else {
            push_unheard(&device, &cloud);
        }
        for _ in 0..3 {
            clock.advance(A_WHILE);
            device.sync(&cloud);
        }
        let ledger = device.ledger();
        assert_eq!(ledger.len(), 1, "{heard} {ledger:?}");
        assert_eq!(ledger[0].column.as_deref(), Some("number_value"), "{heard}");
        let standing = device.standing("patient_additional_attributes", &children);
        assert_eq!(
            (standing.standing, standing.absent_since_ms),
            (Standing::InCloud, None),
            "{heard}"
        );
        assert_eq!(device.pending(), 0);
    }
}

/// A hub was quicker.
#[test]
fn what_a_hub_brought_to_the_cloud_and_did_not_arrive_as_it_was_is_in_the_ledger() {
    let (clock, cloud, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    let patient = device.insert("patients", json!({})).unwrap();
    let fields = json!({"patient_id": patient.as_str(), "attribute_id": "children",
                        "attribute": "Children", "number_value": 0});
    let table = "patient_additional_attributes";
    let children = device.insert(table, fields).unwrap();
    let name = json!({"attribute": "How many children"});
    device.update(table, &children, name).unwrap();
    device.sync_hub(&hub);
    hub.relay(&cloud);
    for _ in 0..3 {
        clock.advance(A_WHILE);
        device.sync(&cloud);
    }
    let columns = device.ledger().into_iter().map(|entry| entry.column);
    let columns: Vec<_> = columns.collect();
    assert_eq!(columns, [Some("number_value".to_owned())]);
    assert_eq!(device.standing(table, &children).absent_since_ms, None);
    assert_eq!(device.pending(), 0);
}

/// Only what was edited stands: of the rest the cloud's is taken, and what was put there is told.
#[test]
fn what_did_not_arrive_of_a_record_that_was_edited_since_is_in_the_ledger() {
    let (clock, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    let fields = json!({"patient_id": patient.as_str(), "attribute_id": "children",
                        "attribute": "Children", "number_value": 0});
    let table = "patient_additional_attributes";
    let children = device.insert(table, fields).unwrap();
    push_unheard(&device, &cloud);
    clock.advance(A_WHILE);
    let name = json!({"attribute": "How many children"});
    device.update(table, &children, name).unwrap();
    for _ in 0..3 {
        device.sync(&cloud);
        clock.advance(A_WHILE);
    }
    let columns = device.ledger().into_iter().map(|entry| entry.column);
    let columns: Vec<_> = columns.collect();
    assert_eq!(columns, [Some("number_value".to_owned())]);
    let at_cloud = cloud.value(table, &children, "attribute");
    assert_eq!(at_cloud, Some(text("How many children")));
}

/// The cloud tells of no update of an item.
#[test]
fn an_item_that_arrived_and_was_edited_before_that_was_known_is_not_missed() {
    let (clock, cloud, device) = cloud_and_device();
    let (item, _) = an_item(&device);
    push_unheard(&device, &cloud);
    clock.advance(A_WHILE);
    device
        .update("prescription_items", &item, json!({"notes": "n"}))
        .unwrap();
    for _ in 0..3 {
        assert_eq!(device.sync(&cloud).applied.not_kept, 0);
        clock.advance(A_WHILE);
    }
    let at_cloud = cloud.value("prescription_items", &item, "notes");
    assert_eq!((at_cloud, device.ledger()), (Some(text("n")), Vec::new()));
    device.sync_fully(&cloud);
    let standing = device.standing("prescription_items", &item);
    assert!(standing.confirmed && standing.absent_since_ms.is_none());
}
