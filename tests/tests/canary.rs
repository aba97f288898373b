//! Words that must be nowhere: a patient's name, a password, a token and a PIN are written everywhere
//! they can be, and then every file and every line that a process wrote is searched for them, in the
//! forms in which they could have got there.
#![allow(clippy::panic, clippy::unwrap_used, reason = "tests")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the child's log")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use amana_core::cancel::CancelToken;
use amana_core::model::kv::{KvNamespace, KvValue};
use amana_core::model::notice::SyncProgress;
use amana_core::model::peer::Credentials;
use amana_core::ports::{KeyStore, ProgressListener};
use amana_core::secret::SecretText;
use amana_core::test_support::{InstantTimer, MemoryKeyStore};
use amana_core::{
    Amana, Config, Error, NewPolicy, NewVault, PersonId, Pin, PinKdf, SyncOptions, System, Unlock,
    panics,
};
use amana_demo::canary::Canary;
use amana_peer::ids;
use pollster::block_on;
use serde_json::json;

const CHILD: &str = "AMANA_CANARY_FOLDER";
const TEST: &str = "s07_no_word_is_in_any_file_line_or_error";

const PATIENT: &str = "Zuleikha-Canary";
const TOKEN: &str = "tok-canary-4f1d9c0b77";
const PIN: &str = "604193857722";
const PERSON: &str = "canary-nurse-7";

fn words() -> Canary {
    Canary::new(&[
        ("the patient's name", PATIENT),
        ("the password", amana_tests::PASSWORD),
        ("the token", TOKEN),
        ("the PIN", PIN),
        ("the staff member", PERSON),
    ])
}

#[test]
fn s07_no_word_is_in_any_file_line_or_error() {
    match std::env::var_os(CHILD) {
        Some(folder) => live(Path::new(&folder)),
        None => search(),
    }
}

fn search() {
    let home = tempfile::tempdir().unwrap();
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", TEST, "--nocapture"])
        .env(CHILD, home.path())
        .env("RUST_BACKTRACE", "full")
        .output()
        .unwrap();
    let words = words();
    for (name, log) in [("output", &child.stdout), ("errors", &child.stderr)] {
        assert_eq!(
            words.find(log),
            Vec::<&str>::new(),
            "in the standard {name}"
        );
    }
    let log = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{log}");
    assert!(log.contains("error told: "), "the child told of no errors");

    let found = words.search(&[home.path()]).unwrap();
    // The staff member's id stands in the keyring: the screen on which a person chooses who they are
    // needs it before any key is there. Nothing else does.
    let allowed = |(path, what): &(PathBuf, String)| {
        what.starts_with("the staff member")
            && path
                .file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("keyring."))
    };
    let found_elsewhere: Vec<_> = found.found.iter().filter(|one| !allowed(one)).collect();
    assert!(found_elsewhere.is_empty(), "{found_elsewhere:?}");
    let files = amana_demo::files::list(home.path()).unwrap();
    for expected in [
        "database",
        "database-wal",
        "keyring.a",
        "status",
        "diagnosis",
    ] {
        let is_there = |file: &PathBuf| file.file_name().is_some_and(|name| name == expected);
        assert!(files.iter().any(is_there), "no {expected} was searched");
    }
    assert!(
        files
            .iter()
            .any(|file| file.components().any(|part| part.as_os_str() == "spool")),
        "no spool was searched"
    );
    // That this can fail: in the clear, and as base64 somewhere in the middle.
    let planted = home.path().join("planted");
    std::fs::write(&planted, format!("x{TOKEN}y")).unwrap();
    assert!(!words.search(&[&planted]).unwrap().found.is_empty());
}

/// Copies the vault as it is at this moment, journals and spool included.
fn snapshot(vault: &Path, folder: &Path) {
    static NUMBER: Mutex<u32> = Mutex::new(0);
    let mut number = NUMBER.lock().unwrap();
    *number += 1;
    let to = folder.join(format!("at-{}", *number));
    copy(vault, &to);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else if std::fs::copy(&path, &target).is_err() {
            // Gone since the folder was listed.
        }
    }
}

/// Takes a snapshot at each step of a sync.
struct Snapshots(PathBuf, PathBuf);

impl ProgressListener for Snapshots {
    fn progress(&self, progress: &SyncProgress) {
        println!("{progress:?}");
        snapshot(&self.0, &self.1);
    }
}

/// What an app would log of an error.
fn tell<T: std::fmt::Debug>(result: Result<T, Error>) {
    let error = result.err().unwrap();
    println!(
        "error told: {error} {error:?} {:?} {:?}",
        error.code(),
        error.detail()
    );
}

