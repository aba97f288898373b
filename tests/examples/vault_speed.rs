//! Measures the vault: `cargo run --release -p amana-tests --example vault_speed [DIRECTORY]`.
//! Without a directory it uses the system's temporary one, which may be memory. Prints one line for
//! each figure.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, and its clock is the real one"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use amana_core::model::kv::{KvNamespace, KvValue};
use amana_core::system::SystemClock;
use amana_core::test_support::{FakeClock, MemoryKeyStore, Phone};
use amana_core::{Amana, Config, NewPolicy, NewVault, PersonId, Pin, PinKdf, System, Unlock};
use pollster::block_on;

const MEGABYTES: usize = 100;

fn main() {
    let home = match std::env::args().nth(1) {
        Some(parent) => tempfile::tempdir_in(parent),
        None => tempfile::tempdir(),
    }
    .unwrap();
    let open = |name, key_store| {
        let config = Config::named(home.path(), name).unwrap();
        Amana::open(config, key_store, System::real()).unwrap()
    };

    let device = open("device", Arc::new(MemoryKeyStore::new()));
    println!(
        "open, memory key store: {:?}",
        median(20, || {
            device.lock().unwrap();
            timed(|| device.unlock().unwrap())
        })
    );

    let phone = Arc::new(Phone::new(Arc::new(FakeClock::at(0))));
    let counted = open("counted", phone.clone());
    counted.lock().unwrap();
    phone.calls();
    counted.unlock().unwrap();
    println!("key-store calls of an opening: {:?}", phone.calls());

    let kdf = PinKdf::calibrate(&SystemClock).unwrap();
    println!("calibrated here: {kdf:?}");
    let config = Config {
        pin_kdf: Some(PinKdf::DEFAULT),
        ..Config::named(home.path(), "person").unwrap()
    };
    let vault = Amana::attach(config, Arc::new(MemoryKeyStore::new()), System::real()).unwrap();
    let (person, pin) = (
        PersonId::new("ama").unwrap(),
        Pin::new(b"123456".to_vec()).unwrap(),
    );
    let (person, pin) = (&person, &pin);
    let policy = NewPolicy::Person { person, pin };
    let recovery = None;
    vault.create(&NewVault { policy, recovery }).unwrap();
    println!(
        "open with a PIN, Argon2id 64 MiB / 3 / 1: {:?}",
        median(5, || {
            vault.lock().unwrap();
            timed(|| vault.unlock_with(&Unlock::Pin { person, pin }).unwrap())
        })
    );

    let space = KvNamespace::Stored("large".into());
    for n in 0..MEGABYTES {
        let value = KvValue::bytes(vec![n as u8; 1 << 20]);
        block_on(device.kv_set(&space, &n.to_string(), value, None)).unwrap();
    }
    println!(
        "rotation of {MEGABYTES} MB: {:?}",
        median(3, || { timed(|| device.rotate().unwrap()) })
    );
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(times: usize, mut measure: impl FnMut() -> Duration) -> Duration {
    let mut all: Vec<Duration> = (0..times).map(|_| measure()).collect();
    all.sort();
    all[times / 2]
}
