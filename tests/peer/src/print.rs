//! Stored rows as the JSON text that the server sends.

use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::schema::{Kind, Table};
use crate::value::calendar::instant_text;
use crate::value::dates::printed_day;

/// The columns of a table for a `SELECT`, in printing order.
pub(crate) fn column_list(table: &Table) -> String {
    let names: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    names.join(",")
}

/// Appends a row, selected with [`column_list`], as a JSON object.
pub(crate) fn write_row(
    table: &Table,
    row: &Row<'_>,
    zone_minutes: i32,
    out: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    out.push(b'{');
    for (index, column) in table.columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(column.name.as_bytes());
        out.extend_from_slice(b"\":");
        write_value(column.kind, row.get_ref(index)?, zone_minutes, out);
    }
    out.push(b'}');
    Ok(())
}

fn write_value(kind: Kind, value: ValueRef<'_>, zone_minutes: i32, out: &mut Vec<u8>) {
    match (kind, value) {
        (Kind::Bool, ValueRef::Integer(truth)) => {
            let text: &[u8] = if truth == 0 { b"false" } else { b"true" };
            out.extend_from_slice(text);
        }
        (Kind::Instant, ValueRef::Integer(ms)) => write_text(&instant_text(ms), out),
        (Kind::Day, ValueRef::Text(day)) => {
            let day = String::from_utf8_lossy(day);
            match printed_day(&day, zone_minutes) {
                Some(ms) => write_text(&instant_text(ms), out),
                None => out.extend_from_slice(b"null"),
            }
        }
        (Kind::Json(_), ValueRef::Text(json)) => out.extend_from_slice(json),
        (_, ValueRef::Integer(number)) => out.extend_from_slice(number.to_string().as_bytes()),
        (_, ValueRef::Real(number)) => out.extend_from_slice(number.to_string().as_bytes()),
        (_, ValueRef::Text(text)) => write_text(&String::from_utf8_lossy(text), out),
        (_, ValueRef::Null | ValueRef::Blob(_)) => out.extend_from_slice(b"null"),
    }
}

/// Appends a JSON string.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    // Writing a string into a vector has no way to fail.
    let _ = serde_json::to_writer(out, text);
}
