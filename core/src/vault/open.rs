//! Carries out what `decide` plans: looks, asks the key store, makes a vault, proves a key.
//! Owns the order of writes. Never opens the database; the caller holds the directory's lock.
//!
//! What keeps an interrupted first run from ever costing data: no data can be written while any
//! copy of the keyring says "creating". `finish_creation` returns after both say "active", and an
//! opening that finds only one of them so mends the other before it hands out a key.

use std::path::{Path, PathBuf};
use std::time::Duration;

use amana_keystore::{Alias, Derived};

use super::decide::{CopyState, DatabaseState, KeyState, Observation, Plan, after_answer, decide};
use super::directory::spool_directory;
use super::files;
use super::hierarchy::{self, DraftKind, SlotDraft};
use super::keyring::{self, Active, Bare, Copies, Keyring, KeyringCopy, Policy, SlotLock};
use super::look::{Found, JOURNALS, database_state, look};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::ports::{Entropy, KeyStore, KeyStoreError, Timer};
use crate::secret::{DatabaseKey, RootKey};

/// An opened vault: its keys, and whether it was made just now.
#[derive(Debug)]
pub struct Opened {
    /// The vault's keys.
    pub keys: VaultKeys,
    /// The vault is new: create the database under its key, then call [`finish_creation`].
    pub first_run: bool,
}

/// The keys that an open vault works with.
#[derive(Debug)]
pub struct VaultKeys {
    /// Names the vault; random, made with it.
    pub vault_id: [u8; 16],
    /// Opens the database.
    pub database: DatabaseKey,
    /// What `finish_creation` writes; `None` for a vault that exists already.
    creation: Option<Creation>,
}

#[derive(Debug)]
struct Creation {
    keyring: Keyring,
    database_file: PathBuf,
}

impl VaultKeys {
    fn derive(root: &RootKey, active: &Active) -> Result<Self> {
        Ok(Self {
            vault_id: active.vault_id,
            database: hierarchy::database_key(root, &active.vault_id)?,
            creation: None,
        })
    }
}

/// Opens the vault in a directory whose lock the caller holds, or makes it where nothing exists.
/// Blocks while the key store answers. A successful opening makes exactly one key-store call.
pub fn open(
    directory: &Path,
    database_file: &Path,
    key_store: &dyn KeyStore,
    entropy: &dyn Entropy,
    timer: &dyn Timer,
    cancel: &CancelToken,
) -> Result<Opened> {
    let opening = Opening {
        directory,
        database_file,
        key_store,
        entropy,
        timer,
        cancel,
    };
    // Twice at most: what an interrupted first run left is discarded once.
    for _ in 0..2 {
        cancel.check()?;
        let found = look(directory, database_file);
        match decide(&found.with_key(KeyState::NotAsked)) {
            Plan::Refuse(error) => return Err(error),
            Plan::FirstRun => return opening.first_run(),
            Plan::DiscardInterrupted => opening.discard(&found.copies)?,
            _ => return opening.unlock(&found),
        }
    }
    Err(Error::internal(
        "an interrupted first run could not be discarded",
    ))
}

/// Marks a new vault as existing. Called once its database is created and committed; after it, data
/// may be written. Harmless for a vault that exists already.
pub fn finish_creation(directory: &Path, keys: &VaultKeys) -> Result<()> {
    let Some(creation) = &keys.creation else {
        return Ok(());
    };
    if database_state(&creation.database_file) != Ok(DatabaseState::Present) {
        return Err(Error::internal(
            "a vault is finished after its database is created",
        ));
    }
    // A keyring that has moved on since must not be taken back.
    for copy in Copies::read(directory).copies {
        match copy {
            KeyringCopy::Missing => {}
            KeyringCopy::Readable(Keyring::Creating(found)) if found.vault_id == keys.vault_id => {}
            KeyringCopy::Readable(found) if found == creation.keyring => {}
            _ => return Err(Error::internal("the keyring is not the one that was made")),
        }
    }
    // B first: a kill in between leaves "creating" in A, but a newer "active" in B.
    keyring::write_both(directory, &creation.keyring)
}

