//! What waits, and has arrived all the same: a pull shows that the peer with the last word holds it, by a
//! push whose reply was lost, or by the hand of somebody who wrote the same. Sent once more it would be
//! nothing new there, and the next pull would not hold it, as if it had been dropped. Nor would it where
//! the peer has made something else of a new record, which is told as after a push that was heard.

use super::acknowledge::acknowledge;
use super::apply::{Apply, Pulled};
use super::transaction::WriteTransaction;
use super::{conflicts, natural_key, outbox, records, sent};
use crate::error::Result;
use crate::model::change_set::{Acknowledgement, OutboxEntry, OutboxKind};
use crate::model::merge::{ColumnConflict, MergePlan, SentRow, Verdict, VerifyInput, Watched};
use crate::model::schema::TableIndex;

impl Apply<'_> {
    /// Whether the peer holds what it would be sent, as far as a pull after that could tell: then the
    /// columns of a new record in which it has kept something else, at the time that it was sent with.
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
                changed: entry.base.iter().cloned().map(Watched::from).collect(),
                confirmed: false,
            },
            remote: row.remote,
        });
        match verdict {
            Verdict::Kept => Some(Vec::new()),
            // Of a new record that is all of it only where it is the version that is here.
            Verdict::NotKept(columns)
                if entry.kind == OutboxKind::Created
                    && columns.iter().all(|of| !is_ours(of.column)) =>
            {
                Some(columns)
            }
            Verdict::NotKept(_) | Verdict::StillThere | Verdict::Unclear => None,
        }
    }

    /// Whether a record is a new one that was edited, and that the peer is not known to have taken.
    pub(super) fn is_unheard(
        &self,
        tx: &WriteTransaction<'_>,
        (index, id): (TableIndex, &str),
        entry: Option<&OutboxEntry>,
    ) -> Result<bool> {
        let is_new = |entry: &&OutboxEntry| entry.kind == OutboxKind::Created;
        let edited = entry.filter(is_new).is_some_and(|e| !e.base.is_empty());
        let table = tx.context.schema.table(index);
        Ok(self.terms.last_word && edited && sent::find(tx.connection, table, id)?.is_none())
    }

    /// The peer has such a record as it was before the edit: where nothing was edited its values are taken
    /// now, and those of ours of which it made something else are told.
    pub(super) fn tell_unheard(
        &mut self,
        tx: &WriteTransaction<'_>,
        row: &Pulled<'_>,
    ) -> Result<()> {
        let table = tx.context.schema.table(row.index);
        let verdict = self.rule.verify(&VerifyInput {
            table,
            local: row.local,
            outbox: row.entry,
            sent: &SentRow {
                kind: OutboxKind::Created,
                changed: Vec::new(),
                confirmed: false,
            },
            remote: row.remote,
        });
        match verdict {
            Verdict::NotKept(columns) => self.tell(tx, row, &columns),
            Verdict::Kept | Verdict::StillThere | Verdict::Unclear => Ok(()),
        }
    }

    fn tell(
        &mut self,
        tx: &WriteTransaction<'_>,
        row: &Pulled<'_>,
        not_kept: &[ColumnConflict],
    ) -> Result<()> {
        let (table, id) = (tx.context.schema.table(row.index), row.remote.id.as_str());
        for column in not_kept {
            let versions = (row.local.unwrap_or_default(), &row.remote.cells[..]);
            conflicts::record_not_kept(tx, self.terms, table, id, column, versions)?;
        }
        self.report.not_kept += 1;
        Ok(())
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
        if !not_kept.is_empty() {
            self.tell(tx, row, not_kept)?;
            return sent::forget(tx.connection, &table.name, id);
        }
        if let Some(sent) = sent::find(tx.connection, table, id)? {
            sent::confirm(
                tx.connection,
                &self.terms.id,
                table,
                id,
                &sent.row,
                tx.context.clock.now_ms(),
            )?;
        }
        Ok(())
    }
}
