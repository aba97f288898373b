//! The cloud's rules, as its real server has them: what it drops, invents and does not announce.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::Value as Json;

use super::marks::{Mark, mark, place};
use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{
    OutboxKind, OutboxRow, PullReply, PullRequest, PushFailure, RemoteRow, SkipCounts,
};
use crate::model::schema::{Direction, Table};
use crate::ports::Clock;
use crate::ports::{ChangeSink, SyncPeer};
use crate::test_support::FakeClock;

#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub values: Vec<Value>,
    pub created: i64,
    pub modified: i64,
    pub is_deleted: bool,
    pub deleted_at: Option<i64>,
}

#[derive(Default)]
pub(super) struct State {
    pub rows: BTreeMap<(TableIndex, String), Kept>,
    pub invented: u32,
    /// Which device pushes now.
    pub caller: Option<usize>,
    /// For what devices sent: whose push it was, and the visit that was not there.
    pub invented_for: Vec<(usize, String)>,
    /// Tables that its replies leave out, as an older server's or a broken one's.
    pub omits: BTreeSet<TableIndex>,
    /// Ids whose rows it answers with a failure.
    pub poison: Vec<String>,
    pub down: bool,
    pub refuses_pushes: bool,
    pub history_from: i64,
    pub requests: u32,
    /// What it removed for good. It tells nobody.
    pub removed: BTreeSet<(TableIndex, String)>,
    /// Every value that was ever stored, by table and column.
    pub ever: BTreeSet<Mark>,
}

#[derive(Clone)]
pub(super) struct Cloud {
    pub schema: Arc<Schema>,
    pub clock: Arc<FakeClock>,
    pub state: Arc<Mutex<State>>,
}

/// The order in which the server takes the tables of a body.
const ORDER: [&str; 10] = [
    "patients",
    "patient_additional_attributes",
    "visits",
    "events",
    "appointments",
    "prescriptions",
    "patient_vitals",
    "patient_problems",
    "dispensing_records",
    "prescription_items",
];

impl Cloud {
    pub fn new(clock: &Arc<FakeClock>) -> Self {
        Self {
            schema: schema(),
            clock: Arc::clone(clock),
            state: Arc::default(),
        }
    }

    /// Puts a record there, as another client would have.
    pub fn put(&self, table: &str, id: &RecordId, cells: Json) {
        let now = self.tick();
        let index = self.schema.find(table).unwrap();
        let table = self.schema.table(index);
        let mut state = self.state.lock().unwrap();
        let kept = state
            .rows
            .entry((index, id.to_string()))
            .or_insert_with(|| Kept {
                values: blank(table, id),
                created: now,
                modified: now,
                is_deleted: false,
                deleted_at: None,
            });
        kept.modified = now;
        for (name, json) in cells.as_object().unwrap() {
            kept.values[table.position(name).unwrap()] = Value::from_json(json).unwrap();
        }
    }

    pub fn delete(&self, table: &str, id: &RecordId) {
        let now = self.tick();
        let index = self.schema.find(table).unwrap();
        self.state
            .lock()
            .unwrap()
            .delete(&self.schema, index, id.as_str(), now);
    }

    /// As if a deletion had never been carried out.
    pub fn bring_back(&self, table: &str, id: &RecordId) {
        let index = self.schema.find(table).unwrap();
        let mut state = self.state.lock().unwrap();
        let kept = state.rows.get_mut(&(index, id.to_string())).unwrap();
        (kept.is_deleted, kept.deleted_at) = (false, None);
    }

    pub fn value(&self, table: &str, id: &RecordId, column: &str) -> Option<Value> {
        let index = self.schema.find(table).unwrap();
        let position = self.schema.table(index).position(column).unwrap();
        let state = self.state.lock().unwrap();
        let kept = state.rows.get(&(index, id.to_string()))?;
        kept.is_visible().then(|| kept.values[position].clone())
    }

    /// What a pull of everything would hold.
    pub fn visible(&self) -> Rows {
        let state = self.state.lock().unwrap();
        let rows = state.rows.iter().filter(|(_, kept)| kept.is_visible());
        rows.map(|(key, kept)| (key.clone(), kept.values.clone()))
            .collect()
    }

    fn tick(&self) -> i64 {
        self.clock.advance(1);
        self.clock.now_ms()
    }

