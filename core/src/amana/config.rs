//! What a vault is opened with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::access::idle::IdleRule;
use crate::access::integrity::IntegrityRule;
use crate::error::{Error, Result};
use crate::model::peer::SyncProof;
use crate::model::pins::SpkiPins;
use crate::model::terms::SyncPolicy;
use crate::ports::{Clock, Disk, Entropy, Timer};
use crate::system::{SystemClock, SystemDisk, SystemEntropy, SystemTimer};
use crate::transport::TimeLimits;
use crate::vault::{PinKdf, PinRules};

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
    /// How long each step of a request may take: at most a day.
    pub time_limits: TimeLimits,
    /// What is kept to prove to the cloud who is syncing: the password, or a token of a day.
    pub cloud_proof: SyncProof,
    /// The keys that the cloud's server may show, beside the ordinary checks.
    pub cloud_pins: Option<SpkiPins>,
    /// When a vault that nobody uses locks itself; `None` never.
    pub idle_lock: Option<IdleRule>,
    /// When every page of an unlocked vault is looked at; `None` never.
    pub integrity: Option<IntegrityRule>,
    /// What wrong PINs lead to beside delays: by itself nothing.
    pub pin_rules: PinRules,
    /// How new PINs are stretched; `None` for the strongest with which this device opens within a
    /// second, measured when the first PIN is set.
    pub pin_kdf: Option<PinKdf>,
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
            integrity: Some(IntegrityRule::default()),
            pin_rules: PinRules::default(),
            pin_kdf: None,
            sync: SyncPolicy::default(),
        }
    }

    /// Whether this can be a vault's configuration, as far as that can be told without the disk.
    pub(super) fn check(&self) -> Result<()> {
        const LONGEST: usize = 4096;
        let directory = self.directory.as_os_str().as_encoded_bytes();
        if directory.is_empty() || directory.len() > LONGEST || directory.contains(&0) {
            return Err(Error::invalid("this is no path of a directory"));
        }
        if self.pin_rules.drop_after == Some(0) {
            return Err(Error::invalid(
                "a PIN's slot goes after one wrong PIN at least",
            ));
        }
        self.time_limits.check()
    }

    /// The same, for one of several vaults of an app: in the directory of this name below a base.
    ///
    /// # Errors
    /// `invalid_input` for a name that is not 1 to 48 lower-case letters, digits, `-` and `_`,
    /// beginning with a letter: such names are the same on every file system.
    pub fn named(base: impl AsRef<Path>, name: &str) -> Result<Self> {
        const LONGEST: usize = 48;
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = name.len() <= LONGEST
            && name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.bytes().all(|b| is_plain(b) || b == b'-' || b == b'_');
        if !fits {
            return Err(Error::invalid(
                "a vault's name has 1 to 48 lower-case letters, digits, - and _",
            ));
        }
        Ok(Self::new(base.as_ref().join(name)))
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
