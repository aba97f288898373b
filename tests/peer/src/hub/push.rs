//! `sync_push`: read as a whole, then written row by row without a transaction, so that an error
//! in the middle leaves what came before it. Nobody's rights are asked for, no time is compared.

use std::collections::BTreeMap;

use rusqlite::params_from_iter;
use rusqlite::types::Value as Stored;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::app::HubApp;
use super::tables::{self, CREATED, DELETED, MODIFIED, SKIPPED, Table};

/// The data of the command.
#[derive(Debug, Deserialize)]
pub(super) struct PushData {
    changes: ChangeSet,
}

/// The change set by table.
pub(super) type ChangeSet = BTreeMap<String, TableChanges>;

/// One table's lists. All three must be there.
#[derive(Debug, Deserialize)]
pub(super) struct TableChanges {
    created: Vec<Record>,
    updated: Vec<Record>,
    deleted: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Record {
    id: String,
    created_at: i64,
    updated_at: i64,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Reads the data of the command; the error is the reader's own text.
pub(super) fn read(data: Value) -> Result<ChangeSet, String> {
    serde_json::from_value::<PushData>(data)
        .map(|data| data.changes)
        .map_err(|error| error.to_string())
}

/// Writes a change set. The error names the row; rows before it stay.
pub(super) fn write(app: &HubApp, changes: &ChangeSet) -> Result<(), String> {
    let mut row = 0;
    let order = app.push_order(changes.len());
    let tables: Vec<(&String, &TableChanges)> = changes.iter().collect();
    for (name, lists) in order.into_iter().filter_map(|index| tables.get(index)) {
        let known = tables::table(name).filter(|table| !SKIPPED.contains(&table.name));
        let Some(table) = known else {
            continue;
        };
        for record in lists.created.iter().chain(&lists.updated) {
            row += 1;
            let failed = |error: &dyn std::fmt::Display| {
                format!("Upsert failed for {name} id={}: {error}", record.id)
            };
            if app.faults.base().row_must_fail(row) {
                return Err(failed(&"disk I/O error"));
            }
            upsert(app, table, record).map_err(|error| failed(&error))?;
            app.faults.base().wait_after_row(row);
        }
        for id in &lists.deleted {
            row += 1;
            let failed = |error: &dyn std::fmt::Display| {
                format!("Delete failed for {name} id={id}: {error}")
            };
            if app.faults.base().row_must_fail(row) {
                return Err(failed(&"disk I/O error"));
            }
            delete(app, table, id).map_err(|error| failed(&error))?;
            app.faults.base().wait_after_row(row);
        }
    }
    Ok(())
}

/// Updates the columns that are there, or makes the row of them: the last writer wins, and a
/// deletion is not undone.
///
/// The database is locked anew for each row: pushes of several clients interleave.
fn upsert(app: &HubApp, table: &Table, record: &Record) -> rusqlite::Result<()> {
    let now_ms = app.now_ms();
    let mut names = vec!["id", "created_at", "updated_at"];
    let mut values = vec![
        Stored::Text(record.id.clone()),
        Stored::Integer(record.created_at),
        Stored::Integer(record.updated_at),
    ];
    for (name, value) in &record.rest {
        if table.has(name) {
            names.push(name);
            values.push(stored(value));
        }
    }
    // A record may name the hub's own columns, and then it has its way.
    for clock in [CREATED, MODIFIED] {
        if !names.contains(&clock) {
            names.push(clock);
            values.push(Stored::Integer(now_ms));
        }
    }
    let database = app.store.writer();
    let sets: Vec<String> = names
        .iter()
        .enumerate()
        .filter(|(_, name)| **name != CREATED || record.rest.contains_key(CREATED))
        .map(|(index, name)| format!("\"{name}\" = ?{}", index + 1))
        .collect();
    // Names the creation time even where it is not set, since the values are counted.
    let update = format!(
        "UPDATE \"{}\" SET {} WHERE id = ?1 AND ?{} IS NOT NULL",
        table.name,
        sets.join(","),
        names.iter().position(|name| *name == CREATED).unwrap_or(0) + 1,
    );
    let updated = database
        .prepare_cached(&update)?
        .execute(params_from_iter(values.iter()))?;
    if updated == 0 {
        let marks: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
        let insert = format!(
            "INSERT INTO \"{}\" (\"{}\") VALUES ({})",
            table.name,
            names.join("\",\""),
            marks.join(","),
        );
        database
            .prepare_cached(&insert)?
            .execute(params_from_iter(values))?;
    }
    Ok(())
}

/// Marks a row deleted now; its children stay. An unknown id is no error.
fn delete(app: &HubApp, table: &Table, id: &str) -> rusqlite::Result<()> {
    let now_ms = app.now_ms();
    let flags: Vec<String> = ["is_deleted", "deleted_at"]
        .into_iter()
        .filter(|column| table.has(column))
        .map(|column| match column {
            "is_deleted" => ", is_deleted = 1".to_owned(),
            other => format!(", {other} = ?1"),
        })
        .collect();
    let sql = format!(
        "UPDATE \"{}\" SET {DELETED} = ?1, {MODIFIED} = ?1{} WHERE id = ?2",
        table.name,
        flags.concat()
    );
    app.store.writer().execute(&sql, (now_ms, id))?;
    Ok(())
}

/// A pushed value as it is bound. The columns are strict, so a wrong type fails there.
fn stored(value: &Value) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Bool(truth) => Stored::Integer(i64::from(*truth)),
        Value::Number(number) => number.as_i64().map_or_else(
            || Stored::Real(number.as_f64().unwrap_or_default()),
            Stored::Integer,
        ),
        Value::String(text) => Stored::Text(text.clone()),
        Value::Array(_) | Value::Object(_) => Stored::Text(value.to_string()),
    }
}
