//! A hub is heard while a push to the cloud is under way: what the cloud takes is not what is stored by
//! then.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use super::device::cloud_and_device;
use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{
    OutboxPosition, OutboxRow, PieceLimit, PullReply, PullRequest, PushClass, PushFailure,
};
use crate::model::ids::PeerId;
use crate::model::ledger::Kept;
use crate::model::terms::{ConflictPolicy, PeerTerms};
use crate::ports::{ChangeSink, SyncPeer, SyncStore as _};

/// A peer, and what happens before a push arrives there; it does not where that is false; and after one.
struct Line<'a> {
    peer: &'a dyn SyncPeer,
    before_push: &'a (dyn Fn() -> bool + Sync),
    after_push: &'a (dyn Fn() + Sync),
}

impl SyncPeer for Line<'_> {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply> {
        self.peer.pull(request, sink, on_bytes, cancel)
    }

    fn push(
        &self,
        piece: &[OutboxRow],
        cancel: &CancelToken,
    ) -> std::result::Result<(), PushFailure> {
        if !(self.before_push)() {
            return Err(PushFailure::Stopped(failure(ErrorCode::Network)));
        }
        self.peer.push(piece, cancel)?;
        (self.after_push)();
        Ok(())
    }
}

/// The hub has another name than the device, and is heard, without being told anything, while the
/// device's goes to the cloud.
fn heard_while_pushing(policy: ConflictPolicy) -> (Cloud, Hub, Device) {
    let (clock, cloud, device) = cloud_and_device();
    let (hub, other) = (Hub::new(&clock), Device::new(&clock, 2));
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    other.sync(&cloud);
    hub.relay(&cloud);
    device.sync_hub(&hub);
    let table = ("patients".to_owned(), policy);
    device.policy.lock().unwrap().tables.extend([table]);
    let call = |device: &Device, name: &str| {
        clock.advance(60_000);
        let fields = json!({"given_name": name});
        device.update("patients", &id(1), fields).unwrap();
    };
    call(&device, "Ours");
    call(&other, "Theirs");
    other.sync_hub(&hub);
    let hear = || {
        let deaf = Line {
            peer: &hub,
            before_push: &|| false,
            after_push: &|| (),
        };
        assert!(device.sync_with(&Hub::id(), &deaf, false).is_err());
        true
    };
    let line = Line {
        peer: &cloud,
        before_push: &hear,
        after_push: &|| (),
    };
    device.sync_with(&PeerId::cloud(), &line, false).unwrap();
    assert_eq!(
        cloud.value("patients", &id(1), "given_name"),
        Some(text("Ours"))
    );
    assert_eq!(device.ledger().len(), 1, "{:?}", device.ledger());
    (cloud, hub, device)
}

/// All three hold a name, and the ledger knows of one conflict.
fn all_hold(name: &str, (cloud, hub, device): (Cloud, Hub, Device), kept: Kept) {
    assert_eq!(device.field("patients", &id(1), "given_name"), name);
    assert_eq!(device.pending(), 1, "the cloud took what was stored before");
    device.sync(&cloud);
    hub.relay(&cloud);
    device.sync_hub(&hub);
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id(1), "given_name"), name);
    let of_peers = [
        cloud.value("patients", &id(1), "given_name"),
        hub.value("patients", &id(1), "given_name"),
    ];
    assert_eq!(of_peers, [Some(text(name)), Some(text(name))]);
    assert_eq!(device.pending(), 0);
    let ledger = device.ledger();
    assert_eq!(ledger.len(), 1, "{ledger:?}");
    assert_eq!(ledger[0].kept, kept);
}

#[test]
fn what_a_rule_made_of_a_hubs_version_meanwhile_goes_to_all() {
    let policy = ConflictPolicy::Rule(Arc::new(super::merging::Both));
    all_hold("Ours+Theirs", heard_while_pushing(policy), Kept::Rule);
}

#[test]
fn an_edit_that_was_kept_against_a_hubs_version_meanwhile_is_the_later_one_everywhere() {
    all_hold(
        "Ours",
        heard_while_pushing(ConflictPolicy::Local),
        Kept::Local,
    );
}

/// The cloud has merged it into another's, and says so in no reply to a push.
#[test]
fn what_is_deleted_in_the_sync_that_made_it_known_is_deleted_by_the_next() {
    let (clock, cloud, first) = cloud_and_device();
    let device = Device::new(&clock, 2);
    let patient = first.insert("patients", json!({})).unwrap();
    first.sync(&cloud);
    device.sync(&cloud);
    let attributes = "patient_additional_attributes";
    let value = |text: &str| {
        json!({"patient_id": patient.as_str(), "attribute_id": "tribe", "attribute": "Tribe",
               "string_value": text})
    };
    let ours = device.insert(attributes, value("b")).unwrap();
    let theirs = OnceLock::new();
    let is_sent = AtomicBool::new(false);
    // After our pull: the other one's arrives first, then ours, and then ours is deleted.
    let meanwhile = || {
        theirs.get_or_init(|| {
            let id = first.insert(attributes, value("a")).unwrap();
            first.sync(&cloud);
            id
        });
        true
    };
    let line = Line {
        peer: &cloud,
        before_push: &meanwhile,
        after_push: &|| {
            if !is_sent.swap(true, Ordering::SeqCst) {
                device.delete(attributes, &ours).unwrap();
            }
        },
    };
    device.sync_with(&PeerId::cloud(), &line, false).unwrap();
    assert_eq!(device.pending(), 1, "it waits until it is known which one");
    device.sync(&cloud);
    let theirs = theirs.get().unwrap();
    assert_eq!(cloud.value(attributes, theirs, "string_value"), None);
    device.sync(&cloud);
    assert_eq!((device.count(attributes), device.pending()), (0, 0));
}

