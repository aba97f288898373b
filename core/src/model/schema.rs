//! The schema as data: tables, columns, roles, directions, parents, never-store list.
//!
//! The Hikma schema is built in (`hikma.json`); an app may give its own in the same form. Parsing
//! and validation are in `schema_json`.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::error::{Error, ErrorCode, Result};

pub use super::schema_json::MAX_SCHEMA_BYTES;

/// What a column means; decides its form on the wire, in the store and for the app.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The primary key. Every table has one, called `id`.
    Id,
    /// Free text.
    Text,
    /// Text from a list that may grow: unknown values are kept.
    Enum,
    /// The id of a record in another table; never the empty text.
    Ref,
    /// A whole number.
    Integer,
    /// A finite number.
    Number,
    /// A decimal number in its text form, such as `36.60`.
    Decimal,
    /// True or false.
    Bool,
    /// A moment: epoch milliseconds here, ISO text to the cloud.
    Instant,
    /// A calendar day: `YYYY-MM-DD`.
    Day,
    /// JSON as text, unchanged.
    Json,
}

/// Where the records of a table travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Pulled and pushed.
    Both,
    /// Pulled only; the app cannot write it.
    Pull,
    /// Never leaves the device.
    Local,
}

/// A column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name, the same here and on the wire.
    pub name: String,
    /// What it means.
    pub role: Role,
    /// Whether null is a value of it. The id never is.
    pub nullable: bool,
    /// Whether it has an index.
    pub indexed: bool,
    /// The table a reference points to, where it is one of the schema's.
    pub references: Option<String>,
    /// Whether the record that it refers to must be there: for one that is not, the peer invents
    /// one.
    pub must_exist: bool,
    /// JSON text of the default, for `Json`: also tells the kind, array or object.
    pub default: Option<String>,
    /// The peer's limit on text, in characters.
    pub max_chars: Option<u32>,
    /// The peer's limit on decimals: digits in all, digits after the point.
    pub precision: Option<(u32, u32)>,
    /// Whether a push holds it.
    pub pushed: bool,
    /// Kept only to be sent back unchanged: neither readable nor writable by the app.
    pub hidden: bool,
}

/// A child table whose records go when the parent's does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Child {
    /// The child table.
    pub table: TableIndex,
    /// The position of the referring column in it.
    pub column: usize,
}

/// A table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// Its name, the same here and on the wire.
    pub name: String,
    /// Where its records travel.
    pub direction: Direction,
    /// Its columns; the first is `id`.
    pub columns: Vec<Column>,
    /// Tables whose records go with a record of this one.
    pub children: Vec<Child>,
    /// Columns that identify a record for the peer beside its id.
    pub natural_key: Vec<usize>,
    /// Whether the peer announces deletions.
    pub deletions_announced: bool,
    /// Whether the peer's pulls of changes show an update of a record.
    pub updates_announced: bool,
    /// Later stages are pushed in requests of their own, after all of the earlier.
    pub push_stage: u8,
    /// Only rows whose named column is the signed-in person's id are kept.
    pub own_rows_only: Option<usize>,
    /// Whether the peer's history limit leaves this table whole.
    pub whole_history: bool,
    by_name: HashMap<String, usize>,
}

impl Table {
    pub(super) fn new(name: String, direction: Direction, columns: Vec<Column>) -> Self {
        let by_name = columns
            .iter()
            .enumerate()
            .map(|(i, c)| (c.name.clone(), i))
            .collect();
        Self {
            name,
            direction,
            columns,
            children: Vec::new(),
            natural_key: Vec::new(),
            deletions_announced: true,
            updates_announced: true,
            push_stage: 0,
            own_rows_only: None,
            whole_history: false,
            by_name,
        }
    }

    /// The position of a column by its name, hidden ones included.
    pub fn position(&self, column: &str) -> Option<usize> {
        self.by_name.get(column).copied()
    }

    /// A column that the app may name, or `invalid_input`.
    pub fn visible(&self, column: &str) -> Result<(usize, &Column)> {
        self.position(column)
            .map(|i| (i, &self.columns[i]))
            .filter(|(_, c)| !c.hidden)
            .ok_or_else(|| Error::invalid("unknown column").at(self.name.as_str()))
    }

    /// `table.column`, for errors.
    pub fn place(&self, column: usize) -> String {
        format!("{}.{}", self.name, self.columns[column].name)
    }

    /// Position of the instant `updated_at`, where the table has it.
    pub fn updated_at(&self) -> Option<usize> {
        self.position("updated_at")
            .filter(|i| self.columns[*i].role == Role::Instant)
    }
}

/// The position of a table in its schema.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TableIndex(pub u16);

/// A validated schema.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schema {
    /// The app's number for it; grows with each change.
    pub version: u32,
    /// Tables that are refused wherever they come from.
    pub never_tables: Vec<String>,
    /// Columns that are refused in any record of any table.
    pub never_columns: Vec<String>,
    tables: Vec<Table>,
    by_name: HashMap<String, TableIndex>,
}

impl Schema {
    /// The schema of Hikma Health's device store, version 9.
    pub fn hikma() -> Result<Arc<Self>> {
        Self::from_json(include_str!("hikma.json"))
    }

    /// An app's own schema. Errors are `invalid_input` with a JSON pointer to the place.
    pub fn from_json(text: &str) -> Result<Arc<Self>> {
        super::schema_json::parse(text).map(Arc::new)
    }

    pub(super) fn new(
        version: u32,
        never_tables: Vec<String>,
        never_columns: Vec<String>,
        tables: Vec<Table>,
        by_name: HashMap<String, TableIndex>,
    ) -> Self {
        Self {
            version,
            never_tables,
            never_columns,
            tables,
            by_name,
        }
    }

    /// All tables, parents before children.
    pub fn tables(&self) -> impl Iterator<Item = (TableIndex, &Table)> {
        // Validation limits the number of tables to far below u16::MAX.
        self.tables
            .iter()
            .enumerate()
            .map(|(i, t)| (TableIndex(i as u16), t))
    }

    /// The table at an index of this schema.
    pub fn table(&self, index: TableIndex) -> &Table {
        &self.tables[usize::from(index.0)]
    }

    /// A table by name, for what a peer sends.
    pub fn find(&self, name: &str) -> Option<TableIndex> {
        self.by_name.get(name).copied()
    }

    /// A table that the app names: `forbidden_table` on the never-store list, `invalid_input`
    /// where the schema has none of that name.
    pub fn require(&self, name: &str) -> Result<(TableIndex, &Table)> {
        if self.is_forbidden_table(name) {
            return Err(Error::new(
                ErrorCode::ForbiddenTable,
                "this table is never stored",
            ));
        }
        let index = self.find(name).ok_or(Error::invalid("unknown table"))?;
        Ok((index, self.table(index)))
    }

    /// Whether a table is on the never-store list.
    pub fn is_forbidden_table(&self, name: &str) -> bool {
        self.never_tables.iter().any(|n| n == name)
    }

    /// Whether a column is on the never-store list.
    pub fn is_forbidden_column(&self, name: &str) -> bool {
        self.never_columns.iter().any(|n| n == name)
    }
}
