//! Break-glass from end to end: `scripts/recovery` makes the organisation's key and answers a request;
//! the vault opens with the answer, and has a new way in afterwards.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use amana_core::error::ErrorCode;
use amana_core::ports::KeyStore;
use amana_core::test_support::{InstantTimer, MemoryKeyStore};
use amana_core::{
    Amana, Config, NewPolicy, NewVault, PersonId, Pin, PinKdf, RecoveryKey, System, Unlock,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pollster::block_on;

fn recovery(arguments: &[&str]) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/recovery");
    Command::new(script).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8_lossy(&output.stderr)
}

struct Organisation {
    home: tempfile::TempDir,
}

impl Organisation {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let made = recovery(&["make-key", &home.path().join("keys").to_string_lossy()]);
        assert!(made.status.success(), "{}", said(&made));
        Self { home }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.file(name).to_string_lossy().into_owned()
    }

    fn public(&self) -> RecoveryKey {
        let text = std::fs::read_to_string(self.file("keys/organisation.public")).unwrap();
        let hex = text.lines().nth(1).unwrap();
        let bytes: Vec<u8> = (0..64)
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        let key = RecoveryKey::from_bytes(bytes.try_into().unwrap());
        assert!(text.contains(&key.fingerprint()));
        key
    }

    fn answer(&self, fingerprint: &str) -> Output {
        recovery(&[
            "answer",
            "--key",
            &self.text("keys/organisation.private"),
            "--fingerprint",
            fingerprint,
            &self.text("request"),
            &self.text("answer"),
        ])
    }
}

fn attach(directory: &Path, store: &Arc<dyn KeyStore>) -> Amana {
    let config = Config {
        pin_kdf: Some(PinKdf::for_tests()),
        ..Config::new(directory)
    };
    let system = System {
        timer: Arc::new(InstantTimer::default()),
        ..System::real()
    };
    Amana::attach(config, Arc::clone(store), system).unwrap()
}

fn patients(vault: &Amana) -> u64 {
    block_on(vault.count("patients", "{}")).unwrap()
}

