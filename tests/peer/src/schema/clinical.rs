//! What is recorded about patients.

use super::{Column, Kind, Table};

/// The people.
pub(super) static PATIENTS: Table = Table {
    name: "patients",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("given_name", Kind::Text(None)),
        Column::new("surname", Kind::Text(None)),
        Column::new("date_of_birth", Kind::Day),
        Column::new("citizenship", Kind::Text(None)),
        Column::new("hometown", Kind::Text(None)),
        Column::new("phone", Kind::Text(None)),
        Column::new("sex", Kind::Text(Some(24))),
        Column::new("camp", Kind::Text(Some(50))),
        Column::new("additional_data", Kind::Json("{}")).required(),
        Column::new("image_timestamp", Kind::Instant),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("photo_url", Kind::Text(None)),
        Column::new("is_deleted", Kind::Bool),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("server_created_at", Kind::Instant),
        Column::new("deleted_at", Kind::Instant),
        Column::new("government_id", Kind::Text(Some(100))),
        Column::new("external_patient_id", Kind::Text(Some(100))),
        Column::new("primary_clinic_id", Kind::Uuid).to("clinics"),
        Column::new("last_modified_by", Kind::Uuid).to("users"),
    ],
    unique: &[],
};

/// Answers of a registration form beyond the fixed columns; the true key is the pair.
pub(super) static PATIENT_ADDITIONAL_ATTRIBUTES: Table = Table {
    name: "patient_additional_attributes",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("attribute_id", Kind::Text(None)).required(),
        Column::new("attribute", Kind::Text(None)).required(),
        Column::new("number_value", Kind::Double),
        Column::new("string_value", Kind::Text(None)),
        Column::new("date_value", Kind::Instant),
        Column::new("boolean_value", Kind::Bool),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool).required(),
        Column::new("created_at", Kind::Instant).required(),
        Column::new("updated_at", Kind::Instant).required(),
        Column::new("last_modified", Kind::Instant).required(),
        Column::new("server_created_at", Kind::Instant).required(),
        Column::new("deleted_at", Kind::Instant),
        Column::new("patient_id", Kind::Uuid)
            .required()
            .to("patients"),
    ],
    unique: &["patient_id", "attribute_id"],
};

/// Visits.
pub(super) static VISITS: Table = Table {
    name: "visits",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("patient_id", Kind::Uuid).to("patients"),
        Column::new("clinic_id", Kind::Uuid).to("clinics"),
        Column::new("provider_id", Kind::Uuid).to("users"),
        Column::new("provider_name", Kind::Text(None)),
        Column::new("check_in_timestamp", Kind::Instant),
        Column::new("is_deleted", Kind::Bool),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("server_created_at", Kind::Instant),
        Column::new("deleted_at", Kind::Instant),
    ],
    unique: &[],
};

/// Filled-in forms.
pub(super) static EVENTS: Table = Table {
    name: "events",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("patient_id", Kind::Uuid).to("patients"),
        Column::new("visit_id", Kind::Uuid).to("visits"),
        Column::new("form_id", Kind::Uuid).to("event_forms"),
        Column::new("event_type", Kind::Text(None)),
        Column::new("form_data", Kind::Json("[]")).required(),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool),
        Column::new("created_at", Kind::Instant),
        Column::new("updated_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant),
        Column::new("server_created_at", Kind::Instant),
        Column::new("deleted_at", Kind::Instant),
        Column::new("recorded_by_user_id", Kind::Uuid).to("users"),
    ],
    unique: &[],
};

/// Appointments.
pub(super) static APPOINTMENTS: Table = Table {
    name: "appointments",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("provider_id", Kind::Uuid).to("users"),
        Column::new("clinic_id", Kind::Uuid)
            .required()
            .to("clinics"),
        Column::new("patient_id", Kind::Uuid)
            .required()
            .to("patients"),
        Column::new("user_id", Kind::Uuid).required().to("users"),
        Column::new("current_visit_id", Kind::Uuid)
            .required()
            .to("visits"),
        Column::new("fulfilled_visit_id", Kind::Uuid).to("visits"),
        Column::new("timestamp", Kind::Instant).required(),
        Column::new("duration", Kind::Int).required(),
        Column::new("reason", Kind::Text(None)).required(),
        Column::new("notes", Kind::Text(None)).required(),
        Column::new("status", Kind::Text(None)).required(),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool).required(),
        Column::new("created_at", Kind::Instant).required(),
        Column::new("updated_at", Kind::Instant).required(),
        Column::new("last_modified", Kind::Instant).required(),
        Column::new("server_created_at", Kind::Instant).required(),
        Column::new("deleted_at", Kind::Instant),
        Column::new("departments", Kind::Json("[]")).required(),
        Column::new("is_walk_in", Kind::Bool).required(),
    ],
    unique: &[],
};

/// Vital signs. `event_id` is printed but never filled.
pub(super) static PATIENT_VITALS: Table = Table {
    name: "patient_vitals",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("patient_id", Kind::Uuid)
            .required()
            .to("patients"),
        Column::new("visit_id", Kind::Uuid).to("visits"),
        Column::new("timestamp", Kind::Instant).required(),
        Column::new("systolic_bp", Kind::Int),
        Column::new("diastolic_bp", Kind::Int),
        Column::new("bp_position", Kind::Text(Some(50))),
        Column::new("height_cm", Kind::Decimal(5, 2)),
        Column::new("weight_kg", Kind::Decimal(5, 2)),
        Column::new("bmi", Kind::Decimal(4, 2)),
        Column::new("waist_circumference_cm", Kind::Decimal(5, 2)),
        Column::new("heart_rate", Kind::Int),
        Column::new("pulse_rate", Kind::Int),
        Column::new("oxygen_saturation", Kind::Decimal(5, 2)),
        Column::new("respiratory_rate", Kind::Int),
        Column::new("temperature_celsius", Kind::Decimal(4, 2)),
        Column::new("pain_level", Kind::Int),
        Column::new("recorded_by_user_id", Kind::Uuid).to("users"),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool).required(),
        Column::new("created_at", Kind::Instant).required(),
        Column::new("updated_at", Kind::Instant).required(),
        Column::new("last_modified", Kind::Instant).required(),
        Column::new("server_created_at", Kind::Instant).required(),
        Column::new("deleted_at", Kind::Instant),
        Column::new("event_id", Kind::Uuid),
    ],
    unique: &[],
};

/// Diagnoses.
pub(super) static PATIENT_PROBLEMS: Table = Table {
    name: "patient_problems",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("patient_id", Kind::Uuid)
            .required()
            .to("patients"),
        Column::new("visit_id", Kind::Uuid).to("visits"),
        Column::new("problem_code_system", Kind::Text(Some(50))).required(),
        Column::new("problem_code", Kind::Text(Some(100))).required(),
        Column::new("problem_label", Kind::Text(Some(255))).required(),
        Column::new("clinical_status", Kind::Text(Some(50))).required(),
        Column::new("verification_status", Kind::Text(Some(50))).required(),
        Column::new("severity_score", Kind::Int),
        Column::new("onset_date", Kind::Day),
        Column::new("end_date", Kind::Day),
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
