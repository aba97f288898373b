//! Replies that hold what no device may hold, or more than any device can.

use std::io::{self, Read};

use super::Decoder;
use super::decode_tests::{Kept, ME, TYPICAL, cell, code, decode, decode_from, with_changes};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{RemoteRow, SkipCounts};
use crate::model::ids::RecordId;
use crate::model::schema::{Schema, TableIndex};
use crate::model::value::Value;
use crate::ports::ChangeSink;
use crate::transport::limits::SizeLimits;

fn counts(changes: &str) -> SkipCounts {
    decode(&with_changes(changes)).unwrap().0.skipped
}

#[test]
fn bytes_that_are_not_utf8_break_the_protocol_also_in_what_is_skipped() {
    for place in ["patients", "other", "users"] {
        let text = with_changes(&format!(
            r#"{{"{place}":{{"created":[{{"id":"a","x":"?"}}]}}}}"#
        ));
        let bytes: Vec<u8> = text
            .bytes()
            .map(|b| if b == b'?' { 0xff } else { b })
            .collect();
        let error = decode_from(bytes.as_slice()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Protocol, "{place}");
    }
    let mut cut = with_changes("{}").into_bytes();
    cut.extend_from_slice(b" \xe2\x82");
    assert_eq!(
        decode_from(cut.as_slice()).unwrap_err().code(),
        ErrorCode::Protocol
    );
}

#[test]
fn s11_what_must_never_be_stored_does_not_reach_the_sink() {
    let row = r#"{"id":"a","name":"canary-1","hashed_password":"canary-2"}"#;
    let changes = format!(
        r#"{{"users":{{"created":[{row}]}},"undefined":{{"updated":[{row}]}},"clinicians":7,
            "device_pin_codes":{{"created":[{{"id":"a","pin_hash":"canary-3"}}],"deleted":["canary-4"]}},
            "patients":{{"created":[{{"id":"a","surname":"S","password":"canary-5",
                "api_key_hash":{{"x":"canary-6"}},"hashed\u005fpassword":"canary-7","token":null}}]}}}}"#
    );
    let (reply, kept) = decode(&with_changes(&changes)).unwrap();
    assert!(!format!("{kept:?}{reply:?}").contains("canary"));
    assert_eq!((reply.upserts, reply.deletions), (1, 0));
    assert_eq!(reply.skipped.forbidden_tables, 4);
    assert_eq!(reply.skipped.forbidden_columns, 4);
}

#[test]
fn h13_w053_unknown_names_are_counted_and_passed_over() {
    let skipped = counts(
        r#"{"future":{"created":[{"id":"a"}]},"__proto__":{"created":[]},"peers":{"created":[{"id":"p"}]},
            "event_logs":null,
            "clinics":{"created":[{"id":"a","__proto__":{"x":1},"constructor":1,"name":"N"}],"odd":[[]]}}"#,
    );
    assert_eq!(
        skipped,
        SkipCounts {
            unknown_tables: 4,
            unknown_columns: 2,
            ..SkipCounts::default()
        }
    );
}

#[test]
fn s06_tables_that_never_leave_the_device_are_not_pulled() {
    let schema = Schema::from_json(
        r#"{"version":1,"tables":[{"name":"local","direction":"local","columns":[{"name":"id","role":"id"}]}]}"#,
    )
    .unwrap();
    let text = with_changes(r#"{"local":{"created":[{"id":"a"}],"deleted":["b"]}}"#);
    let mut kept = Kept::default();
    let reply = Decoder::new(&schema, ME, &mut kept, SizeLimits::PULL)
        .read(text.as_bytes())
        .unwrap();
    assert_eq!(reply.skipped.unknown_tables, 1);
    assert_eq!(kept, Kept::default());
}

#[test]
fn w041_records_without_use_are_counted_and_passed_over() {
    let changes = r#"{"clinics":{"created":[1,null,"a",[],{},{"id":null},{"id":7},{"id":""},
        {"id":"a\u0000"},{"id":"\ud800"},{"id":"ok"}],"deleted":["",null,7,{"id":"a"},"ok"]}}"#;
    let (reply, _) = decode(&with_changes(changes)).unwrap();
    assert_eq!((reply.upserts, reply.deletions), (1, 1));
    assert_eq!(reply.skipped.bad_records, 14);
}

