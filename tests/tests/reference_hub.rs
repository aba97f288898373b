//! The hub's client of the core against the reference hub over real sockets: two descriptions of
//! one protocol, written apart, must understand each other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::model::change_set::{
    OutboxKind, OutboxRow, PullReply, PullRequest, PushFailure, RemoteRow, Revision,
};
use amana_core::model::hub::{HubAddress, ScannedCode};
use amana_core::model::ids::RecordId;
use amana_core::model::peer::Credentials;
use amana_core::model::schema::{Direction, Role, Schema, TableIndex};
use amana_core::model::value::Value;
use amana_core::ports::{ChangeSink, SyncPeer};
use amana_core::secret::SecretText;
use amana_core::test_support::FakeDisk;
use amana_core::transport::{HubClient, HubLogin, HubParts, HubPeer, Network, TimeLimits};
use amana_core::{Error, ErrorCode, Result, System};
use amana_peer::hub::{Hub, HubConfig, Impostor, Mischief, Wipe};
use amana_peer::{Answer, Kind, Replacement, ids};
use serde_json::Value as Json;

const EMAIL: &str = "noor@clinic-a.example";
const PASSWORD: &str = "Cedar-River-7";

struct Device {
    client: Arc<HubClient>,
    schema: Arc<Schema>,
    spools: tempfile::TempDir,
}

#[derive(Debug, Default)]
struct Kept {
    rows: Vec<(TableIndex, RemoteRow)>,
    deleted: Vec<(TableIndex, RecordId)>,
}

impl ChangeSink for Kept {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        self.rows.push((table, row));
        Ok(())
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        self.deleted.push((table, id));
        Ok(())
    }
}

impl Device {
    fn paired(hub: &Hub) -> Self {
        let device = Self::new(hub);
        device.client.pair(&CancelToken::new()).unwrap();
        device
    }

    fn new(hub: &Hub) -> Self {
        Self::at(scanned(hub))
    }

    fn at(address: HubAddress) -> Self {
        Self::on(FakeDisk::unknown(), address)
    }

    fn on(disk: FakeDisk, address: HubAddress) -> Self {
        let (system, spools) = (System::real(), tempfile::tempdir().unwrap());
        let schema = Schema::hikma().unwrap();
        let parts = HubParts {
            network: Network::start().unwrap(),
            schema: Arc::clone(&schema),
            clock: system.clock,
            entropy: system.entropy,
            disk: Arc::new(disk),
            spool_directory: spools.path().to_owned(),
            limits: TimeLimits::default(),
        };
        Self {
            client: Arc::new(HubClient::new(parts, address, "tablet".to_owned()).unwrap()),
            schema,
            spools,
        }
    }

    fn peer(&self) -> HubPeer {
        self.client.peer(HubLogin {
            own_user_id: ids::USER_A1.to_owned(),
            credentials: Some(credentials(PASSWORD)),
            token: None,
        })
    }

    /// A whole row of a table: every text its column's name, every reference an id.
    fn row(&self, table: &str, id: &str) -> OutboxRow {
        let (index, table) = self.schema.require(table).unwrap();
        let values = table
            .columns
            .iter()
            .map(|column| match (column.name.as_str(), column.role) {
                ("id", _) => Value::Text(id.to_owned()),
                ("deleted_at" | "is_deleted", _) => Value::Null,
                (_, Role::Json) => Value::Text("{}".to_owned()),
                (_, Role::Day) => Value::Text("2019-03-04".to_owned()),
                (_, Role::Decimal) => Value::Text("36.60".to_owned()),
                (_, Role::Number) => Value::Real(0.5),
                (_, Role::Instant) => Value::Integer(1_790_000_000_000),
                (_, Role::Integer) => Value::Integer(3),
                (_, Role::Bool) => Value::Integer(1),
                (name, _) => Value::Text(name.to_owned()),
            })
            .collect();
        OutboxRow {
            table: index,
            id: RecordId::parse_uuid(id).unwrap(),
            kind: OutboxKind::Created,
            revision: Revision(1),
            values,
            changed: Vec::new(),
            dangling: Vec::new(),
            only_elsewhere: false,
        }
    }
}

fn scanned(hub: &Hub) -> HubAddress {
    let ScannedCode::Hub(address) = ScannedCode::parse(&hub.qr_text()).unwrap() else {
        panic!("the reference hub's code is not one");
    };
    address
}

fn credentials(password: &str) -> Credentials {
    Credentials::new(EMAIL.to_owned(), SecretText::new(password.to_owned())).unwrap()
}

fn pull(peer: &HubPeer, cursor: i64) -> Result<(PullReply, Kept)> {
    let mut kept = Kept::default();
    let request = PullRequest { cursor };
    let reply = peer.pull(&request, &mut kept, &mut |_| {}, &CancelToken::new())?;
    Ok((reply, kept))
}

