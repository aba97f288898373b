//! The three calls against a real TLS server.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::test_server::{Answer, TestServer, Then};
use super::test_sockets::{ends, silent_listener};
use super::{CloudClient, CloudPeer, Network, TimeLimits};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    OutboxKind, OutboxRow, PullReply, PullRequest, PushFailure, RemoteRow, Revision,
};
use crate::model::ids::RecordId;
use crate::model::peer::{CloudAddress, Credentials, HttpsUrl, Proof};
use crate::model::schema::{Schema, TableIndex};
use crate::ports::{ChangeSink, Clock, SyncPeer};
use crate::secret::SecretText;
use crate::system::SystemClock;
use crate::test_support::FakeClock;

const PASSWORD: &str = "canary password ü";
const NOW: i64 = 1_795_470_612_883;
const EMPTY: &str = r#"{"success":true,"changes":{},"timestamp":1795470613883}"#;

fn credentials() -> Credentials {
    Credentials::new("nurse@clinic.test".into(), SecretText::new(PASSWORD.into())).unwrap()
}

fn client_with(address: &CloudAddress, limits: TimeLimits, clock: Arc<dyn Clock>) -> CloudClient {
    CloudClient::new(
        Network::start().unwrap(),
        Schema::hikma().unwrap(),
        clock,
        address,
        None,
        limits,
    )
    .unwrap()
}

fn client(address: &CloudAddress) -> CloudClient {
    client_with(address, TimeLimits::default(), Arc::new(SystemClock))
}

fn peer(address: &CloudAddress) -> CloudPeer {
    client(address).peer(Proof::Password(credentials()), "u".into())
}

/// Counts only.
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

fn pull(peer: &CloudPeer) -> Result<PullReply> {
    peer.pull(
        &PullRequest { cursor: 42 },
        &mut Count::default(),
        &mut |_| {},
        &CancelToken::new(),
    )
}

fn pull_code(address: &CloudAddress) -> ErrorCode {
    pull(&peer(address)).unwrap_err().code()
}

fn piece() -> Vec<OutboxRow> {
    vec![OutboxRow {
        table: Schema::hikma().unwrap().find("patients").unwrap(),
        id: RecordId::from_peer("p1").unwrap(),
        kind: OutboxKind::Deleted,
        revision: Revision(1),
        values: Vec::new(),
        changed: Vec::new(),
        dangling: Vec::new(),
        only_elsewhere: false,
    }]
}

fn push(address: &CloudAddress) -> Result<(), PushFailure> {
    peer(address).push(&piece(), &CancelToken::new())
}

fn short(first_byte: u64, idle: u64, whole: u64) -> TimeLimits {
    TimeLimits {
        first_byte: Duration::from_millis(first_byte),
        idle: Duration::from_millis(idle),
        whole: Duration::from_millis(whole),
        ..TimeLimits::default()
    }
}

#[test]
fn w099_w100_a_pull_asks_as_the_cloud_expects_and_measures_its_clock() {
    let body = r#"{"changes":{"clinics":{"created":[{"id":"a"}],"deleted":["b"]}},"timestamp":1795470613883}"#;
    let mut answer = Answer::unfinished(&[&body[..20], &body[20..]], Then::Close);
    answer.bytes.extend_from_slice(b"0\r\n\r\n");
    let server = TestServer::answering(answer);
    let clock = Arc::new(FakeClock::at(NOW));
    let peer = client_with(&server.address, TimeLimits::default(), clock)
        .peer(Proof::Password(credentials()), "u".into());
    let (mut sink, mut seen) = (Count::default(), Vec::new());
    let reply = peer
        .pull(
            &PullRequest { cursor: 42 },
            &mut sink,
            &mut |bytes| seen.push(bytes),
            &CancelToken::new(),
        )
        .unwrap();
    assert_eq!((reply.timestamp, reply.skew_ms), (NOW + 1000, 1000));
    assert_eq!((reply.upserts, reply.deletions, sink.0), (1, 1, 2));
    assert_eq!(reply.bytes, body.len() as u64);
    assert_eq!(seen.last(), Some(&reply.bytes));
    assert!(seen.is_sorted());

    let request = server.requests.recv().unwrap();
    let head = request.to_lowercase();
    assert!(request.starts_with("GET /api/v2/sync?last_pulled_at=42&lastPulledAt=42 HTTP/1.1\r\n"));
    assert!(request.contains("Basic bnVyc2VAY2xpbmljLnRlc3Q6Y2FuYXJ5IHBhc3N3b3JkIMO8\r\n"));
    assert!(head.contains("accept: application/json\r\n"));
    assert!(head.contains(concat!(
        "user-agent: amana/",
        env!("CARGO_PKG_VERSION"),
        "\r\n"
    )));
    for absent in [
        "cookie",
        "accept-encoding",
        "peertype",
        "referer",
        "schema",
        "migration",
    ] {
        assert!(!head.contains(absent), "{absent}");
    }
}