/// The error for a database that SQLite refuses although its key is proven.
pub fn database_unreadable() -> Error {
    let plan = decide(&Observation {
        protected_data: Some(true),
        copies: [CopyState::Active; 2],
        database: DatabaseState::Refused,
        other_data: false,
        key: KeyState::Proven,
    });
    match plan {
        Plan::Refuse(error) => error,
        _ => Error::internal("a refused database was decided to be open"),
    }
}

struct Opening<'a> {
    directory: &'a Path,
    database_file: &'a Path,
    key_store: &'a dyn KeyStore,
    entropy: &'a dyn Entropy,
    timer: &'a dyn Timer,
    cancel: &'a CancelToken,
}

impl Opening<'_> {
    fn first_run(&self) -> Result<Opened> {
        let mut vault_id = [0; 16];
        self.entropy.fill(&mut vault_id)?;
        let draft = SlotDraft::make(self.entropy)?;
        let alias = draft.alias.clone();
        // The alias is on disk before the secret exists: a kill leaves nothing without a name.
        let creating = Bare {
            vault_id,
            generation: 1,
            policy: Policy::Device,
            aliases: vec![alias.clone()],
        };
        keyring::write(self.directory, 0, &Keyring::Creating(creating))?;

        let mut attempted = false;
        let level = self
            .patiently(|| {
                // An attempt that "could not answer" may have made the secret. Nothing is sealed to it.
                if std::mem::replace(&mut attempted, true) {
                    self.key_store.delete(&alias)?;
                }
                self.key_store.create(&alias)
            })
            .map_err(nothing_lost)?;
        let derived = self
            .patiently(|| self.key_store.derive(&alias, &draft.salt))
            .map_err(nothing_lost)?;
        let slot = draft.make_slot(DraftKind::Device, level, &derived, &vault_id, self.entropy)?;
        let (roots, active) =
            hierarchy::make_active(&vault_id, 2, Policy::Device, vec![slot], self.entropy)?;
        let mut keys = VaultKeys::derive(&roots.root, &active)?;
        keys.creation = Some(Creation {
            keyring: Keyring::Active(active),
            database_file: self.database_file.to_path_buf(),
        });
        Ok(Opened {
            keys,
            first_run: true,
        })
    }

    /// Row 5. The keyring goes last: a kill anywhere comes back here.
    fn discard(&self, copies: &Copies) -> Result<()> {
        for alias in copies.aliases() {
            self.patiently(|| self.key_store.delete(&alias))
                .map_err(nothing_lost)?;
        }
        let gone = |result: std::io::Result<()>| result.map_err(files::storage_error);
        gone(files::remove(self.database_file))?;
        for suffix in JOURNALS {
            gone(files::remove(&files::with_suffix(
                self.database_file,
                suffix,
            )))?;
        }
        gone(files::remove_tree(&spool_directory(self.directory)))?;
        gone(files::sync_parent(self.database_file))?;
        keyring::remove(self.directory)
    }

    fn unlock(&self, found: &Found) -> Result<Opened> {
        let candidates = found.copies.active();
        let mut asking = Asking::default();
        let mut index = 0;
        let mut key = KeyState::NotAsked;
        let mut proven = None;
        loop {
            self.cancel.check()?;
            match decide(&found.with_key(key)) {
                Plan::AskKey => {}
                Plan::AskAgainAfter(pause) => asking.wait(pause, self)?,
                Plan::TryOtherCopy => index += 1,
                Plan::Open => break,
                Plan::Refuse(error) => return Err(error),
                Plan::FirstRun | Plan::DiscardInterrupted => return Err(not_planned()),
            }
            let active = candidates.get(index).ok_or_else(not_planned)?;
            key = match self.prove(active, &mut asking)? {
                Proof::Root(root) => {
                    proven = Some((root, *active));
                    KeyState::Proven
                }
                Proof::DoesNotOpen => KeyState::DoesNotOpen {
                    other_copy: index + 1 < candidates.len(),
                },
                Proof::NoAnswer(state) => state,
            };
        }
        let (root, active) = proven.ok_or_else(not_planned)?;
        self.mend(&found.copies, active)?;
        Ok(Opened {
            keys: VaultKeys::derive(&root, active)?,
            first_run: false,
        })
    }

    fn prove(&self, active: &Active, asking: &mut Asking) -> Result<Proof> {
        // A vault of policy "device" has one slot; others will be tried in turn here.
        let slot = active
            .slots
            .iter()
            .find(|slot| matches!(slot.lock, SlotLock::Device(_)));
        let slot = slot.ok_or_else(not_planned)?;
        let half = slot.half().ok_or_else(not_planned)?;
        let (alias, salt) = (&half.alias, &half.salt);
        let derived = match asking.answer.take() {
            // Both copies usually name the same slot: the key store is asked once.
            Some(answer) if answer.alias == *alias && answer.salt == *salt => answer.derived,
            _ => match self.key_store.derive(alias, salt) {
                Ok(derived) => derived,
                Err(error) => return Ok(Proof::NoAnswer(asking.note(error))),
            },
        };
        if let Some(private) = hierarchy::open_half(active, slot, &derived)?
            && let Some(roots) = hierarchy::open_roots(active, slot, &private)?
        {
            return Ok(Proof::Root(roots.root));
        }
        asking.answer = Some(Answer {
            alias: alias.clone(),
            salt: *salt,
            derived,
        });
        Ok(Proof::DoesNotOpen)
    }

    /// Makes both copies the proven one. A copy that says "creating" must go before data can be
    /// written; the others are mended if the disk allows. An active copy that is not older is left:
    /// it was not proven wrong by being different.
    fn mend(&self, copies: &Copies, proven: &Active) -> Result<()> {
        for (index, copy) in copies.copies.iter().enumerate() {
            let (mend, must) = match copy {
                KeyringCopy::Readable(Keyring::Creating(_)) => (true, true),
                KeyringCopy::Readable(Keyring::Active(active)) => {
                    (active.generation < proven.generation, false)
                }
                KeyringCopy::Missing | KeyringCopy::Unreadable => (true, false),
                KeyringCopy::TooNew
                | KeyringCopy::Provisional
                | KeyringCopy::Readable(Keyring::Shredding(_)) => (false, false),
            };
            if mend {
                let written =
                    keyring::write(self.directory, index, &Keyring::Active(proven.clone()));
                if must {
                    written?;
                }
            }
        }
        Ok(())
    }

    /// Calls the key store until it answers or the table says to give up.
    fn patiently<T>(&self, mut call: impl FnMut() -> Result<T, KeyStoreError>) -> Result<T> {
        let mut asking = Asking::default();
        loop {
            self.cancel.check()?;
            let state = match call() {
                Ok(answer) => return Ok(answer),
                Err(error) => asking.note(error),
            };
            match after_answer(state) {
                Some(Plan::AskAgainAfter(pause)) => asking.wait(pause, self)?,
                Some(Plan::Refuse(error)) => return Err(error),
                _ => return Err(not_planned()),
            }
        }
    }
}

