//! Applies a pull: every change merged and written, the cursor with them, in one transaction.
//!
//! How a record is merged is decided by the rule it is given; this file only looks up and writes.

use std::sync::Arc;

use super::absent::Seen;
use super::apply_cases::Told;
use super::awaited::Awaited;
use super::buried::{self, Buried};
use super::marks::{self, Mark};
use super::origins::Origin;
use super::records::Inserter;
use super::transaction::WriteTransaction;
use super::{absent, conflicts, origins, outbox, peers, reconcile, records, sent};
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{
    OutboxEntry, OutboxKind, PullReply, RemoteChange, RemoteRow, Revision,
};
use crate::model::hub_rights;
use crate::model::ids::{PeerId, PeerKind};
use crate::model::merge::{MergeInput, MergePlan, MergeRule};
use crate::model::report::ApplyReport;
use crate::model::schema::{Direction, Table, TableIndex};
use crate::model::terms::PeerTerms;
use crate::model::value::Value;
use crate::ports::ChangeSource;

/// How many changes go between two looks at the cancel token.
pub(super) const CANCEL_STRIDE: u64 = 256;

pub(super) fn apply(
    tx: &mut WriteTransaction<'_>,
    terms: &PeerTerms,
    reply: &PullReply,
    source: &mut dyn ChangeSource,
    rule: Arc<dyn MergeRule>,
    cancel: &CancelToken,
) -> Result<ApplyReport> {
    let mut apply = Apply::new(tx, terms, reply, rule)?;
    let mut inserter = None;
    let mut seen = 0u64;
    while let Some(change) = source.next_change()? {
        if seen.is_multiple_of(CANCEL_STRIDE) {
            cancel.check()?;
        }
        seen += 1;
        match change {
            RemoteChange::Upsert(table, row) => apply.upsert(tx, &mut inserter, *table, row)?,
            RemoteChange::Delete(table, id) => apply.delete(tx, *table, id)?,
        }
    }
    reconcile::after_pull(&mut apply, tx, reply.full, cancel)?;
    cancel.check()?;
    Ok(apply.report)
}

/// What is known of a table before the first change, so that most records need no more than one
/// look at what is stored of them.
pub(super) struct TableState {
    /// It has local writes: only there the outbox is looked at.
    pub(super) with_outbox: bool,
    /// Some of them are deletions.
    pub(super) with_deletions: bool,
    /// It has rows that were sent and are watched.
    pub(super) with_sent: bool,
    /// Another record may have the key of one that comes.
    with_keys: bool,
    /// What was deleted in it, where it has keys.
    pub(super) buried: Vec<Buried>,
    /// The reply has it, with rows or without.
    pub(super) listed: bool,
    /// Where it is the child of a table: that table, and the column that refers to it.
    pub(super) parents: Vec<(TableIndex, usize)>,
    is_deleted: Option<usize>,
    /// The last record was new, so the next one is likely to be.
    expect_new: bool,
}

pub(super) struct Apply<'t> {
    pub(super) terms: &'t PeerTerms,
    pub(super) rule: Arc<dyn MergeRule>,
    pub(super) tables: Vec<TableState>,
    /// There are other peers.
    pub(super) others: bool,
    /// One of them, where the cloud has not said anything yet.
    pub(super) told_by_before: Option<PeerId>,
    /// Rights may only be taken away.
    pub(super) limits_rights: bool,
    /// Records are marked as absent.
    pub(super) some_absent: bool,
    awaited: Awaited,
    pub(super) full: bool,
    /// What a pull of everything holds, where that is to be compared with what is stored.
    pub(super) seen: Option<Seen>,
    pub(super) report: ApplyReport,
}

impl<'t> Apply<'t> {
    fn new(
        tx: &WriteTransaction<'_>,
        terms: &'t PeerTerms,
        reply: &PullReply,
        rule: Arc<dyn MergeRule>,
    ) -> Result<Self> {
        let (connection, context) = (tx.connection, tx.context);
        let cloud = peers::status(connection, &PeerId::cloud())?;
        let kind = terms.id.kind();
        let mut any_rows = false;
        let mut tables = Vec::new();
        for (index, table) in context.schema.tables() {
            let filled =
                table.direction != Direction::Local && records::has_any(connection, &table.name)?;
            any_rows |= filled;
            let pushed = table.direction == Direction::Both;
            let buried = buried::all(tx, table)?;
            tables.push(TableState {
                with_outbox: pushed && outbox::has_any(connection, &table.name)?,
                with_deletions: pushed && outbox::has_deletions(connection, &table.name)?,
                with_sent: pushed && sent::has_any(connection, &table.name)?,
                with_keys: !table.natural_key.is_empty() && (filled || !buried.is_empty()),
                buried,
                listed: reply.tables.contains(&index),
                parents: parents(&context.schema, index),
                is_deleted: table.position("is_deleted"),
                expect_new: true,
            });
        }
        Ok(Self {
            terms,
            rule,
            tables,
            others: peers::has_others(connection, &terms.id)?,
            told_by_before: match (kind, cloud.cursor) {
                (PeerKind::Cloud, 0) => peers::any_other(connection, &terms.id)?,
                _ => None,
            },
            limits_rights: kind == PeerKind::Hub && cloud.cursor > 0,
            some_absent: absent::any(connection)?,
            awaited: Awaited::look(tx, &terms.id)?,
            full: reply.full,
            seen: (reply.full && kind == PeerKind::Cloud && any_rows)
                .then(|| Seen::for_records(reply.upserts)),
            report: ApplyReport::default(),
        })
    }

