//! The vault's life through the front door, on a simulated phone.

mod care;
mod hubs;
mod persons;
mod phone;
mod rotation;
mod states;
mod stress;
mod whole;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pollster::block_on;

use super::*;
use crate::ports::Disk;
use crate::test_support::{FakeClock, Phone};
use crate::vault::{LossAcknowledged, PinRules, RefusalReport, Remedy};

/// A disk with as much room as a test says.
struct FakeDisk(AtomicU64);

impl Disk for FakeDisk {
    fn free_bytes(&self, _: &Path) -> Option<u64> {
        Some(self.0.load(Ordering::SeqCst))
    }
}

/// A tablet: a phone, a clock, a disk, and a base directory for vaults.
struct Tablet {
    home: tempfile::TempDir,
    phone: Arc<Phone>,
    clock: Arc<FakeClock>,
    disk: Arc<FakeDisk>,
    rules: PinRules,
}

impl Tablet {
    fn new() -> Self {
        let clock = Arc::new(FakeClock::at(1_700_000_000_000));
        Self {
            home: tempfile::tempdir().unwrap(),
            phone: Arc::new(Phone::new(Arc::clone(&clock))),
            clock,
            disk: Arc::new(FakeDisk(AtomicU64::new(u64::MAX))),
            rules: PinRules::default(),
        }
    }

    fn config(&self, name: &str) -> Config {
        Config {
            pin_kdf: Some(PinKdf::for_tests()),
            pin_rules: self.rules,
            ..Config::named(self.home.path(), name).unwrap()
        }
    }

    fn system(&self) -> System {
        System {
            clock: self.clock.clone(),
            timer: self.phone.clone(),
            disk: self.disk.clone(),
            ..System::real()
        }
    }

    fn attach(&self, name: &str) -> Amana {
        Amana::attach(self.config(name), self.phone.clone(), self.system()).unwrap()
    }

    fn open(&self, name: &str) -> Result<Amana> {
        Amana::open(self.config(name), self.phone.clone(), self.system())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// A vault of policy `person` that Ama made, with her PIN 1111, and one record in it.
    fn patients(&self) -> Amana {
        self.patients_with(None)
    }

    fn patients_with(&self, recovery: Option<RecoveryKey>) -> Amana {
        let vault = self.attach("patients");
        let new = NewVault {
            policy: NewPolicy::Person {
                person: &person("ama"),
                pin: &pin("1111"),
            },
            recovery,
        };
        vault.create(&new).unwrap();
        insert(&vault, "Amal");
        vault
    }
}

fn person(name: &str) -> PersonId {
    PersonId::new(name).unwrap()
}

fn pin(text: &str) -> Pin {
    Pin::new(text.as_bytes().to_vec()).unwrap()
}

fn enter(vault: &Amana, name: &str, text: &str) -> Result<()> {
    vault.unlock_with(&Unlock::Pin {
        person: &person(name),
        pin: &pin(text),
    })
}

fn insert(vault: &Amana, name: &str) {
    let fields = format!(r#"{{"given_name":"{name}"}}"#);
    block_on(vault.insert("patients", &fields)).unwrap();
}

fn count(vault: &Amana) -> Result<u64> {
    block_on(vault.count("patients", "{}"))
}

fn code<T>(result: Result<T>) -> ErrorCode {
    match result {
        Ok(_) => panic!("it was not refused"),
        Err(error) => error.code(),
    }
}
