//! The canonical state of a store: a hash that two stores share when they hold the same.
//!
//! Tables by name, rows by id, one line of JSON for each row: table, id, status, changed columns,
//! then the columns in the schema's order. A tombstone here keeps no columns, elsewhere it does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use amana_core::model::change_set::{OutboxEntry, OutboxKind};
use amana_core::model::schema::Table;
use amana_core::model::value::Value;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::Result;
use crate::store::Store;

#[derive(Clone, Default)]
struct TableState {
    rows: u64,
    lines: Vec<u8>,
}

/// `{"rows": …, "sha256": …}`.
pub(crate) fn state(store: &Store) -> Result<Json> {
    let tables: Arc<Mutex<BTreeMap<String, TableState>>> = Arc::default();
    let filled = Arc::clone(&tables);
    let visit = move |table: &Table, id: &str, record: &[Value], entry: Option<&OutboxEntry>| {
        let mut tables = filled.lock().unwrap_or_else(PoisonError::into_inner);
        let state = tables.entry(table.name.clone()).or_default();
        state.rows += 1;
        state
            .lines
            .extend_from_slice(line(table, id, record, entry).as_bytes());
    };
    store.database.dump(Box::new(visit)).wait()?;
    let tables = tables.lock().unwrap_or_else(PoisonError::into_inner);
    let mut hash = Sha256::new();
    for state in tables.values() {
        hash.update(&state.lines);
    }
    let hex: String = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
    let rows: u64 = tables.values().map(|state| state.rows).sum();
    Ok(json!({"rows": rows, "sha256": hex}))
}

fn line(table: &Table, id: &str, record: &[Value], entry: Option<&OutboxEntry>) -> String {
    let status = match entry.map(|entry| entry.kind) {
        None => "synced",
        Some(OutboxKind::Created) => "created",
        Some(OutboxKind::Updated) => "updated",
        Some(OutboxKind::Deleted) => "deleted",
    };
    let mut changed: Vec<&str> = entry
        .filter(|entry| entry.kind == OutboxKind::Updated)
        .map_or_else(Vec::new, |entry| {
            let names = entry.base.iter();
            names
                .map(|(i, _)| table.columns[*i].name.as_str())
                .collect()
        });
    changed.sort_unstable();
    let mut cells = vec![
        json!(table.name),
        json!(id),
        json!(status),
        json!(changed.join(",")),
    ];
    cells.extend(record.iter().skip(1).map(Value::to_json));
    let mut line = Json::Array(cells).to_string();
    line.push('\n');
    line
}
