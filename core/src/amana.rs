//! The front door: a vault's life, and the wiring of the rooms.
//!
//! ```text
//! attach ──► locked ◄──────────────────────────────┐
//!              │ open, create, unlock, unlock_with │ lock, idle lock
//!              ▼                                   │
//!           unlocked: records, key–value pairs, slots, sync, rotate
//!
//! close, wipe, quarantine ──► closed
//! ```
//!
//! Record and sync calls are `async fn`s that only await a channel: they run on any executor, and
//! dropping one cancels nothing. What changes the state or the slots blocks. One call at a time changes
//! the state; the others wait for it, and whoever cannot wait gets a typed refusal. No lock is held
//! while a listener is called.

mod caller;
mod cloud;
mod config;
mod diagnose;
mod ending;
mod hub;
mod hub_trust;
mod idle;
mod integrity;
mod kv;
#[cfg(test)]
mod kv_tests;
mod live;
mod opened;
mod opening;
mod phone;
mod records;
mod recovery;
mod refusal;
mod registry;
mod rotation;
mod salvage;
mod slots;
mod state;
mod sync_run;
mod sync_turns;
mod syncing;
#[cfg(test)]
mod tests;
mod unsynced;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use crate::asking;
use crate::background::Background;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::schema::Schema;
use crate::observers::{Observers, Subscription};
use crate::ports::{ChangeListener, DamageListener, KeyStore, KvListener, StateListener};
use crate::secret::OneTimePrivateKey;
use crate::transport::Network;
use crate::vault::{
    self, PersonId, Pin, PinKdf, Policy, Presence, PresenceAnswer, RecoveryKey, VaultDirectory, Way,
};

pub use crate::model::notice::VaultState;
pub use caller::Caller;
pub use cloud::Status;
pub use config::{Config, SchemaSource, System};
pub use diagnose::diagnose;
pub use hub::PairedHub;
pub use live::LiveQuery;
pub use recovery::RecoveryRequest;
pub use slots::SlotList;
pub use sync_run::SyncOptions;

use idle::Watch;
use opened::Open;
use state::{Doing, Life, State, closed, locked};

/// A vault: encrypted records, settings and the sync with peers, in one directory.
///
/// Cheap to clone; clones are the same vault.
#[derive(Clone)]
pub struct Amana {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    config: Config,
    database_file: PathBuf,
    system: System,
    schema: Arc<Schema>,
    key_store: Arc<dyn KeyStore>,
    observers: Arc<Observers>,
    /// Started by the first call that needs it: an app that only reads has no network threads.
    network: Mutex<Option<Arc<Network>>>,
    life: Life,
    /// Kept until the vault is closed.
    directory: Mutex<Option<VaultDirectory>>,
    watch: Watch,
    protected_data: phone::ProtectedData,
    background: Arc<Background>,
    /// The last opening or PIN that was refused, until one is not.
    refusal: Mutex<Option<vault::Refusal>>,
    /// Opens the answer to the last recovery request.
    recovery: Mutex<Option<OneTimePrivateKey>>,
    /// How PINs are stretched here, once it was measured.
    pin_kdf: OnceLock<PinKdf>,
    /// For calls that nobody cancels.
    never: CancelToken,
    claims: registry::Claims,
    ending: registry::Ending,
}

/// How a locked vault is opened.
#[derive(Debug)]
pub enum Unlock<'a> {
    /// Without a person. For vaults of policy `device`.
    Device,
    /// With a person's PIN.
    Pin {
        /// Whose.
        person: &'a PersonId,
        /// What they typed.
        pin: &'a Pin,
    },
    /// With the platform's answer to a request of [`Amana::begin_presence`].
    Presence(&'a PresenceAnswer),
    /// With the organisation's answer to [`Amana::make_recovery_request`].
    Recovery(&'a [u8]),
}

/// What a new vault is made with.
#[derive(Debug)]
pub struct NewVault<'a> {
    /// Who may open it; for good.
    pub policy: NewPolicy<'a>,
    /// The organisation's public key, pinned for good.
    pub recovery: Option<RecoveryKey>,
}

/// Who may open a new vault, with its first slot.
#[derive(Debug)]
pub enum NewPolicy<'a> {
    /// It opens without a person: for what must be readable before anyone has unlocked.
    Device,
    /// It opens for persons alone; this is the first.
    Person {
        /// The first person.
        person: &'a PersonId,
        /// Their PIN.
        pin: &'a Pin,
    },
}

