//! Applies a pull: every change merged and written, the cursor with them, in one transaction.
//!
//! How a record is merged is decided by the rule it is given; this file only looks up and writes.

use super::transaction::WriteTransaction;
use super::{conflicts, outbox, records};
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{OutboxEntry, OutboxKind, RemoteChange, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::merge::{MergeInput, MergePlan};
use crate::model::report::ApplyReport;
use crate::model::schema::{Direction, TableIndex};
use crate::model::value::Value;
use crate::ports::{ChangeSource, MergeRule};

/// How many changes go between two looks at the cancel token.
const CANCEL_STRIDE: u64 = 256;

pub(super) fn apply(
    tx: &mut WriteTransaction<'_>,
    source: &mut dyn ChangeSource,
    merge: MergeRule,
    cancel: &CancelToken,
) -> Result<ApplyReport> {
    let mut apply = Apply {
        merge,
        with_outbox: Vec::new(),
        report: ApplyReport::default(),
    };
    for (_, table) in tx.context.schema.tables() {
        let written_here =
            table.direction == Direction::Both && outbox::has_any(tx.connection, &table.name)?;
        apply.with_outbox.push(written_here);
    }
    let mut seen = 0u64;
    while let Some(change) = source.next_change()? {
        if seen.is_multiple_of(CANCEL_STRIDE) {
            cancel.check()?;
        }
        seen += 1;
        match change {
            RemoteChange::Upsert(table, row) => apply.upsert(tx, table, &row)?,
            RemoteChange::Delete(table, id) => apply.delete(tx, table, &id)?,
        }
    }
    cancel.check()?;
    Ok(apply.report)
}

struct Apply {
    merge: MergeRule,
    /// Tables that have local writes: only there the outbox is looked at.
    with_outbox: Vec<bool>,
    report: ApplyReport,
}

impl Apply {
    fn entry(
        &self,
        tx: &WriteTransaction<'_>,
        table: TableIndex,
        id: &str,
    ) -> Result<Option<OutboxEntry>> {
        if !self.with_outbox[usize::from(table.0)] {
            return Ok(None);
        }
        outbox::find(tx.connection, tx.context.schema.table(table), id)
    }

    fn upsert(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        remote: &RemoteRow,
    ) -> Result<()> {
        let table = tx.context.schema.table(index);
        let id = remote.id.as_str();
        let local = records::get(tx.connection, tx.context, index, &remote.id)?;
        let entry = self.entry(tx, index, id)?;
        let input = MergeInput {
            table,
            local: local.as_deref(),
            outbox: entry.as_ref(),
            remote,
        };
        match (self.merge)(&input) {
            MergePlan::Unchanged => self.report.unchanged += 1,
            MergePlan::Insert(record) => {
                records::insert_row(tx.connection, tx.context, index, &record)?;
                tx.touch(index, id);
                self.report.inserted += 1;
            }
            MergePlan::Update {
                cells,
                base,
                conflicts,
            } => {
                for conflict in &conflicts {
                    conflicts::record_column(tx.connection, tx.context, table, id, conflict)?;
                }
                self.report.conflicts += conflicts.len() as u64;
                if let Some(base) = base {
                    outbox::set_base(tx.connection, table, id, &base)?;
                }
                if cells.is_empty() {
                    self.report.unchanged += 1;
                } else {
                    records::write_cells(tx.connection, table, id, &cells)?;
                    tx.touch(index, id);
                    self.report.updated += 1;
                }
            }
            MergePlan::KeepTombstone { newer } => {
                if newer {
                    conflicts::record_changed_by_peer(
                        tx.connection,
                        tx.context,
                        table,
                        id,
                        &remote.cells,
                    )?;
                }
                self.report.kept_tombstones += 1;
            }
        }
        Ok(())
    }

    /// The peer deleted a record: it goes, with its children, whatever was edited here; the edits
    /// go into the ledger.
    fn delete(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        id: &RecordId,
    ) -> Result<()> {
        let children = records::descendants(tx.connection, tx.context, index, id.as_str())?;
        if self.remove(tx, index, id)? {
            self.report.deleted += 1;
        }
        for (child, child_id) in children {
            if let Some(child_id) = RecordId::from_peer(&child_id)
                && self.remove(tx, child, &child_id)?
            {
                self.report.cascaded += 1;
            }
        }
        Ok(())
    }

    fn remove(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        id: &RecordId,
    ) -> Result<bool> {
        let table = tx.context.schema.table(index);
        let stored: Option<Vec<Value>> = records::get(tx.connection, tx.context, index, id)?;
        if let Some(entry) = self.entry(tx, index, id.as_str())? {
            if let (Some(stored), true) = (&stored, entry.kind != OutboxKind::Deleted) {
                conflicts::record_lost_edits(
                    tx.connection,
                    tx.context,
                    table,
                    stored,
                    id.as_str(),
                )?;
                self.report.lost_edits += 1;
            }
            outbox::remove(tx.connection, &table.name, id.as_str())?;
        }
        if stored.is_none() {
            return Ok(false);
        }
        records::remove_row(tx.connection, tx.context, index, id.as_str())?;
        tx.touch(index, id.as_str());
        Ok(true)
    }
}
