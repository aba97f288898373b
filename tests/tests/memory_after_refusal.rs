//! After a refused PIN, and after a lock, the process's whole readable memory holds neither PINs nor
//! keys. Alone in its process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::ports::KeyStore;
use amana_core::system::{SystemClock, SystemEntropy, SystemTimer};
use amana_core::test_support::MemoryKeyStore;
use amana_core::{
    Amana, Config, ErrorCode, NewPolicy, NewVault, PersonId, Pin, PinKdf, PinRules, System, Unlock,
    vault,
};
use amana_tests::memory::{Needle, search};

/// Masked PINs of 24 bytes: long enough to stand nowhere by chance.
const RIGHT: [u8; 24] = *b"\x11\x93\x27\x35\xc1\x57\x60\x7f\x8a\x99\xae\xb2\xc9\xd5\xe4\xf8\x01\x1c\x2d\x3b\x4f\x52\x68\x70";
const WRONG: [u8; 24] = *b"\x91\x13\xa7\xb5\x41\xd7\xe0\xff\x0a\x19\x2e\x32\x49\x55\x64\x78\x81\x9c\xad\xbb\xcf\xd2\xe8\xf0";
const OTHER: [u8; 24] = *b"\x21\xa3\x17\x05\xf1\x67\x50\x4f\xba\xa9\x9e\x82\xf9\xe5\xd4\xc8\x31\x2c\x1d\x0b\x7f\x62\x58\x40";

fn pin(masked: &[u8; 24]) -> Pin {
    Pin::new(Needle::masked("a PIN", masked).unmasked()).unwrap()
}

fn none_is_left(when: &str, needles: &[Needle]) {
    for (needle, found) in needles.iter().zip(search(needles)) {
        assert_eq!(found, 0, "{} is in memory {when}", needle.name);
    }
}

#[test]
fn no_pin_and_no_key_is_left_after_a_refusal_or_a_lock() {
    let directory = tempfile::tempdir().unwrap();
    let key_store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
    let (ama, kofi) = (
        PersonId::new("ama").unwrap(),
        PersonId::new("kofi").unwrap(),
    );
    let config = || Config {
        pin_kdf: Some(PinKdf::for_tests()),
        ..Config::new(directory.path())
    };
    let attach = || Amana::attach(config(), Arc::clone(&key_store), System::real()).unwrap();
    let enter = |vault: &Amana, masked| {
        let (person, pin) = (&ama, &pin(masked));
        vault.unlock_with(&Unlock::Pin { person, pin })
    };

    {
        let (vault, person, pin) = (attach(), &ama, &pin(&RIGHT));
        let policy = NewPolicy::Person { person, pin };
        let recovery = None;
        vault.create(&NewVault { policy, recovery }).unwrap();
        vault.close().unwrap();
    }

    let needles = {
        let path = directory.path().canonicalize().unwrap();
        let io = vault::VaultIo {
            directory: &path,
            database_file: &vault::database_path(&path),
            key_store: &*key_store,
            clock: &SystemClock,
            entropy: &SystemEntropy,
            timer: &SystemTimer,
            cancel: &CancelToken::new(),
        };
        let (person, pin) = (&ama, &pin(&RIGHT));
        let rules = PinRules::default();
        let way = vault::Way::Pin { person, pin, rules };
        let keys = vault::open(&io, &way, None).unwrap().keys;
        [
            Needle::new("the root key", keys.expose_root().iter().copied()),
            Needle::new("the database key", keys.database.expose().iter().copied()),
            Needle::masked("the PIN", &RIGHT),
            Needle::masked("a wrong PIN", &WRONG),
            Needle::masked("another person's PIN", &OTHER),
        ]
    };

    let vault = attach();
    let refused = enter(&vault, &WRONG).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::WrongPin);
    none_is_left("after a refusal", &needles);

    enter(&vault, &RIGHT).unwrap();
    vault.add_pin(&kofi, &pin(&OTHER)).unwrap();
    vault.remove_pin(&kofi).unwrap();
    vault.rotate().unwrap();
    // The old keys are gone with the change, the PINs with the calls.
    none_is_left("after a change of the root key", &needles);
    vault.lock().unwrap();
    none_is_left("after a lock", &needles);

    // That this can fail: copies that nobody wiped.
    let leaks: Vec<_> = needles.iter().map(Needle::unmasked).collect();
    assert!(search(&needles).iter().all(|found| *found > 0));
    drop(leaks);
}
