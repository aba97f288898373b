//! A hub whose word is the last, and a cloud that is synced as well; and what is the same where the
//! cloud has it.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::{PeerId, PeerKind};
use crate::ports::Clock;
use crate::test_support::FakeClock;

const ATTRIBUTES: &str = "patient_additional_attributes";

fn made(patient: &RecordId, value: &str) -> Json {
    json!({"patient_id": patient.as_str(), "attribute_id": "blood", "attribute": "Blood",
           "string_value": value})
}

/// As a server has it.
fn whole(patient: &RecordId, value: &str) -> Json {
    let mut fields = made(patient, value);
    for (column, json) in [
        ("metadata", json!("{}")),
        ("is_deleted", json!(0)),
        ("created_at", json!(NOW)),
        ("updated_at", json!(NOW + 1)),
    ] {
        fields[column] = json;
    }
    fields
}

/// A minute later, a sync of a device with one of the two.
fn talk(device: &Device, kind: PeerKind, (clock, cloud, hub): (&FakeClock, &Cloud, &Hub)) {
    clock.advance(60_000);
    match kind {
        PeerKind::Cloud => device.sync_with(&PeerId::cloud(), cloud, false).unwrap(),
        PeerKind::Hub => device.sync_hub(hub),
    };
}

fn other_than(word: PeerKind) -> PeerKind {
    match word {
        PeerKind::Cloud => PeerKind::Hub,
        PeerKind::Hub => PeerKind::Cloud,
    }
}

/// The hub and the cloud know an attribute by two ids, and the device syncs with both, in turn.
#[test]
fn an_attribute_keeps_the_id_that_the_one_with_the_last_word_has_for_it() {
    for ours_first in [false, true] {
        let (clock, cloud, device) = cloud_and_device();
        let hub = Hub::new(&clock);
        let patient = device.insert("patients", json!({})).unwrap();
        device.sync(&cloud);
        device.policy.lock().unwrap().last_word = PeerKind::Hub;
        device.sync_hub(&hub);
        let other = Device::new(&clock, 2);
        other.policy.lock().unwrap().last_word = PeerKind::Hub;
        other.sync_hub(&hub);
        let of_hub = other.insert(ATTRIBUTES, made(&patient, "A")).unwrap();
        other.sync_hub(&hub);
        cloud.put(ATTRIBUTES, &id(7), whole(&patient, "C"));
        if ours_first {
            device.insert(ATTRIBUTES, made(&patient, "B")).unwrap();
        }
        clock.advance(1_000);
        device.sync_hub(&hub);
        for full in [false, true, false, true] {
            clock.advance(20 * 60 * 1000);
            device.sync_with(&PeerId::cloud(), &cloud, full).unwrap();
            assert_eq!(
                device.ids(ATTRIBUTES),
                std::slice::from_ref(&of_hub),
                "by the cloud"
            );
            let edit = json!({"string_value": format!("of {full}")});
            assert_eq!(device.status().absent, 0);
            device.update(ATTRIBUTES, &of_hub, edit).unwrap();
            device.sync_with(&Hub::id(), &hub, full).unwrap();
            assert_eq!(
                device.ids(ATTRIBUTES),
                std::slice::from_ref(&of_hub),
                "{ours_first} {full}"
            );
        }
        let at_hub = hub.state.lock().unwrap();
        let index = device.table(ATTRIBUTES);
        let ids = at_hub.rows.keys().filter(|(table, _)| *table == index);
        assert_eq!(ids.count(), 1, "no duplicate");
    }
}

