//! Record tables: makes them from the schema, and widens them when a newer schema adds to it.
//!
//! A newer version may add tables, columns and indexes. Anything else is refused: dropping or
//! re-typing a column would lose what a push must send back.

use std::collections::BTreeMap;

use rusqlite::{Connection, TransactionBehavior};
use serde_json::{Map, Value as Json, json};

use super::errors::MapSqlite;
use super::table_sql::{column_type, quote};
use crate::error::{Error, ErrorCode, Result};
use crate::model::schema::{Direction, Schema, Table};

/// Tables with their columns, as they were when the database was last opened.
type Shape = BTreeMap<String, BTreeMap<String, String>>;

/// Makes or widens the record tables.
pub(super) fn prepare(connection: &mut Connection, schema: &Schema) -> Result<()> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_sqlite()?;
    let stored = read_meta(&transaction, "schema_version")?
        .map(|text| text.parse::<u32>().map_err(|_| damaged()))
        .transpose()?;
    let wanted = shape(schema);
    match stored {
        None => create_all(&transaction, schema)?,
        Some(version) if version > schema.version => {
            return Err(newer());
        }
        Some(version) => {
            let present = read_shape(&transaction)?;
            check_only_additions(&present, &wanted)?;
            if version < schema.version {
                widen(&transaction, schema, &present)?;
            } else if present != wanted {
                return Err(Error::invalid(
                    "the schema changed without a new version number",
                ));
            }
        }
    }
    write_meta(&transaction, "schema_version", &schema.version.to_string())?;
    write_meta(&transaction, "schema_shape", &json!(wanted).to_string())?;
    transaction.commit().map_sqlite()
}

/// What [`prepare`] would say to a database that describes itself so.
pub(super) fn check_growth(version: &str, shape: &str, schema: &Schema) -> Result<()> {
    if version
        .parse::<u32>()
        .is_ok_and(|version| version > schema.version)
    {
        return Err(newer());
    }
    // A description that cannot be read is part of the damage.
    match serde_json::from_str::<Shape>(shape) {
        Ok(present) => check_only_additions(&present, &self::shape(schema)),
        Err(_) => Ok(()),
    }
}

const fn newer() -> Error {
    Error::new(
        ErrorCode::StorageTooNew,
        "the database holds a newer version of the schema",
    )
}

/// Stands among the columns of a shape; no column has such a name.
const DIRECTION: &str = "(direction)";

fn shape(schema: &Schema) -> Shape {
    schema
        .tables()
        .map(|(_, table)| {
            let columns = table
                .columns
                .iter()
                .map(|c| (c.name.clone(), format!("{:?}", c.role).to_lowercase()))
                .chain([(
                    DIRECTION.to_owned(),
                    format!("{:?}", table.direction).to_lowercase(),
                )])
                .collect();
            (table.name.clone(), columns)
        })
        .collect()
}

fn read_shape(connection: &Connection) -> Result<Shape> {
    let text = read_meta(connection, "schema_shape")?.ok_or_else(damaged)?;
    serde_json::from_str(&text).map_err(|_| damaged())
}

fn damaged() -> Error {
    Error::new(
        ErrorCode::DatabaseDamaged,
        "the database's own description cannot be read",
    )
}

fn check_only_additions(present: &Shape, wanted: &Shape) -> Result<()> {
    for (table, columns) in present {
        let new = wanted
            .get(table)
            .ok_or_else(|| Error::invalid("a newer schema cannot drop a table").at(&**table))?;
        for (column, role) in columns {
            let at = || format!("{table}.{column}");
            match new.get(column) {
                // What waits to be pushed would wait for ever.
                Some(new) if column == DIRECTION && role == "both" && new != role => {
                    return Err(
                        Error::invalid("a newer schema cannot stop pushing a table").at(&**table)
                    );
                }
                Some(_) if column == DIRECTION => {}
                None => return Err(Error::invalid("a newer schema cannot drop a column").at(at())),
                Some(new) if new != role => {
                    return Err(Error::invalid("a newer schema cannot change a role").at(at()));
                }
                Some(_) => {}
            }
        }
    }
    Ok(())
}

fn create_all(connection: &Connection, schema: &Schema) -> Result<()> {
    schema
        .tables()
        .try_for_each(|(_, table)| create(connection, table))
}

fn create(connection: &Connection, table: &Table) -> Result<()> {
    let columns = table
        .columns
        .iter()
        .map(|c| format!("{} {}", quote(&c.name), column_type(c)))
        .collect::<Vec<_>>()
        .join(", ");
    connection
        .execute_batch(&format!("CREATE TABLE {} ({columns})", quote(&table.name)))
        .map_sqlite()?;
    create_indexes(connection, table)
}

fn create_indexes(connection: &Connection, table: &Table) -> Result<()> {
    for column in table.columns.iter().filter(|c| c.indexed) {
        let index = quote(&format!("{}_by_{}", table.name, column.name));
        connection
            .execute_batch(&format!(
                "CREATE INDEX IF NOT EXISTS {index} ON {} ({})",
                quote(&table.name),
                quote(&column.name)
            ))
            .map_sqlite()?;
    }
    Ok(())
}

/// Adds what is new. What the new columns hold at the peer must be fetched: a full pull is due.
fn widen(connection: &Connection, schema: &Schema, present: &Shape) -> Result<()> {
    let mut pulled = false;
    for (_, table) in schema.tables() {
        match present.get(&table.name) {
            None => create(connection, table)?,
            Some(columns) => {
                for column in table
                    .columns
                    .iter()
                    .filter(|c| !columns.contains_key(&c.name))
                {
                    connection
                        .execute_batch(&format!(
                            "ALTER TABLE {} ADD COLUMN {} {}",
                            quote(&table.name),
                            quote(&column.name),
                            column_type(column)
                        ))
                        .map_sqlite()?;
                }
                create_indexes(connection, table)?;
            }
        }
        let known = present.get(&table.name).map_or(0, BTreeMap::len);
        // The shape counts the direction too.
        pulled |= table.direction != Direction::Local && known < table.columns.len() + 1;
    }
    if pulled {
        super::peers::want_everything(connection)?;
    }
    Ok(())
}

/// Reads one of the store's own settings.
pub(super) fn read_meta(connection: &Connection, name: &str) -> Result<Option<String>> {
    let mut statement = connection
        .prepare_cached("SELECT value FROM amana_meta WHERE name = ?")
        .map_sqlite()?;
    let mut rows = statement.query([name]).map_sqlite()?;
    rows.next()
        .map_sqlite()?
        .map(|row| row.get(0).map_sqlite())
        .transpose()
}

/// Writes one of the store's own settings.
pub(super) fn write_meta(connection: &Connection, name: &str, value: &str) -> Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO amana_meta (name, value) VALUES (?, ?)")
        .and_then(|mut statement| statement.execute([name, value]))
        .map(|_| ())
        .map_sqlite()
}

/// A JSON object of column names and values, as bases and ledger entries keep them.
pub(super) fn cells_to_json<'a>(
    table: &Table,
    cells: impl IntoIterator<Item = (usize, &'a crate::model::value::Value)>,
) -> String {
    let object: Map<String, Json> = cells
        .into_iter()
        .map(|(position, value)| (table.columns[position].name.clone(), value.to_json()))
        .collect();
    Json::Object(object).to_string()
}
