//! Records as the app gives and sees them: JSON objects, checked against the schema.

use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use super::dates;
use super::decimal::{self, Overflow};
use super::ids::RecordId;
use super::json_text;
use super::room;
use super::schema::{Column, Role, Table};
use super::value::Value;
use crate::error::{Error, ErrorCode, Result};

/// The largest text of one value, in bytes.
pub const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;

/// Fields of a record, as positions in the table's columns with their values.
pub type Fields = Vec<(usize, Value)>;

/// Reads the app's JSON object. `id` is returned apart, since only an insert may name it.
pub fn parse_fields(
    table: &Table,
    object: &Map<String, Json>,
) -> Result<(Option<RecordId>, Fields)> {
    let mut id = None;
    let mut fields = Vec::with_capacity(object.len());
    for (name, json) in object {
        let (position, column) = table.visible(name)?;
        if column.role == Role::Id {
            let text = json.as_str().ok_or_else(|| wrong_type(table, position))?;
            id = Some(RecordId::parse_uuid(text).map_err(|e| e.at(table.place(position)))?);
        } else {
            fields.push((position, parse_value(table, position, json)?));
        }
    }
    Ok((id, fields))
}

/// Reads one value of a column from the app's JSON.
pub fn parse_value(table: &Table, position: usize, json: &Json) -> Result<Value> {
    let column = &table.columns[position];
    if json.is_null() {
        return if column.nullable {
            Ok(Value::Null)
        } else {
            Err(Error::invalid("null is not allowed here").at(table.place(position)))
        };
    }
    let value = read_as(column, json).ok_or_else(|| wrong_type(table, position))?;
    check_limits(table, position, &value)?;
    Ok(value)
}

fn wrong_type(table: &Table, position: usize) -> Error {
    let detail = match table.columns[position].role {
        Role::Id => "an id is the text of a UUID",
        Role::Ref => "a reference is the id of a record, or null",
        Role::Text | Role::Enum => "text is expected",
        Role::Integer => "a whole number is expected",
        Role::Number => "a finite number is expected",
        Role::Decimal => "a decimal number, or its text, is expected",
        Role::Bool => "true or false is expected",
        Role::Instant => "epoch milliseconds are expected",
        Role::Day => "a day as YYYY-MM-DD is expected",
        Role::Json => "JSON of the column's kind, or its text, is expected",
    };
    Error::invalid(detail).at(table.place(position))
}

fn read_as(column: &Column, json: &Json) -> Option<Value> {
    match column.role {
        Role::Text | Role::Enum => json.as_str().map(|text| Value::Text(text.to_owned())),
        // An empty reference is not a UUID: the cloud fails on it, or invents a visit.
        Role::Id | Role::Ref => json
            .as_str()
            .and_then(RecordId::from_peer)
            .map(|id| Value::Text(id.into_string())),
        Role::Integer => whole(json).map(Value::Integer),
        Role::Instant => whole(json)
            .filter(|ms| dates::format_instant(*ms).is_some())
            .map(Value::Integer),
        Role::Number => json.as_f64().filter(|n| n.is_finite()).map(Value::Real),
        Role::Decimal => decimal_text(json).map(Value::Text),
        Role::Bool => json.as_bool().map(|b| Value::Integer(i64::from(b))),
        Role::Day => json
            .as_str()
            .filter(|d| dates::is_day(d))
            .map(|d| Value::Text(d.to_owned())),
        Role::Json => {
            let text = json
                .as_str()
                .map_or_else(|| json.to_string(), str::to_owned);
            let kind = column.default.as_deref().unwrap_or("{}");
            json_text::is_of_kind(&text, kind).then_some(Value::Text(text))
        }
    }
}

/// A whole number, also in the form `80.0`.
fn whole(json: &Json) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    json.as_i64().or_else(|| {
        json.as_f64()
            .filter(|n| n.fract() == 0.0 && n.abs() <= EXACT)
            .map(|n| n as i64)
    })
}

