//! Pairing, signing in and syncing with a hub over real sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::test_device::*;
use super::test_hub::{Act, Seen, TestHub, Traits};
use super::*;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode};
use crate::model::change_set::PushFailure;

#[test]
fn a_pull_pairs_signs_in_and_brings_what_may_be_stored() {
    let hub = TestHub::start(honest);
    let device = Device::new(&hub.address);
    let peer = device.peer();
    let (reply, kept) = pull(&peer).unwrap();
    assert_eq!((reply.upserts, reply.deletions), (2, 1));
    assert_eq!((kept.upserts.len(), kept.deletions.len()), (2, 1));
    assert_eq!((reply.timestamp, reply.skew_ms), (NOW + 5_000, 5_000));
    assert!(reply.full);
    assert_eq!(reply.skipped.forbidden_tables, 1);

    let seen = hub.all_seen();
    let Seen::Text(login) = &seen[2] else {
        panic!("{seen:?}")
    };
    assert_eq!(login["data"]["password"], PASSWORD);
    let Seen::Text(query) = &seen[3] else {
        panic!("{seen:?}")
    };
    // Everything is asked for with −1: with 0, rows stamped 0 would not come.
    assert_eq!(
        *query,
        json!({"query": "sync_pull", "params": {"last_pulled_at": -1}, "token": "aaa.bbb.ccc"})
    );

    // The session and the token are used again; the cursor is sent as it is.
    assert!(!pull_from(&peer, 42).unwrap().0.full);
    push(&peer).unwrap();
    let seen = hub.all_seen();
    let Seen::Text(query) = &seen[0] else {
        panic!("{seen:?}")
    };
    assert_eq!(query["params"]["last_pulled_at"], 42);
    let Seen::Text(command) = &seen[1] else {
        panic!("{seen:?}")
    };
    let expected = json!({
        "command": "sync_push",
        "data": {"last_pulled_at": 0, "changes": {"visits": {"created": [], "updated": [],
            "deleted": ["v-1"]}}},
        "token": "aaa.bbb.ccc",
    });
    assert_eq!((command, seen.len()), (&expected, 2));
    assert_eq!(peer.token().unwrap().text.expose(), "aaa.bbb.ccc");
    device.assert_no_spool();
}

