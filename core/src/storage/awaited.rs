//! Records that were put aside for a peer, by the records that they refer to: a peer refuses what
//! belongs to a record that it does not have yet, such as a patient whom only the hub had. Once the
//! peer shows that record, what was refused because of it has a chance again.

use std::collections::HashMap;

use super::transaction::WriteTransaction;
use super::{aside, origins, records};
use crate::error::Result;
use crate::model::ids::{PeerId, RecordId};
use crate::model::schema::TableIndex;

/// A pull says again what the peer took in the last minutes: that alone is no reason to try what was
/// refused just then.
const NOT_AT_ONCE_MS: i64 = 10 * 60 * 1000;

/// What waits, by table and id of the record that it waits for.
#[derive(Default)]
pub(super) struct Awaited(HashMap<(TableIndex, String), Vec<(TableIndex, String)>>);

impl Awaited {
    /// Looks up what is put aside for a peer; mostly that is nothing.
    pub(super) fn look(tx: &WriteTransaction<'_>, peer: &PeerId) -> Result<Self> {
        let mut awaited = Self::default();
        if !aside::has_any(tx.connection, peer)? {
            return Ok(awaited);
        }
        let schema = &tx.context.schema;
        let now_ms = tx.context.clock.now_ms();
        for (index, id, last_ms) in aside::all_of(tx.connection, schema, peer)? {
            let long_ago = now_ms.saturating_sub(last_ms) >= NOT_AT_ONCE_MS;
            // A deletion has no record, and refers to nothing.
            let Some(row) = records::get(tx.connection, tx.context, index, &id)? else {
                continue;
            };
            for (column, value) in schema.table(index).columns.iter().zip(&row) {
                let parent = column
                    .references
                    .as_deref()
                    .and_then(|name| schema.find(name));
                if let (Some(parent), Some(parent_id)) = (parent, value.as_text())
                    && (long_ago || may_lack(tx, peer, parent, parent_id)?)
                {
                    let waiting = awaited.0.entry((parent, parent_id.to_owned())).or_default();
                    waiting.push((index, id.as_str().to_owned()));
                }
            }
        }
        Ok(awaited)
    }

    /// The peer shows a record: what waits for it is free.
    pub(super) fn shown(
        &mut self,
        tx: &WriteTransaction<'_>,
        peer: &PeerId,
        index: TableIndex,
        id: &RecordId,
    ) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let waiting = self.0.remove(&(index, id.as_str().to_owned()));
        for (table, id) in waiting.unwrap_or_default() {
            let table = &tx.context.schema.table(table).name;
            aside::release_for(tx.connection, peer, table, &id)?;
        }
        Ok(())
    }
}

/// Whether the peer may not have had a record so far: it is not here, or another peer told it.
fn may_lack(tx: &WriteTransaction<'_>, peer: &PeerId, index: TableIndex, id: &str) -> Result<bool> {
    let Some(record) = RecordId::from_peer(id) else {
        return Ok(false);
    };
    if records::get(tx.connection, tx.context, index, &record)?.is_none() {
        return Ok(true);
    }
    let table = &tx.context.schema.table(index).name;
    let origin = origins::find(tx.connection, table, id)?;
    Ok(origin.is_some_and(|origin| origin.peer != peer.as_str()))
}
