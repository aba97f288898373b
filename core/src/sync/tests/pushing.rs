//! Bad rows, outages, limits and edits during a push.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::change_set::{OutboxKind, OutboxRow};
use crate::ports::Clock as _;
use crate::test_support::Call;

/// A peer that refuses every piece with one of these in it.
pub(super) fn refuse(device: &Device, bad: BTreeSet<u32>) {
    device.peer.on_push(move |piece| {
        if piece.iter().any(|row| bad.contains(&number_of(&row.id))) {
            Err(refused())
        } else {
            Ok(())
        }
    });
}

pub(super) fn numbers(ids: Vec<RecordId>) -> BTreeSet<u32> {
    ids.iter().map(number_of).collect()
}

#[test]
fn one_bad_row_is_found_wherever_it_is() {
    for bad in [0, 1, 149, 150, 298, 299] {
        let device = Device::new();
        device.patients(300);
        refuse(&device, [bad].into());
        let report = device.sync().unwrap();
        assert_eq!((report.pushed, report.quarantined), (299, 1));
        assert_eq!(numbers(device.store.quarantined()), [bad].into());
        assert!(
            device.log.pushes().len() <= 20,
            "{}",
            device.log.pushes().len()
        );
        // The next sync does not offer it again.
        let before = device.log.pushes().len();
        device.sync().unwrap();
        assert_eq!(device.log.pushes().len(), before);
        // An edit does. It was known to be bad: that it still is fails no sync.
        device.write("patients", bad, "given_name", "mended");
        assert_eq!(device.sync().unwrap().quarantined, 1);
        assert_eq!(device.log.pushes().len(), before + 1);
    }
}

#[test]
fn many_bad_rows_at_the_front_do_not_look_like_an_outage() {
    let device = Device::new();
    device.patients(300);
    refuse(&device, (0..40).collect());
    let report = device.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (260, 40));
}

#[test]
fn an_outage_puts_nothing_aside_and_ends_soon() {
    for count in [1, 2, 7, 8, 9, 300, 1_000] {
        let device = Device::new();
        device.patients(count);
        device.peer.on_push(|_| Err(refused()));
        assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Server);
        assert_eq!(device.store.dirty().len() as u32, count);
        assert!(device.store.quarantined().is_empty());
        assert!(
            device.log.pushes().len() <= 40,
            "{}",
            device.log.pushes().len()
        );
        assert!(
            !device
                .log
                .calls()
                .iter()
                .any(|c| matches!(c, Call::NoteSuccess(_)))
        );
    }
}

#[test]
fn an_outage_in_the_middle_puts_only_proven_rows_aside() {
    let device = Device::new();
    device.patients(900);
    // Row 5 is bad; when the second piece comes the peer breaks down.
    refuse(&device, (300..900).chain([5]).collect());
    assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Server);
    assert_eq!(numbers(device.store.quarantined()), [5].into());
    assert_eq!(device.store.dirty().len(), 601);
    assert!(
        device.log.pushes().len() < 110,
        "{}",
        device.log.pushes().len()
    );
}

/// Refuses all of these requests, whatever is in them.
fn is_down(device: &Device, requests: std::ops::Range<usize>) {
    let mut asked = 0;
    device.peer.on_push(move |_| {
        asked += 1;
        match requests.contains(&(asked - 1)) {
            true => Err(refused()),
            false => Ok(()),
        }
    });
}

#[test]
fn an_outage_of_moments_while_others_are_taken_puts_nothing_aside() {
    // 300 rows are taken; of the next five all are refused until some stand alone.
    for moments in 1..10 {
        let device = Device::new();
        device.patients(305);
        is_down(&device, 1..1 + moments);
        let report = device.sync().unwrap();
        assert_eq!((report.pushed, report.quarantined), (305, 0), "{moments}");
        assert!(device.store.dirty().is_empty());
    }
}

#[test]
fn what_waited_for_a_row_that_is_taken_after_all_goes_in_the_same_push() {
    let device = Device::new();
    device.patients(2);
    device.write("visits", 100, "patient_id", id(1).as_str());
    // Both, then the second one alone.
    let mut asked = 0;
    device.peer.on_push(move |_| {
        asked += 1;
        if asked == 1 || asked == 3 {
            Err(refused())
        } else {
            Ok(())
        }
    });
    let report = device.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (3, 0));
    assert!(device.store.dirty().is_empty());
}

