//! An attribute that takes over the cloud's id, where a hub knows it by the other.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::PeerId;
use crate::model::standing::Standing;

const ATTRIBUTES: &str = "patient_additional_attributes";

fn attribute(patient: &RecordId, value: &str) -> Json {
    json!({"patient_id": patient.as_str(), "attribute_id": "tribe", "attribute": "Tribe",
           "string_value": value})
}

/// A patient whom all know.
fn known_patient(cloud: &Cloud, hub: &Hub, device: &Device) -> RecordId {
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync(cloud);
    device.sync_hub(hub);
    patient
}

#[test]
fn an_older_version_of_the_cloud_does_not_replace_a_hubs_by_its_id() {
    let (clock, cloud, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    let patient = known_patient(&cloud, &hub, &device);
    let other = Device::new(&clock, 2);
    other.sync_hub(&hub);
    clock.advance(1_000);
    let of_hub = other.insert(ATTRIBUTES, attribute(&patient, "b")).unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);

    let mut theirs = attribute(&patient, "a");
    theirs["updated_at"] = json!(NOW + 1);
    cloud.put(ATTRIBUTES, &id(7), theirs.clone());
    assert_eq!(device.sync(&cloud).applied.adopted, 1);
    assert!(device.get(ATTRIBUTES, &of_hub).is_none());
    assert_eq!(device.field(ATTRIBUTES, &id(7), "string_value"), "b");
    // A later one does, whoever said what before.
    theirs["string_value"] = json!("c");
    theirs["updated_at"] = json!(NOW + 900_000);
    cloud.put(ATTRIBUTES, &id(7), theirs);
    device.sync(&cloud);
    assert_eq!(device.field(ATTRIBUTES, &id(7), "string_value"), "c");
    assert_eq!((device.count(ATTRIBUTES), device.pending()), (1, 0));
}

#[test]
fn an_edit_that_a_hub_has_by_the_other_id_is_sent_to_it_by_the_new_one() {
    let (clock, cloud, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    let patient = known_patient(&cloud, &hub, &device);
    let ours = device.insert(ATTRIBUTES, attribute(&patient, "b")).unwrap();
    device.sync_hub(&hub);
    let standing = |id: &RecordId| device.standing(ATTRIBUTES, id).standing;
    assert_eq!(standing(&ours), Standing::OnHub);

    let mut theirs = attribute(&patient, "a");
    theirs["updated_at"] = json!(NOW + 1);
    cloud.put(ATTRIBUTES, &id(7), theirs);
    cloud.state.lock().unwrap().refuses_pushes = true;
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    assert_eq!(device.field(ATTRIBUTES, &id(7), "string_value"), "b");
    assert_eq!(standing(&id(7)), Standing::HereOnly, "not by that id");
    device.sync_hub(&hub);
    assert_eq!(standing(&id(7)), Standing::OnHub);
    let on_hub = hub.value(ATTRIBUTES, &id(7), "string_value");
    assert_eq!(on_hub, Some(text("b")));
    cloud.state.lock().unwrap().refuses_pushes = false;
    device.sync(&cloud);
    let in_cloud = cloud.value(ATTRIBUTES, &id(7), "string_value");
    assert_eq!((in_cloud, device.pending()), (Some(text("b")), 0));
}
