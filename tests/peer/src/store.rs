//! The database: opening it, its one writer and its many readers.
//!
//! It is always a file in WAL mode, a temporary one if none is named: a pull then reads from
//! one snapshot for as long as its reply takes, and pushes go on meanwhile.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::StartError;

/// The open database.
pub(crate) struct Store {
    path: PathBuf,
    writer: Mutex<Connection>,
}

impl Store {
    /// Opens the file, or a temporary one, and makes missing tables. A temporary file goes
    /// with the directory that is handed out: requests may still hold the store when the
    /// peer ends, and nobody waits for them.
    pub(crate) fn open(
        path: Option<&Path>,
        create_statements: &str,
    ) -> Result<(Self, Option<TempDir>), StartError> {
        let (path, directory) = match path {
            Some(path) => (path.to_owned(), None),
            None => {
                let directory = tempfile::tempdir()?;
                (directory.path().join("peer.db"), Some(directory))
            }
        };
        let writer = Connection::open(&path)?;
        // A test server may lose its data with the host, so it never waits for the disk.
        writer.execute_batch(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA foreign_keys=ON;",
        )?;
        writer.execute_batch(create_statements)?;
        writer.set_prepared_statement_cache_capacity(128);
        let store = Self {
            path,
            writer: Mutex::new(writer),
        };
        Ok((store, directory))
    }

    /// The connection that writes; others wait.
    pub(crate) fn writer(&self) -> MutexGuard<'_, Connection> {
        // A panic while it was held left no half-made state behind: SQLite rolls back.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection that only reads.
    pub(crate) fn reader(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(&self.path, flags)
    }
}
