//! Patients and what hangs on them directly: attributes, vital signs, problems.

use rusqlite::types::Value as Stored;

use super::row::{Row, Upsert, read_one, text};
use super::{Record, RowError, Writing};
use crate::schema::{Kind, Table};
use crate::system::random_uuid;
use crate::value::{Lenience, is_valid_uuid};

/// A patient. The whole row is replaced; an id that is no UUID is replaced too, so a replay
/// makes another copy. A deletion time is never touched, which makes a patient who is pushed
/// again after a deletion invisible.
pub(super) fn patient(
    writing: &Writing<'_>,
    table: &Table,
    record: &Record,
) -> Result<(), RowError> {
    let mut record = record.clone();
    if !text(&record, "id").is_some_and(is_valid_uuid) {
        record.insert("id".to_owned(), random_uuid().to_string().into());
    }
    if text(&record, "photo_url") == Some("") {
        record.remove("photo_url");
    }
    let mut row = Row::read(writing, table, &record, Lenience::UseDefault)?;
    row.fill("is_deleted", Stored::Integer(0));
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &["created_at", "deleted_at"],
            now: &[],
            guarded: true,
        },
    )
}

/// An additional attribute. The key is the pair of patient and attribute: another id for the
/// same pair changes the first row, which keeps its id.
pub(super) fn attribute(
    writing: &Writing<'_>,
    table: &Table,
    record: &Record,
) -> Result<(), RowError> {
    let mut record = record.clone();
    // What counts as nothing in the server's language is stored as null.
    for (column, nothing) in [
        ("number_value", serde_json::json!(0)),
        ("boolean_value", serde_json::json!(false)),
        ("string_value", serde_json::json!("")),
        ("number_value", serde_json::json!("")),
        ("number_value", serde_json::json!(0.0)),
    ] {
        if record.get(column) == Some(&nothing) {
            record.remove(column);
        }
    }
    let row = Row::read(writing, table, &record, Lenience::UseDefault)?;
    row.upsert(
        writing,
        &Upsert {
            key: &["patient_id", "attribute_id"],
            keep: &["created_at", "deleted_at"],
            now: &["updated_at"],
            guarded: true,
        },
    )
}

/// Vital signs. An update makes the row look newly created, so it comes back as created.
pub(super) fn vital(writing: &Writing<'_>, table: &Table, record: &Record) -> Result<(), RowError> {
    let mut record = record.clone();
    record.remove("event_id");
    let mut row = Row::read(writing, table, &record, Lenience::UseDefault)?;
    row.fill("timestamp", Stored::Integer(writing.now_ms));
    row.set(
        "deleted_at",
        read_one(writing, Kind::Instant, &record, "deleted_at")?,
    );
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &[],
            now: &["created_at", "server_created_at", "updated_at"],
            guarded: true,
        },
    )
}

/// A problem. Both times are the server's, so the guard never refuses and the last push wins.
pub(super) fn problem(
    writing: &Writing<'_>,
    table: &Table,
    record: &Record,
) -> Result<(), RowError> {
    let mut row = Row::read(writing, table, record, Lenience::Refuse)?;
    row.fill("is_deleted", Stored::Integer(0));
    row.set("created_at", Stored::Integer(writing.now_ms));
    row.set("updated_at", Stored::Integer(writing.now_ms));
    row.set(
        "deleted_at",
        read_one(writing, Kind::Instant, record, "deleted_at")?,
    );
    row.upsert(
        writing,
        &Upsert {
            key: &["id"],
            keep: &[],
            now: &[],
            guarded: false,
        },
    )
}
