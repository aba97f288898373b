//! How long a call may take and how much a reply may hold.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::model::room::{MAX_NESTING, MAX_NUMBER_BYTES, MAX_RECORD_BYTES};
use crate::model::row::MAX_VALUE_BYTES;

/// The slowest network that is waited for, in bytes a second: what has to pass over it takes its time
/// beside the limits, or the same large piece would break off at the same place for ever.
const SLOWEST_BYTES_PER_SECOND: u64 = 2 * 1024;

/// The time limits of a call; each ends it with `network`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeLimits {
    /// Finding the address, connecting and agreeing on TLS.
    pub connect: Duration,
    /// From the start of the call to the head of the reply, without the time that a slow network
    /// takes to carry the request. Long, since the cloud writes a pushed piece, or runs all queries
    /// of a pull, before it answers.
    pub first_byte: Duration,
    /// Without a byte, once the reply has begun.
    pub idle: Duration,
    /// The whole call, without the time that a slow network takes to carry its bytes.
    pub whole: Duration,
}

/// A longer wait is no limit, and no moment in time could be named for it.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl TimeLimits {
    /// Whether each is above nothing and at most a day; else `invalid_input`.
    pub(crate) fn check(&self) -> Result<()> {
        let all = [self.connect, self.first_byte, self.idle, self.whole];
        match all
            .iter()
            .all(|limit| !limit.is_zero() && *limit <= LONGEST)
        {
            true => Ok(()),
            false => Err(Error::invalid(
                "a time limit is above nothing and at most a day",
            )),
        }
    }

    /// What a slow network takes for so many bytes.
    pub(super) const fn to_carry(bytes: usize) -> Duration {
        Duration::from_micros(bytes as u64 * 1_000_000 / SLOWEST_BYTES_PER_SECOND)
    }

    /// From the start of a call with a body of so many bytes to the head of the reply.
    pub(super) fn until_head(&self, body: usize) -> Duration {
        self.first_byte.min(self.whole) + Self::to_carry(body)
    }
}

impl Default for TimeLimits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(60),
            whole: Duration::from_secs(30 * 60),
        }
    }
}

/// What a reply may hold. Beyond that it is refused before it takes memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SizeLimits {
    /// Bytes of the whole body.
    pub body: u64,
    /// Bytes of one string, escapes not resolved.
    pub string: usize,
    /// Bytes of one number or word.
    pub word: usize,
    /// Bytes of one record.
    pub record: usize,
    /// Objects and arrays within each other.
    pub nesting: usize,
    /// Bytes of a record that is larger or deeper, and so passed over; beyond, the reply is refused.
    pub passed: usize,
    /// Objects and arrays within each other in such a record.
    pub passed_nesting: usize,
    /// Records and deletions together.
    pub rows: u64,
    /// Names of tables, known or not.
    pub tables: u64,
}

impl SizeLimits {
    /// The limits of a pull reply.
    pub(super) const PULL: Self = Self {
        body: 4 * 1024 * 1024 * 1024,
        string: MAX_VALUE_BYTES,
        word: MAX_NUMBER_BYTES,
        record: MAX_RECORD_BYTES + 1024 * 1024,
        // The value of a column stands in a record, a list, a table, the changes and the reply, which
        // may stand in three objects more.
        nesting: MAX_NESTING + 8,
        // Other apps write what they like. More than that, nobody does.
        passed: 8 * MAX_VALUE_BYTES,
        passed_nesting: 256,
        rows: 5_000_000,
        tables: 1_000,
    };
}

/// The largest reply to a sign-in or a push, in bytes.
pub(super) const MAX_SMALL_REPLY: usize = 64 * 1024;

/// How long to wait after a 429 that does not say.
pub(super) const DEFAULT_RETRY_AFTER_MS: u64 = 60_000;

/// A longer wait than this is no honest answer.
pub(super) const MAX_RETRY_AFTER_MS: u64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_above_nothing_and_at_most_a_day() {
        let usual = TimeLimits::default();
        usual.check().unwrap();
        for limit in [Duration::ZERO, LONGEST + Duration::from_millis(1)] {
            let set: [fn(&mut TimeLimits, Duration); 4] = [
                |limits, limit| limits.connect = limit,
                |limits, limit| limits.first_byte = limit,
                |limits, limit| limits.idle = limit,
                |limits, limit| limits.whole = limit,
            ];
            for set in set {
                let mut limits = usual;
                set(&mut limits, limit);
                let code = limits.check().map_err(|error| error.code());
                assert_eq!(code, Err(crate::ErrorCode::InvalidInput));
            }
        }
    }

    #[test]
    fn a_slow_network_gets_the_time_that_the_bytes_take() {
        let limits = TimeLimits::default();
        assert_eq!(limits.until_head(0), limits.first_byte);
        // A piece of a push, and the largest value, at 2 KiB a second.
        let more = |bytes| (limits.until_head(bytes) - limits.first_byte).as_secs();
        assert_eq!(more(512 * 1024), 256);
        assert_eq!(more(MAX_VALUE_BYTES), MAX_VALUE_BYTES as u64 / 2048);
        // 80 MB at 44 kB/s take half an hour, which is not the end.
        assert!(TimeLimits::to_carry(80_000_000) > Duration::from_secs(80_000_000 / 44_000));
        assert!(TimeLimits::to_carry(usize::MAX >> 24) > limits.whole);
    }
}
