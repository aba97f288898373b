//! The change set of a push to a hub: epoch milliseconds, 0 and 1, JSON as text, whole records with
//! the columns that a hub's tables insist on and a device does not have.

use std::collections::BTreeMap;

use super::encode::{write, write_each};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{OutboxKind, OutboxRow};
use crate::model::dates;
use crate::model::json_text;
use crate::model::row::is_decimal;
use crate::model::schema::{Column, Role, Schema, Table, TableIndex};
use crate::model::value::Value;

/// The tables that a hub may be sent. It would take others too, and a client must not: anybody
/// could make himself an administrator that way.
const TABLES: [&str; 10] = [
    "patients",
    "patient_additional_attributes",
    "visits",
    "events",
    "appointments",
    "prescriptions",
    "patient_vitals",
    "patient_problems",
    "prescription_items",
    "dispensing_records",
];

/// The one day that a hub keeps as text; the others are midnights in UTC.
const DAY_AS_TEXT: (&str, &str) = ("patients", "date_of_birth");

/// Columns that a hub's tables do not let be null, beside the times. Null becomes the empty text
/// or the column's default there.
const NOT_NULL: [(&str, &[&str]); 10] = [
    ("patients", &["additional_data", "metadata"]),
    (
        "patient_additional_attributes",
        &["patient_id", "attribute_id", "attribute", "metadata"],
    ),
    ("visits", &["metadata"]),
    ("events", &["form_data", "metadata"]),
    (
        "appointments",
        &[
            "clinic_id",
            "patient_id",
            "user_id",
            "current_visit_id",
            "timestamp",
            "reason",
            "notes",
            "departments",
            "status",
            "metadata",
        ],
    ),
    (
        "prescriptions",
        &[
            "patient_id",
            "provider_id",
            "prescribed_at",
            "status",
            "items",
            "notes",
            "metadata",
        ],
    ),
    ("patient_vitals", &["patient_id", "timestamp", "metadata"]),
    (
        "patient_problems",
        &[
            "patient_id",
            "problem_code_system",
            "problem_code",
            "problem_label",
            "clinical_status",
            "verification_status",
            "metadata",
        ],
    ),
    (
        "prescription_items",
        &[
            "prescription_id",
            "patient_id",
            "drug_id",
            "clinic_id",
            "dosage_instructions",
            "quantity_prescribed",
            "metadata",
        ],
    ),
    (
        "dispensing_records",
        &[
            "clinic_id",
            "drug_id",
            "patient_id",
            "quantity_dispensed",
            "dispensed_by",
            "dispensed_at",
            "metadata",
        ],
    ),
];

const UPDATED_AT: &str = "updated_at";
const CREATED_AT: &str = "created_at";
/// Columns that a hub wants and that a device lacks, or keeps for the cloud's values: each takes
/// another column's.
const STAMPS: [(&str, &str); 2] = [
    ("last_modified", UPDATED_AT),
    ("server_created_at", CREATED_AT),
];

const NO_FORM: Error = Error::invalid("the value has no form that a hub takes");

/// Writes the changes of a piece. Every named table has all three lists, empty ones too.
///
/// # Errors
/// `unsupported` for a table that a hub does not take, `invalid_input` for a record that it would
/// refuse or ruin; `internal` for a defect.
pub(in crate::transport) fn encode_for_hub(
    schema: &Schema,
    piece: &[OutboxRow],
) -> Result<Vec<u8>> {
    let mut tables: BTreeMap<TableIndex, [Vec<&OutboxRow>; 3]> = BTreeMap::new();
    for row in piece {
        let table = schema.table(row.table);
        if !TABLES.contains(&table.name.as_str()) {
            return Err(
                Error::new(ErrorCode::Unsupported, "a hub does not take this table")
                    .at(table.name.as_str()),
            );
        }
        if row.kind != OutboxKind::Deleted && row.values.len() != table.columns.len() {
            return Err(Error::internal("a push needs whole records").at(table.name.as_str()));
        }
        let list = match row.kind {
            OutboxKind::Created => 0,
            OutboxKind::Updated => 1,
            OutboxKind::Deleted => 2,
        };
        tables.entry(row.table).or_default()[list].push(row);
    }
    let mut out = Vec::new();
    write_each(&mut out, b"{}", tables.iter(), |out, (index, lists)| {
        let table = schema.table(*index);
        write(out, &table.name)?;
        out.push(b':');
        let named = ["created", "updated", "deleted"].into_iter().zip(lists);
        write_each(out, b"{}", named, |out, (name, rows)| {
            write(out, name)?;
            out.push(b':');
            write_each(out, b"[]", rows.iter(), |out, row| match row.kind {
                OutboxKind::Deleted => write(out, row.id.as_str()),
                _ => write_record(out, table, row),
            })
        })
    })?;
    Ok(out)
}

