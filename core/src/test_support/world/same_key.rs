//! Two make the same attribute, each without knowing of the other's. By way of a hub the one goes over
//! the other, also after that was confirmed or edited: who made that is told.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::PeerKind;

const ATTRIBUTES: &str = "patient_additional_attributes";

fn made(patient: &RecordId, value: &str) -> Json {
    json!({"patient_id": patient.as_str(), "attribute_id": "blood", "attribute": "Blood",
           "string_value": value})
}

struct Two {
    cloud: Cloud,
    hub: Hub,
    device: Device,
    other: Device,
    patient: RecordId,
}

impl Two {
    /// Both devices and both servers know a patient.
    fn new(word: PeerKind) -> Self {
        let (clock, cloud, device) = cloud_and_device();
        let (hub, other, patient) = (Hub::new(&clock), Device::new(&clock, 2), id(1));
        cloud.put("patients", &patient, super::patient("Amal", NOW));
        hub.relay(&cloud);
        for device in [&device, &other] {
            device.policy.lock().unwrap().last_word = word;
            device.sync(&cloud);
            device.sync_hub(&hub);
        }
        Self {
            cloud,
            hub,
            device,
            other,
            patient,
        }
    }

    fn talk(&self, device: &Device, kind: PeerKind) {
        device.clock.advance(60_000);
        match kind {
            PeerKind::Cloud => device.sync(&self.cloud),
            PeerKind::Hub => device.sync_hub(&self.hub),
        };
    }

    /// The colleague's attribute goes to the cloud by the hub.
    fn theirs_goes_over_it(&self) {
        self.device.clock.advance(60_000);
        self.other
            .insert(ATTRIBUTES, made(&self.patient, "B"))
            .unwrap();
        self.other.sync_hub(&self.hub);
        self.hub.relay(&self.cloud);
    }

    /// What the ledger has of the value: ours and theirs.
    fn told(&self) -> Vec<(Option<String>, Option<String>)> {
        let of_value = self.device.ledger().into_iter();
        let of_value = of_value.filter(|entry| entry.column.as_deref() == Some("string_value"));
        of_value.map(|entry| (entry.local, entry.remote)).collect()
    }
}

fn lost(ours: &str) -> Vec<(Option<String>, Option<String>)> {
    vec![(Some(format!("\"{ours}\"")), Some("\"B\"".to_owned()))]
}

#[test]
fn a_new_attribute_is_watched_as_a_whole_after_it_was_edited() {
    for (edit, ours) in [
        (json!({"string_value": "C"}), "C"),
        (json!({"metadata": "{\"a\":1}"}), "A"),
        (json!({"string_value": ""}), ""),
    ] {
        let two = Two::new(PeerKind::Cloud);
        let id = two.device.insert(ATTRIBUTES, made(&two.patient, "A"));
        let id = id.unwrap();
        for _ in 0..2 {
            two.talk(&two.device, PeerKind::Cloud);
        }
        two.device.update(ATTRIBUTES, &id, edit).unwrap();
        for _ in 0..2 {
            two.talk(&two.device, PeerKind::Cloud);
        }
        assert!(two.device.standing(ATTRIBUTES, &id).confirmed);
        assert!(two.device.ledger().is_empty());
        two.theirs_goes_over_it();
        for _ in 0..2 {
            two.talk(&two.device, PeerKind::Cloud);
        }
        assert_eq!(two.device.field(ATTRIBUTES, &id, "string_value"), "B");
        assert_eq!(two.told(), lost(ours));
    }
}

#[test]
fn a_new_attribute_that_was_edited_before_it_was_sent_is_watched_as_one_that_was_not() {
    let two = Two::new(PeerKind::Cloud);
    let id = two.device.insert(ATTRIBUTES, made(&two.patient, "A"));
    let id = id.unwrap();
    let corrected = json!({"string_value": "C"});
    two.device.update(ATTRIBUTES, &id, corrected).unwrap();
    for _ in 0..2 {
        two.talk(&two.device, PeerKind::Cloud);
    }
    two.theirs_goes_over_it();
    for _ in 0..2 {
        two.talk(&two.device, PeerKind::Cloud);
    }
    assert_eq!(two.told(), lost("C"));
}

#[test]
fn a_new_attribute_is_watched_while_an_edit_of_it_waits() {
    let two = Two::new(PeerKind::Cloud);
    let id = two.device.insert(ATTRIBUTES, made(&two.patient, "A"));
    let id = id.unwrap();
    for _ in 0..2 {
        two.talk(&two.device, PeerKind::Cloud);
    }
    two.theirs_goes_over_it();
    let edit = json!({"metadata": "{\"a\":1}"});
    two.device.update(ATTRIBUTES, &id, edit).unwrap();
    for _ in 0..2 {
        two.talk(&two.device, PeerKind::Cloud);
    }
    assert_eq!(two.device.field(ATTRIBUTES, &id, "string_value"), "B");
    assert_eq!(two.told(), lost("A"));
}

