//! Injected clocks and randomness for tests. Only with the feature `test-support`.

mod fakes;

pub use amana_keystore::MemoryKeyStore;
pub use fakes::{FakeClock, InstantTimer, SeededEntropy};
