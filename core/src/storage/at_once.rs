//! A connection for reads that wait for nobody: key-value reads and look-ups by id.
//!
//! Its snapshot is kept from one read to the next as long as nothing is committed: to begin one costs
//! as much as a good part of a small read. The writer ends it after each commit, so that it never
//! keeps the log from being moved into the file.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

use rusqlite::Connection;

use super::errors::MapSqlite;
use crate::error::{Error, Result};

/// Held by one read at a time, for as long as that takes.
pub(super) struct AtOnce {
    state: Mutex<Result<Reading>>,
    commits: AtomicU64,
}

struct Reading {
    connection: Connection,
    /// How many commits there were when the open snapshot began.
    snapshot: Option<u64>,
}

impl AtOnce {
    pub(super) const fn new(connection: Connection) -> Self {
        Self {
            state: Mutex::new(Ok(Reading {
                connection,
                snapshot: None,
            })),
            commits: AtomicU64::new(0),
        }
    }

    /// Reads what is committed by now.
    pub(super) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut state = self
            .state
            .lock()
            .map_err(|_| Error::internal("a read ended in the middle"))?;
        let reading = state.as_mut().map_err(|why| why.clone())?;
        reading.renew(self.commits.load(Ordering::Acquire))?;
        let result = read(&reading.connection);
        if result.is_err() {
            reading.end();
        }
        result
    }

    /// How many commits there were by now; also moves when the connection is closed.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// Something was committed: to be called before anybody hears of it.
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
        self.let_go();
    }

    /// Ends the snapshot, unless somebody reads: that read's successor will.
    pub(super) fn let_go(&self) {
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if let Ok(reading) = &mut *state {
            reading.end();
        }
    }

    /// Closes the connection, once nobody reads from it. Later reads hear why.
    pub(super) fn close(&self, why: &Error) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.is_ok() {
            *state = Err(why.clone());
        }
        self.commits.fetch_add(1, Ordering::Release);
    }
}

impl Reading {
    /// Makes sure of a snapshot that has at least so many commits.
    fn renew(&mut self, commits: u64) -> Result<()> {
        if self.snapshot == Some(commits) {
            return Ok(());
        }
        self.end();
        self.run("BEGIN")?;
        self.snapshot = Some(commits);
        Ok(())
    }

    fn end(&mut self) {
        if self.snapshot.take().is_some() {
            // A failed read may have ended it already.
            let _ = self.run("COMMIT");
        }
    }

    fn run(&self, sql: &str) -> Result<()> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
            .map(|_| ())
            .map_sqlite()
    }
}
