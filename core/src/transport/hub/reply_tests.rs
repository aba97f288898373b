//! Replies of a hub that are changed, cut, kept back, large, or none: nothing of them is believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::test_device::*;
use super::test_hub::{Act, HUB_ID, Seen, TestHub};
use crate::cancel::CancelToken;
use crate::error::ErrorCode;
use crate::model::change_set::{PullRequest, PushFailure};
use crate::ports::SyncPeer;
use crate::test_support::FakeDisk;
use crate::transport::TimeLimits;

/// Bits changed anywhere, the word of the other route, an answer of before: nothing of it is
/// believed, nothing reaches the sink, and the session is over.
#[test]
fn answers_that_were_tampered_with_are_refused() {
    let next = Arc::new(std::sync::Mutex::new(None));
    let acts = Arc::clone(&next);
    let hub = TestHub::start(move |text| match text["query"] == "sync_pull" {
        true => acts.lock().unwrap().take().unwrap_or_else(|| honest(text)),
        false => honest(text),
    });
    let device = Device::new(&hub.address);
    let peer = device.peer();
    pull(&peer).unwrap();
    let large = large_reply(20_000);
    for act in [
        Act::Tamper(pull_reply(), 0.0),
        Act::Tamper(pull_reply(), 0.5),
        Act::Tamper(pull_reply(), 1.0),
        Act::Tamper(large.clone(), 0.1),
        Act::Tamper(large.clone(), 1.0),
        Act::WrongWord(pull_reply()),
        Act::Replay,
    ] {
        hub.all_seen();
        *next.lock().unwrap() = Some(act);
        let mut kept = Kept::default();
        let error = peer
            .pull(
                &PullRequest { cursor: 5 },
                &mut kept,
                &mut |_| {},
                &CancelToken::new(),
            )
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::PeerIdentityMismatch);
        assert!(kept.upserts.is_empty() && kept.deletions.is_empty());
        device.assert_no_spool();
        pull(&peer).unwrap();
        // A new session, the same token.
        assert_eq!(asked(&hub), ["sync_pull", "handshake", "ping", "sync_pull"]);
    }
}

fn large_reply(rows: usize) -> String {
    let row = |i: usize| json!({"id": format!("p-{i}"), "given_name": "سلمى", "created_at": i, "updated_at": i});
    let rows: Vec<_> = (0..rows).map(row).collect();
    json!({"changes": {"patients": {"created": rows, "updated": [], "deleted": []}},
        "timestamp": NOW})
    .to_string()
}

#[test]
fn a_large_reply_waits_on_the_disk_until_it_was_checked() {
    let text = large_reply(20_000);
    assert!(text.len() > 1_000_000);
    let hub = TestHub::start(move |asked| match asked["query"] == "sync_pull" {
        true => Act::Reply(text.clone()),
        false => honest(asked),
    });
    let device = Device::new(&hub.address);
    let (reply, kept) = pull(&device.peer()).unwrap();
    assert_eq!((reply.upserts, kept.upserts.len()), (20_000, 20_000));
    device.assert_no_spool();

    let full = Device::with(
        &hub.address,
        TimeLimits::default(),
        FakeDisk::with(1_000_000),
    );
    let error = pull(&full.peer()).err().unwrap();
    assert_eq!(error.code(), ErrorCode::StorageFull);
    full.assert_no_spool();
}

#[test]
fn a_reply_that_breaks_off_anywhere_brings_nothing() {
    let text = large_reply(200);
    let whole = Arc::new(AtomicUsize::new(0));
    let cut = Arc::clone(&whole);
    let answer = text.clone();
    let hub = TestHub::start(move |asked| match asked["query"] == "sync_pull" {
        true => Act::Cut(answer.clone(), cut.load(Ordering::SeqCst)),
        false => honest(asked),
    });
    let device = Device::new(&hub.address);
    let peer = device.peer();
    // Base64 makes four bytes of three.
    for bytes in (0..text.len() * 4 / 3).step_by(1_000) {
        whole.store(bytes, Ordering::SeqCst);
        let mut kept = Kept::default();
        let error = peer
            .pull(
                &PullRequest { cursor: 5 },
                &mut kept,
                &mut |_| {},
                &CancelToken::new(),
            )
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::Network, "{bytes}");
        assert!(kept.upserts.is_empty(), "{bytes}");
        device.assert_no_spool();
    }
    whole.store(usize::MAX, Ordering::SeqCst);
    assert_eq!(pull(&peer).unwrap().0.upserts, 200);
}

