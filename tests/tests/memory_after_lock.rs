//! After a lock the process's whole readable memory holds no key. Alone in its process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::ports::KeyStore;
use amana_core::system::{SystemClock, SystemEntropy, SystemTimer};
use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, System, vault};
use amana_tests::memory::{Needle, search};
use pollster::block_on;

#[test]
fn no_key_is_left_after_a_lock() {
    let directory = tempfile::tempdir().unwrap();
    let key_store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
    let open = || {
        Amana::open(
            Config::new(directory.path()),
            Arc::clone(&key_store),
            System::real(),
        )
        .unwrap()
    };
    open().close().unwrap();

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
        let opened = vault::open(&io, &vault::Way::Device, None).unwrap();
        let root = opened.keys.expose_root().iter().copied();
        let key = opened.keys.database.expose();
        let hex = key.iter().flat_map(|byte| {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap() as u8;
            [digit(byte >> 4), digit(byte & 15)]
        });
        [
            Needle::new("the root key", root),
            Needle::new("the database key", key.iter().copied()),
            Needle::new("the database key as text", hex),
        ]
    };

    let amana = open();
    for n in 0..50 {
        let fields = format!(r#"{{"given_name":"P{n}"}}"#);
        block_on(amana.insert("patients", &fields)).unwrap();
    }
    assert_eq!(block_on(amana.count("patients", "{}")).unwrap(), 50);
    amana.lock().unwrap();
    for (needle, found) in needles.iter().zip(search(&needles)) {
        assert_eq!(found, 0, "{} is still in memory", needle.name);
    }

    // That this can fail: copies that nobody wiped.
    for (i, needle) in needles.iter().enumerate() {
        let leak = needle.unmasked();
        assert!(search(&needles)[i] > 0, "{} was planted", needle.name);
        drop(leak);
    }
}