impl Amana {
    /// A handle to the vault in a directory, locked unless it is open already: one directory has
    /// one handle in this process. Asks no key store and needs no vault to be there.
    ///
    /// # Errors
    /// `busy` where another process has the directory; `invalid_input` for a directory that cannot
    /// be one and a schema that is not acceptable; `storage_full`, `storage_busy`.
    pub fn attach(config: Config, key_store: Arc<dyn KeyStore>, system: System) -> Result<Self> {
        let schema = match &config.schema {
            SchemaSource::Hikma => Schema::hikma()?,
            SchemaSource::Json(text) => Schema::from_json(text)?,
        };
        config.check()?;
        registry::attach(&config.directory.clone(), || {
            let directory = VaultDirectory::open(&config.directory)?;
            let observers = Arc::new(Observers::start()?);
            let vault = Self {
                inner: Arc::new(Inner {
                    database_file: vault::database_path(directory.path()),
                    config: Config {
                        directory: directory.path().to_owned(),
                        ..config
                    },
                    system,
                    schema,
                    key_store,
                    observers: Arc::clone(&observers),
                    network: Mutex::default(),
                    life: Life::locked(observers),
                    directory: Mutex::new(Some(directory)),
                    watch: Watch::default(),
                    protected_data: phone::ProtectedData::default(),
                    background: Arc::default(),
                    refusal: Mutex::default(),
                    recovery: Mutex::default(),
                    pin_kdf: OnceLock::new(),
                    never: CancelToken::new(),
                    claims: registry::Claims::first(),
                    ending: registry::Ending::default(),
                }),
            };
            vault.watch()?;
            Ok(vault)
        })
    }

    /// Opens a vault of policy `device`, and makes it on the first run: [`Amana::attach`] and
    /// [`Amana::unlock`] in one. A second open of the same directory in this process returns the
    /// same vault; in another process it is `busy`.
    ///
    /// Blocks for the time of one key-store call and of opening the database: call it on a thread
    /// that may wait. Where it is refused, a handle from [`Amana::attach`] can say more.
    ///
    /// # Errors
    /// As the open-time table says: `key_temporarily_unavailable`, `key_lost`, `key_mismatch`,
    /// `keyring_damaged`, `keyring_too_new`, `database_damaged`, `presence_required`,
    /// `storage_too_new`, `storage_full`, `busy`; `not_found` where it finished an interrupted
    /// wipe. None of them deletes or rewrites records or keys.
    pub fn open(config: Config, key_store: Arc<dyn KeyStore>, system: System) -> Result<Self> {
        let vault = Self::attach(config, key_store, system)?;
        match vault.enter(&Way::Device, Some(&vault::NewVault::DEVICE)) {
            Ok(_) => Ok(vault),
            Err(error) => {
                registry::disclaim(&vault);
                Err(error)
            }
        }
    }

    /// Takes back one [`Amana::attach`] or [`Amana::open`]: the last one to do so closes the vault, as
    /// [`Amana::close`] does. Who attaches while it closes waits, and gets a fresh handle: two parts of an
    /// app that know nothing of each other cannot close each other's vault.
    ///
    /// # Errors
    /// As [`Amana::close`].
    pub fn detach(&self) -> Result<()> {
        refuse_listener()?;
        registry::detach(self)
    }

    /// Makes a vault where there is none, and leaves it unlocked. Blocks; the first PIN of a handle
    /// also measures how PINs are stretched on this device.
    ///
    /// # Errors
    /// `invalid_input` where there is a vault, whatever its state, or a recovery key that nothing
    /// can be sealed to; `keyring_damaged` where something is left of one; otherwise as
    /// [`Amana::open`].
    pub fn create(&self, new: &NewVault<'_>) -> Result<()> {
        refuse_listener()?;
        let policy = match &new.policy {
            NewPolicy::Device => vault::NewPolicy::Device,
            NewPolicy::Person { person, pin } => vault::NewPolicy::Person {
                person,
                pin,
                kdf: self.inner.pin_kdf()?,
            },
        };
        let recovery = new.recovery;
        let (change, ()) = self.inner.life.begin(Doing::Opening, |state| match state {
            State::Closed => Err(closed()),
            State::Unlocked(_) => Err(exists()),
            State::Locked | State::Changing(_) => Ok(()),
        })?;
        self.inner.reachable()?;
        if vault::glance(&self.inner.io())?.presence == Presence::Vault {
            return Err(exists());
        }
        let new = vault::NewVault { policy, recovery };
        let made = self.inner.open_vault(&Way::Device, Some(&new));
        let open = self.inner.remember(made)?;
        change.end(State::Unlocked(Arc::new(open)));
        self.inner.watch.news().come();
        Ok(())
    }