/// The child: a day in which every word goes wherever it can.
fn live(folder: &Path) {
    panics::install_hook();
    let peer = amana_tests::clinic_with(amana_peer::PeerConfig {
        rate_limit: false,
        ..amana_peer::PeerConfig::default()
    });
    let directory = folder.join("vault");
    let key_store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
    let config = Config {
        pin_kdf: Some(PinKdf::for_tests()),
        ..Config::new(&directory)
    };
    let system = System {
        timer: Arc::new(InstantTimer::default()),
        ..System::real()
    };
    let vault = Amana::attach(config, key_store, system).unwrap();
    let pin = |text: &str| Pin::new(text.as_bytes().to_vec()).unwrap();
    let person = PersonId::new(PERSON).unwrap();
    vault
        .create(&NewVault {
            policy: NewPolicy::Person {
                person: &person,
                pin: &pin(PIN),
            },
            recovery: None,
        })
        .unwrap();
    sign_in(&vault, &peer, amana_tests::PASSWORD).unwrap();
    tell(sign_in(
        &vault,
        &peer,
        &format!("{}-{TOKEN}", amana_tests::PASSWORD),
    ));

    let named = json!({"given_name": PATIENT, "surname": PATIENT, "phone": TOKEN,
        "additional_data": {"note": PATIENT}});
    let id = block_on(vault.insert("patients", &named.to_string())).unwrap();
    // Refused by the server, put aside with a reason.
    let bad =
        json!({"given_name": PATIENT, "primary_clinic_id": "aaaaaaaa-0000-4000-8000-00000000dead"});
    let _ = block_on(vault.insert("patients", &bad.to_string())).unwrap();
    sync(&vault, &directory, folder);
    conflict(&vault, &peer, &id, &directory, folder);

    for namespace in [
        KvNamespace::Stored(TOKEN.into()),
        KvNamespace::Session(TOKEN.into()),
    ] {
        for (key, value) in [
            (TOKEN, TOKEN),
            (PATIENT, amana_tests::PASSWORD),
            ("pin", PIN),
        ] {
            let long = format!("{value}{}", "-".repeat(9_000));
            for text in [value, &long] {
                block_on(vault.kv_set(&namespace, key, KvValue::text(text), None)).unwrap();
            }
        }
    }
    errors(&vault);
    snapshot(&directory, folder);
    let diagnosis = block_on(vault.diagnose()).unwrap();
    std::fs::write(folder.join("diagnosis"), diagnosis.to_json()).unwrap();
    println!(
        "{diagnosis:?} {vault:?} {:?}",
        block_on(vault.status()).unwrap()
    );

    vault.lock().unwrap();
    let wrong = format!("{PIN}9");
    tell(vault.unlock_with(&Unlock::Pin {
        person: &person,
        pin: &pin(&wrong),
    }));
    println!("{:?}", vault.last_refusal());
    snapshot(&directory, folder);
    let salvaged = vault.salvage(&Unlock::Pin {
        person: &person,
        pin: &pin(PIN),
    });
    println!("{}", salvaged.unwrap().to_json());
    let locked = block_on(vault.diagnose()).unwrap();
    std::fs::write(folder.join("diagnosis-locked"), locked.to_json()).unwrap();
    // A panic whose text has a name: what the hook prints is where, and nothing else.
    let _ = std::panic::catch_unwind(|| std::panic::panic_any(format!("{PATIENT} {TOKEN}")));
    snapshot(&directory, folder);
}

fn sign_in(vault: &Amana, peer: &amana_peer::Peer, password: &str) -> Result<(), Error> {
    let password = SecretText::new(password.to_owned());
    let credentials = Credentials::new("amal@clinic.example".into(), password)?;
    println!("{credentials:?}");
    let address = amana_tests::address(peer);
    block_on(vault.sign_in(address, credentials, CancelToken::new())).map(|_| ())
}

fn sync(vault: &Amana, directory: &Path, folder: &Path) {
    let options = SyncOptions {
        progress: Some(Arc::new(Snapshots(directory.to_owned(), folder.to_owned()))),
        ..SyncOptions::default()
    };
    println!("{:?}", block_on(vault.sync(options)).unwrap());
}

/// Both sides change the same column: the ledger holds both values.
fn conflict(vault: &Amana, peer: &amana_peer::Peer, id: &str, directory: &Path, folder: &Path) {
    let other = amana_tests::Tablet::signed_in(peer);
    other.sync().unwrap();
    other.update("patients", id, &json!({"phone": format!("{TOKEN}-theirs")}));
    let ours = json!({"phone": format!("{TOKEN}-ours"), "primary_clinic_id": ids::CLINIC_A});
    block_on(vault.update("patients", id, &ours.to_string())).unwrap();
    other.sync().unwrap();
    sync(vault, directory, folder);
    assert!(
        !block_on(vault.conflicts(0)).unwrap().is_empty(),
        "there was no conflict"
    );
}

/// Inputs that are refused, each with a word in it.
fn errors(vault: &Amana) {
    let quoted = format!("\"{PATIENT}\"");
    for (table, fields) in [
        ("patients", format!(r#"{{"date_of_birth":{quoted}}}"#)),
        (
            "patients",
            format!(r#"{{"sex":"{PATIENT}-{PATIENT}-{PATIENT}"}}"#),
        ),
        ("patients", format!(r#"{{{quoted}:1}}"#)),
        ("patients", format!("{{{PATIENT}")),
        (PATIENT, "{}".to_owned()),
        ("users", format!(r#"{{"hashed_password":"{TOKEN}"}}"#)),
    ] {
        tell(block_on(vault.insert(table, &fields)));
    }
    tell(block_on(vault.update("patients", PATIENT, "{}")));
    tell(block_on(vault.delete("patients", PATIENT)));
    tell(block_on(vault.query(
        "patients",
        &format!(r#"{{"filter":{{{quoted}:1}}}}"#),
    )));
    tell(block_on(vault.batch(&format!("[{quoted}]"))));
    tell(block_on(vault.kv_set(
        &KvNamespace::Stored(TOKEN.into()),
        &format!("{TOKEN}\0"),
        KvValue::text(PIN),
        None,
    )));
    tell(PersonId::new(&format!("{PERSON}\0")));
    tell(Pin::new(Vec::new()));
}
