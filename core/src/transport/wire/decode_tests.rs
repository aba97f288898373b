//! Whole replies: good, bad, hostile.

use std::io::{self, Read};

use super::Decoder;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{PullReply, RemoteRow, SkipCounts};
use crate::model::ids::RecordId;
use crate::model::schema::{Schema, TableIndex};
use crate::model::value::Value;
use crate::ports::ChangeSink;
use crate::transport::limits::SizeLimits;

const ME: &str = "aaaaaaaa-0000-4000-8000-00000000000a";

/// Keeps what it gets.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Kept {
    pub upserts: Vec<(TableIndex, RemoteRow)>,
    pub deletions: Vec<(TableIndex, RecordId)>,
}

impl ChangeSink for Kept {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        self.upserts.push((table, row));
        Ok(())
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        self.deletions.push((table, id));
        Ok(())
    }
}

pub(super) fn decode_from(body: impl Read) -> Result<(PullReply, Kept)> {
    let schema = Schema::hikma()?;
    let mut kept = Kept::default();
    let reply = Decoder::new(&schema, ME, &mut kept, SizeLimits::PULL).read(body)?;
    Ok((reply, kept))
}

fn decode(text: &str) -> Result<(PullReply, Kept)> {
    decode_from(text.as_bytes())
}

fn with_changes(changes: &str) -> String {
    format!(r#"{{"success":true,"changes":{changes},"timestamp":1795470612883}}"#)
}

fn counts(changes: &str) -> SkipCounts {
    decode(&with_changes(changes)).unwrap().0.skipped
}

fn code(text: &str) -> ErrorCode {
    decode(text).unwrap_err().code()
}

fn cell<'a>(kept: &'a Kept, row: usize, table: &str, column: &str) -> Option<&'a Value> {
    let schema = Schema::hikma().unwrap();
    let index = schema.find(table).unwrap();
    assert_eq!(kept.upserts[row].0, index);
    let position = schema.table(index).position(column).unwrap();
    let cells = &kept.upserts[row].1.cells;
    cells.iter().find(|(p, _)| *p == position).map(|(_, v)| v)
}

const TYPICAL: &str = r#"{
  "success": true,
  "changes": {
    "patients": {
      "created": [
        {"id": "AAAAAAAA-0000-4000-8000-000000000001", "given_name": "Zeynep", "surname": "Öztürk",
         "date_of_birth": "1974-06-08T21:00:00.000Z", "phone": 96170000001, "camp": null,
         "additional_data": {"blood":"0+", "z":[1, 2.50]}, "metadata": "{\"k\":1}",
         "is_deleted": false, "created_at": "2026-02-01T07:00:00.000Z", "updated_at": "0",
         "image_timestamp": "2026-02-01T07:00:00.000Z", "last_modified": "2026-02-01T07:00:00.000Z",
         "primary_clinic_id": ""}
      ],
      "updated": [], "deleted": ["aaaaaaaa-0000-4000-8000-000000000002"]
    },
    "patient_vitals": {
      "updated": [
        {"id": "aaaaaaaa-0000-4000-8000-000000000003", "temperature_celsius": "37.10",
         "heart_rate": 71.0, "height_cm": 171.5, "pain_level": "0", "metadata": {}}
      ]
    },
    "clinics": {"created": [], "updated": [], "deleted": []}
  },
  "timestamp": 1795470612883
}
"#;

