//! Local writes, look-ups and queries.

use super::*;

#[test]
fn a_record_comes_back_as_it_was_written() {
    let store = Store::new();
    let id = store
        .insert(
            "patients",
            json!({"given_name": "سلمى 👶", "surname": "O'Hara; DROP TABLE patients; --",
                   "date_of_birth": "1980-02-03", "metadata": "{ \"a\": 1 }"}),
        )
        .unwrap();
    let record = store.get("patients", &id).unwrap();
    assert_eq!(record["given_name"], "سلمى 👶");
    assert_eq!(record["surname"], "O'Hara; DROP TABLE patients; --");
    assert_eq!(record["metadata"], "{ \"a\": 1 }");
    assert_eq!(record["camp"], Json::Null);
    assert_eq!(record["created_at"], NOW);
    assert_eq!(record["is_deleted"], false);
    assert!(record.get("image_timestamp").is_none());
}

/// Three texts that fit one by one make a record that no pull takes.
#[test]
fn a_record_that_could_not_come_back_is_not_written() {
    const MIB: usize = 1024 * 1024;
    let store = Store::new();
    let large = "x".repeat(11 * MIB);
    let record = json!({"given_name": large, "surname": large, "phone": large});
    let error = store.insert("patients", record).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ValueTooLarge);
    assert_eq!(error.place(), Some("patients"));

    let two = json!({"given_name": large, "surname": large});
    let id = store.insert("patients", two).unwrap();
    for (fields, taken) in [
        (json!({"phone": large}), false),
        // Twice as long in JSON.
        (json!({"phone": "\n".repeat(5 * MIB)}), false),
        (json!({"phone": "1"}), true),
        (json!({"surname": "", "phone": large}), true),
    ] {
        let code = store
            .update("patients", &id, fields)
            .map_err(|error| error.code());
        let expected = if taken {
            Ok(())
        } else {
            Err(ErrorCode::ValueTooLarge)
        };
        assert_eq!(code, expected);
    }
}

#[test]
fn an_update_lists_only_what_changed_with_its_base() {
    let store = Store::new();
    let patient = "aaaaaaaa-0000-4000-8000-000000000001";
    store
        .pull(vec![store.remote(
            "patients",
            patient,
            &[
                ("given_name", text("A")),
                ("surname", text("B")),
                ("updated_at", Value::Integer(NOW + 50)),
            ],
        )])
        .unwrap();
    let id = RecordId::parse_uuid(patient).unwrap();
    assert!(store.upserts().is_empty());

    store
        .update("patients", &id, json!({"given_name": "A"}))
        .unwrap();
    assert!(
        store.upserts().is_empty(),
        "nothing changed, nothing to push"
    );

    store
        .update("patients", &id, json!({"given_name": "C", "surname": "B"}))
        .unwrap();
    store
        .update("patients", &id, json!({"given_name": "D"}))
        .unwrap();
    let rows = store.upserts();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].kind, OutboxKind::Updated);
    // The device's clock is behind what is known of the record: the edit is later all the same.
    assert_eq!(store.get("patients", &id).unwrap()["updated_at"], NOW + 52);
    let base: String = raw(&store, "SELECT base FROM amana_outbox");
    assert_eq!(base, r#"{"given_name":"A"}"#);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let store = Store::new();
    let (patients, _) = store.schema.require("patients").unwrap();
    let id = RecordId::parse_uuid("aaaaaaaa-0000-4000-8000-000000000001").unwrap();
    let insert = || Operation::Insert {
        table: patients,
        id: Some(id.clone()),
        fields: Vec::new(),
    };
    let error = store
        .database
        .apply(vec![insert(), insert()])
        .wait()
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
    assert!(store.get("patients", &id).is_none());
    assert!(store.upserts().is_empty());
    assert!(store.notices.lock().unwrap().is_empty());
    assert_eq!(store.database.apply(vec![insert()]).wait().unwrap(), [id]);
    assert_eq!(store.notices.lock().unwrap().len(), 1);
}

#[test]
fn a_deletion_takes_the_declared_children_and_announces_only_itself() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    let visit = store
        .insert("visits", json!({"patient_id": patient.as_str()}))
        .unwrap();
    let event = store
        .insert(
            "events",
            json!({"patient_id": patient.as_str(), "visit_id": visit.as_str()}),
        )
        .unwrap();
    let other = store.insert("patients", json!({})).unwrap();
    store.delete("patients", &patient).unwrap();
    for (table, id) in [
        ("patients", &patient),
        ("visits", &visit),
        ("events", &event),
    ] {
        assert!(store.get(table, id).is_none(), "{table}");
    }
    assert!(store.get("patients", &other).is_some());
    let deletions = store.outbox(PushClass::Deletions);
    assert_eq!(deletions.len(), 1);
    assert_eq!(deletions[0].id, patient);
    store
        .database
        .acknowledge(&PeerTerms::cloud(), vec![(&deletions[0]).into()])
        .unwrap();
    let left: i64 = raw(&store, "SELECT count(*) FROM amana_outbox WHERE kind = 2");
    assert_eq!(left, 0, "the children's tombstones go with the parent's");
    assert_eq!(
        store.delete("patients", &patient).unwrap_err().code(),
        ErrorCode::NotFound
    );
}

