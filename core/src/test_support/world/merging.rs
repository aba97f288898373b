//! Merging with a real store: policies, the server's ids, undo, and the behaviours that servers and
//! apps rely on, each named by its number in `docs/sync-behaviours.md`.

use std::sync::Arc;

use super::device::cloud_and_device;
use super::*;
use crate::model::change_set::{PieceLimit, PushClass};
use crate::model::ids::PeerId;
use crate::model::ledger::{ConflictKind, Kept};
use crate::model::peer::{Person, Proof};
use crate::model::standing::Standing;
use crate::model::terms::{ConflictPolicy, ConflictRule, PeerTerms, RuleQuestion};
use crate::ports::SyncStore;
use crate::storage::StoredSession;

/// Both sides have changed the name of the same patient; ours is the later edit.
fn a_conflict(policy: ConflictPolicy) -> (Cloud, Device) {
    let (clock, cloud, device) = cloud_and_device();
    let table = ("patients".to_owned(), policy);
    device.policy.lock().unwrap().tables.extend([table]);
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    cloud.put(
        "patients",
        &id(1),
        json!({"given_name": "Theirs", "updated_at": NOW + 5}),
    );
    clock.advance(1_000);
    device
        .update(
            "patients",
            &id(1),
            json!({"given_name": "Ours", "phone": "1"}),
        )
        .unwrap();
    (cloud, device)
}

#[test]
fn by_default_ours_stays_and_both_values_are_in_the_ledger_with_times_and_person() {
    let (cloud, device) = a_conflict(ConflictPolicy::Local);
    let session = StoredSession {
        address: None,
        proof: Proof::Nothing,
        person: Person {
            id: "nurse-7".to_owned(),
            name: "Noor".to_owned(),
            role: "provider".to_owned(),
            clinic_id: None,
        },
    };
    let signed_in = device.database.save_session(&PeerId::cloud(), session);
    signed_in.wait().unwrap();
    let report = device.sync(&cloud);
    assert_eq!(report.applied.conflicts, 1);
    assert_eq!(
        cloud.value("patients", &id(1), "given_name"),
        Some(text("Ours"))
    );
    let entry = &device.ledger()[0];
    assert_eq!(
        (entry.kind, entry.kept),
        (ConflictKind::BothChanged, Kept::Local)
    );
    let values = [&entry.base, &entry.local, &entry.remote].map(|v| v.as_deref().unwrap());
    assert_eq!(values, ["\"Amal\"", "\"Ours\"", "\"Theirs\""]);
    assert_eq!(entry.remote_at_ms, Some(NOW + 5));
    assert!(entry.local_at_ms.unwrap() > NOW + 5);
    assert_eq!(entry.peer.as_deref(), Some("cloud"));
    assert_eq!(entry.actor.as_deref(), Some("nurse-7"));
}

#[test]
fn undoing_a_conflict_writes_the_other_value_as_an_edit() {
    let (cloud, device) = a_conflict(ConflictPolicy::Local);
    device.sync(&cloud);
    let entry = device.ledger()[0].id;
    let undo = || device.database.undo_conflict(entry).wait();
    assert_eq!(undo().unwrap(), id(1));
    assert_eq!(device.field("patients", &id(1), "given_name"), "Theirs");
    device.sync(&cloud);
    assert_eq!(
        cloud.value("patients", &id(1), "given_name"),
        Some(text("Theirs"))
    );
    assert_eq!(undo().unwrap_err().code(), ErrorCode::InvalidInput);
    assert!(device.ledger()[0].undone_at_ms.is_some());
    assert_eq!(device.status().conflicts, 0);
}

#[test]
fn the_remote_policy_takes_theirs_and_pushes_what_is_left() {
    let (cloud, device) = a_conflict(ConflictPolicy::Remote);
    device.sync(&cloud);
    for (column, value) in [("given_name", "Theirs"), ("phone", "1")] {
        assert_eq!(device.field("patients", &id(1), column), value);
        assert_eq!(cloud.value("patients", &id(1), column), Some(text(value)));
    }
    let entry = &device.ledger()[0];
    assert_eq!(entry.kept, Kept::Remote);
    device.database.undo_conflict(entry.id).wait().unwrap();
    assert_eq!(device.field("patients", &id(1), "given_name"), "Ours");
}

