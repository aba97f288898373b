//! Opens keyed connections, with the settings that every one of them needs, and proves encryption.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::errors::MapSqlite;
use super::key;
use crate::error::{Error, ErrorCode, Result};
use crate::secret::DatabaseKey;

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// The writer; creates the file.
    Write,
    /// A reader; the file exists.
    Read,
    /// The reader of what waits for nobody: look-ups by id and key-value reads.
    ReadAtOnce,
}

/// How long a statement waits for another connection's short lock.
const BUSY_TIMEOUT_MS: u32 = 5_000;
/// Statements kept prepared on a connection: a handful for each table.
const STATEMENT_CACHE: usize = 256;

/// Opens a connection. There is no way to open one without a key.
pub(super) fn open(path: &Path, key: &DatabaseKey, access: Access) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if access == Access::Write {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
        make_private(path)?;
    }
    key::initialize()?;
    let connection = Connection::open_with_flags(path, flags).map_sqlite()?;
    key::apply(&connection, key)?;
    // Before the first read: how pages are authenticated is part of how they are decrypted.
    connection
        .execute_batch(
            "PRAGMA cipher_log_level = NONE; PRAGMA cipher_hmac_algorithm = HMAC_SHA256;",
        )
        .map_sqlite()?;
    assert_cipher(&connection)?;
    // The first read. A wrong key and a damaged file look the same here; which it is, the vault
    // knows from its key-check value.
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_sqlite()?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA temp_store = MEMORY;
             PRAGMA secure_delete = ON;
             PRAGMA trusted_schema = OFF;
             PRAGMA journal_size_limit = 4194304;",
        )
        .map_sqlite()?;
    connection
        .execute_batch(&format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}"))
        .map_sqlite()?;
    // Else a statement is planned anew each time a value is bound that it compares.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_sqlite()?;
    match access {
        Access::Write => set_cache_kib(&connection, WRITER_CACHE_KIB)?,
        Access::Read | Access::ReadAtOnce => {
            let kib = if access == Access::Read {
                READER_CACHE_KIB
            } else {
                AT_ONCE_CACHE_KIB
            };
            set_cache_kib(&connection, kib)?;
            connection
                .execute_batch("PRAGMA query_only = ON;")
                .map_sqlite()?;
        }
    }
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(connection)
}

/// Makes the file, empty, for its owner alone: SQLite gives its journals the same mode.
fn make_private(path: &Path) -> Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map(|_| ())
        .map_err(|error| match error.kind() {
            ErrorKind::StorageFull => {
                Error::new(ErrorCode::StorageFull, "no space left for the database")
            }
            _ => Error::new(
                ErrorCode::StorageBusy,
                "the database file cannot be read or written",
            ),
        })
}

/// A reader's page cache, filled as pages are read. A page costs far more to decrypt than to keep.
const READER_CACHE_KIB: u32 = 6 * 1024;
/// The page cache for look-ups: besides the pages of the records it holds the index of ids of some
/// 100,000 records, of which each look-up needs one page.
const AT_ONCE_CACHE_KIB: u32 = 12 * 1024;
/// The writer's page cache between large applies: for the outbox and the index of ids, of which a
/// push and a batch of edits need all.
pub(super) const WRITER_CACHE_KIB: u32 = 8 * 1024;
/// The writer's page cache while a pull is applied: bulk inserts gain much from it.
pub(super) const APPLY_CACHE_KIB: u32 = 16 * 1024;

/// Sizes the page cache.
pub(super) fn set_cache_kib(connection: &Connection, kib: u32) -> Result<()> {
    connection
        .execute_batch(&format!("PRAGMA cache_size = -{kib};"))
        .map_sqlite()
}

/// How a connection's commits reach the disk.
#[derive(Clone, Copy)]
pub(super) enum Commits {
    /// A commit is on the disk before it returns.
    OnDisk,
    /// A commit can be lost with the power, never half of it, nor one that others build on: the next
    /// that is on the disk takes it along. For what would only be done once more.
    Soon,
}

/// Chooses between the two, from the next transaction on.
pub(super) fn set_commits(connection: &Connection, commits: Commits) -> Result<()> {
    connection
        .execute_batch(match commits {
            Commits::OnDisk => "PRAGMA synchronous = FULL",
            Commits::Soon => "PRAGMA synchronous = NORMAL",
        })
        .map_sqlite()
}

/// After how many pages in the log a commit moves it into the file; SQLite's own default.
pub(super) const CHECKPOINT_PAGES: u32 = 1_000;

/// Lets commits move the log into the file, at so many pages; never, at 0.
pub(super) fn set_checkpoint_pages(connection: &Connection, pages: u32) -> Result<()> {
    connection
        .execute_batch(&format!("PRAGMA wal_autocheckpoint = {pages}"))
        .map_sqlite()
}

/// A build without SQLCipher would take the key, ignore it and write plaintext.
fn assert_cipher(connection: &Connection) -> Result<()> {
    let version = connection.query_row("PRAGMA cipher_version", [], |row| row.get::<_, String>(0));
    match version {
        Ok(version) if !version.is_empty() => Ok(()),
        _ => Err(Error::new(
            ErrorCode::NotEncrypted,
            "this build has no database encryption",
        )),
    }
}

/// Whether every page that this connection has read so far could be decrypted. SQLCipher hands out
/// zeros for one that could not; at the end of a long value SQLite does not notice.
pub(super) fn is_sound(connection: &Connection) -> Result<bool> {
    connection
        .query_row("PRAGMA cipher_status", [], |row| row.get::<_, String>(0))
        .map(|status| status == "1")
        .map_sqlite()
}

/// The same, for reads whose result is about to be handed out.
pub(super) fn assert_sound(connection: &Connection) -> Result<()> {
    if is_sound(connection)? {
        return Ok(());
    }
    Err(Error::new(
        ErrorCode::DatabaseDamaged,
        "a page of the database cannot be read",
    ))
}

/// What a database that is not encrypted begins with.
pub(super) const PLAINTEXT_HEADER: &[u8; 16] = b"SQLite format 3\0";

/// Looks at the file's first bytes, once something was committed.
pub(super) fn assert_encrypted(path: &Path) -> Result<()> {
    let mut header = [0u8; 16];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut header))
        .map_err(|_| {
            Error::new(
                ErrorCode::DatabaseDamaged,
                "the database file cannot be read",
            )
        })?;
    if header == *PLAINTEXT_HEADER {
        return Err(Error::new(
            ErrorCode::NotEncrypted,
            "the database file is not encrypted",
        ));
    }
    Ok(())
}

/// Moves the write-ahead log into the file and empties it, unless a reader is in the way: then it
/// is moved later. The writer does not wait for a reader.
pub(super) fn checkpoint(connection: &Connection) -> Result<()> {
    connection
        .execute_batch("PRAGMA busy_timeout = 0")
        .map_sqlite()?;
    let done = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    connection
        .execute_batch(&format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}"))
        .map_sqlite()?;
    done.map_sqlite()
}