fn push(peer: &HubPeer, rows: &[OutboxRow]) -> std::result::Result<(), PushFailure> {
    peer.push(rows, &CancelToken::new())
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> ErrorCode {
    result.map_err(|error| error.code()).unwrap_err()
}

fn failure(result: std::result::Result<(), PushFailure>) -> (bool, Error) {
    match result.unwrap_err() {
        PushFailure::Refused(error) | PushFailure::Hinted(error) => (true, error),
        PushFailure::Stopped(error) => (false, error),
    }
}

fn id(number: u32) -> String {
    format!("a0000000-0000-4000-8000-{number:012}")
}

#[test]
fn pairing_signing_in_and_a_pull_of_everything() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::new(&hub);
    assert_eq!(
        device.client.pair(&CancelToken::new()).unwrap(),
        "Reference hub"
    );
    let signed_in = device
        .client
        .sign_in(&credentials(PASSWORD), &CancelToken::new())
        .unwrap();
    assert_eq!(signed_in.person.id, ids::USER_A1);
    let wrong = device
        .client
        .sign_in(&credentials("nope"), &CancelToken::new());
    assert_eq!(code(wrong), ErrorCode::Unauthorized);
    let (reply, kept) = pull(&device.peer(), 0).unwrap();
    assert!(reply.full && reply.upserts > 5);
    // Users and their hashes were in the reply, and are gone.
    assert_eq!(reply.skipped.forbidden_tables, 1);
    assert!(!format!("{:?}", kept.rows).contains("test-hash"));
    assert!(hub.plain_requests().is_empty());
}

#[test]
fn l10_every_table_is_taken_with_all_that_the_hub_insists_on() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::paired(&hub);
    let peer = device.peer();
    let names: Vec<String> = device
        .schema
        .tables()
        .filter(|(_, table)| table.direction == Direction::Both)
        .map(|(_, table)| table.name.clone())
        .collect();
    assert_eq!(names.len(), 10);
    for (number, name) in (1..).zip(&names) {
        let rows = [device.row(name, &id(number))];
        if let Err(failure) = push(&peer, &rows) {
            panic!("{name}: {failure:?}");
        }
        let stored = hub.row(name, &id(number)).unwrap();
        assert_eq!(stored["updated_at"], 1_790_000_000_000_i64, "{name}");
        assert_eq!(stored["created_at"], 1_790_000_000_000_i64, "{name}");
    }
    let (_, kept) = pull(&peer, 0).unwrap();
    for (number, name) in (1..).zip(&names) {
        let table = device.schema.find(name).unwrap();
        let came = kept
            .rows
            .iter()
            .any(|(of, row)| *of == table && row.id.as_str() == id(number));
        assert!(came, "{name} did not come back");
    }
    // Nothing but the ten tables, and no column of the hub's own.
    for seen in hub.requests().iter().filter_map(|seen| seen.body.as_ref()) {
        let data: Json = serde_json::from_str(seen).unwrap();
        for name in data["changes"].as_object().unwrap().keys() {
            assert!(names.contains(name), "{name}");
        }
        assert!(!seen.contains("local_server"));
    }
    assert!(hub.plain_requests().is_empty());
}

#[test]
fn a_refused_row_is_told_apart_from_an_outage() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::paired(&hub);
    let peer = device.peer();
    let rows = [device.row("patients", &id(1))];
    hub.faults().base().fail_push_at_row(1, 1);
    assert!(failure(push(&peer, &rows)).0);
    hub.faults().base().database_down(true);
    let (refused, error) = failure(push(&peer, &rows));
    assert!(!refused, "{error:?}");
    hub.faults().clear();
    hub.faults()
        .base()
        .answer_with(Answer::status(Kind::Push, 500));
    assert!(push(&peer, &rows).is_err());
    push(&peer, &rows).unwrap();
    assert_eq!(hub.count("patients"), 1);
}

#[test]
fn nobody_else_gets_a_password() {
    for shows_true_key in [false, true] {
        let hub = Hub::start(HubConfig::default()).unwrap();
        hub.faults().impostor(Some(Impostor {
            private_key: [9; 32],
            shows_true_key,
        }));
        let device = Device::new(&hub);
        assert_eq!(
            code(device.client.pair(&CancelToken::new())),
            ErrorCode::PeerIdentityMismatch
        );
        assert_eq!(
            code(pull(&device.peer(), 0)),
            ErrorCode::PeerIdentityMismatch
        );
        assert!(hub.requests().iter().all(|seen| seen.call.is_none()));
    }
    let hub = Hub::start(HubConfig::default()).unwrap();
    hub.faults().show_id(Some(&id(9)));
    let device = Device::new(&hub);
    assert_eq!(
        code(device.client.pair(&CancelToken::new())),
        ErrorCode::PeerIdentityMismatch
    );
}

