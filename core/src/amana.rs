//! The front door: opens a vault, locks and unlocks it, and wires the rooms together.
//!
//! Record and sync calls are `async fn`s that only await a channel: they run on any executor, and
//! dropping one cancels nothing. `open`, `unlock`, `lock` and `close` block. No lock is held while a
//! listener is called.

mod cloud;
mod config;
mod hub;
mod hub_trust;
mod idle;
mod kv;
#[cfg(test)]
mod kv_tests;
mod records;
mod registry;
mod sync_run;
mod syncing;

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::kv::session::SessionValues;
use crate::model::schema::Schema;
use crate::observers::{Observers, Subscription};
use crate::ports::{ChangeListener, KeyStore, KvListener};
use crate::storage::{Database, DatabaseOptions};
use crate::transport::Network;
use crate::vault::{self, NewVault, VaultDirectory, VaultIo, Way};

pub use cloud::Status;
pub use config::{Config, SchemaSource, System};
pub use hub::PairedHub;
pub use sync_run::SyncOptions;

use idle::{LastUse, Watch};
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
    /// Told at every change of the state.
    changed: Condvar,
    /// Kept until the vault is closed.
    directory: Mutex<Option<VaultDirectory>>,
    watch: Watch,
}

/// The mutex around it is held for moments only, never while the key store, the disk or a sync is
/// waited for: a listener may ask for the state while another thread locks.
enum State {
    Locked,
    /// One thread is locking or unlocking; others that want to wait for it.
    Changing,
    Unlocked(Arc<Open>),
    Closed,
}

/// What exists only while the vault is unlocked.
struct Open {
    database: Database,
    session: SessionValues,
    sync: SyncRun,
    /// Cancels the sign-ins that are under way.
    sign_ins: CancelToken,
    last_use: LastUse,
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
    /// acceptable. None of them deletes or rewrites records or keys.
    pub fn open(config: Config, key_store: Arc<dyn KeyStore>, system: System) -> Result<Self> {
        let schema = match &config.schema {
            SchemaSource::Hikma => Schema::hikma()?,
            SchemaSource::Json(text) => Schema::from_json(text)?,
        };
        registry::open(&config.directory.clone(), || {
            let directory = VaultDirectory::open(&config.directory)?;
            let vault = Self {
                inner: Arc::new(Inner {
                    config: Config {
                        directory: directory.path().to_owned(),
                        ..config
                    },
                    system,
                    schema,
                    key_store,
                    observers: Arc::new(Observers::start()?),
                    network: Mutex::default(),
                    state: Mutex::new(State::Locked),
                    changed: Condvar::new(),
                    directory: Mutex::new(Some(directory)),
                    watch: Watch::default(),
                }),
            };
            vault.unlock()?;
            vault.watch_idleness()?;
            Ok(vault)
        })
    }

    /// Loads the key and opens the database. Blocks as [`Amana::open`] does, and while another
    /// thread is locking. Unlocking an unlocked vault is no error.
    pub fn unlock(&self) -> Result<()> {
        refuse_listener()?;
        let mut state = self.inner.settled()?;
        match &*state {
            State::Unlocked(open) => {
                // Locked for the session only: a sync still had its lease.
                let now_ms = self.inner.system.clock.monotonic_ms();
                if open.last_use.is_locked(self.inner.config.idle_lock, now_ms) {
                    open.end_session();
                }
                open.last_use.renew(now_ms);
                return Ok(());
            }
            State::Closed => return Err(closed()),
            State::Locked | State::Changing => *state = State::Changing,
        }
        drop(state);
        let change = Change::of(&self.inner);
        let open = self.inner.open_database()?;
        change.end(State::Unlocked(Arc::new(open)));
        Ok(())
    }

    /// Cancels a running sync, finishes the writes that were already queued, closes the database
    /// and drops the keys. Blocks until that is done. Locking a locked vault is no error. A
    /// listener of the running sync gets `busy`: the sync cannot end while it is being told.
    pub fn lock(&self) -> Result<()> {
        self.end(State::Locked)
    }

    /// Locks the vault for good and lets go of its directory.
    pub fn close(&self) -> Result<()> {
        self.end(State::Closed)?;
        let directory = self.inner.directory.lock().map(|mut held| held.take());
        drop(directory);
        Ok(())
    }

    fn end(&self, next: State) -> Result<()> {
        refuse_listener()?;
        let mut state = self.inner.settled()?;
        let open = match &*state {
            State::Unlocked(open) => Arc::clone(open),
            State::Closed if matches!(next, State::Locked) => return Err(closed()),
            State::Locked | State::Closed | State::Changing => {
                *state = next;
                return Ok(());
            }
        };
        *state = State::Changing;
        drop(state);
        let change = Change::of(&self.inner);
        open.shut();
        change.end(next);
        Ok(())
    }