#[test]
fn tables_and_columns_that_are_not_the_apps_are_refused() {
    let store = Store::new();
    let refused = |table, fields| store.insert(table, fields).unwrap_err();
    assert_eq!(
        refused("clinics", json!({"name": "X"})).code(),
        ErrorCode::PermissionDenied
    );
    for column in ["updated_at", "is_deleted", "deleted_at"] {
        let value = if column == "is_deleted" {
            json!(true)
        } else {
            json!(1)
        };
        assert_eq!(
            refused("patients", json!({column: value})).code(),
            ErrorCode::InvalidInput
        );
    }
    assert_eq!(
        refused("visits", json!({"image_timestamp": 1})).code(),
        ErrorCode::InvalidInput
    );
    let error = refused("patient_vitals", json!({}));
    assert_eq!(error.place(), Some("patient_vitals.patient_id"));
}

#[test]
fn queries_find_by_every_operator_in_pages() {
    let store = Store::new();
    for (name, camp) in [
        ("Amal", Some("North")),
        ("amira", None),
        ("Basem 100%", Some("South")),
    ] {
        store
            .insert("patients", json!({"given_name": name, "camp": camp}))
            .unwrap();
    }
    let names = |condition: &str| {
        let query = format!(r#"{{"where":{condition},"order":[{{"column":"given_name"}}]}}"#);
        store.column("patients", &query, "given_name")
    };
    assert_eq!(
        names(r#"{"column":"given_name","op":"eq","value":"Amal"}"#),
        ["Amal"]
    );
    assert_eq!(
        names(r#"{"column":"camp","op":"ne","value":"North"}"#),
        ["Basem 100%", "amira"]
    );
    assert_eq!(names(r#"{"column":"camp","op":"isNull"}"#), ["amira"]);
    assert_eq!(
        names(r#"{"column":"given_name","op":"startsWith","value":"AM"}"#),
        ["Amal", "amira"]
    );
    assert_eq!(
        names(r#"{"column":"given_name","op":"contains","value":"0%"}"#),
        ["Basem 100%"]
    );
    assert_eq!(
        names(r#"{"column":"given_name","op":"contains","value":"_"}"#),
        [""; 0]
    );
    assert_eq!(
        names(r#"{"column":"camp","op":"in","value":["North","South"]}"#).len(),
        2
    );
    assert_eq!(
        names(r#"{"column":"created_at","op":"gte","value":1}"#).len(),
        3
    );
    assert_eq!(names(r#"{"or":[]}"#).len(), 0);

    let page = store.query("patients", r#"{"limit":2}"#);
    assert_eq!(
        (page["rows"].as_array().unwrap().len(), &page["next_offset"]),
        (2, &json!(2))
    );
    let page = store.query("patients", r#"{"limit":2,"offset":2}"#);
    assert_eq!(
        (page["rows"].as_array().unwrap().len(), &page["next_offset"]),
        (1, &Json::Null)
    );
}

#[test]
fn decimals_keep_their_text_and_compare_as_numbers() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    for weight in ["9.50", "70.5", "100"] {
        store
            .insert(
                "patient_vitals",
                json!({"patient_id": patient.as_str(), "timestamp": NOW, "weight_kg": weight}),
            )
            .unwrap();
    }
    let query = r#"{"where":{"column":"weight_kg","op":"gt","value":"9.5"},"order":[{"column":"weight_kg"}]}"#;
    assert_eq!(
        store.column("patient_vitals", query, "weight_kg"),
        ["70.5", "100"]
    );
}

#[test]
fn a_child_that_was_moved_here_is_deleted_by_itself() {
    let store = Store::new();
    let (a, b) = (
        "aaaaaaaa-0000-4000-8000-00000000000a",
        "aaaaaaaa-0000-4000-8000-00000000000b",
    );
    let visit = "bbbbbbbb-0000-4000-8000-000000000001";
    store
        .pull(vec![
            store.remote("patients", a, &[]),
            store.remote("patients", b, &[]),
            store.remote("visits", visit, &[("patient_id", text(a))]),
        ])
        .unwrap();
    let visit = RecordId::parse_uuid(visit).unwrap();
    store
        .update("visits", &visit, json!({"patient_id": b}))
        .unwrap();
    store
        .delete("patients", &RecordId::parse_uuid(b).unwrap())
        .unwrap();
    // The peer still has the visit under A: deleting B there does not reach it.
    let deleted: Vec<String> = store
        .outbox(PushClass::Deletions)
        .into_iter()
        .map(|row| row.id.into_string())
        .collect();
    assert_eq!(deleted, [b, visit.as_str()]);
}

#[test]
fn numbers_come_back_to_the_last_bit() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    let numbers = [
        0.1 + 0.2,
        1.0 / 3.0,
        5e-324,
        f64::MAX,
        -123_456_789.123_456_78,
    ];
    for (key, number) in numbers.into_iter().enumerate() {
        let fields = json!({"patient_id": patient.as_str(), "attribute_id": key.to_string(),
                            "attribute": "b", "number_value": number});
        let id = store
            .insert("patient_additional_attributes", fields)
            .unwrap();
        assert_eq!(
            store.get("patient_additional_attributes", &id).unwrap()["number_value"],
            number
        );
        let value = Value::Real(number);
        let kept = serde_json::from_str(&value.to_json().to_string()).unwrap();
        assert_eq!(Value::from_json(&kept), Some(value));
    }
}

#[test]
fn a_page_is_bounded_in_bytes() {
    let store = Store::new();
    for _ in 0..4 {
        store
            .insert("patients", json!({"surname": "x".repeat(5 << 20)}))
            .unwrap();
    }
    let (mut offset, mut pages) = (Some(0), 0);
    while let Some(from) = offset {
        let page = store.query("patients", &json!({"offset": from}).to_string());
        assert!(page["rows"].as_array().unwrap().len() <= 2);
        offset = page["next_offset"].as_u64();
        pages += 1;
    }
    assert_eq!(pages, 2);
}