    /// [`Amana::unlock_with`] of [`Unlock::Device`].
    pub fn unlock(&self) -> Result<()> {
        self.unlock_with(&Unlock::Device)
    }

    /// Proves the key and opens the database; blocks as [`Amana::open`] does, a second longer for a
    /// PIN, and while another thread changes the state. A due change of the root key is made first.
    ///
    /// Where the vault is unlocked already the key is proven all the same, unless it opens without
    /// a person, and the idle time begins again; a refusal leaves it as it was, and other calls go on
    /// meanwhile.
    ///
    /// # Errors
    /// As [`Amana::open`], and `not_found` where there is no vault or the person has no slot,
    /// `wrong_pin`, `pin_delayed`. [`Amana::last_refusal`] says more.
    pub fn unlock_with(&self, unlock: &Unlock<'_>) -> Result<()> {
        self.with_way(unlock, |way| self.enter(way, None))?;
        if matches!(unlock, Unlock::Recovery(_)) {
            self.forget_request();
        }
        Ok(())
    }

    /// The vault's way for an app's.
    fn with_way<T>(
        &self,
        unlock: &Unlock<'_>,
        go: impl FnOnce(&Way<'_>) -> Result<T>,
    ) -> Result<T> {
        let rules = self.inner.config.pin_rules;
        match unlock {
            Unlock::Device => go(&Way::Device),
            Unlock::Pin { person, pin } => go(&Way::Pin { person, pin, rules }),
            Unlock::Presence(answer) => go(&Way::Presence(answer)),
            Unlock::Recovery(answer) => go(&Way::Recovery(&self.open_answer(answer)?)),
        }
    }

    fn enter(&self, way: &Way<'_>, new: Option<&vault::NewVault<'_>>) -> Result<()> {
        refuse_listener()?;
        let (change, open) = self.inner.life.begin(Doing::Opening, |state| match state {
            State::Unlocked(open) => Ok(Some(Arc::clone(open))),
            State::Locked | State::Changing(_) => Ok(None),
            State::Closed => Err(closed()),
        })?;
        let Some(open) = open else {
            let opened = self.inner.open_vault(way, new);
            let open = self.inner.remember(opened)?;
            change.end(State::Unlocked(Arc::new(open)));
            // There is something to watch again.
            self.inner.watch.news().come();
            return Ok(());
        };
        let proven = match way {
            Way::Device if open.policy() == Some(Policy::Device) => Ok(()),
            _ => self.inner.prove(way, None).map(|_| ()),
        };
        let proven = self.inner.remember(proven);
        if proven.is_ok() {
            let now_ms = self.inner.system.clock.monotonic_ms();
            let last_use = &open.held.last_use;
            if last_use.is_locked(self.inner.config.idle_lock, now_ms) {
                // Locked for the session only: a sync still had its lease.
                open.end_session();
            }
            last_use.renew(now_ms);
        }
        change.end(State::Unlocked(open));
        proven
    }

    /// Cancels a running sync, finishes the writes that were already queued, closes the database
    /// and drops the keys. Blocks until that is done. Locking a locked vault is no error. A
    /// listener of the running sync gets `busy`: the sync cannot end while it is being told.
    pub fn lock(&self) -> Result<()> {
        refuse_listener()?;
        let (change, open) = self.inner.life.begin(Doing::Closing, |state| match state {
            State::Unlocked(open) => Ok(Some(Arc::clone(open))),
            State::Locked | State::Changing(_) => Ok(None),
            State::Closed => Err(closed()),
        })?;
        if let Some(open) = open {
            self.inner.shut(&open);
        }
        change.end(State::Locked);
        Ok(())
    }

    /// Locks the vault for good and lets go of its directory. Closing a closed vault is no error.
    pub fn close(&self) -> Result<()> {
        refuse_listener()?;
        let (change, open) = self.inner.life.begin(Doing::Closing, |state| match state {
            State::Unlocked(open) => Ok(Some(Arc::clone(open))),
            State::Locked | State::Changing(_) | State::Closed => Ok(None),
        })?;
        if let Some(open) = open {
            self.inner.shut(&open);
        }
        self.inner.let_go();
        change.end(State::Closed);
        Ok(())
    }

    /// Whether the vault can be used. Never waits.
    pub fn state(&self) -> VaultState {
        let rule = self.inner.config.idle_lock;
        let now_ms = self.inner.system.clock.monotonic_ms();
        let Ok(state) = self.inner.life.now() else {
            return VaultState::Closed;
        };
        match (&*state, state.open()) {
            (State::Closed, _) => VaultState::Closed,
            (State::Changing(Doing::Rotating), _) => VaultState::Unlocked,
            (_, Some(open)) if !open.held.last_use.is_locked(rule, now_ms) => VaultState::Unlocked,
            _ => VaultState::Locked,
        }
    }

    /// Hears of every committed transaction that changes records, also of those of a pull, until
    /// the subscription is dropped. Called on a thread that the vault's listeners share; a slow one hears
    /// of several at once ([`ChangeListener`]).
    pub fn subscribe(&self, listener: Arc<dyn ChangeListener>) -> Subscription {
        self.inner.observers.subscribe(listener)
    }

    /// Hears of every committed change of the key–value store, as [`Amana::subscribe`] does of
    /// records.
    pub fn subscribe_kv(&self, listener: Arc<dyn KvListener>) -> Subscription {
        self.inner.observers.subscribe_kv(listener)
    }

    /// Hears whenever the vault is locked, unlocked or closed, by whatever cause, as
    /// [`Amana::subscribe`] does of records.
    pub fn subscribe_state(&self, listener: Arc<dyn StateListener>) -> Subscription {
        self.inner.observers.subscribe_state(listener)
    }

    /// Hears when a look at every page, in idle time, finds damage, until the subscription is
    /// dropped. Called as [`Amana::subscribe`] does, once for each damaged table or index.
    pub fn subscribe_damage(&self, listener: Arc<dyn DamageListener>) -> Subscription {
        self.inner.observers.subscribe_damage(listener)
    }

    /// The schema of the record tables.
    pub fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    /// What an unlocked vault has, or the typed refusal. Never waits. Counts as use.
    fn opened(&self) -> Result<Arc<Open>> {
        refuse_rule()?;
        let now_ms = self.inner.system.clock.monotonic_ms();
        let rule = self.inner.config.idle_lock;
        let state = self.inner.life.now()?;
        match (&*state, state.open()) {
            (_, Some(open)) if open.held.last_use.let_in(rule, now_ms) => {
                open.held.integrity.pause();
                Ok(Arc::clone(open))
            }
            (State::Changing(doing), None) => Err(doing.refusal()),
            (State::Closed, _) => Err(closed()),
            _ => Err(locked()),
        }
    }
}

impl std::fmt::Debug for Amana {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Amana({:?})", self.state())
    }
}