/// An answer that did not arrive may be kept by somebody and handed out later: the session that
/// could open it is over.
#[test]
fn a_request_without_an_answer_ends_the_session() {
    let silent = Arc::new(AtomicUsize::new(1));
    let left = Arc::clone(&silent);
    let hub = TestHub::start(move |text| {
        let quiet = text["command"] == "sync_push"
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_ok();
        if quiet { Act::Silence } else { honest(text) }
    });
    let limits = TimeLimits {
        first_byte: Duration::from_millis(300),
        ..TimeLimits::default()
    };
    let device = Device::with(&hub.address, limits, FakeDisk::unknown());
    let peer = device.peer();
    let Err(PushFailure::Stopped(error)) = push(&peer) else {
        panic!("taken or refused")
    };
    assert_eq!(error.code(), ErrorCode::Network);
    hub.all_seen();
    push(&peer).unwrap();
    assert_eq!(asked(&hub), ["handshake", "ping", "sync_push"]);
    // The same where the answer was something in clear.
    let hub = TestHub::start(|text| match text["command"] == "sync_push" {
        true => Act::Error("Upsert failed for visits id=v-1: NOT NULL constraint failed"),
        false => honest(text),
    });
    let device = Device::new(&hub.address);
    let peer = device.peer();
    // Whoever is on the network can say so: it is no refusal by the hub.
    let Err(PushFailure::Hinted(error)) = push(&peer) else {
        panic!("taken, refused or stopped")
    };
    assert_eq!(error.code(), ErrorCode::Server);
    hub.all_seen();
    pull(&peer).unwrap();
    assert_eq!(asked(&hub), ["handshake", "ping", "sync_pull"]);
}

/// An answer that was kept back, with something in clear in its place, opens nothing later: not even
/// within the call, after a sign-in that was answered as it should be.
#[test]
fn an_answer_that_was_kept_back_stands_for_no_later_one() {
    let pushes = Arc::new(AtomicUsize::new(0));
    let hub = TestHub::start(move |text| {
        if text["command"] != "sync_push" {
            return honest(text);
        }
        match pushes.fetch_add(1, Ordering::SeqCst) {
            0 => Act::Keep("{}".into(), "Authentication required"),
            // The hub never gets the second table.
            2 => Act::HandOut,
            _ => honest(text),
        }
    });
    let device = Device::new(&hub.address);
    let piece = deletions(&[("visits", "v-1"), ("patients", "p-1")]);
    let result = device
        .peer_with(Some("old"))
        .push(&piece, &CancelToken::new());
    let Err(PushFailure::Stopped(error)) = result else {
        panic!("what the hub never got counts as taken")
    };
    assert_eq!(error.code(), ErrorCode::PeerIdentityMismatch);
    let whole = [
        "handshake",
        "ping",
        "sync_push",
        "handshake",
        "ping",
        "login",
        "sync_push",
        "sync_push",
    ];
    assert_eq!(asked(&hub), whole);
}

/// Whatever is said in clear, and however often: a call costs two handshakes and one sign-in at most.
#[test]
fn texts_in_clear_cost_a_call_one_sign_in_however_many_requests_it_has() {
    let hub = TestHub::start(|text| {
        let visits = text["data"]["changes"]["visits"].is_object() && text["token"] != "old";
        match text["command"] == "login" || visits {
            true => honest(text),
            false => Act::Error("Authentication required"),
        }
    });
    let device = Device::new(&hub.address);
    let piece = deletions(&[("visits", "v-1"), ("patients", "p-1")]);
    let result = device
        .peer_with(Some("old"))
        .push(&piece, &CancelToken::new());
    let Err(PushFailure::Stopped(error)) = result else {
        panic!("taken or refused")
    };
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    let seen = asked(&hub);
    let count = |what: &str| seen.iter().filter(|seen| *seen == what).count();
    assert_eq!((count("handshake"), count("login")), (2, 1), "{seen:?}");
}

