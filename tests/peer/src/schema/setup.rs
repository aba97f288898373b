//! What administrators set up, and the tables that must never reach a device.

use super::{Column, Kind, Table};

/// Clinics.
pub(super) static CLINICS: Table = Table {
    name: "clinics",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("name", Kind::Text(None)),
        Column::new("is_deleted", Kind::Bool),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("server_created_at", Kind::Instant),
        Column::new("deleted_at", Kind::Instant),
        Column::new("attributes", Kind::Json("[]")),
        Column::new("metadata", Kind::Json("{}")),
        Column::new("address", Kind::Text(None)),
        Column::new("is_archived", Kind::Bool).required(),
    ],
    unique: &[],
};

/// Forms for events.
pub(super) static EVENT_FORMS: Table = Table {
    name: "event_forms",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("name", Kind::Text(None)),
        Column::new("description", Kind::Text(None)),
        Column::new("language", Kind::Text(None)).required(),
        Column::new("is_editable", Kind::Bool),
        Column::new("is_snapshot_form", Kind::Bool),
        Column::new("form_fields", Kind::Json("[]")).required(),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("server_created_at", Kind::Instant),
        Column::new("deleted_at", Kind::Instant),
        Column::new("clinic_ids", Kind::Json("[]")),
        Column::new("translations", Kind::Json("[]")),
    ],
    unique: &[],
};

/// Forms for the registration of patients.
pub(super) static REGISTRATION_FORMS: Table = Table {
    name: "registration_forms",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("clinic_id", Kind::Uuid).to("clinics"),
        Column::new("name", Kind::Text(None)).required(),
        Column::new("fields", Kind::Json("[]")).required(),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("server_created_at", Kind::Instant),
        Column::new("deleted_at", Kind::Instant),
    ],
    unique: &[],
};

/// Departments of a clinic.
pub(super) static CLINIC_DEPARTMENTS: Table = Table {
    name: "clinic_departments",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("clinic_id", Kind::Uuid)
            .required()
            .to("clinics"),
        Column::new("name", Kind::Text(None)).required(),
        Column::new("code", Kind::Text(None)),
        Column::new("description", Kind::Text(None)),
        Column::new("status", Kind::Text(None)),
        Column::new("can_dispense_medications", Kind::Bool).required(),
        Column::new("can_perform_labs", Kind::Bool).required(),
        Column::new("can_perform_imaging", Kind::Bool).required(),
        Column::new("additional_capabilities", Kind::Json("[]")),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("server_created_at", Kind::Instant),
        Column::new("deleted_at", Kind::Instant),
    ],
    unique: &[],
};

/// What each user may do in each clinic; no deletion is ever recorded.
pub(super) static USER_CLINIC_PERMISSIONS: Table = Table {
    name: "user_clinic_permissions",
    columns: &[
        Column::new("user_id", Kind::Uuid).required().to("users"),
        Column::new("clinic_id", Kind::Uuid)
            .required()
            .to("clinics"),
        Column::new("can_register_patients", Kind::Bool),
        Column::new("can_view_history", Kind::Bool),
        Column::new("can_edit_records", Kind::Bool),
        Column::new("can_delete_records", Kind::Bool),
        Column::new("is_clinic_admin", Kind::Bool),
        Column::new("created_by", Kind::Uuid).to("users"),
        Column::new("last_modified_by", Kind::Uuid).to("users"),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("id", Kind::Uuid).required(),
        Column::new("can_edit_other_provider_event", Kind::Bool),
        Column::new("can_download_patient_reports", Kind::Bool),
        Column::new("can_prescribe_medications", Kind::Bool),
        Column::new("can_dispense_medications", Kind::Bool),
        Column::new("can_delete_patient_visits", Kind::Bool),
        Column::new("can_delete_patient_records", Kind::Bool),
    ],
    unique: &["user_id", "clinic_id"],
};

/// Settings of the app; no deletion is ever recorded.
pub(super) static APP_CONFIG: Table = Table {
    name: "app_config",
    columns: &[
        Column::new("namespace", Kind::Text(Some(128))).required(),
        Column::new("key", Kind::Text(Some(128))).required(),
        Column::new("value", Kind::Text(None)),
        Column::new("data_type", Kind::Text(Some(32))).required(),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("last_modified_by", Kind::Uuid).to("users"),
        Column::new("display_name", Kind::Text(Some(255))),
        Column::new("id", Kind::Uuid).required(),
    ],
    unique: &["namespace", "key"],
};

/// Users, with their password.
pub(super) static USERS: Table = Table {
    name: "users",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("name", Kind::Text(None)).required(),
        Column::new("role", Kind::Text(None)).required(),
        Column::new("email", Kind::Text(None)).required(),
        Column::new("hashed_password", Kind::Text(None)).required(),
        Column::new("instance_url", Kind::Text(None)),
        Column::new("clinic_id", Kind::Uuid).to("clinics"),
        Column::new("is_deleted", Kind::Bool),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("server_created_at", Kind::Instant),
        Column::new("deleted_at", Kind::Instant),
    ],
    unique: &[],
};

/// Hubs, with the hash of their key.
pub(super) static DEVICES: Table = Table {
    name: "devices",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("name", Kind::Text(None)).required(),
        Column::new("device_type", Kind::Text(None)).required(),
        Column::new("hardware_id", Kind::Text(None)),
        Column::new("hardware_id_type", Kind::Text(None)),
        Column::new("os_type", Kind::Text(None)),
        Column::new("app_version", Kind::Text(None)),
        Column::new("api_key_hash", Kind::Text(None)).required(),
        Column::new("status", Kind::Text(None)).required(),
        Column::new("clinic_ids", Kind::Json("[]")).required(),
        Column::new("max_pin_attempts", Kind::Int).required(),
        Column::new("failed_pin_attempts", Kind::Int).required(),
        Column::new("last_seen_at", Kind::Instant),
        Column::new("specifications", Kind::Json("{}")).required(),
        Column::new("recorded_by_user_id", Kind::Uuid).to("users"),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool).required(),
        Column::new("created_at", Kind::Instant).required(),
        Column::new("updated_at", Kind::Instant).required(),
        Column::new("last_modified", Kind::Instant).required(),
        Column::new("server_created_at", Kind::Instant).required(),
        Column::new("deleted_at", Kind::Instant),
    ],
    unique: &[],
};

/// PIN codes of hub users.
pub(super) static DEVICE_PIN_CODES: Table = Table {
    name: "device_pin_codes",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("device_id", Kind::Uuid)
            .required()
            .to("devices"),
        Column::new("user_id", Kind::Uuid).required().to("users"),
        Column::new("pin_hash", Kind::Text(None)).required(),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool).required(),
        Column::new("created_at", Kind::Instant).required(),
        Column::new("updated_at", Kind::Instant).required(),
        Column::new("last_modified", Kind::Instant).required(),
        Column::new("server_created_at", Kind::Instant).required(),
        Column::new("deleted_at", Kind::Instant),
    ],
    unique: &[],
};