    pub(super) fn state(&self, table: TableIndex) -> &TableState {
        &self.tables[usize::from(table.0)]
    }

    fn upsert<'c>(
        &mut self,
        tx: &mut WriteTransaction<'c>,
        inserter: &mut Option<Inserter<'c>>,
        index: TableIndex,
        remote: &RemoteRow,
    ) -> Result<()> {
        let table = tx.context.schema.table(index);
        if let Some(seen) = &mut self.seen {
            seen.add(index, remote.id.as_str());
        }
        if self.some_absent {
            absent::unmark(tx.connection, &table.name, remote.id.as_str())?;
        }
        if says_deleted(self.state(index), remote) {
            return self.delete(tx, index, &remote.id);
        }
        self.awaited.shown(tx, &self.terms.id, index, &remote.id)?;
        let mut met;
        let remote = if self.state(index).with_keys {
            met = remote.clone();
            if !self.meet_key(tx, index, &mut met)? {
                return Ok(());
            }
            &met
        } else {
            remote
        };
        if self.insert_unseen(tx, inserter, index, remote)? {
            return Ok(());
        }
        let id = remote.id.as_str();
        let local = records::get(tx.connection, tx.context, index, &remote.id)?;
        self.tables[usize::from(index.0)].expect_new = local.is_none();
        if self.limits_rights && hub_rights::are_in(table) {
            return self.take_rights_away(tx, index, local.as_deref(), remote);
        }
        let (entry, mark) = self.entry(tx, index, id)?;
        if local.is_none() && entry.is_none() && self.is_buried(tx, index, remote)? {
            conflicts::record_changed_by_peer(tx, self.terms, table, id, &remote.cells)?;
            self.report.kept_tombstones += 1;
            return Ok(());
        }
        let (seen, held) = match &entry {
            Some(entry) => {
                let stored = local.as_deref().unwrap_or_default();
                let (seen, held) = marks::as_seen(entry, mark.as_ref(), stored);
                (Some(seen), held)
            }
            None => (None, Vec::new()),
        };
        let origin = self.origin(tx, table, id)?;
        let version = stamp(table, &remote.cells);
        let elsewhere = match &origin {
            Some(origin) => self.said_by_another(tx, table, origin),
            None if entry.is_none() => self.held_before(table, local.as_deref(), version),
            None => None,
        };
        let is_news = elsewhere.is_none_or(|other| !other.outdates(version));
        // The same version through another peer tells as much of what was kept as a new one.
        let is_held = elsewhere.is_some_and(|o| version.is_some() && o.updated_at == version);
        let told = match is_news {
            true => Told::News,
            false if is_held => Told::Held,
            false => Told::Older,
        };
        let unheard = is_news && self.is_unheard(tx, (index, id), entry.as_ref())?;
        if self.state(index).with_sent {
            let here = (local.as_deref(), seen.as_ref());
            self.verify(tx, index, here, remote, told)?;
        }
        let plan = self.rule.merge(
            index,
            &MergeInput {
                table,
                local: local.as_deref(),
                outbox: seen.as_ref(),
                remote,
                held: &held,
                elsewhere,
            },
        );
        let row = Pulled {
            index,
            remote,
            local: local.as_deref(),
            entry: entry.as_ref(),
            mark: mark.as_ref(),
            origin: origin.as_ref(),
            is_news,
        };
        let arrived = self.has_arrived(tx, &row, &plan);
        if unheard && arrived.is_none() {
            self.tell_unheard(tx, &row)?;
        }
        self.carry_out(tx, &row, plan)?;
        match arrived {
            Some(not_kept) => self.settle_arrived(tx, &row, &not_kept),
            None => Ok(()),
        }
    }

    /// Inserts a record without a look at what is stored first, where nothing of the table is noted
    /// and a new record is likely: a first pull has no others, and looking costs as much as a good
    /// part of the insert. False where the long way is to be taken; then nothing was done.
    fn insert_unseen<'c>(
        &mut self,
        tx: &mut WriteTransaction<'c>,
        inserter: &mut Option<Inserter<'c>>,
        index: TableIndex,
        remote: &RemoteRow,
    ) -> Result<bool> {
        let state = self.state(index);
        let is_plain = !(state.with_outbox || state.with_sent || self.others || self.limits_rights);
        if !state.expect_new || !is_plain || self.is_buried(tx, index, remote)? {
            return Ok(false);
        }
        let input = MergeInput {
            table: tx.context.schema.table(index),
            local: None,
            outbox: None,
            remote,
            held: &[],
            elsewhere: None,
        };
        let MergePlan::Insert(record) = self.rule.merge(index, &input) else {
            return Ok(false);
        };
        let inserter = match inserter {
            Some(inserter) if inserter.table == index => inserter,
            _ => inserter.insert(Inserter::of(tx.connection, tx.context, index)?),
        };
        if !inserter.insert(&record)? {
            return Ok(false);
        }
        tx.touch(index, remote.id.as_str());
        self.report.inserted += 1;
        Ok(true)
    }

    fn carry_out(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        row: &Pulled<'_>,
        plan: MergePlan<'_>,
    ) -> Result<()> {
        let (index, remote) = (row.index, row.remote);
        let table = tx.context.schema.table(index);
        let id = remote.id.as_str();
        let wrote = match plan {
            MergePlan::Unchanged => {
                self.report.unchanged += 1;
                false
            }
            MergePlan::Insert(record) => {
                records::insert_row(tx.connection, tx.context, index, &record)?;
                tx.touch(index, id);
                self.report.inserted += 1;
                true
            }
            MergePlan::Update {
                cells,
                base,
                conflicts,
            } => {
                for conflict in &conflicts {
                    let versions = (row.local.unwrap_or_default(), &remote.cells[..]);
                    conflicts::record_column(tx, self.terms, table, id, conflict, versions)?;
                }
                self.report.conflicts += conflicts.len() as u64;
                if !cells.is_empty() {
                    records::write_cells(tx.connection, table, id, &cells)?;
                    tx.touch(index, id);
                }
                self.set_base(tx, row, base, &cells)?;
                if cells.is_empty() {
                    self.report.unchanged += 1;
                } else {
                    self.report.updated += 1;
                }
                !cells.is_empty()
            }
            MergePlan::KeepTombstone { newer } => {
                if newer {
                    conflicts::record_changed_by_peer(tx, self.terms, table, id, &remote.cells)?;
                }
                self.report.kept_tombstones += 1;
                return Ok(());
            }
        };
        self.note_origin(tx, row, wrote)
    }

    /// The entry's new bases: in the entry itself for the peer with the last word, in a mark for
    /// others.
    fn set_base(
        &self,
        tx: &mut WriteTransaction<'_>,
        row: &Pulled<'_>,
        base: Option<Vec<(usize, Value)>>,
        cells: &[(usize, Value)],
    ) -> Result<()> {
        let table = tx.context.schema.table(row.index);
        let id = row.remote.id.as_str();
        let Some(entry) = row.entry else {
            return Ok(());
        };
        if !self.terms.last_word {
            let mut local = row.local.unwrap_or_default().to_vec();
            for (position, value) in cells {
                local[*position] = value.clone();
            }
            let followed;
            let mark = match changes_what_waits(table, entry, cells) {
                true => {
                    let revisions = (entry.revision, renew(tx, row)?);
                    let (connection, peer) = (tx.connection, &self.terms.id);
                    // It has said what it holds.
                    marks::follow(connection, peer, table, id, revisions)?;
                    followed = marks::find(connection, peer, table, id)?;
                    followed.as_ref()
                }
                false => row.mark,
            };
            return marks::note_seen(
                tx.connection,
                &self.terms.id,
                table,
                entry,
                mark,
                &local,
                row.remote,
            );
        }
        match base {
            Some(base) if base.is_empty() && entry.kind == OutboxKind::Updated => {
                return outbox::remove(tx.connection, &table.name, id, entry.kind);
            }
            Some(base) => outbox::set_base(tx.connection, table, id, &base)?,
            None => {}
        }
        // Told to the others as well: an edit that only they have, with the time that it had, the peer
        // would drop when they bring it there, and they would take its version in place of it.
        if self.others && changes_what_waits(table, entry, cells) {
            renew(tx, row)?;
        }
        Ok(())
    }

    pub(super) fn entry(
        &self,
        tx: &WriteTransaction<'_>,
        index: TableIndex,
        id: &str,
    ) -> Result<(Option<OutboxEntry>, Option<Mark>)> {
        if !self.state(index).with_outbox {
            return Ok((None, None));
        }
        let table = tx.context.schema.table(index);
        if self.terms.last_word {
            return Ok((outbox::find(tx.connection, table, id)?, None));
        }
        let found = marks::entry_and_mark(tx.connection, &self.terms.id, table, id)?;
        Ok(found.map_or((None, None), |(entry, mark)| (Some(entry), mark)))
    }

    pub(super) fn origin(
        &self,
        tx: &WriteTransaction<'_>,
        table: &Table,
        id: &str,
    ) -> Result<Option<Origin>> {
        if !self.others {
            return Ok(None);
        }
        origins::find(tx.connection, &table.name, id)
    }

    fn note_origin(&self, tx: &WriteTransaction<'_>, row: &Pulled<'_>, wrote: bool) -> Result<()> {
        if !self.others {
            return Ok(());
        }
        let table = tx.context.schema.table(row.index);
        let (name, id) = (table.name.as_str(), row.remote.id.as_str());
        let version = stamp(table, &row.remote.cells);
        // What was changed here has a time that no peer has said.
        let before = table
            .updated_at()
            .filter(|_| row.entry.is_none())
            .and_then(|at| row.local?.get(at)?.as_integer());
        match row.origin {
            _ if wrote => {
                let peer = &self.terms.id;
                origins::put(tx, peer, name, id, version, false, before)
            }
            Some(origin) if origin.peer != self.terms.id.as_str() => {
                // That it is the version which was deleted there says nothing new of the deletion.
                let is_same = version == origin.updated_at && !origin.gone;
                if row.is_news || is_same {
                    origins::forget(tx.connection, name, id)
                } else {
                    origins::note_said(tx.connection, name, id, version)
                }
            }
            // Held since before this peer has said anything.
            None if !row.is_news => self.told_before(tx, row.index, id),
            _ => Ok(()),
        }
    }
}

