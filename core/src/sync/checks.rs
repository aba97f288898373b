//! What is looked at before a record is sent: what the peer is known to refuse, to ruin, or to
//! answer by inventing a record never leaves the device. Pure.

use crate::model::change_set::{OutboxKind, OutboxRow};
use crate::model::dates;
use crate::model::decimal::{self, Overflow};
use crate::model::ids::{PeerKind, RecordId};
use crate::model::json_text;
use crate::model::merge::survives_relay;
use crate::model::row::is_decimal;
use crate::model::schema::{Column, Role, Schema};
use crate::model::terms::PeerTerms;
use crate::model::value::Value;

/// What becomes of a record before it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Check {
    /// It is sent.
    Send,
    /// It waits for the cloud to take it first.
    Wait,
    /// It is put aside, for this reason.
    Refuse(&'static str),
}

/// Looks at a record.
pub(super) fn check(schema: &Schema, terms: &PeerTerms, row: &OutboxRow) -> Check {
    // The cloud stores a patient whose id is no UUID under another, again and again.
    if RecordId::parse_uuid(row.id.as_str()).is_err() {
        return Check::Refuse("the record's id is not a UUID");
    }
    if row.kind == OutboxKind::Deleted {
        return Check::Send;
    }
    let table = schema.table(row.table);
    // JSON that a hub has as it is keeps no edit of another column from that hub.
    let is_there = |position: usize, column: &Column| {
        terms.id.kind() == PeerKind::Hub
            && row.kind == OutboxKind::Updated
            && column.role == Role::Json
            && !row.changed.contains(&position)
    };
    let cells = table.columns.iter().zip(&row.values).enumerate();
    let flaw = cells
        .filter(|(position, (column, _))| column.pushed && !is_there(*position, column))
        .find_map(|(_, (column, value))| flaw(column, value));
    if let Some(reason) = flaw {
        return Check::Refuse(reason);
    }
    // A reference that came from the peer leads somewhere there, though perhaps not here.
    let given_here = |position: &usize| {
        row.kind == OutboxKind::Created
            || row.changed.contains(position)
            || row.values.get(*position).is_none_or(Value::is_null)
    };
    if row.dangling.iter().any(given_here) {
        return Check::Refuse("the record that this one belongs to is missing");
    }
    let first_to_the_cloud = terms.id.kind() == PeerKind::Hub && !terms.last_word;
    if first_to_the_cloud && !survives_relay(schema, row.table, &row.values) {
        return Check::Wait;
    }
    Check::Send
}

fn flaw(column: &Column, value: &Value) -> Option<&'static str> {
    match value {
        // Where a server wants a value, it says so by refusing the row.
        Value::Null => None,
        Value::Text(text) => text_flaw(column, text),
        Value::Integer(number) => match column.role {
            Role::Instant => dates::format_instant(*number)
                .is_none()
                .then_some("a time is out of range"),
            Role::Integer | Role::Bool | Role::Number => None,
            _ => Some(WRONG_TYPE),
        },
        Value::Real(number) => match column.role {
            Role::Number if number.is_finite() => None,
            _ => Some(WRONG_TYPE),
        },
    }
}

const WRONG_TYPE: &str = "a value is not of its column's type";

fn text_flaw(column: &Column, text: &str) -> Option<&'static str> {
    if text.contains('\0') {
        return Some("a text holds a NUL character");
    }
    let too_long = column
        .max_chars
        .is_some_and(|max| text.chars().count() > max as usize);
    if too_long {
        return Some("a text is longer than the peer takes");
    }
    match column.role {
        Role::Day if !dates::is_day(text) => Some("a day is not one"),
        Role::Json if !json_text::is_json(text) => Some("a JSON text is not JSON"),
        Role::Json if json_text::escapes_no_character(text) => {
            Some("a JSON text holds a character that the peer does not keep")
        }
        Role::Decimal if !is_decimal(text) => Some("a decimal number is not one"),
        Role::Decimal => match decimal::overflow(text, column.precision?)? {
            Overflow::Plain => Some("a number is larger than the peer takes"),
            Overflow::Rounded => Some("a number is larger than the peer takes once it is rounded"),
        },
        Role::Text | Role::Enum | Role::Ref | Role::Json | Role::Day => None,
        Role::Id | Role::Integer | Role::Number | Role::Bool | Role::Instant => Some(WRONG_TYPE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change_set::Revision;

    /// What becomes of a record with this value, which another peer may have brought.
    fn checked(table: &str, column: &str, value: Value) -> Check {
        let schema = Schema::hikma().unwrap();
        let (index, found) = schema.require(table).unwrap();
        let mut values = vec![Value::Null; found.columns.len()];
        values[found.position(column).unwrap()] = value;
        let row = OutboxRow {
            table: index,
            id: RecordId::parse_uuid("01890a5d-ac96-774b-bcce-b302099a8057").unwrap(),
            kind: OutboxKind::Updated,
            revision: Revision(1),
            changed: Vec::new(),
            dangling: Vec::new(),
            only_elsewhere: false,
            values,
        };
        check(&schema, &PeerTerms::cloud(), &row)
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn what_the_peer_could_only_refuse_or_ruin_is_not_sent() {
        let long = "x".repeat(300);
        for (table, column, value, reason) in [
            (
                "patients",
                "given_name",
                text("a\0b"),
                "a text holds a NUL character",
            ),
            ("patients", "given_name", Value::Integer(1), WRONG_TYPE),
            ("patients", "given_name", Value::Real(0.5), WRONG_TYPE),
            (
                "patients",
                "date_of_birth",
                text("1990-02-30"),
                "a day is not one",
            ),
            (
                "patients",
                "additional_data",
                text("{"),
                "a JSON text is not JSON",
            ),
            (
                "patients",
                "additional_data",
                text(r#"{"a":"\u0000"}"#),
                "a JSON text holds a character that the peer does not keep",
            ),
            (
                "patients",
                "updated_at",
                Value::Integer(i64::MAX),
                "a time is out of range",
            ),
            ("patients", "updated_at", text("now"), WRONG_TYPE),
            (
                "patient_vitals",
                "weight_kg",
                text("heavy"),
                "a decimal number is not one",
            ),
            (
                "patient_vitals",
                "weight_kg",
                text("1234567890"),
                "a number is larger than the peer takes",
            ),
            (
                "patient_vitals",
                "temperature_celsius",
                text("99.996"),
                "a number is larger than the peer takes once it is rounded",
            ),
            ("patient_vitals", "heart_rate", text("72"), WRONG_TYPE),
            (
                "patients",
                "sex",
                text(&long),
                "a text is longer than the peer takes",
            ),
        ] {
            let found = checked(table, column, value.clone());
            assert_eq!(found, Check::Refuse(reason), "{table}.{column} {value:?}");
        }
        for (table, column, value) in [
            ("patients", "given_name", text("سلمى")),
            ("patients", "date_of_birth", text("1990-02-28")),
            ("patients", "additional_data", text("{}")),
            ("patients", "updated_at", Value::Integer(0)),
            ("patient_vitals", "weight_kg", text("-12.50")),
            ("patient_vitals", "weight_kg", text("72.5747792")),
            ("patient_vitals", "temperature_celsius", text("99.994")),
            ("patient_vitals", "heart_rate", Value::Integer(72)),
            ("patients", "sex", Value::Null),
        ] {
            assert_eq!(
                checked(table, column, value),
                Check::Send,
                "{table}.{column}"
            );
        }
    }
}
