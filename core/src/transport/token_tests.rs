//! Syncing with a token: the other routes, the other forms, and no password anywhere.

use std::sync::Arc;

use super::test_server::{Answer, TestServer};
use super::{CloudClient, CloudPeer, Network, TimeLimits};
use crate::cancel::CancelToken;
use crate::error::{ErrorCode, Result};
use crate::model::change_set::{
    OutboxKind, OutboxRow, PullRequest, PushFailure, RemoteRow, Revision,
};
use crate::model::ids::RecordId;
use crate::model::peer::{CloudAddress, CloudToken, Credentials, Proof};
use crate::model::schema::{Schema, TableIndex};
use crate::ports::{ChangeSink, SyncPeer};
use crate::secret::SecretText;
use crate::test_support::FakeClock;

const NOW: i64 = 1_795_470_612_883;
const HOUR: i64 = 60 * 60 * 1000;

fn client(address: &CloudAddress) -> CloudClient {
    CloudClient::new(
        Network::start().unwrap(),
        Schema::hikma().unwrap(),
        Arc::new(FakeClock::at(NOW)),
        address,
        None,
        TimeLimits::default(),
    )
    .unwrap()
}

fn peer(address: &CloudAddress) -> CloudPeer {
    let token = CloudToken {
        text: SecretText::new("canary-token".into()),
        since_ms: NOW,
    };
    client(address).peer(Proof::Token(token), "u".into())
}

#[derive(Default)]
struct Count(u64);

impl ChangeSink for Count {
    fn upsert(&mut self, _: TableIndex, _: RemoteRow) -> Result<()> {
        self.0 += 1;
        Ok(())
    }

    fn delete(&mut self, _: TableIndex, _: RecordId) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
}

fn push(address: &CloudAddress) -> Result<(), PushFailure> {
    let row = OutboxRow {
        table: Schema::hikma().unwrap().find("visits").unwrap(),
        id: RecordId::from_peer("v-1").unwrap(),
        kind: OutboxKind::Deleted,
        revision: Revision(1),
        values: Vec::new(),
        changed: Vec::new(),
        dangling: Vec::new(),
        only_elsewhere: false,
    };
    peer(address).push(&[row], &CancelToken::new())
}

#[test]
fn h14_a_pull_is_unwrapped_and_a_clock_hours_off_is_measured() {
    let changes = r#"{"clinics":{"created":[{"id":"a"}],"updated":[],"deleted":["b"]},"users":{"created":[{"id":"u","hashed_password":"x"}]}}"#;
    let timestamp = NOW + 5 * HOUR;
    let body = format!(
        r#"{{"result":{{"data":{{"json":{{"changes":{changes},"timestamp":{timestamp}}},"meta":{{"values":{{}}}}}}}}}}"#
    );
    let server = TestServer::answering(Answer::reply("200 OK", &body));
    let mut count = Count::default();
    let reply = peer(&server.address)
        .pull(
            &PullRequest { cursor: 42 },
            &mut count,
            &mut |_| {},
            &CancelToken::new(),
        )
        .unwrap();
    assert_eq!((reply.upserts, reply.deletions, count.0), (1, 1, 2));
    assert_eq!((reply.timestamp, reply.skew_ms), (timestamp, 5 * HOUR));
    assert_eq!(reply.skipped.forbidden_tables, 1);
    let request = server.requests.recv().unwrap();
    assert!(request.starts_with(
        "GET /rpc/query/sync.pull?input=%7B%22json%22%3A%7B%22last_pulled_at%22%3A42%7D%7D HTTP"
    ));
    assert!(
        request
            .to_lowercase()
            .contains("authorization: bearer canary-token\r\n")
    );
    assert!(!request.to_lowercase().contains("peer"));
}

/// Neither a cursor nor a correction of the device's clock comes of it.
#[test]
fn a_time_that_no_working_clock_shows_ends_the_pull() {
    // 1970, 2000, seconds, microseconds, and the end of numbers.
    for time in [5, 946_684_800_000, NOW / 1_000, NOW * 1_000, i64::MAX] {
        let body =
            format!(r#"{{"result":{{"data":{{"json":{{"changes":{{}},"timestamp":{time}}}}}}}}}"#);
        let server = TestServer::answering(Answer::reply("200 OK", &body));
        let error = peer(&server.address)
            .pull(
                &PullRequest { cursor: 42 },
                &mut Count::default(),
                &mut |_| {},
                &CancelToken::new(),
            )
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::Protocol, "{time}");
    }
}

