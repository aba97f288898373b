//! The rows that exist from the start, and many patients at once.

use rusqlite::{Connection, Transaction};
use serde_json::json;

use crate::auth::hash;
use crate::config::PeerConfig;
use crate::ids;
use crate::system::random_uuid;

/// Inserts what the configuration asks for; rows that exist are left.
pub(crate) fn seed(database: &mut Connection, config: &PeerConfig) -> rusqlite::Result<()> {
    let now_ms = (config.clock)();
    let together = database.transaction()?;
    for clinic in &config.clinics {
        together.execute(
            "INSERT OR IGNORE INTO clinics (id, name, is_deleted, created_at, updated_at, \
             last_modified, server_created_at, attributes, metadata, is_archived) \
             VALUES (?1, ?2, 0, ?3, ?3, ?3, ?3, '[]', '{}', 0)",
            (&clinic.id, &clinic.name, now_ms),
        )?;
    }
    for (index, user) in config.users.iter().enumerate() {
        together.execute(
            "INSERT OR IGNORE INTO users (id, name, role, email, hashed_password, clinic_id, \
             is_deleted, created_at, updated_at, last_modified, server_created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7, ?7, ?7)",
            (
                ids::user_id(index),
                &user.name,
                &user.role,
                &user.email,
                hash(&user.password),
                &user.clinic_id,
                now_ms,
            ),
        )?;
    }
    permissions(&together, config, now_ms)?;
    forms(&together, now_ms)?;
    if config.clinics.iter().any(|c| c.id == ids::CLINIC_A) {
        pharmacy(&together, now_ms)?;
        hub(&together, now_ms)?;
    }
    together.commit()
}

/// A row per user and clinic; only in the own clinic is anything allowed.
fn permissions(
    database: &Transaction<'_>,
    config: &PeerConfig,
    now_ms: i64,
) -> rusqlite::Result<()> {
    for (index, user) in config.users.iter().enumerate() {
        for clinic in &config.clinics {
            let own = user.clinic_id.as_deref() == Some(&clinic.id);
            let treats = own && user.role != "registrar";
            let leads = own && user.role.contains("admin");
            database.execute(
                "INSERT OR IGNORE INTO user_clinic_permissions (id, user_id, clinic_id, \
                 can_register_patients, can_view_history, can_edit_records, can_delete_records, \
                 is_clinic_admin, created_at, updated_at, can_edit_other_provider_event, \
                 can_download_patient_reports, can_prescribe_medications, \
                 can_dispense_medications, can_delete_patient_visits, can_delete_patient_records) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?5, ?6, ?7, ?7, ?6, ?6, ?5, ?5, ?6, ?6)",
                (
                    random_uuid().to_string(),
                    ids::user_id(index),
                    &clinic.id,
                    own,
                    treats,
                    leads,
                    now_ms,
                ),
            )?;
        }
    }
    Ok(())
}

