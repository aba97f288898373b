//! Device secrets behind one small trait: create, probe, derive, delete.
//!
//! A device secret never leaves its store. The core only asks for bytes derived from it. This crate
//! has no C dependency, so that it type-checks for every target alone.

mod error;
#[cfg(feature = "memory")]
mod memory;
#[cfg(any(feature = "memory", feature = "file"))]
mod software;
mod traits;

pub use error::KeyStoreError;
#[cfg(feature = "memory")]
pub use memory::MemoryKeyStore;
pub use traits::{Alias, Derived, KeyStore, Probe, SecurityLevel};
