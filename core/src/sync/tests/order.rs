//! What is called in which order, and what the app hears.

use super::*;
use crate::model::change_set::PushClass;
use crate::model::notice::SyncPhase;
use crate::test_support::Call;

const STAGE_0: PushClass = PushClass::Upserts { stage: 0 };
const STAGE_1: PushClass = PushClass::Upserts { stage: 1 };

#[test]
fn h04_w067_pull_apply_push_and_success_only_at_the_end() {
    let device = Device::new();
    device.patients(1);
    device.peer.will_answer(ScriptedPull {
        skew_ms: 250,
        ..reply(900, vec![patient(&device, 7, "Noor", 5)])
    });
    let report = device.sync().unwrap();
    let expected = [
        Call::Cursor,
        Call::Pull(0),
        Call::Apply,
        Call::Collect(STAGE_0),
        Call::Push(vec![id(0).to_string()]),
        Call::Acknowledge(1),
        Call::Collect(STAGE_1),
        Call::Collect(PushClass::Deletions),
        Call::NoteSuccess(250),
    ];
    assert_eq!(device.log.calls(), expected);
    assert_eq!(report.pulled, 1);
    assert_eq!(report.applied.inserted, 1);
    assert_eq!((report.pushed, report.requests), (1, 2));
    assert_eq!(device.store.stored_cursor(), 900);
}

#[test]
fn w063_w069_nothing_to_push_sends_and_marks_nothing() {
    let device = Device::new();
    device.sync().unwrap();
    // Not even collected.
    let expected = [
        Call::Cursor,
        Call::Pull(0),
        Call::Apply,
        Call::NoteSuccess(0),
    ];
    assert_eq!(device.log.calls(), expected);
}

#[test]
fn l24_what_waits_and_cannot_be_read_is_no_success() {
    let device = Device::new();
    device.patients(1);
    device.store.fail_to_collect(ErrorCode::DatabaseDamaged);
    let error = device.sync().unwrap_err();
    assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
    let calls = device.log.calls();
    let is_success = |call: &Call| matches!(call, Call::NoteSuccess(_));
    assert!(!calls.iter().any(is_success), "{calls:?}");
    assert!(device.log.pushes().is_empty());
}

#[test]
fn dispensing_records_go_after_the_items_and_deletions_last() {
    let device = Device::new();
    device.write("dispensing_records", 1, "drug_id", "d");
    device.write("visits", 4, "patient_id", "p");
    device.store.acknowledge_all();
    device.store.remove(device.table("visits"), &id(4));
    device.write("dispensing_records", 2, "drug_id", "d");
    device.write("prescription_items", 3, "drug_id", "d");
    device.sync().unwrap();
    let pushed: Vec<Vec<u32>> = device.log.pushes().iter().map(|ids| numbers(ids)).collect();
    assert_eq!(pushed, [vec![3], vec![2], vec![4]]);
}

fn numbers(ids: &[String]) -> Vec<u32> {
    let number = |id: &String| number_of(&RecordId::from_peer(id).unwrap());
    ids.iter().map(number).collect()
}

#[test]
fn deletions_of_records_with_children_go_alone() {
    let device = Device::new();
    for number in 0..3 {
        device.write("patients", number, "given_name", "x");
        device.write("visits", number + 10, "patient_id", "x");
        device.write("events", number + 20, "patient_id", "x");
        device.write("appointments", number + 30, "patient_id", "x");
    }
    device.store.acknowledge_all();
    for number in 0..3 {
        device.store.remove(device.table("patients"), &id(number));
        device
            .store
            .remove(device.table("visits"), &id(number + 10));
        device
            .store
            .remove(device.table("events"), &id(number + 20));
        device
            .store
            .remove(device.table("appointments"), &id(number + 30));
    }
    let report = device.sync().unwrap();
    let pushed: Vec<Vec<u32>> = device.log.pushes().iter().map(|ids| numbers(ids)).collect();
    let expected = [
        vec![0],
        vec![1],
        vec![2],
        vec![10],
        vec![11],
        vec![12],
        vec![20, 21, 22, 30, 31, 32],
    ];
    assert_eq!(pushed, expected);
    assert_eq!((report.pushed, report.pushed_deletions), (0, 12));
}

#[test]
fn a_large_row_takes_no_others_along() {
    let device = Device::new();
    device.patients(2);
    device.write("patients", 2, "given_name", &"x".repeat(600 * 1024));
    device.write("patients", 3, "given_name", "Noor");
    device.sync().unwrap();
    let pushed: Vec<Vec<u32>> = device.log.pushes().iter().map(|ids| numbers(ids)).collect();
    assert_eq!(pushed, [vec![0, 1], vec![2], vec![3]]);
}

#[test]
fn large_outboxes_go_in_pieces_each_acknowledged_before_the_next() {
    let device = Device::new();
    device.patients(700);
    device.sync().unwrap();
    let sizes: Vec<usize> = device
        .log
        .calls()
        .iter()
        .filter_map(|call| match call {
            Call::Push(ids) => Some(ids.len()),
            Call::Acknowledge(count) => Some(*count),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [300, 300, 300, 300, 100, 100]);
    assert!(device.store.dirty().is_empty());
}

#[test]
fn every_phase_is_told_and_the_rest_at_most_ten_times_a_second() {
    let device = Device::new();
    let changes = (0..1_000).map(|n| patient(&device, n, "x", 1)).collect();
    device.peer.will_answer(reply(5, changes));
    device.sync().unwrap();
    let phases: Vec<_> = device.progress.events().iter().map(|e| e.phase).collect();
    // The clock stands still: no time for more than each phase's beginning, and its end where it
    // got anywhere.
    let expected = [
        SyncPhase::Pulling,
        SyncPhase::Pulling,
        SyncPhase::Applying,
        SyncPhase::Applying,
        SyncPhase::Pushing,
        SyncPhase::Finished,
    ];
    assert_eq!(phases, expected);
    let rows: Vec<_> = device.progress.events().iter().map(|e| e.rows).collect();
    assert_eq!(rows, [0, 1_000, 0, 1_000, 0, 0]);
    assert_eq!(device.progress.events()[2].total_rows, Some(1_000));
}

#[test]
fn progress_goes_on_with_time() {
    let device = Device::new();
    device.patients(900);
    let clock = device.clock.clone();
    device.peer.on_push(move |_| {
        clock.advance(60);
        Ok(())
    });
    device.sync().unwrap();
    let rows: Vec<_> = device
        .progress
        .events()
        .iter()
        .filter(|event| event.phase == SyncPhase::Pushing)
        .map(|event| event.rows)
        .collect();
    assert_eq!(rows, [0, 600, 900]);
}

#[test]
fn times_are_told_apart() {
    let device = Device::new();
    device.patients(1);
    let clock = device.clock.clone();
    device.peer.on_pull(move || clock.advance(30));
    let clock = device.clock.clone();
    device.peer.on_push(move |_| {
        clock.advance(7);
        Ok(())
    });
    let report = device.sync().unwrap();
    assert_eq!(
        (report.pull_ms, report.apply_ms, report.push_ms),
        (30, 0, 7)
    );
}