#[test]
fn a_typical_reply() {
    let (reply, kept) = decode(TYPICAL).unwrap();
    assert_eq!(
        reply,
        PullReply {
            timestamp: 1_795_470_612_883,
            skew_ms: 0,
            upserts: 2,
            deletions: 1,
            bytes: TYPICAL.len() as u64,
            full: false,
            skipped: SkipCounts {
                unknown_columns: 1,
                ..SkipCounts::default()
            },
        }
    );
    assert_eq!(
        kept.upserts[0].1.id.as_str(),
        "aaaaaaaa-0000-4000-8000-000000000001"
    );
    let text = |t: &str| Value::Text(t.to_owned());
    for (column, value) in [
        ("given_name", text("Zeynep")),
        ("date_of_birth", text("1974-06-09")),
        ("phone", text("96170000001")),
        ("camp", Value::Null),
        ("additional_data", text(r#"{"blood":"0+", "z":[1, 2.50]}"#)),
        ("metadata", text(r#"{"k":1}"#)),
        ("is_deleted", Value::Integer(0)),
        ("created_at", Value::Integer(1_769_929_200_000)),
        ("updated_at", Value::Null),
        ("image_timestamp", Value::Integer(1_769_929_200_000)),
        ("primary_clinic_id", Value::Null),
    ] {
        assert_eq!(cell(&kept, 0, "patients", column), Some(&value), "{column}");
    }
    assert_eq!(cell(&kept, 0, "patients", "sex"), None);
    for (column, value) in [
        ("temperature_celsius", text("37.10")),
        ("heart_rate", Value::Integer(71)),
        ("height_cm", text("171.5")),
        ("pain_level", Value::Integer(0)),
    ] {
        assert_eq!(
            cell(&kept, 1, "patient_vitals", column),
            Some(&value),
            "{column}"
        );
    }
    assert_eq!(
        kept.deletions[0].1.as_str(),
        "aaaaaaaa-0000-4000-8000-000000000002"
    );
}

/// Hands out a fixed number of bytes at a time.
pub(super) struct Pieces<'a>(pub &'a [u8], pub usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.1.min(buffer.len()).min(self.0.len());
        buffer[..length].copy_from_slice(&self.0[..length]);
        self.0 = &self.0[length..];
        Ok(length)
    }
}

#[test]
fn the_edges_of_chunks_do_not_matter() {
    let whole = decode(TYPICAL).unwrap();
    for size in 1..=40 {
        assert_eq!(
            decode_from(Pieces(TYPICAL.as_bytes(), size)).unwrap(),
            whole
        );
    }
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let (reply, kept) = decode(
        r#"{"timestamp":5,"other":[{}],"changes":{"clinics":{"deleted":["a"],"x":1,"created":[{"name":"N","id":"b"}]}}}"#,
    )
    .unwrap();
    assert_eq!((reply.timestamp, reply.upserts, reply.deletions), (5, 1, 1));
    assert_eq!(kept.upserts[0].1.id.as_str(), "b");
}

#[test]
fn a_cut_reply_breaks_the_protocol_wherever_it_is_cut() {
    let end = TYPICAL.trim_end().len();
    for at in (0..end).step_by(100).chain(end - 5..end) {
        assert_eq!(
            code(&TYPICAL[..TYPICAL.floor_char_boundary(at)]),
            ErrorCode::Protocol,
            "{at}"
        );
    }
}

#[test]
fn what_has_not_the_form_breaks_the_protocol() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "7",
        "\"text\"",
        "[object Object]",
        "<!doctype html><title>Sign in to the Wi-Fi</title>",
        "{}",
        r#"{"changes":{}}"#,
        r#"{"timestamp":5}"#,
        r#"{"changes":{},"timestamp":null}"#,
        r#"{"changes":{},"timestamp":"5"}"#,
        r#"{"changes":{},"timestamp":0}"#,
        r#"{"changes":{},"timestamp":-5}"#,
        r#"{"changes":{},"timestamp":5.5}"#,
        r#"{"changes":{},"timestamp":1e999}"#,
        r#"{"changes":{},"timestamp":1e300}"#,
        r#"{"changes":{},"timestamp":9223372036854775808}"#,
        r#"{"changes":{},"timestamp":true}"#,
        r#"{"changes":{},"timestamp":[5]}"#,
        r#"{"changes":null,"timestamp":5}"#,
        r#"{"changes":[],"timestamp":5}"#,
        r#"{"changes":"{}","timestamp":5}"#,
        r#"{"changes":{"patients":null},"timestamp":5}"#,
        r#"{"changes":{"patients":[]},"timestamp":5}"#,
        r#"{"changes":{"patients":{"created":null}},"timestamp":5}"#,
        r#"{"changes":{"patients":{"updated":{}}},"timestamp":5}"#,
        r#"{"changes":{"patients":{"deleted":"a"}},"timestamp":5}"#,
        r#"{"success":false,"changes":{},"timestamp":5}"#,
        r#"{"success":"true","changes":{},"timestamp":5}"#,
        r#"{"success":null,"changes":{},"timestamp":5}"#,
        r#"{"changes":{},"timestamp":5}x"#,
        r#"{"changes":{},"timestamp":5}{}"#,
        "\u{feff}{\"changes\":{},\"timestamp\":5}",
        r#"{"changes":{},"timestamp":5,}"#,
        r#"{changes:{},"timestamp":5}"#,
        "{\"changes\":{\"other\":\"a\nb\"},\"timestamp\":5}",
    ] {
        assert_eq!(code(text), ErrorCode::Protocol, "{text}");
    }
    assert_eq!(
        decode(r#"{"changes":{},"timestamp":5.0}"#)
            .unwrap()
            .0
            .timestamp,
        5
    );
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
fn a_broken_connection_is_the_networks_fault() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other(Error::new(
                ErrorCode::Network,
                "broke off",
            )))
        }
    }
    for at in (0..TYPICAL.len()).step_by(100) {
        let at = TYPICAL.floor_char_boundary(at);
        let body = TYPICAL.as_bytes()[..at].chain(Broken);
        assert_eq!(
            decode_from(body).unwrap_err().code(),
            ErrorCode::Network,
            "{at}"
        );
    }
}

