//! How long each step of a request to a peer may take, as apps set it.

use std::time::Duration;

use serde::Deserialize;

/// The time limits of each request to a peer, in milliseconds: 1 to 86,400,000, a day. A request that
/// one of them ends is `network`. A slow network gets the time that it takes for the bytes on top of
/// `firstByteMs` and `wholeMs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct TimeLimits {
    /// Finding the address, connecting and agreeing on TLS.
    #[uniffi(default = 10000)]
    pub connect_ms: u64,
    /// From the start of a request to the first byte of the reply. Long: a cloud writes a pushed piece,
    /// or runs all queries of a pull, before it answers.
    #[uniffi(default = 120000)]
    pub first_byte_ms: u64,
    /// Without a byte, once the reply has begun.
    #[uniffi(default = 60000)]
    pub idle_ms: u64,
    /// The whole request.
    #[uniffi(default = 1800000)]
    pub whole_ms: u64,
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            connect_ms: 10_000,
            first_byte_ms: 120_000,
            idle_ms: 60_000,
            whole_ms: 1_800_000,
        }
    }
}

impl From<TimeLimits> for amana_core::TimeLimits {
    fn from(limits: TimeLimits) -> Self {
        Self {
            connect: Duration::from_millis(limits.connect_ms),
            first_byte: Duration::from_millis(limits.first_byte_ms),
            idle: Duration::from_millis(limits.idle_ms),
            whole: Duration::from_millis(limits.whole_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_in_the_core() {
        let usual = amana_core::TimeLimits::default();
        assert_eq!(amana_core::TimeLimits::from(TimeLimits::default()), usual);
    }

    #[test]
    fn each_limit_arrives_at_its_place() {
        let limits = amana_core::TimeLimits::from(TimeLimits {
            connect_ms: 1,
            first_byte_ms: 2,
            idle_ms: 3,
            whole_ms: 4,
        });
        let all = [limits.connect, limits.first_byte, limits.idle, limits.whole];
        assert_eq!(all.map(|limit| limit.as_millis()), [1, 2, 3, 4]);
    }
}
