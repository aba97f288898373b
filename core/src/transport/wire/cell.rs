//! One value by the role of its column: from what peers send to what the store keeps.

use std::borrow::Cow;

use crate::model::dates::{self, Parsed};
use crate::model::ids::RecordId;
use crate::model::json_text;
use crate::model::row::{MAX_VALUE_BYTES, is_decimal};
use crate::model::schema::{Column, Role};
use crate::model::value::Value;

/// What becomes of a value.
#[derive(Debug, PartialEq)]
pub(super) enum Cell {
    /// It says this.
    Known(Value),
    /// It says nothing that the column could hold: the stored value stays.
    Absent,
    /// It cannot be read: the stored value stays, and it is counted.
    Unreadable,
}

/// A JSON value, looked at from outside.
enum Sent<'a> {
    Bool(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
}

/// Reads a value from its JSON text, which is valid and has no space around it.
pub(super) fn read(column: &Column, raw: &str) -> Cell {
    if raw == "null" {
        return Cell::Known(Value::Null);
    }
    if column.role == Role::Json {
        return json(column, raw);
    }
    let Some(sent) = Sent::of(raw) else {
        return Cell::Unreadable;
    };
    let value = match column.role {
        Role::Instant => return date(column, instant(&sent), Value::Integer),
        Role::Day => return date(column, day(&sent), Value::Text),
        Role::Text | Role::Enum => Some(text(sent)),
        Role::Id | Role::Ref => reference(&sent),
        _ if sent.is_blank() => column.nullable.then_some(Value::Null),
        Role::Integer => sent.number().and_then(whole).map(Value::Integer),
        Role::Number => sent.number().and_then(finite).map(Value::Real),
        Role::Decimal => decimal(&sent).map(Value::Text),
        Role::Bool => truth(&sent).map(|truth| Value::Integer(i64::from(truth))),
        Role::Json => None,
    };
    match value {
        // The cloud's database keeps no NUL in text, so nothing honest holds one.
        Some(Value::Text(text)) if text.contains('\0') => Cell::Unreadable,
        Some(value) => Cell::Known(value),
        None => Cell::Unreadable,
    }
}

impl<'a> Sent<'a> {
    fn of(raw: &'a str) -> Option<Self> {
        match raw.bytes().next()? {
            b'"' => string(raw).map(Self::Text),
            b't' => Some(Self::Bool(true)),
            b'f' => Some(Self::Bool(false)),
            b'{' | b'[' => None,
            _ => Some(Self::Number(raw)),
        }
    }

    /// Servers send numbers as text too.
    fn number(&self) -> Option<&str> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => Some(text.trim()),
            Self::Bool(_) => None,
        }
    }

    /// Devices of today write an empty text where they know nothing.
    fn is_blank(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }
}

/// The content of a JSON string; none where it holds half of a surrogate pair.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inside = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') {
        serde_json::from_str(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inside))
    }
}

fn json(column: &Column, raw: &str) -> Cell {
    // A hub's text has quotes around it, which are not the value's.
    let quotes = if raw.starts_with('"') { 2 } else { 0 };
    if raw.len() - quotes > MAX_VALUE_BYTES {
        return Cell::Unreadable;
    }
    let kind = column.default.as_deref().unwrap_or("{}");
    Cell::Known(Value::Text(json_text::unwrap(raw, kind)))
}

fn text(sent: Sent<'_>) -> Value {
    Value::Text(match sent {
        Sent::Text(text) => text.into_owned(),
        Sent::Number(number) => number.to_owned(),
        Sent::Bool(truth) => truth.to_string(),
    })
}

/// An empty reference is no reference: sent back as it is, the cloud would fail on it.
fn reference(sent: &Sent<'_>) -> Option<Value> {
    match sent {
        Sent::Text(text) if text.is_empty() => Some(Value::Null),
        Sent::Text(text) => RecordId::from_peer(text).map(|id| Value::Text(id.into_string())),
        _ => None,
    }
}

/// A whole number, also in the form `80.0`.
fn whole(text: &str) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    text.parse().ok().or_else(|| {
        finite(text)
            .filter(|n| n.fract() == 0.0 && n.abs() <= EXACT)
            .map(|n| n as i64)
    })
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|n: &f64| n.is_finite())
}

/// The text as it was sent. Only a number with an exponent is written out.
fn decimal(sent: &Sent<'_>) -> Option<String> {
    const MAX_BYTES: usize = 64;
    let text = sent.number()?;
    if is_decimal(text) {
        return Some(text.to_owned());
    }
    let Sent::Number(number) = sent else {
        return None;
    };
    finite(number)
        .map(|n| n.to_string())
        .filter(|text| is_decimal(text) && text.len() <= MAX_BYTES)
}

fn truth(sent: &Sent<'_>) -> Option<bool> {
    match sent {
        Sent::Bool(truth) => Some(*truth),
        Sent::Text(text) if text == "true" => Some(true),
        Sent::Text(text) if text == "false" => Some(false),
        _ => match sent.number().and_then(whole)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

fn instant(sent: &Sent<'_>) -> Parsed<i64> {
    match sent {
        Sent::Text(text) => dates::instant_from_text(text),
        Sent::Number(number) => {
            whole(number).map_or(Parsed::Unreadable, dates::instant_from_number)
        }
        Sent::Bool(_) => Parsed::Unreadable,
    }
}

fn day(sent: &Sent<'_>) -> Parsed<String> {
    match sent {
        Sent::Text(text) => dates::day_from_text(text),
        Sent::Number(number) => whole(number).map_or(Parsed::Unreadable, dates::day_from_number),
        Sent::Bool(_) => Parsed::Unreadable,
    }
}

/// Nothing known is null, where the column has null. Elsewhere the stored time stays: an invented
/// one would win over the server's.
fn date<T>(column: &Column, parsed: Parsed<T>, value: fn(T) -> Value) -> Cell {
    match parsed {
        Parsed::Known(date) => Cell::Known(value(date)),
        Parsed::Nothing if column.nullable => Cell::Known(Value::Null),
        Parsed::Nothing => Cell::Absent,
        Parsed::Unreadable => Cell::Unreadable,
    }
}

#[cfg(test)]
#[path = "cell_tests.rs"]
mod tests;
