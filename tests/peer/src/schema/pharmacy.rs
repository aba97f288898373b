//! Prescribing, stock and dispensing.

use super::{Column, Kind, Table};

/// Prescriptions; their lines are in `prescription_items`.
pub(super) static PRESCRIPTIONS: Table = Table {
    name: "prescriptions",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("patient_id", Kind::Uuid)
            .required()
            .to("patients"),
        Column::new("provider_id", Kind::Uuid)
            .required()
            .to("users"),
        Column::new("filled_by", Kind::Uuid).to("users"),
        Column::new("pickup_clinic_id", Kind::Uuid)
            .required()
            .to("clinics"),
        Column::new("visit_id", Kind::Uuid).to("visits"),
        Column::new("priority", Kind::Text(None)),
        Column::new("expiration_date", Kind::Instant),
        Column::new("prescribed_at", Kind::Instant).required(),
        Column::new("filled_at", Kind::Instant),
        Column::new("status", Kind::Text(None)).required(),
        Column::new("items", Kind::Json("[]")).required(),
        Column::new("notes", Kind::Text(None)).required(),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool).required(),
        Column::new("created_at", Kind::Instant).required(),
        Column::new("updated_at", Kind::Instant).required(),
        Column::new("deleted_at", Kind::Instant),
        Column::new("last_modified", Kind::Instant).required(),
        Column::new("server_created_at", Kind::Instant).required(),
    ],
    unique: &[],
};

/// Drugs.
pub(super) static DRUG_CATALOGUE: Table = Table {
    name: "drug_catalogue",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("barcode", Kind::Text(None)),
        Column::new("generic_name", Kind::Text(None)).required(),
        Column::new("brand_name", Kind::Text(None)),
        Column::new("form", Kind::Text(None)).required(),
        Column::new("route", Kind::Text(None)).required(),
        Column::new("dosage_quantity", Kind::Decimal(10, 4)).required(),
        Column::new("dosage_units", Kind::Text(None)).required(),
        Column::new("manufacturer", Kind::Text(None)),
        Column::new("sale_price", Kind::Decimal(10, 2)).required(),
        Column::new("sale_currency", Kind::Text(None)),
        Column::new("min_stock_level", Kind::Int),
        Column::new("max_stock_level", Kind::Int),
        Column::new("is_controlled", Kind::Bool),
        Column::new("requires_refrigeration", Kind::Bool),
        Column::new("is_active", Kind::Bool),
        Column::new("notes", Kind::Text(None)),
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

/// Stock, one row per clinic and batch.
pub(super) static CLINIC_INVENTORY: Table = Table {
    name: "clinic_inventory",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("clinic_id", Kind::Uuid)
            .required()
            .to("clinics"),
        Column::new("drug_id", Kind::Uuid)
            .required()
            .to("drug_catalogue"),
        Column::new("batch_id", Kind::Uuid).required(),
        Column::new("quantity_available", Kind::Int).required(),
        Column::new("reserved_quantity", Kind::Int),
        Column::new("last_counted_at", Kind::Instant),
        Column::new("recorded_by_user_id", Kind::Uuid).to("users"),
        Column::new("metadata", Kind::Json("{}")).required(),
        Column::new("is_deleted", Kind::Bool).required(),
        Column::new("created_at", Kind::Instant).required(),
        Column::new("updated_at", Kind::Instant).required(),
        Column::new("last_modified", Kind::Instant).required(),
        Column::new("server_created_at", Kind::Instant).required(),
        Column::new("deleted_at", Kind::Instant),
        Column::new("batch_number", Kind::Text(None)),
        Column::new("batch_expiry_date", Kind::Day),
    ],
    unique: &[],
};

/// What was handed out.
pub(super) static DISPENSING_RECORDS: Table = Table {
    name: "dispensing_records",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("clinic_id", Kind::Uuid)
            .required()
            .to("clinics"),
        Column::new("drug_id", Kind::Uuid)
            .required()
            .to("drug_catalogue"),
        Column::new("batch_id", Kind::Uuid),
        Column::new("prescription_item_id", Kind::Uuid).to("prescription_items"),
        Column::new("patient_id", Kind::Uuid)
            .required()
            .to("patients"),
        Column::new("quantity_dispensed", Kind::Int).required(),
        Column::new("dosage_instructions", Kind::Text(None)),
        Column::new("days_supply", Kind::Int),
        Column::new("dispensed_by", Kind::Uuid)
            .required()
            .to("users"),
        Column::new("dispensed_at", Kind::Instant).required(),
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

/// The lines of a prescription.
pub(super) static PRESCRIPTION_ITEMS: Table = Table {
    name: "prescription_items",
    columns: &[
        Column::new("id", Kind::Uuid).required(),
        Column::new("prescription_id", Kind::Uuid)
            .required()
            .to("prescriptions"),
        Column::new("patient_id", Kind::Uuid)
            .required()
            .to("patients"),
        Column::new("drug_id", Kind::Uuid)
            .required()
            .to("drug_catalogue"),
        Column::new("clinic_id", Kind::Uuid)
            .required()
            .to("clinics"),
        Column::new("dosage_instructions", Kind::Text(None)).required(),
        Column::new("quantity_prescribed", Kind::Int).required(),
        Column::new("quantity_dispensed", Kind::Int),
        Column::new("refills_authorized", Kind::Int),
        Column::new("refills_used", Kind::Int),
        Column::new("item_status", Kind::Text(None)),
        Column::new("notes", Kind::Text(None)),
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
