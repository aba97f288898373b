//! An order-free digest of the records, to tell two devices whether they hold the same.
//!
//! Each record becomes one line of JSON: `[table, id, [column, value]…]`, columns by name, hidden
//! ones left out, JSON columns re-written with sorted keys, decimals without the zeros that mean
//! nothing: a hub and a cloud spell them differently. The SHA-256 of the lines are added up
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
                (Role::Decimal, Value::Text(text)) => Json::from(plain_decimal(text)),
                _ => value.to_json(),
            };
            (column.name.as_str(), json)
        })
        .collect();
    cells.sort_by_key(|(name, _)| *name);
    json!([table.name, record[0].to_json(), cells]).to_string()
}

/// `36.60` and `036.6` as `36.6`, `5.0` as `5`, `-0` as `0`.
fn plain_decimal(text: &str) -> String {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let (whole, fraction) = (
        whole.trim_start_matches('0'),
        fraction.trim_end_matches('0'),
    );
    let whole = if whole.is_empty() { "0" } else { whole };
    match (whole, fraction) {
        ("0", "") => "0".to_owned(),
        (whole, "") => format!("{sign}{whole}"),
        (whole, fraction) => format!("{sign}{whole}.{fraction}"),
    }
}

fn add(sum: &mut [u64; 4], line: &str) {
    let hash = Sha256::digest(line.as_bytes());
    for (word, bytes) in sum.iter_mut().zip(hash.chunks_exact(8)) {
        let mut buffer = [0; 8];
        buffer.copy_from_slice(bytes);
        *word = word.wrapping_add(u64::from_be_bytes(buffer));
    }
}

#[cfg(test)]
mod tests {
    use super::plain_decimal;

    #[test]
    fn another_spelling_of_a_number_is_the_same_number() {
        for (text, plain) in [
            ("36.60", "36.6"),
            ("036.6", "36.6"),
            ("5.0000", "5"),
            ("-0.0", "0"),
            ("100", "100"),
            ("-0.50", "-0.5"),
        ] {
            assert_eq!(plain_decimal(text), plain, "{text}");
        }
    }
}