/// The text of a decimal number, given as a number or as text.
pub(super) fn decimal_text(json: &Json) -> Option<String> {
    match json {
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) => Some(text.clone()),
        _ => None,
    }
    .filter(|text| is_decimal(text))
}

/// Whether the text is a plain decimal number: optional minus, digits, optional fraction.
pub fn is_decimal(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    }
}

fn check_limits(table: &Table, position: usize, value: &Value) -> Result<()> {
    let column = &table.columns[position];
    let Value::Text(text) = value else {
        return Ok(());
    };
    if text.len() > MAX_VALUE_BYTES {
        return Err(
            Error::new(ErrorCode::ValueTooLarge, "the value is larger than 16 MiB")
                .at(table.place(position)),
        );
    }
    room::check_value(table, column, value).map_err(|e| e.at(table.place(position)))?;
    // The cloud's database keeps no NUL in text, and ends the push with a failure.
    if text.contains('\0') {
        return Err(Error::invalid("text holds a NUL character").at(table.place(position)));
    }
    if let Some(max) = column.max_chars
        && text.chars().count() > max as usize
    {
        return Err(Error::invalid("text is longer than the peer takes").at(table.place(position)));
    }
    let overflow = column
        .precision
        .and_then(|precision| decimal::overflow(text, precision));
    if let Some(overflow) = overflow {
        let detail = match overflow {
            Overflow::Plain => "number is larger than the peer takes",
            Overflow::Rounded => "number is larger than the peer takes once it is rounded",
        };
        return Err(Error::invalid(detail).at(table.place(position)));
    }
    Ok(())
}

/// What a column that an insert does not name holds. `None` where the app must give a value:
/// inventing a reference, a number or a time would be guessing.
pub fn default_value(column: &Column, now_ms: i64) -> Option<Value> {
    match column.name.as_str() {
        "created_at" | "updated_at" | "last_modified" | "server_created_at"
            if column.role == Role::Instant =>
        {
            return Some(Value::Integer(now_ms));
        }
        // A row that is neither deleted nor not deleted is in no list of a cloud's pull.
        "is_deleted" if column.role == Role::Bool => return Some(Value::Integer(0)),
        _ => {}
    }
    match column.role {
        Role::Json => column.default.clone().map(Value::Text),
        _ if column.nullable => Some(Value::Null),
        Role::Text | Role::Enum => Some(Value::Text(String::new())),
        Role::Bool => Some(Value::Integer(0)),
        _ => None,
    }
}

/// The JSON form of one value, as the app sees it.
pub fn write_value(column: &Column, value: &Value, out: &mut String) {
    match value {
        Value::Null => write_null(out),
        Value::Integer(number) => write_integer(column, *number, out),
        Value::Real(number) => write_real(*number, out),
        Value::Text(text) => write_column_text(column, text, out),
    }
}

/// Nothing known.
pub fn write_null(out: &mut String) {
    out.push_str("null");
}

/// The JSON form of a column's whole number.
pub fn write_integer(column: &Column, number: i64, out: &mut String) {
    if column.role == Role::Bool {
        out.push_str(if number == 0 { "false" } else { "true" });
    } else {
        // Writing to a string does not fail.
        let _ = write!(out, "{number}");
    }
}

/// The JSON form of a number with a fraction.
pub fn write_real(number: f64, out: &mut String) {
    out.push_str(&Json::from(number).to_string());
}

/// The JSON form of a column's text.
pub fn write_column_text(column: &Column, text: &str, out: &mut String) {
    if column.role == Role::Json {
        let kind = column.default.as_deref().unwrap_or("{}");
        write_text(json_text::shown(text, kind), out);
    } else {
        write_text(text, out);
    }
}