/// A colleague who has a new record in its first version, from the peer without the last word, writes
/// that back there, after the other peer has taken and shown the second one, and then a third.
#[test]
fn what_was_edited_before_a_new_record_was_confirmed_is_watched_after_its_next_edit() {
    for word in [PeerKind::Cloud, PeerKind::Hub] {
        let (clock, cloud, device) = cloud_and_device();
        let (hub, other) = (Hub::new(&clock), Device::new(&clock, 2));
        let talk = |device: &Device, kind| talk(device, kind, (&clock, &cloud, &hub));
        let first = other_than(word);
        for device in [&device, &other] {
            device.policy.lock().unwrap().last_word = word;
            talk(device, word);
        }
        let new = device.insert("patients", json!({})).unwrap();
        let edit = |device: &Device, fields: Json| device.update("patients", &new, fields).unwrap();
        edit(&device, json!({"date_of_birth": "2001-01-01"}));
        talk(&device, first);
        talk(&other, first);
        edit(&device, json!({"date_of_birth": "2002-02-02"}));
        talk(&device, word);
        talk(&device, word);
        assert!(device.standing("patients", &new).confirmed);
        edit(&device, json!({"phone": "1"}));
        talk(&device, word);
        edit(&other, json!({"given_name": "Theirs"}));
        talk(&other, first);
        talk(&device, first);
        assert_eq!(
            device.field("patients", &new, "date_of_birth"),
            json!("2001-01-01")
        );
        let ledger = device.ledger();
        let columns = ledger.iter().filter_map(|entry| entry.column.as_deref());
        let columns: std::collections::BTreeSet<_> = columns.collect();
        assert_eq!(columns, ["date_of_birth", "phone"].into(), "{word:?}");
    }
}

/// A colleague's edit of another column comes by the hub, and the row as it was before by the cloud.
#[test]
fn the_rest_of_an_edit_is_watched_after_a_colleague_has_changed_a_part_of_it() {
    let (clock, cloud, device) = cloud_and_device();
    let (hub, other) = (Hub::new(&clock), Device::new(&clock, 2));
    cloud.put("patients", &id(1), patient("Amal", NOW));
    for device in [&device, &other] {
        device.policy.lock().unwrap().last_word = PeerKind::Hub;
        device.sync(&cloud);
    }
    hub.relay(&cloud);
    let edit = |device: &Device, fields: Json| {
        clock.advance(60_000);
        device.update("visits", &id(7), fields).unwrap();
        clock.advance(60_000);
    };
    let new = json!({"id": id(7).as_str(), "patient_id": id(1).as_str()});
    device.insert("visits", new).unwrap();
    edit(
        &device,
        json!({"provider_name": "A", "check_in_timestamp": NOW}),
    );
    device.sync(&cloud);
    other.sync(&cloud);
    edit(&device, json!({"check_in_timestamp": NOW + 5}));
    device.sync_hub(&hub);
    edit(&other, json!({"provider_name": "Theirs"}));
    other.sync(&cloud);
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!(
        device.field("visits", &id(7), "check_in_timestamp"),
        json!(NOW + 5)
    );
    // The cloud has stamped the colleague's row, which is the later one there, with its own time.
    device.sync(&cloud);
    assert_eq!(
        device.field("visits", &id(7), "check_in_timestamp"),
        json!(NOW)
    );
    let ledger = device.ledger();
    let columns = ledger.iter().filter_map(|entry| entry.column.as_deref());
    let columns: std::collections::BTreeSet<_> = columns.collect();
    assert_eq!(columns, ["check_in_timestamp", "provider_name"].into());
}