/// Whoever answers instead of the hub gets a public key and a sealed ping, and nothing else.
#[test]
fn s05_an_impostor_sees_no_credential() {
    let other = [0x66; 32];
    let pinned = TestHub::start(honest).address.public_key.to_text();
    let impostors = [
        // Says openly that it has another key, or is another hub.
        Traits {
            private: other,
            ..Traits::default()
        },
        Traits {
            says_id: "another hub".into(),
            ..Traits::default()
        },
        // Repeats the pinned key, which it does not hold.
        Traits {
            private: other,
            says_key: Some(pinned.clone()),
            ..Traits::default()
        },
        Traits {
            private: other,
            says_key: Some(pinned.clone()),
            opens_nothing: Some((200, r#"{"payload":"AAAA","success":true}"#.into())),
            ..Traits::default()
        },
        Traits {
            private: other,
            says_key: Some(pinned),
            opens_nothing: Some((
                200,
                format!(r#"{{"payload":"{}","success":true}}"#, "A".repeat(100)),
            )),
            ..Traits::default()
        },
    ];
    for (i, traits) in impostors.into_iter().enumerate() {
        let hub = TestHub::with(traits, honest);
        let device = Device::new(&hub.address);
        let code = |error: Error| (error.code(), error.detail().contains("no credential"));
        let expected = (ErrorCode::PeerIdentityMismatch, true);
        let token = CancelToken::new();
        assert_eq!(
            code(device.client.pair(&token).unwrap_err()),
            expected,
            "{i}"
        );
        let error = device.client.sign_in(&credentials(), &token).unwrap_err();
        assert_eq!(code(error), expected, "{i}");
        assert_eq!(code(pull(&device.peer()).err().unwrap()), expected, "{i}");
        let Err(PushFailure::Stopped(error)) = push(&device.peer()) else {
            panic!("{i}: taken or refused")
        };
        assert_eq!(code(error), expected, "{i}");
        for seen in hub.all_seen() {
            match seen {
                Seen::Handshake => {}
                Seen::Text(text) => assert_eq!(text["command"], "ping", "{i}"),
                Seen::Closed(body) => assert!(!body.contains("canary"), "{i}: {body}"),
            }
        }
    }
}

/// An impostor that answers the ping in clear, with whatever text, gets no further either.
#[test]
fn no_text_in_clear_stands_for_a_ping() {
    for (status, body) in [
        (
            200,
            r#"{"payload":"","success":false,"error":"Authentication required"}"#,
        ),
        (200, r#"{"payload":"","success":false,"error":"anything"}"#),
        (200, r#"{"pong":true}"#),
        (500, "anything"),
        (302, ""),
        (204, ""),
    ] {
        let traits = Traits {
            opens_nothing: Some((status, body.into())),
            ..Traits::default()
        };
        let hub = TestHub::with(traits, honest);
        let device = Device::new(&hub.address);
        assert!(
            device
                .client
                .sign_in(&credentials(), &CancelToken::new())
                .is_err()
        );
        assert_eq!(asked(&hub), ["handshake", "closed"], "{status} {body}");
    }
}

#[test]
fn h12_a_restart_costs_one_handshake_and_no_more() {
    let restarts = Arc::new(AtomicUsize::new(1));
    let left = Arc::clone(&restarts);
    let hub = TestHub::start(move |text| {
        let restart = text["command"] != "login"
            && left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
                .is_ok();
        if restart { Act::Restart } else { honest(text) }
    });
    let device = Device::new(&hub.address);
    device.client.pair(&CancelToken::new()).unwrap();
    let peer = device.peer_with(Some("t"));
    pull(&peer).unwrap();
    let whole = [
        "handshake",
        "ping",
        "sync_pull",
        "handshake",
        "ping",
        "sync_pull",
    ];
    assert_eq!(asked(&hub), whole);

    // It forgets again and again: the second time the call ends.
    restarts.store(5, Ordering::SeqCst);
    let Err(PushFailure::Stopped(error)) = push(&peer) else {
        panic!("taken or refused")
    };
    assert_eq!(error.code(), ErrorCode::Server);
    let handshakes = asked(&hub)
        .iter()
        .filter(|what| *what == "handshake")
        .count();
    assert_eq!(handshakes, 1);
}

#[test]
fn a_token_that_is_over_costs_one_sign_in_and_no_more() {
    const OVER: &str = "JWT verification failed: JWT token has expired";
    let good = Arc::new(AtomicUsize::new(1));
    let takes = Arc::clone(&good);
    let hub = TestHub::start(move |text| {
        if text["token"] == "old" || takes.load(Ordering::SeqCst) == 0 && text["command"] != "login"
        {
            return Act::Error(OVER);
        }
        honest(text)
    });
    let device = Device::new(&hub.address);
    let peer = device.peer_with(Some("old"));
    pull(&peer).unwrap();
    // The refusal came in clear, and so ended the session.
    let whole = [
        "handshake",
        "ping",
        "sync_pull",
        "handshake",
        "ping",
        "login",
        "sync_pull",
    ];
    assert_eq!(asked(&hub), whole);

    good.store(0, Ordering::SeqCst);
    let error = pull(&peer).err().unwrap();
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    let logins = asked(&hub).iter().filter(|what| *what == "login").count();
    assert_eq!(logins, 1);

    // A day later nobody tries the old one first.
    good.store(1, Ordering::SeqCst);
    pull(&peer).unwrap();
    hub.all_seen();
    pull(&peer).unwrap();
    assert_eq!(asked(&hub), ["sync_pull"]);
    device.clock.advance(23 * 60 * 60 * 1000);
    pull(&peer).unwrap();
    assert_eq!(asked(&hub), ["login", "sync_pull"]);
}

/// Somebody who answers everything in clear costs a call one sign-in, and the sign-in is no token's fault.
#[test]
fn a_sign_in_that_wants_a_token_is_not_tried_again() {
    let hub = TestHub::start(|_| Act::Error("Authentication required"));
    let device = Device::new(&hub.address);
    let error = pull(&device.peer_with(Some("old"))).err().unwrap();
    assert_eq!(error.code(), ErrorCode::Server);
    let whole = [
        "handshake",
        "ping",
        "sync_pull",
        "handshake",
        "ping",
        "login",
    ];
    assert_eq!(asked(&hub), whole);
}

#[test]
fn without_a_password_a_person_has_to_sign_in() {
    let hub = TestHub::start(honest);
    let device = Device::new(&hub.address);
    let login = HubLogin {
        own_user_id: USER.into(),
        credentials: None,
        token: None,
    };
    let peer = device.client.peer(login);
    assert_eq!(pull(&peer).err().unwrap().code(), ErrorCode::Unauthorized);
    assert_eq!(asked(&hub), [""; 0]);
}

#[test]
fn somebody_else_is_not_synced_for() {
    let hub = TestHub::start(|text| match text["command"] == "login" {
        true => login_reply("someone-else"),
        false => honest(text),
    });
    let device = Device::new(&hub.address);
    assert_eq!(
        pull(&device.peer()).err().unwrap().code(),
        ErrorCode::Unauthorized
    );
    assert_eq!(asked(&hub), ["handshake", "ping", "login"]);
}

#[test]
fn a_wrong_password_is_told() {
    let hub = TestHub::start(|_| Act::Error("Invalid email or password"));
    let device = Device::new(&hub.address);
    let error = device
        .client
        .sign_in(&credentials(), &CancelToken::new())
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    assert!(error.detail().contains("nothing was wiped"));
}
