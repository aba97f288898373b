//! One pushed value into one database value, by the type of its column.

use rusqlite::types::Value as Stored;
use serde_json::Value;
use uuid::Uuid;

use super::dates::{pushed_day, pushed_instant};
use super::decimal::fixed;
use super::{BadValue, Lenience, read_json};
use crate::schema::Kind;

/// What a conversion depends on besides the value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub(crate) now_ms: i64,
    pub(crate) zone_minutes: i32,
    pub(crate) lenience: Lenience,
}

/// Whether the application takes the text for a UUID: layout, version and variant count,
/// which is stricter than what the database would read.
pub(crate) fn is_valid_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    let laid_out = bytes.len() == 36
        && bytes.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if !laid_out {
        return false;
    }
    let hex_only = |wanted: u8| {
        bytes
            .iter()
            .all(|byte| *byte == b'-' || byte.to_ascii_lowercase() == wanted)
    };
    let version = matches!(bytes.get(14), Some(b'1'..=b'8'));
    let variant = matches!(
        bytes.get(19).map(u8::to_ascii_lowercase),
        Some(b'8' | b'9' | b'a' | b'b')
    );
    (version && variant) || hex_only(b'0') || hex_only(b'f')
}

/// The database value of a pushed value, or a refusal.
pub(crate) fn convert(
    kind: Kind,
    pushed: Option<&Value>,
    context: &Context,
) -> Result<Stored, BadValue> {
    if let Kind::Json(default) = kind {
        return read_json(pushed, default, context.lenience).map(Stored::Text);
    }
    let Some(value) = pushed.filter(|value| !value.is_null()) else {
        return Ok(Stored::Null);
    };
    match kind {
        Kind::Uuid => uuid(value),
        Kind::Text(most) => text(value, most),
        Kind::Int => integer(value),
        Kind::Double => double(value),
        Kind::Decimal(precision, scale) => {
            fixed(&scalar(value)?, precision, scale).map(Stored::Text)
        }
        Kind::Bool => boolean(value),
        Kind::Instant => {
            Ok(pushed_instant(value, context.now_ms)?.map_or(Stored::Null, Stored::Integer))
        }
        Kind::Day => Ok(pushed_day(value, context.now_ms, context.zone_minutes)?
            .map_or(Stored::Null, Stored::Text)),
        Kind::Json(_) => Err(BadValue),
    }
}

/// A value as the text in which the application hands it to the database.
fn scalar(value: &Value) -> Result<String, BadValue> {
    match value {
        Value::String(text) if text.contains('\0') => Err(BadValue),
        Value::String(text) => Ok(text.clone()),
        other => Ok(other.to_string()),
    }
}

fn uuid(value: &Value) -> Result<Stored, BadValue> {
    let parsed = Uuid::parse_str(value.as_str().ok_or(BadValue)?).map_err(|_| BadValue)?;
    Ok(Stored::Text(parsed.to_string()))
}

fn text(value: &Value, most: Option<usize>) -> Result<Stored, BadValue> {
    let text = scalar(value)?;
    if most.is_some_and(|most| text.chars().count() > most) {
        return Err(BadValue);
    }
    Ok(Stored::Text(text))
}

fn integer(value: &Value) -> Result<Stored, BadValue> {
    let number = match value {
        Value::Number(number) => number.as_f64().ok_or(BadValue)?,
        Value::String(text) if !text.contains(['.', 'e', 'E']) => {
            text.trim().parse().map_err(|_| BadValue)?
        }
        _ => return Err(BadValue),
    };
    let in_range = number >= f64::from(i32::MIN) && number <= f64::from(i32::MAX);
    if number.fract() != 0.0 || !in_range {
        return Err(BadValue);
    }
    Ok(Stored::Integer(number as i64))
}

fn double(value: &Value) -> Result<Stored, BadValue> {
    scalar(value)?
        .trim()
        .parse()
        .map(Stored::Real)
        .map_err(|_| BadValue)
}

fn boolean(value: &Value) -> Result<Stored, BadValue> {
    let truth = match scalar(value)?.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => true,
        "false" | "f" | "no" | "n" | "off" | "0" => false,
        _ => return Err(BadValue),
    };
    Ok(Stored::Integer(i64::from(truth)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn try_convert(kind: Kind, value: Value) -> Result<Stored, BadValue> {
        let context = Context {
            now_ms: 0,
            zone_minutes: 0,
            lenience: Lenience::UseDefault,
        };
        convert(kind, Some(&value), &context)
    }

    #[test]
    fn integers_refuse_fractions() {
        assert_eq!(try_convert(Kind::Int, json!(120)), Ok(Stored::Integer(120)));
        assert_eq!(
            try_convert(Kind::Int, json!(120.0)),
            Ok(Stored::Integer(120))
        );
        assert_eq!(
            try_convert(Kind::Int, json!("120")),
            Ok(Stored::Integer(120))
        );
        assert_eq!(try_convert(Kind::Int, json!(120.5)), Err(BadValue));
        assert_eq!(
            try_convert(Kind::Int, json!(3_000_000_000_i64)),
            Err(BadValue)
        );
    }

    #[test]
    fn texts_are_limited_by_characters() {
        let kind = Kind::Text(Some(3));
        assert_eq!(
            try_convert(kind, json!("äöü")),
            Ok(Stored::Text("äöü".to_owned()))
        );
        assert_eq!(try_convert(kind, json!("four")), Err(BadValue));
        assert_eq!(try_convert(kind, json!("a\0")), Err(BadValue));
    }

    #[test]
    fn an_empty_reference_is_no_uuid() {
        assert_eq!(try_convert(Kind::Uuid, json!("")), Err(BadValue));
        assert_eq!(try_convert(Kind::Uuid, json!(null)), Ok(Stored::Null));
    }

    #[test]
    fn the_application_checks_version_and_variant() {
        assert!(is_valid_uuid("0191f3a0-7c1e-7a3b-8f00-0123456789ab"));
        assert!(is_valid_uuid("00000000-0000-0000-0000-000000000000"));
        assert!(!is_valid_uuid("0191f3a0-7c1e-0a3b-8f00-0123456789ab"));
        assert!(!is_valid_uuid("0191f3a0-7c1e-7a3b-7f00-0123456789ab"));
        assert!(!is_valid_uuid("wmelon0123456789"));
    }
}