/// A small computer without a battery: its cursor is kept as it is, but the device's clock is not put
/// right by it.
#[test]
fn a_hub_that_forgot_the_time_corrects_nobodys_clock() {
    for (time, skew_ms) in [
        (1_000, 0),
        (946_684_800_000, 0),
        (NOW * 1_000, 0),
        (NOW - 60 * 60 * 1000, -60 * 60 * 1000),
    ] {
        let hub = TestHub::start(move |text| match text["query"] == "sync_pull" {
            true => Act::Reply(json!({"changes": {}, "timestamp": time}).to_string()),
            false => honest(text),
        });
        let (reply, _) = pull(&Device::new(&hub.address).peer()).unwrap();
        assert_eq!((reply.timestamp, reply.skew_ms), (time, skew_ms));
    }
}

#[test]
fn l09_deletions_go_table_by_table_children_first() {
    let hub = TestHub::start(honest);
    let device = Device::new(&hub.address);
    let piece = deletions(&[
        ("patients", "p-1"),
        ("events", "e-1"),
        ("visits", "v-1"),
        ("patients", "p-2"),
    ]);
    device.peer().push(&piece, &CancelToken::new()).unwrap();
    let changes: Vec<_> = hub
        .all_seen()
        .into_iter()
        .filter_map(|seen| match seen {
            Seen::Text(text) if text["command"] == "sync_push" => {
                Some(text["data"]["changes"].clone())
            }
            _ => None,
        })
        .collect();
    let lists = |ids: &[&str]| json!({"created": [], "updated": [], "deleted": ids});
    assert_eq!(
        changes,
        [
            json!({"events": lists(&["e-1"])}),
            json!({"visits": lists(&["v-1"])}),
            json!({"patients": lists(&["p-1", "p-2"])}),
        ]
    );
}

#[test]
fn what_no_reply_of_the_protocol_is_is_an_error_and_refuses_no_row() {
    for (act, code) in [
        (Act::Status(500, "Invalid command JSON"), ErrorCode::Server),
        (Act::Status(400, "parse error"), ErrorCode::Protocol),
        (Act::Status(404, "not found"), ErrorCode::Protocol),
        (Act::Status(307, ""), ErrorCode::Protocol),
        (Act::Status(429, ""), ErrorCode::RateLimited),
        (
            Act::Error("Database is locked. Please unlock with passphrase first."),
            ErrorCode::Server,
        ),
        (
            Act::Error("Unknown command: sync_push"),
            ErrorCode::Unsupported,
        ),
    ] {
        let hub = TestHub::start(move |text| match text["command"] == "sync_push" {
            true => act.clone(),
            false => honest(text),
        });
        let Err(PushFailure::Stopped(error)) = push(&Device::new(&hub.address).peer()) else {
            panic!("{code:?}: taken or refused")
        };
        assert_eq!(error.code(), code);
    }
    // Sealed by the hub, and still no success.
    for text in ["[]", "null", "", "x"] {
        let hub = TestHub::start(move |asked| match asked["command"] == "sync_push" {
            true => Act::Reply(text.into()),
            false => honest(asked),
        });
        let result = push(&Device::new(&hub.address).peer());
        assert!(matches!(result, Err(PushFailure::Refused(_))), "{text}");
    }
}

#[test]
fn a_cancel_is_felt_while_another_call_has_the_hub() {
    let hub = TestHub::start(|text| match text["command"] == "sync_push" {
        true => Act::Silence,
        false => honest(text),
    });
    let device = Device::new(&hub.address);
    let peer = device.peer();
    let (first, second) = (CancelToken::new(), CancelToken::new());
    std::thread::scope(|scope| {
        let held = scope.spawn(|| peer.push(&deletions(&[("visits", "v-1")]), &first));
        // The first call has the hub once its request is there.
        while !matches!(hub.seen.recv().unwrap(), Seen::Text(text) if text["command"] == "sync_push")
        {
        }
        let waiting = scope.spawn(|| device.client.pair(&second));
        second.cancel();
        let error = waiting.join().unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Cancelled);
        first.cancel();
        let Err(PushFailure::Stopped(error)) = held.join().unwrap() else {
            panic!("taken or refused")
        };
        assert_eq!(error.code(), ErrorCode::Cancelled);
    });
}

#[test]
fn nothing_prints_a_secret() {
    let hub = TestHub::start(honest);
    let device = Device::new(&hub.address);
    let peer = device.peer();
    pull(&peer).unwrap();
    let printed = format!("{peer:?} {:?} {:?}", device.client, peer.token());
    for secret in ["canary", "aaa.bbb", "client-1"] {
        assert!(!printed.contains(secret), "{printed}");
    }
    assert!(printed.contains(HUB_ID));
}
