//! Figures that have no counterpart elsewhere: the key–value store, opening, PINs, a new root key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use amana_core::system::SystemClock;
use amana_core::test_support::MemoryKeyStore;
use amana_core::vault::PinKdf;
use amana_core::{Amana, Config, System};
use pollster::block_on;
use serde_json::json;

use crate::outcome::timed;
use crate::{Result, kv_figures};

/// Prints all of them, measured in directories below the given one.
pub(crate) fn print(directory: &Path) -> Result<()> {
    let place = tempfile::tempdir_in(directory)?;
    kv_figures::print(&place.path().join("kv"))?;
    opening(&place.path().join("opening"))?;
    // One hash with the parameters that nothing is ever weaker than.
    each("Argon2id, 19 MiB, 2 passes", 5, |_| {
        PinKdf::calibrate(&SystemClock).map(drop)
    })?;
    rotation(&place.path().join("rotation"))
}

fn open(directory: &Path) -> Result<Amana> {
    Ok(Amana::open(
        Config::new(directory),
        Arc::new(MemoryKeyStore::new()),
        System::real(),
    )?)
}

/// The key unwrapped and the database opened, on a key store that takes no time.
fn opening(directory: &Path) -> Result<()> {
    let amana = open(directory)?;
    each("open, with unwrap on the memory key store", 50, |_| {
        amana.lock()?;
        amana.unlock()
    })?;
    Ok(amana.close()?)
}

/// A new root key for a vault of 100 MB: every page is encrypted anew.
fn rotation(directory: &Path) -> Result<()> {
    const BATCHES: usize = 25;
    const RECORDS: usize = 1_000;
    let amana = open(directory)?;
    let note = "x".repeat(3_800);
    for _ in 0..BATCHES {
        let insert = json!({"op": "insert", "table": "patients", "fields": {"given_name": note}});
        let batch = vec![insert; RECORDS];
        block_on(amana.batch(&serde_json::to_string(&batch)?))?;
    }
    let (rotated, ms) = timed(|| amana.rotate());
    rotated?;
    println!("{:<44} {ms:>10.0} ms", "new root key of a vault of 100 MB");
    Ok(amana.close()?)
}

/// Runs something many times and prints the middle and the slow end.
pub(crate) fn each<E>(
    what: &str,
    times: usize,
    mut work: impl FnMut(usize) -> std::result::Result<(), E>,
) -> Result<()>
where
    crate::Failure: From<E>,
{
    let mut taken = Vec::with_capacity(times);
    for n in 0..times {
        let (done, ms) = timed(|| work(n));
        done?;
        taken.push(Duration::from_secs_f64(ms / 1_000.0));
    }
    report(what, &mut taken);
    Ok(())
}

pub(crate) fn report(what: &str, taken: &mut [Duration]) {
    taken.sort_unstable();
    let at = |part: usize| taken[(taken.len() - 1) * part / 100].as_nanos() as f64 / 1_000.0;
    println!(
        "{what:<44} {:>10.2} µs   p99 {:>10.2} µs   of {}",
        at(50),
        at(99),
        taken.len()
    );
}
