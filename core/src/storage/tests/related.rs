//! Negations, and the related records of a page.

use super::*;

/// The given names that a condition finds, sorted.
fn names(store: &Store, condition: &Json) -> Vec<String> {
    let query = json!({"where": condition}).to_string();
    let mut found: Vec<String> = store
        .column("patients", &query, "given_name")
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    found.sort();
    found
}

#[test]
fn a_negation_finds_exactly_the_others() {
    let store = Store::new();
    for (name, camp, phone) in [
        ("A", Some("North"), Some("1")),
        ("B", Some("South"), None),
        ("C", None, Some("2")),
        ("D", None, None),
    ] {
        let fields = json!({"given_name": name, "camp": camp, "phone": phone});
        store.insert("patients", fields).unwrap();
    }
    let all = ["A", "B", "C", "D"];
    let camp = |op: &str, value: Json| json!({"column": "camp", "op": op, "value": value});
    let phone = json!({"column": "phone", "op": "isNull", "value": false});
    for condition in [
        camp("eq", json!("North")),
        camp("ne", json!("North")),
        camp("lt", json!("P")),
        camp("in", json!(["North", "East"])),
        camp("in", json!([])),
        camp("contains", json!("or")),
        camp("isNull", json!(true)),
        json!({"and": [camp("gte", json!("A")), phone]}),
        json!({"or": [camp("startsWith", json!("s")), phone]}),
        json!({"and": []}),
        json!({"or": []}),
        json!({"not": camp("eq", json!("South"))}),
    ] {
        let mut both = names(&store, &condition);
        let others = names(&store, &json!({"not": condition}));
        assert!(
            both.iter().all(|name| !others.contains(name)),
            "{condition}"
        );
        both.extend(others);
        both.sort();
        assert_eq!(both, all, "{condition}");
    }
    let not_north = json!({"not": camp("eq", json!("North"))});
    assert_eq!(names(&store, &not_north), ["B", "C", "D"]);
}

#[test]
fn a_page_brings_along_what_its_records_refer_to_and_what_refers_to_them() {
    let store = Store::new();
    let amal = store
        .insert("patients", json!({"given_name": "Amal"}))
        .unwrap();
    let basma = store
        .insert("patients", json!({"given_name": "Basma"}))
        .unwrap();
    let other = store
        .insert("patients", json!({"given_name": "other"}))
        .unwrap();
    let gone = "aaaaaaaa-0000-4000-8000-00000000dead";
    let visit = |patient: Json, provider: &str| {
        let fields = json!({"patient_id": patient, "provider_name": provider});
        store.insert("visits", fields).unwrap()
    };
    let first = visit(json!(amal.as_str()), "yes");
    visit(json!(amal.as_str()), "yes");
    let third = visit(json!(basma.as_str()), "yes");
    visit(Json::Null, "yes");
    visit(json!(gone), "yes");
    let elsewhere = visit(json!(other.as_str()), "no");
    for at in [&first, &first, &third, &elsewhere] {
        let fields = json!({"patient_id": amal.as_str(), "visit_id": at.as_str()});
        store.insert("events", fields).unwrap();
    }
    let page = store.query(
        "visits",
        r#"{"where":{"column":"provider_name","op":"eq","value":"yes"},
            "include":[{"column":"patient_id"},{"table":"events","column":"visit_id"}]}"#,
    );
    assert_eq!(page["rows"].as_array().unwrap().len(), 5);
    let ids_of = |of: &Json, column: &str| -> Vec<String> {
        let columns = of["columns"].as_array().unwrap();
        let at = columns.iter().position(|c| c == column).unwrap();
        let rows = of["rows"].as_array().unwrap();
        let mut ids: Vec<String> = rows
            .iter()
            .map(|row| row[at].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let mut both = vec![amal.into_string(), basma.into_string()];
    both.sort();
    let included = &page["included"];
    assert_eq!(included[0]["table"], "patients");
    assert_eq!(ids_of(&included[0], "id"), both, "each once");
    assert_eq!(included[1]["table"], "events");
    let mut visits = vec![
        first.clone().into_string(),
        first.into_string(),
        third.into_string(),
    ];
    visits.sort();
    assert_eq!(ids_of(&included[1], "visit_id"), visits);
    assert!(store.query("visits", "{}").get("included").is_none());

    // only of the rows of the page, not of all that the query finds
    let small = store.query(
        "visits",
        r#"{"limit":1,"include":[{"column":"patient_id"}]}"#,
    );
    assert!(small["included"][0]["rows"].as_array().unwrap().len() <= 1);
    assert_ne!(small["next_offset"], Json::Null);
}

#[test]
fn related_records_are_bounded() {
    let store = Store::new();
    let patient = store.insert("patients", json!({})).unwrap();
    let (visits, table) = store.schema.require("visits").unwrap();
    let fields = json!({"patient_id": patient.as_str()});
    let (_, fields) = row::parse_fields(table, fields.as_object().unwrap()).unwrap();
    let insert = |count: usize| {
        let operations = (0..count)
            .map(|_| Operation::Insert {
                table: visits,
                id: None,
                fields: fields.clone(),
            })
            .collect();
        store.database.apply(operations).wait().unwrap();
    };
    let query = r#"{"include":[{"table":"visits","column":"patient_id"}]}"#;
    insert(10_000);
    let page = store.query("patients", query);
    assert_eq!(
        page["included"][0]["rows"].as_array().unwrap().len(),
        10_000
    );
    insert(1);
    let error = store.page("patients", query).unwrap_err();
    assert_eq!(error.code(), ErrorCode::ValueTooLarge);
    assert_eq!(
        store.query("patients", "{}")["rows"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}
