//! Opens more connections to a database that is open: one whose page did not decrypt is of no use any
//! more, and the look at every page has a connection of its own. Holds the key until the database is
//! closed, as SQLCipher itself does.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use super::connection::{self, Access};
use crate::error::{Error, ErrorCode, Result};
use crate::secret::DatabaseKey;

/// Where the database is, and its key.
pub(super) struct Opener {
    path: PathBuf,
    key: Mutex<Option<DatabaseKey>>,
}

impl Opener {
    pub(super) fn new(path: PathBuf, key: &DatabaseKey) -> Self {
        Self {
            path,
            key: Mutex::new(Some(DatabaseKey::from_bytes(key.expose()))),
        }
    }

    /// A connection that reads. `locked` once the database is closed.
    pub(super) fn reader(&self) -> Result<Connection> {
        match &*self.key.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(key) => connection::open(&self.path, key, Access::Read),
            None => Err(Error::new(ErrorCode::Locked, "the vault is locked")),
        }
    }

    /// Drops the key.
    pub(super) fn forget(&self) {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Replaces a connection that met a page which did not decrypt: what it reads from now on would be
    /// zeros.
    pub(super) fn heal(&self, connection: &mut Connection) {
        if !connection::is_sound(connection).unwrap_or(false)
            && let Ok(fresh) = self.reader()
        {
            *connection = fresh;
        }
    }
}
