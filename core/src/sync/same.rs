//! Whether two values mean the same, for columns whose text form a server may change.
//!
//! A server that keeps JSON as a document or decimals as numbers gives them back with other
//! spaces, key order or zeros, and with fewer digits after the point. Taking that for a change would
//! report conflicts that nobody made.

use crate::model::decimal::rounded;
use crate::model::row::is_decimal;
use crate::model::schema::{Column, Role};
use crate::model::value::Value;

/// Whether both sides hold the same, whatever its text looks like.
pub(super) fn same(column: &Column, a: &Value, b: &Value) -> bool {
    if a == b {
        return true;
    }
    match (column.role, a, b) {
        (Role::Json, Value::Text(a), Value::Text(b)) => same_json(a, b),
        (Role::Decimal, Value::Text(a), Value::Text(b)) => same_decimal(column, a, b),
        _ => false,
    }
}

/// Whether both hold the same, or both nothing: servers make nothing of an empty text, and a hub an empty
/// text of nothing, in columns that its tables do not let be null.
pub(super) fn as_good_as(column: &Column, a: &Value, b: &Value) -> bool {
    same(column, a, b) || (is_empty(a) && is_empty(b))
}

/// Whether nothing is held, or an empty text.
pub(super) fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_text() == Some("")
}

fn same_json(a: &str, b: &str) -> bool {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    matches!((parse(a), parse(b)), (Some(a), Some(b)) if a == b)
}

/// Whether the numbers are equal, or one is what a server keeps of the other.
fn same_decimal(column: &Column, a: &str, b: &str) -> bool {
    if decimal_key(a) == decimal_key(b) {
        return true;
    }
    let plain = is_decimal(a) && is_decimal(b);
    column.precision.is_some_and(|(_, scale)| {
        let keeps = |of: &str, kept: &str| decimal_key(&rounded(of, scale)) == decimal_key(kept);
        plain && (keeps(a, b) || keeps(b, a))
    })
}

/// Sign, whole part and fraction without the zeros that mean nothing.
fn decimal_key(text: &str) -> (bool, &str, &str) {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let zero = whole.is_empty() && fraction.is_empty();
    (negative && !zero, whole, fraction)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::schema::Schema;

    fn column(role: Role) -> Column {
        let schema = Schema::hikma().unwrap();
        let found = schema
            .tables()
            .flat_map(|(_, table)| table.columns.clone())
            .find(|column| column.role == role);
        found.unwrap()
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn a_servers_spelling_is_not_a_change() {
        let json = column(Role::Json);
        assert!(same(
            &json,
            &text(r#"{"a":1,"b":[]}"#),
            &text(r#"{"b": [], "a": 1}"#)
        ));
        assert!(!same(&json, &text("[1,2]"), &text("[2,1]")));
        assert!(!same(&json, &text("{broken"), &text("{ broken")));

        let decimal = column(Role::Decimal);
        for (a, b) in [
            ("36.6", "36.60"),
            ("5", "5.0000"),
            ("0", "-0.0"),
            ("007", "7"),
        ] {
            assert!(same(&decimal, &text(a), &text(b)), "{a} {b}");
        }
        for (a, b) in [("36.6", "36.06"), ("5", "-5"), ("10", "1")] {
            assert!(!same(&decimal, &text(a), &text(b)), "{a} {b}");
        }
        assert!(!same(&column(Role::Text), &text("5"), &text("5.0")));
        assert!(!same(&decimal, &text("0"), &Value::Null));
    }

    #[test]
    fn what_a_server_rounds_is_not_a_change() {
        let mut decimal = column(Role::Decimal);
        decimal.precision = Some((5, 2));
        for (a, b) in [
            ("72.5747792", "72.57"),
            ("72.575", "72.58"),
            ("-0.004", "0"),
            ("99.996", "100"),
        ] {
            assert!(same(&decimal, &text(a), &text(b)), "{a} {b}");
            assert!(same(&decimal, &text(b), &text(a)), "{b} {a}");
        }
        for (a, b) in [
            ("72.5747792", "72.58"),
            ("72.574", "72.571"),
            ("72.575", "72.57"),
            ("heavy", "72.57"),
            ("72.5x47", "72.57"),
        ] {
            assert!(!same(&decimal, &text(a), &text(b)), "{a} {b}");
        }
        decimal.precision = None;
        assert!(!same(&decimal, &text("72.5747792"), &text("72.57")));
    }
}
