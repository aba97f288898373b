//! What waits, and has arrived all the same: a pull shows that the peer with the last word holds it, by a
//! push whose reply was lost, or by the hand of somebody who wrote the same. Sent once more it would be
//! nothing new there, and the next pull would not hold it, as if it had been dropped.

use super::acknowledge::acknowledge;
use super::apply::{Apply, Pulled};
use super::transaction::WriteTransaction;
use super::{conflicts, natural_key, outbox, records, sent};
use crate::error::Result;
use crate::model::change_set::{Acknowledgement, OutboxKind};
use crate::model::merge::{ColumnConflict, MergePlan, SentRow, Verdict, VerifyInput};

impl Apply<'_> {
    /// Whether the peer holds what it would be sent, as far as a pull after that could tell. Of a new
    /// record, as it was sent, with what the peer has made of it: those columns.
    pub(super) fn has_arrived(
        &self,
        tx: &WriteTransaction<'_>,
        row: &Pulled<'_>,
        plan: &MergePlan<'_>,
    ) -> Option<Vec<ColumnConflict>> {
        let (Some(entry), Some(_), true) = (row.entry, row.local, self.terms.last_word) else {
            return None;
        };
        let is_ours = |at: usize| entry.base.iter().any(|(known, _)| *known == at);
        let stays = match plan {
            MergePlan::Unchanged => true,
            MergePlan::Update {
                cells, conflicts, ..
            } => conflicts.is_empty() && cells.iter().all(|(at, _)| !is_ours(*at)),
            MergePlan::Insert(_) | MergePlan::KeepTombstone { .. } => false,
        };
        if !stays || !row.is_news || entry.kind == OutboxKind::Deleted {
            return None;
        }
        // Of what it does not show nobody can tell.
        let table = tx.context.schema.table(row.index);
        let is_shown = |at: usize| row.remote.cells.iter().any(|(shown, _)| *shown == at);
        let mut columns = table.columns.iter().enumerate().skip(1);
        let all_shown = columns.all(|(at, column)| {
            let is_sent = column.pushed && (entry.kind == OutboxKind::Created || is_ours(at));
            !is_sent || is_shown(at) || natural_key::is_kept_by_store(column)
        });
        if !all_shown {
            return None;
        }
        let verdict = self.rule.verify(&VerifyInput {
            table: tx.context.schema.table(row.index),
            local: row.local,
            outbox: None,
            sent: &SentRow {
                kind: entry.kind,
                base: entry.base.clone(),
                confirmed: false,
            },
            remote: row.remote,
        });
        let is_unedited = entry.kind == OutboxKind::Created && entry.base.is_empty();
        match verdict {
            Verdict::Kept => Some(Vec::new()),
            Verdict::NotKept(columns) if is_unedited => Some(columns),
            Verdict::NotKept(_) | Verdict::StillThere | Verdict::Unclear => None,
        }
    }

    /// As if it had been pushed now, and this pull came after.
    pub(super) fn settle_arrived(
        &mut self,
        tx: &WriteTransaction<'_>,
        row: &Pulled<'_>,
        not_kept: &[ColumnConflict],
    ) -> Result<()> {
        let table = tx.context.schema.table(row.index);
        let id = row.remote.id.as_str();
        for column in not_kept {
            let versions = (row.local.unwrap_or_default(), &row.remote.cells[..]);
            conflicts::record_not_kept(tx, self.terms, table, id, column, versions)?;
        }
        self.report.not_kept += u64::from(!not_kept.is_empty());
        let stored = records::get(tx.connection, tx.context, row.index, &row.remote.id)?;
        if let Some(entry) = row.entry {
            // What was there before the edit, not what the merge has made of it.
            outbox::set_base(tx.connection, table, id, &entry.base)?;
        }
        let entry = outbox::find(tx.connection, table, id)?;
        let (Some(stored), Some(entry)) = (stored, entry) else {
            return Ok(());
        };
        let taken = Acknowledgement {
            table: row.index,
            id: row.remote.id.clone(),
            kind: entry.kind,
            changed: entry.base.iter().map(|(at, _)| *at).collect(),
            revision: entry.revision,
            sent: stored,
        };
        acknowledge(tx, self.terms, &[taken])?;
        self.tables[usize::from(row.index.0)].with_sent = true;
        if let Some(sent) = sent::find(tx.connection, table, id)? {
            sent::confirm(
                tx.connection,
                table,
                id,
                &sent.row,
                tx.context.clock.now_ms(),
            )?;
        }
        Ok(())
    }
}