#[test]
fn statuses_become_codes_and_redirects_are_not_followed() {
    for (status, header, code) in [
        ("401 Unauthorized", "x: y", ErrorCode::Unauthorized),
        ("426 Upgrade Required", "x: y", ErrorCode::UpgradeRequired),
        (
            "429 Too Many Requests",
            "retry-after: 37",
            ErrorCode::RateLimited,
        ),
        ("500 Internal Server Error", "x: y", ErrorCode::Server),
        ("503 Service Unavailable", "x: y", ErrorCode::Server),
        (
            "301 Moved Permanently",
            "location: /elsewhere",
            ErrorCode::Protocol,
        ),
        (
            "307 Temporary Redirect",
            "location: https://127.0.0.1:1/",
            ErrorCode::Protocol,
        ),
        ("404 Not Found", "x: y", ErrorCode::Protocol),
        ("201 Created", "x: y", ErrorCode::Protocol),
    ] {
        let server = TestServer::answering(Answer::with_header(status, header, "canary"));
        let error = pull(&peer(&server.address)).unwrap_err();
        assert_eq!(error.code(), code, "{status}");
        assert!(!format!("{error:?}").contains("canary"));
        let waits = (code == ErrorCode::RateLimited).then_some(37_000);
        assert_eq!(error.retry_after(), waits);
        assert!(server.requests.recv().is_ok());
        assert!(
            server.requests.try_recv().is_err(),
            "{status}: a second request"
        );
    }
}

#[test]
fn nobody_there_is_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    drop(listener);
    let address = CloudAddress {
        url: HttpsUrl::parse(&url).unwrap(),
        private_ca_pem: None,
    };
    assert_eq!(pull_code(&address), ErrorCode::Network);
}

#[test]
fn a_body_that_breaks_off_is_network() {
    let mut counted = Answer::reply("200 OK", EMPTY);
    counted.bytes.truncate(counted.bytes.len() - 10);
    for (answer, then) in [
        (counted.clone(), Then::Cut),
        (counted, Then::Close),
        (Answer::unfinished(&[&EMPTY[..30]], Then::Cut), Then::Cut),
        (Answer::unfinished(&[EMPTY], Then::Cut), Then::Close),
        (Answer::silence(), Then::Cut),
    ] {
        let server = TestServer::answering(Answer { then, ..answer });
        assert_eq!(pull_code(&server.address), ErrorCode::Network);
    }
}

#[test]
fn h01_silence_ends_by_the_limits() {
    let begun = || Answer::unfinished(&[&EMPTY[..30]], Then::Hold);
    for (answer, limits) in [
        (Answer::silence(), short(100, 60_000, 60_000)),
        (begun(), short(60_000, 100, 60_000)),
        (begun(), short(60_000, 60_000, 300)),
        (Answer::silence(), short(60_000, 60_000, 100)),
    ] {
        let server = TestServer::answering(answer);
        let peer = client_with(&server.address, limits, Arc::new(SystemClock))
            .peer(Proof::Password(credentials()), "u".into());
        let error = pull(&peer).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Network);
        assert!(error.detail().contains("in time"));
    }
}

