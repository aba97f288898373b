//! What is put aside: entries that a peer refuses, each for that peer and that revision alone.
//!
//! Without a reason a row here is a suspicion, since the peer refused it while it took nothing else;
//! or, with `known_ms`, the memory of an entry that was put aside before and edited or taken back.

use rusqlite::{Connection, ToSql, params};

use super::errors::MapSqlite;
use super::outbox::{self, damaged};
use super::table_sql::quote;
use crate::error::Result;
use crate::model::change_set::{Acknowledgement, Noted, Refusal, Suspicion};
use crate::model::ids::{PeerId, RecordId};
use crate::model::schema::{Column, Schema, Table, TableIndex};
use crate::model::standing::QuarantinedRecord;

/// The condition that leaves out what is put aside for the peer in `?5` at the time in `?6`. A refusal of
/// later than that is of a clock that was ahead: nobody knows how long it is to rest.
pub(super) const NOT_ASIDE: &str = " AND NOT EXISTS (SELECT 1 FROM amana_aside a
     WHERE a.table_name = o.table_name AND a.record_id = o.record_id AND a.peer = ?5
       AND a.revision = o.revision AND a.reason IS NOT NULL
       AND (a.retry_ms IS NULL OR (a.retry_ms > ?6 AND a.last_ms <= ?6)))";

/// Puts entries aside that still have the revision that was refused.
pub(super) fn put(
    connection: &Connection,
    schema: &Schema,
    peer: &PeerId,
    refusals: &[Refusal],
    now_ms: i64,
) -> Result<()> {
    for refusal in refusals {
        write(connection, schema, peer, &refusal.row, now_ms)?;
        connection
            .prepare_cached(
                "UPDATE amana_aside SET reason = ?, retry_ms = ?,
                   known_ms = coalesce(known_ms, iif(?, last_ms, NULL))
                   WHERE table_name = ? AND record_id = ? AND peer = ?",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    refusal.reason,
                    refusal.retry_ms,
                    refusal.by_peer,
                    schema.table(refusal.row.table).name,
                    refusal.row.id.as_str(),
                    peer.as_str(),
                ])
            })
            .map_sqlite()?;
    }
    Ok(())
}

/// Notes refusals without putting aside.
pub(super) fn suspect(
    connection: &Connection,
    schema: &Schema,
    peer: &PeerId,
    rows: &[Acknowledgement],
    now_ms: i64,
) -> Result<Vec<Suspicion>> {
    rows.iter()
        .map(|row| {
            write(connection, schema, peer, row, now_ms)?;
            connection
                .prepare_cached(
                    "SELECT refusals, first_ms FROM amana_aside
                       WHERE table_name = ? AND record_id = ? AND peer = ?",
                )
                .and_then(|mut statement| {
                    let name = &schema.table(row.table).name;
                    statement.query_row([name, row.id.as_str(), peer.as_str()], |row| {
                        Ok(Suspicion {
                            refusals: row.get(0)?,
                            first_ms: row.get(1)?,
                            now_ms,
                        })
                    })
                })
                .map_sqlite()
        })
        .collect()
}

/// One more refusal; another revision begins to count anew.
fn write(
    connection: &Connection,
    schema: &Schema,
    peer: &PeerId,
    row: &Acknowledgement,
    now_ms: i64,
) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO amana_aside
               (peer, table_name, record_id, revision, refusals, first_ms, last_ms)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5)
             ON CONFLICT DO UPDATE SET last_ms = ?5,
               refusals = CASE WHEN revision = ?4 THEN refusals + 1 ELSE 1 END,
               first_ms = CASE WHEN revision = ?4 THEN min(first_ms, ?5) ELSE ?5 END,
               reason = CASE WHEN revision = ?4 THEN reason END,
               retry_ms = CASE WHEN revision = ?4 THEN retry_ms END,
               revision = ?4",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                peer.as_str(),
                schema.table(row.table).name,
                row.id.as_str(),
                row.revision.0,
                now_ms,
            ])
        })
        .map(|_| ())
        .map_sqlite()
}

