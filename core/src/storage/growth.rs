//! For tests: a database file that may grow no further, as on a disk that is full.

use super::Database;
use super::errors::MapSqlite;
use crate::pending::Pending;

/// As many as a file can have.
const NO_LIMIT: i64 = 0xffff_fffe;

impl Database {
    /// Lets the file grow by so many pages and no more; by any number with `None`. Holds until the
    /// database is closed. What needs more fails as SQLite fails where the disk is full.
    pub fn limit_growth(&self, pages: Option<u32>) -> Pending<()> {
        self.writer(move |state| {
            let connection = &state.connection;
            let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            let limit = match pages {
                Some(pages) => {
                    let now = connection
                        .query_row("PRAGMA page_count", [], count)
                        .map_sqlite()?;
                    now + i64::from(pages)
                }
                None => NO_LIMIT,
            };
            connection
                .query_row(&format!("PRAGMA max_page_count = {limit}"), [], count)
                .map(|_| ())
                .map_sqlite()
        })
    }
}
