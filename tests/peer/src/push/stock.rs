//! What dispensing does to the stock of a clinic.

use rusqlite::OptionalExtension as _;
use rusqlite::types::Value as Stored;

use super::{RowError, Writing};
use crate::system::random_uuid;
use crate::value::calendar::day_text;

/// A year, until which an untracked batch is said to keep.
const YEAR_MS: i64 = 365 * 86_400_000;

/// Takes the quantity of a new dispensing record off the stock. Stock may go below nothing;
/// where there is no row at all, one with an untracked batch appears.
pub(super) fn take_off(writing: &Writing<'_>, record_id: &Stored) -> Result<(), RowError> {
    let (clinic_id, drug_id, batch_id, quantity): (String, String, Option<String>, i64) =
        writing.database.query_row(
            "SELECT clinic_id, drug_id, batch_id, quantity_dispensed \
             FROM dispensing_records WHERE id = ?1",
            [record_id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
    let stock: Option<(String, String)> = writing
        .database
        .query_row(
            "SELECT id, batch_id FROM clinic_inventory \
             WHERE clinic_id = ?1 AND drug_id = ?2 AND is_deleted = 0 \
             ORDER BY batch_id IS NOT ?3, quantity_available <= 0, batch_expiry_date, rowid \
             LIMIT 1",
            (&clinic_id, &drug_id, &batch_id),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let batch_id = match stock {
        Some((id, batch_id)) => {
            writing.database.execute(
                "UPDATE clinic_inventory SET quantity_available = quantity_available - ?2, \
                 updated_at = ?3, last_modified = ?3 WHERE id = ?1",
                (id, quantity, writing.now_ms),
            )?;
            batch_id
        }
        None => untracked(writing, &clinic_id, &drug_id, quantity)?,
    };
    writing.database.execute(
        "UPDATE dispensing_records SET batch_id = ?2 WHERE id = ?1 AND batch_id IS NULL",
        (record_id, batch_id),
    )?;
    Ok(())
}

fn untracked(
    writing: &Writing<'_>,
    clinic_id: &str,
    drug_id: &str,
    quantity: i64,
) -> Result<String, RowError> {
    let batch_id = random_uuid().to_string();
    let now_ms = writing.now_ms;
    let batch_number = format!(
        "UNTRACKED-{drug_id}-{}.{:06}",
        now_ms.div_euclid(1_000),
        now_ms.rem_euclid(1_000) * 1_000
    );
    writing.database.execute(
        "INSERT INTO clinic_inventory (id, clinic_id, drug_id, batch_id, quantity_available, \
         reserved_quantity, metadata, is_deleted, created_at, updated_at, last_modified, \
         server_created_at, batch_number, batch_expiry_date) \
         VALUES (?1, ?2, ?3, ?4, -?5, 0, '{}', 0, ?6, ?6, ?6, ?6, ?7, ?8)",
        (
            random_uuid().to_string(),
            clinic_id,
            drug_id,
            &batch_id,
            quantity,
            now_ms,
            batch_number,
            day_text(now_ms + YEAR_MS),
        ),
    )?;
    Ok(batch_id)
}
