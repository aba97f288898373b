//! The push body.

use serde_json::{Value as Json, json};

use super::*;
use crate::error::ErrorCode;
use crate::model::change_set::Revision;
use crate::model::ids::RecordId;

fn row(
    schema: &Schema,
    table: &str,
    id: &str,
    kind: OutboxKind,
    set: &[(&str, Value)],
) -> OutboxRow {
    let index = schema.find(table).unwrap();
    let columns = &schema.table(index).columns;
    let mut values = vec![Value::Null; columns.len()];
    for (name, value) in set {
        values[schema.table(index).position(name).unwrap()] = value.clone();
    }
    if kind == OutboxKind::Deleted {
        values.clear();
    }
    OutboxRow {
        table: index,
        id: RecordId::from_peer(id).unwrap(),
        kind,
        revision: Revision(1),
        values,
        changed: Vec::new(),
        dangling: Vec::new(),
        only_elsewhere: false,
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[test]
fn whole_records_in_the_clouds_forms() {
    let schema = Schema::hikma().unwrap();
    let piece = [
        row(&schema, "patients", "p2", OutboxKind::Deleted, &[]),
        row(
            &schema,
            "patients",
            "p1",
            OutboxKind::Created,
            &[
                ("given_name", text("Ünal \"x\"\u{1f}")),
                ("date_of_birth", text("1974-06-09")),
                ("additional_data", text(r#"{"n":1.50, "a":[]}"#)),
                ("metadata", text("{broken")),
                ("is_deleted", Value::Integer(0)),
                ("created_at", Value::Integer(1_769_929_200_000)),
                ("primary_clinic_id", text("")),
                ("image_timestamp", Value::Integer(-1)),
            ],
        ),
        row(
            &schema,
            "patient_vitals",
            "v1",
            OutboxKind::Updated,
            &[
                ("height_cm", text("171.50")),
                ("heart_rate", Value::Integer(71)),
            ],
        ),
        row(
            &schema,
            "patient_additional_attributes",
            "a1",
            OutboxKind::Updated,
            &[
                ("number_value", Value::Real(1.5)),
                ("boolean_value", Value::Integer(1)),
            ],
        ),
    ];
    let body = encode(&schema, &piece).unwrap();
    let written = std::str::from_utf8(&body).unwrap();
    assert!(written.contains(r#""additional_data":{"n":1.50, "a":[]},"#));
    let json: Json = serde_json::from_slice(&body).unwrap();
    let tables: Vec<_> = json.as_object().unwrap().keys().collect();
    assert_eq!(tables.len(), 3);
    assert_eq!(json["patients"]["deleted"], json!(["p2"]));
    assert_eq!(json["patients"].get("updated"), None);
    assert_eq!(
        json["patients"]["created"],
        json!([{
            "id": "p1", "given_name": "Ünal \"x\"\u{1f}", "surname": null,
            "date_of_birth": "1974-06-09", "citizenship": null, "hometown": null, "phone": null,
            "sex": null, "camp": null, "additional_data": {"n": 1.50, "a": []},
            "metadata": "{broken", "photo_url": null, "is_deleted": false, "deleted_at": null,
            "created_at": "2026-02-01T07:00:00.000Z", "updated_at": null, "government_id": null,
            "external_patient_id": null, "primary_clinic_id": null, "last_modified_by": null,
            "image_timestamp": "1969-12-31T23:59:59.999Z",
        }])
    );
    let vitals = &json["patient_vitals"]["updated"][0];
    assert_eq!(vitals["height_cm"], json!("171.50"));
    assert_eq!(vitals["heart_rate"], json!(71));
    let attribute = &json["patient_additional_attributes"]["updated"][0];
    assert_eq!(
        (&attribute["number_value"], &attribute["boolean_value"]),
        (&json!(1.5), &json!(true))
    );
}

#[test]
fn columns_that_are_not_pushed_stay_here() {
    let schema = Schema::hikma().unwrap();
    for (_, table) in schema
        .tables()
        .filter(|(_, t)| t.direction == Direction::Both)
    {
        let piece = [row(&schema, &table.name, "r", OutboxKind::Created, &[])];
        let json: Json = serde_json::from_slice(&encode(&schema, &piece).unwrap()).unwrap();
        let record = json[&table.name]["created"][0].as_object().unwrap();
        for column in &table.columns {
            let expected = column.pushed || column.role == Role::Id;
            assert_eq!(
                record.contains_key(&column.name),
                expected,
                "{}",
                column.name
            );
        }
    }
}

#[test]
fn an_empty_piece_is_an_empty_change_set() {
    assert_eq!(encode(&Schema::hikma().unwrap(), &[]).unwrap(), b"{}");
}

#[test]
fn s06_s18_other_tables_and_halves_of_records_are_refused() {
    let schema = Schema::from_json(
        r#"{"version":1,"tables":[
            {"name":"local","direction":"local","columns":[{"name":"id","role":"id"}]},
            {"name":"pulled","direction":"pull","columns":[{"name":"id","role":"id"}]}]}"#,
    )
    .unwrap();
    for table in ["local", "pulled"] {
        for kind in [OutboxKind::Created, OutboxKind::Deleted] {
            let error = encode(&schema, &[row(&schema, table, "r", kind, &[])]).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Internal);
            assert_eq!(error.place(), Some(table));
        }
    }
    let schema = Schema::hikma().unwrap();
    let mut half = row(&schema, "visits", "r", OutboxKind::Updated, &[]);
    half.values.pop();
    assert_eq!(
        encode(&schema, &[half]).unwrap_err().code(),
        ErrorCode::Internal
    );
}

#[test]
fn values_without_a_form_name_their_place() {
    let schema = Schema::hikma().unwrap();
    for (column, value) in [
        ("created_at", Value::Integer(i64::MAX)),
        ("created_at", text("2026-02-01")),
        ("date_of_birth", text("9.6.1974")),
        ("is_deleted", text("true")),
        ("surname", Value::Real(1.0)),
    ] {
        let bad = [row(
            &schema,
            "patients",
            "r",
            OutboxKind::Updated,
            &[(column, value)],
        )];
        let error = encode(&schema, &bad).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidInput);
        assert_eq!(error.place(), Some(format!("patients.{column}").as_str()));
    }
}
