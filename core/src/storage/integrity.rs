//! Looks at every page of a database, tree by tree: a damaged page is otherwise unnoticed until it is
//! read. Decides nothing about when.
//!
//! Reading a page through SQLCipher checks its authentication code. Free pages are not read: nothing is
//! in them.

use std::sync::Arc;

use rusqlite::Connection;

use super::connection::is_sound;
use super::database::Database;
use super::errors::MapSqlite;
use super::opener::Opener;
use crate::cancel::CancelToken;
use crate::error::{ErrorCode, Result};
use crate::pending::Pending;

/// Hears how a look goes on, on the thread that looks.
pub trait IntegritySink: Send {
    /// So many trees there are.
    fn begun(&mut self, trees: u32);
    /// One more tree was looked at.
    fn looked(&mut self, damaged: bool);
}

/// How often a cancel is looked for, in pages.
const PAGES_BETWEEN: u32 = 16;

impl Database {
    /// Looks at all trees but the first `skip`, on a connection of its own and a reader's thread.
    /// `cancelled` as soon as the token is; the sink knows how far it came.
    pub fn check_pages(
        &self,
        skip: u32,
        mut sink: impl IntegritySink + 'static,
        cancel: CancelToken,
    ) -> Pending<()> {
        let opener = self.opener();
        self.on_reader(move || check(&opener, skip, &mut sink, &cancel))
    }
}

fn check(
    opener: &Arc<Opener>,
    skip: u32,
    sink: &mut dyn IntegritySink,
    cancel: &CancelToken,
) -> Result<()> {
    let mut connection = opener.reader()?;
    let trees = trees(&connection)?;
    sink.begun(u32::try_from(trees.len()).unwrap_or(u32::MAX));
    for tree in trees.iter().skip(skip as usize) {
        let outcome = read_tree(&connection, tree, cancel);
        let is_damaged = match outcome {
            Ok(()) => !is_sound(&connection)?,
            Err(error) if error.code() == ErrorCode::DatabaseDamaged => true,
            Err(error) => return Err(error),
        };
        sink.looked(is_damaged);
        if is_damaged {
            connection = opener.reader()?;
        }
    }
    Ok(())
}

/// Tables and indexes, in an order that stays while the schema does.
fn trees(connection: &Connection) -> Result<Vec<String>> {
    connection
        .prepare("SELECT name FROM sqlite_schema WHERE rootpage > 0 ORDER BY rootpage")
        .map_sqlite()?
        .query_map([], |row| row.get(0))
        .map_sqlite()?
        .collect::<rusqlite::Result<Vec<String>>>()
        .map_sqlite()
        .map(|mut names| {
            names.insert(0, "sqlite_schema".to_owned());
            names
        })
}

fn read_tree(connection: &Connection, tree: &str, cancel: &CancelToken) -> Result<()> {
    let mut statement = connection
        .prepare_cached("SELECT pageno FROM dbstat WHERE name = ?")
        .map_sqlite()?;
    let mut pages = statement.query([tree]).map_sqlite()?;
    let mut since = 0;
    cancel.check()?;
    while pages.next().map_sqlite()?.is_some() {
        since += 1;
        if since == PAGES_BETWEEN {
            since = 0;
            cancel.check()?;
        }
    }
    Ok(())
}
