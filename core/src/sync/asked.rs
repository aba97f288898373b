//! Asks an app about the columns that both sides changed, and takes its answer or does without.

use super::same::same;
use crate::asking;
use crate::model::ledger::Kept;
use crate::model::merge::ColumnConflict;
use crate::model::schema::Table;
use crate::model::terms::{Choice, ConflictQuestion, ConflictResolver};
use crate::model::value::Value;

/// Sets what is kept of each conflict. Returns the values that are neither side's, by column position.
pub(super) fn ask(
    resolver: &dyn ConflictResolver,
    table: &Table,
    id: &str,
    conflicts: &mut [ColumnConflict],
    (local_at_ms, remote_at_ms): (Option<i64>, Option<i64>),
) -> Vec<(usize, Value)> {
    if conflicts.is_empty() {
        return Vec::new();
    }
    let question = ConflictQuestion {
        table,
        id,
        columns: conflicts,
        local_at_ms,
        remote_at_ms,
    };
    let answer = asking::ask(|| resolver.resolve(&question))
        .and_then(Result::ok)
        .filter(|choices| choices.len() == conflicts.len());
    let Some(choices) = answer else {
        for conflict in conflicts {
            conflict.unanswered = true;
        }
        return Vec::new();
    };
    let made = conflicts.iter_mut().zip(choices);
    made.filter_map(|(conflict, choice)| take(table, conflict, choice))
        .collect()
}

fn take(table: &Table, conflict: &mut ColumnConflict, choice: Choice) -> Option<(usize, Value)> {
    let column = &table.columns[conflict.column];
    let value = match choice {
        Choice::Usual => return None,
        Choice::Local => conflict.local.clone(),
        Choice::Remote => conflict.remote.clone(),
        Choice::Value(value) => value,
    };
    conflict.kept = if same(column, &value, &conflict.local) {
        Kept::Local
    } else if same(column, &value, &conflict.remote) {
        Kept::Remote
    } else {
        Kept::Rule
    };
    (conflict.kept == Kept::Rule).then_some((conflict.column, value))
}
