//! Somebody sets back at a hub what another changed there, while the cloud is away. A row that says
//! the old value can be a person's wish, or be sent by who has not seen the change: the first time
//! nobody can tell, and the change is sent again; who sends the old value after that has seen it.

use super::*;
use crate::ports::Clock as _;

fn two_at_a_hub() -> (Cloud, Hub, Device, Device, RecordId) {
    let (cloud, hub, device) = super::peers::with_hub();
    let other = Device::new(&device.clock, 2);
    let id = id(1);
    cloud.put("patients", &id, patient("Amal", NOW));
    hub.relay(&cloud);
    for device in [&device, &other] {
        device.sync(&cloud);
        device.sync_hub(&hub);
    }
    (cloud, hub, device, other, id)
}

/// Both sync with the hub in turn, as long as the cloud is away.
fn a_day_at(hub: &Hub, devices: [&Device; 2]) {
    for _ in 0..20 {
        for device in devices {
            device.clock.advance(60_000);
            device.sync_hub(hub);
        }
    }
}

fn name(device: &Device, id: &RecordId) -> Json {
    device.field("patients", id, "given_name")
}

#[test]
fn what_a_colleague_sets_back_is_sent_again_once_and_then_taken() {
    let (cloud, hub, device, other, id) = two_at_a_hub();
    device
        .update("patients", &id, json!({"given_name": "Ours", "phone": "1"}))
        .unwrap();
    device.sync_hub(&hub);
    device.clock.advance(60_000);
    other.sync_hub(&hub);
    assert_eq!(name(&other, &id), "Ours");
    other
        .update("patients", &id, json!({"given_name": "Amal"}))
        .unwrap();
    other.sync_hub(&hub);

    a_day_at(&hub, [&device, &other]);
    assert_eq!(hub.value("patients", &id, "given_name"), Some(text("Amal")));
    assert_eq!(name(&device, &id), "Amal");
    assert_eq!(name(&other, &id), "Amal");
    let rounds = [device.ledger().len(), other.ledger().len()];
    assert_eq!(rounds, [2, 1], "what was lost, and no word for each sync");

    for device in [&device, &other, &device] {
        device.sync(&cloud);
    }
    for (column, value) in [("given_name", "Amal"), ("phone", "1")] {
        assert_eq!(cloud.value("patients", &id, column), Some(text(value)));
        assert_eq!(device.field("patients", &id, column), value);
        assert_eq!(other.field("patients", &id, column), value);
    }
}

#[test]
fn two_who_each_set_back_what_the_other_did_end_with_the_same() {
    let (cloud, hub, device, other, id) = two_at_a_hub();
    // What each of them heard from the cloud last is what the other wants.
    cloud.put(
        "patients",
        &id,
        json!({"given_name": "Theirs", "updated_at": NOW + 1_000}),
    );
    device.sync(&cloud);
    device.clock.advance(60_000);
    device
        .update("patients", &id, json!({"given_name": "Amal"}))
        .unwrap();
    other
        .update("patients", &id, json!({"given_name": "Theirs"}))
        .unwrap();
    device.sync_hub(&hub);

    a_day_at(&hub, [&other, &device]);
    assert_eq!(name(&device, &id), name(&other, &id));
    let ledgers = device.ledger().len() + other.ledger().len();
    assert!(ledgers <= 4, "{ledgers} entries, one for each sync");
    for device in [&device, &other, &device, &other] {
        device.clock.advance(60_000);
        device.sync(&cloud);
    }
    let kept = cloud.value("patients", &id, "given_name");
    for device in [&device, &other] {
        assert_eq!(Some(text(name(device, &id).as_str().unwrap())), kept);
    }
}

#[test]
fn an_edit_after_that_is_sent_again_once_as_well() {
    let (_, hub, device, _, id) = two_at_a_hub();
    for ours in ["First", "Second"] {
        device
            .update("patients", &id, json!({"given_name": ours}))
            .unwrap();
        device.sync_hub(&hub);
        device.clock.advance(60_000);
        // Somebody who has not seen it writes the row as it was.
        hub.overwrite("patients", &id, json!({"given_name": "Amal"}));
        device.sync_hub(&hub);
        device.sync_hub(&hub);
        assert_eq!(name(&device, &id), ours);
        assert_eq!(hub.value("patients", &id, "given_name"), Some(text(ours)));
    }
}

/// What is null in the cloud is an empty text at a hub, in columns that its tables do not let be null.
#[test]
fn an_empty_text_is_the_nothing_from_before_an_edit() {
    let (cloud, hub, device, _, id) = two_at_a_hub();
    let edit = |phone: &str| {
        device.clock.advance(60_000);
        let edit = json!({"phone": phone});
        device.update("patients", &id, edit).unwrap();
    };
    assert_eq!(device.field("patients", &id, "phone"), Json::Null);
    // What was not touched there is no other's edit.
    edit("1");
    device.clock.advance(60_000);
    let theirs = json!({"surname": "Theirs", "phone": ""});
    hub.overwrite("patients", &id, theirs);
    device.sync_hub(&hub);
    assert_eq!(device.field("patients", &id, "surname"), "Theirs");
    assert_eq!(device.field("patients", &id, "phone"), "1");
    assert!(device.ledger().is_empty(), "{:?}", device.ledger());
    // Written over what the cloud has confirmed, it is told.
    for _ in 0..2 {
        device.clock.advance(60_000);
        device.sync(&cloud);
    }
    assert!(device.standing("patients", &id).confirmed);
    device.clock.advance(60_000);
    let as_before = json!({"phone": "", "updated_at": device.clock.now_ms()});
    cloud.put("patients", &id, as_before);
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id, "phone"), "");
    let ledger = device.ledger();
    assert_eq!(ledger.len(), 1, "{ledger:?}");
    assert_eq!(ledger[0].local.as_deref(), Some("\"1\""));
}
