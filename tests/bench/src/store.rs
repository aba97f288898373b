//! The store under measurement: Amana's own database, encrypted, with the runner's four tables.
//!
//! JSON columns are plain text here, as they are for the other stores, whose dump compares them to
//! the byte; and `updated_at` is an ordinary number, so that the app's value is kept as theirs is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::model::merge::MergeRule;
use amana_core::model::schema::Schema;
use amana_core::model::terms::{PeerTerms, SyncPolicy};
use amana_core::ports::Entropy;
use amana_core::secret::DatabaseKey;
use amana_core::storage::{Database, DatabaseOptions};
use amana_core::sync::Resolver;
use amana_core::system::{SystemClock, SystemEntropy};

use crate::Result;

/// An open store.
pub(crate) struct Store {
    pub database: Database,
    pub schema: Arc<Schema>,
    pub terms: PeerTerms,
    pub rule: Arc<dyn MergeRule>,
    pub entropy: Arc<dyn Entropy>,
    pub cancel: CancelToken,
    path: PathBuf,
}

impl Store {
    /// Opens the database in a file, and makes it if it is not there.
    pub(crate) fn open(path: PathBuf) -> Result<Self> {
        Self::with_schema(path, Schema::from_json(include_str!("schema.json"))?)
    }

    pub(crate) fn with_schema(path: PathBuf, schema: Arc<Schema>) -> Result<Self> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let database = Database::open(DatabaseOptions {
            background: Arc::default(),
            path: &path,
            // A throw-away key of the measurements.
            key: &DatabaseKey::from_bytes(&[0x5a; 32]),
            schema: Arc::clone(&schema),
            clock: Arc::new(SystemClock),
            entropy: Arc::clone(&entropy),
            notices: Arc::new(drop),
        })?;
        Ok(Self {
            database,
            terms: PeerTerms::cloud(),
            rule: Arc::new(Resolver::new(&schema, &SyncPolicy::default())),
            schema,
            entropy,
            cancel: CancelToken::new(),
            path,
        })
    }

    /// Where the spool goes: beside the database.
    pub(crate) fn spool_directory(&self) -> PathBuf {
        self.path
            .parent()
            .map_or_else(PathBuf::new, Path::to_owned)
            .join("amana-spool")
    }

    /// Closes the database; afterwards all of it is in its one file.
    pub(crate) fn close(self) {
        self.database.close();
    }
}
