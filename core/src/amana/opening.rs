//! From a proven key to an open database. Owns the order: key, an unfinished change of the root key,
//! a change that is due, database, and then what may be tidied. What each refusal means is decided in
//! `vault`.

use std::sync::Arc;

use super::Inner;
use super::opened::Open;
use super::rotation::key_of;
use crate::error::{ErrorCode, Result};
use crate::model::notice::Notice;
use crate::secret::scrub_stack;
use crate::storage::{self, Database, DatabaseOptions};
use crate::vault::{self, DatabaseAnswer, NewVault, OpenResult, Policy, VaultIo, VaultKeys, Way};

impl Inner {
    pub(super) fn io(&self) -> VaultIo<'_> {
        VaultIo {
            directory: &self.config.directory,
            database_file: &self.database_file,
            key_store: &*self.key_store,
            clock: &*self.system.clock,
            entropy: &*self.system.entropy,
            timer: &*self.system.timer,
            cancel: &self.never,
        }
    }

    /// Proves a key, and leaves nothing of the way to it on this thread's stack: right or wrong.
    pub(super) fn prove(
        &self,
        way: &Way<'_>,
        new: Option<&NewVault<'_>>,
    ) -> OpenResult<vault::Opened> {
        self.reachable()?;
        let opened = vault::open(&self.io(), way, new);
        scrub_stack();
        opened
    }

    /// Opens the vault, or makes it where there is none and `new` says how.
    pub(super) fn open_vault(&self, way: &Way<'_>, new: Option<&NewVault<'_>>) -> OpenResult<Open> {
        let io = self.io();
        let vault::Opened {
            mut keys,
            first_run,
        } = self.prove(way, new)?;
        // Only now: where the key may not be asked for, nothing is touched.
        crate::sync::remove_leftovers(&vault::spool_directory(io.directory))?;
        storage::finish_salvage(io.database_file)?;
        let mut answer = self.settle(&mut keys)?;
        if matches!(way, Way::Recovery(_)) && keys.policy() == Policy::Device {
            // Otherwise the next opening would need the organisation again. It may be tried again
            // by the app; meanwhile the records are there.
            let _ = vault::replace_device_slot(&io, &mut keys);
        }
        if keys.is_rotation_due() && keys.next_database.is_none() {
            // Nobody uses the database yet. Where it cannot be done now, it stays due.
            answer = self.rekey(&mut keys).0?;
        }
        let database = self.open_database(&keys, answer)?;
        if first_run {
            vault::finish_creation(io.directory, &mut keys)?;
        }
        // What it cannot delete now, a later opening will.
        let _ = vault::tidy(&io, &mut keys);
        scrub_stack();
        let open = Open::new(database, keys, self.system.clock.monotonic_ms());
        self.note_unsynced(&open);
        Ok(open)
    }

    pub(super) fn open_database(
        &self,
        keys: &VaultKeys,
        answer: DatabaseAnswer,
    ) -> Result<Database> {
        let observers = Arc::clone(&self.observers);
        let news = self.watch.news();
        Database::open(DatabaseOptions {
            path: &self.database_file,
            key: key_of(keys, answer),
            schema: Arc::clone(&self.schema),
            clock: Arc::clone(&self.system.clock),
            entropy: Arc::clone(&self.system.entropy),
            background: Arc::clone(&self.background),
            notices: Arc::new(move |notice| {
                if matches!(notice, Notice::Records(_)) {
                    news.come();
                }
                observers.publish(notice);
            }),
        })
        .map_err(|error| match error.code() {
            // The key is proven, so it is the file: what that means, the decision table says.
            ErrorCode::DatabaseDamaged => vault::database_unreadable(),
            _ => error,
        })
    }
}