/// A text as a JSON string.
pub fn write_text(text: &str, out: &mut String) {
    let mut rest = text;
    out.push('"');
    // These bytes are characters of their own, so the text can be cut there.
    while let Some(at) = first_special(rest.as_bytes()) {
        out.push_str(&rest[..at]);
        match rest.as_bytes()[at] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
    out.push('"');
}

/// Where the first byte is that JSON wants escaped. By pieces, which the compiler looks at in one go.
fn first_special(bytes: &[u8]) -> Option<usize> {
    const PIECE: usize = 16;
    let special = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let pieces = bytes.chunks(PIECE).enumerate();
    for (i, piece) in pieces {
        if piece.iter().fold(false, |any, byte| any | special(byte)) {
            return piece.iter().position(special).map(|at| i * PIECE + at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schema::Schema;

    #[test]
    fn a_text_comes_back_from_its_json_form() {
        let every: String = (0..=0xffu8).map(char::from).collect();
        for text in [
            "",
            "plain",
            "a longer text that has nothing to escape at all",
            "fifteen bytes..\"at the edge of a piece\\",
            "سلمى 👶 \u{2028}\u{7f}",
            every.as_str(),
        ] {
            let mut out = String::new();
            write_text(text, &mut out);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text, "{out}");
        }
    }

    fn read(table: &str, column: &str, json: Json) -> Result<Value> {
        let schema = Schema::hikma().unwrap();
        let (_, table) = schema.require(table).unwrap();
        parse_value(table, table.position(column).unwrap(), &json)
    }

    #[test]
    fn values_are_checked_by_role() {
        let ok = |t, c, j: Json, v| assert_eq!(read(t, c, j).unwrap(), v);
        ok(
            "patients",
            "given_name",
            "سلمى 👶".into(),
            Value::Text("سلمى 👶".into()),
        );
        ok(
            "patients",
            "date_of_birth",
            "1980-02-03".into(),
            Value::Text("1980-02-03".into()),
        );
        ok(
            "patients",
            "metadata",
            serde_json::json!({"a": [1]}),
            Value::Text(r#"{"a":[1]}"#.into()),
        );
        ok(
            "patients",
            "metadata",
            r#"{ "a":1 }"#.into(),
            Value::Text(r#"{ "a":1 }"#.into()),
        );
        ok(
            "patient_vitals",
            "height_cm",
            "170.50".into(),
            Value::Text("170.50".into()),
        );
        ok(
            "patient_vitals",
            "height_cm",
            170.5.into(),
            Value::Text("170.5".into()),
        );
        // More digits than the peer keeps stay here until its number comes.
        ok(
            "patient_vitals",
            "weight_kg",
            72.5747792.into(),
            Value::Text("72.5747792".into()),
        );
        ok(
            "patient_vitals",
            "heart_rate",
            80.0.into(),
            Value::Integer(80),
        );
        ok("patients", "camp", Json::Null, Value::Null);
    }

    #[test]
    fn wrong_types_are_named_by_place() {
        for (table, column, json) in [
            ("patients", "given_name", Json::from(1)),
            ("patients", "date_of_birth", "3.2.1980".into()),
            ("patients", "primary_clinic_id", "".into()),
            ("patients", "metadata", "[]".into()),
            ("patients", "sex", "x".repeat(25).into()),
            ("patients", "surname", "a\0b".into()),
            ("patient_vitals", "heart_rate", 80.5.into()),
            ("patient_vitals", "height_cm", "1e3".into()),
            ("patient_vitals", "height_cm", "1000".into()),
            ("patient_vitals", "height_cm", 999.996.into()),
            ("visits", "check_in_timestamp", "now".into()),
            ("visits", "check_in_timestamp", i64::MAX.into()),
            ("appointments", "is_walk_in", 1.into()),
            ("appointments", "clinic_id", Json::Null),
        ] {
            let error = read(table, column, json).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidInput);
            assert_eq!(error.place(), Some(format!("{table}.{column}").as_str()));
        }
    }

    #[test]
    fn a_value_of_16_mib_fits_and_one_byte_more_does_not() {
        assert!(read("patients", "surname", "x".repeat(MAX_VALUE_BYTES).into()).is_ok());
        let error = read(
            "patients",
            "surname",
            "x".repeat(MAX_VALUE_BYTES + 1).into(),
        )
        .unwrap_err();
        assert_eq!(error.code(), ErrorCode::ValueTooLarge);
    }
}
