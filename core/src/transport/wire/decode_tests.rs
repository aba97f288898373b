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

pub(super) const ME: &str = "aaaaaaaa-0000-4000-8000-00000000000a";

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

pub(super) fn decode(text: &str) -> Result<(PullReply, Kept)> {
    decode_from(text.as_bytes())
}

pub(super) fn with_changes(changes: &str) -> String {
    format!(r#"{{"success":true,"changes":{changes},"timestamp":1795470612883}}"#)
}

pub(super) fn code(text: &str) -> ErrorCode {
    decode(text).unwrap_err().code()
}

pub(super) fn cell<'a>(kept: &'a Kept, row: usize, table: &str, column: &str) -> Option<&'a Value> {
    let schema = Schema::hikma().unwrap();
    let index = schema.find(table).unwrap();
    assert_eq!(kept.upserts[row].0, index);
    let position = schema.table(index).position(column).unwrap();
    let cells = &kept.upserts[row].1.cells;
    cells.iter().find(|(p, _)| *p == position).map(|(_, v)| v)
}

pub(super) const TYPICAL: &str = r#"{
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
            tables: vec![TableIndex(8), TableIndex(14), TableIndex(0)],
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
fn the_tables_that_a_reply_has_are_told_with_rows_or_without() {
    let schema = Schema::hikma().unwrap();
    let tables = |changes: &str| {
        let text = format!(r#"{{"success":true,"timestamp":1,"changes":{{{changes}}}}}"#);
        decode(&text).unwrap().0.tables
    };
    let (patients, visits) = (schema.find("patients"), schema.find("visits"));
    assert_eq!(tables(""), []);
    let both = r#""visits":{"created":[]},"patients":{"deleted":[]},"events":{},"stores":{}"#;
    assert_eq!(tables(both), [visits.unwrap(), patients.unwrap()]);
}