#[test]
fn what_must_never_be_stored_does_not_reach_the_sink() {
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
fn unknown_names_are_counted_and_passed_over() {
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
fn tables_that_never_leave_the_device_are_not_pulled() {
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
fn records_without_use_are_counted_and_passed_over() {
    let changes = r#"{"clinics":{"created":[1,null,"a",[],{},{"id":null},{"id":7},{"id":""},
        {"id":"a\u0000"},{"id":"\ud800"},{"id":"ok"}],"deleted":["",null,7,{"id":"a"},"ok"]}}"#;
    let (reply, _) = decode(&with_changes(changes)).unwrap();
    assert_eq!((reply.upserts, reply.deletions), (1, 1));
    assert_eq!(reply.skipped.bad_records, 14);
}

#[test]
fn unreadable_values_leave_the_row_and_are_counted() {
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
fn other_peoples_rows_are_dropped() {
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
    let in_row = r#"{"changes":{"patients":{"created":[{"id":"a","surname":"#;
    for (head, filler, code, most) in [
        (
            format!("{in_row}\""),
            b'x',
            ErrorCode::ValueTooLarge,
            17 * MIB,
        ),
        (
            format!("{in_row}\""),
            b'\\',
            ErrorCode::ValueTooLarge,
            17 * MIB,
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
            17 * MIB,
        ),
        (
            r#"{"changes":{"users":["#.to_owned(),
            b'[',
            ErrorCode::Protocol,
            MIB,
        ),
    ] {
        let mut body = Endless::new(&head, filler);
        let error = decode_from(&mut body).unwrap_err();
        assert_eq!(error.code(), code, "{head}");
        assert!(body.sent <= most, "{head} {}", body.sent);
    }
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
    assert_eq!(code(&nest(60)), ErrorCode::Protocol);
    assert_eq!(code(&nest(10_000)), ErrorCode::Protocol);
}

#[test]
fn tmp_perf() {
    fn hwm() -> String {
        std::fs::read_to_string("/proc/self/status").unwrap().lines().filter(|l| l.starts_with("VmHWM")||l.starts_with("VmRSS")).collect::<Vec<_>>().join(" ")
    }
    struct Nothing;
    impl ChangeSink for Nothing {
        fn upsert(&mut self, _: TableIndex, _: RemoteRow) -> Result<()> { Ok(()) }
        fn delete(&mut self, _: TableIndex, _: RecordId) -> Result<()> { Ok(()) }
    }
    let row = r#"{"id": "AAAAAAAA-0000-4000-8000-000000000001", "given_name": "Zeynep", "surname": "Öztürk","date_of_birth": "1974-06-08T21:00:00.000Z", "phone": "96170000001", "camp": null,"citizenship":"abc","hometown":"def","sex":"female","additional_data": {"blood":"0+", "z":[1, 2.50]}, "metadata": {"k":1},"is_deleted": false, "created_at": "2026-02-01T07:00:00.000Z", "updated_at": "2026-02-01T07:00:00.000Z","image_timestamp": null, "last_modified": "2026-02-01T07:00:00.000Z","server_created_at":"2026-02-01T07:00:00.000Z","deleted_at":null,"government_id":"","external_patient_id":"","primary_clinic_id": "AAAAAAAA-0000-4000-8000-000000000001","last_modified_by":"AAAAAAAA-0000-4000-8000-000000000001"}"#;
    struct Rows { row: Vec<u8>, left: u64, at: usize, head: bool, tail: bool }
    impl Read for Rows {
        fn read(&mut self, b: &mut [u8]) -> io::Result<usize> {
            if !self.head { self.head = true; let h = br#"{"changes":{"patients":{"created":["#; b[..h.len()].copy_from_slice(h); return Ok(h.len()); }
            if self.left == 0 { if self.tail { return Ok(0) } self.tail = true; let h = br#"]}},"timestamp":5}"#; b[..h.len()].copy_from_slice(h); return Ok(h.len()); }
            let r = &self.row[self.at..]; let n = r.len().min(b.len()); b[..n].copy_from_slice(&r[..n]); self.at += n;
            if self.at == self.row.len() { self.at = 0; self.left -= 1; if self.left == 1 { self.row.pop(); } }
            Ok(n)
        }
    }
    let n = 120_000;
    let schema = Schema::hikma().unwrap();
    let start = std::time::Instant::now();
    println!("before {}", hwm());
    let reply = Decoder::new(&schema, ME, &mut Nothing, SizeLimits::PULL).read(Rows { row: format!("{row},").into_bytes(), left: n, at: 0, head: false, tail: false }).unwrap();
    println!("{} bytes {:?} {} {}", reply.bytes, start.elapsed(), reply.upserts, hwm());
    for (head, filler) in [(r#"{"changes":{"patients":{"created":[{"id":"a","surname":""#, b'x'), (r#"{"changes":{"patients":{"created":[{"id":"a","surname":"#, b' ')] {
        let mut body = Endless::new(head, filler);
        decode_from(&mut body).unwrap_err();
        println!("giant {}", hwm());
    }
}
