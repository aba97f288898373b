//! What a pull tells by what it does not hold: rows that were sent and did not come back, and, where
//! everything was asked for, records that are gone or only absent. A table that it leaves out as a whole
//! tells nothing.

use super::apply::{Apply, CANCEL_STRIDE};
use super::transaction::WriteTransaction;
use super::{absent, conflicts, origins, records, sent};
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::OutboxKind;
use crate::model::ids::RecordId;
use crate::model::schema::{Direction, TableIndex};

pub(super) fn after_pull(
    apply: &mut Apply<'_>,
    tx: &mut WriteTransaction<'_>,
    full: bool,
    cancel: &CancelToken,
) -> Result<()> {
    not_come_back(apply, tx, full)?;
    sweep(apply, tx, cancel)
}

/// Rows that the peer took, and that are not among what changed at it since: it dropped them.
fn not_come_back(apply: &mut Apply<'_>, tx: &WriteTransaction<'_>, full: bool) -> Result<()> {
    let context = tx.context;
    for (index, table) in context.schema.tables() {
        if table.direction != Direction::Both || !apply.state(index).listed {
            continue;
        }
        for (id, row) in sent::unconfirmed(tx.connection, &apply.terms.id, table)? {
            // Where updates are not announced, nor is a new one that was there before its last edit.
            let may_be_update = row.kind == OutboxKind::Updated || !row.changed.is_empty();
            if may_be_update && !table.updates_announced && !full {
                continue;
            }
            if row.kind == OutboxKind::Deleted {
                // Nothing is heard of a deletion that was carried out.
                let now_ms = context.clock.now_ms();
                sent::settle(tx.connection, &apply.terms.id, &table.name, &id, now_ms)?;
                continue;
            }
            sent::forget(tx.connection, &table.name, &id)?;
            let Some(id) = RecordId::from_peer(&id) else {
                continue;
            };
            let stored = records::get(tx.connection, context, index, &id)?;
            // Deleted since is deleted.
            if let Some(stored) = stored {
                // Until it comes after all, the app is told that nobody else has it.
                let now_ms = context.clock.now_ms();
                absent::mark(tx.connection, &table.name, id.as_str(), now_ms)?;
                apply.some_absent = true;
                conflicts::record_not_come_back(tx, apply.terms, table, &stored, &row)?;
                apply.report.not_kept += 1;
            }
        }
    }
    Ok(())
}

/// Records that a pull of everything did not hold are gone in tables that the peer's history limit
/// leaves whole. In all others they may just be old: they are kept and marked.
fn sweep(apply: &mut Apply<'_>, tx: &mut WriteTransaction<'_>, cancel: &CancelToken) -> Result<()> {
    let Some(seen) = apply.seen.take() else {
        return Ok(());
    };
    let context = tx.context;
    let now_ms = context.clock.now_ms();
    for (index, table) in context.schema.tables() {
        // Own rows were replaced as a whole.
        let is_own = table.direction == Direction::Local || table.own_rows_only.is_some();
        if is_own || !apply.state(index).listed {
            continue;
        }
        let mut from = Some(i64::MIN);
        while let Some(start) = from {
            cancel.check()?;
            let some = (start, CANCEL_STRIDE);
            let unseen = absent::unseen(tx.connection, index, table, &seen, some)?;
            from = unseen.next;
            for id in unseen.ids {
                if !table.whole_history {
                    if absent::mark(tx.connection, &table.name, &id, now_ms)? {
                        apply.report.absent += 1;
                    }
                    apply.told_before(tx, index, &id)?;
                } else if let Some(id) = RecordId::from_peer(&id)
                    && apply.remove(tx, index, &id)?
                {
                    apply.report.gone += 1;
                }
            }
        }
    }
    Ok(())
}

impl Apply<'_> {
    /// What is here before the cloud has said anything was told by others, and the cloud may not have it.
    pub(super) fn told_before(
        &self,
        tx: &WriteTransaction<'_>,
        index: TableIndex,
        id: &str,
    ) -> Result<()> {
        let (Some(other), Some(id)) = (&self.told_by_before, RecordId::from_peer(id)) else {
            return Ok(());
        };
        let table = tx.context.schema.table(index);
        let stored = records::get(tx.connection, tx.context, index, &id)?;
        let version = stored.and_then(|record| record.get(table.updated_at()?)?.as_integer());
        origins::put(tx, other, &table.name, id.as_str(), version, false, None)
    }
}
