//! A value of the wire in the form in which a tablet keeps it, by the role of its column.

use serde_json::{Value as Json, json};

use super::dates;
use super::schema::{Column, Role};

/// The value to digest. The second is false where the server sent something that the column cannot
/// hold: a new record then holds what it would without that value.
pub fn decode(column: &Column, sent: Option<&Json>) -> (Json, bool) {
    match sent {
        None => (without(column), true),
        Some(Json::Null) => (Json::Null, true),
        Some(value) => match read(column, value) {
            Some(value) => (value, true),
            None => (without(column), false),
        },
    }
}

/// What a column of a new record holds when nothing usable came.
fn without(column: &Column) -> Json {
    match column.role {
        _ if column.nullable => Json::Null,
        Role::Text => json!(""),
        Role::Bool => json!(0),
        Role::Json => match column.default.as_deref().map(serde_json::from_str) {
            Some(Ok(default)) => default,
            _ => Json::Null,
        },
        _ => Json::Null,
    }
}

fn read(column: &Column, value: &Json) -> Option<Json> {
    let is_blank = value.as_str().is_some_and(|text| text.trim().is_empty());
    match column.role {
        Role::Json => Some(unwrap(value, column.default.as_deref().unwrap_or("{}"))),
        Role::Text => match value {
            Json::String(text) => Some(json!(text)),
            Json::Number(_) | Json::Bool(_) => Some(json!(value.to_string())),
            _ => None,
        },
        Role::Reference => match value.as_str() {
            Some("") => Some(Json::Null),
            text => text.map(Json::from),
        },
        Role::Instant | Role::Day if is_nothing(value) => Some(Json::Null),
        Role::Instant => instant(value).map(Json::from),
        Role::Day => match value {
            Json::String(text) => dates::day(text),
            other => instant(other).map(dates::day_of_midnight),
        }
        .map(Json::from),
        _ if is_blank => column.nullable.then_some(Json::Null),
        Role::Integer => whole(value).map(Json::from),
        Role::Number => number(value).map(Json::from),
        Role::Decimal => match value {
            Json::String(text) => Some(json!(plain(text.trim()))),
            Json::Number(number) => Some(json!(plain(&number.to_string()))),
            _ => None,
        },
        Role::Bool => truth(value).map(|truth| json!(i32::from(truth))),
    }
}

/// A decimal without the zeros that mean nothing.
fn plain(decimal: &str) -> String {
    let shorter = match decimal.contains('.') {
        true => decimal.trim_end_matches('0').trim_end_matches('.'),
        false => decimal,
    };
    let unsigned = shorter.trim_start_matches('-');
    let whole = unsigned.trim_start_matches('0');
    let zero = if whole.is_empty() || whole.starts_with('.') {
        "0"
    } else {
        ""
    };
    let sign = if shorter.starts_with('-') && !whole.is_empty() {
        "-"
    } else {
        ""
    };
    format!("{sign}{zero}{whole}")
}

fn is_nothing(value: &Json) -> bool {
    match value {
        Json::String(text) => matches!(text.trim(), "" | "0"),
        other => other.as_i64() == Some(0),
    }
}

fn instant(value: &Json) -> Option<i64> {
    match value {
        Json::String(text) => dates::instant(text),
        other => whole(other),
    }
}

fn whole(value: &Json) -> Option<i64> {
    if let Some(text) = value.as_str() {
        return whole(
            &serde_json::from_str::<Json>(text.trim())
                .ok()
                .filter(Json::is_number)?,
        );
    }
    value.as_i64().or_else(|| {
        value
            .as_f64()
            .filter(|n| n.fract() == 0.0)
            .map(|n| n as i64)
    })
}

fn number(value: &Json) -> Option<f64> {
    match value {
        Json::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    }
}

fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(truth) => Some(*truth),
        Json::String(text) if text == "true" => Some(true),
        Json::String(text) if text == "false" => Some(false),
        other => match whole(other)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

/// JSON that was sent as text, or as text in a text, is that JSON if it is of the default's kind.
fn unwrap(value: &Json, default: &str) -> Json {
    let is_object = default.starts_with('{');
    let mut inner = value.clone();
    for _ in 0..2 {
        let Some(text) = inner.as_str() else { break };
        let Ok(parsed) = serde_json::from_str(text) else {
            break;
        };
        inner = parsed;
    }
    if if is_object {
        inner.is_object()
    } else {
        inner.is_array()
    } {
        inner
    } else {
        value.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(role: Role, nullable: bool) -> Column {
        let default = (role == Role::Json).then(|| "{}".to_owned());
        Column {
            name: "c".to_owned(),
            role,
            nullable,
            default,
        }
    }

    #[test]
    fn values_by_role() {
        for (role, sent, kept) in [
            (Role::Text, json!("سلمى"), json!("سلمى")),
            (Role::Text, json!(""), json!("")),
            (Role::Reference, json!(""), json!(null)),
            (
                Role::Instant,
                json!("2026-01-31T08:15:30.123Z"),
                json!(1_769_847_330_123_i64),
            ),
            (Role::Instant, json!(0), json!(null)),
            (
                Role::Day,
                json!("1980-02-02T22:00:00.000Z"),
                json!("1980-02-03"),
            ),
            (Role::Integer, json!(80.0), json!(80)),
            (Role::Integer, json!("80"), json!(80)),
            (Role::Number, json!(5), json!(5.0)),
            (Role::Decimal, json!("36.60"), json!("36.6")),
            (Role::Decimal, json!("-00.50"), json!("-0.5")),
            (Role::Decimal, json!(5.0), json!("5")),
            (Role::Decimal, json!("-0.0"), json!("0")),
            (Role::Bool, json!(true), json!(1)),
            (Role::Bool, json!("0"), json!(0)),
            (Role::Json, json!({"b": 1, "a": 2}), json!({"a": 2, "b": 1})),
            (Role::Json, json!("{\"a\":1}"), json!({"a": 1})),
            (Role::Json, json!("\"{\\\"a\\\":1}\""), json!({"a": 1})),
            (Role::Json, json!("plain"), json!("plain")),
            (Role::Text, json!(null), json!(null)),
        ] {
            assert_eq!(
                decode(&column(role, true), Some(&sent)),
                (kept, true),
                "{role:?} {sent}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_left_out() {
        for (role, sent) in [
            (Role::Instant, json!("yesterday")),
            (Role::Integer, json!(1.5)),
            (Role::Bool, json!(2)),
            (Role::Text, json!([])),
        ] {
            assert_eq!(
                decode(&column(role, true), Some(&sent)),
                (Json::Null, false)
            );
        }
        assert_eq!(decode(&column(Role::Bool, false), None), (json!(0), true));
        assert_eq!(decode(&column(Role::Json, false), None), (json!({}), true));
    }
}
