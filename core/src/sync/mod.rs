//! The sync engine: pull, merge, push, and when to wait, stop or give up.
//!
//! Owns the order of things and the decisions; knows the store and the peer only through
//! `ports`. Holds no SQL, no HTTP, and never a lock while the peer is asked.

mod asked;
mod backoff;
mod budget;
mod checks;
#[cfg(test)]
mod clinic_tests;
mod engine;
mod merge;
mod probe;
mod progress;
mod pull;
mod push;
mod refusals;
mod same;
mod schedule;
mod spool;
#[cfg(test)]
mod tests;
mod verify;

pub use budget::{Budget, Paced};
pub use engine::Engine;
pub use merge::{Resolver, merge};
pub use schedule::{full_pull_is_due, next_try_ms, spread};
pub use spool::{Spool, SpoolReader, remove_leftovers};
