//! Decides, column by column, what becomes of one pulled record. Pure: no store, no clock.
//!
//! A column that was not changed here takes the peer's value. One that was changed here keeps
//! ours; where the peer changed it too, the ledger gets both. After that the peer's value is the
//! column's base, so that the same pull once more finds nothing new.

use super::same::same;
use crate::model::change_set::{OutboxEntry, OutboxKind, RemoteRow};
use crate::model::merge::{ColumnConflict, MergeInput, MergePlan};
use crate::model::schema::{Column, Role, Table};
use crate::model::value::Value;

/// The merge rule: see [`crate::ports::MergeRule`].
pub fn merge(input: &MergeInput<'_>) -> MergePlan {
    let remote = Incoming::new(input.table, input.remote);
    match (input.outbox, input.local) {
        (Some(entry), _) if entry.kind == OutboxKind::Deleted => MergePlan::KeepTombstone {
            newer: is_newer_than_deleted(input.table, entry, &remote),
        },
        (_, None) => MergePlan::Insert(whole_row(input.table, input.remote, &remote)),
        (None, Some(local)) => merge_clean(local, &remote),
        (Some(entry), Some(local)) => merge_dirty(input.table, local, entry, &remote),
    }
}

/// The peer's values by column position.
struct Incoming<'a>(Vec<Option<&'a Value>>);

impl<'a> Incoming<'a> {
    fn new(table: &Table, row: &'a RemoteRow) -> Self {
        let mut cells = vec![None; table.columns.len()];
        for (position, value) in &row.cells {
            // Position 0 is the id, which is what the row was found by.
            if *position > 0
                && let Some(cell) = cells.get_mut(*position)
            {
                *cell = Some(value);
            }
        }
        Self(cells)
    }

    fn get(&self, position: usize) -> Option<&'a Value> {
        self.0.get(position).copied().flatten()
    }

    /// The cells that came, by position.
    fn present(&self) -> impl Iterator<Item = (usize, &'a Value)> {
        self.0
            .iter()
            .enumerate()
            .filter_map(|(position, cell)| cell.map(|value| (position, value)))
    }
}

/// The version that was deleted here is the one the tombstone's base remembers.
fn is_newer_than_deleted(table: &Table, entry: &OutboxEntry, remote: &Incoming<'_>) -> bool {
    let Some(position) = table.updated_at() else {
        return false;
    };
    let deleted = base_of(entry, position).and_then(Value::as_integer);
    let theirs = remote.get(position).and_then(Value::as_integer);
    matches!((theirs, deleted), (Some(theirs), Some(deleted)) if theirs > deleted)
}

fn whole_row(table: &Table, row: &RemoteRow, remote: &Incoming<'_>) -> Vec<Value> {
    table
        .columns
        .iter()
        .enumerate()
        .map(
            |(position, column)| match (position, remote.get(position)) {
                (0, _) => Value::Text(row.id.as_str().to_owned()),
                (_, Some(value)) => value.clone(),
                (_, None) => neutral(column),
            },
        )
        .collect()
}

/// What an absent cell of a new record holds. A number, a time or a reference is never invented.
fn neutral(column: &Column) -> Value {
    match column.role {
        _ if column.nullable => Value::Null,
        Role::Text => Value::Text(String::new()),
        Role::Bool => Value::Integer(0),
        Role::Json => column.default.clone().map_or(Value::Null, Value::Text),
        _ => Value::Null,
    }
}

fn merge_clean(local: &[Value], remote: &Incoming<'_>) -> MergePlan {
    let cells = remote
        .present()
        .filter(|(position, theirs)| differs(local, *position, theirs))
        .map(|(position, theirs)| (position, theirs.clone()))
        .collect::<Vec<_>>();
    plan(cells, None, Vec::new())
}

