//! Visits and what needs one: events and appointments, for which the server invents a visit
//! where they bring none.

use rusqlite::OptionalExtension as _;
use rusqlite::types::Value as Stored;
use serde_json::{Value, json};

use super::row::{Row, Upsert, read_one, text};
use super::{Record, RowError, Writing};
use crate::schema::{Kind, Table};
use crate::system::random_uuid;
use crate::value::{Lenience, is_valid_uuid, jsonb_text};

/// A visit that nobody made.
pub(super) struct Invented<'a> {
    pub(super) id: &'a str,
    pub(super) patient_id: Option<&'a str>,
    pub(super) clinic_id: Option<&'a str>,
    pub(super) provider_id: Option<&'a str>,
    pub(super) provider_name: &'a str,
    pub(super) check_in_ms: Stored,
    pub(super) metadata: Value,
}

/// Stores an invented visit, with the server's times.
pub(super) fn invent(writing: &Writing<'_>, visit: Invented<'_>) -> Result<(), RowError> {
    writing.database.execute(
        "INSERT INTO visits (id, patient_id, clinic_id, provider_id, provider_name, \
         check_in_timestamp, metadata, is_deleted, created_at, updated_at, last_modified, \
         server_created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?8, ?8, ?8)",
        (
            visit.id,
            visit.patient_id,
            visit.clinic_id,
            visit.provider_id,
            visit.provider_name,
            visit.check_in_ms,
            jsonb_text(&visit.metadata)?,
            writing.now_ms,
        ),
    )?;
    Ok(())
}

/// A visit.
pub(super) fn visit(writing: &Writing<'_>, table: &Table, record: &Record) -> Result<(), RowError> {
    let row = Row::read(writing, table, record, Lenience::UseDefault)?;
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &["created_at", "deleted_at"],
            now: &["updated_at"],
            guarded: true,
        },
    )
}

/// An event. Its own `is_deleted` is not looked at. A visit is invented before the event is
/// tried, so it stays even if the event fails or is stale.
pub(super) fn event(writing: &Writing<'_>, table: &Table, record: &Record) -> Result<(), RowError> {
    let mut record = record.clone();
    if !names_a_visit(writing, &record)? {
        let id = match text(&record, "visit_id").filter(|id| is_valid_uuid(id)) {
            Some(unknown) => unknown.to_owned(),
            None => random_uuid().to_string(),
        };
        invent_for_event(writing, &record, &id)?;
        record.insert("visit_id".to_owned(), id.into());
    }
    record.insert("is_deleted".to_owned(), false.into());
    let row = Row::read(writing, table, &record, Lenience::UseDefault)?;
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &["created_at", "deleted_at"],
            now: &["updated_at"],
            guarded: true,
        },
    )
}

fn names_a_visit(writing: &Writing<'_>, record: &Record) -> Result<bool, RowError> {
    let Some(id) = text(record, "visit_id").filter(|id| is_valid_uuid(id)) else {
        return Ok(false);
    };
    let found: Option<i64> = writing
        .database
        .query_row(
            "SELECT 1 FROM visits WHERE id = ?1",
            [id.to_ascii_lowercase()],
            |row| row.get(0),
        )
        .optional()?;
    Ok(found.is_some())
}

/// The visit belongs to whichever user the database hands out first.
fn invent_for_event(writing: &Writing<'_>, record: &Record, id: &str) -> Result<(), RowError> {
    let (user_id, name, clinic_id): (String, String, Option<String>) =
        writing
            .database
            .query_row("SELECT id, name, clinic_id FROM users LIMIT 1", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
    invent(
        writing,
        Invented {
            id,
            patient_id: text(record, "patient_id"),
            clinic_id: clinic_id.as_deref(),
            provider_id: Some(&user_id),
            provider_name: &name,
            check_in_ms: read_one(writing, Kind::Instant, record, "created_at")?,
            metadata: json!({
                "artificially_created": true,
                "created_from": "server_event_creation",
                "original_event_id": record.get("id").cloned().unwrap_or_default(),
            }),
        },
    )
}

/// An appointment, together with the visit it may need.
pub(super) fn appointment(
    writing: &Writing<'_>,
    table: &Table,
    record: &Record,
) -> Result<(), RowError> {
    let mut record = record.clone();
    for (column, own) in [
        ("clinic_id", &writing.caller.clinic_id),
        ("user_id", &writing.caller.user_id),
    ] {
        if !text(&record, column).is_some_and(is_valid_uuid) {
            let own = own.clone().ok_or(RowError::Handler)?;
            record.insert(column.to_owned(), own.into());
        }
    }
    if !text(&record, "patient_id").is_some_and(is_valid_uuid) {
        return Err(RowError::Handler);
    }
    for column in ["provider_id", "fulfilled_visit_id"] {
        if !text(&record, column).is_some_and(is_valid_uuid) {
            record.remove(column);
        }
    }
    record.insert("is_deleted".to_owned(), false.into());
    let together = writing.database.unchecked_transaction()?;
    if !text(&record, "current_visit_id").is_some_and(is_valid_uuid) {
        let id = random_uuid().to_string();
        invent(
            writing,
            Invented {
                id: &id,
                patient_id: text(&record, "patient_id"),
                clinic_id: text(&record, "clinic_id"),
                provider_id: text(&record, "user_id"),
                provider_name: &writing.caller.name,
                check_in_ms: Stored::Null,
                metadata: json!({}),
            },
        )?;
        record.insert("current_visit_id".to_owned(), id.into());
    }
    // Left out is the column's default in a new row and no change in an old one.
    let mut keep = vec!["server_created_at"];
    let mut row = Row::read(writing, table, &record, Lenience::UseDefault)?;
    for (column, default) in [
        ("is_walk_in", Stored::Integer(0)),
        ("duration", Stored::Integer(60)),
        ("reason", Stored::Text(String::new())),
        ("notes", Stored::Text(String::new())),
        ("status", Stored::Text("pending".to_owned())),
    ] {
        if !record.contains_key(column) {
            row.set(column, default);
            keep.push(column);
        }
    }
    row.fill("timestamp", Stored::Integer(writing.now_ms));
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &keep,
            now: &[],
            guarded: true,
        },
    )?;
    together.commit()?;
    Ok(())
}