fn write_record(out: &mut Vec<u8>, table: &Table, row: &OutboxRow) -> Result<()> {
    let time = |name| instant(table, row, name);
    let updated_at = time(UPDATED_AT).or(time(CREATED_AT));
    let Some((updated_at, created_at)) = updated_at.zip(time(CREATED_AT).or(updated_at)) else {
        return Err(Error::invalid("the record has no time").at(table.name.as_str()));
    };
    out.extend_from_slice(b"{\"id\":");
    write(out, row.id.as_str())?;
    let times = [(UPDATED_AT, updated_at), (CREATED_AT, created_at)];
    let stamps = STAMPS.map(|(name, from)| {
        (
            name,
            if from == UPDATED_AT {
                updated_at
            } else {
                created_at
            },
        )
    });
    for (name, ms) in times.into_iter().chain(stamps) {
        write_name(out, name)?;
        write(out, &ms)?;
    }
    for (position, (column, value)) in table.columns.iter().zip(&row.values).enumerate() {
        let written = times
            .iter()
            .chain(&stamps)
            .any(|(name, _)| column.name == *name);
        if column.role == Role::Id || written {
            continue;
        }
        write_name(out, &column.name)?;
        write_value(out, table, column, value).map_err(|error| error.at(table.place(position)))?;
    }
    out.push(b'}');
    Ok(())
}

fn write_name(out: &mut Vec<u8>, name: &str) -> Result<()> {
    out.push(b',');
    write(out, name)?;
    out.push(b':');
    Ok(())
}

fn instant(table: &Table, row: &OutboxRow, name: &str) -> Option<i64> {
    table
        .position(name)
        .and_then(|position| row.values[position].as_integer())
}

fn write_value(out: &mut Vec<u8>, table: &Table, column: &Column, value: &Value) -> Result<()> {
    match (column.role, value) {
        (_, Value::Null) => write_null(out, table, column),
        (Role::Day, Value::Text(day)) if dates::is_day(day) => {
            if (table.name.as_str(), column.name.as_str()) == DAY_AS_TEXT {
                write(out, day)
            } else {
                write(out, &dates::day_to_ms(day).ok_or(NO_FORM)?)
            }
        }
        (Role::Bool, Value::Integer(flag)) => write(out, &i64::from(*flag != 0)),
        (Role::Instant | Role::Integer | Role::Number, Value::Integer(number)) => {
            write(out, number)
        }
        (Role::Number, Value::Real(number)) if number.is_finite() => write(out, number),
        // As it is kept, where that is a number in JSON; its value, where zeros stand in front.
        (Role::Decimal, Value::Text(text)) if is_decimal(text) => {
            if json_text::is_json(text) {
                out.extend_from_slice(text.as_bytes());
                return Ok(());
            }
            let number: Option<f64> = text.parse().ok();
            write(out, &number.filter(|n| n.is_finite()).ok_or(NO_FORM)?)
        }
        // The empty text is no UUID. The hub hands it on to the cloud, which fails on it for ever.
        (Role::Ref, Value::Text(text)) if text.is_empty() => write_null(out, table, column),
        (Role::Json, Value::Text(text)) => {
            write(out, json_text::wrapped(text).as_deref().unwrap_or(text))
        }
        (Role::Ref | Role::Text | Role::Enum, Value::Text(text)) => write(out, text),
        _ => Err(NO_FORM),
    }
}

/// Null, or what stands for it in a column that a hub does not let be null.
fn write_null(out: &mut Vec<u8>, table: &Table, column: &Column) -> Result<()> {
    let required = NOT_NULL
        .iter()
        .any(|(name, columns)| *name == table.name && columns.contains(&column.name.as_str()));
    if !required {
        return write(out, &());
    }
    match column.role {
        Role::Json => write(out, column.default.as_deref().unwrap_or("{}")),
        Role::Text | Role::Enum => write(out, ""),
        _ => Err(Error::invalid("a hub does not keep a record without this")),
    }
}

#[cfg(test)]
#[path = "encode_hub_tests.rs"]
mod tests;
