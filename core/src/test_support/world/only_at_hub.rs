//! What only a hub has, and the cloud does not know yet.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::PeerKind;

/// Two devices, a hub and a cloud, and a patient whom all know.
fn with_two() -> (Cloud, Hub, Device, Device) {
    let (clock, cloud, device) = cloud_and_device();
    let (other, hub) = (Device::new(&clock, 2), Hub::new(&clock));
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    other.sync(&cloud);
    hub.relay(&cloud);
    device.sync_hub(&hub);
    other.sync_hub(&hub);
    (cloud, hub, device, other)
}

fn a_visit(device: &Device) -> RecordId {
    let visit = json!({"patient_id": id(1).as_str()});
    device.insert("visits", visit).unwrap()
}

fn an_event(device: &Device, visit: &RecordId) -> RecordId {
    let event = json!({"patient_id": id(1).as_str(), "visit_id": visit.as_str()});
    device.insert("events", event).unwrap()
}

/// The cloud would invent the visit, and drop the real one as older once it comes.
#[test]
fn an_event_of_a_visit_that_only_the_hub_has_waits_until_the_cloud_has_that() {
    let (cloud, hub, device, other) = with_two();
    let visit = a_visit(&other);
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    let event = an_event(&device, &visit);
    let report = device.sync(&cloud);
    assert_eq!(cloud.state.lock().unwrap().invented, 0);
    assert_eq!((report.pushed, report.waiting), (0, 1));
    hub.relay(&cloud);
    assert_eq!(device.sync(&cloud).pushed, 1);
    assert_eq!(cloud.state.lock().unwrap().invented, 0);
    let of = cloud.value("events", &event, "visit_id");
    assert_eq!(of, Some(text(visit.as_str())));
    assert_eq!(device.pending(), 0);
}

/// What is edited here goes itself, and before what refers to it.
#[test]
fn a_visit_that_only_the_hub_has_and_that_is_edited_here_goes_with_its_event() {
    let (cloud, hub, device, other) = with_two();
    let visit = a_visit(&other);
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    an_event(&device, &visit);
    let clinic = json!({"clinic_id": id(91).as_str()});
    device.update("visits", &visit, clinic).unwrap();
    assert_eq!(device.sync(&cloud).pushed, 2);
    assert_eq!(cloud.state.lock().unwrap().invented, 0);
}

/// A hub that has a later version of what the cloud knows as well.
#[test]
fn an_event_of_a_visit_that_the_cloud_has_in_an_older_version_is_sent() {
    let (cloud, hub, device, other) = with_two();
    let visit = a_visit(&other);
    other.sync(&cloud);
    device.sync(&cloud);
    hub.relay(&cloud);
    other.sync_hub(&hub);
    let clinic = json!({"clinic_id": id(91).as_str()});
    other.update("visits", &visit, clinic).unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    let here = device.field("visits", &visit, "clinic_id");
    assert_eq!(here, json!(id(91).as_str()));
    an_event(&device, &visit);
    let report = device.sync(&cloud);
    assert_eq!((report.pushed, report.waiting), (1, 0));
}

/// Who made it and the hub may both be lost, and the cloud may have it, too old to be said: it is sent.
#[test]
fn an_event_of_a_visit_that_only_a_hub_has_told_waits_for_three_days() {
    let (cloud, hub, device, other) = with_two();
    let visit = a_visit(&other);
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    let event = an_event(&device, &visit);
    let day = 24 * 60 * 60 * 1000;
    for _ in 0..2 {
        device.clock.advance(day);
        assert_eq!(device.sync(&cloud).waiting, 1);
    }
    device.clock.advance(day + 1);
    let report = device.sync(&cloud);
    assert_eq!((report.pushed, report.waiting), (1, 0));
    let of = cloud.value("events", &event, "visit_id");
    assert_eq!(of, Some(text(visit.as_str())));
}

/// A tablet that was set up without the internet: the cloud's first word is that it knows none of that.
#[test]
fn an_event_of_a_visit_that_a_hub_told_before_the_cloud_was_asked_waits_too() {
    let (clock, cloud, device) = cloud_and_device();
    let (other, hub) = (Device::new(&clock, 2), Hub::new(&clock));
    cloud.put("patients", &id(1), patient("Amal", NOW));
    hub.relay(&cloud);
    other.sync_hub(&hub);
    let visit = a_visit(&other);
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    an_event(&device, &visit);
    let report = device.sync(&cloud);
    assert_eq!((report.pushed, report.waiting), (0, 1));
    hub.relay(&cloud);
    assert_eq!(device.sync(&cloud).pushed, 1);
    assert_eq!(cloud.state.lock().unwrap().invented, 0);
    assert_eq!(device.pending(), 0);
}