    /// Whether the vault can be used. Never waits.
    pub fn state(&self) -> VaultState {
        let rule = self.inner.config.idle_lock;
        let now_ms = self.inner.system.clock.monotonic_ms();
        match self.inner.state().as_deref() {
            Ok(State::Unlocked(open)) if !open.last_use.is_locked(rule, now_ms) => {
                VaultState::Unlocked
            }
            Ok(State::Unlocked(_)) => VaultState::Locked,
            Ok(State::Locked | State::Changing) => VaultState::Locked,
            Ok(State::Closed) | Err(_) => VaultState::Closed,
        }
    }

    /// Hears of every committed transaction that changes records, also of those of a pull, until
    /// the subscription is dropped. Called on a thread of its own.
    pub fn subscribe(&self, listener: Arc<dyn ChangeListener>) -> Subscription {
        self.inner.observers.subscribe(listener)
    }

    /// Hears of every committed change of the key–value store, as [`Amana::subscribe`] does of
    /// records.
    pub fn subscribe_kv(&self, listener: Arc<dyn KvListener>) -> Subscription {
        self.inner.observers.subscribe_kv(listener)
    }

    /// The schema of the record tables.
    pub fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    /// What an unlocked vault has, or the typed refusal. Never waits. Counts as use.
    fn opened(&self) -> Result<Arc<Open>> {
        let now_ms = self.inner.system.clock.monotonic_ms();
        match &*self.inner.state()? {
            State::Unlocked(open) if open.last_use.let_in(self.inner.config.idle_lock, now_ms) => {
                Ok(Arc::clone(open))
            }
            State::Unlocked(_) | State::Locked | State::Changing => {
                Err(Error::new(ErrorCode::Locked, "the vault is locked"))
            }
            State::Closed => Err(closed()),
        }
    }
}

impl std::fmt::Debug for Amana {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Amana({:?})", self.state())
    }
}

/// A change of state under way; ends in `Locked` unless it is told otherwise, also by a panic.
struct Change<'a> {
    inner: &'a Inner,
    next: State,
}

impl<'a> Change<'a> {
    const fn of(inner: &'a Inner) -> Self {
        Self {
            inner,
            next: State::Locked,
        }
    }

    fn end(mut self, next: State) {
        self.next = next;
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        if let Ok(mut state) = self.inner.state() {
            *state = std::mem::replace(&mut self.next, State::Locked);
        }
        self.inner.changed.notify_all();
    }
}

impl Inner {
    fn state(&self) -> Result<MutexGuard<'_, State>> {
        self.state.lock().map_err(|_| broken())
    }

    /// The state, once nobody is changing it.
    fn settled(&self) -> Result<MutexGuard<'_, State>> {
        self.changed
            .wait_while(self.state()?, |state| matches!(state, State::Changing))
            .map_err(|_| broken())
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
        // Only now: where the key may not be asked for, nothing is touched.
        crate::sync::remove_leftovers(&vault::spool_directory(directory))?;
        let observers = Arc::clone(&self.observers);
        let database = Database::open(DatabaseOptions {
            path: &path,
            key: &opened.keys.database,
            schema: Arc::clone(&self.schema),
            clock: Arc::clone(&self.system.clock),
            entropy: Arc::clone(&self.system.entropy),
            notices: Arc::new(move |notice| observers.publish(notice)),
        })
        .map_err(|error| match error.code() {
            // The key is proven, so it is the file: what that means, the decision table says.
            ErrorCode::DatabaseDamaged => vault::database_unreadable(),
            _ => error,
        })?;
        if opened.first_run {
            vault::finish_creation(directory, &mut opened.keys)?;
        }
        // What it cannot delete now, a later opening will.
        let _ = vault::tidy(&io, &mut opened.keys);
        Ok(Open {
            database,
            session: SessionValues::new(),
            sync: SyncRun::default(),
            sign_ins: CancelToken::new(),
            last_use: LastUse::new(self.system.clock.monotonic_ms()),
        })
    }
}

impl Open {
    /// Wipes what a locked vault must not hold, while a sync keeps the database open.
    fn end_session(&self) {
        self.session.wipe();
        self.database.kv_forget();
    }

    /// Ends the sync, then the database: the sync's thread still uses it.
    fn shut(&self) {
        self.session.close();
        self.sign_ins.cancel();
        self.sync.close();
        self.database.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Ok(State::Unlocked(open)) = self.state.get_mut().as_deref() {
            open.shut();
        }
    }
}

/// A sync cannot end while its listener waits for its end.
fn refuse_listener() -> Result<()> {
    if sync_run::is_sync_thread() {
        return Err(Error::new(
            ErrorCode::Busy,
            "a sync's listener cannot lock or unlock",
        ));
    }
    Ok(())
}

const fn broken() -> Error {
    Error::internal("the vault's state was left half changed")
}

const fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the vault is closed")
}