#[test]
fn l04_unreadable_values_leave_the_row_and_are_counted() {
    let changes = r#"{"patients":{"created":[{"id":"a","given_name":"x\u0000y","surname":"S",
        "date_of_birth":"never","is_deleted":"maybe","created_at":1e999,"updated_at":9223372036854775808}]}}"#;
    let (reply, kept) = decode(&with_changes(changes)).unwrap();
    assert_eq!(reply.skipped.unreadable_values, 5);
    assert_eq!(kept.upserts[0].1.cells.len(), 1);
}

#[test]
fn of_two_values_of_a_column_the_later_counts() {
    let changes = r#"{"clinics":{"created":[{"id":"a","name":"first","id":"b","name":"second",
        "is_archived":true,"is_archived":"?"}]},"clinics":{"deleted":["c"],"deleted":["d"]}}"#;
    let (reply, kept) = decode(&with_changes(changes)).unwrap();
    assert_eq!(kept.upserts[0].1.id.as_str(), "b");
    assert_eq!(
        cell(&kept, 0, "clinics", "name"),
        Some(&Value::Text("second".into()))
    );
    assert_eq!(cell(&kept, 0, "clinics", "is_archived"), None);
    assert_eq!((reply.upserts, reply.deletions), (1, 2));
}

#[test]
fn s12_other_peoples_rows_are_dropped() {
    let changes = format!(
        r#"{{"user_clinic_permissions":{{"created":[{{"id":"a","user_id":"{ME}"}},
            {{"id":"b","user_id":"{}"}},{{"id":"c","user_id":"aaaaaaaa-0000-4000-8000-00000000000b"}},
            {{"id":"d","user_id":null}},{{"id":"e"}}]}}}}"#,
        ME.to_uppercase()
    );
    let (reply, kept) = decode(&with_changes(&changes)).unwrap();
    assert_eq!(reply.skipped.foreign_rows, 3);
    let ids: Vec<_> = kept
        .upserts
        .iter()
        .map(|(_, row)| row.id.as_str())
        .collect();
    assert_eq!(ids, ["a", "b"]);
}

#[test]
fn an_error_of_the_sink_comes_out_unchanged() {
    struct Full;
    impl ChangeSink for Full {
        fn upsert(&mut self, _: TableIndex, _: RemoteRow) -> Result<()> {
            Err(Error::new(ErrorCode::StorageFull, "no space"))
        }
        fn delete(&mut self, _: TableIndex, _: RecordId) -> Result<()> {
            Ok(())
        }
    }
    let schema = Schema::hikma().unwrap();
    let error = Decoder::new(&schema, ME, &mut Full, SizeLimits::PULL)
        .read(TYPICAL.as_bytes())
        .unwrap_err();
    assert_eq!(error, Error::new(ErrorCode::StorageFull, "no space"));
}

