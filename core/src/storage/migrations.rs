//! Numbered migrations of the bookkeeping tables.

use rusqlite::{Connection, TransactionBehavior};

use super::errors::MapSqlite;
use crate::error::{Error, ErrorCode, Result};

/// In order; the number of the last one is the version. Never edited once released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_bookkeeping.sql"),
    include_str!("migrations/0002_kv.sql"),
];

/// Brings the database to the newest version. A newer one is refused, never downgraded.
pub(super) fn run(connection: &mut Connection) -> Result<()> {
    run_list(connection, MIGRATIONS)
}

/// The version that [`run`] brings a database to.
pub(super) const fn newest() -> usize {
    MIGRATIONS.len()
}

/// Brings a new database to an older version, whose rows it is to take.
pub(super) fn run_to(connection: &mut Connection, version: usize) -> Result<()> {
    match MIGRATIONS.get(..version) {
        Some(migrations) => run_list(connection, migrations),
        None => Err(too_new()),
    }
}

const fn too_new() -> Error {
    Error::new(
        ErrorCode::StorageTooNew,
        "the database was written by a newer version of Amana",
    )
}

fn run_list(connection: &mut Connection, migrations: &[&str]) -> Result<()> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_sqlite()?;
    let version: u32 = transaction
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_sqlite()?;
    let version = version as usize;
    if version > migrations.len() {
        return Err(too_new());
    }
    for migration in &migrations[version..] {
        transaction.execute_batch(migration).map_sqlite()?;
    }
    if version < migrations.len() {
        transaction
            .execute_batch(&format!("PRAGMA user_version = {}", migrations.len()))
            .map_sqlite()?;
    }
    transaction.commit().map_sqlite()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_older_version_is_brought_up_to_date() {
        for from in 0..=MIGRATIONS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            run_list(&mut connection, &MIGRATIONS[..from]).unwrap();
            run(&mut connection).unwrap();
            let version: u32 = connection
                .query_row("PRAGMA user_version", [], |row| row.get(0))
                .unwrap();
            assert_eq!(version as usize, MIGRATIONS.len());
        }
    }

    #[test]
    fn a_newer_version_is_refused_and_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch("PRAGMA user_version = 99")
            .unwrap();
        assert_eq!(
            run(&mut connection).unwrap_err().code(),
            ErrorCode::StorageTooNew
        );
        let version: u32 = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, 99);
    }

    #[test]
    fn a_failing_migration_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        let broken = ["CREATE TABLE a (x); CREATE TABLE a (x);"];
        assert!(run_list(&mut connection, &broken).is_err());
        let tables: u32 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 0);
    }
}
