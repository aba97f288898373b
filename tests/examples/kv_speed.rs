//! Measures the key–value store: `cargo run --release -p amana-tests --example kv_speed [DIRECTORY]`.
//! Without a directory it uses the system's temporary one, which may be memory: then a set costs no
//! disk. Prints one line for each figure.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, and its clock is the real one"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use amana_core::model::kv::{KvEntry, KvNamespace, KvValue};
use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, System};
use pollster::block_on;

const KEYS: usize = 20_000;

fn main() {
    let directory = match std::env::args().nth(1) {
        Some(parent) => tempfile::tempdir_in(parent),
        None => tempfile::tempdir(),
    }
    .unwrap();
    let amana = Amana::open(
        Config::new(directory.path()),
        Arc::new(MemoryKeyStore::new()),
        System::real(),
    )
    .unwrap();
    let space = KvNamespace::Stored("settings".into());
    let keys: Vec<String> = (0..KEYS).map(|n| format!("key/{n:06}")).collect();

    each("set, one by one", 300, |n| {
        block_on(amana.kv_set(&space, &keys[n], value(n), None)).unwrap();
    });
    each("set, in batches of 1000, each", KEYS / 1_000, |batch| {
        let entries = (batch * 1_000..(batch + 1) * 1_000)
            .map(|n| KvEntry::new(keys[n].clone(), value(n)))
            .collect();
        block_on(amana.kv_multi_set(&space, entries)).unwrap();
    });

    // Unlocked anew: neither values nor pages are in memory.
    let mut unlocks: Vec<Duration> = (0..20)
        .map(|_| {
            amana.lock().unwrap();
            let start = Instant::now();
            amana.unlock().unwrap();
            start.elapsed()
        })
        .collect();
    report("unlock", &mut unlocks);
    // Far from each other, so that each is on a page of its own, read from the file.
    let far: Vec<usize> = (0..300).map(|n| n * 66).collect();
    each("get, cold, page not read yet", far.len(), |n| {
        get(&amana, &space, &keys[far[n]]);
    });
    // Their neighbours are on the same pages, but not in the cache of values.
    each("get, cold, page read before", far.len(), |n| {
        get(&amana, &space, &keys[far[n] + 1]);
    });
    each("get, hot", 2_000, |n| {
        get(&amana, &space, &keys[n % 2 * 66])
    });
    each("get, missing, hot", 2_000, |_| {
        assert!(amana.kv_get_now(&space, "missing").unwrap().is_none());
    });
    let expiring = KvEntry::new("expiring", value(1)).expires_in_ms(3_600_000);
    block_on(amana.kv_multi_set(&space, vec![expiring])).unwrap();
    each("get, hot, with expiry", 2_000, |_| {
        get(&amana, &space, "expiring")
    });
    let session = KvNamespace::Session("form".into());
    each("set, session", 2_000, |n| {
        block_on(amana.kv_set(&session, &keys[n], value(n), None)).unwrap();
    });
    each("get, session", 2_000, |n| get(&amana, &session, &keys[n]));
    each("get, async, hot", 2_000, |_| {
        assert!(block_on(amana.kv_get(&space, &keys[0])).unwrap().is_some());
    });
    each("keys, a page of 1000", 20, |_| {
        let page = amana.kv_keys_now(&space, "key/", None, 1_000).unwrap();
        assert_eq!(page.keys.len(), 1_000);
    });
    let large = KvValue::bytes(vec![7u8; 16 << 20]);
    each("set, 16 MiB", 3, |_| {
        block_on(amana.kv_set(&space, "large", large.clone(), None)).unwrap();
    });
    each("get, 16 MiB", 3, |_| get(&amana, &space, "large"));
}

fn value(n: usize) -> KvValue {
    KvValue::text(format!("{n:>64}"))
}

fn get(amana: &Amana, space: &KvNamespace, key: &str) {
    assert!(amana.kv_get_now(space, key).unwrap().is_some());
}

fn each(what: &str, times: usize, mut work: impl FnMut(usize)) {
    let mut taken: Vec<Duration> = (0..times)
        .map(|n| {
            let start = Instant::now();
            work(n);
            start.elapsed()
        })
        .collect();
    report(what, &mut taken);
}

fn report(what: &str, taken: &mut [Duration]) {
    taken.sort_unstable();
    let at = |part: usize| taken[(taken.len() - 1) * part / 100].as_nanos() as f64 / 1_000.0;
    println!(
        "{what:<36} median {:>10.2} µs   p99 {:>10.2} µs   of {}",
        at(50),
        at(99),
        taken.len()
    );
}
