//! The forms that a hub takes.

use serde_json::{Value as Json, json};

use super::*;
use crate::model::change_set::Revision;
use crate::model::ids::RecordId;

/// A record whose columns hold these, and null elsewhere.
fn row(table: &str, kind: OutboxKind, cells: &[(&str, Value)]) -> OutboxRow {
    let schema = Schema::hikma().unwrap();
    let (index, table) = schema.require(table).unwrap();
    let mut values = vec![Value::Null; table.columns.len()];
    for (name, value) in [
        (CREATED_AT, Value::Integer(1_772_352_000_000)),
        (UPDATED_AT, Value::Integer(1_772_697_600_000)),
    ]
    .iter()
    .chain(cells)
    {
        values[table.position(name).unwrap()] = value.clone();
    }
    if kind == OutboxKind::Deleted {
        values.clear();
    }
    OutboxRow {
        table: index,
        id: RecordId::from_peer("01900001-0000-7000-8000-000000000005").unwrap(),
        kind,
        revision: Revision(1),
        values,
        changed: Vec::new(),
        dangling: Vec::new(),
        only_elsewhere: false,
    }
}

fn encode(rows: &[OutboxRow]) -> Result<Json> {
    let schema = Schema::hikma().unwrap();
    encode_for_hub(&schema, rows).map(|bytes| serde_json::from_slice(&bytes).unwrap())
}

