//! An attribute that was deleted and is given again before the deletion is known everywhere.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::PeerId;
use crate::model::standing::Standing;
use crate::test_support::FakeClock;

const ATTRIBUTES: &str = "patient_additional_attributes";
const A_WHILE: u64 = 20 * 60 * 1000;

fn attribute(patient: &RecordId, value: &str) -> Json {
    json!({"patient_id": patient.as_str(), "attribute_id": "blood", "attribute": "Blood",
           "string_value": value})
}

/// An attribute that the cloud and the device have. The next pull brings it again, or not.
fn known_attribute(overlaps: bool) -> (Arc<FakeClock>, Cloud, Device, RecordId, RecordId) {
    let (clock, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    let known = device.insert(ATTRIBUTES, attribute(&patient, "A")).unwrap();
    device.sync(&cloud);
    clock.advance(if overlaps { 1_000 } else { A_WHILE });
    device.sync(&cloud);
    clock.advance(1_000);
    (clock, cloud, device, patient, known)
}

/// Everybody holds this one attribute, and it is known that they do.
fn all_hold(clock: &Arc<FakeClock>, cloud: &Cloud, device: &Device, value: &str) {
    for full in [false, false, true] {
        device.sync_with(&PeerId::cloud(), cloud, full).unwrap();
        let ids = device.ids(ATTRIBUTES);
        assert_eq!(ids.len(), 1);
        assert_eq!(device.field(ATTRIBUTES, &ids[0], "string_value"), value);
        let at_cloud = cloud.value(ATTRIBUTES, &ids[0], "string_value");
        assert_eq!((at_cloud, device.pending()), (Some(text(value)), 0));
        clock.advance(A_WHILE);
    }
    let standing = device.standing(ATTRIBUTES, &device.ids(ATTRIBUTES)[0]);
    assert_eq!(
        (
            standing.standing,
            standing.confirmed,
            standing.absent_since_ms
        ),
        (Standing::InCloud, true, None)
    );
    let other = Device::new(clock, 2);
    other.sync(cloud);
    let found = other.field(ATTRIBUTES, &device.ids(ATTRIBUTES)[0], "string_value");
    assert_eq!((found, other.count(ATTRIBUTES)), (json!(value), 1));
}

#[test]
fn an_attribute_that_is_given_again_while_its_deletion_waits_is_an_edit_of_it() {
    for value in ["A", "B"] {
        for overlaps in [true, false] {
            let (clock, cloud, device, patient, known) = known_attribute(overlaps);
            device.delete(ATTRIBUTES, &known).unwrap();
            clock.advance(A_WHILE);
            let again = device.insert(ATTRIBUTES, attribute(&patient, value));
            assert_eq!(again.unwrap(), known, "{value} {overlaps}");
            all_hold(&clock, &cloud, &device, value);
            assert_eq!(device.ledger(), [], "{value} {overlaps}");
        }
    }
}

#[test]
fn one_that_the_app_gives_an_id_takes_the_place_of_the_deleted_one() {
    for value in ["A", "B"] {
        for overlaps in [true, false] {
            let (clock, cloud, device, patient, known) = known_attribute(overlaps);
            device.delete(ATTRIBUTES, &known).unwrap();
            clock.advance(A_WHILE);
            let mut fields = attribute(&patient, value);
            fields["id"] = json!(id(9).as_str());
            assert_eq!(device.insert(ATTRIBUTES, fields).unwrap(), id(9));
            device.sync(&cloud);
            all_hold(&clock, &cloud, &device, value);
            assert_eq!(device.ids(ATTRIBUTES), [known], "as the cloud knows it");
            assert!(device.ledger().is_empty());
        }
    }
}

#[test]
fn what_the_deleted_one_held_does_not_come_back_with_it() {
    for chosen in [false, true] {
        for overlaps in [true, false] {
            let (clock, cloud, device, patient, known) = known_attribute(overlaps);
            device.delete(ATTRIBUTES, &known).unwrap();
            clock.advance(A_WHILE);
            let mut fields = attribute(&patient, "");
            fields["string_value"] = Json::Null;
            fields["number_value"] = json!(7);
            if chosen {
                fields["id"] = json!(id(9).as_str());
            }
            device.insert(ATTRIBUTES, fields).unwrap();
            device.sync(&cloud);
            device.sync(&cloud);
            let at_cloud = |column| cloud.value(ATTRIBUTES, &known, column);
            assert_eq!(
                at_cloud("string_value"),
                Some(Value::Null),
                "{chosen} {overlaps}"
            );
            assert_eq!(at_cloud("number_value"), Some(Value::Real(7.0)));
            let here = device.field(ATTRIBUTES, &known, "string_value");
            assert_eq!((here, device.pending()), (Json::Null, 0));
            assert!(device.ledger().is_empty());
        }
    }
}

#[test]
fn what_a_colleague_changed_in_the_deleted_one_is_in_the_ledger() {
    for value in ["A", "B"] {
        let (_, cloud, device, patient, known) = known_attribute(true);
        device.delete(ATTRIBUTES, &known).unwrap();
        device
            .insert(ATTRIBUTES, attribute(&patient, value))
            .unwrap();
        let theirs = json!({"string_value": "C", "updated_at": NOW + 900_000});
        cloud.put(ATTRIBUTES, &known, theirs);
        device.sync(&cloud);
        let entry = device.ledger().pop().unwrap();
        assert_eq!(entry.remote.as_deref(), Some("\"C\""));
        let at_cloud = cloud.value(ATTRIBUTES, &known, "string_value");
        assert_eq!(at_cloud, Some(text(value)));
    }
}

#[test]
fn the_edit_of_one_that_was_deleted_after_it_is_no_ground_for_a_loss() {
    let (clock, cloud, device, patient, known) = known_attribute(true);
    device
        .update(ATTRIBUTES, &known, json!({"string_value": "B"}))
        .unwrap();
    device.delete(ATTRIBUTES, &known).unwrap();
    device.insert(ATTRIBUTES, attribute(&patient, "B")).unwrap();
    all_hold(&clock, &cloud, &device, "B");
}

#[test]
fn one_that_no_peer_has_yet_is_a_new_one_again() {
    let (clock, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    let first = device.insert(ATTRIBUTES, attribute(&patient, "A")).unwrap();
    device.delete(ATTRIBUTES, &first).unwrap();
    let again = device.insert(ATTRIBUTES, attribute(&patient, "A")).unwrap();
    // A colleague's is older: both are in the ledger.
    cloud.put(ATTRIBUTES, &id(7), attribute(&patient, "C"));
    device.sync(&cloud);
    assert_eq!(device.get(ATTRIBUTES, &again), None);
    let mut theirs = device.ledger().into_iter().filter_map(|entry| entry.remote);
    assert!(theirs.any(|theirs| theirs == "\"C\""));
    all_hold(&clock, &cloud, &device, "A");
}

/// The cloud merged ours into a colleague's, whose deletion waits as well.
#[test]
fn of_several_deletions_by_one_key_none_is_left() {
    let (clock, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    let ours = device.insert(ATTRIBUTES, attribute(&patient, "A")).unwrap();
    cloud.put(ATTRIBUTES, &id(7), attribute(&patient, "C"));
    // A sync that does not show what became of it.
    {
        let mut state = cloud.state.lock().unwrap();
        state.omits.insert(device.table(ATTRIBUTES));
    }
    device.sync(&cloud);
    device.delete(ATTRIBUTES, &ours).unwrap();
    {
        let mut state = cloud.state.lock().unwrap();
        state.omits.clear();
        state.refuses_pushes = true;
    }
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    assert_eq!(device.pending(), 2);
    cloud.state.lock().unwrap().refuses_pushes = false;
    let again = device.insert(ATTRIBUTES, attribute(&patient, "B")).unwrap();
    assert_eq!((again, device.pending()), (id(7), 1));
    all_hold(&clock, &cloud, &device, "B");
}

/// What goes with its patient is the patient's matter.
#[test]
fn one_of_a_deleted_patient_is_a_new_one() {
    let (_, cloud, device, patient, known) = known_attribute(true);
    device.delete("patients", &patient).unwrap();
    let again = device.insert(ATTRIBUTES, attribute(&patient, "B")).unwrap();
    assert_ne!(again, known);
    device.sync(&cloud);
    assert!(cloud.visible().is_empty());
}

/// A hub that has taken a deletion says so for good: under its id the attribute would go again.
#[test]
fn one_whose_deletion_a_hub_has_taken_is_a_new_one_and_is_not_lost() {
    let (clock, cloud, device, patient, known) = known_attribute(true);
    let hub = Hub::new(&clock);
    hub.relay(&cloud);
    device.sync_hub(&hub);
    device.delete(ATTRIBUTES, &known).unwrap();
    device.sync_hub(&hub);
    let again = device.insert(ATTRIBUTES, attribute(&patient, "A")).unwrap();
    assert_ne!(again, known);
    // The cloud shows the deleted one once more, and then deletes it with what was merged into it.
    device.sync_fully(&cloud);
    device.sync(&cloud);
    device.sync_with(&Hub::id(), &hub, true).unwrap();
    device.sync_fully(&cloud);
    assert_eq!(device.field(ATTRIBUTES, &again, "string_value"), "A");
    assert_eq!((device.count(ATTRIBUTES), device.pending()), (1, 0));
    let standing = device.standing(ATTRIBUTES, &again);
    assert!(standing.absent_since_ms.is_some(), "{standing:?}");
}

/// The deletion was taken and its reply lost, or a colleague deleted the same.
#[test]
fn what_is_given_again_stays_though_the_deletion_was_carried_out() {
    let (clock, cloud, device, patient, known) = known_attribute(false);
    device.delete(ATTRIBUTES, &known).unwrap();
    cloud.delete(ATTRIBUTES, &known);
    clock.advance(1_000);
    let again = device.insert(ATTRIBUTES, attribute(&patient, "B")).unwrap();
    assert_eq!(again, known);
    for _ in 0..3 {
        device.sync(&cloud);
        let ids = device.ids(ATTRIBUTES);
        assert_eq!(ids.len(), 1);
        assert_ne!(ids[0], known);
        assert_eq!(device.field(ATTRIBUTES, &ids[0], "string_value"), "B");
    }
    assert_eq!(device.pending(), 0);
}

/// A hub that was sent the new one means that one, though it was edited here since.
#[test]
fn what_was_given_again_and_deleted_by_a_hub_that_has_it_is_gone() {
    let (clock, cloud, device, patient, known) = known_attribute(false);
    let (other, hub) = (Device::new(&clock, 2), Hub::new(&clock));
    hub.relay(&cloud);
    device.delete(ATTRIBUTES, &known).unwrap();
    let again = device.insert(ATTRIBUTES, attribute(&patient, "B")).unwrap();
    assert_eq!(again, known);
    device.sync_hub(&hub);
    other.sync_hub(&hub);
    let edited = json!({"string_value": "C"});
    device.update(ATTRIBUTES, &again, edited).unwrap();
    other.delete(ATTRIBUTES, &again).unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!(device.count(ATTRIBUTES), 0);
    let entry = &device.ledger()[0];
    assert_eq!(
        (entry.table.as_str(), &*entry.record_id),
        (ATTRIBUTES, again.as_str())
    );
}

#[test]
fn what_is_given_again_a_second_time_is_compared_with_what_the_cloud_has() {
    let (clock, cloud, device, patient, known) = known_attribute(true);
    let give = |column: &str, value: Json| {
        let mut fields = attribute(&patient, "");
        fields["string_value"] = Json::Null;
        fields[column] = value;
        assert_eq!(device.insert(ATTRIBUTES, fields).unwrap(), known);
    };
    device.delete(ATTRIBUTES, &known).unwrap();
    give("number_value", json!(5));
    device.delete(ATTRIBUTES, &known).unwrap();
    give("boolean_value", json!(true));
    for full in [false, true] {
        device.sync_with(&PeerId::cloud(), &cloud, full).unwrap();
        assert_eq!(device.field(ATTRIBUTES, &known, "string_value"), Json::Null);
        assert_eq!(device.field(ATTRIBUTES, &known, "number_value"), Json::Null);
        assert_eq!(
            device.field(ATTRIBUTES, &known, "boolean_value"),
            json!(true)
        );
        clock.advance(A_WHILE);
    }
    assert_eq!(
        cloud.value(ATTRIBUTES, &known, "string_value"),
        Some(Value::Null)
    );
    assert_eq!(device.ledger(), []);
}

/// The record that took the place of the deleted one goes before any peer has heard of it.
#[test]
fn what_was_given_again_by_another_id_and_deleted_before_it_was_sent_is_deleted_as_the_first() {
    for overlaps in [true, false] {
        let (clock, cloud, device, patient, known) = known_attribute(overlaps);
        device.delete(ATTRIBUTES, &known).unwrap();
        let mut fields = attribute(&patient, "B");
        fields["id"] = json!(id(9).as_str());
        device.insert(ATTRIBUTES, fields).unwrap();
        device.delete(ATTRIBUTES, &id(9)).unwrap();
        for full in [false, false, true] {
            device.sync_with(&PeerId::cloud(), &cloud, full).unwrap();
            clock.advance(A_WHILE);
        }
        let at_cloud = cloud.value(ATTRIBUTES, &known, "string_value");
        assert_eq!(at_cloud, None, "{overlaps}");
        assert_eq!((device.count(ATTRIBUTES), device.pending()), (0, 0));
    }
}

#[test]
fn what_was_given_again_goes_with_the_patient_whom_a_colleague_deleted() {
    for chosen in [false, true] {
        let (_, cloud, device, patient, known) = known_attribute(false);
        device.delete(ATTRIBUTES, &known).unwrap();
        let mut fields = attribute(&patient, "B");
        if chosen {
            fields["id"] = json!(id(9).as_str());
        }
        device.insert(ATTRIBUTES, fields).unwrap();
        cloud.delete("patients", &patient);
        assert_eq!(device.sync(&cloud).applied.lost_edits, 1, "{chosen}");
        assert_eq!((device.count(ATTRIBUTES), device.pending()), (0, 0));
        let entry = device.ledger().pop().unwrap();
        assert!(entry.local.unwrap().contains("\"B\""), "{chosen}");
    }
}

/// What a hub tells of the old one is no sign that it was sent the new one.
#[test]
fn what_was_given_again_outlives_the_old_one_at_a_hub_that_told_of_it_and_was_not_sent_the_new_one()
{
    let (clock, cloud, device, patient, known) = known_attribute(false);
    let (other, hub) = (Device::new(&clock, 2), Hub::new(&clock));
    hub.relay(&cloud);
    device.sync_hub(&hub);
    other.sync_hub(&hub);
    device.delete(ATTRIBUTES, &known).unwrap();
    let again = device.insert(ATTRIBUTES, attribute(&patient, "B")).unwrap();
    assert_eq!(again, known);
    let edited = json!({"string_value": "A2"});
    other.update(ATTRIBUTES, &known, edited).unwrap();
    other.sync_hub(&hub);
    hub.state.lock().unwrap().refused_in_clear = vec![known.to_string()];
    let refused = device.sync_with(&Hub::id(), &hub, false);
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Server);
    assert_eq!(
        hub.value(ATTRIBUTES, &known, "string_value"),
        Some(text("A2"))
    );
    other.delete(ATTRIBUTES, &known).unwrap();
    hub.state.lock().unwrap().refused_in_clear.clear();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    let ids = device.ids(ATTRIBUTES);
    assert_eq!(ids.len(), 1);
    assert_eq!(device.field(ATTRIBUTES, &ids[0], "string_value"), "B");
    assert_ne!(ids[0], known);
}
