//! What a vault is opened with.

use std::path::PathBuf;
use std::sync::Arc;

use crate::access::idle::IdleRule;
use crate::model::peer::SyncProof;
use crate::model::pins::SpkiPins;
use crate::model::terms::SyncPolicy;
use crate::ports::{Clock, Disk, Entropy, Timer};
use crate::system::{SystemClock, SystemDisk, SystemEntropy, SystemTimer};
use crate::transport::TimeLimits;

/// The record tables of a vault.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum SchemaSource {
    /// Hikma Health's, built in.
    #[default]
    Hikma,
    /// An app's own, as JSON text in the form of the built-in one.
    Json(String),
}

/// What a vault is opened with.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the keyring and the database are; made if it is not there.
    pub directory: PathBuf,
    /// The record tables.
    pub schema: SchemaSource,
    /// How long each step of a request may take.
    pub time_limits: TimeLimits,
    /// What is kept to prove to the cloud who is syncing: the password, or a token of a day.
    pub cloud_proof: SyncProof,
    /// The keys that the cloud's server may show, beside the ordinary checks.
    pub cloud_pins: Option<SpkiPins>,
    /// When a vault that nobody uses locks itself; `None` never.
    pub idle_lock: Option<IdleRule>,
    /// Whose word is the last, what stays in a conflict, how often everything is asked for.
    pub sync: SyncPolicy,
}

impl Config {
    /// The built-in schema, the usual time limits and idle lock, in this directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            schema: SchemaSource::default(),
            time_limits: TimeLimits::default(),
            cloud_proof: SyncProof::default(),
            cloud_pins: None,
            idle_lock: Some(IdleRule::default()),
            sync: SyncPolicy::default(),
        }
    }
}

/// The world: time, randomness, waiting, the disk.
#[derive(Clone)]
pub struct System {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Waiting.
    pub timer: Arc<dyn Timer>,
    /// Free space.
    pub disk: Arc<dyn Disk>,
}

impl System {
    /// The device's own.
    pub fn real() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            timer: Arc::new(SystemTimer),
            disk: Arc::new(SystemDisk),
        }
    }
}
