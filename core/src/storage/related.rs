//! The related records of a page: one statement a relation, however many rows the page has.

use rusqlite::{Connection, params};

use super::errors::MapSqlite;
use super::query::write_row;
use super::table_sql::quote;
use super::transaction::Context;
use crate::error::{Error, ErrorCode, Result};
use crate::model::include::{Include, MAX_INCLUDED_ROWS};
use crate::model::row;
use crate::model::schema::Table;

/// All relations of a page together are not larger than this.
const MAX_INCLUDED_BYTES: usize = 8 * 1024 * 1024;

/// What the rows of a page refer to, and are referred to by, gathered while they are written.
pub(super) struct Related<'a> {
    relations: Vec<Relation<'a>>,
}

struct Relation<'a> {
    include: &'a Include,
    /// Ids: of the related records themselves, or of those that they refer to.
    keys: Vec<String>,
}

impl<'a> Related<'a> {
    pub(super) fn new(include: &'a [Include]) -> Self {
        let relations = include
            .iter()
            .map(|include| Relation {
                include,
                keys: Vec::new(),
            })
            .collect();
        Self { relations }
    }

    /// Takes note of a row of the page.
    pub(super) fn gather(&mut self, found: &rusqlite::Row<'_>) -> Result<()> {
        for relation in &mut self.relations {
            let column = match relation.include {
                Include::Parent { column, .. } => *column,
                // the id is the first column of each table
                Include::Children { .. } => 0,
            };
            if let Some(key) = found.get::<_, Option<String>>(column).map_sqlite()? {
                relation.keys.push(key);
            }
        }
        Ok(())
    }

    /// Appends `,"included":[{"table":…,"columns":[…],"rows":[[…],…]},…]`; nothing without relations.
    /// Related records are in the order of their ids, each once.
    pub(super) fn write(
        self,
        connection: &Connection,
        context: &Context,
        out: &mut String,
    ) -> Result<()> {
        if self.relations.is_empty() {
            return Ok(());
        }
        out.push_str(",\"included\":[");
        let begin = out.len();
        let mut count = 0;
        for (i, relation) in self.relations.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            let table = context.schema.table(relation.include.table());
            let texts = context.sql.table(relation.include.table());
            let key = match relation.include {
                Include::Parent { .. } => "id",
                Include::Children { column, .. } => &table.columns[*column].name,
            };
            let text = format!(
                "SELECT {} FROM {} WHERE {} IN (SELECT value FROM json_each(?)) ORDER BY id",
                texts.columns,
                quote(&table.name),
                quote(key),
            );
            let keys = serde_json::to_string(&relation.keys)
                .map_err(|_| Error::internal("ids are texts"))?;
            let mut statement = connection.prepare_cached(&text).map_sqlite()?;
            let mut rows = statement.query(params![keys]).map_sqlite()?;
            out.push_str("{\"table\":");
            row::write_text(&table.name, out);
            out.push(',');
            out.push_str(&texts.page_head);
            let mut first = true;
            while let Some(found) = rows.next().map_sqlite()? {
                count += 1;
                if count > MAX_INCLUDED_ROWS || out.len() - begin > MAX_INCLUDED_BYTES {
                    return Err(too_many(table));
                }
                if !first {
                    out.push(',');
                }
                first = false;
                write_row(table, found, out)?;
            }
            out.push_str("]}");
        }
        out.push(']');
        Ok(())
    }
}

fn too_many(table: &Table) -> Error {
    Error::new(
        ErrorCode::ValueTooLarge,
        "the related records are too many for one page: ask for fewer rows",
    )
    .at(table.name.as_str())
}
