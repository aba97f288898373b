//! What a hub with the last word took, and lost.

use super::device::cloud_and_device;
use super::*;
use crate::model::ids::{PeerId, PeerKind};
use crate::test_support::FakeClock;

/// It is wiped before it brought the cloud anything, and paired anew.
#[test]
fn what_a_hub_with_the_last_word_took_and_lost_waits_again() {
    for (confirmed, edited) in [(false, false), (true, false), (false, true), (true, true)] {
        let (clock, cloud, device) = cloud_and_device();
        let hub = Hub::new(&clock);
        device.policy.lock().unwrap().last_word = PeerKind::Hub;
        let to_cloud = || {
            clock.advance(60_000);
            device.sync_with(&PeerId::cloud(), &cloud, true).unwrap();
        };
        let to_hub = || {
            clock.advance(60_000);
            device.sync_hub(&hub);
        };
        device.pair();
        let (known, gone) = (
            device.insert("patients", json!({"phone": "0"})).unwrap(),
            device.insert("patients", json!({})).unwrap(),
        );
        to_hub();
        to_hub();
        hub.relay(&cloud);
        to_cloud();
        device
            .update("patients", &known, json!({"phone": "1"}))
            .unwrap();
        device.delete("patients", &gone).unwrap();
        if confirmed {
            to_hub();
            to_hub();
        }
        let new = device.insert("patients", json!({"phone": "2"})).unwrap();
        to_hub();
        if edited {
            for id in [&known, &new] {
                let fields = json!({"surname": "since"});
                device.update("patients", id, fields).unwrap();
            }
        }
        hub.wipe();
        device.pair();
        hub.relay(&cloud);
        assert!(device.pending() >= 2);
        for _ in 0..3 {
            to_hub();
            hub.relay(&cloud);
            to_cloud();
        }
        assert_eq!(device.pending(), 0);
        for (id, phone) in [(&known, "1"), (&new, "2")] {
            assert_eq!(device.field("patients", id, "phone"), json!(phone));
            assert_eq!(hub.value("patients", id, "phone"), Some(text(phone)));
            let there = cloud.visible();
            let at = device
                .schema
                .table(device.table("patients"))
                .position("phone");
            let row = &there[&(device.table("patients"), id.to_string())];
            assert_eq!(row[at.unwrap()], text(phone));
        }
        assert!(device.get("patients", &gone).is_none(), "{edited}");
        assert_eq!(hub.value("patients", &gone, "phone"), None);
    }
}

const ATTRIBUTES: &str = "patient_additional_attributes";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// A device that knows a hub with the last word, by itself or beside the cloud.
struct Clinic {
    clock: Arc<FakeClock>,
    cloud: Cloud,
    hub: Hub,
    device: Device,
}

impl Clinic {
    fn new(with_cloud: bool) -> Self {
        let (clock, cloud, device) = cloud_and_device();
        let hub = Hub::new(&clock);
        device.policy.lock().unwrap().last_word = PeerKind::Hub;
        let clinic = Self {
            clock,
            cloud,
            hub,
            device,
        };
        clinic.device.pair();
        if with_cloud {
            clinic.to_cloud();
        }
        clinic
    }

    fn to_hub(&self) {
        self.clock.advance(60_000);
        self.device.sync_hub(&self.hub);
    }

    fn to_cloud(&self) {
        self.clock.advance(60_000);
        self.device.sync(&self.cloud);
    }

    /// One that the cloud has.
    fn known(&self) -> RecordId {
        let known = self.device.insert("patients", json!({"phone": "0"}));
        for _ in 0..2 {
            self.to_hub();
        }
        self.hub.relay(&self.cloud);
        known.unwrap()
    }

    fn in_cloud(&self, id: &RecordId) -> bool {
        let key = (self.device.table("patients"), id.to_string());
        self.cloud.visible().contains_key(&key)
    }
}

