//! What breaks down in the middle of a sync: the server while it takes a push, the tablet's disk
//! while a pull arrives.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use amana_core::cancel::CancelToken;
use amana_core::model::peer::Credentials;
use amana_core::ports::Disk;
use amana_core::secret::SecretText;
use amana_core::test_support::{InstantTimer, MemoryKeyStore};
use amana_core::{Amana, Config, ErrorCode, SyncOptions, System};
use amana_peer::{Kind, Peer, PeerConfig};
use amana_tests::line::{BreakInPush, Line};
use amana_tests::{PASSWORD, Tablet, address, address_by, clinic, clinic_with, patient};
use pollster::block_on;
use serde_json::json;
use tempfile::TempDir;

/// A server that can come back with its data and its certificate.
struct Lasting(TempDir);

impl Lasting {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn start(&self) -> Peer {
        clinic_with(PeerConfig {
            database: Some(self.0.path().join("clinic.db")),
            tls_folder: Some(self.0.path().join("tls")),
            rate_limit: false,
            ..PeerConfig::default()
        })
    }
}

/// A tablet at the other end of a line, signed in.
fn tablet_at(line: &Line, peer: &Peer) -> Tablet {
    let tablet = Tablet::new();
    let address = address_by(line, peer);
    tablet
        .sign_in_at(address, "amal@clinic.example", PASSWORD)
        .unwrap();
    tablet
}

fn credentials() -> Credentials {
    let password = SecretText::new(PASSWORD.to_owned());
    Credentials::new("amal@clinic.example".to_owned(), password).unwrap()
}

/// Patients of about 8 KiB each, so that a push is more than the buffers of a socket hold.
fn register(tablet: &Tablet, count: usize) -> Vec<String> {
    let data = json!({"note": "x".repeat(8_000)}).to_string();
    let one = |n| {
        let mut fields = patient(&format!("P{n}"));
        fields["additional_data"] = json!(data);
        tablet.insert("patients", &fields)
    };
    (0..count).map(one).collect()
}

fn holds_each_once(peer: &Peer, tablet: &Tablet, ids: &[String]) {
    let rows = peer.rows("patients");
    assert_eq!(rows.len(), ids.len());
    let names: BTreeMap<_, _> = rows
        .iter()
        .filter(|row| row["is_deleted"] == false)
        .map(|row| (row["id"].as_str().unwrap(), &row["given_name"]))
        .collect();
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(names[id.as_str()], &format!("P{n}"));
    }
    assert_eq!(tablet.pending(), 0);
    assert!(
        block_on(tablet.amana.quarantined_records())
            .unwrap()
            .is_empty()
    );
    let other = Tablet::signed_in(peer);
    other.sync().unwrap();
    tablet.sync().unwrap();
    assert_eq!(
        block_on(other.amana.digest()).unwrap(),
        block_on(tablet.amana.digest()).unwrap()
    );
}

#[test]
fn a_server_that_ends_while_a_push_comes_in_loses_nothing_and_takes_nothing_twice() {
    // In the head, in the body, and in the body of a later piece.
    for bytes in [1, 100_000, 2_700_000] {
        let place = Lasting::new();
        let peer = place.start();
        let line = Arc::new(Line::to(peer.url()));
        let tablet = tablet_at(&line, &peer);
        tablet.sync().unwrap();
        let ids = register(&tablet, 350);
        let progress = Arc::new(BreakInPush::new(Arc::clone(&line), bytes));
        let options = SyncOptions {
            progress: Some(progress),
            ..SyncOptions::default()
        };
        let error = std::thread::scope(|scope| {
            let sync = scope.spawn(|| block_on(tablet.amana.sync(options)));
            line.wait_until_broken();
            peer.stop();
            sync.join().unwrap().unwrap_err()
        });
        assert_eq!(error.code(), ErrorCode::Network, "{bytes}");
        assert!(tablet.pending() > 0, "{bytes}");
        let peer = place.start();
        line.mend(peer.url());
        tablet.sync().unwrap();
        holds_each_once(&peer, &tablet, &ids);
    }
}

#[test]
fn a_server_that_ends_between_its_write_and_its_reply_takes_nothing_twice() {
    let place = Lasting::new();
    let peer = place.start();
    let line = Line::to(peer.url());
    let tablet = tablet_at(&line, &peer);
    tablet.sync().unwrap();
    let ids = register(&tablet, 20);
    peer.faults().cut_after(Kind::Push, 0, 100);
    assert_eq!(tablet.sync().unwrap_err().code(), ErrorCode::Network);
    assert_eq!((peer.count("patients"), tablet.pending()), (20, 20));
    peer.stop();
    // An edit meanwhile is not mistaken for what the server has.
    tablet.update("patients", &ids[7], &json!({"phone": "961"}));
    let peer = place.start();
    line.mend(peer.url());
    tablet.sync().unwrap();
    assert_eq!(peer.row("patients", &ids[7]).unwrap()["phone"], "961");
    holds_each_once(&peer, &tablet, &ids);
}

