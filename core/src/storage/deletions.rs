//! What a peer deleted, while a pull is applied: the record with its children, and all that is noted of
//! them. Edits that are lost by it are in the ledger.

use super::apply::Apply;
use super::sent::{self, Sent};
use super::transaction::WriteTransaction;
use super::{absent, buried, conflicts, marks, origins, outbox, records};
use crate::error::Result;
use crate::model::change_set::OutboxKind;
use crate::model::hub_rights;
use crate::model::ids::RecordId;
use crate::model::schema::TableIndex;

impl Apply<'_> {
    /// The peer deleted a record: it goes, with its children, whatever was edited here; the edits
    /// go into the ledger.
    pub(super) fn delete(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        id: &RecordId,
    ) -> Result<()> {
        let table = tx.context.schema.table(index);
        if self.limits_rights && hub_rights::are_in(table) && !hub_rights::may_delete(table) {
            self.report.refused_rights += 1;
            return Ok(());
        }
        if self.outlives(tx, index, id)? {
            return Ok(());
        }
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

    /// Removes a record and all that is noted of it.
    pub(super) fn remove(
        &mut self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        id: &RecordId,
    ) -> Result<bool> {
        let table = tx.context.schema.table(index);
        let stored = records::get(tx.connection, tx.context, index, id)?;
        let (entry, _) = self.entry(tx, index, id.as_str())?;
        let sent = match self.state(index).with_sent {
            true => sent::find(tx.connection, table, id.as_str())?,
            false => None,
        };
        let was_deleted = |sent: &Sent| sent.row.kind == OutboxKind::Deleted;
        let unconfirmed = sent
            .as_ref()
            .is_some_and(|sent| !sent.row.confirmed && !was_deleted(sent));
        if let Some(stored) = &stored {
            let edited = entry
                .as_ref()
                .is_some_and(|entry| entry.kind != OutboxKind::Deleted);
            if edited || unconfirmed {
                conflicts::record_lost_edits(tx, self.terms, table, stored, id.as_str())?;
                self.report.lost_edits += 1;
            }
        }
        match entry {
            // The one with the last word has yet to be told.
            Some(entry) if entry.kind == OutboxKind::Deleted && !self.terms.last_word => {
                marks::take_deletion(tx.connection, &self.terms.id, table, id.as_str(), &entry)?;
            }
            Some(entry) => outbox::remove(tx.connection, &table.name, id.as_str(), entry.kind)?,
            None => {}
        }
        match sent {
            Some(sent) if was_deleted(&sent) && sent.peer == self.terms.id.as_str() => {
                let now_ms = tx.context.clock.now_ms();
                sent::settle(
                    tx.connection,
                    &self.terms.id,
                    &table.name,
                    id.as_str(),
                    now_ms,
                )?;
            }
            Some(_) => sent::forget(tx.connection, &table.name, id.as_str())?,
            None => {}
        }
        if self.some_absent {
            absent::unmark(tx.connection, &table.name, id.as_str())?;
        }
        let Some(stored) = stored else {
            // Deleted here, and carried out by another peer before: now this one has heard of it too.
            let peer = &self.terms.id;
            let origin = self.origin(tx, table, id.as_str())?;
            if let Some(origin) = origin.filter(|of| of.gone && of.peer != peer.as_str()) {
                let version = origin.updated_at;
                origins::put(tx, peer, &table.name, id.as_str(), version, true, version)?;
            }
            return Ok(false);
        };
        if self.others {
            let version = table.updated_at().and_then(|at| stored[at].as_integer());
            let peer = &self.terms.id;
            origins::put(tx, peer, &table.name, id.as_str(), version, true, version)?;
        }
        records::remove_row(tx.connection, tx.context, index, id.as_str())?;
        tx.touch(index, id.as_str());
        Ok(true)
    }

    /// A record that was given again stays, though the peer deletes the one whose id it has, unless that
    /// peer has seen it. What goes with its parent goes.
    fn outlives(
        &self,
        tx: &mut WriteTransaction<'_>,
        index: TableIndex,
        id: &RecordId,
    ) -> Result<bool> {
        if tx.context.schema.table(index).natural_key.is_empty() {
            return Ok(false);
        }
        let (Some(entry), mark) = self.entry(tx, index, id.as_str())? else {
            return Ok(false);
        };
        if mark.is_some_and(|mark| mark.has_new_one(&entry))
            || buried::takes_place_of(&entry) != Some(id.as_str())
        {
            return Ok(false);
        }
        let Some(stored) = records::get(tx.connection, tx.context, index, id)? else {
            return Ok(false);
        };
        buried::stands_alone(tx, index, &stored)?;
        Ok(true)
    }
}
