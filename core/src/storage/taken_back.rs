//! What a hub with the last word took, and may have lost with all else: it waits again once that hub is
//! forgotten, or paired anew, unless the cloud has said since that it has it. A pull that shows it there
//! settles it before it is sent.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value as Json};

use super::errors::MapSqlite;
use super::outbox::{base_from_json, damaged, kind_number, kind_of};
use super::transaction::WriteTransaction;
use super::{origins, outbox, peers, records};
use crate::error::Result;
use crate::model::change_set::{OutboxEntry, OutboxKind};
use crate::model::ids::{PeerId, PeerKind, RecordId};

/// How long new records and deletions are kept after a pull has shown them at the hub: a clinic may be
/// without a line for weeks. An edit is watched for a day, and kept no longer: by then others have edited
/// what came of it.
const KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Lets all that a hub took wait. What waits of such a record anyway is a later edit: it takes over the
/// columns of the earlier one, with the values from before that, since nobody is known to have it any more.
pub(super) fn wait_again(tx: &mut WriteTransaction<'_>, peer: &PeerId) -> Result<()> {
    if peer.kind() == PeerKind::Cloud {
        return Ok(());
    }
    let connection = tx.connection;
    let knows_cloud = peers::status(connection, &PeerId::cloud())?.cursor > 0;
    // The cloud has not said what the hub has of it.
    let may_be_lost = |table: &str, id: &str| -> Result<bool> {
        let origin = origins::find(connection, table, id)?;
        Ok(!knows_cloud || origin.is_some_and(|origin| origin.peer == peer.as_str()))
    };
    for taken in noted(connection, peer)? {
        if !may_be_lost(&taken.table, &taken.id)? {
            continue;
        }
        match waiting(connection, &taken)? {
            None => connection.execute(
                "UPDATE amana_entry SET state = 0, base = ?, peer = NULL, confirmed_ms = NULL
                   WHERE table_name = ? AND revision = ?",
                params![base(&taken, None)?, taken.table, taken.revision],
            ),
            Some(later) if later.kind == DELETED || taken.kind == DELETED => continue,
            Some(later) => connection.execute(
                "UPDATE amana_entry SET kind = ?, base = ? WHERE table_name = ? AND revision = ?",
                params![
                    taken.kind.min(later.kind),
                    base(&taken, Some(&later))?,
                    later.table,
                    later.revision
                ],
            ),
        }
        .map_sqlite()?;
    }
    for kept in kept(connection, peer)? {
        if may_be_lost(&kept.table, &kept.id)? {
            let_wait(tx, &kept)?;
        }
    }
    Ok(())
}

/// What is stored of the record is what is sent of it, with whatever was edited since.
fn let_wait(tx: &mut WriteTransaction<'_>, kept: &Kept) -> Result<()> {
    let context = tx.context;
    let found = context.schema.find(&kept.table);
    let (Some(index), Some(id)) = (found, RecordId::from_peer(&kept.id)) else {
        return Ok(());
    };
    let table = context.schema.table(index);
    let is_stored = records::get(tx.connection, context, index, &id)?.is_some();
    let waiting = outbox::find(tx.connection, table, id.as_str())?;
    let kind = kind_of(kept.kind)?;
    // Deleted since, or there again.
    if is_stored == (kind == OutboxKind::Deleted) {
        return Ok(());
    }
    let entry = match (kind, waiting) {
        (OutboxKind::Deleted, Some(_)) => return Ok(()),
        (_, Some(later)) => OutboxEntry { kind, ..later },
        (_, None) => OutboxEntry {
            kind,
            revision: tx.next_revision(),
            base: match kind {
                OutboxKind::Deleted => base_from_json(table, &kept.base)?,
                OutboxKind::Created | OutboxKind::Updated => Vec::new(),
            },
        },
    };
    outbox::put(tx.connection, table, id.as_str(), &entry, None)
}

/// Keeps a new record or a deletion of which a hub's pull has told that the hub has it.
pub(super) fn keep(connection: &Connection, table: &str, id: &str, now_ms: i64) -> Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO amana_at_hub
               (table_name, record_id, peer, kind, base, confirmed_ms)
             SELECT table_name, record_id, peer, kind, base, ?3
               FROM amana_entry INDEXED BY amana_entry_by_record
              WHERE table_name = ?1 AND record_id = ?2 AND state > 0 AND kind <> 1
                AND peer IS NOT NULL",
        )
        .and_then(|mut statement| statement.execute(params![table, id, now_ms]))
        .map(|_| ())
        .map_sqlite()
}

