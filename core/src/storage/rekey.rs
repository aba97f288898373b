//! Gives a closed database another key, and tells whether a key is the right one.
//!
//! For rotation: the keyring says which two keys there are, and this file only does what it is told.

use std::io::ErrorKind;
use std::path::Path;

use super::connection::{self, Access};
use super::errors::MapSqlite;
use super::key;
use crate::error::{Error, ErrorCode, Result};
use crate::secret::DatabaseKey;

/// Whether the key opens the database. A wrong key and a damaged file look the same here.
pub fn opens(path: &Path, key: &DatabaseKey) -> Result<bool> {
    match connection::open(path, key, Access::Read) {
        Ok(_) => Ok(true),
        Err(error) if error.code() == ErrorCode::DatabaseDamaged => Ok(false),
        Err(error) => Err(error),
    }
}

/// How many bytes of free disk [`rekey`] needs: its log grows to the size of the file.
pub fn rekey_needs(path: &Path) -> Result<u64> {
    /// For what the file system and the log's own pages take beside.
    const MARGIN: u64 = 4 << 20;
    let length = |path: &Path| match std::fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(_) => Err(Error::new(
            ErrorCode::StorageBusy,
            "the database file cannot be read or written",
        )),
    };
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    // What is in the log may have to go into the file first.
    let bytes = length(path)?.saturating_add(length(Path::new(&log))?);
    Ok(bytes.saturating_add(bytes / 64).saturating_add(MARGIN))
}

/// Encrypts the database anew. Nobody else may have it open. Takes about as much disk again as the
/// file has, until it is done.
///
/// # Errors
/// `database_damaged` where the old key does not open it; `storage_full`. The old key is then still
/// the right one.
pub fn rekey(path: &Path, old: &DatabaseKey, new: &DatabaseKey) -> Result<()> {
    let connection = connection::open(path, old, Access::Write)?;
    // What is in the log is under the old key.
    connection::checkpoint(&connection)?;
    key::change(&connection, new)?;
    connection::checkpoint(&connection)?;
    connection.close().map_err(|(_, error)| error).map_sqlite()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(byte: u8) -> [u8; 32] {
        [byte; 32]
    }

    #[test]
    fn only_the_new_key_opens_it_afterwards_with_everything_in_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        let (old, new) = (
            DatabaseKey::from_bytes(&key(1)),
            DatabaseKey::from_bytes(&key(2)),
        );
        let connection = connection::open(&path, &old, Access::Write).unwrap();
        connection
            .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7);")
            .unwrap();
        drop(connection);
        assert!(opens(&path, &old).unwrap() && !opens(&path, &new).unwrap());
        rekey(&path, &old, &new).unwrap();
        assert!(opens(&path, &new).unwrap() && !opens(&path, &old).unwrap());
        let connection = connection::open(&path, &new, Access::Read).unwrap();
        let x: i64 = connection
            .query_row("SELECT x FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(x, 7);
        drop(connection);
        let error = rekey(&path, &old, &new).unwrap_err();
        assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
        assert!(opens(&path, &new).unwrap(), "a refusal changes nothing");
    }
}