/// What goes out last stays at the peer: never a version that another one has followed.
#[test]
fn a_refused_row_that_is_deleted_during_the_push_is_not_sent_after_its_deletion() {
    for (count, refused_at_first) in [(3, 1), (9, 8)] {
        let device = Device::new();
        device.patients(count);
        let (store, table) = (device.store.clone(), device.table("patients"));
        let sent: Arc<Mutex<Vec<OutboxKind>>> = Arc::default();
        let log = Arc::clone(&sent);
        let mut refusals = 0;
        device.peer.on_push(move |piece| {
            let found = piece.iter().find(|row| number_of(&row.id) == 0);
            let Some(row) = found else {
                // Those behind it, in the larger case: so many that the peer is doubted.
                let alone = piece
                    .iter()
                    .all(|row| number_of(&row.id) < refused_at_first);
                return if alone || piece.len() > 1 {
                    Err(refused())
                } else {
                    Ok(())
                };
            };
            if piece.len() > 1 {
                return Err(refused());
            }
            refusals += 1;
            if refusals == 1 {
                store.remove(table, &id(0));
                return Err(refused());
            }
            log.lock().unwrap().push(row.kind);
            Ok(())
        });
        let _ = device.sync();
        let sent = sent.lock().unwrap().clone();
        assert_eq!(sent, [OutboxKind::Deleted], "{count}");
    }
}

#[test]
fn what_waited_for_what_waited_goes_in_the_same_push_too() {
    let device = Device::new();
    device.patients(2);
    device.write("visits", 100, "patient_id", id(1).as_str());
    device.write("events", 200, "visit_id", id(100).as_str());
    let mut alone = 0;
    device.peer.on_push(move |piece| {
        let has_it = piece.iter().any(|row| number_of(&row.id) == 1);
        alone += u32::from(has_it && piece.len() == 1);
        if has_it && (piece.len() > 1 || alone == 1) {
            Err(refused())
        } else {
            Ok(())
        }
    });
    let report = device.sync().unwrap();
    let counts = (report.pushed, report.quarantined, report.waiting);
    assert_eq!(counts, (4, 0, 0));
    assert!(device.store.dirty().is_empty());
}

#[test]
fn where_one_is_taken_after_all_the_others_are_put_aside_once() {
    let device = Device::new();
    device.patients(3);
    let mut alone = [0, 0];
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    device.peer.on_push(move |piece| {
        let number = number_of(&piece[0].id) as usize;
        if piece.len() > 1 || number > 1 {
            return if piece.len() > 1 {
                Err(refused())
            } else {
                Ok(())
            };
        }
        alone[number] += 1;
        match (number, alone[number]) {
            (0, times) => {
                *count.lock().unwrap() = times;
                Err(PushFailure::Hinted(error(ErrorCode::Server)))
            }
            (_, 1) => Err(refused()),
            _ => Ok(()),
        }
    });
    let report = device.sync().unwrap();
    assert_eq!((report.pushed, report.quarantined), (2, 1));
    assert_eq!(*asked.lock().unwrap(), 1);
}

#[test]
fn what_is_refused_until_the_end_of_a_push_is_tried_again_by_itself() {
    let device = Device::new();
    device.patients(305);
    is_down(&device, 1..1_000);
    assert_eq!(device.sync().unwrap().pushed, 300);
    let refusals = device.store.refusals();
    assert_eq!(refusals.len(), 5);
    for refusal in refusals {
        assert_eq!(refusal.retry_ms, Some(NOW + 60 * 60 * 1000));
    }
    // Two of them were refused twice before any other was taken.
    let device = Device::new();
    device.patients(305);
    is_down(&device, 1..12);
    assert_eq!(device.sync().unwrap().pushed, 303);
    let refusals = device.store.refusals();
    assert_eq!(refusals.len(), 2);
    assert!(refusals.iter().all(|refusal| refusal.retry_ms.is_some()));
    // Of a row that is refused before and after the peer took others there is no doubt.
    let device = Device::new();
    device.patients(305);
    refuse(&device, [7].into());
    assert_eq!(device.sync().unwrap().pushed, 304);
    assert_eq!(device.store.refusals()[0].retry_ms, None);
}

/// That it was refused before is no proof either: it may have been down each time.
#[test]
fn what_was_put_aside_before_and_is_refused_until_the_end_is_tried_again_by_itself() {
    const HOUR_MS: u64 = 60 * 60 * 1000;
    let device = Device::new();
    let visits = device.table("visits");
    device.peer.on_push(move |piece| {
        let of_visits = piece.iter().any(|row| row.table == visits);
        if of_visits { Err(refused()) } else { Ok(()) }
    });
    device.write("visits", 100, "patient_id", id(9_000).as_str());
    for number in 0..3 {
        device.write("patients", number, "given_name", "Amal");
        let report = device.sync().unwrap();
        assert_eq!((report.pushed, report.quarantined), (1, 1));
        let refusals = device.store.refusals();
        assert!(refusals[0].retry_ms.is_some(), "{number}");
        device.clock.advance(HOUR_MS);
        device.store.set_now(device.clock.now_ms());
    }
    // One that is refused before the peer takes another is.
    device.write("prescription_items", 200, "drug_id", "d");
    device.sync().unwrap();
    assert_eq!(device.store.refusals()[0].retry_ms, None);
}

