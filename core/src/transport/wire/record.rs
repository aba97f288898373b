//! One record: its JSON text to an id and cells, guarded column by column.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::{self, Cell};
use crate::model::change_set::{RemoteRow, SkipCounts};
use crate::model::ids::RecordId;
use crate::model::schema::{Role, Schema, Table};
use crate::model::value::Value;

/// Reads a record. None where it is no object or has no usable id.
pub(super) fn read(
    schema: &Schema,
    table: &Table,
    raw: &str,
    skipped: &mut SkipCounts,
) -> Option<RemoteRow> {
    let record = Record {
        schema,
        table,
        skipped,
        id: None,
        cells: vec![None; table.columns.len()],
    };
    serde_json::Deserializer::from_str(raw)
        .deserialize_map(record)
        .ok()
        .flatten()
}

/// An id as a list of deletions holds it.
pub(super) fn read_id(raw: &str) -> Option<RecordId> {
    cell::string(raw).and_then(|text| RecordId::from_peer(&text))
}

struct Record<'a> {
    schema: &'a Schema,
    table: &'a Table,
    skipped: &'a mut SkipCounts,
    id: Option<RecordId>,
    // By position, so that of two values of one column the later stays.
    cells: Vec<Option<Value>>,
}

impl Record<'_> {
    fn take(&mut self, position: usize, raw: &str) {
        let column = &self.table.columns[position];
        if column.role == Role::Id {
            self.id = read_id(raw);
            return;
        }
        self.cells[position] = match cell::read(column, raw) {
            Cell::Known(value) => Some(value),
            Cell::Absent => None,
            Cell::Unreadable => {
                self.skipped.unreadable_values += 1;
                None
            }
        };
    }
}

impl<'de> Visitor<'de> for Record<'_> {
    type Value = Option<RemoteRow>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self::Value, A::Error> {
        while let Some(name) = map.next_key_seed(NameSeed(self.schema, self.table))? {
            match name {
                Name::Column(position) => {
                    let raw: &RawValue = map.next_value()?;
                    self.take(position, raw.get());
                }
                Name::Forbidden => {
                    self.skipped.forbidden_columns += 1;
                    map.next_value::<IgnoredAny>()?;
                }
                Name::Unknown => {
                    self.skipped.unknown_columns += 1;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let cells = self.cells.into_iter().enumerate();
        Ok(self.id.map(|id| RemoteRow {
            id,
            cells: cells.filter_map(|(i, cell)| Some((i, cell?))).collect(),
        }))
    }
}

enum Name {
    Column(usize),
    Forbidden,
    Unknown,
}

/// Judges a column's name without keeping it.
struct NameSeed<'a>(&'a Schema, &'a Table);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        let Self(schema, table) = self;
        // The refusal first: no schema may let such a column in.
        Ok(if schema.is_forbidden_column(name) {
            Name::Forbidden
        } else {
            table.position(name).map_or(Name::Unknown, Name::Column)
        })
    }
}
