//! Numbered migrations of the bookkeeping tables.

use rusqlite::{Connection, TransactionBehavior};

use super::errors::MapSqlite;
use crate::error::{Error, ErrorCode, Result};

/// In order; the number of the last one is the version. Never edited once released.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_bookkeeping.sql"),
    include_str!("migrations/0002_kv.sql"),
    include_str!("migrations/0003_peers.sql"),
    include_str!("migrations/0004_tokens.sql"),
    include_str!("migrations/0005_refused_before.sql"),
    include_str!("migrations/0006_entries.sql"),
    include_str!("migrations/0007_holders.sql"),
    include_str!("migrations/0008_sent_again.sql"),
    include_str!("migrations/0009_ledger_by_record.sql"),
    include_str!("migrations/0010_at_hub.sql"),
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
    fn what_was_put_aside_before_there_were_several_peers_stays_so_for_the_cloud() {
        let mut connection = Connection::open_in_memory().unwrap();
        run_list(&mut connection, &MIGRATIONS[..2]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO amana_outbox (table_name, record_id, kind, revision, base, quarantine)
                   VALUES ('patients', 'a', 0, 7, '{}', 'refused'), ('patients', 'b', 1, 8, '{}', NULL);
                 INSERT INTO amana_peer (peer, url, cursor) VALUES ('cloud', 'https://a', 5);
                 INSERT INTO amana_conflict (at_ms, kind, table_name, record_id)
                   VALUES (1, 0, 'patients', 'a');",
            )
            .unwrap();
        run(&mut connection).unwrap();
        let aside = connection
            .query_row(
                "SELECT peer || record_id || revision || reason FROM amana_aside",
                [],
                |row| row.get::<_, String>(0),
            )
            .unwrap();
        assert_eq!(aside, "clouda7refused");
        let (outbox, cursor, kept): (i64, i64, i64) = connection
            .query_row(
                "SELECT (SELECT count(*) FROM amana_outbox), (SELECT cursor FROM amana_peer),
                   (SELECT kept FROM amana_conflict)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .unwrap();
        assert_eq!((outbox, cursor, kept), (2, 5, 0));
    }

    #[test]
    fn entries_and_what_was_sent_stay_what_they_were_in_one_table() {
        let mut connection = Connection::open_in_memory().unwrap();
        run_list(&mut connection, &MIGRATIONS[..4]).unwrap();
        connection
            .execute_batch(
                "INSERT INTO amana_outbox
                     (table_name, record_id, kind, revision, base, parent_table, parent_id)
                   VALUES ('visits', 'a', 1, 9, '{\"x\":1}', NULL, NULL),
                     ('events', 'b', 2, 7, '{}', 'visits', 'c'), ('visits', 'c', 2, 8, '{}', NULL, NULL);
                 INSERT INTO amana_sent (table_name, record_id, peer, kind, base, confirmed_ms)
                   VALUES ('visits', 'a', 'cloud', 0, '{}', NULL),
                     ('visits', 'd', 'hub:1', 1, '{\"y\":2}', 5);",
            )
            .unwrap();
        run(&mut connection).unwrap();
        let lines = |sql: &str| -> Vec<String> {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.collect::<rusqlite::Result<_>>().unwrap()
        };
        let waiting = lines(
            "SELECT concat_ws(' ', revision, table_name, record_id, kind, base, parent_table, parent_id)
               FROM amana_outbox ORDER BY revision",
        );
        assert_eq!(
            waiting,
            [
                "7 events b 2 {} visits c",
                "8 visits c 2 {}",
                r#"9 visits a 1 {"x":1}"#
            ]
        );
        let sent = lines(
            "SELECT concat_ws(' ', table_name, record_id, peer, kind, base, confirmed_ms)
               FROM amana_sent ORDER BY record_id",
        );
        assert_eq!(
            sent,
            ["visits a cloud 0 {}", r#"visits d hub:1 1 {"y":2} 5"#]
        );
        let states = lines("SELECT group_concat(state, '' ORDER BY revision) FROM amana_entry");
        assert_eq!(states, ["21000"], "what was sent comes before all writes");
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
