//! The key–value store by itself: sets, reads from the file and from memory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use amana_core::model::kv::{KvEntry, KvNamespace, KvValue};
use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, System};
use pollster::block_on;

use crate::Result;
use crate::figures::{each, report};
use crate::outcome::timed;

const KEYS: usize = 20_000;

/// Prints one line for each figure. The directory is on the disk that is to be measured.
pub(crate) fn print(directory: &Path) -> Result<()> {
    let amana = Amana::open(
        Config::new(directory),
        Arc::new(MemoryKeyStore::new()),
        System::real(),
    )?;
    let space = KvNamespace::Stored("settings".into());
    let keys: Vec<String> = (0..KEYS).map(|n| format!("key/{n:06}")).collect();

    each("kv set, one by one", 300, |n| {
        block_on(amana.kv_set(&space, &keys[n], value(n), None))
    })?;
    each("kv set, in batches of 1000, each", KEYS / 1_000, |batch| {
        let entries = (batch * 1_000..(batch + 1) * 1_000)
            .map(|n| KvEntry::new(keys[n].clone(), value(n)))
            .collect();
        block_on(amana.kv_multi_set(&space, entries))
    })?;

    // Unlocked anew: neither values nor pages are in memory.
    let mut unlocks = Vec::new();
    for _ in 0..20 {
        amana.lock()?;
        let (unlocked, ms) = timed(|| amana.unlock());
        unlocked?;
        unlocks.push(Duration::from_secs_f64(ms / 1_000.0));
    }
    report("unlock", &mut unlocks);
    let get = |key: &str| -> Result<()> {
        let found = amana.kv_get_now(&space, key)?;
        Ok(found.map(drop).ok_or("a value is missing")?)
    };
    // Far from each other, so that each is on a page of its own, read from the file.
    each("kv get, cold, page not read yet", 300, |n| {
        get(&keys[n * 66])
    })?;
    // Their neighbours are on the same pages, but not in the cache of values.
    each("kv get, cold, page read before", 300, |n| {
        get(&keys[n * 66 + 1])
    })?;
    each("kv get, hot", 2_000, |n| get(&keys[n % 2 * 66]))?;
    each("kv get, missing, hot", 2_000, |_| {
        amana.kv_get_now(&space, "missing").map(drop)
    })?;
    let expiring = KvEntry::new("expiring", value(1)).expires_in_ms(3_600_000);
    block_on(amana.kv_multi_set(&space, vec![expiring]))?;
    each("kv get, hot, with expiry", 2_000, |_| get("expiring"))?;
    let session = KvNamespace::Session("form".into());
    each("kv set, session", 2_000, |n| {
        block_on(amana.kv_set(&session, &keys[n], value(n), None))
    })?;
    each("kv get, session", 2_000, |n| {
        amana.kv_get_now(&session, &keys[n]).map(drop)
    })?;
    each("kv get, async, hot", 2_000, |_| {
        block_on(amana.kv_get(&space, &keys[0])).map(drop)
    })?;
    each("kv keys, a page of 1000", 20, |_| {
        amana.kv_keys_now(&space, "key/", None, 1_000).map(drop)
    })?;
    let large = KvValue::bytes(vec![7u8; 16 << 20]);
    each("kv set, 16 MiB", 3, |_| {
        block_on(amana.kv_set(&space, "large", large.clone(), None))
    })?;
    each("kv get, 16 MiB", 3, |_| get("large"))?;
    Ok(amana.close()?)
}

fn value(n: usize) -> KvValue {
    KvValue::text(format!("{n:>64}"))
}
