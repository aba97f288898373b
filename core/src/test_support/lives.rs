//! How many random lives a test plays, and from which seed.

use crate::ports::Entropy as _;
use crate::system::SystemEntropy;

/// `usual` lives; `AMANA_LIVES=10` plays ten times as many.
pub fn lives(usual: u32) -> u32 {
    let times = std::env::var("AMANA_LIVES").ok();
    usual * times.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Which lives a usual run plays: the same ones each time, so that a change is judged by itself.
const USUAL_SEED: u64 = 2026;

/// The seed: the usual one, that of `AMANA_SEED=NUMBER`, or a new one with `AMANA_SEED=new`. It is
/// printed, so that a failing test tells with what it can be played again.
#[allow(clippy::print_stderr, reason = "read beside the failure of a test")]
pub fn seed() -> u64 {
    let seed = match std::env::var("AMANA_SEED").as_deref() {
        Ok("new") => new_seed(),
        Ok(number) => number.parse().unwrap_or(USUAL_SEED),
        Err(_) => USUAL_SEED,
    };
    eprintln!("again with: AMANA_SEED={seed}");
    seed
}

fn new_seed() -> u64 {
    let mut bytes = [0; 8];
    match SystemEntropy.fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => USUAL_SEED,
    }
}
