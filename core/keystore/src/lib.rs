//! Device secrets behind one small trait: create, probe, derive, delete.
//!
//! A device secret never leaves its store. The core only asks for bytes derived from it. This crate
//! has no C dependency, so that it type-checks for every target alone.

#[cfg(any(target_os = "android", feature = "android-on-host"))]
pub mod android;
#[cfg(any(test, target_os = "android", feature = "android-on-host"))]
mod android_status;
#[cfg(target_vendor = "apple")]
mod apple;
#[cfg(any(test, target_vendor = "apple"))]
mod apple_point;
#[cfg(any(test, target_vendor = "apple"))]
mod apple_record;
#[cfg(any(test, target_vendor = "apple"))]
mod apple_status;
#[cfg(feature = "contract")]
mod attempt_contract;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(any(
    test,
    feature = "memory",
    feature = "file",
    feature = "android-on-host",
    target_vendor = "apple",
    target_os = "android"
))]
mod derivation;
mod error;
#[cfg(feature = "file")]
mod file;
#[cfg(feature = "memory")]
mod memory;
mod options;
mod platform;
#[cfg(feature = "contract")]
mod self_test;
mod traits;

#[cfg(all(feature = "file", any(target_os = "android", target_os = "ios")))]
compile_error!("the feature `file` keeps secrets in plain files: never on a phone");

#[cfg(feature = "contract")]
pub use attempt_contract::check_attempt_copy;
pub use error::KeyStoreError;
#[cfg(feature = "file")]
pub use file::FileKeyStore;
#[cfg(feature = "memory")]
pub use memory::{MemoryAttemptCopy, MemoryKeyStore};
pub use options::{KeyStoreOptions, Presence};
pub use platform::{NoPlatformKeyStore, platform_key_store};
#[cfg(feature = "contract")]
pub use self_test::{SelfTest, run_self_test};
pub use traits::{Alias, AttemptCopy, Derived, KeyStore, Probe, SecurityLevel};
