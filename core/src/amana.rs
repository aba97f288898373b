//! The front door: opens a vault, locks and unlocks it, and wires the rooms together.
//!
//! Every call that touches disk or network is an `async fn` that only awaits a channel: it runs on
//! any executor, and dropping it cancels nothing. No lock is held while a listener is called.

mod cloud;
mod config;
mod records;
mod registry;
mod sync_run;

use std::sync::{Arc, Mutex, MutexGuard};

use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::schema::Schema;
use crate::observers::{Observers, Subscription};
use crate::ports::{ChangeListener, KeyStore};
use crate::storage::{Database, DatabaseOptions};
use crate::transport::Network;
use crate::vault::{self, NewVault, VaultDirectory, VaultIo, Way};

pub use cloud::Status;
pub use config::{Config, SchemaSource, System};
pub use sync_run::SyncOptions;

use sync_run::SyncRun;

/// Whether a vault can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VaultState {
    /// The key is dropped and the database closed.
    Locked,
    /// Records can be read and written.
    Unlocked,
    /// For good.
    Closed,
}

/// A vault: encrypted records, settings and the sync with peers, in one directory.
///
/// Cheap to clone; clones are the same vault.
#[derive(Clone)]
pub struct Amana {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    config: Config,
    system: System,
    schema: Arc<Schema>,
    key_store: Arc<dyn KeyStore>,
    observers: Arc<Observers>,
    /// Started by the first call that needs it: an app that only reads has no network threads.
    network: Mutex<Option<Arc<Network>>>,
    state: Mutex<State>,
}

enum State {
    Locked(VaultDirectory),
    Unlocked(VaultDirectory, Arc<Open>),
    /// Between two states; only ever seen after a panic in between.
    Broken,
    Closed,
}

/// What exists only while the vault is unlocked.
struct Open {
    database: Database,
    sync: SyncRun,
}

impl Amana {
    /// Opens the vault in a directory, and makes it on the first run. A second open of the same
    /// directory in this process returns the same vault; in another process it is `busy`.
    ///
    /// Blocks for the time of one key-store call and of opening the database: call it on a thread
    /// that may wait.
    ///
    /// # Errors
    /// As the open-time table says: `key_temporarily_unavailable`, `key_lost`, `key_mismatch`,
    /// `keyring_damaged`, `keyring_too_new`, `database_damaged`, `presence_required`,
    /// `storage_too_new`, `storage_full`, `busy`; `invalid_input` for a schema that is not
    /// acceptable. None of them deletes or rewrites anything.
    pub fn open(config: Config, key_store: Arc<dyn KeyStore>, system: System) -> Result<Self> {
        let schema = match &config.schema {
            SchemaSource::Hikma => Schema::hikma()?,
            SchemaSource::Json(text) => Schema::from_json(text)?,
        };
        registry::open(&config.directory.clone(), |directory| {
            let held = VaultDirectory::open(directory)?;
            let vault = Self {
                inner: Arc::new(Inner {
                    config: Config {
                        directory: directory.to_owned(),
                        ..config
                    },
                    system,
                    schema,
                    key_store,
                    observers: Arc::new(Observers::start()?),
                    network: Mutex::default(),
                    state: Mutex::new(State::Locked(held)),
                }),
            };
            vault.unlock()?;
            Ok(vault)
        })
    }

    /// Loads the key and opens the database. Blocks as [`Amana::open`] does. Unlocking an unlocked
    /// vault is no error.
    pub fn unlock(&self) -> Result<()> {
        let mut state = self.inner.state()?;
        match std::mem::replace(&mut *state, State::Broken) {
            State::Locked(held) => match self.inner.open_database() {
                Ok(open) => {
                    *state = State::Unlocked(held, Arc::new(open));
                    Ok(())
                }
                Err(error) => {
                    *state = State::Locked(held);
                    Err(error)
                }
            },
            State::Closed => {
                *state = State::Closed;
                Err(closed())
            }
            other => {
                *state = other;
                Ok(())
            }
        }
    }