/// Whether anything is put aside for a peer.
pub(super) fn has_any(connection: &Connection, peer: &PeerId) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_aside WHERE peer = ? AND reason IS NOT NULL)",
        )
        .and_then(|mut statement| statement.query_row([peer.as_str()], |row| row.get(0)))
        .map_sqlite()
}

/// Whether a record is put aside for any peer.
pub(super) fn holds(connection: &Connection, table: &str, id: &str) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_aside
               WHERE table_name = ? AND record_id = ? AND reason IS NOT NULL)",
        )
        .and_then(|mut statement| statement.query_row([table, id], |row| row.get(0)))
        .map_sqlite()
}

/// What is known when a push begins: whether anything waits; the new records that are put aside for
/// the peer, which it has never taken; all that it ever refused and did not take since.
pub(super) fn noted(
    connection: &Connection,
    schema: &Schema,
    peer: &PeerId,
    now_ms: i64,
) -> Result<Noted> {
    let mut statement = connection
        .prepare_cached(
            "SELECT o.table_name, o.record_id, a.known_ms IS NOT NULL,
                    a.revision = o.revision AND a.reason IS NOT NULL
                      AND o.kind = 0
                      AND (a.retry_ms IS NULL OR (a.retry_ms > ?2 AND a.last_ms <= ?2))
               FROM amana_aside a CROSS JOIN amana_entry o INDEXED BY amana_entry_by_record
             WHERE o.record_id = a.record_id AND o.table_name = a.table_name AND o.state = 0
               AND a.peer = ?1",
        )
        .map_sqlite()?;
    let mut rows = statement
        .query(params![peer.as_str(), now_ms])
        .map_sqlite()?;
    let mut noted = Noted {
        waits: outbox::waits(connection)?,
        newest: outbox::newest(connection, schema)?,
        ..Noted::default()
    };
    while let Some(row) = rows.next().map_sqlite()? {
        let (table, id): (String, String) = (row.get(0).map_sqlite()?, row.get(1).map_sqlite()?);
        let (Some(table), Some(id)) = (schema.find(&table), RecordId::from_peer(&id)) else {
            continue;
        };
        if row.get(2).map_sqlite()? {
            noted.refused.push((table, id.clone()));
        }
        if row.get(3).map_sqlite()? {
            noted.missing.push((table, id));
        }
    }
    Ok(noted)
}

/// Whether anything is noted of any entry.
pub(super) fn any(connection: &Connection) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_aside)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}

/// Forgets what was noted of an entry.
pub(super) fn forget(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM amana_aside WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}

/// Takes an entry back, for every peer. That a peer refused it is remembered until it takes it.
pub(super) fn release(connection: &Connection, table: &str, id: &str) -> Result<()> {
    let which = "table_name = ?1 AND record_id = ?2";
    release_where(connection, which, &[&table, &id]).map(|_| ())
}

/// The same for one peer.
pub(super) fn release_for(
    connection: &Connection,
    peer: &PeerId,
    table: &str,
    id: &str,
) -> Result<()> {
    let which = "table_name = ?1 AND record_id = ?2 AND peer = ?3";
    release_where(connection, which, &[&table, &id, &peer.as_str()]).map(|_| ())
}

/// The records that are put aside for a peer, and when each was last refused.
pub(super) fn all_of(
    connection: &Connection,
    schema: &Schema,
    peer: &PeerId,
) -> Result<Vec<(TableIndex, RecordId, i64)>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT table_name, record_id, last_ms FROM amana_aside
               WHERE peer = ? AND reason IS NOT NULL",
        )
        .map_sqlite()?;
    let mut rows = statement.query([peer.as_str()]).map_sqlite()?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        let (table, id): (String, String) = (row.get(0).map_sqlite()?, row.get(1).map_sqlite()?);
        if let (Some(table), Some(id)) = (schema.find(&table), RecordId::from_peer(&id)) {
            found.push((table, id, row.get(2).map_sqlite()?));
        }
    }
    Ok(found)
}

