//! What a record may hold so that it can come back: a pull takes no larger or deeper one, on no device,
//! so such a one must not be written. Pure; how a pull measures is the transport's.

use super::json_text;
use super::row::{Fields, MAX_VALUE_BYTES};
use super::schema::{Column, Direction, Role, Table};
use super::value::Value;
use crate::error::{Error, ErrorCode, Result};

/// Objects and arrays within each other in a JSON column. A reply has up to eight around it.
pub const MAX_NESTING: usize = 56;
/// Bytes of one number in a JSON column.
pub const MAX_NUMBER_BYTES: usize = 1024;
/// Bytes of a record as JSON. A pull takes some more: servers add columns of their own.
pub const MAX_RECORD_BYTES: usize = 2 * MAX_VALUE_BYTES - 1024 * 1024;

/// A byte of text takes so many at most when it is escaped.
const MAX_ESCAPE_BYTES: usize = 6;
/// What a column's name, or a number, takes at most beside the texts.
const BESIDE_BYTES: usize = 128;

/// Looks at one value that is to be written. `invalid_input` for JSON that is nested too deep or holds
/// what is no character to the cloud's database, `value_too_large` for a text that is too large with its escapes.
pub fn check_value(table: &Table, column: &Column, value: &Value) -> Result<()> {
    let Value::Text(text) = value else {
        return Ok(());
    };
    if table.direction != Direction::Both {
        return Ok(());
    }
    if escaped_bytes(text, MAX_VALUE_BYTES) > MAX_VALUE_BYTES {
        return Err(Error::new(
            ErrorCode::ValueTooLarge,
            "the value is larger than 16 MiB with its JSON escapes",
        ));
    }
    if column.role == Role::Json {
        if json_text::escapes_no_character(text) {
            return Err(Error::invalid(
                "JSON holds an escaped NUL character, or half of a surrogate pair",
            ));
        }
        let shape = Shape::of(text);
        if shape.nesting > MAX_NESTING {
            return Err(Error::invalid("JSON is nested deeper than 56 levels"));
        }
        if shape.longest_word > MAX_NUMBER_BYTES {
            return Err(Error::invalid("JSON holds a number of over 1024 digits"));
        }
    }
    Ok(())
}

/// Looks at a new record as a whole: `value_too_large`.
pub fn check_new(table: &Table, record: &[Value]) -> Result<()> {
    check_record(table, record.iter(), &[])
}

/// Looks at a record as these cells will make it: `value_too_large`. One that was too large before, as a
/// peer may have brought it, may stay so, but not grow.
pub fn check_edit(table: &Table, stored: &[Value], cells: &Fields) -> Result<()> {
    let edited = stored.iter().enumerate().map(|(position, value)| {
        let cell = cells.iter().find(|(found, _)| *found == position);
        cell.map_or(value, |(_, value)| value)
    });
    check_record(table, edited, stored)
}

fn check_record<'a>(
    table: &Table,
    record: impl Iterator<Item = &'a Value> + Clone,
    before: &[Value],
) -> Result<()> {
    if table.direction != Direction::Both {
        return Ok(());
    }
    let bytes = record_bytes(record);
    if bytes > MAX_RECORD_BYTES && bytes > record_bytes(before.iter()) {
        const LARGE: &str = "the record is larger than 31 MiB as JSON";
        return Err(Error::new(ErrorCode::ValueTooLarge, LARGE).at(table.name.as_str()));
    }
    Ok(())
}

/// At least how large a record is in JSON; exact enough where it may be too large.
fn record_bytes<'a>(record: impl Iterator<Item = &'a Value> + Clone) -> usize {
    let texts = || record.clone().filter_map(Value::as_text);
    let plain: usize = texts().map(str::len).sum();
    if plain <= MAX_RECORD_BYTES / (2 * MAX_ESCAPE_BYTES) {
        return plain;
    }
    record.clone().count() * BESIDE_BYTES
        + texts().map(|text| escaped_bytes(text, 0)).sum::<usize>()
}

/// How long a text is in JSON, without its quotes. Not counted where it surely is no longer than
/// `enough`.
fn escaped_bytes(text: &str, enough: usize) -> usize {
    if text.len() <= enough / MAX_ESCAPE_BYTES {
        return text.len();
    }
    let more: usize = text
        .bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 1,
            0..b' ' => MAX_ESCAPE_BYTES - 1,
            _ => 0,
        })
        .sum();
    text.len() + more
}

/// What a pull measures of a JSON text.
#[derive(Default)]
struct Shape {
    nesting: usize,
    longest_word: usize,
}

