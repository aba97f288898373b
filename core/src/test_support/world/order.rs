//! The law of order: in which order the lists of a pull come, and in which order their records,
//! changes nothing of what is stored, waits, or was in conflict.

use proptest::prelude::*;

use super::device::cloud_and_device;
use super::*;
use crate::model::change_set::{PushFailure, RemoteChange, RemoteRow};
use crate::model::ids::PeerId;
use crate::test_support::{CallLog, ScriptedPeer, ScriptedPull};

fn upsert(device: &Device, table: &str, number: u32, fields: &Json) -> RemoteChange {
    let (index, table) = device.schema.require(table).unwrap();
    let cells = fields.as_object().unwrap().iter().map(|(name, json)| {
        let value = Value::from_json(json).unwrap();
        (table.position(name).unwrap(), value)
    });
    let row = RemoteRow {
        id: id(number),
        cells: cells.collect(),
    };
    RemoteChange::Upsert(index, row)
}

/// A family tree of changes: parents and children, a conflict, a new id for a known key, a deletion
/// of what has edits here, children of what is not here.
fn changes(device: &Device) -> Vec<RemoteChange> {
    let of = |patient: u32| json!({"patient_id": id(patient).as_str(), "updated_at": NOW + 5});
    let event =
        json!({"patient_id": id(1).as_str(), "visit_id": id(11).as_str(), "updated_at": NOW + 5});
    let attribute = json!({"patient_id": id(1).as_str(), "attribute_id": id(77).as_str(),
                           "attribute": "a", "string_value": "theirs", "updated_at": NOW + 5});
    vec![
        upsert(device, "patients", 1, &patient("Theirs", NOW + 5)),
        upsert(device, "patients", 2, &patient("New", NOW + 5)),
        upsert(device, "visits", 11, &of(1)),
        upsert(device, "visits", 12, &of(2)),
        upsert(device, "visits", 13, &of(9)),
        upsert(device, "events", 21, &event),
        upsert(device, "patient_additional_attributes", 31, &attribute),
    ]
}

fn deletions(device: &Device) -> Vec<RemoteChange> {
    let gone = |table: &str, number| RemoteChange::Delete(device.table(table), id(number));
    vec![gone("patients", 3), gone("visits", 14), gone("patients", 8)]
}

type Told = (
    Rows,
    u64,
    Vec<(String, Option<String>, Option<String>, Option<String>)>,
);

/// What a device holds after it has had its own edits and then this pull.
fn after(device: &Device, pulled: Vec<RemoteChange>) -> Told {
    device.begin_anew();
    let before = vec![
        upsert(device, "patients", 1, &patient("Amal", NOW)),
        upsert(device, "patients", 3, &patient("Gone", NOW)),
        upsert(
            device,
            "visits",
            14,
            &json!({"patient_id": id(3).as_str(), "updated_at": NOW}),
        ),
    ];
    let pull = |changes, timestamp| ScriptedPull {
        changes,
        timestamp,
        ..ScriptedPull::default()
    };
    let peer = ScriptedPeer::new(&CallLog::default());
    peer.will_answer(pull(before, NOW + 1));
    device.sync_with(&PeerId::cloud(), &peer, false).unwrap();
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    device
        .update("visits", &id(14), json!({"provider_name": "Dr Lost"}))
        .unwrap();
    device
        .insert(
            "patient_additional_attributes",
            json!({"id": id(32).as_str(), "patient_id": id(1).as_str(),
                   "attribute_id": id(77).as_str(), "attribute": "a", "string_value": "ours"}),
        )
        .unwrap();
    // It takes nothing, so that what waits can be counted.
    peer.on_push(|_| Err(PushFailure::Stopped(failure(ErrorCode::Network))));
    peer.will_answer(pull(pulled, NOW + 10));
    let _ = device.sync_with(&PeerId::cloud(), &peer, false);
    let mut ledger: Vec<_> = device
        .ledger()
        .into_iter()
        .map(|entry| (entry.record_id, entry.column, entry.local, entry.remote))
        .collect();
    ledger.sort();
    (device.rows(), device.pending(), ledger)
}

thread_local! {
    static DEVICE: Device = cloud_and_device().2;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_a_pull_changes_nothing(
        upserts in Just((0..7).collect::<Vec<usize>>()).prop_shuffle(),
        deleted in Just((0..3).collect::<Vec<usize>>()).prop_shuffle(),
    ) {
        DEVICE.with(|device| {
            let (changes, deletions) = (changes(device), deletions(device));
            let shuffled = upserts.iter().map(|i| changes[*i].clone());
            let shuffled = shuffled.chain(deleted.iter().map(|i| deletions[*i].clone())).collect();
            let plain = after(device, changes.iter().chain(&deletions).cloned().collect());
            assert!(plain.2.len() >= 2, "a conflict and a lost edit: {:?}", plain.2);
            prop_assert_eq!(after(device, shuffled), plain);
            Ok(())
        })?;
    }
}
