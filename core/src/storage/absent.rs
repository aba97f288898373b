//! What a pull of everything did not hold, nor the first pull after it was sent.
//!
//! Which records it held is remembered in a filter of fixed size: a record may be taken for seen
//! that was not, and is found by the next pull of everything; never the other way round.

use std::hash::{DefaultHasher, Hash, Hasher};

use rusqlite::{Connection, params};

use super::errors::MapSqlite;
use super::outbox;
use super::table_sql::quote;
use crate::error::Result;
use crate::model::schema::{Table, TableIndex};

const MIN_BITS: u64 = 1 << 19;
const MAX_BITS: u64 = 1 << 27;
const BITS_PER_RECORD: u64 = 16;
const PROBES: u64 = 4;

/// The records that were seen.
pub(super) struct Seen {
    words: Vec<u64>,
}

impl Seen {
    /// For about so many records.
    pub(super) fn for_records(count: u64) -> Self {
        let bits = count
            .saturating_mul(BITS_PER_RECORD)
            .clamp(MIN_BITS, MAX_BITS)
            .next_power_of_two();
        Self {
            words: vec![0; (bits / 64) as usize],
        }
    }

    pub(super) fn add(&mut self, table: TableIndex, id: &str) {
        for (word, bit) in self.places(table, id) {
            self.words[word] |= bit;
        }
    }

    pub(super) fn holds(&self, table: TableIndex, id: &str) -> bool {
        self.places(table, id)
            .all(|(word, bit)| self.words[word] & bit != 0)
    }

    fn places(&self, table: TableIndex, id: &str) -> impl Iterator<Item = (usize, u64)> + use<> {
        let mut hasher = DefaultHasher::new();
        (table, id).hash(&mut hasher);
        let first = hasher.finish();
        let step = first.rotate_left(32) | 1;
        let bits = self.words.len() as u64 * 64;
        (0..PROBES).map(move |i| {
            let bit = first.wrapping_add(step.wrapping_mul(i)) % bits;
            ((bit / 64) as usize, 1 << (bit % 64))
        })
    }
}

/// Some of the stored records of a table that were not seen and have nothing waiting in the outbox.
pub(super) struct Unseen {
    pub ids: Vec<String>,
    /// Where to look on.
    pub next: Option<i64>,
}

/// The unseen ones from a row number on, so many at most: where a peer keeps a history, most of what is
/// stored may be older.
pub(super) fn unseen(
    connection: &Connection,
    index: TableIndex,
    table: &Table,
    seen: &Seen,
    (from, limit): (i64, u64),
) -> Result<Unseen> {
    let name = quote(&table.name);
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT _rowid_, id FROM {name} WHERE _rowid_ >= ? ORDER BY _rowid_"
        ))
        .map_sqlite()?;
    let mut rows = statement.query([from]).map_sqlite()?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        if ids.len() as u64 >= limit {
            let next = Some(row.get(0).map_sqlite()?);
            return Ok(Unseen { ids, next });
        }
        let id = row.get_ref(1).map_sqlite()?;
        let id = id.as_str().map_err(|_| outbox::damaged())?;
        if !seen.holds(index, id) && outbox::find(connection, table, id)?.is_none() {
            ids.push(id.to_owned());
        }
    }
    Ok(Unseen { ids, next: None })
}

/// Marks a record; true if it was not marked before.
pub(super) fn mark(connection: &Connection, table: &str, id: &str, now_ms: i64) -> Result<bool> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO amana_absent (table_name, record_id, since_ms)
             VALUES (?, ?, ?)",
        )
        .and_then(|mut statement| statement.execute(params![table, id, now_ms]))
        .map(|count| count > 0)
        .map_sqlite()
}

/// Whether a record is marked.
pub(super) fn is_marked(connection: &Connection, table: &str, id: &str) -> Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM amana_absent WHERE table_name = ? AND record_id = ?)",
        )
        .and_then(|mut statement| statement.query_row([table, id], |row| row.get(0)))
        .map_sqlite()
}

/// The record came again, or is deleted.
pub(super) fn unmark(connection: &Connection, table: &str, id: &str) -> Result<()> {
    connection
        .prepare_cached("DELETE FROM amana_absent WHERE table_name = ? AND record_id = ?")
        .and_then(|mut statement| statement.execute([table, id]))
        .map(|_| ())
        .map_sqlite()
}

/// Whether any record is marked.
pub(super) fn any(connection: &Connection) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_absent)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_never_forgotten_and_little_else_is_taken_for_seen() {
        let mut seen = Seen::for_records(10_000);
        for number in 0..10_000 {
            seen.add(TableIndex(3), &format!("id-{number}"));
        }
        assert!((0..10_000).all(|number| seen.holds(TableIndex(3), &format!("id-{number}"))));
        let wrong = (0..10_000)
            .filter(|number| seen.holds(TableIndex(4), &format!("id-{number}")))
            .count();
        assert!(wrong < 10, "{wrong}");
    }
}
