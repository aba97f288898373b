// Written by amana-types: do not edit.
export default {
 "version": 9,
 "never_tables": [
  "users",
  "clinicians",
  "devices",
  "undefined",
  "device_pin_codes",
  "tokens",
  "server_variables"
 ],
 "never_columns": [
  "hashed_password",
  "password",
  "api_key_hash",
  "pin_hash",
  "pin_code_hash",
  "token",
  "instance_url"
 ],
 "tables": [
  {
   "name": "clinics",
   "direction": "pull",
   "whole_history": true,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "name",
     "role": "text",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "is_deleted",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "is_archived",
     "role": "bool"
    }
   ]
  },
  {
   "name": "event_forms",
   "direction": "pull",
   "whole_history": true,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "name",
     "role": "text",
     "nullable": true
    },
    {
     "name": "description",
     "role": "text",
     "nullable": true
    },
    {
     "name": "language",
     "role": "text"
    },
    {
     "name": "is_editable",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "is_snapshot_form",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "form_fields",
     "role": "json",
     "default": "[]"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "clinic_ids",
     "role": "json",
     "nullable": true,
     "default": "[]"
    },
    {
     "name": "translations",
     "role": "json",
     "nullable": true,
     "default": "[]"
    }
   ]
  },
  {
   "name": "registration_forms",
   "direction": "pull",
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "name",
     "role": "text"
    },
    {
     "name": "fields",
     "role": "json",
     "default": "[]"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    }
   ]
  },
  {
   "name": "clinic_departments",
   "direction": "pull",
   "whole_history": true,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "clinic_id",
     "role": "ref",
     "indexed": true,
     "ref": "clinics"
    },
    {
     "name": "name",
     "role": "text"
    },
    {
     "name": "code",
     "role": "text",
     "nullable": true
    },
    {
     "name": "description",
     "role": "text",
     "nullable": true
    },
    {
     "name": "status",
     "role": "enum",
     "nullable": true
    },
    {
     "name": "can_dispense_medications",
     "role": "bool"
    },
    {
     "name": "can_perform_labs",
     "role": "bool"
    },
    {
     "name": "can_perform_imaging",
     "role": "bool"
    },
    {
     "name": "additional_capabilities",
     "role": "json",
     "nullable": true,
     "default": "[]"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "last_modified",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "server_created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    }
   ]
  },
  {
   "name": "drug_catalogue",
   "direction": "pull",
   "whole_history": true,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "barcode",
     "role": "text",
     "nullable": true,
     "indexed": true
    },
    {
     "name": "generic_name",
     "role": "text"
    },
    {
     "name": "brand_name",
     "role": "text",
     "nullable": true
    },
    {
     "name": "form",
     "role": "text"
    },
    {
     "name": "route",
     "role": "text"
    },
    {
     "name": "dosage_quantity",
     "role": "decimal"
    },
    {
     "name": "dosage_units",
     "role": "text"
    },
    {
     "name": "manufacturer",
     "role": "text",
     "nullable": true
    },
    {
     "name": "sale_price",
     "role": "decimal"
    },
    {
     "name": "sale_currency",
     "role": "text",
     "nullable": true
    },
    {
     "name": "min_stock_level",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "max_stock_level",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "is_controlled",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "requires_refrigeration",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "is_active",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "notes",
     "role": "text",
     "nullable": true
    },
    {
     "name": "recorded_by_user_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "last_modified",
     "role": "instant"
    },
    {
     "name": "server_created_at",
     "role": "instant"
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    }
   ]
  },
  {
   "name": "clinic_inventory",
   "direction": "pull",
   "whole_history": true,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "clinic_id",
     "role": "ref",
     "ref": "clinics"
    },
    {
     "name": "drug_id",
     "role": "ref",
     "indexed": true,
     "ref": "drug_catalogue"
    },
    {
     "name": "batch_id",
     "role": "text"
    },
    {
     "name": "quantity_available",
     "role": "integer"
    },
    {
     "name": "reserved_quantity",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "last_counted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "recorded_by_user_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "last_modified",
     "role": "instant"
    },
    {
     "name": "server_created_at",
     "role": "instant"
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    },
    {
     "name": "batch_number",
     "role": "text",
     "nullable": true
    },
    {
     "name": "batch_expiry_date",
     "role": "day",
     "nullable": true
    }
   ]
  },
  {
   "name": "user_clinic_permissions",
   "direction": "pull",
   "natural_key": [
    "user_id",
    "clinic_id"
   ],
   "deletions_announced": false,
   "own_rows_only": "user_id",
   "whole_history": true,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "user_id",
     "role": "ref",
     "indexed": true,
     "ref": "users"
    },
    {
     "name": "clinic_id",
     "role": "ref",
     "indexed": true,
     "ref": "clinics"
    },
    {
     "name": "can_register_patients",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "can_view_history",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "can_edit_records",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "can_delete_records",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "is_clinic_admin",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "created_by",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "last_modified_by",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "can_edit_other_provider_event",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "can_download_patient_reports",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "can_prescribe_medications",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "can_dispense_medications",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "can_delete_patient_visits",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "can_delete_patient_records",
     "role": "bool",
     "nullable": true
    }
   ]
  },
  {
   "name": "app_config",
   "direction": "pull",
   "natural_key": [
    "namespace",
    "key"
   ],
   "deletions_announced": false,
   "whole_history": true,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "namespace",
     "role": "text",
     "max_chars": 128
    },
    {
     "name": "key",
     "role": "text",
     "max_chars": 128
    },
    {
     "name": "value",
     "role": "text",
     "nullable": true
    },
    {
     "name": "data_type",
     "role": "enum",
     "max_chars": 32
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "last_modified",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "last_modified_by",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "display_name",
     "role": "text",
     "nullable": true,
     "max_chars": 255
    }
   ]
  },
  {
   "name": "patients",
   "direction": "both",
   "children": [
    {
     "table": "patient_additional_attributes",
     "column": "patient_id"
    },
    {
     "table": "appointments",
     "column": "patient_id"
    },
    {
     "table": "prescriptions",
     "column": "patient_id"
    },
    {
     "table": "events",
     "column": "patient_id"
    },
    {
     "table": "visits",
     "column": "patient_id"
    },
    {
     "table": "prescription_items",
     "column": "patient_id"
    },
    {
     "table": "patient_vitals",
     "column": "patient_id"
    },
    {
     "table": "patient_problems",
     "column": "patient_id"
    }
   ],
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "given_name",
     "role": "text",
     "nullable": true
    },
    {
     "name": "surname",
     "role": "text",
     "nullable": true
    },
    {
     "name": "date_of_birth",
     "role": "day",
     "nullable": true
    },
    {
     "name": "citizenship",
     "role": "text",
     "nullable": true
    },
    {
     "name": "hometown",
     "role": "text",
     "nullable": true
    },
    {
     "name": "phone",
     "role": "text",
     "nullable": true
    },
    {
     "name": "sex",
     "role": "text",
     "nullable": true,
     "max_chars": 24
    },
    {
     "name": "camp",
     "role": "text",
     "nullable": true,
     "max_chars": 50
    },
    {
     "name": "additional_data",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "photo_url",
     "role": "text",
     "nullable": true
    },
    {
     "name": "is_deleted",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "government_id",
     "role": "text",
     "nullable": true,
     "max_chars": 100
    },
    {
     "name": "external_patient_id",
     "role": "text",
     "nullable": true,
     "max_chars": 100
    },
    {
     "name": "primary_clinic_id",
     "role": "ref",
     "nullable": true,
     "indexed": true,
     "ref": "clinics"
    },
    {
     "name": "last_modified_by",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "image_timestamp",
     "role": "instant",
     "nullable": true,
     "hidden": true
    }
   ]
  },
  {
   "name": "patient_additional_attributes",
   "direction": "both",
   "natural_key": [
    "patient_id",
    "attribute_id"
   ],
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "attribute_id",
     "role": "text",
     "indexed": true
    },
    {
     "name": "attribute",
     "role": "text"
    },
    {
     "name": "number_value",
     "role": "number",
     "nullable": true
    },
    {
     "name": "string_value",
     "role": "text",
     "nullable": true
    },
    {
     "name": "date_value",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "boolean_value",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    },
    {
     "name": "last_modified",
     "role": "instant"
    },
    {
     "name": "server_created_at",
     "role": "instant"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    }
   ]
  },
  {
   "name": "visits",
   "direction": "both",
   "children": [
    {
     "table": "prescriptions",
     "column": "visit_id"
    },
    {
     "table": "events",
     "column": "visit_id"
    },
    {
     "table": "appointments",
     "column": "current_visit_id"
    }
   ],
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "nullable": true,
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "clinic_id",
     "role": "ref",
     "nullable": true,
     "ref": "clinics"
    },
    {
     "name": "provider_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "provider_name",
     "role": "text",
     "nullable": true
    },
    {
     "name": "check_in_timestamp",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    }
   ]
  },
  {
   "name": "events",
   "direction": "both",
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "nullable": true,
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "form_id",
     "role": "ref",
     "nullable": true,
     "ref": "event_forms"
    },
    {
     "name": "visit_id",
     "role": "ref",
     "nullable": true,
     "indexed": true,
     "ref": "visits",
     "must_exist": true
    },
    {
     "name": "event_type",
     "role": "text",
     "nullable": true
    },
    {
     "name": "form_data",
     "role": "json",
     "default": "[]"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool",
     "nullable": true
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "created_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "updated_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "recorded_by_user_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    }
   ]
  },
  {
   "name": "appointments",
   "direction": "both",
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "provider_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "clinic_id",
     "role": "ref",
     "indexed": true,
     "ref": "clinics"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "user_id",
     "role": "ref",
     "ref": "users"
    },
    {
     "name": "current_visit_id",
     "role": "ref",
     "ref": "visits",
     "must_exist": true
    },
    {
     "name": "fulfilled_visit_id",
     "role": "ref",
     "nullable": true,
     "ref": "visits"
    },
    {
     "name": "timestamp",
     "role": "instant",
     "indexed": true
    },
    {
     "name": "duration",
     "role": "integer"
    },
    {
     "name": "reason",
     "role": "text"
    },
    {
     "name": "notes",
     "role": "text"
    },
    {
     "name": "is_walk_in",
     "role": "bool"
    },
    {
     "name": "departments",
     "role": "json",
     "default": "[]"
    },
    {
     "name": "status",
     "role": "enum"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    }
   ]
  },
  {
   "name": "prescriptions",
   "direction": "both",
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "provider_id",
     "role": "ref",
     "ref": "users"
    },
    {
     "name": "filled_by",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "pickup_clinic_id",
     "role": "ref",
     "ref": "clinics"
    },
    {
     "name": "visit_id",
     "role": "ref",
     "nullable": true,
     "ref": "visits",
     "must_exist": true
    },
    {
     "name": "priority",
     "role": "enum",
     "nullable": true
    },
    {
     "name": "expiration_date",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "prescribed_at",
     "role": "instant"
    },
    {
     "name": "filled_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "status",
     "role": "enum"
    },
    {
     "name": "items",
     "role": "json",
     "default": "[]"
    },
    {
     "name": "notes",
     "role": "text"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    }
   ]
  },
  {
   "name": "patient_vitals",
   "direction": "both",
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "visit_id",
     "role": "ref",
     "nullable": true,
     "ref": "visits"
    },
    {
     "name": "timestamp",
     "role": "instant"
    },
    {
     "name": "systolic_bp",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "diastolic_bp",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "bp_position",
     "role": "text",
     "nullable": true,
     "max_chars": 50
    },
    {
     "name": "height_cm",
     "role": "decimal",
     "nullable": true,
     "precision": [
      5,
      2
     ]
    },
    {
     "name": "weight_kg",
     "role": "decimal",
     "nullable": true,
     "precision": [
      5,
      2
     ]
    },
    {
     "name": "bmi",
     "role": "decimal",
     "nullable": true,
     "precision": [
      4,
      2
     ]
    },
    {
     "name": "waist_circumference_cm",
     "role": "decimal",
     "nullable": true,
     "precision": [
      5,
      2
     ]
    },
    {
     "name": "heart_rate",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "pulse_rate",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "oxygen_saturation",
     "role": "decimal",
     "nullable": true,
     "precision": [
      5,
      2
     ]
    },
    {
     "name": "respiratory_rate",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "temperature_celsius",
     "role": "decimal",
     "nullable": true,
     "precision": [
      4,
      2
     ]
    },
    {
     "name": "pain_level",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "recorded_by_user_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "event_id",
     "role": "ref",
     "nullable": true,
     "ref": "events",
     "push": false
    }
   ]
  },
  {
   "name": "patient_problems",
   "direction": "both",
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "visit_id",
     "role": "ref",
     "nullable": true,
     "ref": "visits"
    },
    {
     "name": "problem_code_system",
     "role": "enum",
     "max_chars": 50
    },
    {
     "name": "problem_code",
     "role": "text",
     "max_chars": 100
    },
    {
     "name": "problem_label",
     "role": "text",
     "max_chars": 255
    },
    {
     "name": "clinical_status",
     "role": "enum",
     "max_chars": 50
    },
    {
     "name": "verification_status",
     "role": "enum",
     "max_chars": 50
    },
    {
     "name": "severity_score",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "onset_date",
     "role": "day",
     "nullable": true
    },
    {
     "name": "end_date",
     "role": "day",
     "nullable": true
    },
    {
     "name": "recorded_by_user_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    },
    {
     "name": "last_modified",
     "role": "instant"
    },
    {
     "name": "server_created_at",
     "role": "instant"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    }
   ]
  },
  {
   "name": "prescription_items",
   "direction": "both",
   "deletions_announced": false,
   "updates_announced": false,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "prescription_id",
     "role": "ref",
     "indexed": true,
     "ref": "prescriptions"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "drug_id",
     "role": "ref",
     "indexed": true,
     "ref": "drug_catalogue"
    },
    {
     "name": "clinic_id",
     "role": "ref",
     "ref": "clinics"
    },
    {
     "name": "dosage_instructions",
     "role": "text"
    },
    {
     "name": "quantity_prescribed",
     "role": "integer"
    },
    {
     "name": "quantity_dispensed",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "refills_authorized",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "refills_used",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "item_status",
     "role": "enum",
     "nullable": true
    },
    {
     "name": "notes",
     "role": "text",
     "nullable": true
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    },
    {
     "name": "recorded_by_user_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "last_modified",
     "role": "instant"
    },
    {
     "name": "server_created_at",
     "role": "instant"
    }
   ]
  },
  {
   "name": "dispensing_records",
   "direction": "both",
   "push_stage": 1,
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "clinic_id",
     "role": "ref",
     "indexed": true,
     "ref": "clinics"
    },
    {
     "name": "drug_id",
     "role": "ref",
     "indexed": true,
     "ref": "drug_catalogue"
    },
    {
     "name": "batch_id",
     "role": "text",
     "nullable": true
    },
    {
     "name": "prescription_item_id",
     "role": "ref",
     "nullable": true,
     "indexed": true,
     "ref": "prescription_items"
    },
    {
     "name": "patient_id",
     "role": "ref",
     "indexed": true,
     "ref": "patients"
    },
    {
     "name": "quantity_dispensed",
     "role": "integer"
    },
    {
     "name": "dosage_instructions",
     "role": "text",
     "nullable": true
    },
    {
     "name": "days_supply",
     "role": "integer",
     "nullable": true
    },
    {
     "name": "dispensed_by",
     "role": "ref",
     "indexed": true,
     "ref": "users"
    },
    {
     "name": "dispensed_at",
     "role": "instant",
     "indexed": true
    },
    {
     "name": "recorded_by_user_id",
     "role": "ref",
     "nullable": true,
     "ref": "users"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "is_deleted",
     "role": "bool"
    },
    {
     "name": "deleted_at",
     "role": "instant",
     "nullable": true
    },
    {
     "name": "last_modified",
     "role": "instant"
    },
    {
     "name": "server_created_at",
     "role": "instant"
    },
    {
     "name": "created_at",
     "role": "instant"
    },
    {
     "name": "updated_at",
     "role": "instant"
    }
   ]
  },
  {
   "name": "event_logs",
   "direction": "local",
   "columns": [
    {
     "name": "id",
     "role": "id"
    },
    {
     "name": "transaction_id",
     "role": "text"
    },
    {
     "name": "action_type",
     "role": "text"
    },
    {
     "name": "table_name",
     "role": "text"
    },
    {
     "name": "row_id",
     "role": "text"
    },
    {
     "name": "changes",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "device_id",
     "role": "text"
    },
    {
     "name": "app_id",
     "role": "text"
    },
    {
     "name": "user_id",
     "role": "ref",
     "ref": "users"
    },
    {
     "name": "ip_address",
     "role": "text",
     "nullable": true
    },
    {
     "name": "hash",
     "role": "text"
    },
    {
     "name": "metadata",
     "role": "json",
     "default": "{}"
    },
    {
     "name": "synced",
     "role": "bool"
    },
    {
     "name": "created_at",
     "role": "instant"
    }
   ]
  }
 ]
};
