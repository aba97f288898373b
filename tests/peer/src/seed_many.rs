//! Many patients at once, for pulls of a real clinic's size.

use rusqlite::Connection;
use serde_json::json;

use crate::ids;
use crate::value::calendar::day_text;

const GIVEN: [&str; 8] = [
    "Amal", "Basim", "Dina", "Farid", "Hala", "Idris", "Jana", "Karim",
];
const SURNAMES: [&str; 8] = [
    "Abboud", "Barakat", "Darwish", "Fakhoury", "Hamdan", "Issa", "Khalil", "Mansour",
];

/// Inserts patients `from..to`, each with a visit and three events, in one transaction.
pub(crate) fn patients(
    database: &mut Connection,
    from: usize,
    to: usize,
    now_ms: i64,
) -> rusqlite::Result<()> {
    let (user_id, clinic_id): (String, String) =
        database.query_row("SELECT id, clinic_id FROM users LIMIT 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let together = database.transaction()?;
    {
        let mut patient = together.prepare(
            "INSERT INTO patients (id, given_name, surname, date_of_birth, citizenship, \
             hometown, phone, sex, camp, additional_data, metadata, is_deleted, created_at, \
             updated_at, last_modified, server_created_at, government_id, external_patient_id, \
             primary_clinic_id, last_modified_by) VALUES (?1, ?2, ?3, ?4, '', 'Village', ?5, \
             ?6, '', '{}', '{}', 0, ?7, ?7, ?7, ?7, '', '', ?8, ?9)",
        )?;
        let mut visit = together.prepare(
            "INSERT INTO visits (id, patient_id, clinic_id, provider_id, provider_name, \
             check_in_timestamp, metadata, is_deleted, created_at, updated_at, last_modified, \
             server_created_at) VALUES (?1, ?2, ?3, ?4, 'Seeded provider', ?5, '{}', 0, ?5, \
             ?5, ?5, ?5)",
        )?;
        let mut event = together.prepare(
            "INSERT INTO events (id, patient_id, visit_id, form_id, event_type, form_data, \
             metadata, is_deleted, created_at, updated_at, last_modified, server_created_at, \
             recorded_by_user_id) VALUES (?1, ?2, ?3, ?4, 'Check-up', ?5, '{}', 0, ?6, ?6, ?6, \
             ?6, ?7)",
        )?;
        for n in from..to {
            let name = |names: &[&'static str; 8], index: usize| {
                names.get(index % 8).copied().unwrap_or_default()
            };
            let birth = day_text((n as i64 % 25_000 - 8_000) * 86_400_000);
            patient.execute((
                ids::patient_id(n),
                format!("{} {n}", name(&GIVEN, n)),
                name(&SURNAMES, n / 8),
                birth,
                format!("{:011}", 70_000_000_000 + n as i64),
                if n % 2 == 0 { "female" } else { "male" },
                now_ms,
                &clinic_id,
                &user_id,
            ))?;
            visit.execute((
                ids::visit_id(n),
                ids::patient_id(n),
                &clinic_id,
                &user_id,
                now_ms,
            ))?;
            for k in 0..3 {
                let form_data = json!([
                    {"fieldId": "pulse", "name": "Pulse", "value": 60 + (n + k) % 40,
                     "fieldType": "free-text", "inputType": "number"},
                    {"fieldId": "note", "name": "Note", "value": "seeded",
                     "fieldType": "free-text", "inputType": "textarea"},
                ]);
                event.execute((
                    ids::event_id(n, k),
                    ids::patient_id(n),
                    ids::visit_id(n),
                    ids::EVENT_FORM,
                    form_data.to_string(),
                    now_ms,
                    &user_id,
                ))?;
            }
        }
    }
    together.commit()
}
