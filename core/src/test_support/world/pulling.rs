//! Behaviours of a sync that servers and apps rely on, by their numbers in
//! `docs/sync-behaviours.md`.

use super::device::cloud_and_device;
use super::writing::changed;
use super::*;
use crate::model::change_set::{
    OutboxKind, OutboxRow, PieceLimit, PushClass, PushFailure, RemoteChange, RemoteRow,
};
use crate::model::ids::PeerId;
use crate::model::ledger::ConflictKind;
use crate::model::terms::PeerTerms;
use crate::ports::SyncStore;
use crate::test_support::{CallLog, ScriptedPeer, ScriptedPull};

pub(super) fn outbox(device: &Device) -> Vec<OutboxRow> {
    let limit = PieceLimit {
        rows: 100,
        bytes: usize::MAX,
        begun: crate::model::change_set::Revision(i64::MAX),
    };
    let collect = |class| {
        let page = device
            .database
            .collect(&PeerTerms::cloud(), class, &Default::default(), limit);
        page.wait().unwrap().rows
    };
    let mut rows = collect(PushClass::Upserts { stage: 0 });
    rows.extend(collect(PushClass::Upserts { stage: 1 }));
    rows.extend(collect(PushClass::Deletions));
    rows
}

pub(super) fn with_patient() -> (Cloud, Device) {
    let (_, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    device.sync(&cloud);
    (cloud, device)
}

#[test]
fn w021_w030_absent_columns_keep_the_stored_value() {
    let (_, device) = with_patient();
    let table = device.schema.table(device.table("patients"));
    let row = |cells: &[(&str, Value)]| crate::model::change_set::RemoteRow {
        id: id(1),
        cells: cells
            .iter()
            .map(|(c, v)| (table.position(c).unwrap(), v.clone()))
            .collect(),
    };
    let local = vec![text("x"); table.columns.len()];
    let remote = row(&[("phone", text("1"))]);
    let plan = crate::sync::merge(&crate::model::merge::MergeInput {
        table,
        local: Some(&local),
        outbox: None,
        remote: &remote,
        held: &[],
        elsewhere: None,
    });
    let expected = vec![(table.position("phone").unwrap(), text("1"))];
    assert!(
        matches!(plan, crate::model::merge::MergePlan::Update { cells, .. } if cells == expected)
    );
}

#[test]
fn w029_w031_w042_w074_a_conflict_keeps_ours_column_by_column_and_pushes_the_result() {
    let (cloud, device) = with_patient();
    device
        .update("patients", &id(1), json!({"given_name": "Ours"}))
        .unwrap();
    let theirs = json!({"given_name": "Theirs", "phone": "1", "updated_at": NOW + 900_000});
    cloud.put("patients", &id(1), theirs);
    cloud.state.lock().unwrap().refuses_pushes = true;
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    let rows = outbox(&device);
    assert_eq!(rows[0].kind, OutboxKind::Updated);
    assert_eq!(changed(&device, &rows[0]), ["given_name"]);
    cloud.state.lock().unwrap().refuses_pushes = false;
    device.sync(&cloud);
    for (column, value) in [("given_name", "Ours"), ("phone", "1")] {
        assert_eq!(cloud.value("patients", &id(1), column), Some(text(value)));
    }
}

/// A scripted peer, and the log of what it is asked.
fn scripted() -> (ScriptedPeer, CallLog) {
    let log = CallLog::default();
    (ScriptedPeer::new(&log), log)
}

#[test]
fn w036_w068_the_cursor_is_the_peers_and_starts_with_everything() {
    for (peer, everything) in [(PeerId::cloud(), 0), (Hub::id(), -1)] {
        let (_, _, mut device) = cloud_and_device();
        let (line, log) = scripted();
        // Any number above 0 is one; a device's clock has no part in it.
        let given = [86_400_000_001, NOW + 12_345, 86_400_000_002];
        for timestamp in given {
            line.will_answer(ScriptedPull {
                timestamp,
                ..ScriptedPull::default()
            });
            device.sync_with(&peer, &line, false).unwrap();
            assert_eq!(device.database.cursor(&peer).unwrap(), timestamp);
            device.restart();
            assert_eq!(device.database.cursor(&peer).unwrap(), timestamp);
        }
        let overlap = 300_000;
        let asked = [everything, given[0] - overlap, given[1] - overlap];
        assert_eq!(log.pulls(), asked, "{}", peer.as_str());
    }
}

#[test]
fn w038_w039_w040_created_updated_deleted_of_clean_records_are_followed() {
    let (cloud, device) = with_patient();
    assert_eq!(device.field("patients", &id(1), "given_name"), "Amal");
    cloud.put(
        "patients",
        &id(1),
        json!({"given_name": "B", "updated_at": NOW + 1}),
    );
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id(1), "given_name"), "B");
    assert!(outbox(&device).is_empty());
    cloud.delete("patients", &id(1));
    device.sync(&cloud);
    assert!(device.get("patients", &id(1)).is_none());
}

