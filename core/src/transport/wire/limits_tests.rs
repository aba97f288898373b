//! Everything that a hostile or broken peer may put into a reply: a typed error, or a counted skip.

use super::decode_tests::{cell, code, decode, decode_from, with_changes};
use crate::error::ErrorCode;
use crate::model::value::Value;

/// A reply with one patient whose columns are these.
fn patient(columns: &str) -> String {
    with_changes(&format!(
        r#"{{"patients":{{"created":[{{"id":"p"{columns}}}],"updated":[],"deleted":[]}}}}"#
    ))
}

fn vital(value: &str) -> String {
    with_changes(&format!(
        r#"{{"patient_vitals":{{"created":[{{"id":"v","systolic_bp":{value}}}]}}}}"#
    ))
}

#[test]
fn w025_numbers_of_every_form_are_read_or_counted() {
    for (sent, stored) in [
        ("120", Some(120)),
        ("-0", Some(0)),
        ("120.0", Some(120)),
        ("1.2e2", Some(120)),
        (r#""120""#, Some(120)),
        ("9223372036854775807", Some(i64::MAX)),
        // 2^63, more than any, less than any, and what is no whole number.
        ("9223372036854775808", None),
        ("18446744073709551616", None),
        ("1e999", None),
        ("-1e999", None),
        ("1e-999", Some(0)),
        ("120.5", None),
        ("true", None),
        ("[]", None),
    ] {
        let (reply, kept) = decode(&vital(sent)).unwrap();
        let found = cell(&kept, 0, "patient_vitals", "systolic_bp");
        assert_eq!(found.cloned(), stored.map(Value::Integer), "{sent}");
        let unreadable = u64::from(stored.is_none());
        assert_eq!(reply.skipped.unreadable_values, unreadable, "{sent}");
        assert_eq!(reply.upserts, 1, "{sent}: the row itself stays");
    }
    // What is no number of JSON at all is no reply.
    for sent in ["01", "+1", "1.", ".5", "NaN", "Infinity", "-", "1e", "0x10"] {
        assert_eq!(code(&vital(sent)), ErrorCode::Protocol, "{sent}");
    }
}

#[test]
fn of_keys_that_come_twice_the_later_counts_and_none_does_harm() {
    let (reply, kept) = decode(&patient(r#","phone":"1","phone":"2""#)).unwrap();
    assert_eq!(
        cell(&kept, 0, "patients", "phone"),
        Some(&Value::Text("2".into()))
    );
    assert_eq!(reply.upserts, 1);
    // Tables, lists and `changes` that come twice hold all of their records.
    let lists = r#"{"created":[{"id":"a"}],"created":[{"id":"b"}]}"#;
    let twice = format!(r#"{{"patients":{lists},"patients":{lists}}}"#);
    assert_eq!(decode(&with_changes(&twice)).unwrap().0.upserts, 4);
}

#[test]
fn names_that_mean_something_elsewhere_are_names_here() {
    let columns = r#","__proto__":{"is_admin":true},"constructor":"x","toString":1"#;
    let (reply, kept) = decode(&patient(columns)).unwrap();
    assert_eq!(reply.skipped.unknown_columns, 3);
    assert!(kept.upserts[0].1.cells.is_empty());
    let (reply, kept) = decode(&with_changes(
        r#"{"__proto__":{"created":[{"id":"p"}]},"constructor":{"deleted":["x"]}}"#,
    ))
    .unwrap();
    assert_eq!((reply.skipped.unknown_tables, kept.upserts.len()), (2, 0));
}

#[test]
fn bytes_that_are_no_utf8_and_a_mark_in_front_are_no_reply() {
    let good = patient("");
    assert!(decode(&good).is_ok());
    for bytes in [
        [b"\xef\xbb\xbf", good.as_bytes()].concat(),
        [b"\xff\xfe", good.as_bytes()].concat(),
        good.replace("\"p\"", "\"\u{1}\"").into_bytes(),
        [good.as_bytes(), b"\x00"].concat(),
        [good.as_bytes(), b"{}"].concat(),
        [&good.as_bytes()[..20], b"\xc3\x28", &good.as_bytes()[20..]].concat(),
    ] {
        let error = decode_from(bytes.as_slice()).err().unwrap();
        assert_eq!(error.code(), ErrorCode::Protocol);
    }
}

#[test]
fn more_tables_than_anybody_has_are_refused() {
    let tables = |count: usize| {
        let names: Vec<_> = (0..count).map(|i| format!(r#""t{i}":{{}}"#)).collect();
        with_changes(&format!("{{{}}}", names.join(",")))
    };
    assert_eq!(
        decode(&tables(1_000)).unwrap().0.skipped.unknown_tables,
        1_000
    );
    assert_eq!(code(&tables(1_001)), ErrorCode::Protocol);
}

/// What may be written here comes back, also where a reply stands in three objects more.
#[test]
fn a_pull_takes_what_may_be_written() {
    use super::Decoder;
    use super::decode_tests::Kept;
    use crate::model::room::{MAX_NESTING, MAX_NUMBER_BYTES};
    use crate::model::row::{MAX_VALUE_BYTES, parse_value};
    use crate::model::schema::Schema;
    use crate::transport::limits::SizeLimits;
    use serde_json::{Value as Json, json};

    let schema = Schema::hikma().unwrap();
    let (_, table) = schema.require("patients").unwrap();
    let nested = format!(
        "{{\"a\":{}{}}}",
        "[".repeat(MAX_NESTING - 1),
        "]".repeat(MAX_NESTING - 1)
    );
    let number = format!("{{\"a\":{}}}", "1".repeat(MAX_NUMBER_BYTES));
    let lines = Json::from("\n".repeat(MAX_VALUE_BYTES / 2)).to_string();
    for (column, text) in [
        ("metadata", nested.as_str()),
        ("metadata", number.as_str()),
        ("surname", lines.as_str()),
    ] {
        let written = match serde_json::from_str(text) {
            Ok(Json::String(text)) => json!(text),
            _ => json!(text),
        };
        parse_value(table, table.position(column).unwrap(), &written).unwrap();
        let reply = with_changes(&format!(
            r#"{{"patients":{{"created":[{{"id":"p","{column}":{text}}}]}}}}"#
        ));
        let wrapped = format!(r#"{{"result":{{"data":{{"json":{reply}}}}}}}"#);
        let mut kept = Kept::default();
        let decoder = Decoder::new(&schema, "u", &mut kept, SizeLimits::PULL);
        let read = decoder.wrapped(3).read(wrapped.as_bytes()).unwrap();
        assert_eq!((read.upserts, read.skipped.unreadable_values), (1, 0));
        assert_eq!(kept.upserts[0].1.cells.len(), 1, "{column}");
    }
}
