//! SIGKILL of the server, a cloud or a hub, in the middle of a push: so many rows are stored, the others
//! are not, and nobody has heard which. It comes back with its data at its address; each row is there
//! once, nothing waits.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::ffi::OsStr;
use std::path::PathBuf;

use amana_core::cancel::CancelToken;
use amana_core::model::ids::{PeerId, PeerKind};
use amana_core::model::ledger::Digest;
use amana_core::model::peer::{CloudAddress, Credentials, HttpsUrl};
use amana_core::model::report::SyncReport;
use amana_core::secret::SecretText;
use amana_core::{ErrorCode, Result, SyncOptions};
use amana_peer::hub::{Hub, HubConfig};
use amana_peer::{Peer, PeerConfig};
use amana_tests::killed::Child;
use amana_tests::{PASSWORD, Tablet, patient};
use pollster::block_on;
use serde_json::{Map, Value as Json, json};
use tempfile::TempDir;

const EMAIL: &str = "amal@clinic.example";
const ATTRIBUTES: &str = "patient_additional_attributes";

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Cloud,
    /// It has the last word, so that nothing waits for a cloud.
    Hub,
}

/// Where a clinic's server keeps what it comes back with.
struct Clinic {
    kind: Kind,
    folder: TempDir,
}

/// A tablet that knows the server.
struct Device {
    tablet: Tablet,
    peer: PeerId,
}

/// The server as a process, and what it said of itself.
struct Running {
    process: Child,
    line: Json,
}

impl Clinic {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Port 0 is any. With a row, the first push that comes so far stops behind it.
    fn start(&self, port: &str, hold_after: Option<usize>) -> Running {
        let (db, tls, ca) = (
            self.file("clinic.db"),
            self.file("tls"),
            self.file("ca.pem"),
        );
        let user = format!("{EMAIL}:{PASSWORD}:provider");
        let row = hold_after.map(|row| row.to_string());
        let mut arguments: Vec<&OsStr> = match self.kind {
            Kind::Cloud => vec![
                OsStr::new("--no-rate-limit"),
                OsStr::new("--tls"),
                tls.as_os_str(),
                OsStr::new("--ca-out"),
                ca.as_os_str(),
            ],
            Kind::Hub => vec![OsStr::new("hub")],
        };
        arguments.extend(["--port", port, "--user", &user, "--db"].map(OsStr::new));
        arguments.push(db.as_os_str());
        if let Some(row) = &row {
            arguments.extend(["--hold-push-after-row", row].map(OsStr::new));
        }
        let mut process = Child::peer(env!("CARGO_BIN_EXE_amana-held"), &arguments);
        let line = serde_json::from_str(&process.said()).unwrap();
        Running { process, line }
    }

    /// What is stored, while no server runs.
    fn rows(&self, table: &str) -> Vec<Map<String, Json>> {
        let database = Some(self.file("clinic.db"));
        match self.kind {
            Kind::Cloud => {
                let config = PeerConfig {
                    database,
                    ..PeerConfig::default()
                };
                Peer::start(config).unwrap().rows(table)
            }
            Kind::Hub => {
                let config = HubConfig {
                    database,
                    seed: None,
                    ..HubConfig::default()
                };
                Hub::start(config).unwrap().rows(table)
            }
        }
    }

    fn device(&self, server: &Running) -> Device {
        match self.kind {
            Kind::Cloud => {
                let tablet = Tablet::new();
                let address = CloudAddress {
                    url: HttpsUrl::parse(server.line["url"].as_str().unwrap()).unwrap(),
                    private_ca_pem: Some(std::fs::read_to_string(self.file("ca.pem")).unwrap()),
                };
                tablet.sign_in_at(address, EMAIL, PASSWORD).unwrap();
                let peer = PeerId::cloud();
                Device { tablet, peer }
            }
            Kind::Hub => {
                let tablet = Tablet::configured(|config| config.sync.last_word = PeerKind::Hub);
                let (amana, code) = (&tablet.amana, server.line["qr"].as_str().unwrap());
                let peer = block_on(amana.pair_hub(code, CancelToken::new())).unwrap();
                let peer = peer.peer;
                let password = SecretText::new(PASSWORD.to_owned());
                let credentials = Credentials::new(EMAIL.to_owned(), password).unwrap();
                block_on(amana.sign_in_at_hub(&peer, credentials, CancelToken::new())).unwrap();
                Device { tablet, peer }
            }
        }
    }
}

impl Device {
    fn sync(&self) -> Result<SyncReport> {
        block_on(
            self.tablet
                .amana
                .sync_with(&self.peer, SyncOptions::default()),
        )
    }

    fn state(&self) -> (Digest, u64) {
        let digest = block_on(self.tablet.amana.digest()).unwrap();
        (digest, self.tablet.pending())
    }
}

impl Running {
    fn port(&self) -> String {
        let url = self.line["url"].as_str().unwrap();
        url.rsplit(':').next().unwrap().to_owned()
    }

    /// Kills it once it says that a push is where it was to stop.
    fn kill_in_the_push(mut self) {
        assert_eq!(self.process.said(), "held");
        self.process.kill();
    }
}

