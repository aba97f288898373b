//! Injected clocks and randomness, a simulated phone, a scripted peer and a store in memory, for tests. Only with the
//! feature `test-support`.

mod decoders;
mod disk;
mod fake_store;
mod fakes;
pub mod life_values;
mod lives;
mod phone;
mod scripted_peer;
#[cfg(test)]
mod world;

pub use amana_keystore::MemoryKeyStore;
pub use decoders::{check_hub_decoder, check_pull_decoder};
pub(crate) use disk::before_disk_step;
pub use disk::{DiskFault, PhoneDisk};
pub use fake_store::FakeStore;
pub use fakes::{FakeClock, FakeDisk, InstantTimer, SeededEntropy};
pub use lives::{Draw, draws};
pub use phone::{Phone, SecretState};
pub use scripted_peer::{Call, CallLog, ScriptedPeer, ScriptedPull, all_tables};
