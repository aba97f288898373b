//! Salvage at the front door: a damaged database is copied aside, and what can be read of it takes its
//! place. An explicit call; no opening does it by itself.

use std::sync::Arc;

use super::rotation::key_of;
use super::state::{Doing, State, closed};
use super::{Amana, Inner, Unlock, refuse_listener};
use crate::error::{Error, ErrorCode, Result};
use crate::model::salvage::SalvageReport;
use crate::secret::DatabaseKey;
use crate::storage::{self, SalvageOptions};
use crate::vault::{self, DatabaseAnswer};

impl Amana {
    /// Proves the key, copies the database aside, and puts what can be read of it in its place, under
    /// the same key. What peers have is pulled again where it was lost. The vault stays locked.
    /// Blocks, for minutes where the database is large.
    ///
    /// For a vault that refuses to open with `database_damaged`, and for one in which damage was
    /// found. Nothing is deleted: the copy stays in the vault until it is wiped. Interrupted, it has
    /// changed nothing, or the next opening ends it.
    ///
    /// # Errors
    /// `invalid_input` for an unlocked vault; as [`Amana::unlock_with`] where the key cannot be
    /// proven, and where there is no database file; `storage_full`, `storage_too_new`.
    pub fn salvage(&self, unlock: &Unlock<'_>) -> Result<SalvageReport> {
        refuse_listener()?;
        self.with_way(unlock, |way| {
            let (change, ()) = self.inner.life.begin(Doing::Opening, |state| match state {
                State::Locked | State::Changing(_) => Ok(()),
                State::Unlocked(_) => Err(Error::invalid("lock the vault before a salvage")),
                State::Closed => Err(closed()),
            })?;
            let opened = self.inner.prove(way, None);
            let mut keys = self.inner.remember(opened)?.keys;
            // Where no key opens it, that is the damage: an unfinished change of the key stays
            // unfinished, and is settled when there is a database again.
            let answer = self
                .inner
                .settle(&mut keys)
                .unwrap_or(DatabaseAnswer::Opens);
            let report = self.inner.salvage_with(key_of(&keys, answer));
            change.end(State::Locked);
            report
        })
    }
}

impl Inner {
    fn salvage_with(&self, key: &DatabaseKey) -> Result<SalvageReport> {
        let directory = &self.config.directory;
        let needed = storage::salvage_needs(&self.database_file);
        if self
            .system
            .disk
            .free_bytes(directory)
            .is_some_and(|free| free < needed)
        {
            return Err(Error::new(
                ErrorCode::StorageFull,
                "no room on the disk for a salvage",
            ));
        }
        storage::salvage(&SalvageOptions {
            path: &self.database_file,
            key,
            schema: Arc::clone(&self.schema),
            copies: &vault::damaged_directory(directory),
        })
    }
}