#[test]
fn the_latest_policy_goes_by_time() {
    let (cloud, device) = a_conflict(ConflictPolicy::Latest);
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id(1), "given_name"), "Ours");
    let (cloud, device) = a_conflict(ConflictPolicy::Latest);
    cloud.put("patients", &id(1), json!({"updated_at": NOW + 900_000}));
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id(1), "given_name"), "Theirs");
}

/// Joins both names.
pub(super) struct Both;

impl ConflictRule for Both {
    fn resolve(&self, question: &RuleQuestion<'_>) -> Vec<Value> {
        let at = question.table.position("given_name").unwrap();
        let mut answer = question.merged.to_vec();
        let theirs = question
            .remote
            .iter()
            .find(|(p, _)| *p == at)
            .map(|(_, v)| v);
        if let (Some(ours), Some(theirs)) = (
            question.local[at].as_text(),
            theirs.and_then(Value::as_text),
        ) && ours != theirs
        {
            answer[at] = text(&format!("{ours}+{theirs}"));
        }
        answer
    }
}

#[test]
fn w087_w088_a_rule_of_the_app_is_asked_for_each_write_of_a_stored_record_and_its_answer_is_stored()
{
    let (cloud, device) = a_conflict(ConflictPolicy::Rule(Arc::new(Both)));
    device.sync(&cloud);
    assert_eq!(
        device.field("patients", &id(1), "given_name"),
        "Ours+Theirs"
    );
    assert_eq!(
        cloud.value("patients", &id(1), "given_name"),
        Some(text("Ours+Theirs"))
    );
    assert_eq!(device.ledger()[0].kept, Kept::Rule);
    // Also where nothing was changed here.
    cloud.put(
        "patients",
        &id(1),
        json!({"given_name": "X", "updated_at": NOW + 900_000}),
    );
    device.sync(&cloud);
    assert_eq!(
        device.field("patients", &id(1), "given_name"),
        "Ours+Theirs+X"
    );
    assert_eq!(device.pending(), 0);
}

fn attribute(patient: &RecordId, value: &str) -> Json {
    json!({"patient_id": patient.as_str(), "attribute_id": "tribe", "attribute": "Tribe",
           "string_value": value})
}

const ATTRIBUTES: &str = "patient_additional_attributes";

#[test]
fn l18_two_devices_with_one_attribute_end_with_the_servers_id_and_both_values_in_a_ledger() {
    let (clock, cloud, first) = cloud_and_device();
    let second = Device::new(&clock, 2);
    let patient = first.insert("patients", json!({})).unwrap();
    first.sync(&cloud);
    second.sync(&cloud);
    let kept = first.insert(ATTRIBUTES, attribute(&patient, "a")).unwrap();
    clock.advance(10);
    let other = second.insert(ATTRIBUTES, attribute(&patient, "b")).unwrap();
    first.sync(&cloud);
    let report = second.sync(&cloud);
    assert_eq!(report.applied.adopted, 1);
    assert!(second.get(ATTRIBUTES, &other).is_none());
    assert_eq!(second.field(ATTRIBUTES, &kept, "string_value"), "b");
    assert_eq!(second.ledger()[0].remote.as_deref(), Some("\"a\""));
    first.sync(&cloud);
    assert_eq!(first.field(ATTRIBUTES, &kept, "string_value"), "b");
    assert_eq!((first.count(ATTRIBUTES), second.count(ATTRIBUTES)), (1, 1));
    assert_eq!((first.pending(), second.pending()), (0, 0));
}

