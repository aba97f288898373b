//! Stored rows for assertions: everything, deleted and invisible rows included.

use crate::print::{column_list, write_row};
use crate::schema::Table;
use crate::store::Store;

/// How many rows a table holds.
pub(crate) fn count(store: &Store, table: &Table) -> rusqlite::Result<i64> {
    let sql = format!("SELECT count(*) FROM \"{}\"", table.name);
    store.reader()?.query_row(&sql, [], |row| row.get(0))
}

/// The rows of a table as a JSON array, in the forms of the wire.
pub(crate) fn text(store: &Store, table: &Table, zone_minutes: i32) -> rusqlite::Result<String> {
    let database = store.reader()?;
    let sql = format!(
        "SELECT {} FROM \"{}\" ORDER BY rowid",
        column_list(table),
        table.name
    );
    let mut statement = database.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut out = vec![b'['];
    while let Some(row) = rows.next()? {
        if out.len() > 1 {
            out.push(b',');
        }
        write_row(table, row, zone_minutes, &mut out)?;
    }
    out.push(b']');
    Ok(String::from_utf8_lossy(&out).into_owned())
}
