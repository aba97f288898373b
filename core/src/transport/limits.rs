//! How long a call may take and how much a reply may hold.

use std::time::Duration;

use crate::model::row::MAX_VALUE_BYTES;

/// The time limits of a call; each ends it with `network`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeLimits {
    /// Finding the address, connecting and agreeing on TLS.
    pub connect: Duration,
    /// From the start of the call to the head of the reply. Long, since the cloud writes a pushed
    /// piece, or runs all queries of a pull, before it answers.
    pub first_byte: Duration,
    /// Without a byte, once the reply has begun.
    pub idle: Duration,
    /// The whole call.
    pub whole: Duration,
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
        word: 1024,
        record: 2 * MAX_VALUE_BYTES,
        nesting: 64,
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