fn merge_dirty(
    table: &Table,
    local: &[Value],
    entry: &OutboxEntry,
    remote: &Incoming<'_>,
) -> MergePlan {
    let mut cells = Vec::new();
    let mut conflicts = Vec::new();
    for (position, theirs) in remote.present() {
        let column = &table.columns[position];
        if is_stamp(table, position) {
            continue;
        }
        match base_of(entry, position).filter(|_| is_ours(column)) {
            None if differs(local, position, theirs) => cells.push((position, theirs.clone())),
            None => {}
            Some(base) => {
                let ours = local.get(position).unwrap_or(&Value::Null);
                if !same(column, theirs, ours) && !same(column, theirs, base) {
                    conflicts.push(ColumnConflict {
                        column: position,
                        base: base.clone(),
                        local: ours.clone(),
                        remote: theirs.clone(),
                    });
                }
            }
        }
    }
    if let Some(stamp) = stamp(table, local, entry, remote) {
        cells.push(stamp);
        cells.sort_unstable_by_key(|(position, _)| *position);
    }
    plan(cells, new_base(entry, remote), conflicts)
}

/// The value for `updated_at`, if it must be written. A peer drops a push that is not later than
/// what it has: while a change of ours still stands, ours has to be the later one.
fn stamp(
    table: &Table,
    local: &[Value],
    entry: &OutboxEntry,
    remote: &Incoming<'_>,
) -> Option<(usize, Value)> {
    let position = table
        .updated_at()
        .filter(|position| is_stamp(table, *position))?;
    let theirs = remote.get(position)?;
    let value = match theirs.as_integer() {
        Some(theirs) if ours_stands(table, local, entry, remote) => {
            let ours = local.get(position).and_then(Value::as_integer);
            let later = theirs.saturating_add(1);
            Value::Integer(ours.map_or(later, |ours| ours.max(later)))
        }
        None if ours_stands(table, local, entry, remote) => return None,
        _ => theirs.clone(),
    };
    differs(local, position, &value).then_some((position, value))
}

/// Whether a value changed here is not what the peer has, or was not when it was last seen.
fn ours_stands(table: &Table, local: &[Value], entry: &OutboxEntry, remote: &Incoming<'_>) -> bool {
    entry.base.iter().any(|(position, base)| {
        let Some(column) = table.columns.get(*position) else {
            return false;
        };
        let theirs = remote.get(*position).unwrap_or(base);
        let ours = local.get(*position).unwrap_or(&Value::Null);
        is_ours(column) && !is_stamp(table, *position) && !same(column, ours, theirs)
    })
}

/// The entry's columns with the peer's values as bases, if that changes any.
fn new_base(entry: &OutboxEntry, remote: &Incoming<'_>) -> Option<Vec<(usize, Value)>> {
    let base = entry
        .base
        .iter()
        .map(|(position, base)| (*position, remote.get(*position).unwrap_or(base).clone()))
        .collect::<Vec<_>>();
    (base != entry.base).then_some(base)
}

fn plan(
    cells: Vec<(usize, Value)>,
    base: Option<Vec<(usize, Value)>>,
    conflicts: Vec<ColumnConflict>,
) -> MergePlan {
    if cells.is_empty() && base.is_none() && conflicts.is_empty() {
        return MergePlan::Unchanged;
    }
    MergePlan::Update {
        cells,
        base,
        conflicts,
    }
}

fn base_of(entry: &OutboxEntry, position: usize) -> Option<&Value> {
    entry
        .base
        .iter()
        .find(|(p, _)| *p == position)
        .map(|(_, value)| value)
}

fn differs(local: &[Value], position: usize, theirs: &Value) -> bool {
    local.get(position) != Some(theirs)
}

/// Whether people here edit the column. The times that the server keeps are the server's, and
/// hidden columns are only carried.
fn is_ours(column: &Column) -> bool {
    let servers = column.role == Role::Instant
        && matches!(
            column.name.as_str(),
            "created_at" | "last_modified" | "server_created_at"
        );
    !servers && !column.hidden
}

fn is_stamp(table: &Table, position: usize) -> bool {
    table.updated_at() == Some(position) && table.columns[position].role == Role::Instant
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
