//! Values by role, one by one.

use super::*;
use crate::model::schema::Schema;

/// `column.role` at `table.column` of the built-in schema, with or without null.
fn column(role: Role, nullable: bool) -> Column {
    let schema = Schema::hikma().unwrap();
    let found = schema
        .tables()
        .flat_map(|(_, table)| table.columns.clone())
        .find(|column| column.role == role);
    Column {
        nullable,
        ..found.unwrap()
    }
}

fn known(role: Role, raw: &str) -> Value {
    match read(&column(role, true), raw) {
        Cell::Known(value) => value,
        other => panic!("{role:?} {raw}: {other:?}"),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn unreadable(role: Role, raws: &[&str]) {
    for raw in raws {
        assert_eq!(read(&column(role, true), raw), Cell::Unreadable, "{raw}");
    }
}

#[test]
fn null_is_null_in_every_role() {
    for role in [
        Role::Text,
        Role::Enum,
        Role::Ref,
        Role::Integer,
        Role::Number,
        Role::Decimal,
        Role::Bool,
        Role::Instant,
        Role::Day,
        Role::Json,
    ] {
        if role == Role::Number {
            assert_eq!(known(role, "null"), Value::Null);
            continue;
        }
        assert_eq!(
            read(&column(role, false), "null"),
            Cell::Known(Value::Null),
            "{role:?}"
        );
    }
}

#[test]
fn text_takes_numbers_and_truth_as_they_were_written() {
    assert_eq!(known(Role::Text, r#""سلمى \u00fc""#), text("سلمى ü"));
    assert_eq!(known(Role::Text, "12345678901"), text("12345678901"));
    assert_eq!(known(Role::Text, "1.50"), text("1.50"));
    assert_eq!(known(Role::Text, "true"), text("true"));
    assert_eq!(known(Role::Text, r#""""#), text(""));
    unreadable(Role::Text, &["{}", "[1]", r#""a\u0000b""#, r#""\ud800""#]);
}

#[test]
fn references_are_ids_or_nothing() {
    assert_eq!(known(Role::Ref, r#""""#), Value::Null);
    assert_eq!(
        read(&column(Role::Ref, false), r#""""#),
        Cell::Known(Value::Null)
    );
    assert_eq!(
        known(Role::Ref, r#""AAAAAAAA-0000-4000-8000-000000000001""#),
        text("aaaaaaaa-0000-4000-8000-000000000001")
    );
    assert_eq!(known(Role::Ref, r#""row-1""#), text("row-1"));
    unreadable(Role::Ref, &["7", "true", "[]", r#""a\u0000""#]);
}

#[test]
fn whole_numbers() {
    for (raw, number) in [
        ("80", 80),
        ("80.0", 80),
        ("\"80\"", 80),
        ("\" 80.0 \"", 80),
        ("8e1", 80),
        ("-0", 0),
        ("-0.0", 0),
        ("-7", -7),
        ("9223372036854775807", i64::MAX),
    ] {
        assert_eq!(known(Role::Integer, raw), Value::Integer(number), "{raw}");
    }
    unreadable(
        Role::Integer,
        &[
            "80.5",
            "9223372036854775808",
            "1e999",
            "-1e999",
            "true",
            "\"x\"",
            "\"inf\"",
            "{}",
        ],
    );
    assert_eq!(known(Role::Integer, r#""""#), Value::Null);
    assert_eq!(
        read(&column(Role::Integer, false), r#""""#),
        Cell::Unreadable
    );
}

#[test]
fn finite_numbers() {
    assert_eq!(known(Role::Number, "12.5"), Value::Real(12.5));
    assert_eq!(known(Role::Number, "\"12.5\""), Value::Real(12.5));
    assert_eq!(known(Role::Number, "-0"), Value::Real(0.0));
    unreadable(
        Role::Number,
        &["1e999", "\"NaN\"", "\"inf\"", "false", "[]"],
    );
}

#[test]
fn l02_decimals_keep_their_text() {
    for (raw, kept) in [
        ("\"36.60\"", "36.60"),
        ("36.60", "36.60"),
        ("\"5.0000\"", "5.0000"),
        ("-0", "-0"),
        ("80.0", "80.0"),
        ("1.5e-3", "0.0015"),
        (
            "123456789012345678901234567890.5",
            "123456789012345678901234567890.5",
        ),
    ] {
        assert_eq!(known(Role::Decimal, raw), text(kept), "{raw}");
    }
    unreadable(
        Role::Decimal,
        &[
            "1e999", "1e300", "\"NaN\"", "\"1e3\"", "\"abc\"", "true", "\"1,5\"",
        ],
    );
    assert_eq!(known(Role::Decimal, r#""""#), Value::Null);
}

#[test]
fn truth_has_many_forms() {
    for raw in ["true", "1", "1.0", "\"1\"", "\"true\""] {
        assert_eq!(known(Role::Bool, raw), Value::Integer(1), "{raw}");
    }
    for raw in ["false", "0", "0.0", "\"0\"", "\"false\""] {
        assert_eq!(known(Role::Bool, raw), Value::Integer(0), "{raw}");
    }
    unreadable(Role::Bool, &["2", "-1", "0.5", "\"yes\"", "[]"]);
}

#[test]
fn instants() {
    for raw in [
        "\"2026-01-31T08:15:30.123Z\"",
        "1769847330123",
        "1769847330123.0",
        "\"1769847330123\"",
    ] {
        assert_eq!(
            known(Role::Instant, raw),
            Value::Integer(1_769_847_330_123),
            "{raw}"
        );
    }
    unreadable(
        Role::Instant,
        &[
            "true",
            "1.5",
            "1e999",
            "9223372036854775807",
            "\"soon\"",
            "[]",
            "{}",
        ],
    );
}

#[test]
fn days_are_found_in_every_form() {
    for raw in [
        "\"1980-02-03\"",
        "\"1980-02-03T00:00:00.000Z\"",
        "\"1980-02-02T21:00:00.000Z\"",
        "\"1980-02-03T05:00:00.000Z\"",
        "\"318384000000\"",
        "318384000000",
    ] {
        assert_eq!(known(Role::Day, raw), text("1980-02-03"), "{raw}");
    }
    unreadable(Role::Day, &["\"never\"", "false", "1.5", "[]"]);
}

#[test]
fn l03_no_date_is_null_or_leaves_what_is_stored() {
    for role in [Role::Instant, Role::Day] {
        for raw in [r#""""#, "\"0\"", "0", "0.0"] {
            assert_eq!(
                read(&column(role, true), raw),
                Cell::Known(Value::Null),
                "{raw}"
            );
            assert_eq!(read(&column(role, false), raw), Cell::Absent, "{raw}");
        }
    }
}

#[test]
fn json_is_kept_byte_for_byte() {
    let mut object = column(Role::Json, false);
    object.default = Some("{}".to_owned());
    let kept = |raw: &str| match read(&object, raw) {
        Cell::Known(Value::Text(text)) => text,
        other => panic!("{other:?}"),
    };
    let odd = r#"{"b":1.50,  "a":[1e2,"\u00fc\ud800"],"a":null}"#;
    assert_eq!(kept(odd), odd);
    assert_eq!(kept(r#""{\"a\": 1}""#), r#"{"a": 1}"#);
    assert_eq!(kept(r#""\"{\\\"b\\\":2}\"""#), r#"{"b":2}"#);
    assert_eq!(kept(r#""plain""#), r#""plain""#);
    assert_eq!(kept("[1]"), "[1]");
    assert_eq!(kept("7"), "7");
    let large = format!("[{}1]", "1,".repeat(MAX_VALUE_BYTES / 2));
    assert_eq!(read(&object, &large), Cell::Unreadable);
    // The quotes around a hub's text are not the text's.
    let largest = format!("{{{}}}", " ".repeat(MAX_VALUE_BYTES - 2));
    assert_eq!(kept(&format!("\"{largest}\"")).len(), MAX_VALUE_BYTES);
    let larger = format!("\"{largest} \"");
    assert_eq!(read(&object, &larger), Cell::Unreadable);
}