/// A disk with as much room as is said.
struct Room(AtomicU64);

impl Disk for Room {
    fn free_bytes(&self, _: &Path) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst))
    }
}

fn spools(directory: &Path) -> usize {
    let files = std::fs::read_dir(directory).unwrap();
    let names = files.map(|file| file.unwrap().file_name());
    names
        .filter(|name| name.to_string_lossy().ends_with(".spool"))
        .count()
}

/// The reply is there whole; while it is applied, SQLite gets no more room for the database.
#[test]
fn a_disk_that_fills_up_while_a_pull_is_applied_leaves_everything_as_it_was() {
    let peer = clinic();
    peer.seed_patients(3).unwrap();
    let tablet = Tablet::signed_in(&peer);
    tablet.sync().unwrap();
    let mine = tablet.insert("patients", &patient("Amal"));
    peer.seed_patients(400).unwrap();
    let seen = || {
        let digest = block_on(tablet.amana.digest()).unwrap();
        (tablet.cursor(), digest, tablet.pending())
    };
    let pulls = || {
        let all = peer.requests().into_iter();
        let pulls = all.filter(|seen| seen.method == "GET" && seen.target.contains("lastPulledAt"));
        pulls.map(|seen| seen.target).collect::<Vec<_>>()
    };
    let before = seen();
    // At once, in the middle, near the end.
    for pages in [0, 40, 120] {
        block_on(tablet.amana.limit_growth(Some(pages))).unwrap();
        peer.clear_requests();
        let error = tablet.sync().unwrap_err();
        assert_eq!(error.code(), ErrorCode::StorageFull, "{pages}");
        assert_eq!(seen(), before, "{pages}");
        assert_eq!(spools(tablet.directory()), 0, "{pages}");
        assert!(peer.row("patients", &mine).is_none(), "{pages}");
        assert_eq!(pulls().len(), 1, "it is not asked again and again");
    }
    let asked = pulls();
    let status = block_on(tablet.amana.sync_status()).unwrap();
    let last_error = status.peers[0].status.last_error.as_deref();
    assert_eq!(last_error, Some("storage_full"));

    block_on(tablet.amana.limit_growth(None)).unwrap();
    peer.clear_requests();
    tablet.sync().unwrap();
    assert_eq!(pulls(), asked, "from where it was");
    assert_eq!(tablet.count("patients"), 404);
    assert_eq!(peer.row("patients", &mine).unwrap()["given_name"], "Amal");
    let other = Tablet::signed_in(&peer);
    other.sync().unwrap();
    tablet.sync().unwrap();
    assert_eq!(
        block_on(other.amana.digest()).unwrap(),
        block_on(tablet.amana.digest()).unwrap()
    );
}

#[test]
fn a_disk_that_fills_up_under_a_pull_leaves_everything_as_it_was() {
    let peer = clinic();
    peer.seed_patients(3).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let room = Arc::new(Room(AtomicU64::new(u64::MAX)));
    let system = System {
        timer: Arc::new(InstantTimer::default()),
        disk: room.clone(),
        ..System::real()
    };
    let key_store = Arc::new(MemoryKeyStore::new());
    let amana = Amana::open(Config::new(directory.path()), key_store, system).unwrap();
    block_on(amana.sign_in(address(&peer), credentials(), CancelToken::new())).unwrap();
    let sync = || block_on(amana.sync(SyncOptions::default()));
    let seen = || {
        let cursor = block_on(amana.status()).unwrap().cloud.cursor;
        (cursor, block_on(amana.digest()).unwrap())
    };
    sync().unwrap();
    let mine = patient("Amal").to_string();
    let mine = block_on(amana.insert("patients", &mine)).unwrap();
    peer.seed_patients(3).unwrap();
    let before = seen();
    room.0.store(100_000, Ordering::SeqCst);
    assert_eq!(sync().unwrap_err().code(), ErrorCode::StorageFull);
    assert_eq!(seen(), before);
    assert_eq!(spools(directory.path()), 0);
    assert!(peer.row("patients", &mine).is_none());
    room.0.store(u64::MAX, Ordering::SeqCst);
    sync().unwrap();
    assert_eq!(block_on(amana.count("patients", "{}")).unwrap(), 7);
    assert!(peer.row("patients", &mine).is_some());
}