#[test]
fn a_deletion_that_fails_for_ever_does_not_stop_the_others() {
    let device = Device::new();
    device.patients(30);
    device.store.acknowledge_all();
    for number in 0..30 {
        device.store.remove(device.table("patients"), &id(number));
    }
    refuse(&device, (0..12).collect());
    let report = device.sync().unwrap();
    assert_eq!((report.pushed_deletions, report.quarantined), (18, 12));
}

/// Whoever is on a clinic's network can say it: with every row, with one, before and after others.
#[test]
fn what_nobody_has_signed_puts_no_row_aside_for_long() {
    let unsigned = |_: &[OutboxRow]| Err(PushFailure::Hinted(error(ErrorCode::Server)));
    let device = Device::new();
    device.patients(300);
    device.peer.on_push(unsigned);
    assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Server);
    assert!(device.store.quarantined().is_empty(), "of many, none");

    let device = Device::new();
    device.patients(300);
    device.peer.on_push(
        move |piece| match piece.iter().any(|row| number_of(&row.id) == 7) {
            true => unsigned(piece),
            false => Ok(()),
        },
    );
    assert_eq!(device.sync().unwrap().pushed, 299);
    let refusals = device.store.refusals();
    assert_eq!(refusals.len(), 1);
    assert_eq!(refusals[0].retry_ms, Some(NOW + 10 * 60 * 1000));
    assert!(refusals[0].reason.contains("nobody has signed"));
}

#[test]
fn what_stops_a_push_puts_nothing_aside_and_the_pull_stays() {
    for code in [
        ErrorCode::Network,
        ErrorCode::Unauthorized,
        ErrorCode::Server,
    ] {
        let device = Device::new();
        device.patients(400);
        device
            .peer
            .will_answer(reply(77, vec![patient(&device, 900, "x", 1)]));
        let mut pieces = 0;
        device.peer.on_push(move |_| {
            pieces += 1;
            if pieces > 1 {
                Err(PushFailure::Stopped(error(code)))
            } else {
                Ok(())
            }
        });
        assert_eq!(device.sync().unwrap_err().code(), code);
        assert_eq!(device.store.stored_cursor(), 77);
        assert_eq!(device.store.dirty().len(), 100);
        assert!(device.store.quarantined().is_empty());
        assert_eq!(device.log.pushes().len(), 2);
    }
}

/// A line on which larger pieces break off.
#[test]
fn what_a_poor_line_does_not_carry_in_one_go_it_carries_in_smaller_pieces() {
    let device = Device::new();
    device.patients(600);
    device.peer.on_push(|piece| match piece.len() {
        0..=40 => Ok(()),
        _ => Err(PushFailure::Stopped(error(ErrorCode::Network))),
    });
    let mut before = device.store.dirty().len();
    for failures in 0..3 {
        let mut engine = device.engine(&device.peer);
        engine.past_failures = failures;
        assert_eq!(engine.run().unwrap_err().code(), ErrorCode::Network);
        assert_eq!(device.store.dirty().len(), before, "too large still");
    }
    for failures in 3..30 {
        let mut engine = device.engine(&device.peer);
        engine.past_failures = failures;
        let result = engine.run();
        let left = device.store.dirty().len();
        assert!(left < before, "{failures}");
        before = left;
        if result.is_ok() {
            break;
        }
    }
    assert!(device.store.dirty().is_empty());
    // A good line is asked a few times more, and that once.
    let device = Device::new();
    device.patients(1_200);
    let mut engine = device.engine(&device.peer);
    engine.past_failures = 30;
    assert_eq!(engine.run().unwrap().pushed, 1_200);
    assert!(device.log.pushes().len() <= 12);
}

#[test]
fn h06_a_rate_limit_is_waited_for_and_the_same_piece_sent_again() {
    let device = Device::new();
    device.patients(3);
    let mut asked = 0;
    device.peer.on_push(move |_| {
        asked += 1;
        let limited = error(ErrorCode::RateLimited).retry_after_ms(2_000);
        match asked {
            1 => Err(PushFailure::Stopped(limited)),
            2 => Err(PushFailure::Refused(limited)),
            _ => Ok(()),
        }
    });
    let report = device.sync().unwrap();
    assert_eq!((report.pushed, report.requests), (3, 4));
    assert_eq!(device.timer.waits().len(), 2);
    assert!(device.store.dirty().is_empty());
}

