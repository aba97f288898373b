// Written by amana-types from version 9 of the schema: do not edit.
import type { JsonInput } from './schema.ts';

/** The tables: `row` as read, `insert` for a new record, `update` for a change, `refs` to others. */
export interface HikmaSchema {
  clinics: {
    row: {
      id: string;
      name: string | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
      /** Epoch milliseconds. */
      created_at: number | null;
      is_deleted: boolean | null;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      is_archived: boolean;
    };
    insert: never;
    update: never;
  };
  event_forms: {
    row: {
      id: string;
      name: string | null;
      description: string | null;
      language: string;
      is_editable: boolean | null;
      is_snapshot_form: boolean | null;
      /** JSON text, a list. */
      form_fields: string;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean | null;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      created_at: number | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
      /** JSON text, a list. */
      clinic_ids: string | null;
      /** JSON text, a list. */
      translations: string | null;
    };
    insert: never;
    update: never;
  };
  registration_forms: {
    row: {
      id: string;
      name: string;
      /** JSON text, a list. */
      fields: string;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean | null;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      created_at: number | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
    };
    insert: never;
    update: never;
  };
  clinic_departments: {
    row: {
      id: string;
      /** Id of a record of `clinics`. */
      clinic_id: string;
      name: string;
      code: string | null;
      description: string | null;
      status: string | null;
      can_dispense_medications: boolean;
      can_perform_labs: boolean;
      can_perform_imaging: boolean;
      /** JSON text, a list. */
      additional_capabilities: string | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean | null;
      /** Epoch milliseconds. */
      created_at: number | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
      /** Epoch milliseconds. */
      last_modified: number | null;
      /** Epoch milliseconds. */
      server_created_at: number | null;
      /** Epoch milliseconds. */
      deleted_at: number | null;
    };
    insert: never;
    update: never;
    refs: {
      clinic_id: 'clinics';
    };
  };
  drug_catalogue: {
    row: {
      id: string;
      barcode: string | null;
      generic_name: string;
      brand_name: string | null;
      form: string;
      route: string;
      /** A decimal number as text. */
      dosage_quantity: string;
      dosage_units: string;
      manufacturer: string | null;
      /** A decimal number as text. */
      sale_price: string;
      sale_currency: string | null;
      min_stock_level: number | null;
      max_stock_level: number | null;
      is_controlled: boolean | null;
      requires_refrigeration: boolean | null;
      is_active: boolean | null;
      notes: string | null;
      /** Id of a record of `users`. */
      recorded_by_user_id: string | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      last_modified: number;
      /** Epoch milliseconds. */
      server_created_at: number;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
    };
    insert: never;
    update: never;
  };
  clinic_inventory: {
    row: {
      id: string;
      /** Id of a record of `clinics`. */
      clinic_id: string;
      /** Id of a record of `drug_catalogue`. */
      drug_id: string;
      batch_id: string;
      quantity_available: number;
      reserved_quantity: number | null;
      /** Epoch milliseconds. */
      last_counted_at: number | null;
      /** Id of a record of `users`. */
      recorded_by_user_id: string | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      last_modified: number;
      /** Epoch milliseconds. */
      server_created_at: number;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
      batch_number: string | null;
      /** YYYY-MM-DD. */
      batch_expiry_date: string | null;
    };
    insert: never;
    update: never;
    refs: {
      clinic_id: 'clinics';
      drug_id: 'drug_catalogue';
    };
  };
  user_clinic_permissions: {
    row: {
      id: string;
      /** Id of a record of `users`. */
      user_id: string;
      /** Id of a record of `clinics`. */
      clinic_id: string;
      can_register_patients: boolean | null;
      can_view_history: boolean | null;
      can_edit_records: boolean | null;
      can_delete_records: boolean | null;
      is_clinic_admin: boolean | null;
      /** Id of a record of `users`. */
      created_by: string | null;
      /** Id of a record of `users`. */
      last_modified_by: string | null;
      /** Epoch milliseconds. */
      created_at: number | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
      can_edit_other_provider_event: boolean | null;
      can_download_patient_reports: boolean | null;
      can_prescribe_medications: boolean | null;
      can_dispense_medications: boolean | null;
      can_delete_patient_visits: boolean | null;
      can_delete_patient_records: boolean | null;
    };
    insert: never;
    update: never;
    refs: {
      clinic_id: 'clinics';
    };
  };
  app_config: {
    row: {
      id: string;
      namespace: string;
      key: string;
      value: string | null;
      data_type: string;
      /** Epoch milliseconds. */
      created_at: number | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
      /** Epoch milliseconds. */
      last_modified: number | null;
      /** Id of a record of `users`. */
      last_modified_by: string | null;
      display_name: string | null;
    };
    insert: never;
    update: never;
  };
  patients: {
    row: {
      id: string;
      given_name: string | null;
      surname: string | null;
      /** YYYY-MM-DD. */
      date_of_birth: string | null;
      citizenship: string | null;
      hometown: string | null;
      phone: string | null;
      sex: string | null;
      camp: string | null;
      /** JSON text, an object. */
      additional_data: string;
      /** JSON text, an object. */
      metadata: string;
      photo_url: string | null;
      is_deleted: boolean | null;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      created_at: number | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
      government_id: string | null;
      external_patient_id: string | null;
      /** Id of a record of `clinics`. */
      primary_clinic_id: string | null;
      /** Id of a record of `users`. */
      last_modified_by: string | null;
    };
    insert: {
      id?: string;
      given_name?: string | null;
      surname?: string | null;
      date_of_birth?: string | null;
      citizenship?: string | null;
      hometown?: string | null;
      phone?: string | null;
      sex?: string | null;
      camp?: string | null;
      additional_data?: JsonInput;
      metadata?: JsonInput;
      photo_url?: string | null;
      created_at?: number | null;
      government_id?: string | null;
      external_patient_id?: string | null;
      primary_clinic_id?: string | null;
      last_modified_by?: string | null;
    };
    update: {
      given_name?: string | null;
      surname?: string | null;
      date_of_birth?: string | null;
      citizenship?: string | null;
      hometown?: string | null;
      phone?: string | null;
      sex?: string | null;
      camp?: string | null;
      additional_data?: JsonInput;
      metadata?: JsonInput;
      photo_url?: string | null;
      created_at?: number | null;
      government_id?: string | null;
      external_patient_id?: string | null;
      primary_clinic_id?: string | null;
      last_modified_by?: string | null;
    };
    refs: {
      primary_clinic_id: 'clinics';
    };
  };
  patient_additional_attributes: {
    row: {
      id: string;
      /** Id of a record of `patients`. */
      patient_id: string;
      attribute_id: string;
      attribute: string;
      number_value: number | null;
      string_value: string | null;
      /** Epoch milliseconds. */
      date_value: number | null;
      boolean_value: boolean | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
      /** Epoch milliseconds. */
      last_modified: number;
      /** Epoch milliseconds. */
      server_created_at: number;
      /** Epoch milliseconds. */
      deleted_at: number | null;
    };
    insert: {
      id?: string;
      patient_id: string;
      attribute_id?: string;
      attribute?: string;
      number_value?: number | null;
      string_value?: string | null;
      date_value?: number | null;
      boolean_value?: boolean | null;
      metadata?: JsonInput;
      created_at?: number;
      last_modified?: number;
      server_created_at?: number;
    };
    update: {
      patient_id?: string;
      attribute_id?: string;
      attribute?: string;
      number_value?: number | null;
      string_value?: string | null;
      date_value?: number | null;
      boolean_value?: boolean | null;
      metadata?: JsonInput;
      created_at?: number;
      last_modified?: number;
      server_created_at?: number;
    };
    refs: {
      patient_id: 'patients';
    };
  };
  visits: {
    row: {
      id: string;
      /** Id of a record of `patients`. */
      patient_id: string | null;
      /** Id of a record of `clinics`. */
      clinic_id: string | null;
      /** Id of a record of `users`. */
      provider_id: string | null;
      provider_name: string | null;
      /** Epoch milliseconds. */
      check_in_timestamp: number | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean | null;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      created_at: number | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
    };
    insert: {
      id?: string;
      patient_id?: string | null;
      clinic_id?: string | null;
      provider_id?: string | null;
      provider_name?: string | null;
      check_in_timestamp?: number | null;
      metadata?: JsonInput;
      created_at?: number | null;
    };
    update: {
      patient_id?: string | null;
      clinic_id?: string | null;
      provider_id?: string | null;
      provider_name?: string | null;
      check_in_timestamp?: number | null;
      metadata?: JsonInput;
      created_at?: number | null;
    };
    refs: {
      patient_id: 'patients';
      clinic_id: 'clinics';
    };
  };
  events: {
    row: {
      id: string;
      /** Id of a record of `patients`. */
      patient_id: string | null;
      /** Id of a record of `event_forms`. */
      form_id: string | null;
      /** Id of a record of `visits`. */
      visit_id: string | null;
      event_type: string | null;
      /** JSON text, a list. */
      form_data: string;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean | null;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      created_at: number | null;
      /** Epoch milliseconds. */
      updated_at: number | null;
      /** Id of a record of `users`. */
      recorded_by_user_id: string | null;
    };
    insert: {
      id?: string;
      patient_id?: string | null;
      form_id?: string | null;
      visit_id?: string | null;
      event_type?: string | null;
      form_data?: JsonInput;
      metadata?: JsonInput;
      created_at?: number | null;
      recorded_by_user_id?: string | null;
    };
    update: {
      patient_id?: string | null;
      form_id?: string | null;
      visit_id?: string | null;
      event_type?: string | null;
      form_data?: JsonInput;
      metadata?: JsonInput;
      created_at?: number | null;
      recorded_by_user_id?: string | null;
    };
    refs: {
      patient_id: 'patients';
      form_id: 'event_forms';
      visit_id: 'visits';
    };
  };
  appointments: {
    row: {
      id: string;
      /** Id of a record of `users`. */
      provider_id: string | null;
      /** Id of a record of `clinics`. */
      clinic_id: string;
      /** Id of a record of `patients`. */
      patient_id: string;
      /** Id of a record of `users`. */
      user_id: string;
      /** Id of a record of `visits`. */
      current_visit_id: string;
      /** Id of a record of `visits`. */
      fulfilled_visit_id: string | null;
      /** Epoch milliseconds. */
      timestamp: number;
      duration: number;
      reason: string;
      notes: string;
      is_walk_in: boolean;
      /** JSON text, a list. */
      departments: string;
      status: string;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
      /** Epoch milliseconds. */
      deleted_at: number | null;
    };
    insert: {
      id?: string;
      provider_id?: string | null;
      clinic_id: string;
      patient_id: string;
      user_id: string;
      current_visit_id: string;
      fulfilled_visit_id?: string | null;
      timestamp: number;
      duration: number;
      reason?: string;
      notes?: string;
      is_walk_in?: boolean;
      departments?: JsonInput;
      status?: string;
      metadata?: JsonInput;
      created_at?: number;
    };
    update: {
      provider_id?: string | null;
      clinic_id?: string;
      patient_id?: string;
      user_id?: string;
      current_visit_id?: string;
      fulfilled_visit_id?: string | null;
      timestamp?: number;
      duration?: number;
      reason?: string;
      notes?: string;
      is_walk_in?: boolean;
      departments?: JsonInput;
      status?: string;
      metadata?: JsonInput;
      created_at?: number;
    };
    refs: {
      clinic_id: 'clinics';
      patient_id: 'patients';
      current_visit_id: 'visits';
      fulfilled_visit_id: 'visits';
    };
  };
  prescriptions: {
    row: {
      id: string;
      /** Id of a record of `patients`. */
      patient_id: string;
      /** Id of a record of `users`. */
      provider_id: string;
      /** Id of a record of `users`. */
      filled_by: string | null;
      /** Id of a record of `clinics`. */
      pickup_clinic_id: string;
      /** Id of a record of `visits`. */
      visit_id: string | null;
      priority: string | null;
      /** Epoch milliseconds. */
      expiration_date: number | null;
      /** Epoch milliseconds. */
      prescribed_at: number;
      /** Epoch milliseconds. */
      filled_at: number | null;
      status: string;
      /** JSON text, a list. */
      items: string;
      notes: string;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
      /** Epoch milliseconds. */
      deleted_at: number | null;
    };
    insert: {
      id?: string;
      patient_id: string;
      provider_id: string;
      filled_by?: string | null;
      pickup_clinic_id: string;
      visit_id?: string | null;
      priority?: string | null;
      expiration_date?: number | null;
      prescribed_at: number;
      filled_at?: number | null;
      status?: string;
      items?: JsonInput;
      notes?: string;
      metadata?: JsonInput;
      created_at?: number;
    };
    update: {
      patient_id?: string;
      provider_id?: string;
      filled_by?: string | null;
      pickup_clinic_id?: string;
      visit_id?: string | null;
      priority?: string | null;
      expiration_date?: number | null;
      prescribed_at?: number;
      filled_at?: number | null;
      status?: string;
      items?: JsonInput;
      notes?: string;
      metadata?: JsonInput;
      created_at?: number;
    };
    refs: {
      patient_id: 'patients';
      pickup_clinic_id: 'clinics';
      visit_id: 'visits';
    };
  };
  patient_vitals: {
    row: {
      id: string;
      /** Id of a record of `patients`. */
      patient_id: string;
      /** Id of a record of `visits`. */
      visit_id: string | null;
      /** Epoch milliseconds. */
      timestamp: number;
      systolic_bp: number | null;
      diastolic_bp: number | null;
      bp_position: string | null;
      /** A decimal number as text. */
      height_cm: string | null;
      /** A decimal number as text. */
      weight_kg: string | null;
      /** A decimal number as text. */
      bmi: string | null;
      /** A decimal number as text. */
      waist_circumference_cm: string | null;
      heart_rate: number | null;
      pulse_rate: number | null;
      /** A decimal number as text. */
      oxygen_saturation: string | null;
      respiratory_rate: number | null;
      /** A decimal number as text. */
      temperature_celsius: string | null;
      pain_level: number | null;
      /** Id of a record of `users`. */
      recorded_by_user_id: string | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Id of a record of `events`. */
      event_id: string | null;
    };
    insert: {
      id?: string;
      patient_id: string;
      visit_id?: string | null;
      timestamp: number;
      systolic_bp?: number | null;
      diastolic_bp?: number | null;
      bp_position?: string | null;
      height_cm?: string | number | null;
      weight_kg?: string | number | null;
      bmi?: string | number | null;
      waist_circumference_cm?: string | number | null;
      heart_rate?: number | null;
      pulse_rate?: number | null;
      oxygen_saturation?: string | number | null;
      respiratory_rate?: number | null;
      temperature_celsius?: string | number | null;
      pain_level?: number | null;
      recorded_by_user_id?: string | null;
      metadata?: JsonInput;
      created_at?: number;
      event_id?: string | null;
    };
    update: {
      patient_id?: string;
      visit_id?: string | null;
      timestamp?: number;
      systolic_bp?: number | null;
      diastolic_bp?: number | null;
      bp_position?: string | null;
      height_cm?: string | number | null;
      weight_kg?: string | number | null;
      bmi?: string | number | null;
      waist_circumference_cm?: string | number | null;
      heart_rate?: number | null;
      pulse_rate?: number | null;
      oxygen_saturation?: string | number | null;
      respiratory_rate?: number | null;
      temperature_celsius?: string | number | null;
      pain_level?: number | null;
      recorded_by_user_id?: string | null;
      metadata?: JsonInput;
      created_at?: number;
      event_id?: string | null;
    };
    refs: {
      patient_id: 'patients';
      visit_id: 'visits';
      event_id: 'events';
    };
  };
  patient_problems: {
    row: {
      id: string;
      /** Id of a record of `patients`. */
      patient_id: string;
      /** Id of a record of `visits`. */
      visit_id: string | null;
      problem_code_system: string;
      problem_code: string;
      problem_label: string;
      clinical_status: string;
      verification_status: string;
      severity_score: number | null;
      /** YYYY-MM-DD. */
      onset_date: string | null;
      /** YYYY-MM-DD. */
      end_date: string | null;
      /** Id of a record of `users`. */
      recorded_by_user_id: string | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
      /** Epoch milliseconds. */
      last_modified: number;
      /** Epoch milliseconds. */
      server_created_at: number;
      /** Epoch milliseconds. */
      deleted_at: number | null;
    };
    insert: {
      id?: string;
      patient_id: string;
      visit_id?: string | null;
      problem_code_system?: string;
      problem_code?: string;
      problem_label?: string;
      clinical_status?: string;
      verification_status?: string;
      severity_score?: number | null;
      onset_date?: string | null;
      end_date?: string | null;
      recorded_by_user_id?: string | null;
      metadata?: JsonInput;
      created_at?: number;
      last_modified?: number;
      server_created_at?: number;
    };
    update: {
      patient_id?: string;
      visit_id?: string | null;
      problem_code_system?: string;
      problem_code?: string;
      problem_label?: string;
      clinical_status?: string;
      verification_status?: string;
      severity_score?: number | null;
      onset_date?: string | null;
      end_date?: string | null;
      recorded_by_user_id?: string | null;
      metadata?: JsonInput;
      created_at?: number;
      last_modified?: number;
      server_created_at?: number;
    };
    refs: {
      patient_id: 'patients';
      visit_id: 'visits';
    };
  };
  prescription_items: {
    row: {
      id: string;
      /** Id of a record of `prescriptions`. */
      prescription_id: string;
      /** Id of a record of `patients`. */
      patient_id: string;
      /** Id of a record of `drug_catalogue`. */
      drug_id: string;
      /** Id of a record of `clinics`. */
      clinic_id: string;
      dosage_instructions: string;
      quantity_prescribed: number;
      quantity_dispensed: number | null;
      refills_authorized: number | null;
      refills_used: number | null;
      item_status: string | null;
      notes: string | null;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
      /** Id of a record of `users`. */
      recorded_by_user_id: string | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      last_modified: number;
      /** Epoch milliseconds. */
      server_created_at: number;
    };
    insert: {
      id?: string;
      prescription_id: string;
      patient_id: string;
      drug_id: string;
      clinic_id: string;
      dosage_instructions?: string;
      quantity_prescribed: number;
      quantity_dispensed?: number | null;
      refills_authorized?: number | null;
      refills_used?: number | null;
      item_status?: string | null;
      notes?: string | null;
      created_at?: number;
      recorded_by_user_id?: string | null;
      metadata?: JsonInput;
      last_modified?: number;
      server_created_at?: number;
    };
    update: {
      prescription_id?: string;
      patient_id?: string;
      drug_id?: string;
      clinic_id?: string;
      dosage_instructions?: string;
      quantity_prescribed?: number;
      quantity_dispensed?: number | null;
      refills_authorized?: number | null;
      refills_used?: number | null;
      item_status?: string | null;
      notes?: string | null;
      created_at?: number;
      recorded_by_user_id?: string | null;
      metadata?: JsonInput;
      last_modified?: number;
      server_created_at?: number;
    };
    refs: {
      prescription_id: 'prescriptions';
      patient_id: 'patients';
      drug_id: 'drug_catalogue';
      clinic_id: 'clinics';
    };
  };
  dispensing_records: {
    row: {
      id: string;
      /** Id of a record of `clinics`. */
      clinic_id: string;
      /** Id of a record of `drug_catalogue`. */
      drug_id: string;
      batch_id: string | null;
      /** Id of a record of `prescription_items`. */
      prescription_item_id: string | null;
      /** Id of a record of `patients`. */
      patient_id: string;
      quantity_dispensed: number;
      dosage_instructions: string | null;
      days_supply: number | null;
      /** Id of a record of `users`. */
      dispensed_by: string;
      /** Epoch milliseconds. */
      dispensed_at: number;
      /** Id of a record of `users`. */
      recorded_by_user_id: string | null;
      /** JSON text, an object. */
      metadata: string;
      is_deleted: boolean;
      /** Epoch milliseconds. */
      deleted_at: number | null;
      /** Epoch milliseconds. */
      last_modified: number;
      /** Epoch milliseconds. */
      server_created_at: number;
      /** Epoch milliseconds. */
      created_at: number;
      /** Epoch milliseconds. */
      updated_at: number;
    };
    insert: {
      id?: string;
      clinic_id: string;
      drug_id: string;
      batch_id?: string | null;
      prescription_item_id?: string | null;
      patient_id: string;
      quantity_dispensed: number;
      dosage_instructions?: string | null;
      days_supply?: number | null;
      dispensed_by: string;
      dispensed_at: number;
      recorded_by_user_id?: string | null;
      metadata?: JsonInput;
      last_modified?: number;
      server_created_at?: number;
      created_at?: number;
    };
    update: {
      clinic_id?: string;
      drug_id?: string;
      batch_id?: string | null;
      prescription_item_id?: string | null;
      patient_id?: string;
      quantity_dispensed?: number;
      dosage_instructions?: string | null;
      days_supply?: number | null;
      dispensed_by?: string;
      dispensed_at?: number;
      recorded_by_user_id?: string | null;
      metadata?: JsonInput;
      last_modified?: number;
      server_created_at?: number;
      created_at?: number;
    };
    refs: {
      clinic_id: 'clinics';
      drug_id: 'drug_catalogue';
      prescription_item_id: 'prescription_items';
      patient_id: 'patients';
    };
  };
  event_logs: {
    row: {
      id: string;
      transaction_id: string;
      action_type: string;
      table_name: string;
      row_id: string;
      /** JSON text, an object. */
      changes: string;
      device_id: string;
      app_id: string;
      /** Id of a record of `users`. */
      user_id: string;
      ip_address: string | null;
      hash: string;
      /** JSON text, an object. */
      metadata: string;
      synced: boolean;
      /** Epoch milliseconds. */
      created_at: number;
    };
    insert: {
      id?: string;
      transaction_id?: string;
      action_type?: string;
      table_name?: string;
      row_id?: string;
      changes?: JsonInput;
      device_id?: string;
      app_id?: string;
      user_id: string;
      ip_address?: string | null;
      hash?: string;
      metadata?: JsonInput;
      synced?: boolean;
      created_at?: number;
    };
    update: {
      transaction_id?: string;
      action_type?: string;
      table_name?: string;
      row_id?: string;
      changes?: JsonInput;
      device_id?: string;
      app_id?: string;
      user_id?: string;
      ip_address?: string | null;
      hash?: string;
      metadata?: JsonInput;
      synced?: boolean;
      created_at?: number;
    };
  };
}