/// A pulled record with all that is known of it here.
pub(super) struct Pulled<'a> {
    pub(super) index: TableIndex,
    pub(super) remote: &'a RemoteRow,
    pub(super) local: Option<&'a [Value]>,
    pub(super) entry: Option<&'a OutboxEntry>,
    mark: Option<&'a Mark>,
    origin: Option<&'a Origin>,
    /// No other peer has said a later version.
    pub(super) is_news: bool,
}

/// Whether a pull writes something else than what an entry was to bring to the other peers: in its
/// columns, or as the time by which those peers tell which version is the later one.
fn changes_what_waits(table: &Table, entry: &OutboxEntry, cells: &[(usize, Value)]) -> bool {
    let is_entrys = |position: usize| {
        entry.kind == OutboxKind::Created
            || table.updated_at() == Some(position)
            || entry.base.iter().any(|(known, _)| *known == position)
    };
    cells.iter().any(|(position, _)| is_entrys(*position))
}

/// Gives the entry of a record a new revision, since what is stored is not what was sent under the
/// one it has: a peer that takes that one, now or before, does not have this.
fn renew(tx: &mut WriteTransaction<'_>, row: &Pulled<'_>) -> Result<Revision> {
    let table = tx.context.schema.table(row.index);
    let id = row.remote.id.as_str();
    let revision = tx.next_revision();
    outbox::set_revision(tx.connection, table, id, revision)?;
    records::retry_refused(tx, row.index, id)?;
    Ok(revision)
}

/// The version of a pulled record.
pub(super) fn stamp(table: &Table, cells: &[(usize, Value)]) -> Option<i64> {
    let at = table.updated_at()?;
    cells
        .iter()
        .find(|(position, _)| *position == at)
        .and_then(|(_, value)| value.as_integer())
}

/// A hub lists deleted records among the others.
fn says_deleted(state: &TableState, remote: &RemoteRow) -> bool {
    state.is_deleted.is_some_and(|at| {
        remote
            .cells
            .iter()
            .any(|(position, value)| *position == at && value.as_integer() == Some(1))
    })
}

fn parents(schema: &crate::model::schema::Schema, child: TableIndex) -> Vec<(TableIndex, usize)> {
    schema
        .tables()
        .flat_map(|(parent, table)| table.children.iter().map(move |entry| (parent, entry)))
        .filter(|(_, entry)| entry.table == child)
        .map(|(parent, entry)| (parent, entry.column))
        .collect()
}
