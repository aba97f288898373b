//! How many random lives a test plays, and from which seed.

use crate::ports::Entropy as _;
use crate::system::SystemEntropy;

/// `usual` lives; `AMANA_LIVES=10` plays ten times as many.
pub fn lives(usual: u32) -> u32 {
    let times = std::env::var("AMANA_LIVES").ok();
    usual * times.and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// A new seed, or the one of `AMANA_SEED`. It is printed, so that a failing test tells with what it can
/// be played again.
#[allow(clippy::print_stderr, reason = "read beside the failure of a test")]
pub fn seed() -> u64 {
    let asked = std::env::var("AMANA_SEED").ok();
    let seed = asked.and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        let mut bytes = [0; 8];
        // Without randomness every run is the same one, which the line below shows.
        let _ = SystemEntropy.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    });
    eprintln!("again with: AMANA_SEED={seed}");
    seed
}
