//! Decides, column by column, what becomes of one pulled record. Pure: no store, no clock.
//!
//! A column that was not changed here takes the peer's value. One that was changed here keeps
//! ours; where the peer changed it too, the ledger gets both. After that the peer's value is the
//! column's base, so that the same pull once more finds nothing new.

use std::borrow::Cow;

use super::asked::ask;
use super::same::{as_good_as, same};
use super::verify::verify;
use crate::asking;
use crate::model::change_set::{OutboxEntry, OutboxKind, RemoteRow};
use crate::model::ledger::Kept;
use crate::model::merge::{
    ColumnConflict, Elsewhere, MergeInput, MergePlan, MergeRule, Verdict, VerifyInput,
};
use crate::model::schema::{Column, Role, Schema, Table, TableIndex};
use crate::model::terms::{ConflictPolicy, ConflictRule, RuleQuestion, SyncPolicy, Usual};
use crate::model::value::Value;

/// Merges by the policies of an app's configuration.
pub struct Resolver {
    /// By table index.
    policies: Vec<ConflictPolicy>,
}

impl Resolver {
    /// The policies of all tables.
    pub fn new(schema: &Schema, policy: &SyncPolicy) -> Self {
        let of = |(_, table): (_, &Table)| policy.of_table(&table.name).clone();
        Self {
            policies: schema.tables().map(of).collect(),
        }
    }
}

impl MergeRule for Resolver {
    fn merge<'a>(&self, table: TableIndex, input: &MergeInput<'a>) -> MergePlan<'a> {
        match self.policies.get(usize::from(table.0)) {
            Some(policy) => merge_by(policy, input),
            None => merge(input),
        }
    }

    fn verify(&self, input: &VerifyInput<'_>) -> Verdict {
        verify(input)
    }
}

/// What becomes of a pulled record where the local value stays in a conflict.
pub fn merge<'a>(input: &MergeInput<'a>) -> MergePlan<'a> {
    merge_by(&ConflictPolicy::Local, input)
}

fn merge_by<'a>(policy: &ConflictPolicy, input: &MergeInput<'a>) -> MergePlan<'a> {
    let remote = Incoming::new(input.table, input.remote);
    if is_outdated(input, &remote) {
        return met_too_late(input, &remote);
    }
    match (input.outbox, input.local) {
        (Some(entry), _) if entry.kind == OutboxKind::Deleted => MergePlan::KeepTombstone {
            newer: is_newer_than_deleted(input.table, entry, &remote)
                || is_said_anew(input, &remote),
        },
        (_, None) => MergePlan::Insert(whole_row(input.table, input.remote, &remote)),
        (entry, Some(local)) => {
            let plan = match entry {
                None => merge_clean(local, &remote),
                Some(entry) => merge_dirty(policy, input, local, entry, &remote),
            };
            match policy {
                ConflictPolicy::Rule(rule) => by_rule(rule.as_ref(), input, local, &remote, plan),
                _ => plan,
            }
        }
    }
}

/// Whether another peer has said a later version already.
fn is_outdated(input: &MergeInput<'_>, remote: &Incoming<'_>) -> bool {
    let version = remote.stamp(input.table);
    input
        .elsewhere
        .is_some_and(|elsewhere| elsewhere.outdates(version))
}

/// Whether the peer with the last word says another version than it said before. It may be older than
/// the one that was held of another peer's, and is unknown here all the same.
fn is_said_anew(input: &MergeInput<'_>, remote: &Incoming<'_>) -> bool {
    let version = remote.stamp(input.table);
    let elsewhere = input.elsewhere.filter(|other| other.last_word);
    elsewhere.is_some_and(|other| other.said.is_some() && version != other.said)
}

