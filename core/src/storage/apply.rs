//! Applies a pull: every change merged and written, the cursor with them, in one transaction.
//!
//! How a record is merged is decided by the rule it is given; this file only looks up and writes.

use rusqlite::Statement;

use super::errors::MapSqlite;
use super::transaction::WriteTransaction;
use super::{conflicts, outbox, records, values};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
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
        tables: tx.context.schema.tables().map(|_| None).collect(),
        report: ApplyReport::default(),
    };
    let mut seen = 0u64;
    while let Some(change) = source.next_change()? {
        if seen.is_multiple_of(CANCEL_STRIDE) {
            cancel.check()?;
        }
        seen += 1;
        match change {
            RemoteChange::Upsert(table, row) => apply.upsert(tx, *table, row)?,
            RemoteChange::Delete(table, id) => apply.delete(tx, *table, id)?,
        }
    }
    cancel.check()?;
    Ok(apply.report)
}

struct Apply<'c> {
    merge: MergeRule,
    /// By index; made for those that something comes for.
    tables: Vec<Option<TableApply<'c>>>,
    report: ApplyReport,
}

/// What is known of a table while a pull is applied to it.
struct TableApply<'c> {
    index: TableIndex,
    /// It has local writes: only then the outbox is looked at.
    written_here: bool,
    /// The last record was new, so the next one is likely to be.
    expect_new: bool,
    find: Statement<'c>,
    insert: Statement<'c>,
}

impl<'c> TableApply<'c> {
    fn new(tx: &WriteTransaction<'c>, index: TableIndex) -> Result<Self> {
        let table = tx.context.schema.table(index);
        let sql = tx.context.sql.table(index);
        Ok(Self {
            index,
            written_here: table.direction == Direction::Both
                && outbox::has_any(tx.connection, &table.name)?,
            expect_new: true,
            find: tx.connection.prepare(&sql.find).map_sqlite()?,
            insert: tx.connection.prepare(&sql.insert_new).map_sqlite()?,
        })
    }

    fn entry(&self, tx: &WriteTransaction<'_>, id: &str) -> Result<Option<OutboxEntry>> {
        if !self.written_here {
            return Ok(None);
        }
        outbox::find(tx.connection, tx.context.schema.table(self.index), id)
    }

    /// Inserts a record, unless there is one with its id.
    fn insert(&mut self, record: &[Value]) -> Result<bool> {
        let rows = self.insert.execute(rusqlite::params_from_iter(record));
        rows.map(|rows| rows > 0).map_sqlite()
    }
}

/// The table's state, made at its first change.
fn of<'a, 'c>(
    tables: &'a mut [Option<TableApply<'c>>],
    tx: &WriteTransaction<'c>,
    index: TableIndex,
) -> Result<&'a mut TableApply<'c>> {
    let place = &mut tables[usize::from(index.0)];
    match place {
        Some(table) => Ok(table),
        None => Ok(place.insert(TableApply::new(tx, index)?)),
    }
}

impl<'c> Apply<'c> {
    fn upsert(
        &mut self,
        tx: &mut WriteTransaction<'c>,
        index: TableIndex,
        remote: &RemoteRow,
    ) -> Result<()> {
        let table = tx.context.schema.table(index);
        let id = remote.id.as_str();
        let state = of(&mut self.tables, tx, index)?;
        let entry = state.entry(tx, id)?;
        let mut input = MergeInput {
            table,
            local: None,
            outbox: entry.as_ref(),
            remote,
        };
        // Where a new record is likely it is inserted without a look first: a first pull has
        // nothing else, and looking costs as much as a good part of the insert.
        if state.expect_new
            && entry.is_none()
            && let MergePlan::Insert(record) = (self.merge)(&input)
            && state.insert(&record)?
        {
            tx.touch(index, id);
            self.report.inserted += 1;
            return Ok(());
        }
        let local = values::find(&mut state.find, table, id)?;
        state.expect_new = local.is_none();
        input.local = local.as_deref();
        match (self.merge)(&input) {
            MergePlan::Unchanged => self.report.unchanged += 1,
            MergePlan::Insert(record) => {
                if !state.insert(&record)? {
                    return Err(Error::internal("a pulled record could not be inserted"));
                }
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
        tx: &mut WriteTransaction<'c>,
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
        tx: &mut WriteTransaction<'c>,
        index: TableIndex,
        id: &RecordId,
    ) -> Result<bool> {
        let table = tx.context.schema.table(index);
        let state = of(&mut self.tables, tx, index)?;
        let stored = values::find(&mut state.find, table, id.as_str())?;
        if let Some(entry) = state.entry(tx, id.as_str())? {
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
