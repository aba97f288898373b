//! Cursors, failures and waits of a pull.

use std::time::Duration;

use super::*;
use crate::model::notice::SyncPhase;

const FIVE_MINUTES: i64 = 300_000;

#[test]
fn l21_the_cursor_overlaps_and_never_becomes_zero() {
    for (stored, asked) in [
        (0, 0),
        (NOW, NOW - FIVE_MINUTES),
        (FIVE_MINUTES + 2, 2),
        (FIVE_MINUTES, 1),
        (1, 1),
        (-1, 0),
    ] {
        let device = Device::new();
        device.store.set_cursor(stored);
        device.sync().unwrap();
        assert_eq!(device.log.pulls(), [asked], "{stored}");
    }
}

#[test]
fn a_full_pull_asks_for_the_deletions_first() {
    let device = Device::new();
    device.peer.will_answer(reply(1_000, vec![]));
    device.full_sync().unwrap();
    assert_eq!(device.log.pulls(), [0]);

    let device = Device::new();
    device.store.set_cursor(NOW);
    device.peer.will_answer(reply(NOW + 1, vec![]));
    device
        .peer
        .will_answer(reply(NOW + 2, vec![patient(&device, 1, "x", 1)]));
    let report = device.full_sync().unwrap();
    assert_eq!(device.log.pulls(), [NOW - FIVE_MINUTES, 0]);
    assert_eq!(device.store.stored_cursor(), NOW + 2);
    assert_eq!((report.pulled, report.requests), (1, 2));
}

/// A poor line or a full disk may never let it through, and what waits is small.
#[test]
fn a_pull_of_everything_that_fails_keeps_nothing_from_being_sent() {
    for code in [
        ErrorCode::Network,
        ErrorCode::Protocol,
        ErrorCode::StorageFull,
    ] {
        let device = Device::new();
        device.store.set_cursor(NOW);
        device.patients(1);
        device.peer.will_answer(reply(NOW + 1, vec![]));
        for _ in 0..3 {
            device.peer.will_answer(failing(error(code), vec![]));
        }
        assert_eq!(device.full_sync().unwrap_err().code(), code);
        assert_eq!(device.log.pushes().len(), 1, "{code:?}");
        assert!(device.store.dirty().is_empty());
        assert_eq!(device.store.failure().map(|(code, _)| code), Some(code));
    }
    // New columns are empty here before it came, and whole rows are sent.
    let device = Device::new();
    device.store.set_cursor(NOW);
    device.patients(1);
    device.peer.will_answer(reply(NOW + 1, vec![]));
    let broken = failing(error(ErrorCode::Protocol), vec![]);
    device.peer.will_answer(broken);
    let mut engine = device.engine(&device.peer);
    (engine.full_pull, engine.full_pull_first) = (true, true);
    assert_eq!(engine.run().unwrap_err().code(), ErrorCode::Protocol);
    assert!(device.log.pushes().is_empty());
}

#[test]
fn the_peers_time_is_stored_as_given_even_if_it_goes_back() {
    let device = Device::new();
    device.store.set_cursor(NOW);
    device.peer.will_answer(reply(17, vec![]));
    device.sync().unwrap();
    assert_eq!(device.store.stored_cursor(), 17);
}

#[test]
fn w071_a_reply_without_a_time_changes_nothing() {
    for timestamp in [0, -1] {
        let device = Device::new();
        device.store.set_cursor(NOW);
        device
            .peer
            .will_answer(reply(timestamp, vec![patient(&device, 1, "x", 1)]));
        assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Protocol);
        assert!(device.store.rows().is_empty());
        assert_eq!(device.store.stored_cursor(), NOW);
    }
}

#[test]
fn a_pull_that_breaks_off_changes_nothing() {
    for code in [
        ErrorCode::Unauthorized,
        ErrorCode::Tls,
        ErrorCode::Protocol,
        ErrorCode::StorageFull,
    ] {
        let device = Device::new();
        device.store.set_cursor(NOW);
        device.patients(1);
        let changes = vec![patient(&device, 7, "Noor", 5)];
        device.peer.will_answer(failing(error(code), changes));
        assert_eq!(device.sync().unwrap_err(), error(code));
        assert_eq!(device.log.pulls().len(), 1);
        assert_eq!(device.store.stored_cursor(), NOW);
        assert!(device.store.row(device.table("patients"), &id(7)).is_none());
        assert!(device.log.pushes().is_empty());
        assert!(device.timer.waits().is_empty());
    }
}

