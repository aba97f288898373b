//! Answering a push: the walk over tables and lists, row by row, each on its own.
//!
//! There is no transaction around the walk. The first failing row ends it with an error, and
//! what was written before stays.

mod delete;
mod medication;
mod people;
mod row;
mod stock;
mod visit;

use std::sync::Arc;

use axum::response::Response;
use rusqlite::Connection;
use serde_json::{Map, Value};

use crate::app::{App, Incoming};
use crate::auth::Caller;
use crate::reply::{handler_error, json_reply, object_object};
use crate::schema::{PUSH_ORDER, Table};
use crate::value::BadValue;

/// How a row failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowError {
    /// The ordinary way: the call ends with a 500.
    Handler,
    /// An error object of the application's own classes, which is sent as a success with
    /// the text `[object Object]`.
    Object,
}

impl From<BadValue> for RowError {
    fn from(_: BadValue) -> Self {
        Self::Handler
    }
}

impl From<rusqlite::Error> for RowError {
    fn from(_: rusqlite::Error) -> Self {
        Self::Handler
    }
}

/// A pushed record.
pub(crate) type Record = Map<String, Value>;

/// Where rows are written and on whose behalf.
pub(crate) struct Writing<'a> {
    pub(crate) database: &'a Connection,
    pub(crate) caller: &'a Caller,
    pub(crate) now_ms: i64,
    pub(crate) zone_minutes: i32,
}

/// `POST /api/v2/sync` of an authenticated caller.
pub(crate) async fn push(app: &Arc<App>, caller: Caller, incoming: &Incoming) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&incoming.body) else {
        return handler_error();
    };
    if body.is_null() {
        return handler_error();
    }
    match carry_out(app, caller, body).await {
        Ok(()) => json_reply(200, &serde_json::json!({"success": true})),
        Err(RowError::Object) => object_object(),
        Err(RowError::Handler) => handler_error(),
    }
}

/// Writes a change set, up to the first row that fails.
pub(crate) async fn carry_out(
    app: &Arc<App>,
    caller: Caller,
    changes: Value,
) -> Result<(), RowError> {
    let app = Arc::clone(app);
    let written = tokio::task::spawn_blocking(move || write(&app, &caller, &changes)).await;
    written.unwrap_or(Err(RowError::Handler))
}

fn write(app: &App, caller: &Caller, body: &Value) -> Result<(), RowError> {
    let mut row = 0;
    for table in PUSH_ORDER {
        // An array, a number or a wrapped body has no such fields: nothing to do, no error.
        let Some(changes) = body.get(table.name) else {
            continue;
        };
        let records = ["created", "updated"]
            .into_iter()
            .flat_map(|list| list_of(changes, list));
        let deletions = list_of(changes, "deleted");
        for (entry, is_deletion) in records
            .map(|record| (record, false))
            .chain(deletions.map(|id| (id, true)))
        {
            row += 1;
            if app.faults.row_must_fail(row) {
                return Err(RowError::Handler);
            }
            // Taken anew for each row: pushes of several callers interleave.
            let database = app.store.writer();
            let writing = Writing {
                database: &database,
                caller,
                now_ms: app.now_ms(),
                zone_minutes: app.config.time_zone_minutes,
            };
            if is_deletion {
                delete::delete(&writing, table, entry)?;
            } else {
                let record = entry.as_object().ok_or(RowError::Handler)?;
                write_record(&writing, table, record)?;
            }
            drop(database);
            app.faults.wait_after_row(row);
        }
    }
    Ok(())
}

fn list_of<'a>(changes: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    changes
        .get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn write_record(writing: &Writing<'_>, table: &Table, record: &Record) -> Result<(), RowError> {
    match table.name {
        "patients" => people::patient(writing, table, record),
        "patient_additional_attributes" => people::attribute(writing, table, record),
        "visits" => visit::visit(writing, table, record),
        "events" => visit::event(writing, table, record),
        "appointments" => visit::appointment(writing, table, record),
        "prescriptions" => medication::prescription(writing, table, record),
        "patient_vitals" => people::vital(writing, table, record),
        "patient_problems" => people::problem(writing, table, record),
        "dispensing_records" => medication::dispensing(writing, table, record),
        "prescription_items" => medication::item(writing, table, record),
        _ => Ok(()),
    }
}
