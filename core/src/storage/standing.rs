//! Where records are, and where the syncs stand: what the app asks.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::errors::MapSqlite;
use super::transaction::Context;
use super::{aside, conflicts, marks, outbox, peers, records};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::OutboxKind;
use crate::model::ids::{PeerId, PeerKind, RecordId};
use crate::model::schema::{Direction, TableIndex};
use crate::model::standing::{
    PeerStatus, PeerSync, RecordStanding, Standing, SyncStatus, TablePending,
};
use crate::model::terms::SyncPolicy;

/// Where one record stands; `not_found` where it is neither stored nor a deletion that waits.
pub(super) fn of_record(
    connection: &Connection,
    context: &Context,
    policy: &SyncPolicy,
    index: TableIndex,
    id: &RecordId,
) -> Result<RecordStanding> {
    let table = context.schema.table(index);
    let (name, id_text) = (table.name.as_str(), id.as_str());
    let stored = records::get(connection, context, index, id)?.is_some();
    let entry = outbox::find(connection, table, id_text)?;
    if !stored && entry.is_none() {
        return Err(Error::new(ErrorCode::NotFound, "there is no such record").at(name));
    }
    let settled = match (policy.last_word, table.direction) {
        (_, Direction::Local) => Standing::HereOnly,
        (PeerKind::Cloud, _) => Standing::InCloud,
        (PeerKind::Hub, _) => Standing::OnHub,
    };
    let mut standing = RecordStanding {
        standing: settled,
        deleted: !stored,
        confirmed: entry.is_none() && is_confirmed(connection, name, id_text)?,
        taken_by: Vec::new(),
        refused_by: Vec::new(),
        absent_since_ms: absent_since(connection, name, id_text)?,
    };
    let Some(entry) = entry else {
        if let Some(since_ms) = standing.absent_since_ms
            && conflicts::was_not_shown(connection, name, id_text, since_ms)?
        {
            standing.standing = Standing::HereOnly;
            standing.confirmed = false;
        }
        return Ok(standing);
    };
    standing.standing = Standing::HereOnly;
    for (peer, _) in peers::all(connection)? {
        let mark = marks::find(connection, &peer, table, id_text)?;
        if mark.is_some_and(|mark| mark.revision == entry.revision.0) {
            standing.standing = standing.standing.max(match peer.kind() {
                PeerKind::Hub => Standing::OnHub,
                PeerKind::Cloud => Standing::InCloud,
            });
            standing.taken_by.push(peer);
        } else if let Some(reason) = refused(connection, &peer, name, id_text, entry.revision.0)? {
            standing.refused_by.push((peer, reason));
        }
    }
    standing.deleted |= entry.kind == OutboxKind::Deleted;
    Ok(standing)
}

/// By the index of records: else all entries of the table would be looked at.
pub(super) const IS_CONFIRMED: &str =
    "SELECT NOT EXISTS (SELECT 1 FROM amana_entry INDEXED BY amana_entry_by_record
       WHERE table_name = ? AND record_id = ? AND state > 0 AND confirmed_ms IS NULL)";

fn is_confirmed(connection: &Connection, table: &str, id: &str) -> Result<bool> {
    connection
        .prepare_cached(IS_CONFIRMED)
        .and_then(|mut statement| statement.query_row([table, id], |row| row.get(0)))
        .map_sqlite()
}

fn absent_since(connection: &Connection, table: &str, id: &str) -> Result<Option<i64>> {
    connection
        .prepare_cached("SELECT since_ms FROM amana_absent WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| {
            statement
                .query_row([table, id], |row| row.get(0))
                .optional()
        })
        .map_sqlite()
}

fn refused(
    connection: &Connection,
    peer: &PeerId,
    table: &str,
    id: &str,
    revision: i64,
) -> Result<Option<String>> {
    connection
        .prepare_cached(
            "SELECT reason FROM amana_aside
               WHERE peer = ? AND table_name = ? AND record_id = ? AND revision = ?
                 AND reason IS NOT NULL",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![peer.as_str(), table, id, revision], |row| {
                    row.get(0)
                })
                .optional()
        })
        .map_sqlite()
}

/// The status of all syncs.
pub(super) fn of_syncs(
    connection: &Connection,
    context: &Context,
    policy: &SyncPolicy,
) -> Result<SyncStatus> {
    let mut known: BTreeMap<PeerId, PeerStatus> = peers::all(connection)?.into_iter().collect();
    // Before the first sync too, the app wants to know what waits for it.
    known.entry(PeerId::cloud()).or_default();
    let peers = known
        .into_iter()
        .map(|(peer, status)| {
            let last_word = peer.kind() == policy.last_word;
            let pending = pending(connection, context, &peer, last_word)?;
            Ok(PeerSync {
                peer,
                status,
                pending,
            })
        })
        .collect::<Result<_>>()?;
    Ok(SyncStatus {
        peers,
        conflicts: conflicts::count(connection)?,
        absent: count(connection, "SELECT count(*) FROM amana_absent")?,
        unconfirmed: count(
            connection,
            "SELECT count(*) FROM amana_sent WHERE confirmed_ms IS NULL AND kind <> 2",
        )?,
        pin_mismatches: 0,
    })
}

fn count(connection: &Connection, sql: &str) -> Result<u64> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
        .map(i64::unsigned_abs)
        .map_sqlite()
}

/// What a peer has not taken, by table.
fn pending(
    connection: &Connection,
    context: &Context,
    peer: &PeerId,
    last_word: bool,
) -> Result<Vec<TablePending>> {
    let taken = if last_word { "" } else { marks::NOT_TAKEN };
    let roots = match peer.kind() {
        PeerKind::Cloud => " AND o.parent_id IS NULL",
        PeerKind::Hub => "",
    };
    let sql = format!(
        "SELECT count(*), count((SELECT 1 FROM amana_aside a
             WHERE a.table_name = o.table_name AND a.record_id = o.record_id AND a.peer = ?5
               AND a.revision = o.revision AND a.reason IS NOT NULL))
           FROM amana_outbox o
          WHERE o.table_name = ?1 AND ?2 IS NULL AND ?3 IS NULL AND ?4 IS NULL{roots}{taken}"
    );
    let mut statement = connection.prepare_cached(&sql).map_sqlite()?;
    let mut found = Vec::new();
    for (_, table) in context.schema.tables() {
        let nothing = rusqlite::types::Null;
        let (pending, quarantined): (i64, i64) = statement
            .query_row(
                params![table.name, nothing, nothing, nothing, peer.as_str()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .map_sqlite()?;
        if pending > 0 {
            found.push(TablePending {
                table: table.name.clone(),
                pending: pending.unsigned_abs(),
                quarantined: quarantined.unsigned_abs(),
            });
        }
    }
    Ok(found)
}

/// Takes one record back from quarantine, and what was refused because of it.
pub(super) fn release(
    tx: &super::transaction::WriteTransaction<'_>,
    index: TableIndex,
    id: &RecordId,
) -> Result<()> {
    let table = tx.context.schema.table(index);
    if !aside::holds(tx.connection, &table.name, id.as_str())? {
        return Err(
            Error::new(ErrorCode::NotFound, "this record was not put aside").at(&*table.name),
        );
    }
    aside::release(tx.connection, &table.name, id.as_str())?;
    records::release_referring(tx, index, id.as_str())
}
