//! Prescriptions, their items and what was dispensed.

use rusqlite::OptionalExtension as _;
use rusqlite::types::Value as Stored;
use serde_json::{Value, json};

use super::row::{Row, Upsert, text};
use super::visit::{Invented, invent};
use super::{Record, RowError, Writing, stock};
use crate::schema::Table;
use crate::system::random_uuid;
use crate::value::{Lenience, is_valid_uuid};

/// A prescription, together with the visit it may need. Its items and metadata are never
/// taken over.
pub(super) fn prescription(
    writing: &Writing<'_>,
    table: &Table,
    record: &Record,
) -> Result<(), RowError> {
    let mut record = record.clone();
    record.remove("items");
    record.remove("metadata");
    record.insert("is_deleted".to_owned(), false.into());
    if text(&record, "filled_by") == Some("") {
        record.remove("filled_by");
    }
    if !record.contains_key("id") {
        record.insert("id".to_owned(), random_uuid().to_string().into());
    }
    let together = writing.database.unchecked_transaction()?;
    if !text(&record, "visit_id").is_some_and(is_valid_uuid) {
        let clinic_id = match &writing.caller.clinic_id {
            Some(own) => own.clone(),
            None => clinic_of_provider(writing, &record)?,
        };
        let id = random_uuid().to_string();
        invent(
            writing,
            Invented {
                id: &id,
                patient_id: text(&record, "patient_id"),
                clinic_id: Some(&clinic_id),
                provider_id: text(&record, "provider_id"),
                // The real server puts the caller's id where the name belongs.
                provider_name: writing.caller.user_id.as_deref().unwrap_or(""),
                check_in_ms: Stored::Null,
                metadata: json!({}),
            },
        )?;
        record.insert("visit_id".to_owned(), id.into());
    }
    if !text(&record, "pickup_clinic_id").is_some_and(is_valid_uuid) {
        let clinic_id = clinic_of_provider(writing, &record)?;
        record.insert("pickup_clinic_id".to_owned(), clinic_id.into());
    }
    let mut row = Row::read(writing, table, &record, Lenience::UseDefault)?;
    row.fill("prescribed_at", Stored::Integer(writing.now_ms));
    row.fill("notes", Stored::Text(String::new()));
    for (column, default) in [("status", "pending"), ("priority", "normal")] {
        if !record.contains_key(column) {
            row.set(column, Stored::Text(default.to_owned()));
        }
    }
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &[
                "prescribed_at",
                "filled_at",
                "is_deleted",
                "created_at",
                "deleted_at",
            ],
            now: &[],
            guarded: true,
        },
    )?;
    together.commit()?;
    Ok(())
}

fn clinic_of_provider(writing: &Writing<'_>, record: &Record) -> Result<String, RowError> {
    let clinic_id: Option<Option<String>> = writing
        .database
        .query_row(
            "SELECT clinic_id FROM users WHERE id = ?1",
            [text(record, "provider_id")],
            |row| row.get(0),
        )
        .optional()?;
    clinic_id.flatten().ok_or(RowError::Handler)
}

/// A dispensing record. A new one takes its quantity off the stock, an update or a replay
/// does not.
pub(super) fn dispensing(
    writing: &Writing<'_>,
    table: &Table,
    record: &Record,
) -> Result<(), RowError> {
    let mut record = record.clone();
    record.insert("is_deleted".to_owned(), false.into());
    let mut row = Row::read(writing, table, &record, Lenience::Refuse)?;
    row.fill("dispensed_at", Stored::Integer(writing.now_ms));
    let id = row.get("id").clone();
    let known: Option<i64> = writing
        .database
        .query_row(
            "SELECT 1 FROM dispensing_records WHERE id = ?1",
            [&id],
            |row| row.get(0),
        )
        .optional()?;
    let together = writing.database.unchecked_transaction()?;
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &[
                "clinic_id",
                "patient_id",
                "is_deleted",
                "created_at",
                "deleted_at",
            ],
            now: &["updated_at"],
            guarded: true,
        },
    )?;
    if known.is_none() {
        stock::take_off(writing, &id)?;
    }
    together.commit()?;
    Ok(())
}

/// A prescription item. An update leaves all its times, so it neither reaches anybody else
/// nor makes later pushes stale. Every failure is an error object.
pub(super) fn item(writing: &Writing<'_>, table: &Table, record: &Record) -> Result<(), RowError> {
    write_item(writing, table, record).map_err(|_| RowError::Object)
}

fn write_item(writing: &Writing<'_>, table: &Table, record: &Record) -> Result<(), RowError> {
    let mut record = record.clone();
    record.remove("recorded_by_user_id");
    record.remove("metadata");
    record.insert("is_deleted".to_owned(), false.into());
    if text(&record, "id").is_none_or(str::is_empty) {
        record.insert("id".to_owned(), random_uuid().to_string().into());
    }
    for (column, default) in [
        ("dosage_instructions", json!("")),
        ("quantity_prescribed", json!(0)),
        ("quantity_dispensed", json!(0)),
        ("refills_authorized", json!(0)),
        ("refills_used", json!(0)),
        ("item_status", json!("active")),
    ] {
        if record.get(column).is_none_or(Value::is_null) {
            record.insert(column.to_owned(), default);
        }
    }
    let row = Row::read(writing, table, &record, Lenience::UseDefault)?;
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &[
                "recorded_by_user_id",
                "metadata",
                "is_deleted",
                "created_at",
                "updated_at",
                "last_modified",
                "deleted_at",
            ],
            now: &[],
            guarded: true,
        },
    )
}
