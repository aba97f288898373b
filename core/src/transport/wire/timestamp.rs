//! The time in a reply: the peer's own, the next cursor.

use std::fmt;

use serde::de::{self, Visitor};

/// A positive whole number, also in the form `1.0`. Kept as given: it is the peer's time.
pub(super) struct Timestamp;

impl Visitor<'_> for Timestamp {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number)
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| E::custom("no time"))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<i64, E> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if number > 0.0 && number <= EXACT && number.fract() == 0.0 {
            Ok(number as i64)
        } else {
            Err(E::custom("no time"))
        }
    }
}