    /// Cancels a running sync, finishes the writes that were already queued, closes the database
    /// and drops the keys. Blocks until that is done. Locking a locked vault is no error.
    pub fn lock(&self) -> Result<()> {
        let mut state = self.inner.state()?;
        match std::mem::replace(&mut *state, State::Broken) {
            State::Unlocked(held, open) => {
                open.shut();
                *state = State::Locked(held);
                Ok(())
            }
            State::Closed => {
                *state = State::Closed;
                Err(closed())
            }
            other => {
                *state = other;
                Ok(())
            }
        }
    }

    /// Locks the vault for good and lets go of its directory.
    pub fn close(&self) {
        if let Ok(mut state) = self.inner.state() {
            if let State::Unlocked(_, open) = &*state {
                open.shut();
            }
            *state = State::Closed;
        }
    }

    /// Whether the vault can be used.
    pub fn state(&self) -> VaultState {
        match self.inner.state().as_deref() {
            Ok(State::Unlocked(..)) => VaultState::Unlocked,
            Ok(State::Locked(_)) => VaultState::Locked,
            Ok(State::Closed | State::Broken) | Err(_) => VaultState::Closed,
        }
    }

    /// Hears of every committed transaction that changes records, also of those of a pull, until
    /// the subscription is dropped. Called on a thread of its own.
    pub fn subscribe(&self, listener: Arc<dyn ChangeListener>) -> Subscription {
        self.inner.observers.subscribe(listener)
    }

    /// The schema of the record tables.
    pub fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    /// What an unlocked vault has, or the typed refusal.
    fn opened(&self) -> Result<Arc<Open>> {
        match &*self.inner.state()? {
            State::Unlocked(_, open) => Ok(Arc::clone(open)),
            State::Locked(_) => Err(Error::new(ErrorCode::Locked, "the vault is locked")),
            State::Closed | State::Broken => Err(closed()),
        }
    }
}

impl std::fmt::Debug for Amana {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Amana({:?})", self.state())
    }
}

impl Inner {
    fn state(&self) -> Result<MutexGuard<'_, State>> {
        self.state
            .lock()
            .map_err(|_| Error::internal("the vault's state was left half changed"))
    }

    fn network(&self) -> Result<Arc<Network>> {
        let mut network = self
            .network
            .lock()
            .map_err(|_| Error::internal("the network was left half started"))?;
        match &*network {
            Some(network) => Ok(Arc::clone(network)),
            None => Ok(Arc::clone(network.insert(Network::start()?))),
        }
    }

    /// Key first, then database: what the vault decides is in `vault`, what fails is typed there.
    fn open_database(&self) -> Result<Open> {
        let directory = &self.config.directory;
        let path = vault::database_path(directory);
        crate::sync::remove_leftovers(&vault::spool_directory(directory))?;
        let io = VaultIo {
            directory,
            database_file: &path,
            key_store: &*self.key_store,
            clock: &*self.system.clock,
            entropy: &*self.system.entropy,
            timer: &*self.system.timer,
            cancel: &CancelToken::new(),
        };
        let mut opened = vault::open(&io, &Way::Device, Some(&NewVault::DEVICE))?;
        let observers = Arc::clone(&self.observers);
        let database = Database::open(DatabaseOptions {
            path: &path,
            key: &opened.keys.database,
            schema: Arc::clone(&self.schema),
            clock: Arc::clone(&self.system.clock),
            entropy: Arc::clone(&self.system.entropy),
            notices: Arc::new(move |notice| observers.publish(notice)),
        })?;
        if opened.first_run {
            vault::finish_creation(directory, &mut opened.keys)?;
        }
        // What it cannot delete now, a later opening will.
        let _ = vault::tidy(&io, &mut opened.keys);
        Ok(Open {
            database,
            sync: SyncRun::default(),
        })
    }
}

impl Open {
    /// Ends the sync, then the database: the sync's thread still uses it.
    fn shut(&self) {
        self.sync.cancel_and_wait();
        self.database.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Ok(State::Unlocked(_, open)) = self.state.get_mut().as_deref() {
            open.shut();
        }
    }
}

const fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the vault is closed")
}