/// Somebody takes the connection and never answers TLS: that ends by the limit of connecting alone, and
/// not by that of the call's first byte.
#[test]
fn a_handshake_that_is_not_answered_ends_by_the_limit_of_connecting() {
    let (address, first) = silent_listener();
    let limits = TimeLimits {
        connect: Duration::from_secs(1),
        ..short(3_600_000, 3_600_000, 3_600_000)
    };
    let address = CloudAddress {
        url: HttpsUrl::parse(&format!("https://{address}")).unwrap(),
        private_ca_pem: None,
    };
    let error = ends(
        move || {
            let client = client_with(&address, limits, Arc::new(SystemClock));
            client
                .sign_in(&credentials(), &CancelToken::new())
                .unwrap_err()
        },
        || {},
    );
    assert_eq!(error, super::failure::TIMED_OUT);
    assert_eq!(first.recv().unwrap(), 0x16, "a handshake of TLS");
}

/// With limits of nothing there is only the time that a slow network takes for the bytes.
#[test]
fn what_is_sent_and_received_has_the_time_that_it_takes() {
    let server = TestServer::answering(Answer::reply("200 OK", r#"{"success":true}"#));
    let peer = |server: &TestServer| {
        let limits = short(0, 60_000, 0);
        client_with(&server.address, limits, Arc::new(SystemClock))
            .peer(Proof::Password(credentials()), "u".into())
    };
    // Half a minute's worth.
    let [row] = &piece()[..] else {
        panic!("not one row")
    };
    let rows: Vec<_> = (0..8_000)
        .map(|n| OutboxRow {
            id: RecordId::from_peer(&format!("p{n}")).unwrap(),
            ..row.clone()
        })
        .collect();
    peer(&server).push(&rows, &CancelToken::new()).unwrap();
    // Nothing comes, and nothing takes time.
    let error = pull(&peer(&TestServer::answering(Answer::silence()))).unwrap_err();
    assert!(error.detail().contains("in time"), "{error:?}");
}

#[test]
fn a_cancel_is_felt_before_during_and_in_the_body() {
    let server = TestServer::answering(Answer::silence());
    let token = CancelToken::new();
    token.cancel();
    let client = client(&server.address);
    let error = client.sign_in(&credentials(), &token).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert!(server.requests.try_recv().is_err());

    let token = CancelToken::new();
    thread::scope(|scope| {
        let (requests, token) = (server.requests, &token);
        scope.spawn(move || {
            requests.recv().unwrap();
            token.cancel();
        });
        let pushed = client
            .peer(Proof::Password(credentials()), "u".into())
            .push(&piece(), token);
        let Err(PushFailure::Stopped(error)) = pushed else {
            panic!("{pushed:?}");
        };
        assert_eq!(error.code(), ErrorCode::Cancelled);
    });

    let server = TestServer::answering(Answer::unfinished(&[&EMPTY[..30]], Then::Hold));
    let token = CancelToken::new();
    let error = peer(&server.address)
        .pull(
            &PullRequest { cursor: 0 },
            &mut Count::default(),
            &mut |_| token.cancel(),
            &token,
        )
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
}

#[test]
fn a_push_is_taken_only_when_the_server_says_so() {
    let refused = |answer| match push(&TestServer::answering(answer).address) {
        Err(PushFailure::Refused(error)) => error.code(),
        other => panic!("{other:?}"),
    };
    let stopped = |answer| match push(&TestServer::answering(answer).address) {
        Err(PushFailure::Stopped(error)) => error,
        other => panic!("{other:?}"),
    };
    let server = TestServer::answering(Answer::reply("200 OK", r#"{"success":true}"#));
    push(&server.address).unwrap();
    let request = server.requests.recv().unwrap();
    assert!(request.starts_with("POST /api/v2/sync?last_pulled_at=0&lastPulledAt=0 HTTP/1.1\r\n"));
    assert!(
        request
            .to_lowercase()
            .contains("content-type: application/json\r\n")
    );
    assert!(request.ends_with("\r\n\r\n{\"patients\":{\"deleted\":[\"p1\"]}}"));

    for body in [
        "[object Object]",
        r#"{"success":false}"#,
        "",
        "<html></html>",
    ] {
        assert_eq!(
            refused(Answer::reply("200 OK", body)),
            ErrorCode::Server,
            "{body}"
        );
    }
    assert_eq!(refused(Answer::reply("500 Oh", "{}")), ErrorCode::Server);
    for status in ["413 Big", "400 Bad", "403 Attack", "422 What"] {
        let code = refused(Answer::reply(status, "{}"));
        assert_eq!(code, ErrorCode::Protocol, "{status}");
    }

    for (status, code) in [
        ("401 No", ErrorCode::Unauthorized),
        ("429 Slow", ErrorCode::RateLimited),
        ("502 Gone", ErrorCode::Server),
        ("302 There", ErrorCode::Protocol),
        ("404 Where", ErrorCode::Protocol),
    ] {
        assert_eq!(stopped(Answer::reply(status, "{}")).code(), code);
    }
    let large = format!(r#"{{"success":true,"x":"{}"}}"#, "x".repeat(100_000));
    assert_eq!(
        stopped(Answer::reply("200 OK", &large)).code(),
        ErrorCode::Protocol
    );
    let mut cut = Answer::reply("200 OK", r#"{"success":true}      "#);
    cut.bytes.truncate(cut.bytes.len() - 1);
    assert_eq!(stopped(cut).code(), ErrorCode::Network);
}

#[test]
fn a_row_that_cannot_be_written_is_not_sent() {
    let server = TestServer::answering(Answer::reply("200 OK", r#"{"success":true}"#));
    let schema = Schema::hikma().unwrap();
    let clinics = schema.find("clinics").unwrap();
    let mut rows = piece();
    rows[0].table = clinics;
    let pushed = peer(&server.address).push(&rows, &CancelToken::new());
    assert_eq!(
        pushed,
        Err(PushFailure::Stopped(
            Error::internal("this table is not pushed").at("clinics")
        ))
    );
    assert!(server.requests.try_recv().is_err());
}

#[test]
fn signing_in_tells_who_it_is() {
    let body = r#"{"user":{"id":"u-1","name":"N","role":"admin","clinic_id":null,
        "hashed_password":"************"},"token":"canary"}"#;
    let server = TestServer::answering(Answer::reply("200 OK", body));
    let client = client(&server.address);
    let person = client.sign_in(&credentials(), &CancelToken::new()).unwrap();
    assert_eq!((person.id.as_str(), person.role.as_str()), ("u-1", "admin"));
    assert!(!format!("{person:?}{client:?}").contains("canary"));
    let request = server.requests.recv().unwrap();
    assert!(request.starts_with("POST /api/auth/sign-in HTTP/1.1\r\n"));
    assert!(!request.to_lowercase().contains("authorization"));
    assert!(request.ends_with(&format!(
        r#"{{"email":"nurse@clinic.test","password":"{PASSWORD}"}}"#
    )));

    for (answer, code) in [
        (Answer::reply("401 No", "{}"), ErrorCode::Unauthorized),
        (Answer::reply("200 OK", "<html>"), ErrorCode::Protocol),
        (
            Answer::reply("200 OK", &"x".repeat(100_000)),
            ErrorCode::Protocol,
        ),
    ] {
        let server = TestServer::answering(answer);
        let error = self::client(&server.address)
            .sign_in(&credentials(), &CancelToken::new())
            .unwrap_err();
        assert_eq!(error.code(), code);
    }
}

#[test]
fn a_bad_private_authority_is_invalid_input() {
    let made = CloudClient::new(
        Network::start().unwrap(),
        Schema::hikma().unwrap(),
        Arc::new(SystemClock),
        &CloudAddress {
            url: HttpsUrl::parse("https://127.0.0.1:1").unwrap(),
            private_ca_pem: Some("no PEM".into()),
        },
        None,
        TimeLimits::default(),
    );
    assert_eq!(made.unwrap_err().code(), ErrorCode::InvalidInput);
}

#[test]
fn nothing_prints_the_password() {
    let address = CloudAddress {
        url: HttpsUrl::parse("https://127.0.0.1:1").unwrap(),
        private_ca_pem: None,
    };
    assert!(!format!("{:?}", peer(&address)).contains("canary"));
}