/// Before and after the peer with the last word has shown ours, and has said it again.
#[test]
fn the_same_attribute_that_the_other_peer_tells_is_told_once_and_as_it_was() {
    for word in [PeerKind::Cloud, PeerKind::Hub] {
        for syncs in [1, 2, 60] {
            let two = Two::new(word);
            let first = match word {
                PeerKind::Cloud => PeerKind::Hub,
                PeerKind::Hub => PeerKind::Cloud,
            };
            let ours = made(&two.patient, "A");
            two.device.insert(ATTRIBUTES, ours).unwrap();
            for _ in 0..syncs {
                two.talk(&two.device, word);
            }
            let theirs = made(&two.patient, "B");
            two.other.insert(ATTRIBUTES, theirs).unwrap();
            two.talk(&two.other, first);
            two.talk(&two.device, first);
            assert_eq!(two.told(), lost("A"), "{word:?} {syncs}");
            for _ in 0..2 {
                two.talk(&two.device, word);
            }
            assert_eq!(two.told(), lost("A"), "{word:?} {syncs}");
        }
    }
}

/// The cloud merges ours into one that came between our pull and our push, and is later.
#[test]
fn a_new_attribute_that_the_cloud_drops_for_a_later_one_is_told() {
    let two = Two::new(PeerKind::Cloud);
    let mut theirs = made(&two.patient, "B");
    theirs["metadata"] = json!("{}");
    theirs["is_deleted"] = json!(0);
    theirs["created_at"] = json!(NOW + 900_000);
    theirs["updated_at"] = json!(NOW + 900_000);
    let ours = made(&two.patient, "A");
    two.device.insert(ATTRIBUTES, ours).unwrap();
    super::verifying::sync_while(&two.device, &two.cloud, || {
        two.cloud.put(ATTRIBUTES, &id(7), theirs.clone());
    });
    two.talk(&two.device, PeerKind::Cloud);
    assert_eq!(two.device.ids(ATTRIBUTES), [id(7)]);
    assert_eq!(two.device.field(ATTRIBUTES, &id(7), "string_value"), "B");
    assert_eq!(two.told(), lost("A"));
}

/// The colleague's attribute is at the hub, and the cloud has got a later one by another id: the device
/// has heard that from the cloud.
fn by_two_ids() -> Two {
    let two = Two::new(PeerKind::Hub);
    two.other
        .insert(ATTRIBUTES, made(&two.patient, "B"))
        .unwrap();
    two.talk(&two.other, PeerKind::Hub);
    let mut later = made(&two.patient, "C");
    later["metadata"] = json!("{}");
    later["is_deleted"] = json!(0);
    later["created_at"] = json!(NOW + 900_000);
    later["updated_at"] = json!(NOW + 900_000);
    two.cloud.put(ATTRIBUTES, &id(7), later);
    two.talk(&two.device, PeerKind::Cloud);
    two
}

#[test]
fn of_an_attribute_that_the_hub_has_twice_the_later_one_is_held() {
    let two = by_two_ids();
    two.hub.relay(&two.cloud);
    let at_hub = two.hub.visible().into_keys();
    let attributes = two.device.table(ATTRIBUTES);
    assert_eq!(at_hub.filter(|(table, _)| *table == attributes).count(), 2);
    for _ in 0..3 {
        for device in [&two.device, &two.other] {
            device.clock.advance(60_000);
            device.sync_with(&Hub::id(), &two.hub, true).unwrap();
            assert_eq!(device.ids(ATTRIBUTES), [id(7)]);
            assert_eq!(device.field(ATTRIBUTES, &id(7), "string_value"), "C");
        }
    }
}

/// Sent with the edit, the hub's older values would go over the cloud's.
#[test]
fn an_older_attribute_of_the_hubs_does_not_go_over_one_of_which_an_edit_waits() {
    let two = by_two_ids();
    let edit = json!({"metadata": "{\"a\":1}"});
    two.device.update(ATTRIBUTES, &id(7), edit).unwrap();
    for _ in 0..2 {
        two.talk(&two.device, PeerKind::Hub);
        two.hub.relay(&two.cloud);
        two.talk(&two.device, PeerKind::Cloud);
    }
    let ids = two.device.ids(ATTRIBUTES);
    assert_eq!(ids.len(), 1);
    let held = |column| two.device.field(ATTRIBUTES, &ids[0], column);
    assert_eq!(held("string_value"), "C");
    assert_eq!(held("metadata"), "{\"a\":1}");
    let in_cloud = |column| two.cloud.value(ATTRIBUTES, &id(7), column);
    assert_eq!(in_cloud("string_value"), Some(text("C")));
    assert_eq!(in_cloud("metadata"), Some(text("{\"a\":1}")));
}
