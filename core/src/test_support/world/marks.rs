//! Follows what people write in a life: each value with its place, wherever it goes.
//!
//! Most values are written once in a life, and are known by themselves. Nothing, yes and no can be
//! anybody's: those are followed with the record.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::ledger::ConflictEntry;
use crate::model::schema::{Role, Table};
use crate::test_support::life_values::TABLES;

/// A value in a column, in its JSON form, and where others write the same: of which record.
pub(super) type Mark = (TableIndex, usize, String);

/// By which key a record is known: its id, and where the server goes by another key, that one.
pub(super) fn place(table: &Table, values: &[Value]) -> String {
    let key = table.natural_key.iter().map(|at| values[*at].as_text());
    let key: Vec<&str> = key.flatten().collect();
    match key[..] {
        [] => values[0].as_text().unwrap().to_owned(),
        _ => key.join(" "),
    }
}

/// How a value can be found again.
pub(super) fn mark(
    schema: &Schema,
    table: TableIndex,
    position: usize,
    value: &Json,
    place: &str,
) -> Mark {
    let is_flag = schema.table(table).columns[position].role == Role::Bool;
    let of_many = match value {
        Json::Null => Some("nothing"),
        // Numbers in the store.
        _ if is_flag && (value == &json!(true) || value == &json!(1)) => Some("yes"),
        _ if is_flag => Some("no"),
        _ => None,
    };
    let text = match of_many {
        Some(what) => format!("{what} in {place}"),
        None => value.to_string(),
    };
    (table, position, text)
}

/// Where a life writes: the columns of a table, by position.
pub(super) fn edited(schema: &Schema, table: TableIndex) -> Vec<usize> {
    let table = schema.table(table);
    let of_table = TABLES.iter().find(|(name, _)| *name == table.name);
    let names = of_table.into_iter().flat_map(|(_, columns)| columns.iter());
    names.filter_map(|name| table.position(name)).collect()
}

/// All that lives wrote, as far as it stands in these records.
pub(super) fn marks(schema: &Schema, rows: &Rows) -> BTreeSet<Mark> {
    let mut found = BTreeSet::new();
    for ((table, _), values) in rows {
        let place = place(schema.table(*table), values);
        let of_row = edited(schema, *table).into_iter();
        found.extend(of_row.map(|at| mark(schema, *table, at, &values[at].to_json(), &place)));
    }
    found
}

/// The records that have a place of their own beside their id, by that.
pub(super) type Places = BTreeMap<(TableIndex, String), String>;

/// What a side of a ledger's entry holds: a column's value, or several columns of a record.
pub(super) fn marks_of_entry(
    schema: &Schema,
    places: &Places,
    entry: &ConflictEntry,
    side: &str,
) -> BTreeSet<Mark> {
    let index = schema.find(&entry.table).unwrap();
    let position = |name: &str| schema.table(index).position(name).unwrap();
    let place = places.get(&(index, entry.record_id.clone()));
    let place = place.unwrap_or(&entry.record_id);
    let side: Json = serde_json::from_str(side).unwrap();
    let of = |name: &str, value: &Json| mark(schema, index, position(name), value, place);
    match (&entry.column, &side) {
        (Some(column), value) => BTreeSet::from([of(column, value)]),
        (None, Json::Object(cells)) => {
            let cells = cells.iter();
            cells.map(|(name, value)| of(name, value)).collect()
        }
        (None, _) => BTreeSet::new(),
    }
}