/// Pushes what waits of one class, and pulls nothing.
fn push_unseen(device: &Device, cloud: &Cloud, class: PushClass) {
    let terms = PeerTerms::cloud();
    let limit = PieceLimit {
        rows: 10,
        bytes: 10_000,
        begun: crate::model::change_set::Revision(i64::MAX),
    };
    let page = device
        .database
        .collect(&terms, class, &Default::default(), limit);
    let rows = page.wait().unwrap().rows;
    assert!(!rows.is_empty());
    rows.iter().for_each(|row| cloud.take(row).unwrap());
    let taken = rows.iter().map(Into::into).collect();
    device.database.acknowledge(&terms, taken).unwrap();
}

/// Both devices have made the same attribute, the cloud has merged the second's into the first's, and
/// neither has heard of that.
fn merged_unseen() -> ([Device; 2], Cloud, RecordId, RecordId) {
    let (clock, cloud, first) = cloud_and_device();
    let second = Device::new(&clock, 2);
    let patient = first.insert("patients", json!({})).unwrap();
    first.sync(&cloud);
    second.sync(&cloud);
    let kept = first.insert(ATTRIBUTES, attribute(&patient, "a")).unwrap();
    clock.advance(10);
    let other = second.insert(ATTRIBUTES, attribute(&patient, "b")).unwrap();
    first.sync(&cloud);
    push_unseen(&second, &cloud, PushClass::Upserts { stage: 0 });
    let at_cloud = cloud.value(ATTRIBUTES, &kept, "string_value");
    assert_eq!(at_cloud, Some(text("b")));
    ([first, second], cloud, kept, other)
}

#[test]
fn an_attribute_that_the_server_merged_into_another_takes_over_its_id() {
    let ([first, second], cloud, kept, other) = merged_unseen();
    assert_eq!(second.sync(&cloud).applied.adopted, 1);
    assert!(second.get(ATTRIBUTES, &other).is_none());
    assert_eq!(second.field(ATTRIBUTES, &kept, "string_value"), "b");
    first.sync(&cloud);
    assert_eq!(first.field(ATTRIBUTES, &kept, "string_value"), "b");
}

#[test]
fn a_deletion_reaches_the_record_that_the_cloud_merged_the_deleted_one_into() {
    let ([_, device], cloud, kept, other) = merged_unseen();
    device.delete(ATTRIBUTES, &other).unwrap();
    device.sync(&cloud);
    assert_eq!(device.count(ATTRIBUTES), 0);
    assert_eq!(cloud.value(ATTRIBUTES, &kept, "string_value"), None);
    // It can be taken back: nobody can tell what of it was somebody else's.
    let entry = device.ledger().pop().unwrap();
    assert_eq!(
        (entry.kind, entry.record_id.as_str()),
        (ConflictKind::ChangedByPeer, kept.as_str())
    );
    device.sync(&cloud);
    assert_eq!((device.count(ATTRIBUTES), device.pending()), (0, 0));
}

#[test]
fn what_somebody_changed_in_it_meanwhile_is_in_the_ledger() {
    let ([_, device], cloud, kept, other) = merged_unseen();
    device.delete(ATTRIBUTES, &other).unwrap();
    cloud.put(ATTRIBUTES, &kept, json!({"string_value": "c"}));
    device.sync(&cloud);
    assert_eq!(device.count(ATTRIBUTES), 0);
    let entry = device.ledger().pop().unwrap();
    assert_eq!(entry.record_id, kept.as_str());
    assert!(entry.remote.as_deref().unwrap().contains("\"c\""));
}

/// Whatever it holds: in a column of few values the same one is nothing special.
#[test]
fn the_deletion_of_one_that_was_never_sent_leaves_anothers_alone() {
    for (ours, theirs) in [("b", "a"), ("a", "a"), ("", "a")] {
        let (_, cloud, device) = cloud_and_device();
        let patient = device.insert("patients", json!({})).unwrap();
        device.sync(&cloud);
        let made = device.insert(ATTRIBUTES, attribute(&patient, ours));
        device.delete(ATTRIBUTES, &made.unwrap()).unwrap();
        cloud.put(ATTRIBUTES, &id(7), attribute(&patient, theirs));
        device.sync(&cloud);
        device.sync(&cloud);
        assert_eq!(device.field(ATTRIBUTES, &id(7), "string_value"), theirs);
        let at_cloud = cloud.value(ATTRIBUTES, &id(7), "string_value");
        assert_eq!((at_cloud, device.pending()), (Some(text(theirs)), 0));
    }
}

