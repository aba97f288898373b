//! The body of a push: the bare change set, whole records in the forms that the cloud takes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::model::change_set::{OutboxKind, OutboxRow};
use crate::model::dates;
use crate::model::json_text;
use crate::model::schema::{Column, Direction, Role, Schema, Table, TableIndex};
use crate::model::value::Value;

#[derive(Default)]
struct Lists<'a> {
    created: Vec<&'a OutboxRow>,
    updated: Vec<&'a OutboxRow>,
    deleted: Vec<&'a OutboxRow>,
}

/// Writes a piece. Only tables and lists with content are named, in the order of the schema; the
/// order of the rows stays. `internal` where a table is not pushed, `invalid_input` where a value
/// has no form on the wire.
pub(in crate::transport) fn encode(schema: &Schema, piece: &[OutboxRow]) -> Result<Vec<u8>> {
    let mut tables: BTreeMap<TableIndex, Lists<'_>> = BTreeMap::new();
    for row in piece {
        let table = schema.table(row.table);
        if table.direction != Direction::Both {
            return Err(Error::internal("this table is not pushed").at(table.name.as_str()));
        }
        if row.kind != OutboxKind::Deleted && row.values.len() != table.columns.len() {
            return Err(Error::internal("a push needs whole records").at(table.name.as_str()));
        }
        let lists = tables.entry(row.table).or_default();
        match row.kind {
            OutboxKind::Created => lists.created.push(row),
            OutboxKind::Updated => lists.updated.push(row),
            OutboxKind::Deleted => lists.deleted.push(row),
        }
    }
    let mut out = Vec::new();
    write_each(&mut out, b"{}", tables.iter(), |out, (index, lists)| {
        let table = schema.table(*index);
        write(out, &table.name)?;
        out.push(b':');
        write_lists(out, table, lists)
    })?;
    Ok(out)
}

fn write_lists(out: &mut Vec<u8>, table: &Table, lists: &Lists<'_>) -> Result<()> {
    let named = [
        ("created", &lists.created),
        ("updated", &lists.updated),
        ("deleted", &lists.deleted),
    ];
    let filled = named.into_iter().filter(|(_, rows)| !rows.is_empty());
    write_each(out, b"{}", filled, |out, (name, rows)| {
        write(out, name)?;
        out.push(b':');
        write_each(out, b"[]", rows.iter(), |out, row| match row.kind {
            OutboxKind::Deleted => write(out, row.id.as_str()),
            _ => write_record(out, table, row),
        })
    })
}

fn write_record(out: &mut Vec<u8>, table: &Table, row: &OutboxRow) -> Result<()> {
    out.extend_from_slice(b"{\"id\":");
    write(out, row.id.as_str())?;
    let pushed = table.columns.iter().zip(&row.values).enumerate();
    for (position, (column, value)) in pushed.filter(|(_, (column, _))| column.pushed) {
        out.push(b',');
        write(out, &column.name)?;
        out.push(b':');
        write_value(out, column, value).map_err(|error| error.at(table.place(position)))?;
    }
    out.push(b'}');
    Ok(())
}

fn write_value(out: &mut Vec<u8>, column: &Column, value: &Value) -> Result<()> {
    const NO_FORM: Error = Error::invalid("the value has no form that the cloud takes");
    match (column.role, value) {
        (_, Value::Null) => write(out, &()),
        // Numbers would be taken for seconds, or for the present moment.
        (Role::Instant, Value::Integer(ms)) => {
            write(out, &dates::format_instant(*ms).ok_or(NO_FORM)?)
        }
        (Role::Day, Value::Text(day)) if dates::is_day(day) => write(out, day),
        (Role::Bool, Value::Integer(flag)) => write(out, &(*flag != 0)),
        (Role::Integer, Value::Integer(number)) => write(out, number),
        (Role::Number, Value::Real(number)) if number.is_finite() => write(out, number),
        (Role::Number, Value::Integer(number)) => write(out, number),
        (Role::Json, Value::Text(text)) if json_text::is_json(text) => {
            out.extend_from_slice(text.as_bytes());
            Ok(())
        }
        // The empty text is no UUID: the cloud would fail, or invent a visit.
        (Role::Ref, Value::Text(text)) if text.is_empty() => write(out, &()),
        (Role::Ref | Role::Text | Role::Enum | Role::Decimal | Role::Json, Value::Text(text)) => {
            write(out, text)
        }
        _ => Err(NO_FORM),
    }
}

/// Items between a pair of brackets, with commas.
pub(super) fn write_each<T>(
    out: &mut Vec<u8>,
    brackets: &[u8; 2],
    items: impl Iterator<Item = T>,
    mut write_item: impl FnMut(&mut Vec<u8>, T) -> Result<()>,
) -> Result<()> {
    out.push(brackets[0]);
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_item(out, item)?;
    }
    out.push(brackets[1]);
    Ok(())
}

pub(super) fn write<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<()> {
    serde_json::to_writer(out, value).map_err(|_| Error::internal("the push cannot be written"))
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
