//! Keys that a server may show: pins of its public key, beside the ordinary checks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};

/// The most keys that one server may have.
const MAX_PINS: usize = 16;

/// What a key that is not pinned leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PinMode {
    /// The connection is refused with `tls`.
    Enforce,
    /// It is counted, and the connection goes on.
    ReportOnly,
}

/// The public keys of a cloud server. Clones share their count of mismatches.
///
/// A pin is the SHA-256 of the server certificate's SubjectPublicKeyInfo. It is the server's own
/// key that is pinned, not an authority's: a server may send certificates along that nobody checked.
#[derive(Clone, Debug)]
pub struct SpkiPins {
    pins: Vec<[u8; 32]>,
    expires_ms: i64,
    mode: PinMode,
    mismatches: Arc<AtomicU64>,
}

impl SpkiPins {
    /// Pins as base64 of the hash. After `expires_ms` (epoch milliseconds) they are not looked at
    /// any more, so that an app nobody updates does not lock itself out.
    ///
    /// # Errors
    /// `invalid_input` for fewer than two different pins: the second is the key that replaces the
    /// first, or the day it is lost every device is locked out.
    pub fn new(pins: &[&str], expires_ms: i64, mode: PinMode) -> Result<Self> {
        const NO_PIN: Error = Error::invalid("a pin is the base64 of a SHA-256");
        let mut hashes = Vec::with_capacity(pins.len().min(MAX_PINS));
        if pins.len() > MAX_PINS {
            return Err(Error::invalid("there are too many pins"));
        }
        for text in pins {
            let bytes = STANDARD.decode(text).map_err(|_| NO_PIN)?;
            let hash = <[u8; 32]>::try_from(bytes).map_err(|_| NO_PIN)?;
            if !hashes.contains(&hash) {
                hashes.push(hash);
            }
        }
        if hashes.len() < 2 {
            return Err(Error::invalid(
                "at least two different pins are needed: the key in use and the next",
            ));
        }
        if expires_ms <= 0 {
            return Err(Error::invalid("the pins need a time when they end"));
        }
        Ok(Self {
            pins: hashes,
            expires_ms,
            mode,
            mismatches: Arc::default(),
        })
    }

    /// How many connections showed a key that is not pinned, in this process.
    pub fn mismatches(&self) -> u64 {
        self.mismatches.load(Ordering::Relaxed)
    }

    /// Whether a connection to a server with this key may go on.
    pub(crate) fn allow(&self, hash: &[u8; 32], now_s: u64) -> bool {
        let expired = i64::try_from(now_s)
            .ok()
            .and_then(|s| s.checked_mul(1000))
            .is_none_or(|now_ms| now_ms >= self.expires_ms);
        if self.pins.contains(hash) || expired {
            return true;
        }
        self.mismatches.fetch_add(1, Ordering::Relaxed);
        self.mode == PinMode::ReportOnly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(byte: u8) -> String {
        STANDARD.encode([byte; 32])
    }

    #[test]
    fn two_different_pins_and_an_end_are_needed() {
        let new = |pins: &[&str], end| SpkiPins::new(pins, end, PinMode::Enforce);
        let (a, b) = (pin(1), pin(2));
        assert!(new(&[&a, &b], 1).is_ok());
        for (pins, end) in [
            (&[][..], 1),
            (&[a.as_str()][..], 1),
            (&[&a, &a], 1),
            (&[&a, "AAAA"], 1),
            (&[&a, "no base64!"], 1),
            (&[&a, &b], 0),
            (&[b.as_str(); MAX_PINS + 1], 1),
        ] {
            assert!(new(pins, end).is_err(), "{pins:?} {end}");
        }
    }

    #[test]
    fn a_key_counts_until_the_pins_end() {
        let (a, b) = (pin(1), pin(2));
        let pins = SpkiPins::new(&[&a, &b], 5_000, PinMode::Enforce).unwrap();
        assert!(pins.allow(&[1; 32], 4) && pins.allow(&[2; 32], 4));
        assert_eq!(pins.clone().mismatches(), 0);
        assert!(!pins.allow(&[3; 32], 4));
        assert!(pins.allow(&[3; 32], 5));
        assert_eq!(pins.clone().mismatches(), 1);
        let lenient = SpkiPins::new(&[&a, &b], 5_000, PinMode::ReportOnly).unwrap();
        assert!(lenient.allow(&[3; 32], 4));
        assert_eq!(lenient.mismatches(), 1);
    }
}