impl Shape {
    /// Of a text that is JSON.
    fn of(text: &str) -> Self {
        let mut shape = Self::default();
        let (mut depth, mut word) = (0_usize, 0);
        let (mut within, mut escaped) = (false, false);
        for byte in text.bytes() {
            if within {
                within = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                continue;
            }
            word = match byte {
                b'+' | b'-' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'E' => word + 1,
                _ => 0,
            };
            shape.longest_word = shape.longest_word.max(word);
            match byte {
                b'"' => within = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            shape.nesting = shape.nesting.max(depth);
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::row::{parse_value, write_text};
    use crate::model::schema::Schema;
    use serde_json::Value as Json;

    fn read(column: &str, text: String) -> Option<ErrorCode> {
        let schema = Schema::hikma().unwrap();
        let (_, table) = schema.require("patients").unwrap();
        let position = table.position(column).unwrap();
        let read = parse_value(table, position, &Json::String(text));
        read.err().map(|error| {
            assert_eq!(error.place(), Some(table.place(position).as_str()));
            error.code()
        })
    }

    #[test]
    fn json_is_as_deep_as_a_pull_takes_it() {
        let nested = |levels: usize| {
            format!(
                "{{\"a\":{}{}}}",
                "[".repeat(levels - 1),
                "]".repeat(levels - 1)
            )
        };
        assert_eq!(read("metadata", nested(56)), None);
        assert_eq!(read("metadata", nested(57)), Some(ErrorCode::InvalidInput));
        // Brackets in texts are none.
        let text = format!(r#"{{"a":"\"{}"}}"#, "[".repeat(1_000));
        assert_eq!(read("metadata", text), None);
        let digits = format!(r#"{{"a":"{}"}}"#, "1".repeat(2_000));
        assert_eq!(read("metadata", digits), None);
        let number = |digits: usize| format!(r#"{{"a":{}}}"#, "1".repeat(digits));
        assert_eq!(read("metadata", number(1_024)), None);
        assert_eq!(
            read("metadata", number(1_025)),
            Some(ErrorCode::InvalidInput)
        );
    }

    /// The cloud refuses such a document; a hub takes it, and then its own push to the cloud sticks.
    #[test]
    fn json_escapes_no_character_that_the_cloud_does_not_keep() {
        for escape in [
            "\\u0000",
            "\\ud83d",
            "\\uDE00",
            "\\ud83d\\ud83d\\ude00",
            "\\ud83d\\n",
            "\\\\\\u0000",
            "\\ud83d\\\\ude00",
        ] {
            let text = format!(r#"{{"a":"x{escape}y"}}"#);
            assert_eq!(
                read("metadata", text),
                Some(ErrorCode::InvalidInput),
                "{escape}"
            );
        }
        for escape in [
            "\\u0001",
            "\\ud83d\\ude00",
            "\\\\u0000",
            "\\\\ud83d",
            "\\n",
            "\\uffff",
        ] {
            let text = format!(r#"{{"a":"x{escape}y"}}"#);
            assert_eq!(read("metadata", text), None, "{escape}");
        }
    }

    /// What no peer sends back has a device's own room.
    #[test]
    fn what_is_not_pushed_is_not_measured() {
        let schema = Schema::hikma().unwrap();
        let (_, local) = schema.require("event_logs").unwrap();
        let position = local.position("changes").unwrap();
        let nested = format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100));
        parse_value(local, position, &Json::String(nested)).unwrap();
        let large = Value::Text("\n".repeat(10 * 1024 * 1024));
        check_value(local, &local.columns[position], &large).unwrap();
        let record = vec![Value::Text("x".repeat(15 * 1024 * 1024)); 3];
        check_new(local, &record).unwrap();
        let (_, pushed) = schema.require("patients").unwrap();
        assert!(check_new(pushed, &record).is_err());
    }

    #[test]
    fn a_text_is_measured_as_it_comes_back() {
        for (what, bytes) in [("x", 1), ("\n", 2), ("\"", 2), ("\u{1}", 6), ("ü", 2)] {
            let fits = MAX_VALUE_BYTES / bytes;
            assert_eq!(read("surname", what.repeat(fits)), None, "{what:?}");
            let large = Some(ErrorCode::ValueTooLarge);
            assert_eq!(read("surname", what.repeat(fits + 1)), large, "{what:?}");
        }
        let every: String = (1..0x80u8).map(char::from).collect();
        let mut written = String::new();
        write_text(&every, &mut written);
        // Two of them have a shorter form, which servers use.
        assert_eq!(escaped_bytes(&every, 0), written.len() - 2 - 2 * 4);
    }

    #[test]
    fn a_record_is_measured_as_a_whole() {
        let schema = Schema::hikma().unwrap();
        let (_, table) = schema.require("patients").unwrap();
        let with = |large: usize| {
            let mut record = vec![Value::Null; table.columns.len()];
            record[1..=3].fill(Value::Text("\n".repeat(large)));
            check_new(table, &record).map_err(|error| error.code())
        };
        assert_eq!(with(5 * 1024 * 1024), Ok(()));
        assert_eq!(with(6 * 1024 * 1024), Err(ErrorCode::ValueTooLarge));
        assert_eq!(with(11 * 1024 * 1024), Err(ErrorCode::ValueTooLarge));

        // One that is there already may be edited, but not grow.
        let mut before = vec![Value::Null; table.columns.len()];
        before[1..=3].fill(Value::Text("x".repeat(11 * 1024 * 1024)));
        let edited = |text: &str| {
            let cells = vec![(1, Value::Text(text.into()))];
            check_edit(table, &before, &cells).map_err(|error| error.code())
        };
        assert_eq!(edited(&"x".repeat(10 * 1024 * 1024)), Ok(()));
        let escaped = "\n".repeat(10 * 1024 * 1024);
        assert_eq!(edited(&escaped), Err(ErrorCode::ValueTooLarge));
    }
}