/// Takes entries back whose record refers to this one.
pub(super) fn release_referring(
    connection: &Connection,
    table: &Table,
    column: &Column,
    id: &str,
) -> Result<()> {
    let which = format!(
        "table_name = ?1 AND record_id IN (SELECT id FROM {} WHERE {} = ?2)",
        quote(&table.name),
        quote(&column.name)
    );
    release_where(connection, &which, &[&table.name, &id]).map(|_| ())
}

/// Takes everything back that was put aside for a peer, or for all; tells how much.
pub(super) fn release_all(connection: &Connection, peer: Option<&PeerId>) -> Result<u64> {
    let peer = peer.map(PeerId::as_str);
    release_where(connection, "(?1 IS NULL OR peer = ?1)", &[&peer])
}

fn release_where(connection: &Connection, which: &str, values: &[&dyn ToSql]) -> Result<u64> {
    let run = |sql: String| {
        connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.execute(values))
            .map_sqlite()
    };
    let suspected = run(format!(
        "DELETE FROM amana_aside WHERE known_ms IS NULL AND {which}"
    ))?;
    let known = run(format!(
        "UPDATE amana_aside SET reason = NULL, retry_ms = NULL
           WHERE known_ms IS NOT NULL AND reason IS NOT NULL AND {which}"
    ))?;
    Ok((suspected + known) as u64)
}

/// What is put aside, by table and record; at most `limit`.
pub(super) fn list(
    connection: &Connection,
    schema: &Schema,
    limit: u32,
) -> Result<Vec<QuarantinedRecord>> {
    let mut statement = connection
        .prepare_cached(
            "SELECT a.peer, a.table_name, a.record_id, a.reason, a.first_ms, a.retry_ms, o.kind
               FROM amana_aside a
               CROSS JOIN amana_outbox o ON o.table_name = a.table_name AND o.revision = a.revision
              WHERE o.record_id = a.record_id AND a.reason IS NOT NULL
              ORDER BY a.table_name, a.record_id, a.peer LIMIT ?",
        )
        .map_sqlite()?;
    let mut rows = statement.query([limit]).map_sqlite()?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        let (table, record_id): (String, String) =
            (row.get(1).map_sqlite()?, row.get(2).map_sqlite()?);
        let is_new = row.get::<_, i64>(6).map_sqlite()? == 0;
        let waiting = if is_new {
            waiting_for(connection, schema, &table, &record_id)?
        } else {
            0
        };
        let peer: String = row.get(0).map_sqlite()?;
        found.push(QuarantinedRecord {
            peer: PeerId::parse(&peer).map_err(|_| damaged())?,
            reason: row.get(3).map_sqlite()?,
            since_ms: row.get(4).map_sqlite()?,
            retry_at_ms: row.get(5).map_sqlite()?,
            table,
            record_id,
            waiting,
        });
    }
    Ok(found)
}

/// How many records in the outbox refer to this one.
fn waiting_for(connection: &Connection, schema: &Schema, table: &str, id: &str) -> Result<u64> {
    let mut count = 0;
    for (_, other) in schema.tables() {
        let referring = other
            .columns
            .iter()
            .filter(|column| column.references.as_deref() == Some(table));
        for column in referring {
            let sql = format!(
                "SELECT count(*) FROM {} r
                   WHERE r.{} = ?2 AND EXISTS
                     (SELECT 1 FROM amana_entry o INDEXED BY amana_entry_by_record
                       WHERE o.table_name = ?1 AND o.record_id = r.id AND o.state = 0)",
                quote(&other.name),
                quote(&column.name)
            );
            count += connection
                .prepare_cached(&sql)
                .and_then(|mut s| s.query_row([&*other.name, id], |row| row.get::<_, i64>(0)))
                .map_sqlite()?
                .unsigned_abs();
        }
    }
    Ok(count)
}