/// A version that is older than what another peer has said, of the peer with the last word, and unknown
/// here: it was written there by somebody, over whose values what waits here will go. They are told.
fn met_too_late(input: &MergeInput<'_>, remote: &Incoming<'_>) -> MergePlan<'static> {
    let version = remote.stamp(input.table);
    let is_unknown = |other: Elsewhere| other.last_word && version != other.said;
    let (Some(entry), Some(local), true) = (
        input.outbox,
        input.local,
        input.elsewhere.is_some_and(is_unknown),
    ) else {
        return MergePlan::Unchanged;
    };
    let changed = entry.base.iter().filter_map(|(position, base)| {
        let column = input.table.columns.get(*position)?;
        let (theirs, ours) = (remote.get(*position)?, local.get(*position)?);
        let is_edit = is_ours(column) && !is_stamp(input.table, *position);
        let differs = !as_good_as(column, theirs, base) && !as_good_as(column, theirs, ours);
        (is_edit && differs).then(|| ColumnConflict {
            column: *position,
            base: base.clone(),
            local: ours.clone(),
            remote: theirs.clone(),
            kept: Kept::Local,
            unanswered: false,
        })
    });
    let conflicts: Vec<_> = match entry.kind {
        OutboxKind::Deleted => Vec::new(),
        OutboxKind::Created | OutboxKind::Updated => changed.collect(),
    };
    if conflicts.is_empty() {
        return MergePlan::Unchanged;
    }
    let theirs = |position: usize| conflicts.iter().find(|c| c.column == position);
    let base = entry.base.iter().map(|(position, base)| {
        let base = theirs(*position).map_or(base, |conflict| &conflict.remote);
        (*position, base.clone())
    });
    let base = Some(base.collect());
    plan(Vec::new(), base, conflicts)
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

    /// The version.
    fn stamp(&self, table: &Table) -> Option<i64> {
        self.get(table.updated_at()?)?.as_integer()
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

fn whole_row<'a>(table: &Table, row: &RemoteRow, remote: &Incoming<'a>) -> Vec<Cow<'a, Value>> {
    table
        .columns
        .iter()
        .enumerate()
        .map(
            |(position, column)| match (position, remote.get(position)) {
                (0, _) => Cow::Owned(Value::Text(row.id.as_str().to_owned())),
                (_, Some(value)) => Cow::Borrowed(value),
                (_, None) => Cow::Owned(neutral(column)),
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

fn merge_clean(local: &[Value], remote: &Incoming<'_>) -> MergePlan<'static> {
    let cells = remote
        .present()
        .filter(|(position, theirs)| differs(local, *position, theirs))
        .map(|(position, theirs)| (position, theirs.clone()))
        .collect::<Vec<_>>();
    plan(cells, None, Vec::new())
}

fn merge_dirty(
    policy: &ConflictPolicy,
    input: &MergeInput<'_>,
    local: &[Value],
    entry: &OutboxEntry,
    remote: &Incoming<'_>,
) -> MergePlan<'static> {
    let table = input.table;
    let by_policy = who_stays(policy, table, local, remote);
    let mut cells = Vec::new();
    let mut conflicts = Vec::new();
    // What other peers have taken, and lost or changed, is settled without a policy.
    let mut settled = Vec::new();
    for (position, theirs) in remote.present() {
        let column = &table.columns[position];
        if is_stamp(table, position) {
            continue;
        }
        match base_of(entry, position).filter(|_| is_ours(column)) {
            None if differs(local, position, theirs) => {
                cells.push((position, theirs.clone()));
            }
            None => {}
            Some(base) => {
                let ours = local.get(position).unwrap_or(&Value::Null);
                let held = input.held.iter().find(|held| held.column == position);
                let agreed = held.is_none() && as_good_as(column, theirs, base);
                if as_good_as(column, theirs, ours) || agreed {
                    continue;
                }
                let kept = match held {
                    Some(held) if is_later(table, local, remote) => {
                        // Somebody has changed what the peer had from us, or written over it what
                        // was there before.
                        if as_good_as(column, theirs, &held.before) && !held.sent_again {
                            Kept::Local
                        } else {
                            Kept::Remote
                        }
                    }
                    // The peer has lost it.
                    Some(_) => Kept::Local,
                    None => by_policy,
                };
                let list = match held {
                    Some(_) => &mut settled,
                    None => &mut conflicts,
                };
                list.push(ColumnConflict {
                    column: position,
                    base: base.clone(),
                    local: ours.clone(),
                    remote: theirs.clone(),
                    kept,
                    unanswered: false,
                });
            }
        }
    }
    if let ConflictPolicy::Ask { resolver, .. } = policy {
        let times = (stamp_of(table, local), remote.stamp(table));
        let id = input.remote.id.as_str();
        cells.extend(ask(&**resolver, table, id, &mut conflicts, times));
    }
    conflicts.append(&mut settled);
    conflicts.sort_unstable_by_key(|conflict| conflict.column);
    let taken = conflicts.iter().filter(|c| c.kept == Kept::Remote);
    cells.extend(taken.map(|conflict| (conflict.column, conflict.remote.clone())));
    let entry = &without_lost(entry, &conflicts);
    let mixed = !cells.is_empty();
    if let Some(stamp) = stamp(table, local, entry, remote, mixed) {
        cells.push(stamp);
    }
    cells.sort_unstable_by_key(|(position, _)| *position);
    let lost = conflicts
        .iter()
        .any(|conflict| conflict.kept == Kept::Remote);
    let base = new_base(entry, remote).or_else(|| lost.then(|| entry.base.clone()));
    plan(cells, base, conflicts)
}

fn who_stays(
    policy: &ConflictPolicy,
    table: &Table,
    local: &[Value],
    remote: &Incoming<'_>,
) -> Kept {
    match policy.usual() {
        Usual::Local => Kept::Local,
        Usual::Remote => Kept::Remote,
        Usual::Latest => {
            if is_later(table, local, remote) {
                Kept::Remote
            } else {
                Kept::Local
            }
        }
    }
}

fn is_later(table: &Table, local: &[Value], remote: &Incoming<'_>) -> bool {
    remote.stamp(table) > stamp_of(table, local)
}

/// The version of the stored record.
fn stamp_of(table: &Table, local: &[Value]) -> Option<i64> {
    local.get(table.updated_at()?)?.as_integer()
}

/// The entry without the columns in which the peer's value was taken: nothing of ours is left in
/// them to be sent.
fn without_lost(entry: &OutboxEntry, conflicts: &[ColumnConflict]) -> OutboxEntry {
    let lost = |position: usize| {
        conflicts
            .iter()
            .any(|conflict| conflict.column == position && conflict.kept == Kept::Remote)
    };
    let mut left = entry.clone();
    left.base.retain(|(position, _)| !lost(*position));
    left
}

/// Lets a rule of the app decide what is stored, where anything would be. Where nothing waits to be
/// sent, its answer stays on this device: sent on, the answers of two devices could answer each other
/// for ever.
fn by_rule<'a>(
    rule: &dyn ConflictRule,
    input: &MergeInput<'_>,
    local: &[Value],
    remote: &Incoming<'_>,
    plan: MergePlan<'a>,
) -> MergePlan<'a> {
    let MergePlan::Update {
        cells,
        base,
        mut conflicts,
    } = plan
    else {
        return plan;
    };
    let table = input.table;
    let mut merged = local.to_vec();
    for (position, value) in &cells {
        merged[*position] = value.clone();
    }
    let answer = asking::ask(|| {
        rule.resolve(&RuleQuestion {
            table,
            local,
            remote: &input.remote.cells,
            merged: &merged,
        })
    });
    let Some(answer) = answer.filter(|answer| answer.len() == merged.len()) else {
        for conflict in &mut conflicts {
            conflict.unanswered = true;
        }
        return MergePlan::Update {
            cells,
            base,
            conflicts,
        };
    };
    for (position, value) in answer.into_iter().enumerate() {
        if position > 0 && is_ours(&table.columns[position]) && !is_stamp(table, position) {
            merged[position] = value;
        }
    }
    for conflict in &mut conflicts {
        let column = &table.columns[conflict.column];
        let stays = &merged[conflict.column];
        conflict.kept = if same(column, stays, &conflict.local) {
            Kept::Local
        } else if same(column, stays, &conflict.remote) {
            Kept::Remote
        } else {
            Kept::Rule
        };
    }
    let base = match input.outbox {
        Some(entry) => {
            let left = without_lost(entry, &conflicts);
            if let Some(at) = table.updated_at().filter(|at| is_stamp(table, *at)) {
                // By what stands of ours after the answer.
                merged[at] = local[at].clone();
                let mixed = merged != local;
                if let Some((_, value)) = stamp(table, &merged, &left, remote, mixed) {
                    merged[at] = value;
                }
            }
            let lost = left.base.len() < entry.base.len();
            new_base(&left, remote).or_else(|| lost.then_some(left.base))
        }
        None => base,
    };
    let cells = merged
        .into_iter()
        .enumerate()
        .filter(|(position, value)| local.get(*position) != Some(value))
        .collect();
    MergePlan::Update {
        cells,
        base,
        conflicts,
    }
}

