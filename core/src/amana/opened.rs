//! What exists only while a vault is unlocked, and how it ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::idle::LastUse;
use super::integrity::IntegrityWatch;
use super::state::rotating;
use super::sync_turns::SyncRun;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::kv::session::SessionValues;
use crate::storage::Database;
use crate::vault::{Policy, PresenceDraft, VaultKeys};

/// The open database, and who uses it. A change of the root key makes a new one.
pub(super) struct Open {
    pub database: Database,
    pub sync: SyncRun,
    pub held: Arc<Held>,
    /// Cancelled once the database is going: no look at its pages goes on, or begins.
    pub ended: CancelToken,
}

/// What lasts from an unlock to the lock.
pub(super) struct Held {
    pub session: SessionValues,
    /// Cancels the sign-ins that are under way, and pairings.
    pub sign_ins: CancelToken,
    /// Held while the session changes. The token ends the sign-ins that began before a sign-out.
    pub sessions: Mutex<CancelToken>,
    pub last_use: LastUse,
    /// The look at every page, in idle time.
    pub integrity: IntegrityWatch,
    pub keys: Mutex<HeldKeys>,
}

/// Held for as long as one change of the slots, or of the root key, takes.
#[derive(Default)]
pub(super) struct HeldKeys {
    /// None once the vault is locked.
    pub keys: Option<VaultKeys>,
    /// A slot for somebody's presence that waits for the platform.
    pub draft: Option<PresenceDraft>,
}

impl Open {
    pub(super) fn new(database: Database, keys: VaultKeys, now_ms: u64) -> Self {
        let keys = HeldKeys {
            keys: Some(keys),
            draft: None,
        };
        Self::with(
            database,
            Arc::new(Held {
                session: SessionValues::new(),
                sign_ins: CancelToken::new(),
                sessions: Mutex::default(),
                last_use: LastUse::new(now_ms),
                integrity: IntegrityWatch::default(),
                keys: Mutex::new(keys),
            }),
        )
    }

    /// The same vault, unlocked as before, with its database opened again.
    pub(super) fn with(database: Database, held: Arc<Held>) -> Self {
        Self {
            database,
            sync: SyncRun::default(),
            held,
            ended: CancelToken::new(),
        }
    }

    /// Wipes what a locked vault must not hold, while a sync keeps the database open.
    pub(super) fn end_session(&self) {
        self.held.session.wipe();
        self.database.kv_forget();
    }

    /// Ends whatever still works on the database, but for what is queued there.
    pub(super) fn end_work(&self) {
        self.held.session.close();
        self.held.sign_ins.cancel();
        self.ended.cancel();
        self.sync.close();
    }

    /// What ends a sign-in that begins now: the end of the vault's use, or a sign-out.
    pub(super) fn sign_in_token(&self) -> CancelToken {
        self.held.sign_ins.or(&self.sessions())
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, CancelToken> {
        let sessions = self.held.sessions.lock();
        sessions.unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the database and drops the keys.
    pub(super) fn shut(&self) {
        self.end_work();
        self.database.close();
        *self.keys() = HeldKeys::default();
    }

    /// Closes the database alone, for a change of its key.
    pub(super) fn set_down(&self) {
        self.ended.cancel();
        self.database.close_because(&rotating());
    }

    /// Who may open the vault.
    pub(super) fn policy(&self) -> Option<Policy> {
        self.keys().keys.as_ref().map(VaultKeys::policy)
    }

    pub(super) fn keys(&self) -> MutexGuard<'_, HeldKeys> {
        // What a panic left is still what the keyring was checked against.
        self.held
            .keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records wait to be pushed.
    pub(super) fn unsynced(&self) -> Result<u64> {
        let counts = self.database.outbox_counts().wait()?;
        Ok(counts.pending)
    }
}
