//! The first moment of a process: an app opens its settings and its records at once, before anything
//! of SQLite was used. What happens there happens once in a process, so each try is one.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::Command;
use std::sync::{Arc, Barrier};

use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, System};

const TRIES: u32 = 100;
const VAULTS: usize = 8;
const TEST: &str = "vaults_that_are_opened_at_once_first_thing_in_a_process_all_open";
const IS_CHILD: &str = "AMANA_TEST_FIRST_USE";

#[test]
fn vaults_that_are_opened_at_once_first_thing_in_a_process_all_open() {
    if std::env::var_os(IS_CHILD).is_some() {
        return open_all_at_once();
    }
    for _ in 0..TRIES {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST])
            .env(IS_CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout).into_owned();
        assert!(child.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }
}

fn open_all_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let together = Barrier::new(VAULTS);
    std::thread::scope(|scope| {
        for number in 0..VAULTS {
            let (together, path) = (&together, directory.path().join(number.to_string()));
            scope.spawn(move || {
                let config = Config::new(path);
                let keys = Arc::new(MemoryKeyStore::new());
                together.wait();
                Amana::open(config, keys, System::real()).unwrap();
            });
        }
    });
}
