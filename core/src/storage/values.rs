//! Values to and from SQLite.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, Statement};

use super::errors::MapSqlite;
use crate::error::{Error, ErrorCode, Result};
use crate::model::row;
use crate::model::schema::{Column, Table};
use crate::model::value::Value;

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

impl FromSql for Value {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Integer(value) => Ok(Self::Integer(value)),
            ValueRef::Real(value) => Ok(Self::Real(value)),
            ValueRef::Text(_) => value.as_str().map(|text| Self::Text(text.to_owned())),
            ValueRef::Blob(_) => Err(FromSqlError::InvalidType),
        }
    }
}

/// Writes a cell as the app sees it, without a copy in between.
pub(super) fn write_cell(column: &Column, value: ValueRef<'_>, out: &mut String) -> Result<()> {
    match value {
        ValueRef::Null => row::write_null(out),
        ValueRef::Integer(number) => row::write_integer(column, number, out),
        ValueRef::Real(number) => row::write_real(number, out),
        ValueRef::Text(_) => {
            row::write_column_text(column, value.as_str().map_err(|_| unreadable())?, out)
        }
        ValueRef::Blob(_) => return Err(unreadable()),
    }
    Ok(())
}

fn unreadable() -> Error {
    Error::new(ErrorCode::DatabaseDamaged, "a stored value cannot be read")
}

/// All columns of a record, in the order of the table.
pub(super) fn read_record(row: &Row<'_>, table: &Table) -> rusqlite::Result<Vec<Value>> {
    (0..table.columns.len()).map(|i| row.get(i)).collect()
}

/// A record, and its rowid: as long as the transaction lasts it is found by that as well.
pub(super) struct Placed {
    pub place: i64,
    pub record: Vec<Value>,
}

/// Runs a statement that finds at most one record by the given id, and shows the rowid after its columns.
pub(super) fn find(
    statement: &mut Statement<'_>,
    table: &Table,
    id: &str,
) -> Result<Option<Placed>> {
    let mut rows = statement.query([id]).map_sqlite()?;
    rows.next()
        .map_sqlite()?
        .map(|row| {
            Ok(Placed {
                place: row.get(table.columns.len()).map_sqlite()?,
                record: read_record(row, table).map_sqlite()?,
            })
        })
        .transpose()
}