#[test]
fn a_server_that_says_when_it_will_be_back_is_waited_for() {
    let device = Device::new();
    device.patients(3);
    let mut asked = 0;
    device.peer.on_push(move |_| {
        asked += 1;
        match asked {
            1 => Err(PushFailure::Stopped(
                error(ErrorCode::Server).retry_after_ms(20_000),
            )),
            _ => Ok(()),
        }
    });
    assert_eq!(device.sync().unwrap().pushed, 3);
    let [wait] = device.timer.waits()[..] else {
        panic!("not one wait")
    };
    assert!(wait >= Duration::from_secs(20) && wait <= Duration::from_secs(24));

    // Without a time the sync ends, as does one with a time that is longer than a sync waits.
    for failed in [
        error(ErrorCode::Server),
        error(ErrorCode::Server).retry_after_ms(60 * 60 * 1000),
    ] {
        let device = Device::new();
        device.patients(3);
        device
            .peer
            .on_push(move |_| Err(PushFailure::Stopped(failed.clone())));
        assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Server);
        assert!(device.timer.waits().is_empty());
    }
}

#[test]
fn a_limit_that_does_not_end_is_given_back() {
    let device = Device::new();
    device.patients(3);
    device.peer.on_push(|_| {
        let limited = error(ErrorCode::RateLimited).retry_after_ms(1_000);
        Err(PushFailure::Stopped(limited))
    });
    assert_eq!(device.sync().unwrap_err().code(), ErrorCode::RateLimited);
    assert_eq!(device.timer.waits().len(), 8);
    assert_eq!(device.store.dirty().len(), 3);
}

#[test]
fn edits_during_the_push_stay_and_win_over_the_echo() {
    let device = Device::new();
    device.patients(2);
    let (store, table) = (device.store.clone(), device.table("patients"));
    let name = device.column("patients", "given_name");
    let mut edited = false;
    device.peer.on_push(move |_| {
        if !std::mem::replace(&mut edited, true) {
            store.write(table, &id(1), &[(name, Value::Text("Amalia".into()))], NOW);
        }
        Ok(())
    });
    device.sync().unwrap();
    assert_eq!(device.store.dirty(), [id(1)]);

    // The peer gives back the version that it was sent.
    device
        .peer
        .will_answer(reply(9, vec![patient(&device, 1, "Amal", NOW)]));
    let report = device.sync().unwrap();
    assert_eq!((report.applied.conflicts, report.pushed), (0, 1));
    assert_eq!(
        device.store.row(table, &id(1)).unwrap()[name],
        Value::Text("Amalia".into())
    );
    assert!(device.store.dirty().is_empty());
}

#[test]
fn a_deletion_during_the_push_stays() {
    let device = Device::new();
    device.patients(1);
    let (store, table) = (device.store.clone(), device.table("patients"));
    device.peer.on_push(move |piece| {
        if !piece[0].values.is_empty() {
            store.remove(table, &id(0));
        }
        Ok(())
    });
    let report = device.sync().unwrap();
    // The record was acknowledged in its old revision only; the tombstone went after it.
    assert_eq!((report.pushed, report.pushed_deletions), (1, 1));
    assert!(device.store.dirty().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn halving_finds_exactly_the_bad_rows(
        count in 1u32..650,
        bad in proptest::collection::btree_set(0u32..650, 0..7),
    ) {
        let bad: BTreeSet<u32> = bad.into_iter().filter(|n| *n < count).collect();
        let device = Device::new();
        device.patients(count);
        refuse(&device, bad.clone());
        let result = device.sync();
        if bad.len() as u32 == count {
            prop_assert_eq!(result.unwrap_err().code(), ErrorCode::Server);
            prop_assert!(device.store.quarantined().is_empty());
        } else {
            let report = result.unwrap();
            prop_assert_eq!(numbers(device.store.quarantined()), bad.clone());
            prop_assert_eq!(report.pushed, u64::from(count) - bad.len() as u64);
            prop_assert_eq!(numbers(device.store.dirty()), bad);
        }
    }

    #[test]
    fn whatever_is_refused_only_bad_rows_are_put_aside(
        count in 1u32..400,
        bad in proptest::collection::vec(any::<bool>(), 400),
    ) {
        let bad: BTreeSet<u32> = (0..count).filter(|n| bad[*n as usize]).collect();
        let device = Device::new();
        device.patients(count);
        refuse(&device, bad.clone());
        let result = device.sync();
        prop_assert!(numbers(device.store.quarantined()).is_subset(&bad));
        prop_assert!(bad.is_subset(&numbers(device.store.dirty())));
        if result.is_ok() {
            prop_assert_eq!(numbers(device.store.dirty()), bad);
        }
    }
}