/// Pages of three events each: those of later pages are read while earlier ones are sent.
#[test]
fn what_refers_to_a_record_that_came_too_late_for_its_table_waits_for_the_next_push() {
    let (_, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    let visit_of = json!({"patient_id": patient.as_str()});
    let known = device.insert("visits", visit_of.clone()).unwrap();
    device.sync(&cloud);
    let event = |visit: &RecordId| {
        let much = "x".repeat(400 * 1024);
        json!({"patient_id": patient.as_str(), "visit_id": visit.as_str(), "event_type": much})
    };
    for _ in 0..12 {
        device.insert("events", event(&known)).unwrap();
    }
    let late = OnceLock::new();
    let meanwhile = || {
        late.get_or_init(|| {
            let visit = device.insert("visits", visit_of.clone()).unwrap();
            (device.insert("events", event(&visit)).unwrap(), visit)
        });
        true
    };
    let line = Line {
        peer: &cloud,
        before_push: &meanwhile,
        after_push: &|| (),
    };
    let report = device.sync_with(&PeerId::cloud(), &line, false).unwrap();
    assert_eq!((report.pushed, device.pending()), (12, 2));
    assert_eq!(device.sync(&cloud).pushed, 2);
    assert_eq!(cloud.state.lock().unwrap().invented, 0);
    let (event, visit) = late.get().unwrap();
    let kept = cloud.value("events", event, "visit_id");
    assert_eq!(kept, Some(text(visit.as_str())));
}

/// A new visit is edited while it is sent: what refers to it waits for the next push, and so does what
/// refers to that.
#[test]
fn what_refers_to_something_that_waits_for_the_next_push_waits_too() {
    let (_, cloud, device) = cloud_and_device();
    let patient = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    let visit = json!({"patient_id": patient.as_str()});
    let visit = device.insert("visits", visit).unwrap();
    let much = "x".repeat(400 * 1024);
    let event = json!({"patient_id": patient.as_str(), "visit_id": visit.as_str(),
                       "event_type": much});
    for _ in 0..12 {
        device.insert("events", event.clone()).unwrap();
    }
    let prescription = json!({"patient_id": patient.as_str(), "visit_id": visit.as_str(),
        "provider_id": id(90).as_str(), "pickup_clinic_id": id(91).as_str(),
        "prescribed_at": NOW, "status": "pending"});
    let prescription = device.insert("prescriptions", prescription).unwrap();
    let item = json!({"prescription_id": prescription.as_str(), "patient_id": patient.as_str(),
        "drug_id": id(92).as_str(), "clinic_id": id(91).as_str(), "quantity_prescribed": 1});
    let item = device.insert("prescription_items", item).unwrap();
    let edited = OnceLock::new();
    let edit = || {
        edited.get_or_init(|| {
            let edit = json!({"clinic_id": id(91).as_str()});
            device.update("visits", &visit, edit).unwrap();
        });
        true
    };
    let line = Line {
        peer: &cloud,
        before_push: &edit,
        after_push: &|| (),
    };
    let report = device.sync_with(&PeerId::cloud(), &line, false).unwrap();
    assert_eq!(cloud.value("prescription_items", &item, "id"), None);
    assert!(report.waiting >= 2 && report.quarantined == 0, "{report:?}");
    device.sync(&cloud);
    assert_eq!(device.pending(), 0);
    let of = cloud.value("prescription_items", &item, "prescription_id");
    assert_eq!(of, Some(text(prescription.as_str())));
    assert_eq!(cloud.state.lock().unwrap().invented, 0);
}

#[test]
fn a_row_that_waits_does_not_end_its_table() {
    let (_, cloud, device) = cloud_and_device();
    let known = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    let new = device.insert("patients", json!({})).unwrap();
    let visit = |of: &RecordId| {
        let visit = json!({"patient_id": of.as_str()});
        device.insert("visits", visit).unwrap()
    };
    let waits = visit(&new);
    let mut visits: Vec<_> = (0..20).map(|_| visit(&known)).collect();
    let begun = device.database.noted(&PeerId::cloud()).unwrap().newest;
    device
        .update("patients", &new, json!({"phone": "1"}))
        .unwrap();

    let limit = PieceLimit {
        rows: 5,
        bytes: 1_000_000,
        begun,
    };
    let terms = PeerTerms::cloud();
    let (mut sent, mut waiting) = (Vec::new(), Vec::new());
    let mut after = Some(OutboxPosition::default());
    while let Some(position) = after {
        let class = PushClass::Upserts { stage: 0 };
        let page = device.database.collect(&terms, class, &position, limit);
        let page = page.wait().unwrap();
        assert!(page.next.is_none() || page.rows.len() + page.waiting.len() == 5);
        sent.extend(page.rows.into_iter().map(|row| row.id));
        waiting.extend(page.waiting.into_iter().map(|row| row.id));
        after = page.next;
    }
    assert_eq!(waiting, [waits]);
    sent.retain(|id| *id != new);
    sent.sort();
    visits.sort();
    assert_eq!(sent, visits);
}