    /// Takes a row; whose call it is decides nothing here.
    pub fn take(&self, row: &OutboxRow) -> Result<(), Error> {
        let now = self.tick();
        let mut state = self.state.lock().unwrap();
        state.take(&self.schema, row, now)
    }
}

fn blank(table: &Table, id: &RecordId) -> Vec<Value> {
    let mut values = vec![Value::Null; table.columns.len()];
    values[0] = text(id.as_str());
    values
}

impl Kept {
    pub fn is_visible(&self) -> bool {
        !self.is_deleted && self.deleted_at.is_none()
    }
}

impl State {
    fn take(&mut self, schema: &Schema, row: &OutboxRow, now: i64) -> Result<(), Error> {
        let refused = || failure(ErrorCode::Server);
        if self.refuses_pushes || self.poison.contains(&row.id.to_string()) {
            return Err(refused());
        }
        if row.kind == OutboxKind::Deleted {
            self.delete(schema, row.table, row.id.as_str(), now);
            return Ok(());
        }
        let table = schema.table(row.table);
        let at = |column: &str| table.position(column);
        let mut values = row.values.clone();
        if let Some(patient) = at("patient_id") {
            let patients = schema.find("patients").unwrap();
            let there = values[patient]
                .as_text()
                .is_some_and(|id| self.rows.contains_key(&(patients, id.to_owned())));
            if !there {
                return Err(refused());
            }
        }
        for column in table.columns.iter().filter(|column| column.must_exist) {
            let visits = schema.find("visits").unwrap();
            let position = at(&column.name).unwrap();
            let there = values[position]
                .as_text()
                .is_some_and(|id| self.rows.contains_key(&(visits, id.to_owned())));
            if !there {
                self.invented += 1;
                let missing = values[position].as_text().unwrap_or_default();
                let caller = self.caller.map(|device| (device, missing.to_owned()));
                self.invented_for.extend(caller);
            }
        }
        let mut key = (row.table, row.id.to_string());
        if table.direction == Direction::Both && !table.natural_key.is_empty() {
            let same = |kept: &Kept| {
                table
                    .natural_key
                    .iter()
                    .all(|p| kept.values[*p] == values[*p])
            };
            let first = self
                .rows
                .iter()
                .find(|((index, _), kept)| *index == row.table && same(kept));
            if let Some((found, _)) = first {
                key = found.clone();
                values[0] = text(&key.1);
            }
        }
        let stamp = at("updated_at").unwrap();
        let old = self.rows.get(&key).cloned();
        normalise(table, &mut values, old.as_ref(), now);
        let place = place(table, &values);
        // What was there before is not written again.
        let is_new = |at: usize, value: &Value| old.as_ref().is_none_or(|o| o.values[at] != *value);
        let marks = values.iter().enumerate();
        let marks = marks.filter(|(at, value)| is_new(*at, value));
        let mark =
            |(at, value): (usize, &Value)| mark(schema, row.table, at, &value.to_json(), &place);
        let marks: Vec<_> = marks.map(mark).collect();
        let name = table.name.as_str();
        let Some(old) = old else {
            if name == "patient_problems" {
                values[stamp] = Value::Integer(now);
                values[at("created_at").unwrap()] = Value::Integer(now);
            }
            let kept = Kept {
                values,
                created: now,
                modified: now,
                is_deleted: false,
                deleted_at: None,
            };
            self.rows.insert(key, kept);
            self.ever.extend(marks);
            return Ok(());
        };
        let later = row.values[stamp].as_integer() > old.values[stamp].as_integer();
        if name != "patient_problems" && !later {
            return Ok(());
        }
        let mut kept = Kept {
            values,
            modified: now,
            is_deleted: false,
            ..old.clone()
        };
        match name {
            "patients" | "appointments" | "prescriptions" => {}
            "prescription_items" => {
                kept.modified = old.modified;
                kept.values[stamp] = old.values[stamp].clone();
            }
            _ => kept.values[stamp] = Value::Integer(now),
        }
        match name {
            "patient_vitals" => kept.created = now,
            "patient_problems" => kept.values[at("created_at").unwrap()] = Value::Integer(now),
            "appointments" => kept.deleted_at = None,
            _ => {}
        }
        self.rows.insert(key, kept);
        self.ever.extend(marks);
        Ok(())
    }