/// Where the hub has the last word, what it took leaves the outbox, and is the hub's to bring to the cloud.
#[test]
fn an_event_of_a_visit_that_the_hub_took_with_the_last_word_waits_for_the_cloud() {
    for pulled_since in [false, true] {
        let (cloud, hub, device, _) = with_two();
        device.policy.lock().unwrap().last_word = PeerKind::Hub;
        let visit = a_visit(&device);
        device.sync_hub(&hub);
        if pulled_since {
            device.sync_hub(&hub);
        }
        an_event(&device, &visit);
        device.sync(&cloud);
        assert_eq!(cloud.state.lock().unwrap().invented, 0, "{pulled_since}");
    }
}

/// Nor does what the cloud took before keep anything waiting.
#[test]
fn an_event_of_a_visit_that_the_cloud_took_before_the_hub_with_the_last_word_is_sent() {
    let (cloud, hub, device, _) = with_two();
    device.policy.lock().unwrap().last_word = PeerKind::Hub;
    let visit = a_visit(&device);
    for _ in 0..2 {
        device.sync(&cloud);
        device.clock.advance(20 * 60 * 1000);
    }
    for _ in 0..2 {
        device.sync_hub(&hub);
        device.clock.advance(20 * 60 * 1000);
    }
    an_event(&device, &visit);
    let report = device.sync(&cloud);
    assert_eq!((report.pushed, report.waiting), (1, 0));
}

/// What the cloud would refuse of it is not sent, and does not go before what refers to it.
#[test]
fn an_event_of_a_visit_that_only_the_hub_has_and_that_is_put_aside_waits() {
    let (cloud, hub, device, other) = with_two();
    let visit = a_visit(&other);
    other.sync_hub(&hub);
    hub.overwrite("visits", &visit, json!({"metadata": r#"{"a":"\ud83d"}"#}));
    device.sync_hub(&hub);
    let clinic = json!({"clinic_id": id(91).as_str()});
    device.update("visits", &visit, clinic).unwrap();
    an_event(&device, &visit);
    for _ in 0..2 {
        let report = device.sync(&cloud);
        assert_eq!((report.pushed, report.waiting), (0, 1));
        assert_eq!(cloud.state.lock().unwrap().invented, 0);
    }
}

/// An item of a prescription that waits for a visit is not offered to a cloud that has neither.
#[test]
fn an_item_of_a_prescription_that_waits_for_a_visit_waits_too() {
    let (cloud, hub, device, other) = with_two();
    let patient = id(1);
    let visit = a_visit(&other);
    let prescription = json!({"patient_id": patient.as_str(), "visit_id": visit.as_str(),
        "provider_id": id(90).as_str(), "pickup_clinic_id": id(91).as_str(),
        "prescribed_at": NOW, "status": "pending"});
    let prescription = other.insert("prescriptions", prescription).unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    let edited = json!({"notes": "n"});
    device
        .update("prescriptions", &prescription, edited)
        .unwrap();
    let item = json!({"prescription_id": prescription.as_str(), "patient_id": patient.as_str(),
        "drug_id": id(92).as_str(), "clinic_id": id(91).as_str(), "quantity_prescribed": 1});
    device.insert("prescription_items", item).unwrap();
    let report = device.sync(&cloud);
    assert_eq!((report.waiting, report.quarantined), (2, 0));
}

/// JSON that holds half of an emoji, which the hub has from somebody's cut text.
#[test]
fn an_edit_beside_json_that_the_cloud_would_refuse_goes_to_the_hub_that_has_it() {
    let (clock, _, device) = cloud_and_device();
    let (other, hub) = (Device::new(&clock, 2), Hub::new(&clock));
    let patient = other.insert("patients", json!({})).unwrap();
    other.sync_hub(&hub);
    let cut = json!({"metadata": r#"{"a":"\ud83d"}"#});
    hub.overwrite("patients", &patient, cut);
    device.sync_hub(&hub);
    let phone = json!({"phone": "1"});
    device.update("patients", &patient, phone).unwrap();
    let report = device.sync_hub(&hub);
    assert_eq!((report.pushed, report.quarantined), (1, 0));
    assert_eq!(hub.value("patients", &patient, "phone"), Some(text("1")));
}