impl Inner {
    /// Closes what is open, with a last note of what was not pushed.
    fn shut(&self, open: &Open) {
        open.end_work();
        self.note_unsynced(open);
        open.shut();
    }

    /// Drops the last secret and lets go of the directory: before the state says so, or who sees that would find it taken.
    fn let_go(&self) {
        if let Ok(mut key) = self.recovery.lock() {
            *key = None;
        }
        let directory = self.directory.lock().map(|mut held| held.take());
        drop(directory);
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
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(open) = self.life.last_open() {
            self.shut(&open);
        }
        // Whoever listens must not wait for news for ever.
        self.life.tell(VaultState::Closed);
    }
}

/// A sync cannot end while its listener, or a rule that it asked, waits for its end. For the head of
/// every call that waits for the end of syncs, or for another call that does.
fn refuse_listener() -> Result<()> {
    refuse_rule()?;
    if sync_run::is_sync_thread() {
        return Err(Error::new(
            ErrorCode::Busy,
            "a sync's listener cannot wait for the end of a sync",
        ));
    }
    Ok(())
}

/// A rule of the app is asked by the writer: whatever waits for the writer would wait for ever.
fn refuse_rule() -> Result<()> {
    match asking::is_asking() {
        true => Err(Error::new(
            ErrorCode::Busy,
            "a rule for conflicts cannot call the vault",
        )),
        false => Ok(()),
    }
}

const fn exists() -> Error {
    Error::invalid("there is a vault here already")
}
