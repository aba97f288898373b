//! What a peer took leaves the outbox, or is marked as taken by that peer alone.

use super::transaction::WriteTransaction;
use super::{aside, holders, marks, origins, outbox, peers, sent};
use crate::error::Result;
use crate::model::change_set::{Acknowledgement, OutboxEntry, OutboxKind};
use crate::model::ids::PeerId;
use crate::model::schema::Table;
use crate::model::terms::PeerTerms;
use crate::model::value::Value;

pub(super) fn acknowledge(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    taken: &[Acknowledgement],
) -> Result<()> {
    let noted = Noted::look(tx, terms)?;
    let is_run = |a: &Acknowledgement, b: &Acknowledgement| {
        a.table == b.table && a.revision < b.revision && is_deletion(a) == is_deletion(b)
    };
    for run in taken.chunk_by(is_run) {
        if !settle_as_it_is(tx, terms, run, &noted)? {
            one_by_one(tx, terms, run, &noted)?;
        }
    }
    Ok(())
}

fn is_deletion(ack: &Acknowledgement) -> bool {
    ack.kind == OutboxKind::Deleted
}

fn one_by_one(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    taken: &[Acknowledgement],
    noted: &Noted,
) -> Result<()> {
    for ack in taken {
        let table = tx.context.schema.table(ack.table);
        // What another sync or the peer's own deletion has ended meanwhile needs nothing more.
        let Some(entry) = outbox::find(tx.connection, table, ack.id.as_str())? else {
            continue;
        };
        if terms.last_word {
            settle(tx, terms, table, entry, ack, noted)?;
        } else {
            marks::take(tx.connection, &terms.id, table, &entry, ack)?;
            if sent::find(tx.connection, table, ack.id.as_str())?.is_some() {
                // It was sent the whole row: with this also what was edited before, and is watched.
                holders::add(
                    tx.connection,
                    &table.name,
                    ack.id.as_str(),
                    terms.id.as_str(),
                )?;
            }
        }
    }
    Ok(())
}

/// What there is to look at for each row: with thousands of rows, one look for all saves most.
struct Noted {
    others: bool,
    refused: bool,
    marks: bool,
}

impl Noted {
    fn look(tx: &WriteTransaction<'_>, terms: &PeerTerms) -> Result<Self> {
        let connection = tx.connection;
        Ok(Self {
            others: peers::has_others(connection, &terms.id)?,
            refused: aside::any(connection)?,
            marks: marks::any(connection)?,
        })
    }
}

/// Takes entries of a table between the first and the last revision of a piece all at once, in place.
/// False, with nothing done, where anything is different from when they were collected, or other
/// entries lie between them, or more is to be noted of one.
fn settle_as_it_is(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    run: &[Acknowledgement],
    noted: &Noted,
) -> Result<bool> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return Ok(true);
    };
    let is_plain = !(noted.others || noted.refused || noted.marks);
    if !terms.last_word || !is_plain {
        return Ok(false);
    }
    let table = tx.context.schema.table(first.table);
    let between = (first.revision, last.revision);
    let deletions = is_deletion(first);
    if !outbox::is_exactly(tx.connection, table, between, deletions, run)? {
        return Ok(false);
    }
    sent::take_between(tx.connection, &terms.id, table, between, deletions)?;
    Ok(true)
}

/// Takes an entry that the peer took at the revision it still has. One that was edited since
/// stays, with what the peer took as the bases: that is what both sides agree on now.
fn settle(
    tx: &WriteTransaction<'_>,
    terms: &PeerTerms,
    table: &Table,
    entry: OutboxEntry,
    ack: &Acknowledgement,
    noted: &Noted,
) -> Result<()> {
    if ack.kind == OutboxKind::Deleted && entry.kind != OutboxKind::Deleted {
        // It was given again meanwhile: the next pull tells of the deletion.
        return Ok(());
    }
    let id = ack.id.as_str();
    let was_sent = |position: &usize| ack.changed.contains(position);
    let before: Vec<_> = match ack.kind {
        OutboxKind::Created | OutboxKind::Updated => {
            let mut before = entry.base.clone();
            if noted.marks {
                // Who has heard of an earlier edit from another peer writes that one back.
                before.append(&mut marks::held(tx.connection, table, ack)?);
            }
            before.retain(|(position, _)| was_sent(position));
            before
        }
        OutboxKind::Deleted => Vec::new(),
    };
    sent::take(tx.connection, &terms.id, table, ack, before)?;
    if noted.others {
        let holders = marks::holders(tx.connection, table, ack)?;
        holders::begin(tx.connection, &table.name, id, &holders)?;
    }
    if entry.revision != ack.revision {
        if entry.kind == OutboxKind::Deleted || ack.sent.is_empty() {
            return Ok(());
        }
        let sent = |position: usize| ack.sent.get(position).cloned();
        let base: Vec<(usize, Value)> = entry
            .base
            .into_iter()
            // From now on the peer has this one, in whosever place.
            .filter(|(position, _)| *position > 0)
            .map(|(position, base)| (position, sent(position).unwrap_or(base)))
            .collect();
        return outbox::set_base(tx.connection, table, id, &base);
    }
    if noted.others {
        let deleted = entry.kind == OutboxKind::Deleted;
        let sent = table
            .updated_at()
            .and_then(|at| ack.sent.get(at)?.as_integer());
        let version = sent.or_else(|| version_deleted(table, &entry));
        let peer = &terms.id;
        // What was not made here, or the cloud has had, the cloud has said, and not this peer alone.
        let is_known = entry.kind == OutboxKind::Updated;
        let before = version.filter(|_| is_known);
        origins::put(tx, peer, &table.name, id, version, deleted, before)?;
        if deleted {
            bury_along(tx, terms, &table.name, id)?;
        } else if noted.marks && marks::find(tx.connection, &PeerId::cloud(), table, id)?.is_some()
        {
            origins::note_said(tx.connection, &table.name, id, version)?;
        }
    }
    if noted.refused {
        aside::forget(tx.connection, &table.name, id)?;
    }
    if noted.marks {
        marks::forget(tx.connection, &table.name, id)?;
    }
    match entry.kind {
        OutboxKind::Deleted => outbox::remove_along(tx.connection, &table.name, id),
        OutboxKind::Created | OutboxKind::Updated => Ok(()),
    }
}

/// The peer removed the children with their parent; another peer may still have them.
fn bury_along(tx: &WriteTransaction<'_>, terms: &PeerTerms, table: &str, id: &str) -> Result<()> {
    for (child, child_id) in outbox::taken_along(tx.connection, table, id)? {
        let Some(index) = tx.context.schema.find(&child) else {
            continue;
        };
        let table = tx.context.schema.table(index);
        let entry = outbox::find(tx.connection, table, &child_id)?;
        let version = entry.and_then(|entry| version_deleted(table, &entry));
        origins::put(tx, &terms.id, &child, &child_id, version, true, None)?;
    }
    Ok(())
}

/// The version that a tombstone remembers.
fn version_deleted(table: &Table, entry: &OutboxEntry) -> Option<i64> {
    let at = table.updated_at()?;
    let before = entry.base.iter().find(|(position, _)| *position == at);
    before.and_then(|(_, value)| value.as_integer())
}