#[test]
fn w037_w043_w051_w052_the_same_pull_twice_changes_nothing() {
    let (cloud, device) = with_patient();
    let before = device.get("patients", &id(1));
    let report = device.sync(&cloud);
    assert_eq!((report.applied.updated, report.applied.inserted), (0, 0));
    assert!(report.applied.unchanged > 0, "the overlap brought it again");
    assert_eq!(device.get("patients", &id(1)), before);
    // Nor does one without any change, and what waits here goes on waiting as it was.
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    let (before, waiting) = (device.rows(), outbox(&device));
    device.what_was_heard();
    let (line, _) = scripted();
    line.on_push(|_| Err(PushFailure::Stopped(failure(ErrorCode::Network))));
    for _ in 0..2 {
        let _ = device.sync_with(&PeerId::cloud(), &line, false);
        assert_eq!(
            (device.rows(), outbox(&device)),
            (before.clone(), waiting.clone())
        );
        assert_eq!(device.what_was_heard(), []);
    }
}

/// The device's clock is hours ahead of both.
#[test]
fn w052_what_is_pulled_has_the_times_that_it_was_sent_with_and_without_any_keeps_those_it_had() {
    let (_, device) = with_patient();
    let times = |device: &Device| {
        ["created_at", "updated_at"].map(|column| device.field("patients", &id(1), column))
    };
    let before = times(&device);
    assert_eq!(before, [json!(NOW - 1_000_000), json!(NOW)]);
    device.clock.set_wall(NOW + 7_200_000);
    let (line, _) = scripted();
    let table = device.table("patients");
    let comes = |cells: Json| {
        let columns = device.schema.table(table);
        let cells = cells.as_object().unwrap().iter().map(|(name, json)| {
            (
                columns.position(name).unwrap(),
                Value::from_json(json).unwrap(),
            )
        });
        let row = RemoteRow {
            id: id(1),
            cells: cells.collect(),
        };
        line.will_answer(ScriptedPull {
            changes: vec![RemoteChange::Upsert(table, row)],
            timestamp: NOW + 1_000,
            ..ScriptedPull::default()
        });
        let report = device.sync_with(&PeerId::cloud(), &line, false).unwrap();
        assert_eq!(report.applied.updated, 1);
    };
    comes(json!({"phone": "1"}));
    assert_eq!(device.field("patients", &id(1), "phone"), "1");
    assert_eq!(times(&device), before);
    let later = [NOW - 2_000_000, NOW + 60_000];
    comes(json!({"phone": "2", "created_at": later[0], "updated_at": later[1]}));
    assert_eq!(times(&device), later.map(|ms| json!(ms)));
    assert_eq!(device.pending(), 0);
}

