//! What people write in a life: in which columns, and values that nobody wrote before, so that each can
//! be followed wherever it goes.

use serde_json::{Value as Json, json};

use crate::model::schema::{Column, Role};

/// The tables that are pushed, with the columns that people edit: texts, and one at least of each
/// other type that the table has. The first is a text that every new record gets.
pub const TABLES: [(&str, &[&str]); 10] = [
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
        "prescription_items",
        &[
            "notes",
            "dosage_instructions",
            "quantity_dispensed",
            "item_status",
        ],
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
pub const IN_EVERY_LIFE: usize = 2;

/// After which the values of a life's instants are.
const NOW: i64 = 1_795_470_612_883;

/// The `number`th value of a life, in the app's form for this column.
pub fn value_of(column: &Column, number: u32) -> Json {
    let word = format!("v{number:05}");
    match column.role {
        Role::Integer => json!(number),
        Role::Number => json!(f64::from(number) + 0.5),
        Role::Decimal => json!(format!("{}.{:02}", number / 100 + 1, number % 100)),
        Role::Bool => json!(number.is_multiple_of(2)),
        // One in five is from a time that a hub would ruin, and goes to the cloud first.
        Role::Instant if number.is_multiple_of(5) => json!(900_000_000_000 + i64::from(number)),
        Role::Instant => json!(NOW + i64::from(number) * 60_001),
        Role::Day => {
            let decade = if number.is_multiple_of(3) { 1960 } else { 2010 };
            let (year, month) = (decade + number / 336, number / 28 % 12 + 1);
            json!(format!("{year}-{month:02}-{:02}", number % 28 + 1))
        }
        Role::Json if column.default.as_deref() == Some("[]") => json!(format!("[\"{word}\"]")),
        Role::Json => json!(format!("{{\"k\":\"{word}\"}}")),
        Role::Id | Role::Text | Role::Enum | Role::Ref => json!(word),
    }
}
