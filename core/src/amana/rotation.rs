//! Changing the root key: at the front door, at an opening where it is due, and the settling of one that
//! was interrupted. The keyring's part is `vault`'s, the database's `storage`'s; here is their order.

use std::sync::Arc;

use super::opened::Open;
use super::state::{Doing, State, closed, locked, rotating};
use super::{Amana, Inner, refuse_listener};
use crate::error::{Error, ErrorCode, Result};
use crate::secret::{DatabaseKey, scrub_stack};
use crate::storage;
use crate::vault::{self, DatabaseAnswer, VaultKeys};

impl Amana {
    /// Changes the root key: the database is encrypted anew, and what anybody learnt of the old key
    /// opens nothing. Needs nobody's PIN. Calls that come meanwhile are `busy`; a hundred megabytes
    /// take seconds. Blocks.
    ///
    /// Due after a slot was removed; then the next opening does it by itself, before anybody uses
    /// the database. Call this to have it done at once.
    ///
    /// # Errors
    /// `storage_full` without room for about the database's size: nothing was changed. `busy` while
    /// a sync runs or somebody signs in. After any error the vault is unlocked under its old root
    /// key, unless the database could not be opened again: then it is locked.
    pub fn rotate(&self) -> Result<()> {
        refuse_listener()?;
        self.opened()?;
        self.inner.check_room()?;
        let (change, open) = self
            .inner
            .life
            .begin(Doing::Rotating, |state| match state {
                State::Unlocked(open) if open.sync.close_if_idle(rotating()) => Ok(open.clone()),
                State::Unlocked(_) => Err(Error::new(
                    ErrorCode::Busy,
                    "a sync or a sign-in is running",
                )),
                State::Locked | State::Changing(_) => Err(locked()),
                State::Closed => Err(closed()),
            })?;
        open.set_down();
        let (reopened, changed) = {
            let mut held = open.keys();
            let keys = held.keys.as_mut().ok_or_else(locked)?;
            let (answer, changed) = self.inner.rekey(keys);
            scrub_stack();
            let reopened = answer.and_then(|answer| self.inner.open_database(keys, answer));
            (reopened, changed)
        };
        match reopened {
            Ok(database) => {
                let again = Open::with(database, open.held.clone());
                change.end(State::Unlocked(Arc::new(again)));
                changed
            }
            Err(error) => {
                open.shut();
                Err(error)
            }
        }
    }
}

impl Inner {
    /// Row 13: where a change of the root key was interrupted, tries both keys on the database and
    /// settles it. Says which key the database has, also where the disk is too full to note it.
    pub(super) fn settle(&self, keys: &mut VaultKeys) -> Result<DatabaseAnswer> {
        let Some(next) = &keys.next_database else {
            return Ok(DatabaseAnswer::Opens);
        };
        let answer = if storage::opens(&self.database_file, &keys.database)? {
            DatabaseAnswer::Opens
        } else if storage::opens(&self.database_file, next)? {
            DatabaseAnswer::OpensWithNext
        } else {
            DatabaseAnswer::Refused
        };
        match vault::settle_rekey(&self.io(), keys, answer) {
            Err(error) if answer == DatabaseAnswer::Refused => Err(error),
            _ => Ok(answer),
        }
    }

    /// Changes the root key while nobody has the database open. Says which key the database has
    /// then, and whether it was changed; after an error the old root key is still the vault's.
    pub(super) fn rekey(&self, keys: &mut VaultKeys) -> (Result<DatabaseAnswer>, Result<()>) {
        let (io, file) = (self.io(), &self.database_file);
        if keys.next_database.is_some() {
            // An earlier one could not be noted as ended: that comes first.
            let answer = match self.settle(keys) {
                Ok(answer) => answer,
                Err(error) => return (Err(error.clone()), Err(error)),
            };
            if keys.next_database.is_some() {
                return (Ok(answer), Err(rotating()));
            }
        }
        if let Err(error) = self.check_room() {
            return (Ok(DatabaseAnswer::Opens), Err(error));
        }
        let begun = vault::begin_rekey(&io, keys);
        let changed = match (&begun, &keys.next_database) {
            (Ok(()), Some(next)) => storage::rekey(file, &keys.database, next),
            _ => begun,
        };
        if changed.is_ok() {
            let settled = vault::settle_rekey(&io, keys, DatabaseAnswer::OpensWithNext);
            return (Ok(DatabaseAnswer::OpensWithNext), settled);
        }
        // Whether it came to the new key before it failed, only the database can tell.
        (self.settle(keys), changed)
    }

    /// Whether the disk has room for a change of the root key.
    fn check_room(&self) -> Result<()> {
        let needed = storage::rekey_needs(&self.database_file)?;
        match self.system.disk.free_bytes(&self.config.directory) {
            Some(free) if free < needed => Err(Error::new(
                ErrorCode::StorageFull,
                "no room on the disk for a change of the root key",
            )),
            _ => Ok(()),
        }
    }
}

/// The key that the database has.
pub(super) fn key_of(keys: &VaultKeys, answer: DatabaseAnswer) -> &DatabaseKey {
    match (answer, &keys.next_database) {
        (DatabaseAnswer::OpensWithNext, Some(next)) => next,
        _ => &keys.database,
    }
}