#[test]
fn w033_w034_w035_w037_w077_listeners_hear_once_of_a_pull_that_changes_something_and_else_nothing()
{
    let (cloud, device) = with_patient();
    device.what_was_heard();
    let report = device.sync(&cloud);
    assert!(report.applied.unchanged > 0, "the overlap brought it again");
    assert_eq!(device.what_was_heard(), []);
    // One record with one other value, one that is new, and one that is the same.
    let name = json!({"given_name": "B", "updated_at": NOW + 1});
    cloud.put("patients", &id(1), name);
    cloud.put("patients", &id(2), patient("Noor", NOW));
    cloud.put("visits", &id(3), json!({"patient_id": id(1).as_str()}));
    let report = device.sync(&cloud);
    assert_eq!((report.applied.inserted, report.applied.updated), (2, 1));
    let of = |table: &str, numbers: &[u32]| {
        let ids = numbers.iter().map(|n| id(*n).to_string());
        (table.to_owned(), ids.collect::<Vec<_>>())
    };
    let one = vec![of("patients", &[1, 2]), of("visits", &[3])];
    assert_eq!(device.what_was_heard(), [(true, one)]);
    // The pull is applied, the push that follows fails.
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    let here = (false, vec![of("patients", &[1])]);
    assert_eq!(device.what_was_heard(), [here]);
    cloud.put("patients", &id(4), patient("Sami", NOW));
    cloud.state.lock().unwrap().refuses_pushes = true;
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    let pulled = (true, vec![of("patients", &[4])]);
    assert_eq!(device.what_was_heard(), [pulled]);
}

#[test]
fn w044_w047_w061_a_record_that_was_pushed_and_not_marked_keeps_the_newer_edit() {
    let (_, cloud, device) = cloud_and_device();
    let id = device
        .insert("patients", json!({"given_name": "A"}))
        .unwrap();
    // The push arrived; the process died before it was marked.
    outbox(&device)
        .iter()
        .for_each(|row| cloud.take(row).unwrap());
    device
        .update("patients", &id, json!({"given_name": "B"}))
        .unwrap();
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id, "given_name"), "B");
    assert_eq!(cloud.value("patients", &id, "given_name"), Some(text("B")));
    assert_eq!(device.pending(), 0);
}

#[test]
fn w044_w047_of_what_was_pushed_and_not_marked_the_peers_later_values_are_taken() {
    let (cloud, device) = with_patient();
    let made = device
        .insert("patients", json!({"given_name": "A"}))
        .unwrap();
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    outbox(&device)
        .iter()
        .for_each(|row| cloud.take(row).unwrap());
    // A colleague edits both, in columns that nobody edited here since; one is edited here again.
    let later = |cells: Json| {
        let mut cells = cells;
        cells["updated_at"] = json!(NOW + 60_000);
        cells
    };
    cloud.put("patients", &made, later(json!({"given_name": "B"})));
    cloud.put("patients", &id(1), later(json!({"surname": "S"})));
    device
        .update("patients", &id(1), json!({"phone": "2"}))
        .unwrap();
    device.sync(&cloud);
    assert_eq!(device.field("patients", &made, "given_name"), "B");
    assert_eq!(device.field("patients", &id(1), "surname"), "S");
    assert_eq!(cloud.value("patients", &id(1), "surname"), Some(text("S")));
    assert_eq!(cloud.value("patients", &id(1), "phone"), Some(text("2")));
    assert_eq!(
        cloud.value("patients", &made, "given_name"),
        Some(text("B"))
    );
    assert_eq!(device.pending(), 0);
}

#[test]
fn w032_w045_w046_a_local_deletion_stays_whatever_the_peer_sends_again() {
    let (cloud, device) = with_patient();
    device.delete("patients", &id(1)).unwrap();
    cloud.state.lock().unwrap().refuses_pushes = true;
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    assert!(device.get("patients", &id(1)).is_none());
    assert!(device.ledger().is_empty(), "the same version came again");
    cloud.put(
        "patients",
        &id(1),
        json!({"phone": "1", "updated_at": NOW + 9}),
    );
    let _ = device.sync_with(&PeerId::cloud(), &cloud, false);
    assert_eq!(device.ledger().len(), 1, "a newer version is told");
    cloud.state.lock().unwrap().refuses_pushes = false;
    device.sync(&cloud);
    assert!(cloud.visible().is_empty());
}