fn record(table: &str, cells: &[(&str, Value)]) -> Result<Json> {
    let body = encode(&[row(table, OutboxKind::Created, cells)])?;
    Ok(body[table]["created"][0].clone())
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// What every record of these tables needs before a hub keeps it.
fn whole(table: &str) -> Vec<(&'static str, Value)> {
    let schema = Schema::hikma().unwrap();
    let (_, found) = schema.require(table).unwrap();
    let (_, needed) = NOT_NULL.iter().find(|(name, _)| *name == table).unwrap();
    needed
        .iter()
        .filter_map(|name| {
            let column = &found.columns[found.position(name).unwrap()];
            match column.role {
                Role::Ref => Some((*name, text("01900001-0000-7000-8000-000000000001"))),
                Role::Instant | Role::Integer => Some((*name, Value::Integer(5))),
                _ => None,
            }
        })
        .collect()
}

#[test]
fn each_table_has_all_three_lists() {
    let body = encode(&[
        row("visits", OutboxKind::Updated, &[]),
        row("patients", OutboxKind::Deleted, &[]),
    ])
    .unwrap();
    for table in ["visits", "patients"] {
        for list in ["created", "updated", "deleted"] {
            assert!(body[table][list].is_array(), "{table}.{list}");
        }
    }
    assert_eq!(
        body["patients"]["deleted"],
        json!(["01900001-0000-7000-8000-000000000005"])
    );
    assert_eq!(body["visits"]["updated"].as_array().unwrap().len(), 1);
    assert_eq!(body.as_object().unwrap().len(), 2);
}

#[test]
fn every_record_of_the_ten_tables_has_what_the_hub_does_not_let_be_null() {
    for (table, needed) in NOT_NULL {
        let record = record(table, &whole(table)).unwrap();
        for name in needed.iter().chain(&[
            "id",
            "created_at",
            "updated_at",
            "last_modified",
            "server_created_at",
        ]) {
            assert!(!record[name].is_null(), "{table}.{name}");
        }
        assert_eq!(record["created_at"], 1_772_352_000_000_i64, "{table}");
        assert_eq!(record["server_created_at"], record["created_at"], "{table}");
        assert_eq!(record["last_modified"], record["updated_at"], "{table}");
        for own in ["_status", "_changed", "local_server_created_at"] {
            assert!(record.get(own).is_none(), "{table}.{own}");
        }
    }
    assert_eq!(NOT_NULL.map(|(table, _)| table), TABLES);
}

#[test]
fn values_have_the_forms_of_a_hub() {
    let patient = record(
        "patients",
        &[
            ("date_of_birth", text("1987-11-30")),
            ("is_deleted", Value::Integer(0)),
            ("additional_data", text(r#"{ "a" :1.50}"#)),
            ("primary_clinic_id", text("")),
            ("given_name", text("نور")),
        ],
    )
    .unwrap();
    assert_eq!(patient["date_of_birth"], "1987-11-30");
    assert_eq!(patient["is_deleted"], 0);
    // JSON is text, byte for byte.
    assert_eq!(patient["additional_data"], r#"{ "a" :1.50}"#);
    assert_eq!(patient["metadata"], "{}");
    assert_eq!(patient["primary_clinic_id"], Json::Null);
    assert_eq!(patient["given_name"], "نور");
    assert_eq!(patient["phone"], Json::Null);

    let mut cells = whole("patient_problems");
    cells.push(("onset_date", text("1995-06-01")));
    let problem = record("patient_problems", &cells).unwrap();
    assert_eq!(problem["onset_date"], 801_964_800_000_i64);
    assert_eq!(problem["problem_label"], "");

    let mut cells = whole("patient_vitals");
    cells.extend([
        ("height_cm", text("171.50")),
        ("weight_kg", text("070.25")),
        ("systolic_bp", Value::Integer(118)),
    ]);
    let schema = Schema::hikma().unwrap();
    let rows = [row("patient_vitals", OutboxKind::Created, &cells)];
    let body = String::from_utf8(encode_for_hub(&schema, &rows).unwrap()).unwrap();
    for part in [
        r#""height_cm":171.50,"#,
        r#""weight_kg":70.25,"#,
        r#""systolic_bp":118,"#,
    ] {
        assert!(body.contains(part), "{part}: {body}");
    }
}

/// What a hub keeps in a JSON column is text, and not always JSON of the column's kind: today's app leaves
/// it empty where it knows nothing. It goes back as it came, and not in quotes of its own.
#[test]
fn json_of_another_kind_goes_back_to_a_hub_as_it_came() {
    use crate::transport::wire::decode_tests::{cell, decode, with_changes};
    for kept in ["", "plain", "[1]", "{broken", "\"in quotes\"", r#"{"a":1}"#] {
        let changes = json!({"patients": {"created": [{"id": "p", "metadata": kept}]}});
        let (_, pulled) = decode(&with_changes(&changes.to_string())).unwrap();
        let stored = cell(&pulled, 0, "patients", "metadata").unwrap().clone();
        let sent = record("patients", &[("metadata", stored)]).unwrap();
        assert_eq!(sent["metadata"], kept);
    }
    // Half of a surrogate pair is a character for no parser: it goes as text.
    let odd = record("patients", &[("metadata", text(r#""\ud800""#))]).unwrap();
    assert_eq!(odd["metadata"], r#""\ud800""#);
}

#[test]
fn what_a_hub_would_refuse_or_hand_on_broken_is_not_sent() {
    // Without a visit: null it does not keep, and an empty text would stick in the cloud for ever.
    let mut cells = whole("appointments");
    cells.retain(|(name, _)| *name != "current_visit_id");
    let error = record("appointments", &cells).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
    assert_eq!(error.place(), Some("appointments.current_visit_id"));
    cells.push(("current_visit_id", text("")));
    assert!(record("appointments", &cells).is_err());

    let times = [(CREATED_AT, Value::Null), (UPDATED_AT, Value::Null)];
    assert_eq!(
        record("visits", &times).unwrap_err().code(),
        ErrorCode::InvalidInput
    );
    let one = [(CREATED_AT, Value::Null)];
    assert_eq!(
        record("visits", &one).unwrap()["created_at"],
        1_772_697_600_000_i64
    );

    for table in [
        "clinics",
        "user_clinic_permissions",
        "app_config",
        "event_forms",
    ] {
        let error = encode(&[row(table, OutboxKind::Deleted, &[])]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported, "{table}");
    }
    for (column, value) in [
        ("date_of_birth", text("30.11.1987")),
        ("deleted_at", Value::Real(1.5)),
        ("is_deleted", text("false")),
    ] {
        assert!(record("patients", &[(column, value)]).is_err(), "{column}");
    }
    let mut cells = whole("patient_vitals");
    cells.push(("height_cm", text("null")));
    assert!(record("patient_vitals", &cells).is_err());
}

#[test]
fn half_a_record_is_a_defect() {
    let mut half = row("visits", OutboxKind::Created, &[]);
    half.values.pop();
    assert_eq!(encode(&[half]).unwrap_err().code(), ErrorCode::Internal);
}
