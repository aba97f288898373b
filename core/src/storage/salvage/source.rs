//! A damaged database, read around its damage.
//!
//! SQLCipher makes a connection unusable for good once a page did not decrypt, and hands out zeros in
//! its place: what was read is worth something only where `cipher_status` says so afterwards. Then the
//! connection is opened anew.

use std::path::Path;

use rusqlite::{Connection, ErrorCode as Sqlite};

use super::super::connection::{self, Access, is_sound};
use super::super::errors::MapSqlite;
use super::super::table_sql::quote;
use crate::error::{ErrorCode, Result};
use crate::secret::DatabaseKey;

/// The damaged database.
pub(super) struct Source<'a> {
    path: &'a Path,
    key: &'a DatabaseKey,
    connection: Connection,
}

impl<'a> Source<'a> {
    /// Opens it; `None` where not even its description can be read.
    pub(super) fn open(path: &'a Path, key: &'a DatabaseKey) -> Result<Option<Self>> {
        match connect(path, key) {
            Ok(connection) => Ok(Some(Self {
                path,
                key,
                connection,
            })),
            Err(error) if error.code() == ErrorCode::DatabaseDamaged => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads; `None` where a page that was needed could not be read. `read` may be called again later
    /// with other bounds, but nothing it saw in such a call counts.
    pub(super) fn read<T>(
        &mut self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        match read(&self.connection) {
            Ok(found) if is_sound(&self.connection)? => return Ok(Some(found)),
            Ok(_) => {}
            Err(error) if is_damage(&error) => {}
            Err(error) => return Err(error).map_sqlite(),
        }
        self.connection = connect(self.path, self.key)?;
        Ok(None)
    }

    /// The version of its bookkeeping tables.
    pub(super) fn version(&mut self) -> Result<Option<usize>> {
        let version =
            self.read(|c| c.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0)))?;
        Ok(version.map(|version| version as usize))
    }

    /// The version and the shape of its schema of record tables, as it describes itself.
    pub(super) fn described(&mut self) -> Result<Option<(String, String)>> {
        self.read(|c| {
            let sql = "SELECT value FROM amana_meta WHERE name = ?1";
            let one = |name| c.query_row(sql, [name], |row| row.get::<_, String>(0));
            Ok((one("schema_version")?, one("schema_shape")?))
        })
    }

    /// What a table looks like in it, where it has that table.
    pub(super) fn shape(&mut self, table: &str) -> Result<Option<Shape>> {
        let found = self.read(|c| shapes_named(c, Some(table)))?;
        Ok(found.and_then(|mut shapes| shapes.pop()))
    }
}

fn connect(path: &Path, key: &DatabaseKey) -> Result<Connection> {
    let connection = connection::open(path, key, Access::Read)?;
    // A damaged file is read, never written.
    connection
        .set_db_config(
            rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
            true,
        )
        .map_sqlite()?;
    // It may not live long.
    connection.set_prepared_statement_cache_capacity(16);
    Ok(connection)
}

/// Whether an error means that something stored cannot be read, rather than that nothing can be now.
fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(failure, _) => matches!(
            failure.code,
            Sqlite::DatabaseCorrupt | Sqlite::NotADatabase | Sqlite::SystemIoFailure
        ),
        // A value of a type, or a text, that was never stored so.
        rusqlite::Error::FromSqlConversionFailure(..)
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::QueryReturnedNoRows => true,
        _ => false,
    }
}

/// A table as its database describes it.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub name: String,
    pub has_rowid: bool,
    pub columns: Vec<String>,
    /// The columns of the primary key, in its order.
    pub key: Vec<String>,
    /// Indexes over all rows: names, and the columns that they sort by.
    pub indexes: Vec<(String, Vec<String>)>,
}

impl Shape {
    /// The columns that both have.
    pub(super) fn common_columns(&self, other: &Self) -> Vec<String> {
        let both = |column: &&String| other.columns.contains(column);
        self.columns.iter().filter(both).cloned().collect()
    }
}

/// The tables of a database, without SQLite's own and those that others are made of.
pub(super) fn shapes(connection: &Connection) -> Result<Vec<Shape>> {
    shapes_named(connection, None).map_sqlite()
}

fn shapes_named(connection: &Connection, only: Option<&str>) -> rusqlite::Result<Vec<Shape>> {
    let mut statement = connection.prepare(
        "SELECT name, wr FROM pragma_table_list
           WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
             AND (?1 IS NULL OR name = ?1)
           ORDER BY name",
    )?;
    let tables = statement
        .query_map([only], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(String, bool)>>>()?;
    tables
        .into_iter()
        .map(|(name, without_rowid)| shape(connection, name, !without_rowid))
        .collect()
}

fn shape(connection: &Connection, name: String, has_rowid: bool) -> rusqlite::Result<Shape> {
    let mut columns = connection
        .prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid")?
        .query_map([&name], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(String, i64)>>>()?;
    let names = columns.iter().map(|(name, _)| name.clone()).collect();
    columns.retain(|(_, position)| *position > 0);
    columns.sort_by_key(|(_, position)| *position);
    let indexes = connection
        .prepare("SELECT name FROM pragma_index_list(?1) WHERE partial = 0 AND origin <> 'pk'")?
        .query_map([&name], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?
        .into_iter()
        .map(|index| {
            let sorted_by = connection
                .prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?
                .query_map([&index], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<Option<String>>>>()?;
            Ok((index, sorted_by.into_iter().flatten().collect()))
        })
        .collect::<rusqlite::Result<_>>()?;
    Ok(Shape {
        name,
        has_rowid,
        columns: names,
        key: columns.into_iter().map(|(name, _)| name).collect(),
        indexes,
    })
}

/// Names between quotes, in a list.
pub(super) fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quote(name)).collect();
    quoted.join(", ")
}
