//! Saves what can be read of a damaged database into a fresh one under the same key. Owns the order
//! of the steps on the disk; reading around damage is `rows`' and `keyed`'s part.
//!
//! ```text
//! 1  database, -wal, -journal   copied to damaged/N.partial, then renamed to damaged/N
//! 2  database.salvaging         filled from what can be read, closed
//! 3  database.salvaged          the same file, whole: from here on it is the database
//! 4  the old journals go, then database.salvaged becomes the database
//! ```
//!
//! A kill before 3 leaves the damaged database in its place; after 3 the next opening goes on with 4
//! (`finish_salvage`). Nothing is deleted of which there is no copy.

mod files;
mod keyed;
mod rows;
mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::Connection;

use super::connection::{self, Access};
use super::errors::MapSqlite;
use super::schema_tables::{self, read_meta, write_meta};
use super::table_sql::quote;
use super::{migrations, peers};
use crate::error::{Error, ErrorCode, Result};
use crate::model::salvage::{Lost, SalvageReport, TableKind, TableSalvage};
use crate::model::schema::{Direction, Schema};
use crate::secret::DatabaseKey;

pub use files::{finish_salvage, has_salvage, salvage_needs};
use source::{Shape, Source};

/// What a salvage needs.
#[derive(Debug)]
pub struct SalvageOptions<'a> {
    /// The damaged database, which nobody has open.
    pub path: &'a Path,
    /// Its key, proven right.
    pub key: &'a DatabaseKey,
    /// The record tables.
    pub schema: Arc<Schema>,
    /// Where copies of damaged databases are kept.
    pub copies: &'a Path,
}

/// Copies the damaged database aside, and puts what can be read of it in its place.
///
/// # Errors
/// `storage_full`, `storage_busy`, `storage_too_new`: the damaged database is then still in its
/// place. `database_damaged` where its schema is not one that the given one could have grown from.
pub fn salvage(options: &SalvageOptions<'_>) -> Result<SalvageReport> {
    finish_salvage(options.path)?;
    let copy = files::copy_aside(options.path, options.copies)?;
    let fresh_path = files::begin(options.path)?;
    let report = fill(options, &fresh_path, copy)?;
    connection::assert_encrypted(&fresh_path)?;
    files::seal(options.path)?;
    finish_salvage(options.path)?;
    Ok(report)
}

fn fill(options: &SalvageOptions<'_>, fresh: &Path, copy: PathBuf) -> Result<SalvageReport> {
    let mut source = Source::open(options.path, options.key)?;
    let version = source.as_mut().map_or(Ok(None), Source::version)?;
    let mut fresh = connection::open(fresh, options.key, Access::Write)?;
    connection::set_cache_kib(&fresh, connection::APPLY_CACHE_KIB)?;
    // The rows are of the version that they were written by.
    migrations::run_to(&mut fresh, version.unwrap_or(migrations::newest()))?;
    if let Some(source) = &mut source
        && let Some((version, shape)) = source.described()?
    {
        schema_tables::check_growth(&version, &shape, &options.schema)?;
    }
    schema_tables::prepare(&mut fresh, &options.schema)?;
    let mut tables = copy_tables(options, source.as_mut(), &fresh)?;
    migrations::run(&mut fresh)?;
    let outbox_without_record = settle_outbox(&fresh, &options.schema)?;
    settle_revision(&fresh)?;
    let is_pulled = |name: &str| {
        let found = options.schema.find(name);
        found.is_some_and(|t| options.schema.table(t).direction != Direction::Local)
    };
    let full_pull_due = source.is_none()
        || tables
            .iter()
            .any(|t| is_pulled(&t.table) && !t.lost.is_nothing())
        || tables
            .iter()
            .any(|t| t.kind == TableKind::Outbox && !t.lost.is_nothing());
    if full_pull_due {
        // Beside it, the changes since the cursor: only they tell of deletions.
        peers::want_everything(&fresh)?;
    }
    tables.sort_by_key(|table| (table.kind as u8, table.table.clone()));
    connection::checkpoint(&fresh)?;
    fresh.close().map_err(|(_, error)| error).map_sqlite()?;
    Ok(SalvageReport {
        copy,
        description_readable: source.is_some(),
        tables,
        outbox_without_record,
        full_pull_due,
    })
}

