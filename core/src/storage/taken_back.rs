//! What a hub with the last word took, and may have lost with all else: it waits again once that hub is
//! forgotten, or paired anew. A pull that shows it there settles it before it is sent.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value as Json};

use super::errors::MapSqlite;
use super::outbox::{damaged, kind_number};
use crate::error::Result;
use crate::model::change_set::OutboxKind;
use crate::model::ids::{PeerId, PeerKind};

/// Lets all that is noted as taken by a hub wait. What waits of such a record anyway is a later edit: it
/// takes over the columns of the earlier one, with the values from before that, since nobody is known to
/// have it any more.
pub(super) fn wait_again(connection: &Connection, peer: &PeerId) -> Result<()> {
    if peer.kind() == PeerKind::Cloud {
        return Ok(());
    }
    for taken in noted(connection, peer)? {
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
    Ok(())
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
