//! The reference hub: a clinic's local server as devices meet it, with plain HTTP, a sealed
//! channel, tables of its own and the real one's faults.
//!
//! It must not share code with the client: keys, seals and tokens are made here from their
//! description.

mod admin;
mod app;
mod changes;
mod config;
pub mod crypto;
mod faults;
mod handshake;
mod jwt;
mod login;
mod plain;
mod push;
mod recorder;
mod relay;
mod rpc;
mod running;
mod seed;
mod sessions;
mod state;
mod tables;

pub use config::{CloudLink, HubConfig, PRIVATE_KEY};
pub use faults::{HubFaults, Impostor, Mischief};
pub use relay::Meeting;
pub use running::Hub;
pub use state::Wipe;

/// What a hub answers while its database is locked.
const LOCKED: &str = "Database is locked. Please unlock with passphrase first.";