#[test]
fn a_reply_without_its_wrapping_is_no_reply() {
    for body in [
        r#"{"success":true,"changes":{},"timestamp":5}"#,
        r#"{"result":{"data":{"json":null}}}"#,
        r#"{"result":{"data":{}}}"#,
        r#"{"error":{"json":{"message":"x"}}}"#,
        "[object Object]",
    ] {
        let server = TestServer::answering(Answer::reply("200 OK", body));
        let error = peer(&server.address)
            .pull(
                &PullRequest { cursor: 0 },
                &mut Count::default(),
                &mut |_| {},
                &CancelToken::new(),
            )
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::Protocol, "{body}");
    }
}

#[test]
fn a_push_is_wrapped_and_judged_by_its_result() {
    let taken = r#"{"result":{"data":{"json":{}}}}"#;
    let server = TestServer::answering(Answer::reply("200 OK", taken));
    push(&server.address).unwrap();
    let request = server.requests.recv().unwrap();
    assert!(request.starts_with("POST /rpc/command/sync.push HTTP"));
    assert!(
        request
            .ends_with(r#"{"json":{"last_pulled_at":0,"changes":{"visits":{"deleted":["v-1"]}}}}"#)
    );
    for (status, body) in [
        ("200 OK", r#"{"success":true}"#),
        ("200 OK", "[object Object]"),
        (
            "500 Internal Server Error",
            r#"{"error":{"json":{"message":"x"}}}"#,
        ),
        ("400 Bad Request", r#"{"error":{"json":{"message":"x"}}}"#),
    ] {
        let server = TestServer::answering(Answer::reply(status, body));
        let result = push(&server.address);
        assert!(
            matches!(result, Err(PushFailure::Refused(_))),
            "{status} {body}"
        );
    }
}

#[test]
fn a_token_that_is_over_asks_for_a_sign_in_and_wipes_nothing() {
    let server = TestServer::answering(Answer::reply("401 Unauthorized", "{}"));
    let Err(PushFailure::Stopped(error)) = push(&server.address) else {
        panic!("taken or refused")
    };
    assert_eq!(error.code(), ErrorCode::Unauthorized);
    for part in ["sign in again", "nothing was wiped"] {
        assert!(error.detail().contains(part), "{error}");
    }
}

/// Not even to the same server, where the token and the password would go along.
#[test]
fn no_redirect_is_followed_with_a_token() {
    for status in ["301 M", "302 F", "303 S", "307 T", "308 P"] {
        let server = || {
            let to = "location: /elsewhere";
            TestServer::answering(Answer::with_header(status, to, "{}"))
        };
        let only = |server: &TestServer, route: &str| {
            let request = server.requests.recv().unwrap();
            assert!(request.contains(route), "{status}: {request}");
            let more = server.requests.try_recv();
            assert!(more.is_err(), "{status}: it was followed: {more:?}");
        };
        let cloud = server();
        let error = peer(&cloud.address)
            .pull(
                &PullRequest { cursor: 0 },
                &mut Count::default(),
                &mut |_| {},
                &CancelToken::new(),
            )
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::Protocol, "{status}");
        only(&cloud, "GET /rpc/query/sync.pull?");

        let cloud = server();
        let Err(PushFailure::Stopped(error)) = push(&cloud.address) else {
            panic!("{status}: taken or refused")
        };
        assert_eq!(error.code(), ErrorCode::Protocol, "{status}");
        only(&cloud, "POST /rpc/command/sync.push ");

        let cloud = server();
        let credentials =
            Credentials::new("a@b.test".into(), SecretText::new("password".into())).unwrap();
        let error = client(&cloud.address)
            .sign_in_for_token(&credentials, &CancelToken::new())
            .unwrap_err();
        assert_eq!(error.code(), ErrorCode::Protocol, "{status}");
        only(&cloud, "POST /rpc/command/login ");
    }
}

#[test]
fn signing_in_for_a_token_takes_a_password_with_a_colon() {
    let body = r#"{"result":{"data":{"json":{"token":"t-1","user_id":"U","clinic_id":"c","role":"provider"}}}}"#;
    let server = TestServer::answering(Answer::reply("200 OK", body));
    let credentials =
        Credentials::new("a@b.test".into(), SecretText::new("pass:word".into())).unwrap();
    let (person, token) = client(&server.address)
        .sign_in_for_token(&credentials, &CancelToken::new())
        .unwrap();
    assert_eq!((person.id.as_str(), token.text.expose()), ("U", "t-1"));
    assert_eq!(token.since_ms, NOW);
    let request = server.requests.recv().unwrap();
    assert!(request.starts_with("POST /rpc/command/login HTTP"));
    assert!(request.ends_with(r#"{"json":{"email":"a@b.test","password":"pass:word"}}"#));
    assert!(!format!("{token:?} {:?}", peer(&server.address)).contains("canary"));
}