enum Proof {
    Root(RootKey),
    DoesNotOpen,
    NoAnswer(KeyState),
}

/// What has been asked of the key store so far.
#[derive(Default)]
struct Asking {
    waited: Duration,
    looks: u32,
    answer: Option<Answer>,
}

struct Answer {
    alias: Alias,
    salt: [u8; 32],
    derived: Derived,
}

impl Asking {
    fn note(&mut self, error: KeyStoreError) -> KeyState {
        match error {
            KeyStoreError::Absent => {
                self.looks += 1;
                KeyState::Absent { looks: self.looks }
            }
            // Failing hardware proves nothing about the secret: a later attempt may succeed.
            KeyStoreError::Transient | KeyStoreError::HardwareFailure => KeyState::Transient {
                waited: self.waited,
            },
            KeyStoreError::Denied => KeyState::Denied,
            KeyStoreError::Invalidated => KeyState::Invalidated,
        }
    }

    fn wait(&mut self, pause: Duration, opening: &Opening<'_>) -> Result<()> {
        opening.timer.wait(pause, opening.cancel)?;
        self.waited += pause;
        Ok(())
    }
}

/// Before a vault exists no key can be lost: a store that forgets what it was just given cannot be
/// used now.
fn nothing_lost(error: Error) -> Error {
    if error.code() == ErrorCode::KeyLost {
        return Error::new(
            ErrorCode::KeyTemporarilyUnavailable,
            "the key store does not keep a new secret",
        );
    }
    error
}

const fn not_planned() -> Error {
    Error::internal("the opening took a step that was not planned")
}
