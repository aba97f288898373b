//! Injected clocks and randomness, a simulated phone, a scripted peer and a store in memory, for tests. Only with the
//! feature `test-support`.

mod fake_store;
mod fakes;
mod phone;
mod scripted_peer;
#[cfg(test)]
mod world;

pub use amana_keystore::MemoryKeyStore;
pub use fake_store::FakeStore;
pub use fakes::{FakeClock, InstantTimer, SeededEntropy};
pub use phone::Phone;
pub use scripted_peer::{Call, CallLog, ScriptedPeer, ScriptedPull};
