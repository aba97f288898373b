//! The hub's stored rows for assertions, and what empties them.

use serde::Deserialize;

use super::app::HubApp;
use super::changes::{column_list, write_row};
use super::tables::{DELETED, SERVED, Table};
use crate::print::write_text;
use crate::schema::PUSH_ORDER;
use crate::store::Store;

/// What a hub loses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wipe {
    /// All records of patients and all sessions; people and settings stay.
    Records,
    /// Everything, people and settings too. Nobody can sign in until it has met its cloud.
    Everything,
}

/// Empties tables and forgets sessions and the cloud's watermark. The key pair stays, as it does
/// where a hub is restored from its registration.
pub(super) fn wipe(app: &HubApp, what: Wipe) -> rusqlite::Result<()> {
    let names: Vec<&str> = match what {
        Wipe::Records => PUSH_ORDER.iter().map(|table| table.name).collect(),
        Wipe::Everything => SERVED.iter().map(|table| table.name).collect(),
    };
    let database = app.store.writer();
    for name in names {
        database.execute(&format!("DELETE FROM \"{name}\""), [])?;
    }
    database.execute("DELETE FROM hub_state", [])?;
    drop(database);
    app.sessions.forget();
    Ok(())
}

/// Whether nobody is known yet.
pub(super) fn is_empty(store: &Store) -> rusqlite::Result<bool> {
    store
        .writer()
        .query_row("SELECT count(*) = 0 FROM users", [], |row| row.get(0))
}

/// How many rows a table holds, deleted ones included.
pub(super) fn count(app: &HubApp, table: &Table) -> rusqlite::Result<i64> {
    let sql = format!("SELECT count(*) FROM \"{}\"", table.name);
    app.store.reader()?.query_row(&sql, [], |row| row.get(0))
}

/// Every row of a table as a JSON array in the forms of the wire. `is_gone` is added: whether
/// the hub announces the row as deleted, which the columns of the wire do not tell.
pub(super) fn rows_text(app: &HubApp, table: &Table) -> rusqlite::Result<String> {
    let database = app.store.reader()?;
    let sql = format!(
        "SELECT {}, {DELETED} IS NOT NULL FROM \"{}\" ORDER BY rowid",
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
        write_row(table, row, &mut out)?;
        let gone: bool = row.get(table.columns.len())?;
        out.pop();
        out.push(b',');
        write_text("is_gone", &mut out);
        out.extend_from_slice(if gone { b":true}" } else { b":false}" });
    }
    out.push(b']');
    Ok(String::from_utf8_lossy(&out).into_owned())
}