/// A value that was changed and set back, at a peer that has shown neither, under the hand of a
/// colleague who knows of no change: their value goes over it there, and is the one from before
/// the setting back.
#[test]
fn who_sets_back_what_a_colleague_changed_elsewhere_is_told_when_that_comes_back() {
    for word in [PeerKind::Cloud, PeerKind::Hub] {
        let (clock, cloud, device) = cloud_and_device();
        let (hub, other) = (Hub::new(&clock), Device::new(&clock, 2));
        let talk = |device: &Device, kind| talk(device, kind, (&clock, &cloud, &hub));
        let first = other_than(word);
        for device in [&device, &other] {
            device.policy.lock().unwrap().last_word = word;
            talk(device, word);
        }
        let new = device.insert("patients", json!({})).unwrap();
        let set = |device: &Device, phone: &str| {
            device
                .update("patients", &new, json!({"phone": phone}))
                .unwrap();
        };
        set(&device, "no");
        talk(&device, first);
        talk(&device, word);
        talk(&other, first);
        talk(&other, word);
        set(&other, "yes");
        talk(&other, first);
        talk(&device, first);
        assert_eq!(device.field("patients", &new, "phone"), json!("yes"));
        set(&device, "no");
        talk(&device, word);
        talk(&device, word);
        talk(&other, word);
        talk(&device, word);
        assert_eq!(device.field("patients", &new, "phone"), json!("yes"));
        let ledgers = [device.ledger(), other.ledger()].concat();
        let told = ledgers
            .iter()
            .filter(|entry| entry.column.as_deref() == Some("phone"));
        assert!(told.count() > 0, "{word:?}");
    }
}

/// The cloud has a version of the time that the device's edit got there. What the hub adds to that edit
/// afterwards is another version: under the same time the cloud would drop it when the hub brings it,
/// and the hub would take the cloud's in its place.
#[test]
fn what_two_peers_say_of_a_record_becomes_a_later_version_than_both() {
    const VITALS: &str = "patient_vitals";
    let (clock, cloud, device) = cloud_and_device();
    let (hub, other) = (Hub::new(&clock), Device::new(&clock, 2));
    for device in [&device, &other] {
        device.policy.lock().unwrap().last_word = PeerKind::Hub;
    }
    let to_cloud = |device: &Device| {
        clock.advance(60_000);
        device.sync_with(&PeerId::cloud(), &cloud, false).unwrap();
    };
    let to_hub = |device: &Device| {
        clock.advance(60_000);
        device.sync_hub(&hub);
    };
    let patient = device.insert("patients", json!({})).unwrap();
    let fields = json!({"patient_id": patient.as_str(), "timestamp": NOW});
    let vitals = device.insert(VITALS, fields).unwrap();
    to_cloud(&device);
    to_cloud(&other);
    device
        .update(VITALS, &vitals, json!({"weight_kg": 61.5}))
        .unwrap();
    other
        .update(VITALS, &vitals, json!({"height_cm": 170.0}))
        .unwrap();
    to_cloud(&other);
    to_cloud(&other);
    to_hub(&device);
    to_hub(&other);
    for _ in 0..3 {
        hub.relay(&cloud);
        for device in [&device, &other] {
            to_hub(device);
            to_cloud(device);
        }
    }
    for device in [&device, &other] {
        let of = |column: &str| device.field(VITALS, &vitals, column);
        assert_eq!(of("weight_kg"), json!("61.5"));
        assert_eq!(of("height_cm"), json!("170.0"));
    }
}

/// One peer has an edit of a column, the other the next one; a colleague who has heard of the first alone
/// edits something else, and the servers bring the row from one to the other.
#[test]
fn what_another_peer_has_of_an_edit_is_watched_beside_what_was_before_it() {
    for word in [PeerKind::Cloud, PeerKind::Hub] {
        let (clock, cloud, device) = cloud_and_device();
        let (hub, other) = (Hub::new(&clock), Device::new(&clock, 2));
        let talk = |device: &Device, kind| talk(device, kind, (&clock, &cloud, &hub));
        let first = other_than(word);
        let id = device.insert("patients", json!({"phone": "0"})).unwrap();
        for device in [&device, &other] {
            device.policy.lock().unwrap().last_word = word;
            for kind in [word, first, word, first] {
                talk(device, kind);
            }
        }
        let set = |device: &Device, fields: Json| device.update("patients", &id, fields).unwrap();
        set(&device, json!({"phone": "1"}));
        talk(&device, first);
        talk(&other, first);
        set(&device, json!({"phone": "2"}));
        talk(&device, word);
        talk(&device, word);
        assert!(device.standing("patients", &id).confirmed);
        set(&other, json!({"surname": "Theirs"}));
        talk(&other, first);
        hub.relay(&cloud);
        clock.advance(24 * 60 * 60 * 1000 - 600_000);
        device.sync_with(&PeerId::cloud(), &cloud, true).unwrap();
        device.sync_with(&Hub::id(), &hub, true).unwrap();
        assert_eq!(
            device.field("patients", &id, "phone"),
            json!("1"),
            "{word:?}"
        );
        let ledger = device.ledger();
        let told = ledger
            .iter()
            .any(|entry| entry.column.as_deref() == Some("phone"));
        assert!(told, "{word:?} {ledger:?}");
    }
}

