//! Reads a table without rowids around its damage: from both ends, and row by row with the keys that
//! an index still knows.

use rusqlite::params_from_iter;

use super::super::errors::MapSqlite;
use super::super::table_sql::quote;
use super::rows::{Batch, Target, Values};
use super::source::{Shape, Source, list};
use crate::error::Result;
use crate::model::salvage::Lost;

/// So many rows that cannot be read one by one: each costs a connection.
const FAILURES: u32 = 20_000;

/// Copies what can be read.
pub(super) fn copy(
    source: &mut Source<'_>,
    target: &Target<'_>,
    shape: &Shape,
    columns: &[String],
) -> Result<(u64, Lost)> {
    let mut reading = Reading {
        shape,
        columns,
        saved: 0,
        failures: 0,
    };
    if reading.read_from_end(source, target, false)? {
        return Ok((reading.saved, Lost::Exactly(0)));
    }
    reading.read_from_end(source, target, true)?;
    let mut total = None;
    for index in &shape.indexes {
        let (keys, whole) = reading.keys_by_index(source, index)?;
        if whole {
            total = Some(keys.len() as u64);
        }
        for key in keys {
            reading.one(source, target, &key)?;
        }
    }
    let lost = match total {
        Some(total) => Lost::Exactly(total.saturating_sub(reading.saved)),
        None => Lost::Unknown,
    };
    Ok((reading.saved, lost))
}

struct Reading<'a> {
    shape: &'a Shape,
    columns: &'a [String],
    saved: u64,
    failures: u32,
}

impl Reading<'_> {
    /// Reads in the order of the key until something cannot be read; whether that was the other end.
    fn read_from_end(
        &mut self,
        source: &mut Source<'_>,
        target: &Target<'_>,
        backwards: bool,
    ) -> Result<bool> {
        let key = list(&self.shape.key);
        let marks = vec!["?"; self.shape.key.len()].join(", ");
        let (beyond, order) = if backwards { ("<", " DESC") } else { (">", "") };
        let sorted: Vec<String> = self
            .shape
            .key
            .iter()
            .map(|column| format!("{}{order}", quote(column)))
            .collect();
        let select = |condition: &str| {
            format!(
                "SELECT {key}, {} FROM {}{condition} ORDER BY {}",
                list(self.columns),
                quote(&self.shape.name),
                sorted.join(", ")
            )
        };
        let first = select("");
        let next = select(&format!(" WHERE ({key}) {beyond} ({marks})"));
        let width = self.shape.key.len();
        let mut after: Option<Values> = None;
        let mut one_by_one = false;
        loop {
            let sql = if after.is_some() { &next } else { &first };
            let batch = source.read(|connection| {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(params_from_iter(after.iter().flatten()))?;
                let (mut batch, mut key) = (Batch::default(), None);
                let is_enough =
                    |batch: &Batch| batch.is_full() || (one_by_one && !batch.rows.is_empty());
                while !is_enough(&batch)
                    && let Some(row) = rows.next()?
                {
                    key = Some(
                        (0..width)
                            .map(|i| row.get(i))
                            .collect::<rusqlite::Result<Values>>()?,
                    );
                    batch.take(row, width, self.columns.len())?;
                }
                Ok((batch, key))
            })?;
            match batch {
                Some((_, None)) => return Ok(true),
                Some((batch, key)) => {
                    self.saved += target.put(&batch.rows)?;
                    after = key;
                }
                None if one_by_one => return Ok(false),
                None => one_by_one = true,
            }
        }
    }

    /// The keys that an index knows, and whether that is all of them.
    fn keys_by_index(
        &self,
        source: &mut Source<'_>,
        (index, sorted_by): &(String, Vec<String>),
    ) -> Result<(Vec<Values>, bool)> {
        let width = self.shape.key.len();
        let mut all: Vec<Values> = Vec::new();
        for order in ["", " DESC"] {
            let sorted: Vec<String> = sorted_by
                .iter()
                .map(|column| format!("{}{order}", quote(column)))
                .collect();
            let sql = format!(
                "SELECT {} FROM {} INDEXED BY {} ORDER BY {}",
                list(&self.shape.key),
                quote(&self.shape.name),
                quote(index),
                sorted.join(", ")
            );
            let mut keys: Vec<Values> = Vec::new();
            let whole = source.read(|connection| {
                let mut statement = connection.prepare(&sql)?;
                let mut rows = statement.query([])?;
                while let Some(row) = rows.next()? {
                    keys.push(
                        (0..width)
                            .map(|i| row.get(i))
                            .collect::<rusqlite::Result<_>>()?,
                    );
                }
                Ok(())
            })?;
            // Also what came before the damage: a wrong key finds nothing.
            all.append(&mut keys);
            if whole.is_some() {
                return Ok((all, true));
            }
        }
        Ok((all, false))
    }

    /// Copies the row of one key, unless it was copied already.
    fn one(&mut self, source: &mut Source<'_>, target: &Target<'_>, key: &Values) -> Result<()> {
        let conditions: Vec<String> = self
            .shape
            .key
            .iter()
            .map(|column| format!("{} = ?", quote(column)))
            .collect();
        let from = format!(
            "FROM {} WHERE {}",
            quote(&self.shape.name),
            conditions.join(" AND ")
        );
        let is_there = target
            .fresh
            .prepare_cached(&format!("SELECT EXISTS (SELECT 1 {from})"))
            .and_then(|mut statement| {
                statement.query_row(params_from_iter(key), |row| row.get::<_, bool>(0))
            })
            .map_sqlite()?;
        if is_there || self.failures == FAILURES {
            return Ok(());
        }
        let sql = format!("SELECT {} {from}", list(self.columns));
        let found = source.read(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let mut rows = statement.query(params_from_iter(key))?;
            let mut batch = Batch::default();
            if let Some(row) = rows.next()? {
                batch.take(row, 0, self.columns.len())?;
            }
            Ok(batch)
        })?;
        match found {
            Some(batch) => self.saved += target.put(&batch.rows)?,
            None => self.failures += 1,
        }
        Ok(())
    }
}