fn forms(database: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<()> {
    let event_fields = json!([
        {"id": "pulse", "name": "Pulse", "inputType": "number", "fieldType": "free-text"},
        {"id": "note", "name": "Note", "inputType": "textarea", "fieldType": "free-text"},
    ]);
    database.execute(
        "INSERT OR IGNORE INTO event_forms (id, name, language, is_editable, is_snapshot_form, \
         form_fields, metadata, is_deleted, created_at, updated_at, last_modified, \
         server_created_at, clinic_ids, translations) \
         VALUES (?1, 'Check-up', 'en', 1, 0, ?2, '{}', 0, ?3, ?3, ?3, ?3, '[]', '[]')",
        (ids::EVENT_FORM, event_fields.to_string(), now_ms),
    )?;
    let fields = json!([
        {"id": "f1", "position": 1, "column": "given_name", "baseField": true,
         "label": {"en": "Given name"}, "fieldType": "text", "required": true, "deleted": false},
        {"id": "f2", "position": 2, "column": "surname", "baseField": true,
         "label": {"en": "Surname"}, "fieldType": "text", "required": true, "deleted": false},
    ]);
    database.execute(
        "INSERT OR IGNORE INTO registration_forms (id, name, fields, metadata, is_deleted, \
         created_at, updated_at, last_modified, server_created_at) \
         VALUES (?1, 'Registration', ?2, '{}', 0, ?3, ?3, ?3, ?3)",
        (ids::REGISTRATION_FORM, fields.to_string(), now_ms),
    )?;
    database.execute(
        "INSERT OR IGNORE INTO app_config (id, namespace, key, value, data_type, created_at, \
         updated_at, last_modified, display_name) VALUES (?1, 'system', 'operation_mode', \
         'user_choice', 'string', ?2, ?2, ?2, 'Operation mode of the app')",
        (ids::OPERATION_MODE, now_ms),
    )?;
    Ok(())
}

fn pharmacy(database: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<()> {
    database.execute(
        "INSERT OR IGNORE INTO clinic_departments (id, clinic_id, name, status, \
         can_dispense_medications, can_perform_labs, can_perform_imaging, \
         additional_capabilities, metadata, is_deleted, created_at, updated_at, last_modified, \
         server_created_at) \
         VALUES (?1, ?2, 'Pharmacy', 'active', 1, 0, 0, '[]', '{}', 0, ?3, ?3, ?3, ?3)",
        (ids::DEPARTMENT, ids::CLINIC_A, now_ms),
    )?;
    for (id, name, strength) in [
        (ids::DRUG, "Metformin", "500.0000"),
        (ids::DRUG_WITHOUT_STOCK, "Amoxicillin", "250.0000"),
    ] {
        database.execute(
            "INSERT OR IGNORE INTO drug_catalogue (id, generic_name, form, route, \
             dosage_quantity, dosage_units, sale_price, min_stock_level, is_controlled, \
             requires_refrigeration, is_active, metadata, is_deleted, created_at, updated_at, \
             last_modified, server_created_at) VALUES (?1, ?2, 'tablet', 'oral', ?3, 'mg', \
             '0.00', 0, 0, 0, 1, '{}', 0, ?4, ?4, ?4, ?4)",
            (id, name, strength, now_ms),
        )?;
    }
    database.execute(
        "INSERT OR IGNORE INTO clinic_inventory (id, clinic_id, drug_id, batch_id, \
         quantity_available, reserved_quantity, metadata, is_deleted, created_at, updated_at, \
         last_modified, server_created_at, batch_number, batch_expiry_date) \
         VALUES (?1, ?2, ?3, ?4, 100, 0, '{}', 0, ?5, ?5, ?5, ?5, 'LOT-1', '2030-01-31')",
        (
            ids::STOCK,
            ids::CLINIC_A,
            ids::DRUG,
            ids::STOCK_BATCH,
            now_ms,
        ),
    )?;
    Ok(())
}

fn hub(database: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<()> {
    database.execute(
        "INSERT OR IGNORE INTO devices (id, name, device_type, api_key_hash, status, \
         clinic_ids, max_pin_attempts, failed_pin_attempts, specifications, metadata, \
         is_deleted, created_at, updated_at, last_modified, server_created_at) \
         VALUES (?1, 'Reference hub', 'sync_hub', ?2, 'active', ?3, 3, 0, '{}', '{}', 0, \
         ?4, ?4, ?4, ?4)",
        (
            ids::HUB,
            hash(ids::HUB_KEY),
            json!([ids::CLINIC_A]).to_string(),
            now_ms,
        ),
    )?;
    let user: Option<String> = database
        .query_row("SELECT id FROM users LIMIT 1", [], |row| row.get(0))
        .ok();
    if let Some(user) = user {
        database.execute(
            "INSERT OR IGNORE INTO device_pin_codes (id, device_id, user_id, pin_hash, \
             metadata, is_deleted, created_at, updated_at, last_modified, server_created_at) \
             VALUES ('914c0000-0000-4000-8000-000000000001', ?1, ?2, ?3, '{}', 0, ?4, ?4, ?4, ?4)",
            (ids::HUB, user, hash("1234"), now_ms),
        )?;
    }
    Ok(())
}