#[test]
fn what_a_hub_showed_before_it_lost_it_waits_again() {
    for with_cloud in [false, true] {
        let clinic = Clinic::new(with_cloud);
        let gone = clinic.known();
        if with_cloud {
            clinic.to_cloud();
        }
        let new = clinic.device.insert("patients", json!({"phone": "1"}));
        let new = new.unwrap();
        // Watched for a day, and kept after that.
        let blood = json!({"patient_id": new.as_str(), "attribute_id": "blood",
            "attribute": "Blood", "string_value": "A"});
        let blood = clinic.device.insert(ATTRIBUTES, blood).unwrap();
        clinic.device.delete("patients", &gone).unwrap();
        for _ in 0..2 {
            clinic.to_hub();
        }
        // The clinic has no line for so long.
        clinic.clock.advance(10 * DAY_MS);
        for _ in 0..2 {
            clinic.to_hub();
        }
        assert_eq!(clinic.device.pending(), 0);
        clinic.hub.wipe();
        clinic.hub.relay(&clinic.cloud);
        clinic.device.pair();
        assert_eq!(clinic.device.pending(), 3);
        for _ in 0..2 {
            clinic.to_hub();
            clinic.hub.relay(&clinic.cloud);
            clinic.to_cloud();
        }
        assert!(clinic.in_cloud(&new), "{with_cloud}");
        let in_cloud = clinic.cloud.value(ATTRIBUTES, &blood, "string_value");
        assert_eq!(in_cloud, Some(text("A")), "{with_cloud}");
        assert!(!clinic.in_cloud(&gone), "{with_cloud}");
        assert_eq!(clinic.device.ids("patients"), [new]);
        assert_eq!(clinic.device.pending(), 0);
        assert!(clinic.device.ledger().is_empty());
    }
}

#[test]
fn what_the_cloud_has_heard_of_does_not_wait_again() {
    let clinic = Clinic::new(true);
    let (known, gone) = (clinic.known(), clinic.known());
    let new = clinic.device.insert("patients", json!({"phone": "1"}));
    let new = new.unwrap();
    let edit = json!({"phone": "2"});
    clinic.device.update("patients", &known, edit).unwrap();
    clinic.device.delete("patients", &gone).unwrap();
    for _ in 0..2 {
        clinic.to_hub();
    }
    clinic.hub.relay(&clinic.cloud);
    for _ in 0..2 {
        clinic.to_cloud();
        clinic.clock.advance(DAY_MS / 4);
    }
    clinic.device.policy.lock().unwrap().last_word = PeerKind::Cloud;
    let forgotten = clinic.device.database.forget_peer(Hub::id());
    forgotten.wait().unwrap();
    assert_eq!(clinic.device.pending(), 0);
    for _ in 0..3 {
        clinic.to_cloud();
    }
    assert_eq!(clinic.device.count("patients"), 2);
    assert!(clinic.device.ledger().is_empty());
    for id in [&known, &new] {
        let standing = clinic.device.standing("patients", id);
        assert_eq!(standing.absent_since_ms, None);
    }
}

/// What the cloud says first is older: it has not heard of the edit.
#[test]
fn what_a_hub_lost_waits_again_also_where_the_cloud_was_met_after_it_was_taken() {
    let clinic = Clinic::new(false);
    let known = clinic.known();
    let edit = json!({"phone": "1"});
    clinic.device.update("patients", &known, edit).unwrap();
    for _ in 0..2 {
        clinic.to_hub();
    }
    clinic.to_cloud();
    assert_eq!(clinic.device.field("patients", &known, "phone"), "1");
    clinic.hub.wipe();
    clinic.hub.relay(&clinic.cloud);
    clinic.device.pair();
    assert_eq!(clinic.device.pending(), 1);
    for _ in 0..2 {
        clinic.to_hub();
        clinic.hub.relay(&clinic.cloud);
        clinic.to_cloud();
    }
    let in_cloud = clinic.cloud.value("patients", &known, "phone");
    assert_eq!(in_cloud, Some(text("1")));
    assert_eq!(clinic.device.pending(), 0);
}