/// An empty value says nothing of what somebody else has put there.
#[test]
fn what_somebody_put_into_an_empty_one_meanwhile_is_in_the_ledger() {
    let ([_, device], cloud, kept, other) = merged_unseen();
    cloud.put(ATTRIBUTES, &kept, json!({"number_value": 7}));
    device.delete(ATTRIBUTES, &other).unwrap();
    device.sync(&cloud);
    let entry = device.ledger().pop().unwrap();
    assert!(
        entry
            .remote
            .as_deref()
            .unwrap()
            .contains("\"number_value\":7")
    );
    // The cloud has deleted it by now, and shows nobody an attribute that is given again: here it is.
    let again = device.database.undo_conflict(entry.id).wait().unwrap();
    assert_eq!(device.field(ATTRIBUTES, &again, "number_value"), 7.0);
}

#[test]
fn with_its_patient_the_merged_one_goes_and_comes_back() {
    let ([_, device], cloud, kept, other) = merged_unseen();
    let patient = device.field(ATTRIBUTES, &other, "patient_id");
    let patient = RecordId::parse_uuid(patient.as_str().unwrap()).unwrap();
    device.delete("patients", &patient).unwrap();
    cloud.put(
        "patients",
        &patient,
        json!({"phone": "7", "updated_at": NOW + 900_000}),
    );
    cloud.state.lock().unwrap().refuses_pushes = true;
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    let entries = device.ledger();
    let of_patient = entries.iter().find(|entry| entry.table == "patients");
    let undo = device.database.undo_conflict(of_patient.unwrap().id);
    undo.wait().unwrap();
    cloud.state.lock().unwrap().refuses_pushes = false;
    device.sync_with(&PeerId::cloud(), &cloud, true).unwrap();
    assert_eq!(device.field(ATTRIBUTES, &kept, "string_value"), "b");
    let at_cloud = cloud.value(ATTRIBUTES, &kept, "string_value");
    assert_eq!(at_cloud, Some(text("b")));
}

/// The server dropped the one from here, and then met the same attribute under another id.
#[test]
fn what_was_noted_of_an_attribute_follows_it_to_the_servers_id() {
    let (_, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    let ours = device.insert(ATTRIBUTES, attribute(&patient, "a")).unwrap();
    device.sync(&cloud);
    let key = (device.table(ATTRIBUTES), ours.to_string());
    cloud.state.lock().unwrap().rows.remove(&key);
    assert_eq!(device.sync(&cloud).applied.not_kept, 1);
    assert_eq!(device.status().absent, 1);

    let mut theirs = attribute(&patient, "b");
    theirs["updated_at"] = json!(NOW + 1_000);
    cloud.put(ATTRIBUTES, &id(7), theirs);
    assert_eq!(device.sync(&cloud).applied.adopted, 1);
    assert_eq!(device.field(ATTRIBUTES, &id(7), "string_value"), "b");
    assert_eq!(device.status().absent, 0, "the server shows it");
    let standing = device.standing(ATTRIBUTES, &id(7));
    assert_eq!(
        (standing.standing, standing.absent_since_ms),
        (Standing::InCloud, None)
    );

    // The ledger's entry is of the same attribute, and so is its undo.
    let entry = device.ledger().pop().unwrap();
    assert_eq!(entry.record_id, id(7).as_str());
    device.database.undo_conflict(entry.id).wait().unwrap();
    device.sync(&cloud);
    assert_eq!(device.count(ATTRIBUTES), 1);
    assert_eq!(
        cloud.value(ATTRIBUTES, &id(7), "string_value"),
        Some(text("a"))
    );
}

#[test]
fn a_second_attribute_of_one_kind_is_refused_at_the_insert() {
    let (_, _, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    device.insert(ATTRIBUTES, attribute(&patient, "a")).unwrap();
    let error = device
        .insert(ATTRIBUTES, attribute(&patient, "b"))
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
}

#[test]
fn edits_that_a_deletion_took_come_back_as_a_new_record() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    cloud.delete("patients", &id(1));
    assert_eq!(device.sync(&cloud).applied.lost_edits, 1);
    assert!(device.get("patients", &id(1)).is_none());
    let entry = device.ledger()[0].id;
    let new = device.database.undo_conflict(entry).wait().unwrap();
    assert_ne!(new, id(1));
    assert_eq!(device.field("patients", &new, "phone"), "1");
    device.sync(&cloud);
    assert_eq!(
        cloud.value("patients", &new, "given_name"),
        Some(text("Amal"))
    );
}

#[test]
fn a_deletion_that_waits_can_be_taken_back_where_the_peer_has_a_newer_version() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    device.delete("patients", &id(1)).unwrap();
    cloud.put(
        "patients",
        &id(1),
        json!({"given_name": "Newer", "updated_at": NOW + 5}),
    );
    cloud.state.lock().unwrap().refuses_pushes = true;
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    let entry = device.ledger()[0].clone();
    assert_eq!(entry.kind, ConflictKind::ChangedByPeer);
    assert_eq!(
        device.database.undo_conflict(entry.id).wait().unwrap(),
        id(1)
    );
    cloud.state.lock().unwrap().refuses_pushes = false;
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id(1), "given_name"), "Newer");
    assert_eq!(
        cloud.value("patients", &id(1), "given_name"),
        Some(text("Newer"))
    );
}

