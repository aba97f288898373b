//! Deletions, and what they drag along.

use serde_json::Value;
use uuid::Uuid;

use super::{RowError, Writing};
use crate::schema::Table;

/// What goes with a deleted patient or visit: the table and the column that names the parent.
fn children(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        "patients" => &[
            ("patient_additional_attributes", "patient_id"),
            ("appointments", "patient_id"),
            ("prescriptions", "patient_id"),
            ("events", "patient_id"),
            ("visits", "patient_id"),
            ("prescription_items", "patient_id"),
            ("patient_vitals", "patient_id"),
            ("patient_problems", "patient_id"),
        ],
        "visits" => &[
            ("prescriptions", "visit_id"),
            ("events", "visit_id"),
            ("appointments", "current_visit_id"),
        ],
        _ => &[],
    }
}

/// Deletes a row by its id. An unknown id is no error, one that is no UUID is.
pub(super) fn delete(writing: &Writing<'_>, table: &Table, id: &Value) -> Result<(), RowError> {
    let parsed = id.as_str().and_then(|id| Uuid::parse_str(id).ok());
    if table.name == "prescription_items" {
        // Really removed, and nobody is ever told. Refused if something was dispensed on it.
        let id = parsed.ok_or(RowError::Object)?;
        return writing
            .database
            .execute(
                "DELETE FROM prescription_items WHERE id = ?1",
                [id.to_string()],
            )
            .map(|_| ())
            .map_err(|_| RowError::Object);
    }
    let id = parsed.ok_or(RowError::Handler)?.to_string();
    let together = writing.database.unchecked_transaction()?;
    for (child, column) in children(table.name) {
        // Without a deletion time, so these never come in a list of deletions.
        writing.database.execute(
            &format!(
                "UPDATE \"{child}\" SET is_deleted = 1, updated_at = ?2, last_modified = ?2 \
                 WHERE \"{column}\" = ?1 AND is_deleted = 0"
            ),
            (&id, writing.now_ms),
        )?;
    }
    let times = match table.name {
        "patient_vitals" | "patient_problems" => "",
        _ => ", updated_at = ?2, last_modified = ?2",
    };
    writing.database.execute(
        &format!(
            "UPDATE \"{}\" SET is_deleted = 1, deleted_at = ?2{times} WHERE id = ?1",
            table.name
        ),
        (&id, writing.now_ms),
    )?;
    together.commit()?;
    Ok(())
}
