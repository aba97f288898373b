//! The only place that asks the host for the time and for randomness.
//!
//! Everything else takes a [`Clock`](crate::Clock), so that tests move time by hand.

use uuid::{Builder, Uuid};

/// Milliseconds since 1970 by the host's clock.
#[allow(
    clippy::disallowed_methods,
    reason = "this file is where the real clock enters"
)]
pub(crate) fn real_now_ms() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        })
}

/// Random bytes, as a nonce needs them.
///
/// A host without randomness gets zeros: a client that watches nonces then fails loudly.
#[allow(
    clippy::disallowed_methods,
    reason = "this file is where randomness enters"
)]
pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => bytes,
        Err(_) => [0; N],
    }
}

/// A random UUID of version 4.
///
/// A host without randomness gets the nil UUID: the next insert then fails loudly.
#[allow(
    clippy::disallowed_methods,
    reason = "this file is where randomness enters"
)]
pub(crate) fn random_uuid() -> Uuid {
    let mut bytes = [0u8; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Builder::from_random_bytes(bytes).into_uuid(),
        Err(_) => Uuid::nil(),
    }
}
