//! Pairing, signing in and syncing with a hub over real sockets, whatever the hub does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::test_hub::{Act, HUB_ID, Seen, TestHub, Traits};
use super::*;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    OutboxKind, OutboxRow, PullReply, PullRequest, PushFailure, RemoteRow, Revision,
};
use crate::model::hub::HubAddress;
use crate::model::ids::RecordId;
use crate::model::peer::Credentials;
use crate::model::schema::{Schema, TableIndex};
use crate::ports::{ChangeSink, SyncPeer};
use crate::secret::SecretText;
use crate::test_support::{FakeClock, FakeDisk, SeededEntropy};
use crate::transport::{Network, TimeLimits};
use std::sync::Arc;

const NOW: i64 = 1_772_700_000_000;
const USER: &str = "22222222-2222-4222-8222-000000000001";
const PASSWORD: &str = "canary password:1";

/// A device with a hub's client.
struct Device {
    client: Arc<HubClient>,
    clock: Arc<FakeClock>,
    spools: tempfile::TempDir,
}

impl Device {
    fn new(hub: &HubAddress) -> Self {
        Self::with(hub, TimeLimits::default(), FakeDisk::unknown())
    }

    fn with(hub: &HubAddress, limits: TimeLimits, disk: FakeDisk) -> Self {
        let spools = tempfile::tempdir().unwrap();
        let clock = Arc::new(FakeClock::at(NOW));
        let parts = HubParts {
            network: Network::start().unwrap(),
            schema: Schema::hikma().unwrap(),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(5)),
            disk: Arc::new(disk),
            spool_directory: spools.path().to_owned(),
            limits,
        };
        let client = HubClient::new(parts, hub.clone(), "client-1".into()).unwrap();
        Self {
            client: Arc::new(client),
            clock,
            spools,
        }
    }

    fn peer(&self) -> HubPeer {
        self.peer_with(None)
    }

    fn peer_with(&self, token: Option<&str>) -> HubPeer {
        let login = HubLogin {
            own_user_id: USER.into(),
            credentials: Some(credentials()),
            token: token.map(|text| HubToken {
                text: SecretText::new(text.into()),
                since_ms: NOW,
            }),
        };
        self.client.peer(login)
    }

    fn assert_no_spool(&self) {
        let left = std::fs::read_dir(self.spools.path()).unwrap().count();
        assert_eq!(left, 0, "spools left behind");
    }
}

fn credentials() -> Credentials {
    Credentials {
        email: "lamia@example.org".into(),
        password: SecretText::new(PASSWORD.into()),
    }
}

#[derive(Default)]
struct Kept {
    upserts: Vec<(TableIndex, RemoteRow)>,
    deletions: Vec<(TableIndex, RecordId)>,
}

impl ChangeSink for Kept {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        self.upserts.push((table, row));
        Ok(())
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        self.deletions.push((table, id));
        Ok(())
    }
}

fn pull_from(peer: &HubPeer, cursor: i64) -> Result<(PullReply, Kept)> {
    let mut kept = Kept::default();
    let reply = peer.pull(
        &PullRequest { cursor },
        &mut kept,
        &mut |_| {},
        &CancelToken::new(),
    )?;
    Ok((reply, kept))
}

fn pull(peer: &HubPeer) -> Result<(PullReply, Kept)> {
    pull_from(peer, 0)
}

fn deletions(tables: &[(&str, &str)]) -> Vec<OutboxRow> {
    let schema = Schema::hikma().unwrap();
    let row = |(table, id): &(&str, &str)| OutboxRow {
        table: schema.find(table).unwrap(),
        id: RecordId::from_peer(id).unwrap(),
        kind: OutboxKind::Deleted,
        revision: Revision(1),
        values: Vec::new(),
        changed: Vec::new(),
        dangling: Vec::new(),
    };
    tables.iter().map(row).collect()
}

fn push(peer: &HubPeer) -> Result<(), PushFailure> {
    peer.push(&deletions(&[("visits", "v-1")]), &CancelToken::new())
}

fn login_reply(user: &str) -> Act {
    Act::Reply(
        json!({
            "token": "aaa.bbb.ccc", "user_id": user, "clinic_id": "c-1", "role": "provider",
            "provider_name": "لمياء حدّاد", "clinic_name": "عيادة النور",
        })
        .to_string(),
    )
}

fn pull_reply() -> String {
    json!({
        "changes": {
            "clinics": {"created": [{"id": "c-1", "name": "Nour", "is_archived": 0,
                "created_at": 1, "updated_at": 1}], "deleted": [], "updated": []},
            "patients": {"created": [], "deleted": ["p-9"], "updated": []},
            "user_clinic_permissions": {"created": [{"id": "u-1", "user_id": USER,
                "is_clinic_admin": 1}], "deleted": [], "updated": []},
            "users": {"created": [{"id": "u", "hashed_password": "$2b$10$never"}],
                "deleted": [], "updated": []},
        },
        "timestamp": NOW + 5_000,
    })
    .to_string()
}

/// Signs everybody in, answers pulls and pushes.
fn honest(text: &Json) -> Act {
    if text["command"] == "login" {
        return login_reply(USER);
    }
    if text["query"] == "sync_pull" {
        return Act::Reply(pull_reply());
    }
    Act::Reply("{}".into())
}

/// What a hub was asked, in short.
fn asked(hub: &TestHub) -> Vec<String> {
    hub.all_seen()
        .into_iter()
        .map(|seen| match seen {
            Seen::Handshake => "handshake".to_owned(),
            Seen::Closed(_) => "closed".to_owned(),
            Seen::Text(text) => text["command"]
                .as_str()
                .or(text["query"].as_str())
                .unwrap()
                .to_owned(),
        })
        .collect()
}

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
fn an_impostor_sees_no_credential() {
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
fn a_restart_costs_one_handshake_and_no_more() {
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
    let whole = ["handshake", "ping", "sync_pull", "login", "sync_pull"];
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
    device.clock.advance(23 * 60 * 60 * 1000);
    pull(&peer).unwrap();
    assert_eq!(asked(&hub), ["login", "sync_pull"]);
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
    let Err(PushFailure::Refused(error)) = push(&peer) else {
        panic!("taken or stopped")
    };
    assert_eq!(error.code(), ErrorCode::Server);
    hub.all_seen();
    pull(&peer).unwrap();
    assert_eq!(asked(&hub), ["handshake", "ping", "sync_pull"]);
}

#[test]
fn deletions_go_table_by_table_children_first() {
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
