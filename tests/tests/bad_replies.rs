//! Replies that break the protocol: a typed error with nothing written, or a counted skip.
#![allow(clippy::unwrap_used, reason = "tests")]

use amana_core::ErrorCode;
use amana_peer::{Kind, Peer, Replacement};
use amana_tests::{PASSWORD, Tablet, clinic, patient};
use bytes::Bytes;
use serde_json::json;

fn reply(peer: &Peer, text: impl Into<String>) {
    let bytes = Bytes::from(text.into());
    peer.faults().replace_pull(Some(Replacement::Bytes(bytes)));
}

fn refused(peer: &Peer, tablet: &Tablet, expected: ErrorCode, what: &str) {
    let before = tablet.cursor();
    let error = tablet.sync().unwrap_err();
    assert_eq!(error.code(), expected, "{what}");
    assert_eq!(tablet.cursor(), before, "{what}");
    assert_eq!(tablet.count("patients"), 0, "{what}");
    peer.faults().clear();
}

#[test]
fn a_reply_that_is_no_pull_changes_nothing() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let row = r#"{"id":"aaaaaaaa-0000-4000-8000-000000000001","given_name":"X"}"#;
    let lists = format!(r#"{{"patients":{{"created":[{row}],"updated":[],"deleted":[]}}}}"#);
    for (what, text) in [
        ("empty", String::new()),
        ("not JSON", "<html>maintenance</html>".to_owned()),
        ("object Object", "[object Object]".to_owned()),
        ("an array", "[]".to_owned()),
        ("null", "null".to_owned()),
        ("no changes", r#"{"timestamp":1795470612883}"#.to_owned()),
        (
            "changes an array",
            r#"{"changes":[],"timestamp":1795470612883}"#.to_owned(),
        ),
        (
            "changes null",
            r#"{"changes":null,"timestamp":1795470612883}"#.to_owned(),
        ),
        ("no timestamp", format!(r#"{{"changes":{lists}}}"#)),
        (
            "timestamp 0",
            format!(r#"{{"changes":{lists},"timestamp":0}}"#),
        ),
        (
            "timestamp of 1970",
            format!(r#"{{"changes":{lists},"timestamp":5}}"#),
        ),
        (
            "timestamp in microseconds",
            format!(r#"{{"changes":{lists},"timestamp":1795470612883000}}"#),
        ),
        (
            "timestamp negative",
            format!(r#"{{"changes":{lists},"timestamp":-5}}"#),
        ),
        (
            "timestamp text",
            format!(r#"{{"changes":{lists},"timestamp":"5"}}"#),
        ),
        (
            "success false",
            format!(r#"{{"success":false,"changes":{lists},"timestamp":1795470612883}}"#),
        ),
        (
            "a list that is none",
            r#"{"changes":{"patients":{"created":{}}},"timestamp":1795470612883}"#.to_owned(),
        ),
        (
            "a table that is none",
            r#"{"changes":{"patients":[]},"timestamp":1795470612883}"#.to_owned(),
        ),
        ("truncated", format!(r#"{{"changes":{lists},"timest"#)),
        (
            "something behind",
            format!(r#"{{"changes":{lists},"timestamp":1795470612883}}{{}}"#),
        ),
    ] {
        reply(&peer, text);
        refused(&peer, &tablet, ErrorCode::Protocol, what);
    }
}

#[test]
fn h07_hostile_sizes_are_refused_within_bounded_memory() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    peer.faults()
        .replace_pull(Some(Replacement::Nested(10_000)));
    refused(&peer, &tablet, ErrorCode::Protocol, "nested 10,000 deep");

    let before = peak_kib();
    peer.faults()
        .replace_pull(Some(Replacement::HugeString(1 << 30)));
    let error = tablet.sync().unwrap_err();
    assert!(
        matches!(error.code(), ErrorCode::Protocol | ErrorCode::ValueTooLarge),
        "one string of 1 GiB: {error}"
    );
    assert_eq!(tablet.cursor(), 0);
    if let (Some(before), Some(after)) = (before, peak_kib()) {
        assert!(
            after - before < 128 * 1024,
            "peak grew by {} KiB",
            after - before
        );
    }
}

/// The peak of this process by Linux's own account.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[test]
fn odd_parts_are_skipped_and_counted() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    let good = "aaaaaaaa-0000-4000-8000-000000000001";
    reply(
        &peer,
        json!({"success": true, "timestamp": 1_795_000_000_000_i64, "changes": {
            "patients": {"created": [
                {"id": good, "given_name": "Amal", "hashed_password": "CanaryHash", "shoe_size": 38,
                 "date_of_birth": "not a date"},
                {"given_name": "no id"}, 7, null,
            ], "updated": [], "deleted": ["unknown-id"]},
            "users": {"created": [{"id": good, "hashed_password": "CanaryHash"}]},
            "undefined": {"created": [{"id": good, "api_key_hash": "CanaryHash"}]},
            "martians": {"created": [{"id": good}]},
            "__proto__": {"created": [{"id": good}]},
        }})
        .to_string(),
    );
    let report = tablet.sync().unwrap();
    let skipped = report.skipped;
    assert_eq!(skipped.forbidden_tables, 2);
    assert_eq!(skipped.forbidden_columns, 1);
    assert_eq!(skipped.unknown_tables, 2);
    assert_eq!(skipped.unknown_columns, 1);
    assert_eq!(skipped.bad_records, 3);
    assert_eq!(skipped.unreadable_values, 1);
    assert_eq!(tablet.get("patients", good)["given_name"], "Amal");
    assert_eq!(tablet.cursor(), 1_795_000_000_000);
    for file in tablet.files() {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(10).any(|w| w == b"CanaryHash"),
            "{}",
            file.display()
        );
    }
}

#[test]
fn statuses_have_their_codes() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    for (status, expected) in [
        (401, ErrorCode::Unauthorized),
        (404, ErrorCode::Protocol),
        (426, ErrorCode::UpgradeRequired),
        (500, ErrorCode::Server),
        (503, ErrorCode::Server),
    ] {
        let mut answer = amana_peer::Answer::status(Kind::Pull, status);
        answer.times = 10;
        peer.faults().answer_with(answer);
        let error = tablet.sync().unwrap_err();
        assert_eq!(error.code(), expected, "{status}");
        peer.faults().clear();
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    // To where it could be followed: the same server, the same certificate.
    let target = format!("{}/api/v2/sync", peer.url());
    peer.faults().redirect(Kind::Pull, 302, &target, 10);
    let before = peer.requests().len();
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::Protocol);
    assert_eq!(peer.requests().len(), before + 1);
    peer.faults().clear();
    tablet.sync().unwrap();

    // Nor one of what carries records or a password, with the method kept or not.
    for status in [301, 302, 303, 307, 308] {
        let _ = tablet.insert("patients", &patient("Amal"));
        peer.faults().redirect(Kind::Push, status, &target, 10);
        peer.clear_requests();
        assert!(tablet.sync().is_err(), "{status}");
        assert_eq!(peer.count("patients"), 0, "{status}");
        assert!(peer.requests().len() <= 3, "the pull, and one push tried");
        peer.faults().clear();
        let login = format!("{}/api/login", peer.url());
        peer.faults().redirect(Kind::SignIn, status, &login, 10);
        peer.clear_requests();
        let again = Tablet::new();
        let refused = again
            .sign_in(&peer, "amal@clinic.example", PASSWORD)
            .unwrap_err()
            .code();
        assert_eq!(refused, ErrorCode::Protocol, "{status}");
        assert_eq!(peer.requests().len(), 1, "{status}");
        peer.faults().clear();
    }
}

#[test]
fn l14_a_push_counts_only_when_the_server_says_success() {
    let peer = clinic();
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    let _ = tablet.insert("patients", &patient("Amal"));
    for body in [
        "[object Object]",
        "{\"success\":\"true\"}",
        "{\"ok\":true}",
        "",
        "{\"success\":true",
    ] {
        let mut answer = amana_peer::Answer::status(Kind::Push, 200);
        answer.body = body.to_owned();
        answer.times = 100;
        peer.faults().answer_with(answer);
        assert!(tablet.sync().is_err(), "{body}");
        assert_eq!(tablet.pending(), 1, "{body}");
        peer.faults().clear();
    }
    tablet.sync().unwrap();
    assert_eq!(tablet.pending(), 0);
}
