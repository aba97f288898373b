//! The reference peer: a clinic's cloud server over real TLS with a small database, that
//! answers as the real one does, its faults included, and has switches for more. [`hub`] is a
//! clinic's local hub of the same kind.
//!
//! It is for tests and demonstrations. It keeps invented people, compares passwords without
//! hashing them and listens on 127.0.0.1 only.
//!
//! ```no_run
//! use amana_peer::{Peer, PeerConfig};
//!
//! # fn main() -> Result<(), amana_peer::StartError> {
//! let peer = Peer::start(PeerConfig::default())?;
//! let address = peer.url(); // trust peer.ca_pem() to reach it
//! # let _ = address;
//! # Ok(())
//! # }
//! ```

mod admin;
mod app;
mod auth;
mod clock;
mod config;
mod error;
mod faults;
pub mod hub;
pub mod ids;
mod peer;
mod print;
mod pull;
mod push;
mod query;
mod rate_limit;
mod reply;
mod request_log;
mod rows;
mod rpc;
mod schema;
mod seed;
mod seed_many;
mod serve;
mod sign_in;
mod store;
mod system;
mod tls;
mod value;

pub use clock::{Clock, ManualClock, real_clock};
pub use config::{ClinicSeed, PeerConfig, UserSeed};
pub use error::StartError;
pub use faults::{Answer, FaultSpec, Faults, Gate, Kind, Replacement};
pub use peer::Peer;
pub use request_log::Seen;
pub use value::calendar::instant_text;
