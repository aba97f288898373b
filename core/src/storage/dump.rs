//! Every record with its outbox entry, for measurements and tests that compare stores.

use rusqlite::Connection;

use super::errors::MapSqlite;
use super::table_sql::quote;
use super::transaction::Context;
use super::{outbox, values};
use crate::error::Result;
use crate::model::change_set::OutboxEntry;
use crate::model::schema::Table;
use crate::model::value::Value;

/// Hears of one record: its table, id and values, and what waits of it.
pub type DumpVisitor = Box<dyn FnMut(&Table, &str, &[Value], Option<&OutboxEntry>) + Send>;

/// All records, tables in the schema's order and rows by id.
pub(super) fn dump(
    connection: &Connection,
    context: &Context,
    visit: &mut DumpVisitor,
) -> Result<()> {
    for (index, table) in context.schema.tables() {
        let sql = format!(
            "SELECT {} FROM {} ORDER BY id",
            context.sql.table(index).columns,
            quote(&table.name)
        );
        let mut statement = connection.prepare(&sql).map_sqlite()?;
        let mut rows = statement.query([]).map_sqlite()?;
        while let Some(row) = rows.next().map_sqlite()? {
            let record = values::read_record(row, table).map_sqlite()?;
            let id = record[0].as_text().unwrap_or_default().to_owned();
            let entry = outbox::find(connection, table, &id)?;
            visit(table, &id, &record, entry.as_ref());
        }
    }
    Ok(())
}