#[test]
fn a_record_of_a_parent_that_was_deleted_here_does_not_come_to_life() {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    device.delete("patients", &id(1)).unwrap();
    let visit = json!({"patient_id": id(1).as_str(), "metadata": "{}", "is_deleted": 0,
                       "provider_name": "Dr New", "updated_at": NOW + 3, "created_at": NOW});
    cloud.put("visits", &id(2), visit);
    device.sync(&cloud);
    assert!(device.get("visits", &id(2)).is_none());
    assert!(cloud.visible().is_empty(), "the server's cascade");
    let entry = &device.ledger()[0];
    assert_eq!(
        (entry.kind, entry.table.as_str()),
        (ConflictKind::ChangedByPeer, "visits")
    );
    assert!(entry.remote.as_deref().unwrap().contains("Dr New"));
}

#[test]
fn l16_a_deletion_from_the_cloud_takes_the_children_that_it_does_not_announce() {
    let (_, cloud, device) = cloud_and_device();
    let (item, prescription) = super::verifying::an_item(&device);
    device.sync(&cloud);
    let patient = device.field("prescriptions", &prescription, "patient_id");
    let patient = RecordId::parse_uuid(patient.as_str().unwrap()).unwrap();
    cloud.delete("patients", &patient);
    let report = device.sync(&cloud);
    assert_eq!((report.applied.deleted, report.applied.cascaded), (1, 3));
    assert!(device.get("prescription_items", &item).is_none());
}

/// A known limit of a merge by column and base: what was changed and set back, while another waits that
/// was made from the same value, is no change; it is not in a ledger.
#[test]
fn what_was_set_back_to_what_the_other_side_knows_is_no_change() {
    let (clock, cloud, device) = cloud_and_device();
    let other = Device::new(&clock, 2);
    let talk = |device: &Device| {
        clock.advance(60_000);
        device.sync(&cloud);
    };
    let id = device.insert("patients", json!({})).unwrap();
    talk(&device);
    talk(&other);
    let set = |device: &Device, phone: Json| {
        let fields = json!({"phone": phone});
        device.update("patients", &id, fields).unwrap();
    };
    set(&device, json!("ours"));
    set(&other, json!("theirs"));
    talk(&other);
    set(&other, json!(null));
    talk(&other);
    // Not before it is confirmed: until then whatever else comes is told.
    talk(&other);
    talk(&device);
    talk(&other);
    for device in [&device, &other] {
        assert_eq!(device.field("patients", &id, "phone"), json!("ours"));
        assert!(device.ledger().is_empty());
    }
}