/// The colleague's is confirmed there, and older than what the cloud has by now.
#[test]
fn an_edit_at_the_hub_that_is_older_than_the_clouds_version_is_told_when_ours_goes_over_it() {
    let (clock, cloud, device) = cloud_and_device();
    let (hub, other) = (Hub::new(&clock), Device::new(&clock, 2));
    let patient = device.insert("patients", json!({})).unwrap();
    let fields = json!({"patient_id": patient.as_str()});
    let visit = device.insert("visits", fields).unwrap();
    let (to_cloud, to_hub) = (
        |device: &Device| {
            clock.advance(60_000);
            device.sync_with(&PeerId::cloud(), &cloud, false).unwrap();
        },
        |device: &Device| {
            clock.advance(60_000);
            device.sync_hub(&hub);
        },
    );
    for device in [&device, &other] {
        device.policy.lock().unwrap().last_word = PeerKind::Hub;
    }
    to_cloud(&device);
    to_cloud(&other);
    to_hub(&device);
    let set = |device: &Device, name: &str| {
        let fields = json!({"provider_name": name});
        device.update("visits", &visit, fields).unwrap();
    };
    set(&other, "Theirs");
    to_hub(&other);
    to_hub(&other);
    set(&device, "Ours");
    to_cloud(&device);
    to_cloud(&device);
    for _ in 0..2 {
        to_hub(&device);
        to_hub(&other);
    }
    for device in [&device, &other] {
        assert_eq!(
            device.field("visits", &visit, "provider_name"),
            json!("Ours")
        );
    }
    let ledger = device.ledger();
    let remote: Vec<_> = ledger.iter().map(|entry| entry.remote.clone()).collect();
    assert_eq!(remote, [Some(json!("Theirs").to_string())]);
}

/// The deleted version was the cloud's, and later.
#[test]
fn an_edit_at_the_hub_that_is_older_than_the_clouds_version_is_told_when_a_deletion_goes_over_it() {
    let (clock, cloud, device) = cloud_and_device();
    let hub = Hub::new(&clock);
    device.policy.lock().unwrap().last_word = PeerKind::Hub;
    let talk = |kind| talk(&device, kind, (&clock, &cloud, &hub));
    let patient = id(1);
    cloud.put("patients", &patient, super::patient("Amal", NOW));
    hub.relay(&cloud);
    talk(PeerKind::Hub);
    talk(PeerKind::Cloud);
    hub.overwrite("patients", &patient, json!({"phone": "theirs"}));
    clock.advance(60_000);
    let later = super::patient("Amina", clock.now_ms());
    cloud.put("patients", &patient, later);
    talk(PeerKind::Cloud);
    assert_eq!(device.field("patients", &patient, "given_name"), "Amina");
    device.delete("patients", &patient).unwrap();
    for _ in 0..3 {
        talk(PeerKind::Hub);
    }
    assert_eq!(device.count("patients"), 0);
    let ledger = device.ledger();
    assert_eq!(ledger.len(), 1);
    assert!(ledger[0].remote.as_deref().unwrap().contains("theirs"));
}