#[test]
fn too_many_rows_are_refused() {
    let schema = Schema::hikma().unwrap();
    let limits = SizeLimits {
        rows: 3,
        ..SizeLimits::PULL
    };
    for (list, accepted) in [(r#""a","b",7"#, true), (r#""a","b",7,"c""#, false)] {
        let text = with_changes(&format!(r#"{{"clinics":{{"deleted":[{list}]}}}}"#));
        let result = Decoder::new(&schema, ME, &mut Kept::default(), limits).read(text.as_bytes());
        assert_eq!(result.is_ok(), accepted);
    }
    // Records count whether they are good or not, in whichever list and table.
    for (rows, accepted) in [(3, true), (4, false)] {
        let record = r#"{"id":"01890a5d-ac96-774b-bcce-b302099a8057"}"#;
        let lists = ["created", "updated", "created", "updated"]
            .into_iter()
            .take(rows);
        let tables = lists.zip(["clinics", "clinics", "patients", "visits"]);
        let tables: Vec<_> = tables
            .map(|(list, table)| format!(r#"{{"{table}":{{"{list}":[{record}]}}}}"#))
            .map(|table| table[1..table.len() - 1].to_owned())
            .collect();
        let text = with_changes(&format!("{{{}}}", tables.join(",")));
        let result = Decoder::new(&schema, ME, &mut Kept::default(), limits).read(text.as_bytes());
        assert_eq!(result.is_ok(), accepted, "{text}");
    }
}

/// A beginning, and then a gigabyte of one byte.
struct Endless {
    head: Vec<u8>,
    filler: u8,
    sent: u64,
}

impl Endless {
    fn new(head: &str, filler: u8) -> Self {
        Self {
            head: head.as_bytes().to_vec(),
            filler,
            sent: 0,
        }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.head.is_empty() {
            let length = buffer.len().min(self.head.len());
            buffer[..length].copy_from_slice(&self.head[..length]);
            self.head.drain(..length);
            return Ok(length);
        }
        if self.sent >= 1024 * 1024 * 1024 {
            return Ok(0);
        }
        buffer.fill(self.filler);
        self.sent += buffer.len() as u64;
        Ok(buffer.len())
    }
}

#[test]
fn giants_are_stopped_early() {
    const MIB: u64 = 1024 * 1024;
    let schema = Schema::hikma().unwrap();
    // What is passed over before that takes the test too long.
    let limits = SizeLimits {
        passed: SizeLimits::PULL.record,
        ..SizeLimits::PULL
    };
    let in_row = r#"{"changes":{"patients":{"created":[{"id":"a","surname":"#;
    for (head, filler, code, most) in [
        (
            format!("{in_row}\""),
            b'x',
            ErrorCode::ValueTooLarge,
            33 * MIB,
        ),
        (
            format!("{in_row}\""),
            b'\\',
            ErrorCode::ValueTooLarge,
            33 * MIB,
        ),
        (in_row.to_owned(), b'7', ErrorCode::Protocol, MIB),
        (in_row.to_owned(), b'[', ErrorCode::Protocol, MIB),
        (in_row.to_owned(), b'{', ErrorCode::Protocol, MIB),
        (in_row.to_owned(), b' ', ErrorCode::ValueTooLarge, 33 * MIB),
        ("{\"".to_owned(), b'x', ErrorCode::ValueTooLarge, 17 * MIB),
        (
            r#"{"other":""#.to_owned(),
            b'x',
            ErrorCode::ValueTooLarge,
            33 * MIB,
        ),
        (
            r#"{"changes":{"users":["#.to_owned(),
            b'[',
            ErrorCode::Protocol,
            MIB,
        ),
    ] {
        let mut body = Endless::new(&head, filler);
        let mut kept = Kept::default();
        let decoder = Decoder::new(&schema, ME, &mut kept, limits);
        let error = decoder.read(&mut body).unwrap_err();
        assert_eq!(error.code(), code, "{head}");
        assert!(body.sent <= most, "{head} {}", body.sent);
    }
}

/// Other apps write what they like: one such record is not the end of all pulls.
#[test]
fn a_record_that_is_too_deep_or_too_large_is_passed_over() {
    let schema = Schema::hikma().unwrap();
    let limits = SizeLimits {
        string: 100_000,
        record: 300_000,
        passed: 1_000_000,
        ..SizeLimits::PULL
    };
    let decode = |bad: &str| {
        let good = |id: &str| format!(r#"{{"id":"{id}","phone":"1"}}"#);
        let text = with_changes(&format!(
            r#"{{"patients":{{"created":[{},{bad},{}],"deleted":["d"]}},
                "visits":{{"created":[{}]}},"martians":{{"created":[{bad}]}}}}"#,
            good("a"),
            good("b"),
            good("c"),
        ));
        let mut kept = Kept::default();
        let read = Decoder::new(&schema, ME, &mut kept, limits).read(text.as_bytes());
        read.map(|reply| (reply, kept))
    };
    let nested = |depth: usize| {
        format!(
            r#"{{"id":"x","metadata":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let text = |bytes: usize| format!(r#"{{"id":"x","surname":"{}"}}"#, "\\n".repeat(bytes / 2));
    let texts = format!(
        r#"{{"id":"x","a":{0},"b":{0},"c":{0},"d":[{0}]}}"#,
        json_text(90_000)
    );
    for bad in [nested(60), nested(200), text(100_002), text(900_000), texts] {
        let (reply, kept) = decode(&bad).unwrap();
        let ids: Vec<_> = kept
            .upserts
            .iter()
            .map(|(_, row)| row.id.as_str())
            .collect();
        assert_eq!(ids, ["a", "b", "c"]);
        assert_eq!(
            (reply.upserts, reply.deletions, reply.skipped.bad_records),
            (3, 1, 1)
        );
        // What of the patients is missing is not gone.
        assert_eq!(reply.tables, [schema.find("visits").unwrap()]);
    }
    for (bad, code) in [
        (nested(260), ErrorCode::Protocol),
        (text(1_000_000), ErrorCode::ValueTooLarge),
    ] {
        assert_eq!(decode(&bad).unwrap_err().code(), code);
    }
    // Elsewhere than in a list of records, it is no reply.
    let key = format!(r#"{{{}:1}}"#, json_text(200_000));
    let read = Decoder::new(&schema, ME, &mut Kept::default(), limits).read(key.as_bytes());
    assert_eq!(read.unwrap_err().code(), ErrorCode::ValueTooLarge);
}

/// Of what was passed over nobody knows whose it is: what its table does not hold says nothing, wherever it
/// stood. What has no usable id is nobody's here.
#[test]
fn a_table_of_which_something_was_passed_over_tells_nothing() {
    let schema = Schema::hikma().unwrap();
    let limits = SizeLimits {
        record: 200,
        passed: 1_000,
        rows: 4,
        ..SizeLimits::PULL
    };
    let read = |changes: &str| {
        let text = with_changes(changes);
        Decoder::new(&schema, ME, &mut Kept::default(), limits).read(text.as_bytes())
    };
    let large = json_text(500);
    let visits = r#""visits":{"deleted":["v"]}"#;
    for (patients, partial) in [
        (format!(r#""patients":{{"deleted":["a",{large}]}}"#), true),
        (format!(r#""patients":{{"updated":[{large}]}}"#), true),
        (
            format!(
                r#""patients":{{"created":[{large}]}},"patients":{{"created":[{{"id":"a"}}]}}"#
            ),
            true,
        ),
        (
            format!(
                r#""patients":{{"created":[{{"id":"a"}}]}},"patients":{{"created":[{large}]}}"#
            ),
            true,
        ),
        (r#""patients":{"created":[{"id":""}]}"#.to_owned(), false),
    ] {
        let reply = read(&format!("{{{patients},{visits}}}")).unwrap();
        assert_eq!(reply.skipped.bad_records, 1, "{patients}");
        let listed = reply.tables.contains(&schema.find("patients").unwrap());
        assert_eq!(listed, !partial, "{patients}");
        assert!(reply.tables.contains(&schema.find("visits").unwrap()));
    }
    // It counts as a row, and may not be cut.
    let four = [large.as_str(); 4].join(",");
    assert!(read(&format!(r#"{{"patients":{{"created":[{four}]}}}}"#)).is_ok());
    let error = read(&format!(r#"{{"patients":{{"created":[{four},{large}]}}}}"#)).unwrap_err();
    assert_eq!(error, crate::transport::wire::failures::TOO_MANY);
    let whole = with_changes(&format!(r#"{{"patients":{{"created":[{large}]}}}}"#));
    for cut in [300, 500, whole.len() - 20] {
        let mut kept = Kept::default();
        let read = Decoder::new(&schema, ME, &mut kept, limits).read(&whole.as_bytes()[..cut]);
        assert_eq!(read.unwrap_err().code(), ErrorCode::Protocol, "{cut}");
    }
}

fn json_text(bytes: usize) -> String {
    format!("\"{}\"", "x".repeat(bytes))
}

#[test]
fn deep_nesting_is_refused_and_ordinary_nesting_is_not() {
    let nest = |depth: usize| {
        with_changes(&format!(
            r#"{{"patients":{{"created":[{{"id":"a","metadata":{}{}}}]}}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        ))
    };
    assert!(decode(&nest(59)).is_ok());
    assert_eq!(decode(&nest(60)).unwrap().0.skipped.bad_records, 1);
    assert_eq!(code(&nest(10_000)), ErrorCode::Protocol);
}