/// Keeps the new records that were watched until now, and forgets what was kept for long.
pub(super) fn forget_old(
    connection: &Connection,
    watched_before_ms: i64,
    now_ms: i64,
) -> Result<()> {
    // A look through all entries.
    if !peers::has_others(connection, &PeerId::cloud())? {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO amana_at_hub
               (table_name, record_id, peer, kind, base, confirmed_ms)
             SELECT table_name, record_id, peer, kind, base, confirmed_ms FROM amana_entry
              WHERE state = 2 AND confirmed_ms < ? AND kind = 0 AND peer IS NOT NULL",
        )
        .and_then(|mut statement| statement.execute([watched_before_ms]))
        .map_sqlite()?;
    connection
        .prepare_cached("DELETE FROM amana_at_hub WHERE confirmed_ms < ?")
        .and_then(|mut statement| statement.execute([now_ms.saturating_sub(KEPT_MS)]))
        .map(|_| ())
        .map_sqlite()
}

struct Kept {
    table: String,
    id: String,
    kind: i64,
    base: String,
}

fn kept(connection: &Connection, peer: &PeerId) -> Result<Vec<Kept>> {
    let mut statement = connection
        .prepare(
            "SELECT table_name, record_id, kind, base FROM amana_at_hub
               WHERE peer = ? ORDER BY confirmed_ms",
        )
        .map_sqlite()?;
    let kept = statement
        .query_map([peer.as_str()], |row| {
            Ok(Kept {
                table: row.get(0)?,
                id: row.get(1)?,
                kind: row.get(2)?,
                base: row.get(3)?,
            })
        })
        .map_sqlite()?;
    kept.collect::<rusqlite::Result<_>>().map_sqlite()
}

const DELETED: i64 = kind_number(OutboxKind::Deleted);

struct Entry {
    table: String,
    id: String,
    revision: i64,
    kind: i64,
    base: String,
}

fn noted(connection: &Connection, peer: &PeerId) -> Result<Vec<Entry>> {
    let mut statement = connection
        .prepare(
            "SELECT table_name, record_id, revision, kind, base FROM amana_entry
               WHERE state > 0 AND peer = ?",
        )
        .map_sqlite()?;
    let entries = statement
        .query_map([peer.as_str()], |row| {
            Ok(Entry {
                table: row.get(0)?,
                id: row.get(1)?,
                revision: row.get(2)?,
                kind: row.get(3)?,
                base: row.get(4)?,
            })
        })
        .map_sqlite()?;
    entries.collect::<rusqlite::Result<_>>().map_sqlite()
}

fn waiting(connection: &Connection, of: &Entry) -> Result<Option<Entry>> {
    connection
        .prepare_cached(
            "SELECT revision, kind, base FROM amana_entry INDEXED BY amana_entry_by_record
               WHERE record_id = ? AND table_name = ? AND state = 0",
        )
        .map_sqlite()?
        .query_row([&of.id, &of.table], |row| {
            Ok(Entry {
                table: of.table.clone(),
                id: of.id.clone(),
                revision: row.get(0)?,
                kind: row.get(1)?,
                base: row.get(2)?,
            })
        })
        .optional()
        .map_sqlite()
}

/// The columns of both, each with the value from before its first change.
fn base(taken: &Entry, later: Option<&Entry>) -> Result<String> {
    let mut all = later.map_or_else(|| Ok(Map::new()), |later| cells(&later.base))?;
    if taken.kind == DELETED {
        return Ok(taken.base.clone());
    }
    for (column, before) in cells(&taken.base)? {
        let first = match before {
            Json::Array(values) => values.into_iter().next().ok_or_else(damaged)?,
            value => value,
        };
        all.insert(column, first);
    }
    Ok(Json::Object(all).to_string())
}

fn cells(text: &str) -> Result<Map<String, Json>> {
    serde_json::from_str(text).map_err(|_| damaged())
}