/// What a tablet has to send, in the order in which a server goes through it; behind it, in a piece of
/// its own, comes a deletion.
struct Work {
    made: Vec<(&'static str, String)>,
    edited: String,
    deleted: String,
}

const ROWS: usize = 6;

impl Work {
    fn of(tablet: &Tablet, clinic: &str, edited: String, deleted: String) -> Self {
        let mut made = Vec::new();
        let mut make = |table, fields: Json| {
            let id = tablet.insert(table, &fields);
            made.push((table, id.clone()));
            id
        };
        let first = make("patients", patient("Made 0"));
        make("patients", patient("Made 1"));
        make("patients", patient("Made 2"));
        let attribute = json!({"patient_id": edited, "attribute": "Tribe", "string_value": "once",
            "attribute_id": "a77b0000-0000-4000-8000-000000000001"});
        make(ATTRIBUTES, attribute);
        make("visits", json!({"patient_id": first, "clinic_id": clinic}));
        tablet.update("patients", &edited, &json!({"phone": "222"}));
        block_on(tablet.amana.delete("patients", &deleted)).unwrap();
        Self {
            made,
            edited,
            deleted,
        }
    }

    /// How many of the rows before the deletion are stored.
    fn arrived(&self, clinic: &Clinic) -> usize {
        let made = self.made.iter().filter(|(table, id)| {
            let rows = clinic.rows(table);
            rows.iter().filter(|row| row["id"] == **id).count() == 1
        });
        let edited = self.patient(clinic, &self.edited);
        made.count() + usize::from(edited["phone"] == "222")
    }

    fn is_deleted(&self, clinic: &Clinic) -> bool {
        let row = self.patient(clinic, &self.deleted);
        row.get("is_gone").unwrap_or(&row["is_deleted"]) == &json!(true)
    }

    fn patient(&self, clinic: &Clinic, id: &str) -> Map<String, Json> {
        let mut rows = clinic.rows("patients").into_iter();
        rows.find(|row| row["id"] == id).unwrap()
    }
}

/// The server dies behind that row of the push.
fn a_server_that_dies_behind(row: usize, kind: Kind) {
    let clinic = Clinic::new(kind);
    let server = clinic.start("0", None);
    let port = server.port();
    let clinic_id = server.line["clinic_id"].as_str().unwrap().to_owned();
    let colleague = clinic.device(&server);
    let edited = colleague.tablet.insert("patients", &patient("Edited"));
    let deleted = colleague.tablet.insert("patients", &patient("Deleted"));
    colleague.sync().unwrap();
    let device = clinic.device(&server);
    device.sync().unwrap();
    server.process.kill();

    let work = Work::of(&device.tablet, &clinic_id, edited, deleted);
    let before = device.state();
    assert_eq!(before.1, ROWS as u64 + 1);
    let server = clinic.start(&port, Some(row));
    let error = std::thread::scope(|scope| {
        let sync = scope.spawn(|| device.sync());
        server.kill_in_the_push();
        sync.join().unwrap().unwrap_err()
    });
    assert_eq!(error.code(), ErrorCode::Network);
    assert_eq!(device.state(), before, "nothing was acknowledged");
    let stored = (work.arrived(&clinic), work.is_deleted(&clinic));
    assert_eq!(stored, (row, false), "so many and no more");

    let server = clinic.start(&port, None);
    assert_eq!(server.port(), port);
    let report = device.sync().unwrap();
    // Its pull shows which had arrived.
    let left = (ROWS - row) as u64;
    assert_eq!((report.pushed, report.pushed_deletions), (left, 1));
    assert_eq!((report.quarantined, device.tablet.pending()), (0, 0));
    let report = device.sync().unwrap();
    assert_eq!((report.pushed, report.pushed_deletions), (0, 0), "once");
    assert_eq!(report.applied.not_kept, 0);
    assert_eq!(block_on(device.tablet.amana.conflicts(0)).unwrap(), []);
    let newcomer = clinic.device(&server);
    newcomer.sync().unwrap();
    assert_eq!(newcomer.state(), device.state());
    server.process.kill();

    assert_eq!(work.arrived(&clinic), ROWS, "each once");
    assert!(work.is_deleted(&clinic));
    let tables = ["patients", ATTRIBUTES, "visits"];
    assert_eq!(tables.map(|table| clinic.rows(table).len()), [5, 1, 1]);
}

#[test]
fn a_server_killed_behind_the_first_row_of_a_push_has_each_row_once_in_the_end() {
    a_server_that_dies_behind(1, Kind::Cloud);
}

#[test]
fn a_server_killed_between_the_tables_of_a_push_has_each_row_once_in_the_end() {
    a_server_that_dies_behind(4, Kind::Cloud);
}

#[test]
fn a_server_killed_behind_the_last_row_but_one_of_a_push_has_each_row_once_in_the_end() {
    a_server_that_dies_behind(5, Kind::Cloud);
}

#[test]
fn a_server_killed_between_its_last_row_and_its_answer_has_each_row_once_in_the_end() {
    a_server_that_dies_behind(ROWS, Kind::Cloud);
}

#[test]
fn a_hub_killed_behind_any_row_of_a_push_has_each_row_once_in_the_end() {
    for row in [1, 4, ROWS] {
        a_server_that_dies_behind(row, Kind::Hub);
    }
}