#[test]
fn w048_w089_an_update_of_an_unknown_record_is_stored() {
    let (clock, cloud, device) = cloud_and_device();
    cloud.put("patients", &id(1), patient("Amal", NOW));
    clock.advance(3_600_000);
    let empty = Cloud::new(&clock);
    device.sync(&empty);
    cloud.put(
        "patients",
        &id(1),
        json!({"phone": "1", "updated_at": NOW + 1}),
    );
    device.sync(&cloud);
    assert_eq!(device.field("patients", &id(1), "phone"), "1");
    assert!(outbox(&device).is_empty());
}

#[test]
fn w049_w050_w076_deletions_by_the_peer_win_and_lost_edits_are_in_the_ledger() {
    let (cloud, device) = with_patient();
    cloud.put("patients", &id(2), patient("Noor", NOW));
    cloud.put("patients", &id(3), patient("Sami", NOW));
    device.sync(&cloud);
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    device.delete("patients", &id(2)).unwrap();
    for number in 1..4 {
        cloud.delete("patients", &id(number));
    }
    cloud.delete("patients", &id(8));
    let report = device.sync(&cloud);
    assert_eq!(device.count("patients"), 0);
    assert_eq!((report.applied.lost_edits, report.pushed), (1, 0));
    assert_eq!((device.pending(), device.ledger().len()), (0, 1));
}

/// It was edited before the peer with the last word had it; another peer has it, and deletes it.
#[test]
fn a_deletion_by_a_hub_of_a_new_record_that_was_edited_is_carried_out() {
    let (clock, _, device) = cloud_and_device();
    let (other, hub) = (Device::new(&clock, 2), Hub::new(&clock));
    let patient = device.insert("patients", json!({})).unwrap();
    let visit = json!({"patient_id": patient.as_str()});
    device.insert("visits", visit).unwrap();
    device
        .update("patients", &patient, json!({"phone": "1"}))
        .unwrap();
    device.sync_hub(&hub);
    other.sync_hub(&hub);
    other.delete("patients", &patient).unwrap();
    other.sync_hub(&hub);
    device.sync_hub(&hub);
    assert_eq!((device.count("patients"), device.count("visits")), (0, 0));
    assert_eq!(device.pending(), 0);
    let ledger = device.ledger();
    let of_patient = ledger.iter().find(|entry| entry.table == "patients");
    let entry = of_patient.unwrap();
    assert_eq!(entry.kind, ConflictKind::DeletedByPeer);
    assert_eq!(entry.record_id, patient.as_str());
}

/// What was made here and edited before it was taken is no record that was given again.
#[test]
fn a_new_record_that_was_edited_goes_with_the_patient_whom_the_peer_deleted() {
    let (cloud, device) = with_patient();
    let of = |fields: Json| {
        let mut all = json!({"patient_id": id(1).as_str()});
        all.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        all
    };
    let visit = device.insert("visits", of(json!({}))).unwrap();
    let provider = json!({"provider_name": "Noor"});
    device.update("visits", &visit, provider).unwrap();
    let event = of(json!({"visit_id": visit.as_str()}));
    device.insert("events", event).unwrap();
    let blood = json!({"attribute_id": "blood", "attribute": "Blood", "string_value": "A"});
    let attribute = device
        .insert("patient_additional_attributes", of(blood))
        .unwrap();
    let changed = json!({"string_value": "B"});
    device
        .update("patient_additional_attributes", &attribute, changed)
        .unwrap();
    cloud.delete("patients", &id(1));
    let report = device.sync(&cloud);
    assert_eq!(device.rows(), Rows::new());
    assert_eq!((report.applied.lost_edits, report.pushed), (3, 0));
    assert_eq!((device.pending(), device.ledger().len()), (0, 3));
}

#[test]
fn h09_w057_w058_w069_only_what_changed_is_pushed_and_nothing_is_asked_without() {
    let (cloud, device) = with_patient();
    let requests = |cloud: &Cloud| cloud.state.lock().unwrap().requests;
    let before = requests(&cloud);
    device.sync(&cloud);
    assert_eq!(requests(&cloud) - before, 1, "the pull alone");
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    let rows = outbox(&device);
    let table = device.schema.table(rows[0].table);
    assert_eq!(rows[0].values.len(), table.columns.len(), "a whole record");
}

