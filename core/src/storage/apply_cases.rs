//! Special cases of applying a pulled record: one of which another peer has said something, one that
//! the peer knows by another id, one that holds rights, one whose parent is deleted, one that was
//! sent before.

use super::apply::{Apply, stamp};
use super::origins::Origin;
use super::transaction::WriteTransaction;
use super::{buried, conflicts, holders, natural_key, outbox, records, sent};
use crate::error::Result;
use crate::model::change_set::{OutboxEntry, OutboxKind, RemoteRow};
use crate::model::hub_rights;
use crate::model::ids::{PeerKind, RecordId};
use crate::model::merge::{Elsewhere, Verdict, VerifyInput};
use crate::model::schema::{Table, TableIndex};
use crate::model::value::Value;

/// After what time the peer with the last word need no longer wait for another's version.
const SETTLED_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// What a pulled version is beside what other peers have said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// No other peer has said a later one.
    News,
    /// Another peer has said the same.
    Held,
    /// Another peer has said a later one.
    Older,
}

impl Apply<'_> {
    /// The version that another peer said last, where that counts beside what this one says.
    pub(super) fn said_by_another(
        &self,
        tx: &WriteTransaction<'_>,
        table: &Table,
        origin: &Origin,
    ) -> Option<Elsewhere> {
        // Where updates move no time, versions cannot be compared; and what a hub could not bring
        // to the cloud for a day, a pull of everything settles. The last word counts.
        let now_ms = tx.context.clock.now_ms();
        let age_ms = now_ms.saturating_sub(origin.at_ms);
        // Noted by a clock that was ahead, it can be of any age.
        let old = !(0..=SETTLED_AFTER_MS).contains(&age_ms);
        let counts = !self.terms.last_word || (table.updates_announced && !(self.full && old));
        (origin.peer != self.terms.id.as_str() && counts).then_some(Elsewhere {
            updated_at: origin.updated_at,
            said: origin.said,
            last_word: self.terms.last_word,
        })
    }

    /// The version of a record that is held since before there were several peers, and of which
    /// nothing waits. An older one of a peer without the last word is nothing new.
    pub(super) fn held_before(
        &self,
        table: &Table,
        local: Option<&[Value]>,
        version: Option<i64>,
    ) -> Option<Elsewhere> {
        let at = table
            .updated_at()
            .filter(|_| self.others && !self.terms.last_word)?;
        let held = local?.get(at)?.as_integer()?;
        (version? < held).then_some(Elsewhere {
            updated_at: Some(held),
            said: None,
            last_word: false,
        })
    }

    /// A record under another id than the one that the peer has for the same key. False where it is an
    /// older one beside the one that is held.
    pub(super) fn meet_key(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        remote: &mut RemoteRow,
    ) -> Result<bool> {
        let cell = |position: usize| {
            let found = remote.cells.iter().find(|(p, _)| *p == position);
            found.map(|(_, value)| value.clone())
        };
        let Some(other) = natural_key::holder(tx, index, remote.id.as_str(), cell)? else {
            self.meet_buried(tx, index, remote)?;
            return Ok(true);
        };
        let entry = outbox::find(
            tx.connection,
            tx.context.schema.table(index),
            remote.id.as_str(),
        )?;
        if entry.is_some_and(|entry| entry.kind == OutboxKind::Deleted) {
            // It was deleted here, and that one was given after it: with it, it would be deleted too.
            return Ok(true);
        }
        if !self.terms.last_word {
            // It may have a record of either id; which one counts, the one with the last word says.
            if records::get(tx.connection, tx.context, index, &remote.id)?.is_none() {
                natural_key::compare_as_edit(tx, index, &other, cell)?;
                if let Some(seen) = &mut self.seen {
                    seen.add(index, other.as_str());
                }
                remote.id = other;
            }
            return Ok(true);
        }
        let version = stamp(tx.context.schema.table(index), &remote.cells);
        if self.holds_later(tx, index, &other, version)? {
            self.report.unchanged += 1;
            return Ok(false);
        }
        natural_key::adopt(tx, index, &other, &remote.id, cell)?;
        self.report.adopted += 1;
        // What was adopted may wait now.
        self.tables[usize::from(index.0)].with_outbox = true;
        self.tables[usize::from(index.0)].with_sent = true;
        Ok(true)
    }

    /// Whether a hub has said a later version under the id that is held: it may have a record of the
    /// same key twice, one of them by way of the cloud, where the cloud has one of them only.
    fn holds_later(
        &self,
        tx: &WriteTransaction<'_>,
        index: TableIndex,
        held: &RecordId,
        version: Option<i64>,
    ) -> Result<bool> {
        let table = tx.context.schema.table(index);
        let (Some(version), Some(at), PeerKind::Hub) =
            (version, table.updated_at(), self.terms.id.kind())
        else {
            return Ok(false);
        };
        let said = match self.origin(tx, table, held.as_str())? {
            Some(origin) if origin.peer == self.terms.id.as_str() => origin.updated_at,
            Some(_) => None,
            None if outbox::find(tx.connection, table, held.as_str())?.is_some() => None,
            None => records::get(tx.connection, tx.context, index, held)?
                .and_then(|stored| stored.get(at)?.as_integer()),
        };
        Ok(said.is_some_and(|said| said > version))
    }

    /// A record that holds what was deleted here under another id. One that belongs to a deleted record
    /// is that one's matter; and which id counts, only the peer with the last word says.
    fn meet_buried(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        remote: &RemoteRow,
    ) -> Result<()> {
        let buried = &self.state(index).buried;
        if !self.terms.last_word || !buried::holds_one(tx, index, buried, remote)? {
            return Ok(());
        }
        if self.is_buried(tx, index, remote)? {
            return Ok(());
        }
        buried::bury_as_well(tx, self.terms, index, remote)?;
        let state = &mut self.tables[usize::from(index.0)];
        (state.with_outbox, state.with_deletions) = (true, true);
        Ok(())
    }

    pub(super) fn take_rights_away(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        local: Option<&[Value]>,
        remote: &RemoteRow,
    ) -> Result<()> {
        let table = tx.context.schema.table(index);
        let Some(limited) = hub_rights::limit(table, local, remote) else {
            self.report.refused_rights += 1;
            return Ok(());
        };
        let changes = limited
            .cells
            .iter()
            .any(|(position, value)| local.and_then(|local| local.get(*position)) != Some(value));
        if changes {
            records::write_cells(tx.connection, table, remote.id.as_str(), &limited.cells)?;
            tx.touch(index, remote.id.as_str());
            self.report.updated += 1;
        }
        Ok(())
    }

    /// Whether it belongs to a record that was deleted, and that the peer does not know of yet.
    pub(super) fn is_buried(
        &self,
        tx: &WriteTransaction<'_>,
        index: TableIndex,
        remote: &RemoteRow,
    ) -> Result<bool> {
        for (parent, column) in &self.state(index).parents {
            if !self.state(*parent).with_deletions && !self.others {
                continue;
            }
            let cell = remote.cells.iter().find(|(position, _)| position == column);
            let Some(id) = cell.and_then(|(_, value)| value.as_text()) else {
                continue;
            };
            let parent = tx.context.schema.table(*parent);
            let entry = outbox::find(tx.connection, parent, id)?;
            if entry.is_some_and(|entry| entry.kind == OutboxKind::Deleted) {
                return Ok(true);
            }
            // A hub keeps the children of what was deleted in the cloud.
            if self.terms.last_word {
                continue;
            }
            let origin = self.origin(tx, parent, id)?;
            if origin.is_some_and(|origin| origin.gone && origin.peer != self.terms.id.as_str()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Compares what comes with what was sent before, beside what is stored and waits here.
    pub(super) fn verify(
        &mut self,
        tx: &WriteTransaction<'_>,
        index: TableIndex,
        (local, outbox): (Option<&[Value]>, Option<&OutboxEntry>),
        remote: &RemoteRow,
        told: Told,
    ) -> Result<()> {
        let table = tx.context.schema.table(index);
        let id = remote.id.as_str();
        let Some(mut sent) = sent::find(tx.connection, table, id)? else {
            return Ok(());
        };
        // Another peer cannot confirm it. But one that has not heard of it may undo it; and what is
        // new there takes its place, by the hand of somebody who has not seen it, unless that peer
        // has had it.
        let elsewhere = sent.peer != self.terms.id.as_str();
        let (kind, was_confirmed) = (sent.row.kind, sent.row.confirmed);
        match told {
            Told::Older if elsewhere => return Ok(()),
            // It came back. What is stored is later by now, also of a new record: only the value from
            // before it tells that it was dropped.
            Told::Older => {
                sent.row.confirmed = true;
                if kind == OutboxKind::Created {
                    sent.row.kind = OutboxKind::Updated;
                }
            }
            Told::News | Told::Held if elsewhere => {
                sent.row.confirmed = told == Told::Held
                    || holders::has(tx.connection, &table.name, id, &self.terms.id)?;
            }
            Told::News | Told::Held => {}
        }
        let mut sent = sent.row;
        let verdict = self.rule.verify(&VerifyInput {
            table,
            local,
            outbox,
            sent: &sent,
            remote,
        });
        match verdict {
            Verdict::Kept if elsewhere => {
                return holders::add(tx.connection, &table.name, id, self.terms.id.as_str());
            }
            Verdict::StillThere | Verdict::Unclear if elsewhere => return Ok(()),
            Verdict::Kept => {
                let now_ms = tx.context.clock.now_ms();
                (sent.kind, sent.confirmed) = (kind, was_confirmed);
                return sent::confirm(tx.connection, &self.terms.id, table, id, &sent, now_ms);
            }
            Verdict::Unclear => {}
            Verdict::NotKept(columns) => {
                for column in &columns {
                    let versions = (local.unwrap_or_default(), &remote.cells[..]);
                    conflicts::record_not_kept(tx, self.terms, table, id, column, versions)?;
                }
                self.report.not_kept += 1;
                sent.changed
                    .retain(|watched| columns.iter().all(|of| of.column != watched.column));
                if !sent.changed.is_empty() {
                    // What else was edited stands there, and may still be written over.
                    sent::narrow(tx.connection, table, id, &sent.changed)?;
                    if elsewhere {
                        return Ok(());
                    }
                    sent.confirmed = was_confirmed;
                    let now_ms = tx.context.clock.now_ms();
                    return sent::confirm(tx.connection, &self.terms.id, table, id, &sent, now_ms);
                }
            }
            Verdict::StillThere => {
                conflicts::record_still_there(tx, self.terms, table, id, &remote.cells)?;
                self.report.not_kept += 1;
            }
        }
        sent::forget(tx.connection, &table.name, id)
    }
}
