//! SIGKILL in the middle of the transaction that applies a pull: what was there before is all there,
//! nothing of the pull is, and the next sync ends as if nothing had been.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use amana_core::cancel::CancelToken;
use amana_core::model::ledger::{ConflictEntry, Digest};
use amana_core::model::peer::Credentials;
use amana_core::secret::SecretText;
use amana_core::{Amana, Config, SyncOptions, System, host_key_store};
use amana_peer::{Answer, Kind, ManualClock, PeerConfig};
use amana_tests::{PASSWORD, Tablet, address, clinic_with, patient};
use pollster::block_on;
use serde_json::json;

/// A vault whose keys are in a folder, so that another process can open it.
struct Place {
    directory: PathBuf,
}

impl Place {
    fn open(&self) -> Amana {
        let config = Config::new(self.vault());
        let keys = host_key_store(&self.keys()).unwrap();
        Amana::open(config, keys, System::real()).unwrap()
    }

    fn vault(&self) -> PathBuf {
        self.directory.join("vault")
    }

    fn keys(&self) -> PathBuf {
        self.directory.join("keys")
    }

    fn copy_to(&self, directory: PathBuf) -> Self {
        copy(&self.directory, &directory);
        Self { directory }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// All that a sync changes.
#[derive(PartialEq, Debug)]
struct State {
    digest: Digest,
    cursor: i64,
    pending: u64,
    ledger: Vec<ConflictEntry>,
}

fn state(amana: &Amana) -> State {
    let status = block_on(amana.status()).unwrap();
    let mut ledger = block_on(amana.conflicts(0)).unwrap();
    // Found at another moment, which is the machine's.
    ledger.iter_mut().for_each(|entry| entry.at_ms = 0);
    State {
        digest: block_on(amana.digest()).unwrap(),
        cursor: status.cloud.cursor,
        pending: status.outbox.pending,
        ledger,
    }
}

fn sync(amana: &Amana) -> amana_core::Result<amana_core::model::report::SyncReport> {
    block_on(amana.sync(SyncOptions::default()))
}

/// Outlives no failure of the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const PATIENTS: u64 = 460;

/// Far more than the 16 MiB that an apply may keep back: some of it is in the log before the end.
fn write_more_than_a_cache_holds(tablet: &Tablet) {
    let data = json!({"note": "x".repeat(40_000)}).to_string();
    let insert = |number| {
        let fields = json!({"given_name": format!("Patient {number}"), "additional_data": data});
        json!({"op": "insert", "table": "patients", "fields": fields})
    };
    let operations: Vec<_> = (0..PATIENTS).map(insert).collect();
    block_on(tablet.amana.batch(&json!(operations).to_string())).unwrap();
}

/// SQLite's log beside the database.
fn log_of(vault: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(vault).unwrap();
    entries
        .find_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let mut inner = std::fs::read_dir(&path).unwrap();
                inner.find_map(|entry| {
                    let path = entry.unwrap().path();
                    path.to_string_lossy().ends_with("-wal").then_some(path)
                })
            } else {
                path.to_string_lossy().ends_with("-wal").then_some(path)
            }
        })
        .unwrap()
}

#[test]
fn a_tablet_killed_while_it_applies_a_pull_has_nothing_of_it_and_goes_on_as_if_nothing_had_been() {
    let clock = ManualClock::new(System::real().clock.now_ms());
    let peer = clinic_with(PeerConfig {
        clock: clock.clock(),
        rate_limit: false,
        ..PeerConfig::default()
    });
    let root = tempfile::tempdir().unwrap();
    let place = Place {
        directory: root.path().join("killed"),
    };
    let colleague = Tablet::signed_in(&peer);
    let quarrelled = colleague.insert("patients", &patient("Amal"));
    colleague.sync().unwrap();
    // Longer than a pull's overlap: the patient comes among the updates, behind all that is new.
    clock.advance(60 * 60_000);

    let amana = place.open();
    let password = SecretText::new(PASSWORD.to_owned());
    let credentials = Credentials::new("amal@clinic.example".to_owned(), password).unwrap();
    block_on(amana.sign_in(address(&peer), credentials, CancelToken::new())).unwrap();
    sync(&amana).unwrap();
    block_on(amana.update("patients", &quarrelled, r#"{"phone":"222"}"#)).unwrap();
    block_on(amana.insert("patients", r#"{"given_name":"Here only"}"#)).unwrap();
    let before = state(&amana);
    assert_eq!((before.pending, before.ledger.len()), (2, 0));
    amana.close().unwrap();
    let undisturbed = place.copy_to(root.path().join("undisturbed"));

    clock.advance(60_000);
    write_more_than_a_cache_holds(&colleague);
    colleague.update("patients", &quarrelled, &json!({"phone": "111"}));
    colleague.sync().unwrap();
    clock.advance(60_000);

    let child = Command::new(env!("CARGO_BIN_EXE_amana-held"))
        .args([place.vault(), place.keys()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut child = Killed(child.unwrap());
    let mut said = String::new();
    let out = child.0.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut said).unwrap();
    assert_eq!(said, "asked\n", "it was asked, in the transaction");
    let log = std::fs::metadata(log_of(&place.vault())).unwrap().len();
    assert!(
        log > 2_000_000,
        "{log} bytes: nothing of it reached the disk"
    );
    child.0.kill().unwrap();
    assert_eq!(child.0.wait().unwrap().signal(), Some(9));

    let killed = place.open();
    assert_eq!(state(&killed), before, "nothing of the pull is there");
    // Both pull the same, since no push gets through yet.
    let twin = undisturbed.open();
    let pulled = [&twin, &killed].map(|amana| {
        let mut refusal = Answer::status(Kind::Push, 400);
        refusal.times = u32::MAX;
        peer.faults().answer_with(refusal);
        let _ = sync(amana);
        peer.faults().clear();
        state(amana)
    });
    assert_eq!(pulled[1], pulled[0], "as if nothing had been");
    assert_ne!(pulled[0].digest, before.digest);
    assert!(pulled[0].cursor > before.cursor);
    assert_eq!(pulled[0].ledger.len(), 1);

    let report = sync(&killed).unwrap();
    assert_eq!((report.pushed, state(&killed).pending), (2, 0));
    colleague.sync().unwrap();
    sync(&killed).unwrap();
    let all = block_on(colleague.amana.digest()).unwrap();
    assert_eq!(state(&killed).digest, all);
    assert_eq!(colleague.get("patients", &quarrelled)["phone"], "222");
    assert_eq!(colleague.count("patients"), 2 + PATIENTS);
}