#[test]
fn w059_changes_survive_a_restart() {
    let (cloud, mut device) = with_patient();
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    let before = outbox(&device);
    device.restart();
    assert_eq!(outbox(&device), before);
    device.sync(&cloud);
    assert_eq!(cloud.value("patients", &id(1), "phone"), Some(text("1")));
}

#[test]
fn w062_w063_w064_marking_touches_no_record_and_leaves_no_tombstone() {
    let (cloud, device) = with_patient();
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    let other = device.insert("patients", json!({})).unwrap();
    let gone = device.insert("patients", json!({})).unwrap();
    device.sync(&cloud);
    device.delete("patients", &gone).unwrap();
    device
        .update("patients", &other, json!({"phone": "2"}))
        .unwrap();
    let sent = outbox(&device);
    assert_eq!(sent.len(), 2);
    let before = device.rows();
    // The clock went on: whoever touched a record would be seen by its time.
    device.clock.advance(60_000);
    device.what_was_heard();
    let mark = |rows: &[OutboxRow]| {
        let taken = rows.iter().map(Into::into).collect();
        device
            .database
            .acknowledge(&PeerTerms::cloud(), taken)
            .unwrap();
    };
    mark(&[]);
    assert_eq!(outbox(&device), sent, "nothing to mark");
    mark(&sent);
    assert!(outbox(&device).is_empty());
    assert_eq!((device.pending(), device.rows()), (0, before));
    assert_eq!(device.what_was_heard(), []);
}

#[test]
fn w065_w066_w075_w083_w084_what_changes_during_a_push_or_is_refused_stays() {
    let (cloud, device) = with_patient();
    let deleted = device.insert("patients", json!({})).unwrap();
    let refused = device.insert("patients", json!({})).unwrap();
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    let sent = outbox(&device);
    device
        .update("patients", &id(1), json!({"surname": "X"}))
        .unwrap();
    device.delete("patients", &deleted).unwrap();
    let new = device.insert("patients", json!({})).unwrap();
    let taken = sent.iter().filter(|row| row.id != refused);
    device
        .database
        .acknowledge(&PeerTerms::cloud(), taken.map(Into::into).collect())
        .unwrap();
    let mut left: Vec<(String, OutboxKind)> = outbox(&device)
        .into_iter()
        .map(|row| (row.id.into_string(), row.kind))
        .collect();
    left.sort_by(|a, b| a.0.cmp(&b.0));
    let mut expected = vec![
        (id(1).into_string(), OutboxKind::Updated),
        (deleted.into_string(), OutboxKind::Deleted),
        (refused.into_string(), OutboxKind::Created),
        (new.into_string(), OutboxKind::Created),
    ];
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(left, expected);
    // The columns already pushed are still listed.
    let row = outbox(&device)
        .into_iter()
        .find(|row| row.id == id(1))
        .unwrap();
    let mut columns = changed(&device, &row);
    columns.sort_unstable();
    assert_eq!(columns, ["phone", "surname"]);
    device.sync(&cloud);
    assert_eq!(device.pending(), 0);
}

#[test]
fn l22_w072_w073_a_failed_pull_changes_nothing_and_a_failed_push_keeps_the_pull() {
    let (cloud, device) = with_patient();
    let cursor = || device.database.cursor(&PeerId::cloud()).unwrap();
    let before = cursor();
    device
        .update("patients", &id(1), json!({"phone": "1"}))
        .unwrap();
    cloud.state.lock().unwrap().down = true;
    let failed = device
        .sync_with(&PeerId::cloud(), &cloud, false)
        .unwrap_err();
    assert_eq!(failed.code(), ErrorCode::Network);
    assert_eq!((cursor(), device.pending()), (before, 1));
    cloud.state.lock().unwrap().down = false;
    cloud.state.lock().unwrap().refuses_pushes = true;
    cloud.put("patients", &id(2), patient("Noor", NOW));
    assert!(device.sync_with(&PeerId::cloud(), &cloud, false).is_err());
    assert!(cursor() > before);
    assert!(device.get("patients", &id(2)).is_some());
    assert_eq!(device.pending(), 1);
}