/// Copies every table of the fresh database.
fn copy_tables(
    options: &SalvageOptions<'_>,
    mut source: Option<&mut Source<'_>>,
    fresh: &Connection,
) -> Result<Vec<TableSalvage>> {
    let mut shapes = source::shapes(fresh)?;
    let kind = |shape: &Shape| match &*shape.name {
        "amana_entry" | "amana_outbox" => TableKind::Outbox,
        "amana_kv" => TableKind::KeyValues,
        name if options.schema.find(name).is_some() => TableKind::Records,
        _ => TableKind::Books,
    };
    shapes.sort_by_key(|shape| kind(shape) as u8);
    let mut done = Vec::with_capacity(shapes.len());
    for shape in &shapes {
        let (saved, lost) = match &mut source {
            None => (0, Lost::Unknown),
            Some(source) => {
                fresh.execute_batch("BEGIN IMMEDIATE").map_sqlite()?;
                let outcome = copy_table(source, fresh, shape)?;
                fresh.execute_batch("COMMIT").map_sqlite()?;
                outcome
            }
        };
        done.push(TableSalvage {
            table: shape.name.clone(),
            kind: kind(shape),
            saved,
            lost,
        });
    }
    Ok(done)
}

fn copy_table(source: &mut Source<'_>, fresh: &Connection, shape: &Shape) -> Result<(u64, Lost)> {
    let Some(found) = source.shape(&shape.name)? else {
        // A table that the damaged database's version did not have yet.
        return Ok((0, Lost::Exactly(0)));
    };
    let columns = shape.common_columns(&found);
    let target = rows::Target::new(fresh, shape, &columns);
    if found.has_rowid {
        rows::copy(source, &target, &found, &columns)
    } else {
        keyed::copy(source, &target, &found, &columns)
    }
}

/// Removes entries whose record was not saved: a push would find nothing to send, and stop there.
fn settle_outbox(fresh: &Connection, schema: &Schema) -> Result<u64> {
    let mut removed = 0;
    for (_, table) in schema.tables() {
        let sql = format!(
            "DELETE FROM amana_entry WHERE state = 0 AND table_name = ?1 AND kind <> 2
               AND NOT EXISTS (SELECT 1 FROM {} WHERE id = record_id)",
            quote(&table.name)
        );
        removed += fresh.execute(&sql, [&table.name]).map_sqlite()? as u64;
    }
    // What is kept of an entry for one peer goes with the entry.
    for table in ["amana_mark", "amana_aside"] {
        let sql = format!(
            "DELETE FROM {table} WHERE NOT EXISTS
               (SELECT 1 FROM amana_entry o INDEXED BY amana_entry_by_record WHERE o.state = 0
               AND o.table_name = {table}.table_name AND o.record_id = {table}.record_id)"
        );
        fresh.execute(&sql, []).map_sqlite()?;
    }
    Ok(removed)
}

/// A revision is given once: the next must be after every one that an entry has.
fn settle_revision(fresh: &Connection) -> Result<()> {
    let kept = read_meta(fresh, "revision")?.and_then(|text| text.parse::<i64>().ok());
    let used: Option<i64> = fresh
        .query_row("SELECT max(revision) FROM amana_entry", [], |row| {
            row.get(0)
        })
        .map_sqlite()?;
    match kept.max(used) {
        Some(revision) => write_meta(fresh, "revision", &revision.to_string()),
        None => Ok(()),
    }
}

const fn unusable() -> Error {
    Error::new(
        ErrorCode::StorageBusy,
        "the damaged database's files cannot be read or written",
    )
}
