//! Key–value pairs in memory: the cache of stored values, and the session-only namespaces.
//!
//! No disk, no SQL, no threads. What is dropped here is wiped.

pub(crate) mod cache;
#[cfg(test)]
mod cache_tests;
mod name;
pub(crate) mod session;
