//! An order-free digest of the records, to tell two devices whether they hold the same.
//!
//! Each record becomes one line of JSON: `[table, id, [column, value]…]`, columns by name, hidden
//! ones left out, JSON columns re-written with sorted keys. The SHA-256 of the lines are added up
//! as four 64-bit words, so that the order of records does not matter.

use rusqlite::Connection;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::errors::MapSqlite;
use super::table_sql::quote;
use super::transaction::Context;
use super::values;
use crate::error::Result;
use crate::model::ledger::{Digest, TableDigest};
use crate::model::schema::{Direction, Role, Table};
use crate::model::value::Value;

pub(super) fn digest(connection: &Connection, context: &Context) -> Result<Digest> {
    let travelling = context
        .schema
        .tables()
        .filter(|(_, t)| t.direction != Direction::Local);
    let tables = travelling
        .map(|(index, table)| {
            let sql = format!(
                "SELECT {} FROM {}",
                context.sql.table(index).columns,
                quote(&table.name)
            );
            let mut statement = connection.prepare(&sql).map_sqlite()?;
            let mut rows = statement.query([]).map_sqlite()?;
            let (mut sum, mut count) = ([0u64; 4], 0);
            while let Some(row) = rows.next().map_sqlite()? {
                add(
                    &mut sum,
                    &line(table, &values::read_record(row, table).map_sqlite()?),
                );
                count += 1;
            }
            let digest = sum.iter().map(|word| format!("{word:016x}")).collect();
            Ok(TableDigest {
                table: table.name.clone(),
                rows: count,
                digest,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Digest { tables })
}

fn line(table: &Table, record: &[Value]) -> String {
    let mut cells: Vec<(&str, Json)> = table
        .columns
        .iter()
        .zip(record)
        .filter(|(column, _)| !column.hidden && column.role != Role::Id)
        .map(|(column, value)| {
            let json = match (column.role, value) {
                (Role::Json, Value::Text(text)) => {
                    serde_json::from_str(text).unwrap_or_else(|_| Json::from(text.as_str()))
                }
                _ => value.to_json(),
            };
            (column.name.as_str(), json)
        })
        .collect();
    cells.sort_by_key(|(name, _)| *name);
    json!([table.name, record[0].to_json(), cells]).to_string()
}

fn add(sum: &mut [u64; 4], line: &str) {
    let hash = Sha256::digest(line.as_bytes());
    for (word, bytes) in sum.iter_mut().zip(hash.chunks_exact(8)) {
        let mut buffer = [0; 8];
        buffer.copy_from_slice(bytes);
        *word = word.wrapping_add(u64::from_be_bytes(buffer));
    }
}
