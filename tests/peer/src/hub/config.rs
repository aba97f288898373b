//! What a hub is started with.

use std::fmt;
use std::path::PathBuf;

use super::crypto::Key;
use crate::clock::{Clock, real_clock};
use crate::{PeerConfig, ids};

/// The cloud that a hub belongs to.
#[derive(Clone)]
pub struct CloudLink {
    /// The base address, `https://…`.
    pub url: String,
    /// The certificate authority to trust, as PEM.
    pub ca_pem: String,
    /// The hub's key, sent as Bearer.
    pub api_key: String,
}

/// What a hub is started with. [`Default`] has the seeded people of the reference cloud and no
/// cloud.
#[derive(Clone)]
pub struct HubConfig {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The database file; without one a temporary file is used and removed at the end.
    pub database: Option<PathBuf>,
    /// The hub's private key. A real one is made at registration and kept for good.
    pub private_key: Key,
    /// The hub's id, which the cloud gave it.
    pub id: String,
    /// Shown name.
    pub name: String,
    /// The key of the tokens, kept as long as the database.
    pub token_key: Key,
    /// People, clinics and settings to begin with, as if the cloud had sent them. Without, the
    /// hub is empty until it has met its cloud.
    pub seed: Option<PeerConfig>,
    /// The hub's clock.
    pub clock: Clock,
    /// The cloud, for [`Hub::meet_cloud`](super::Hub::meet_cloud).
    pub cloud: Option<CloudLink>,
    /// Whether the routes below `/__peer/` are open.
    pub admin: bool,
    /// Time that each login takes, as the real one compares a slow hash.
    pub login_latency_ms: u64,
    /// Decides in which order a push walks its tables; the real hub's is random.
    pub order_seed: u64,
}

/// The private key of a hub that was not given one. Made up, as its people are.
pub const PRIVATE_KEY: Key = *b"an invented hub's private key 01";

impl Default for HubConfig {
    fn default() -> Self {
        Self {
            port: 0,
            database: None,
            private_key: PRIVATE_KEY,
            id: ids::HUB.to_owned(),
            name: "Reference hub".to_owned(),
            token_key: *b"an invented hub's token key 0001",
            seed: Some(PeerConfig::default()),
            clock: real_clock(),
            cloud: None,
            admin: false,
            login_latency_ms: 0,
            order_seed: 0,
        }
    }
}

impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConfig")
            .field("port", &self.port)
            .field("database", &self.database)
            .field("id", &self.id)
            .field("has_cloud", &self.cloud.is_some())
            .finish_non_exhaustive()
    }
}
