//! Reads a table around its damage by ranges of rowids: a range that cannot be read is halved until
//! what cannot be read is alone.

use rusqlite::types::Value;
use rusqlite::{Connection, Row, params, params_from_iter};

use super::super::errors::MapSqlite;
use super::super::table_sql::quote;
use super::source::{Shape, Source, list};
use crate::error::Result;
use crate::model::salvage::Lost;

/// Rows read at once, and about how many bytes: values can be 16 MiB each.
pub(super) const BATCH_ROWS: usize = 200;
pub(super) const BATCH_BYTES: usize = 1 << 20;
/// A range is halved no more than so many times: each costs a connection.
const HALVINGS: u32 = 20_000;

/// A row, in the order of the columns that are copied.
pub(super) type Values = Vec<Value>;

/// Where rows go.
pub(super) struct Target<'a> {
    pub fresh: &'a Connection,
    insert: String,
}

impl<'a> Target<'a> {
    pub(super) fn new(fresh: &'a Connection, shape: &Shape, columns: &[String]) -> Self {
        let marks = vec!["?"; columns.len()].join(", ");
        Self {
            fresh,
            insert: format!(
                "INSERT OR IGNORE INTO {} ({}) VALUES ({marks})",
                quote(&shape.name),
                list(columns)
            ),
        }
    }

    /// Writes rows; how many were not there yet.
    pub(super) fn put(&self, rows: &[Values]) -> Result<u64> {
        let mut statement = self.fresh.prepare_cached(&self.insert).map_sqlite()?;
        rows.iter().try_fold(0, |saved, row| {
            let new = statement.execute(params_from_iter(row)).map_sqlite()?;
            Ok(saved + new as u64)
        })
    }
}

/// Copies what can be read of a table. Returns how many rows that is, and how many are lost.
pub(super) fn copy(
    source: &mut Source<'_>,
    target: &Target<'_>,
    shape: &Shape,
    columns: &[String],
) -> Result<(u64, Lost)> {
    let total = count_by_index(source, shape)?;
    let (bounds, exact) = bounds(source, shape)?;
    let sql = format!(
        "SELECT _rowid_, {} FROM {} WHERE _rowid_ BETWEEN ?1 AND ?2 ORDER BY _rowid_
           LIMIT ?3",
        list(columns),
        quote(&shape.name)
    );
    let (mut saved, mut unreadable, mut halvings) = (0, 0_u64, 0);
    let mut left: Vec<(i64, i64)> = bounds.into_iter().collect();
    while let Some((from, to)) = left.pop() {
        let batch = source.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            // Without the limit SQLite would look beyond the last row, at a page that may be damaged.
            let most = to.abs_diff(from).saturating_add(1).min(BATCH_ROWS as u64);
            let mut rows = statement.query(params![from, to, most as i64])?;
            let mut batch = Batch::default();
            while !batch.is_full()
                && let Some(row) = rows.next()?
            {
                batch.last = row.get(0)?;
                batch.take(row, 1, columns.len())?;
            }
            Ok(batch)
        })?;
        match batch {
            Some(batch) => {
                saved += target.put(&batch.rows)?;
                if batch.is_full() && batch.last < to {
                    left.push((batch.last + 1, to));
                }
            }
            None if from == to || halvings == HALVINGS => {
                unreadable = unreadable
                    .saturating_add(to.abs_diff(from))
                    .saturating_add(1);
            }
            None => {
                halvings += 1;
                let middle = from.midpoint(to).min(to - 1);
                left.push((middle + 1, to));
                left.push((from, middle));
            }
        }
    }
    let lost = match total {
        Some(total) => Lost::Exactly(total.saturating_sub(saved)),
        None if !exact => Lost::Unknown,
        None if unreadable == 0 => Lost::Exactly(0),
        None => Lost::AtMost(unreadable),
    };
    Ok((saved, lost))
}

/// Rows read together.
#[derive(Default)]
pub(super) struct Batch {
    pub rows: Vec<Values>,
    bytes: usize,
    last: i64,
}

impl Batch {
    pub(super) const fn is_full(&self) -> bool {
        self.rows.len() >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// Takes columns of a row, from one on.
    pub(super) fn take(
        &mut self,
        row: &Row<'_>,
        first: usize,
        count: usize,
    ) -> rusqlite::Result<()> {
        let values = (first..first + count)
            .map(|column| row.get::<_, Value>(column))
            .collect::<rusqlite::Result<Values>>()?;
        self.bytes += values.iter().map(size).sum::<usize>();
        self.rows.push(values);
        Ok(())
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 8,
    }
}

/// How many rows there are, by an index that can be read.
fn count_by_index(source: &mut Source<'_>, shape: &Shape) -> Result<Option<u64>> {
    for (index, _) in &shape.indexes {
        let sql = format!(
            "SELECT count(*) FROM {} INDEXED BY {}",
            quote(&shape.name),
            quote(index)
        );
        let count = source.read(|c| c.query_row(&sql, [], |row| row.get::<_, i64>(0)))?;
        if let Some(count) = count {
            return Ok(Some(count.unsigned_abs()));
        }
    }
    Ok(None)
}

/// The first and the last rowid, and whether that is certain; no bounds for an empty table.
fn bounds(source: &mut Source<'_>, shape: &Shape) -> Result<(Option<(i64, i64)>, bool)> {
    let table = quote(&shape.name);
    let mut one =
        |sql: String| source.read(|c| c.query_row(&sql, [], |row| row.get::<_, Option<i64>>(0)));
    let by_index = |end: &str| -> Vec<String> {
        let indexes = shape.indexes.iter();
        indexes
            .map(|(index, _)| {
                format!(
                    "SELECT {end}(_rowid_) FROM {table} INDEXED BY {}",
                    quote(index)
                )
            })
            .collect()
    };
    let mut end = |end: &str| -> Result<Option<Option<i64>>> {
        let mut ways = vec![format!("SELECT {end}(_rowid_) FROM {table}")];
        ways.extend(by_index(end));
        for sql in ways {
            if let Some(found) = one(sql)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    };
    let (first, last) = (end("min")?, end("max")?);
    match (first, last) {
        (Some(Some(first)), Some(Some(last))) => Ok((Some((first, last)), true)),
        (Some(None), _) | (_, Some(None)) => Ok((None, true)),
        (first, Some(Some(last))) => Ok((Some((first.flatten().unwrap_or(1), last)), true)),
        (first, None) => {
            // Rowids begin at 1 and have few gaps: beyond the last that is found in steps of twice
            // the size, one more such step is likely to have the rest. That is not certain.
            let first = first.flatten().unwrap_or(1);
            let mut last = None;
            for power in 0..40 {
                let from = 1_i64 << power;
                let sql = format!("SELECT min(_rowid_) FROM {table} WHERE _rowid_ >= {from}");
                if let Some(Some(found)) = one(sql)? {
                    last = last.max(Some(found));
                }
            }
            Ok((last.map(|last: i64| (first, last.saturating_mul(2))), false))
        }
    }
}
