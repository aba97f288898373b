//! The sync engine: pull, merge, push, and when to wait, stop or give up.
//!
//! Owns the order of things and the decisions; knows the store and the peer only through
//! `ports`. Holds no SQL, no HTTP, and never a lock while the peer is asked.

mod merge;
mod same;
mod spool;

pub use merge::merge;
pub use spool::{Spool, SpoolReader, remove_leftovers};