/// Makes a vault, loses its device secrets, and opens it with the organisation's help.
fn recovered(organisation: &Organisation, policy: NewPolicy<'_>, home: &Path) -> Amana {
    let first: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
    let vault = attach(home, &first);
    let recovery = Some(organisation.public());
    vault.create(&NewVault { policy, recovery }).unwrap();
    let _ = block_on(vault.insert("patients", r#"{"given_name":"Amal"}"#)).unwrap();
    vault.close().unwrap();
    drop(vault);

    // Another key store: what a phone is after its secrets were lost.
    let empty: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
    let vault = attach(home, &empty);
    let request = vault.make_recovery_request().unwrap();
    std::fs::write(organisation.file("request"), &request.bytes).unwrap();
    let shown = recovery_shown(organisation);
    assert!(shown.contains(&request.fingerprint), "{shown}");

    let wrong = organisation.answer("0000000000000000");
    assert!(!wrong.status.success() && said(&wrong).contains("fingerprints differ"));
    assert!(!organisation.file("answer").exists());
    // As people read it aloud.
    let aloud = request.fingerprint.to_uppercase();
    let aloud = format!("{} {}-{}", &aloud[..4], &aloud[4..8], &aloud[8..]);
    let given = organisation.answer(&aloud);
    assert!(given.status.success(), "{}", said(&given));
    let answer = std::fs::read(organisation.file("answer")).unwrap();
    vault.unlock_with(&Unlock::Recovery(&answer)).unwrap();
    assert_eq!(patients(&vault), 1);
    vault
}

fn recovery_shown(organisation: &Organisation) -> String {
    let shown = recovery(&["show", &organisation.text("request")]);
    assert!(shown.status.success(), "{}", said(&shown));
    said(&shown)
}

#[test]
fn a_device_vault_opens_with_the_answer_and_then_by_itself_again() {
    let organisation = Organisation::new();
    let home = tempfile::tempdir().unwrap();
    let vault = recovered(&organisation, NewPolicy::Device, home.path());
    vault.lock().unwrap();
    vault.unlock().unwrap();
    assert_eq!(patients(&vault), 1);
}

#[test]
fn a_persons_vault_opens_with_the_answer_and_then_with_a_new_pin() {
    let organisation = Organisation::new();
    let home = tempfile::tempdir().unwrap();
    let ama = PersonId::new("ama").unwrap();
    let pin = |text: &str| Pin::new(text.as_bytes().to_vec()).unwrap();
    let (old, new) = (pin("1111"), pin("2222"));
    let policy = NewPolicy::Person {
        person: &ama,
        pin: &old,
    };
    let vault = recovered(&organisation, policy, home.path());
    vault.reset_pin(&ama, &new).unwrap();
    vault.lock().unwrap();
    let unlock = |pin| vault.unlock_with(&Unlock::Pin { person: &ama, pin });
    assert_eq!(unlock(&old).unwrap_err().code(), ErrorCode::WrongPin);
    unlock(&new).unwrap();
    assert_eq!(patients(&vault), 1);
}

#[test]
fn keys_are_private_never_replaced_and_refused_where_others_can_read_them() {
    let organisation = Organisation::new();
    let private = organisation.file("keys/organisation.private");
    let mode = || std::fs::metadata(&private).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let before = std::fs::read(&private).unwrap();
    let again = recovery(&["make-key", &organisation.text("keys")]);
    assert!(!again.status.success() && said(&again).contains("is there already"));
    assert_eq!(std::fs::read(&private).unwrap(), before);
    // No output holds the private key.
    let other = recovery(&["make-key", &organisation.text("others")]);
    let text = std::fs::read_to_string(organisation.file("others/organisation.private")).unwrap();
    assert!(!said(&other).contains(text.lines().nth(1).unwrap()));

    std::fs::write(organisation.file("request"), b"this is no request").unwrap();
    let noise = recovery(&["show", &organisation.text("request")]);
    assert!(!noise.status.success() && said(&noise).contains("invalid_input"));

    let home = tempfile::tempdir().unwrap();
    let store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
    let vault = attach(home.path(), &store);
    let recovery = Some(organisation.public());
    vault
        .create(&NewVault {
            policy: NewPolicy::Device,
            recovery,
        })
        .unwrap();
    let request = vault.make_recovery_request().unwrap();
    std::fs::write(organisation.file("request"), &request.bytes).unwrap();
    std::fs::set_permissions(&private, PermissionsExt::from_mode(0o644)).unwrap();
    let shared = organisation.answer(&request.fingerprint);
    assert!(!shared.status.success() && said(&shared).contains("others can read"));
    // Another organisation's key answers nothing.
    std::fs::copy(organisation.file("others/organisation.private"), &private).unwrap();
    std::fs::set_permissions(&private, PermissionsExt::from_mode(0o600)).unwrap();
    let foreign = organisation.answer(&request.fingerprint);
    assert!(!foreign.status.success() && said(&foreign).contains("key_mismatch"));
    assert!(!organisation.file("answer").exists());
}

#[test]
fn the_public_key_is_printed_as_an_app_takes_it() {
    let organisation = Organisation::new();
    let file = organisation.text("keys/organisation.public");
    let printed = recovery(&["public-key", &file]);
    assert!(printed.status.success(), "{}", said(&printed));
    let bytes = STANDARD.decode(said(&printed).trim_end()).unwrap();
    assert_eq!(bytes, organisation.public().bytes());

    // One digit of the key was typed wrongly.
    let text = std::fs::read_to_string(&file).unwrap();
    let (title, rest) = text.split_once('\n').unwrap();
    let digit = if rest.starts_with('0') { "1" } else { "0" };
    std::fs::write(&file, format!("{title}\n{digit}{}", &rest[1..])).unwrap();
    let wrong = recovery(&["public-key", &file]);
    assert!(!wrong.status.success() && wrong.stdout.is_empty());
    assert!(
        said(&wrong).contains("do not belong together"),
        "{}",
        said(&wrong)
    );
    for none in [
        text.lines().next().unwrap(),
        "",
        "amana organisation private key 1\n",
    ] {
        std::fs::write(&file, none).unwrap();
        let refused = recovery(&["public-key", &file]);
        assert!(!refused.status.success() && said(&refused).contains("holds no public key"));
    }
}
