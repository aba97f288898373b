//! Whether the peer kept what it said it took. Pure.
//!
//! No server says what it left out: it answers "taken" and keeps the version it had. So the next
//! pull is compared with what was sent, column by column; what is not there goes into the ledger.

use super::merge::{base_of, is_ours, is_stamp};
use super::same::{as_good_as, is_empty};
use crate::model::change_set::OutboxKind;
use crate::model::ledger::Kept;
use crate::model::merge::{ColumnConflict, Verdict, VerifyInput};
use crate::model::value::Value;

pub(super) fn verify(input: &VerifyInput<'_>) -> Verdict {
    match (input.sent.kind, input.local) {
        (OutboxKind::Deleted, None) => Verdict::StillThere,
        // Made again, or deleted since: what was sent before says nothing any more.
        (OutboxKind::Deleted, Some(_)) | (_, None) => Verdict::Unclear,
        (OutboxKind::Updated, Some(local)) => edited(input, local),
        (OutboxKind::Created, Some(local)) => made(input, local),
    }
}

/// An edit: the columns that it changed. Once it was seen to be kept, only a value from before
/// it, or before one of those that led to it, is suspicious: whoever writes that back may not have
/// known of the edit. Where updates are not announced any value is: hardly anybody can have known of it.
fn edited(input: &VerifyInput<'_>, local: &[Value]) -> Verdict {
    let columns = input.sent.changed.iter().filter_map(|watched| {
        let position = watched.column;
        let column = input.table.columns.get(position)?;
        let theirs = cell(input, position)?;
        let sent = local.get(position)?;
        // Edited once more: the merge looks at it.
        let edited_again = input
            .outbox
            .is_some_and(|entry| base_of(entry, position).is_some());
        let relevant = is_ours(column) && !is_stamp(input.table, position) && !edited_again;
        let is_old = |before: &Value| as_good_as(column, theirs, before);
        let lost = !as_good_as(column, theirs, sent)
            && (!input.sent.confirmed
                || !input.table.updates_announced
                || watched.before.iter().any(is_old));
        let before = watched.before.first()?;
        (relevant && lost).then(|| not_kept(position, before, sent, theirs))
    });
    verdict(columns.collect())
}

/// A new record: all of it, unless somebody has changed it since. Of one that others may make under the
/// same key, a later change is suspicious too: whoever made it may not have known of ours, and no server
/// tells.
fn made(input: &VerifyInput<'_>, local: &[Value]) -> Verdict {
    let Some(stamp) = input.table.updated_at() else {
        return Verdict::Unclear;
    };
    let unedited = input.sent.changed.is_empty();
    let made_elsewhere = !input.table.natural_key.is_empty();
    let sent_at = match input.outbox {
        None => local.get(stamp),
        // The time of the edit stands there now; until a pull the time of its making is as it was sent.
        Some(_) if unedited && !input.sent.confirmed => input
            .table
            .position("created_at")
            .and_then(|at| local.get(at)),
        Some(_) => None,
    };
    let changed = sent_at.is_none() || cell(input, stamp) != sent_at;
    if changed && !made_elsewhere {
        // What was edited before it was first sent, another peer may have had in an older version.
        return if unedited {
            Verdict::Unclear
        } else {
            edited(input, local)
        };
    }
    let columns = input.table.columns.iter().enumerate();
    let columns = columns.filter_map(|(position, column)| {
        let theirs = cell(input, position)?;
        let sent = local.get(position)?;
        // Where nothing was sent, and nothing emptied, the server may put what it likes; at what was
        // edited since, the merge looks.
        let mut watched = input.sent.changed.iter();
        let watched = watched.find(|watched| watched.column == position);
        let relevant = column.pushed
            && is_ours(column)
            && position != stamp
            && !(is_empty(sent) && watched.is_none())
            && input
                .outbox
                .is_none_or(|entry| base_of(entry, position).is_none());
        let before = watched.and_then(|watched| watched.before.first());
        (relevant && !as_good_as(column, theirs, sent))
            .then(|| not_kept(position, before.unwrap_or(&Value::Null), sent, theirs))
    });
    verdict(columns.collect())
}

fn cell<'a>(input: &VerifyInput<'a>, position: usize) -> Option<&'a Value> {
    let mut cells = input.remote.cells.iter();
    cells
        .find(|(found, _)| *found == position)
        .map(|(_, value)| value)
}

fn not_kept(position: usize, before: &Value, sent: &Value, theirs: &Value) -> ColumnConflict {
    ColumnConflict {
        unanswered: false,
        column: position,
        base: before.clone(),
        local: sent.clone(),
        remote: theirs.clone(),
        kept: Kept::Remote,
    }
}

fn verdict(columns: Vec<ColumnConflict>) -> Verdict {
    if columns.is_empty() {
        Verdict::Kept
    } else {
        Verdict::NotKept(columns)
    }
}
