//! One record: its JSON text to an id and cells, guarded column by column.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::{self, Cell};
use crate::model::change_set::{RemoteRow, SkipCounts};
use crate::model::ids::RecordId;
use crate::model::schema::{Role, Schema, Table, TableIndex};
use crate::model::value::Value;

/// Reads a record. None where it is no JSON, no object or has no usable id.
pub(super) fn read(
    schema: &Schema,
    index: TableIndex,
    raw: &str,
    shape: &mut Shape,
    skipped: &mut SkipCounts,
) -> Option<RemoteRow> {
    let table = schema.table(index);
    shape.of(index);
    let record = Record {
        names: Names {
            schema,
            table,
            shape,
            next: 0,
        },
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
    names: Names<'a>,
    skipped: &'a mut SkipCounts,
    id: Option<RecordId>,
    // By position, so that of two values of one column the later stays.
    cells: Vec<Option<Value>>,
}

impl Record<'_> {
    fn take(&mut self, position: usize, raw: &str) {
        let column = &self.names.table.columns[position];
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
        while let Some(name) = map.next_key_seed(&mut self.names)? {
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

#[derive(Clone, Copy)]
enum Name {
    Column(usize),
    Forbidden,
    Unknown,
}

/// The names of the record before, in their order, each with its judgement: the records of a table
/// look alike, and then no name is looked up twice.
#[derive(Default)]
pub(super) struct Shape {
    table: Option<TableIndex>,
    names: Vec<(String, Name)>,
}

impl Shape {
    /// Another table judges anew.
    fn of(&mut self, table: TableIndex) {
        if self.table != Some(table) {
            self.names.clear();
            self.table = Some(table);
        }
    }

    fn keep(&mut self, at: usize, name: &str, judged: Name) {
        if name.len() > MAX_NAME_BYTES {
            return;
        }
        if let Some(place) = self.names.get_mut(at) {
            place.0.clear();
            place.0.push_str(name);
            place.1 = judged;
        } else if at == self.names.len() && at < MAX_NAMES {
            self.names.push((name.to_owned(), judged));
        }
    }
}

/// A shape has no more names than this, nor longer ones: peers may send anything.
const MAX_NAMES: usize = 256;
const MAX_NAME_BYTES: usize = 64;

/// Judges the names of one record, one after the other, without keeping them.
struct Names<'a> {
    schema: &'a Schema,
    table: &'a Table,
    shape: &'a mut Shape,
    next: usize,
}

impl Names<'_> {
    fn judge(&mut self, name: &str) -> Name {
        let at = self.next;
        self.next += 1;
        if let Some((known, judged)) = self.shape.names.get(at)
            && known == name
        {
            return *judged;
        }
        // The refusal first: no schema may let such a column in.
        let judged = if self.schema.is_forbidden_column(name) {
            Name::Forbidden
        } else {
            self.table
                .position(name)
                .map_or(Name::Unknown, Name::Column)
        };
        self.shape.keep(at, name, judged);
        judged
    }
}

impl<'de> DeserializeSeed<'de> for &mut Names<'_> {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for &mut Names<'_> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(self.judge(name))
    }
}
