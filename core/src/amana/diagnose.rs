//! Diagnosis: what a support call needs to know of a vault, with a key or without.

use std::path::Path;
use std::sync::Arc;

use super::Amana;
use super::opened::Open;
use super::state::State;
use crate::error::Result;
use crate::model::diagnosis::{Diagnosis, OpenDiagnosis};
use crate::ports::Disk;
use crate::{storage, vault};

/// Looks at a vault's directory without a key, a lock or the key store. Changes nothing, and works
/// while the vault is open, here or in another process. Blocks for a few reads of the disk.
///
/// Every text in it is a word of Amana's own, of SQLite's or of SQLCipher's: no name, no path.
#[must_use]
pub fn diagnose(directory: &Path, disk: &dyn Disk) -> Diagnosis {
    let found = vault::describe(directory);
    Diagnosis {
        amana_version: env!("CARGO_PKG_VERSION"),
        keyring: found.keyring,
        slots: found.slots,
        unsynced: found.unsynced,
        database: storage::header_state(&vault::database_path(directory)),
        files: found.files,
        free_disk: disk.free_bytes(directory),
        quarantined: found.quarantined,
        damaged_copies: found.damaged_copies,
        open: None,
    }
}

impl Amana {
    /// [`diagnose`], and of an unlocked vault also what only that tells. Is no use of the vault: the
    /// idle lock goes on. Reads the disk before it first awaits.
    ///
    /// # Errors
    /// None for a locked vault; otherwise `database_damaged`, where the settings cannot be read.
    pub async fn diagnose(&self) -> Result<Diagnosis> {
        self.diagnose_on(self.diagnose_files()).await
    }

    /// The part of [`Amana::diagnose`] that blocks.
    pub fn diagnose_files(&self) -> Diagnosis {
        diagnose(&self.inner.config.directory, &*self.inner.system.disk)
    }

    /// The part of [`Amana::diagnose`] that only awaits.
    pub async fn diagnose_on(&self, files: Diagnosis) -> Result<Diagnosis> {
        let open = match self.inner.life.now().as_deref() {
            Ok(State::Unlocked(open)) => Some(Arc::clone(open)),
            _ => None,
        };
        Ok(Diagnosis {
            open: match open {
                Some(open) => Some(describe(&open).await?),
                None => None,
            },
            ..files
        })
    }
}

async fn describe(open: &Open) -> Result<OpenDiagnosis> {
    let settings = open.database.settings().await?;
    let outbox = open.database.outbox_counts().await?;
    Ok(OpenDiagnosis {
        cipher_version: settings.cipher_version,
        sqlite_version: settings.sqlite_version,
        settings: settings.settings,
        pending: outbox.pending,
        set_aside: outbox.quarantined,
        integrity: open.held.integrity.status(),
    })
}
