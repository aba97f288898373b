//! What people write in a life: in which columns, and values that nobody wrote before, so that each can
//! be followed wherever it goes.

use std::collections::BTreeSet;

use super::*;
use crate::model::schema::{Column, Role};

/// The tables that are pushed, with the columns that people edit: texts, and one at least of each
/// other type that the table has. The first is a text that every new record gets.
pub(super) const TABLES: [(&str, &[&str]); 10] = [
    (
        "patients",
        &["given_name", "surname", "date_of_birth", "additional_data"],
    ),
    (
        "visits",
        &["provider_name", "check_in_timestamp", "metadata"],
    ),
    ("events", &["event_type", "form_data"]),
    (
        "patient_additional_attributes",
        &[
            "string_value",
            "attribute",
            "number_value",
            "date_value",
            "boolean_value",
            "metadata",
        ],
    ),
    (
        "prescription_items",
        &[
            "notes",
            "dosage_instructions",
            "quantity_dispensed",
            "item_status",
            "metadata",
        ],
    ),
    (
        "appointments",
        &[
            "notes",
            "status",
            "timestamp",
            "duration",
            "is_walk_in",
            "departments",
        ],
    ),
    (
        "prescriptions",
        &["notes", "status", "priority", "expiration_date"],
    ),
    (
        "patient_vitals",
        &[
            "bp_position",
            "heart_rate",
            "weight_kg",
            "timestamp",
            "metadata",
        ],
    ),
    (
        "patient_problems",
        &[
            "problem_label",
            "clinical_status",
            "severity_score",
            "onset_date",
            "metadata",
        ],
    ),
    (
        "dispensing_records",
        &[
            "dosage_instructions",
            "days_supply",
            "dispensed_at",
            "metadata",
        ],
    ),
];

/// Every life has patients and visits, and three others of the tables: records meet more often.
pub(super) const IN_EVERY_LIFE: usize = 2;

/// A value in a column, in its JSON form.
pub(super) type Mark = (TableIndex, usize, String);

/// The `number`th value of a life, in the app's form for this column.
pub(super) fn value_of(column: &Column, number: u32) -> Json {
    let word = format!("v{number:05}");
    match column.role {
        Role::Integer => json!(number),
        Role::Number => json!(f64::from(number) + 0.5),
        Role::Decimal => json!(format!("{}.{:02}", number / 100 + 1, number % 100)),
        Role::Bool => json!(number % 2 == 0),
        // One in five is from a time that a hub would ruin, and goes to the cloud first.
        Role::Instant if number % 5 == 0 => json!(900_000_000_000 + i64::from(number)),
        Role::Instant => json!(NOW + i64::from(number) * 60_001),
        Role::Day => {
            let decade = if number % 3 == 0 { 1960 } else { 2010 };
            let (year, month) = (decade + number / 336, number / 28 % 12 + 1);
            json!(format!("{year}-{month:02}-{:02}", number % 28 + 1))
        }
        Role::Json if column.default.as_deref() == Some("[]") => json!(format!("[\"{word}\"]")),
        Role::Json => json!(format!("{{\"k\":\"{word}\"}}")),
        Role::Id | Role::Text | Role::Enum | Role::Ref => json!(word),
    }
}

/// How a value can be found again. None where it can be anybody's: nothing, and yes or no.
pub(super) fn mark(table: TableIndex, position: usize, value: &Json) -> Option<Mark> {
    let unique = value.is_string() || value.is_number();
    unique.then(|| (table, position, value.to_string()))
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
        let of_row = edited(schema, *table);
        let of_row = of_row
            .iter()
            .filter_map(|at| mark(*table, *at, &values[*at].to_json()));
        // Yes and no are numbers in the store.
        found.extend(
            of_row.filter(|(_, at, _)| schema.table(*table).columns[*at].role != Role::Bool),
        );
    }
    found
}

/// What a side of a ledger's entry holds: a column's value, or several columns of a record.
pub(super) fn marks_of_entry(
    schema: &Schema,
    table: &str,
    column: Option<&str>,
    side: &str,
) -> BTreeSet<Mark> {
    let index = schema.find(table).unwrap();
    let position = |name: &str| schema.table(index).position(name).unwrap();
    let side: Json = serde_json::from_str(side).unwrap();
    match (column, &side) {
        (Some(column), value) => mark(index, position(column), value).into_iter().collect(),
        (None, Json::Object(cells)) => cells
            .iter()
            .filter_map(|(name, value)| mark(index, position(name), value))
            .collect(),
        (None, _) => BTreeSet::new(),
    }
}
