//! Many rows refused one after the other: the peer, or the rows. What it would take is found and sent.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;

use super::pushing::{numbers, refuse};
use super::*;
use crate::model::change_set::OutboxRow;

const KNOWN: u32 = 9_000;

/// New records of a table that refer to another one.
fn referring(device: &Device, table: &str, ids: std::ops::Range<u32>, to: (&str, fn(u32) -> u32)) {
    for number in ids {
        device.write(table, number, to.0, id((to.1)(number)).as_str());
    }
}

/// That the peer seems to be down is no failure of the test: what it would not take is all that waits.
fn sync_until_only_these_wait(device: &Device, bad: &BTreeSet<u32>) {
    let is_done = (0..1_000).any(|_| {
        let _ = device.sync();
        numbers(device.store.dirty()) == *bad
    });
    assert!(is_done, "{:?}", numbers(device.store.dirty()));
}

#[test]
fn what_does_not_refer_to_the_refused_ones_is_sent_wherever_it_stands() {
    // Behind rows that wait, in the same piece.
    let device = Device::new();
    device.patients(8);
    referring(&device, "visits", 100..108, ("patient_id", |n| n - 100));
    referring(&device, "events", 200..208, ("patient_id", |_| KNOWN));
    refuse(&device, (0..8).collect());
    let report = device.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (8, 8));
    assert_eq!(report.waiting, 8);

    // In a later request.
    let device = Device::new();
    device.patients(8);
    referring(
        &device,
        "prescription_items",
        300..301,
        ("patient_id", |_| KNOWN),
    );
    refuse(&device, (0..8).collect());
    let report = device.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (1, 8));

    // A deletion.
    let device = Device::new();
    device.patients(9);
    device.store.acknowledge_all();
    device.store.remove(device.table("patients"), &id(8));
    for number in 0..8 {
        device.write("patients", number, "given_name", "again");
    }
    refuse(&device, (0..8).collect());
    let report = device.sync().unwrap();
    assert_eq!((report.pushed_deletions, report.quarantined), (1, 8));

    // On a later page.
    let device = Device::new();
    device.patients(1_500);
    refuse(&device, (0..1_400).collect());
    sync_until_only_these_wait(&device, &(0..1_400).collect());
}

/// The cloud invents a visit for what refers to one that it does not have.
#[test]
fn nothing_is_sent_before_what_it_refers_to() {
    let device = Device::new();
    device.patients(8);
    // One bad visit and a good one, with the events of the good one behind them.
    referring(&device, "visits", 100..102, ("patient_id", |_| KNOWN));
    referring(&device, "events", 200..210, ("visit_id", |_| 101));
    let bad: BTreeSet<u32> = (0..8).chain([100]).collect();
    let taken = Arc::new(Mutex::new(HashSet::new()));
    let too_early = Arc::new(Mutex::new(0));
    let (has, early) = (taken.clone(), too_early.clone());
    let at = device.column("events", "visit_id");
    let events = device.table("events");
    let bad_ones = bad.clone();
    device.peer.on_push(move |piece: &[OutboxRow]| {
        let mut has = has.lock().unwrap();
        for row in piece {
            if bad_ones.contains(&number_of(&row.id)) {
                return Err(refused());
            }
            let visit = row.values.get(at).and_then(Value::as_text);
            if row.table == events && !visit.is_some_and(|visit| has.contains(visit)) {
                *early.lock().unwrap() += 1;
            }
            has.insert(row.id.as_str().to_owned());
        }
        Ok(())
    });
    let report = device.sync().unwrap();
    assert_eq!(*too_early.lock().unwrap(), 0);
    assert_eq!((report.pushed, report.quarantined), (11, 9));
    assert_eq!(numbers(device.store.dirty()), bad);
}

/// It was down for a while: the rows are as good as any.
#[test]
fn a_peer_that_works_again_meanwhile_has_refused_nothing() {
    let mut found = 0;
    for refusals in 20..40 {
        let device = Device::new();
        device.patients(40);
        referring(&device, "events", 200..240, ("patient_id", |_| KNOWN));
        let mut asked = 0;
        device.peer.on_push(move |_| {
            asked += 1;
            if asked > refusals {
                Ok(())
            } else {
                Err(refused())
            }
        });
        let result = device.sync();
        assert!(device.store.quarantined().is_empty(), "{refusals}");
        // It works again while it is doubted; else it is down for this sync.
        if result.is_ok() {
            found += 1;
            assert!(device.store.dirty().is_empty(), "{refusals}");
        }
    }
    assert!(found > 0);
}

/// A whole table that the peer does not take now is tried again by itself, and not all of it at once.
#[test]
fn a_table_that_is_not_taken_now_is_put_aside_for_a_while_and_in_parts() {
    let device = Device::new();
    device.patients(2_000);
    referring(&device, "events", 3_000..3_200, ("patient_id", |_| KNOWN));
    refuse(&device, (0..2_000).collect());
    assert!(device.sync().is_err());
    let refusals = device.store.refusals();
    assert!((8..400).contains(&refusals.len()), "{}", refusals.len());
    assert!(refusals.iter().all(|refusal| refusal.retry_ms.is_some()));
    assert!(device.log.pushes().len() < 1_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// In one sync or another each row that the peer would take is tried.
    #[test]
    fn what_the_peer_would_take_gets_there(
        count in 1u32..60,
        bad in proptest::collection::vec(proptest::bool::weighted(0.9), 60),
        good in 0u32..60,
    ) {
        let bad: BTreeSet<u32> = (0..count)
            .filter(|n| bad[*n as usize] && *n != good % count)
            .collect();
        let device = Device::new();
        device.patients(count);
        refuse(&device, bad.clone());
        sync_until_only_these_wait(&device, &bad);
    }
}