/// The value for `updated_at`, if it must be written. A peer drops a push that is not later than
/// what it has: while a change of ours still stands, ours has to be the later one. So it has where
/// the record becomes another than it was here, `mixed`: another peer may have had that one, and
/// drops this one, when the first peer brings it there, unless it is later.
fn stamp(
    table: &Table,
    local: &[Value],
    entry: &OutboxEntry,
    remote: &Incoming<'_>,
    mixed: bool,
) -> Option<(usize, Value)> {
    let position = table
        .updated_at()
        .filter(|position| is_stamp(table, *position))?;
    let theirs = remote.get(position)?;
    let value = match theirs.as_integer() {
        Some(theirs) if ours_stands(table, local, entry, remote) => {
            let ours = local.get(position).and_then(Value::as_integer);
            let later = theirs.saturating_add(1);
            let ours = ours.map(|ours| ours.saturating_add(i64::from(mixed)));
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
) -> MergePlan<'static> {
    if cells.is_empty() && base.is_none() && conflicts.is_empty() {
        return MergePlan::Unchanged;
    }
    MergePlan::Update {
        cells,
        base,
        conflicts,
    }
}

pub(super) fn base_of(entry: &OutboxEntry, position: usize) -> Option<&Value> {
    entry
        .base
        .iter()
        .find(|(p, _)| *p == position)
        .map(|(_, value)| value)
}

fn differs(local: &[Value], position: usize, theirs: &Value) -> bool {
    local.get(position) != Some(theirs)
}

/// Whether people here edit the column. An id is nobody's to edit, the times that the server keeps are
/// the server's, and hidden columns are only carried.
pub(super) fn is_ours(column: &Column) -> bool {
    let servers = column.role == Role::Instant
        && matches!(
            column.name.as_str(),
            "created_at" | "last_modified" | "server_created_at"
        );
    !servers && !column.hidden && column.role != Role::Id
}

pub(super) fn is_stamp(table: &Table, position: usize) -> bool {
    table.updated_at() == Some(position) && table.columns[position].role == Role::Instant
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