    fn delete(&mut self, schema: &Schema, index: TableIndex, id: &str, now: i64) {
        let table = schema.table(index);
        let items = schema.find("prescription_items").unwrap();
        if index == items {
            self.rows.remove(&(index, id.to_owned()));
            self.removed.insert((index, id.to_owned()));
            return;
        }
        let cascades = matches!(table.name.as_str(), "patients" | "visits");
        for child in table.children.iter().filter(|_| cascades) {
            for ((found, _), kept) in &mut self.rows {
                if *found == child.table && kept.values[child.column] == text(id) {
                    kept.is_deleted = true;
                }
            }
        }
        if let Some(kept) = self.rows.get_mut(&(index, id.to_owned())) {
            kept.is_deleted = true;
            kept.deleted_at.get_or_insert(now);
            kept.modified = now;
        }
    }
}

/// What the server makes of values: some columns are not its clients' to write.
fn normalise(table: &Table, values: &mut [Value], old: Option<&Kept>, now: i64) {
    for column in ["last_modified", "server_created_at"] {
        if let Some(position) = table.position(column) {
            values[position] = match (column, old) {
                ("server_created_at", Some(old)) => old.values[position].clone(),
                _ => Value::Integer(now),
            };
        }
    }
    let mut set = |column: &str, value: Value| {
        if let Some(position) = table.position(column) {
            values[position] = value;
        }
    };
    match table.name.as_str() {
        "prescriptions" => {
            set("items", text("[]"));
            set("metadata", text("{}"));
        }
        "patient_additional_attributes" => {
            let number = table.position("number_value").unwrap();
            if values[number] == Value::Real(0.0) {
                values[number] = Value::Null;
            }
        }
        _ => {}
    }
    if let ("prescriptions", Some(old)) = (table.name.as_str(), old) {
        for column in ["filled_at", "prescribed_at"] {
            let position = table.position(column).unwrap();
            values[position] = old.values[position].clone();
        }
    }
}

impl SyncPeer for Cloud {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        _: &mut dyn FnMut(u64),
        _: &CancelToken,
    ) -> Result<PullReply> {
        let now = self.tick();
        let mut state = self.state.lock().unwrap();
        state.requests += 1;
        if state.down {
            return Err(failure(ErrorCode::Network));
        }
        let since = request.cursor;
        let (mut upserts, mut deletions) = (0, 0);
        let is_listed = |index: &TableIndex| !state.omits.contains(index);
        for ((index, id), kept) in state.rows.iter().filter(|((index, _), _)| is_listed(index)) {
            let record = RecordId::from_peer(id).unwrap();
            let table = self.schema.table(*index);
            let since = if table.whole_history {
                since
            } else {
                since.max(state.history_from)
            };
            if kept.is_visible() && (kept.created >= since || kept.modified > since) {
                upserts += 1;
                let cells = kept.values.iter().cloned().enumerate().skip(1).collect();
                sink.upsert(*index, RemoteRow { id: record, cells })?;
            } else if kept.is_deleted && since > 0 && kept.deleted_at.is_some_and(|at| at > since) {
                deletions += 1;
                sink.delete(*index, record)?;
            }
        }
        Ok(PullReply {
            timestamp: now,
            skew_ms: 0,
            upserts,
            deletions,
            bytes: 0,
            full: request.cursor <= 0,
            tables: all_tables().into_iter().filter(is_listed).collect(),
            skipped: SkipCounts::default(),
        })
    }

    fn push(&self, piece: &[OutboxRow], _: &CancelToken) -> Result<(), PushFailure> {
        self.state.lock().unwrap().requests += 1;
        if self.state.lock().unwrap().down {
            return Err(PushFailure::Stopped(failure(ErrorCode::Network)));
        }
        let place = |row: &&OutboxRow| {
            let name = &self.schema.table(row.table).name;
            let table = ORDER.iter().position(|table| table == name).unwrap();
            (row.kind == OutboxKind::Deleted, table)
        };
        let mut rows: Vec<&OutboxRow> = piece.iter().collect();
        rows.sort_by_key(place);
        for row in rows {
            self.take(row).map_err(PushFailure::Refused)?;
        }
        Ok(())
    }
}
