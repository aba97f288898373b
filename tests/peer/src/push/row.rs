//! A row on its way into the database, and the guarded upsert that all tables share.

use rusqlite::params_from_iter;
use rusqlite::types::Value as Stored;
use serde_json::Value;

use super::{Record, RowError, Writing};
use crate::schema::{Kind, Table};
use crate::value::{Context, Lenience, convert};

/// A row in the making: one value per column of its table.
pub(super) struct Row<'t> {
    table: &'t Table,
    values: Vec<Stored>,
}

/// How an upsert treats a row that exists.
pub(super) struct Upsert<'a> {
    /// The key whose conflict means "exists".
    pub(super) key: &'a [&'a str],
    /// Columns that an update leaves as they are. Keys are always left.
    pub(super) keep: &'a [&'a str],
    /// Columns that an update sets to the server's now.
    pub(super) now: &'a [&'a str],
    /// Whether only a strictly later `updated_at` gets through.
    pub(super) guarded: bool,
}

impl<'t> Row<'t> {
    /// Reads every known column of a record; unknown ones drop out. The server's own times
    /// are set, whatever the record says.
    pub(super) fn read(
        writing: &Writing<'_>,
        table: &'t Table,
        record: &Record,
        lenience: Lenience,
    ) -> Result<Self, RowError> {
        let context = Context {
            now_ms: writing.now_ms,
            zone_minutes: writing.zone_minutes,
            lenience,
        };
        let mut values = Vec::with_capacity(table.columns.len());
        for column in table.columns {
            let value = match column.name {
                "last_modified" | "server_created_at" => Stored::Integer(writing.now_ms),
                // Set by those tables that take it at all.
                "deleted_at" => Stored::Null,
                "created_at" | "updated_at" => {
                    match convert(column.kind, record.get(column.name), &context)? {
                        Stored::Null => Stored::Integer(writing.now_ms),
                        given => given,
                    }
                }
                // Left out is the column's default; an explicit null is a null.
                "is_deleted" if !record.contains_key("is_deleted") => Stored::Integer(0),
                name => convert(column.kind, record.get(name), &context)?,
            };
            values.push(value);
        }
        Ok(Self { table, values })
    }

    fn index(&self, column: &str) -> Option<usize> {
        self.table
            .columns
            .iter()
            .position(|known| known.name == column)
    }

    /// Sets a column.
    pub(super) fn set(&mut self, column: &str, value: Stored) {
        if let Some(slot) = self
            .index(column)
            .and_then(|index| self.values.get_mut(index))
        {
            *slot = value;
        }
    }

    /// Sets a column that holds nothing.
    pub(super) fn fill(&mut self, column: &str, value: Stored) {
        if matches!(self.get(column), Stored::Null) {
            self.set(column, value);
        }
    }

    /// What a column holds.
    pub(super) fn get(&self, column: &str) -> &Stored {
        self.index(column)
            .and_then(|index| self.values.get(index))
            .unwrap_or(&Stored::Null)
    }

    /// Inserts the row, or updates the one with the same key.
    pub(super) fn upsert(self, writing: &Writing<'_>, how: &Upsert<'_>) -> Result<(), RowError> {
        let table = self.table;
        let names: Vec<String> = table
            .columns
            .iter()
            .map(|column| format!("\"{}\"", column.name))
            .collect();
        let marks: Vec<String> = (1..=names.len()).map(|n| format!("?{n}")).collect();
        let now_mark = names.len() + 1;
        let changes: Vec<String> = table
            .columns
            .iter()
            .map(|column| column.name)
            .filter(|name| {
                let kept = ["id", "server_created_at"].contains(name) && !how.now.contains(name);
                !kept && !how.keep.contains(name) && !how.key.contains(name)
            })
            .map(|name| {
                if how.now.contains(&name) {
                    format!("\"{name}\" = ?{now_mark}")
                } else {
                    format!("\"{name}\" = excluded.\"{name}\"")
                }
            })
            .collect();
        let guard = if how.guarded {
            format!("WHERE excluded.updated_at > \"{}\".updated_at", table.name)
        } else {
            String::new()
        };
        // The mark of the present moment is named even if no column takes it, because the
        // database counts the values it is given.
        let sql = format!(
            "INSERT INTO \"{}\" ({}) SELECT {} WHERE ?{now_mark} IS NOT NULL \
             ON CONFLICT ({}) DO UPDATE SET {} {guard}",
            table.name,
            names.join(","),
            marks.join(","),
            how.key.join(","),
            changes.join(","),
        );
        let values = self
            .values
            .into_iter()
            .chain([Stored::Integer(writing.now_ms)]);
        writing
            .database
            .prepare_cached(&sql)?
            .execute(params_from_iter(values))?;
        Ok(())
    }
}

/// A text field of a record, if it is one.
pub(super) fn text<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    record.get(name).and_then(Value::as_str)
}

/// The database value of the column of that name and type.
pub(super) fn read_one(
    writing: &Writing<'_>,
    kind: Kind,
    record: &Record,
    name: &str,
) -> Result<Stored, RowError> {
    let context = Context {
        now_ms: writing.now_ms,
        zone_minutes: writing.zone_minutes,
        lenience: Lenience::UseDefault,
    };
    Ok(convert(kind, record.get(name), &context)?)
}