#[test]
fn a_hub_that_forgot_or_was_restored_is_met_anew() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::paired(&hub);
    let peer = device.peer();
    pull(&peer, 0).unwrap();
    hub.forget_sessions();
    push(&peer, &[device.row("patients", &id(1))]).unwrap();
    hub.wipe(Wipe::Records).unwrap();
    let (reply, kept) = pull(&peer, 0).unwrap();
    assert!(reply.full);
    let patients = device.schema.find("patients").unwrap();
    assert!(kept.rows.iter().all(|(table, _)| *table != patients));
    let handshakes = hub
        .requests()
        .iter()
        .filter(|seen| seen.target == "/rpc/handshake")
        .count();
    assert_eq!(handshakes, 3);
}

#[test]
fn s15_altered_and_repeated_replies_are_refused() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::paired(&hub);
    let peer = device.peer();
    pull(&peer, 0).unwrap();
    for mischief in [
        Mischief::Tamper,
        Mischief::WrongWord,
        Mischief::Repeat(Kind::Pull),
    ] {
        hub.faults().mischief(Kind::Pull, mischief, 1);
        assert!(pull(&peer, 0).is_err(), "{mischief:?}");
        pull(&peer, 0).unwrap();
    }
    // The answer to another command, which would tell the device that its rows are stored.
    hub.faults()
        .mischief(Kind::Push, Mischief::Repeat(Kind::SignIn), 1);
    assert!(push(&peer, &[device.row("patients", &id(1))]).is_err());
}

/// Somebody cuts a reply off, keeps it, and hands it out as the answer to a later request: its
/// nonce is new to the device.
#[test]
fn a_reply_that_was_held_back_is_of_no_use_later() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::paired(&hub);
    let peer = device.peer();
    push(&peer, &[device.row("patients", &id(1))]).unwrap();
    hub.faults().base().cut_after(Kind::Push, 10, 1);
    assert!(push(&peer, &[device.row("patients", &id(2))]).is_err());
    hub.faults()
        .mischief(Kind::Push, Mischief::Repeat(Kind::Push), 1);
    hub.faults().base().fail_push_at_row(1, 1);
    let held = push(&peer, &[device.row("patients", &id(3))]);
    assert!(held.is_err(), "rows count as stored that are not");
    assert!(hub.row("patients", &id(3)).is_none());
}

#[test]
fn errors_in_clear_lead_to_one_new_sign_in_at_most() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::paired(&hub);
    let peer = device.peer();
    pull(&peer, 0).unwrap();
    hub.clear_requests();
    let forged = r#"{"payload":"","success":false,"error":"Authentication required"}"#;
    hub.faults().base().answer_with(Answer {
        times: 9,
        body: forged.to_owned(),
        ..Answer::status(Kind::Pull, 200)
    });
    assert_eq!(code(pull(&peer, 0)), ErrorCode::Unauthorized);
    let count = |name: &str| {
        hub.requests()
            .iter()
            .filter(|seen| seen.call.as_deref() == Some(name))
            .count()
    };
    assert_eq!((count("sync_pull"), count("login")), (2, 1));
}

#[test]
fn cut_and_replaced_pulls_are_errors() {
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::paired(&hub);
    let peer = device.peer();
    for bytes in [0, 1, 100, 1_000] {
        hub.faults().base().cut_after(Kind::Pull, bytes, 1);
        assert!(pull(&peer, 0).is_err(), "{bytes}");
    }
    for bad in [
        Replacement::Bytes("[object Object]".into()),
        Replacement::Nested(100_000),
    ] {
        hub.faults().base().replace_pull(Some(bad.clone()));
        assert!(pull(&peer, 0).is_err(), "{bad:?}");
    }
    hub.faults()
        .base()
        .replace_pull(Some(Replacement::Patients(3_000)));
    assert_eq!(pull(&peer, 0).unwrap().0.upserts, 3_000);
}

/// Nothing of it can be opened before its end, which never comes: what is kept of it is what the disk has
/// room for, twice, beside 64 MiB that are always left free.
#[test]
fn an_endless_pull_ends_with_the_room_on_the_disk_and_leaves_nothing() {
    const MIB: u64 = 1024 * 1024;
    let hub = Hub::start(HubConfig::default()).unwrap();
    let device = Device::on(FakeDisk::with((64 + 16) * MIB), scanned(&hub));
    device.client.pair(&CancelToken::new()).unwrap();
    let peer = device.peer();
    let honest = pull(&peer, 0).unwrap().0.upserts;
    hub.faults().base().replace_pull(Some(Replacement::Endless));
    let mut came = 0;
    let mut kept = Kept::default();
    let request = PullRequest { cursor: 0 };
    let asked = peer.pull(
        &request,
        &mut kept,
        &mut |bytes| came = bytes,
        &CancelToken::new(),
    );
    assert_eq!(asked.unwrap_err().code(), ErrorCode::StorageFull);
    // Three bytes of it are four letters on the way.
    assert!(came > 16 * MIB && came < 32 * MIB, "{came}");
    assert!(kept.rows.is_empty());
    assert_eq!(std::fs::read_dir(device.spools.path()).unwrap().count(), 0);
    hub.faults().base().replace_pull(None);
    assert_eq!(pull(&peer, 0).unwrap().0.upserts, honest);
}