#[test]
fn network_and_server_failures_are_tried_again_twice() {
    for code in [ErrorCode::Network, ErrorCode::Server] {
        let device = Device::new();
        for _ in 0..2 {
            let changes = vec![patient(&device, 1, "half", 1)];
            device.peer.will_answer(failing(error(code), changes));
        }
        device
            .peer
            .will_answer(reply(9, vec![patient(&device, 2, "whole", 1)]));
        device.sync().unwrap();
        assert_eq!(device.log.pulls().len(), 3);
        assert_eq!(device.timer.waits().len(), 2);
        assert_eq!(device.store.rows().len(), 1);

        let device = Device::new();
        for _ in 0..3 {
            device.peer.will_answer(failing(error(code), vec![]));
        }
        assert_eq!(device.sync().unwrap_err().code(), code);
        assert_eq!(device.log.pulls().len(), 3);
    }
}

#[test]
fn a_disk_that_fills_up_ends_the_pull_before_it_is_full() {
    let mut device = Device::new();
    device.disk = Arc::new(FakeDisk::with(1_000_000));
    device
        .peer
        .will_answer(reply(9, vec![patient(&device, 2, "whole", 1)]));
    // `sync` looks for spools that were left.
    assert_eq!(device.sync().unwrap_err().code(), ErrorCode::StorageFull);
    assert!(device.store.rows().is_empty());
}

#[test]
fn a_rate_limit_is_waited_for() {
    let device = Device::new();
    let limited = error(ErrorCode::RateLimited).retry_after_ms(20_000);
    device.peer.will_answer(failing(limited, vec![]));
    device.sync().unwrap();
    let [wait] = device.timer.waits()[..] else {
        panic!("not one wait")
    };
    assert!(wait >= Duration::from_secs(20) && wait <= Duration::from_secs(24));
    let phases: Vec<_> = device.progress.events().iter().map(|e| e.phase).collect();
    assert_eq!(phases[..2], [SyncPhase::Pulling, SyncPhase::Waiting]);
}

#[test]
fn patience_spent_on_a_pull_that_came_is_not_missing_for_the_push() {
    let device = Device::new();
    device.patients(3);
    let limited = || error(ErrorCode::RateLimited).retry_after_ms(1_000);
    for _ in 0..7 {
        device.peer.will_answer(failing(limited(), vec![]));
    }
    let mut asked = 0;
    device.peer.on_push(move |_| {
        asked += 1;
        if asked <= 7 {
            Err(PushFailure::Stopped(limited()))
        } else {
            Ok(())
        }
    });
    assert_eq!(device.sync().unwrap().pushed, 3);
    assert_eq!(device.timer.waits().len(), 14);
}

#[test]
fn patience_with_a_rate_limit_ends() {
    let device = Device::new();
    for _ in 0..9 {
        let limited = error(ErrorCode::RateLimited).retry_after_ms(1);
        device.peer.will_answer(failing(limited, vec![]));
    }
    let error = device.sync().unwrap_err();
    assert_eq!(
        (error.code(), error.retry_after()),
        (ErrorCode::RateLimited, Some(1))
    );
    assert_eq!(device.timer.waits().len(), 8);
}

#[test]
fn edits_made_while_the_peer_answers_are_merged_and_pushed() {
    let device = Device::new();
    device.write("patients", 1, "given_name", "Amal");
    device.store.acknowledge_all();
    let (store, table) = (device.store.clone(), device.table("patients"));
    let name = device.column("patients", "given_name");
    let mut edited = false;
    device.peer.on_pull(move || {
        if !std::mem::replace(&mut edited, true) {
            store.write(table, &id(1), &[(name, Value::Text("Amalia".into()))], NOW);
        }
    });
    let theirs = NOW + 50_000;
    device
        .peer
        .will_answer(reply(5, vec![patient(&device, 1, "Aml", theirs)]));
    let report = device.sync().unwrap();
    assert_eq!((report.applied.conflicts, report.pushed), (1, 1));
    let row = device.store.row(table, &id(1)).unwrap();
    assert_eq!(row[name], Value::Text("Amalia".into()));
    let stamp = device.column("patients", "updated_at");
    assert_eq!(row[stamp], Value::Integer(theirs + 1));
    assert!(device.store.dirty().is_empty());
}

#[test]
fn what_the_peer_deleted_is_not_pushed() {
    let device = Device::new();
    device.patients(2);
    let deleted = RemoteChange::Delete(device.table("patients"), id(1));
    device.peer.will_answer(reply(5, vec![deleted]));
    let report = device.sync().unwrap();
    assert_eq!(device.log.pushes(), [[id(0).to_string()]]);
    assert_eq!((report.pulled_deletions, report.applied.lost_edits), (1, 1));
}

#[test]
fn a_record_deleted_here_is_not_brought_back_by_the_overlap() {
    let device = Device::new();
    device
        .peer
        .will_answer(reply(5, vec![patient(&device, 1, "Amal", 3)]));
    device.sync().unwrap();
    device.store.remove(device.table("patients"), &id(1));
    device
        .peer
        .will_answer(reply(6, vec![patient(&device, 1, "Amal", 3)]));
    let report = device.sync().unwrap();
    assert_eq!(
        (report.applied.kept_tombstones, report.pushed_deletions),
        (1, 1)
    );
    assert!(device.store.rows().is_empty());
}
