//! Device secrets behind one small trait: create, probe, derive, delete.
//!
//! A device secret never leaves its store. The core only asks for bytes derived from it. This crate
//! has no C dependency, so that it type-checks for every target alone.

#[cfg(feature = "contract")]
pub mod contract;
mod error;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "memory")]
mod memory;
#[cfg(any(feature = "memory", feature = "file"))]
mod software;
mod traits;

#[cfg(all(feature = "file", any(target_os = "android", target_os = "ios")))]
compile_error!("the feature `file` keeps secrets in plain files: never on a phone");

pub use error::KeyStoreError;
#[cfg(feature = "file")]
pub use file::FileKeyStore;
#[cfg(feature = "memory")]
pub use memory::MemoryKeyStore;
pub use traits::{Alias, Derived, KeyStore, Probe, SecurityLevel};
