//! Queries: from the closed form to SQL with bound values, and results in pages.

use rusqlite::{Connection, params_from_iter};

use super::errors::MapSqlite;
use super::related::Related;
use super::table_sql::quote;
use super::transaction::Context;
use super::values;
use crate::error::{Error, ErrorCode, Result};
use crate::model::filter::{Comparison, Condition, Query};
use crate::model::ids::RecordId;
use crate::model::schema::{Role, Table, TableIndex};
use crate::model::value::Value;

/// A page ends behind the record with which it gets larger than this.
const MAX_PAGE_BYTES: usize = 8 * 1024 * 1024;

/// What small pages have room in, as text.
const PAGE_BYTES: usize = 16 * 1024;

/// What most records have room in, as text.
const RECORD_BYTES: usize = 1024;

/// A page as JSON text: `{"columns":[…],"rows":[[…],…],"next_offset":N|null}`, and behind that
/// `"included":[{"table":…,"columns":[…],"rows":[[…],…]},…]` where the query includes relations, in the
/// order in which it names them.
pub(super) fn page(
    connection: &Connection,
    context: &Context,
    index: TableIndex,
    query: &Query,
) -> Result<String> {
    let table = context.schema.table(index);
    let mut sql = Sql::new(table);
    let condition = sql.condition(&query.condition);
    let mut order: Vec<String> = query
        .order
        .iter()
        .map(|(position, descending)| {
            format!(
                "{}{}",
                sql.operand(*position),
                if *descending { " DESC" } else { "" }
            )
        })
        .collect();
    order.push("id".to_owned());
    // Rows are sorted by themselves, and read one by one afterwards: a sort would copy whole records
    // twice, and an offset would read records that nobody sees. No column can be named `_rowid_`.
    let text = format!(
        "SELECT _rowid_ FROM {} WHERE {condition} ORDER BY {} LIMIT ? OFFSET ?",
        quote(&table.name),
        order.join(", "),
    );
    // One more than asked for tells whether there is a next page.
    sql.values.push(Value::Integer(i64::from(query.limit) + 1));
    sql.values.push(Value::Integer(i64::from(query.offset)));

    let mut wanted = connection.prepare_cached(&text).map_sqlite()?;
    let mut wanted = wanted.query(params_from_iter(&sql.values)).map_sqlite()?;
    let texts = context.sql.table(index);
    let mut find = connection.prepare_cached(&texts.find_row).map_sqlite()?;
    let mut related = Related::new(&query.include);
    let mut out = String::with_capacity(PAGE_BYTES);
    out.push('{');
    out.push_str(&texts.page_head);
    let mut count = 0;
    let mut more = false;
    while let Some(row) = wanted.next().map_sqlite()? {
        // Bounded in bytes too: the rest is the next page.
        if count == query.limit || (count > 0 && out.len() > MAX_PAGE_BYTES) {
            more = true;
            break;
        }
        if count > 0 {
            out.push(',');
        }
        let rowid: i64 = row.get(0).map_sqlite()?;
        let mut rows = find.query([rowid]).map_sqlite()?;
        let found = rows.next().map_sqlite()?.ok_or_else(damaged)?;
        write_row(table, found, &mut out)?;
        related.gather(found)?;
        count += 1;
    }
    out.push_str("],\"next_offset\":");
    if more {
        out.push_str(&(u64::from(query.offset) + u64::from(count)).to_string());
    } else {
        out.push_str("null");
    }
    related.write(connection, context, &mut out)?;
    out.push('}');
    Ok(out)
}

/// A record as a JSON object, or none.
pub(super) fn record(
    connection: &Connection,
    context: &Context,
    index: TableIndex,
    id: &RecordId,
) -> Result<Option<String>> {
    let table = context.schema.table(index);
    let texts = context.sql.table(index);
    let mut statement = connection.prepare_cached(&texts.find).map_sqlite()?;
    let mut rows = statement.query([id.as_str()]).map_sqlite()?;
    let Some(found) = rows.next().map_sqlite()? else {
        return Ok(None);
    };
    let mut out = String::with_capacity(RECORD_BYTES);
    for (position, key) in &texts.keys {
        out.push_str(key);
        let cell = found.get_ref(*position).map_sqlite()?;
        values::write_cell(&table.columns[*position], cell, &mut out)?;
    }
    out.push('}');
    Ok(Some(out))
}

/// How many records a condition fits.
pub(super) fn count(
    connection: &Connection,
    context: &Context,
    index: TableIndex,
    condition: &Condition,
) -> Result<u64> {
    let table = context.schema.table(index);
    let mut sql = Sql::new(table);
    let condition = sql.condition(condition);
    let text = format!(
        "SELECT count(*) FROM {} WHERE {condition}",
        quote(&table.name)
    );
    connection
        .prepare_cached(&text)
        .and_then(|mut statement| {
            statement.query_row(params_from_iter(&sql.values), |row| row.get::<_, i64>(0))
        })
        .map(i64::unsigned_abs)
        .map_sqlite()
}

/// An index names a record that is not there.
fn damaged() -> Error {
    Error::new(ErrorCode::DatabaseDamaged, "a record cannot be read")
}

/// A row as a JSON array; the statement selects all columns of the table.
pub(super) fn write_row(table: &Table, found: &rusqlite::Row<'_>, out: &mut String) -> Result<()> {
    out.push('[');
    let visible = table.columns.iter().enumerate().filter(|(_, c)| !c.hidden);
    for (i, (position, column)) in visible.enumerate() {
        if i > 0 {
            out.push(',');
        }
        values::write_cell(column, found.get_ref(position).map_sqlite()?, out)?;
    }
    out.push(']');
    Ok(())
}

/// Builds the text of a condition; every value is bound, never written into the text.
struct Sql<'a> {
    table: &'a Table,
    values: Vec<Value>,
}

impl<'a> Sql<'a> {
    const fn new(table: &'a Table) -> Self {
        Self {
            table,
            values: Vec::new(),
        }
    }

    fn condition(&mut self, condition: &Condition) -> String {
        match condition {
            Condition::And(list) => self.join(list, " AND ", "1"),
            Condition::Or(list) => self.join(list, " OR ", "0"),
            // NOT of an unknown would be unknown: what does not hold is found, whatever the reason.
            Condition::Not(one) => format!("({} IS NOT TRUE)", self.condition(one)),
            Condition::Compare(position, comparison, value) => {
                let operator = match comparison {
                    Comparison::Eq => "=",
                    // Null is not equal to a value, and is found.
                    Comparison::Ne => "IS NOT",
                    Comparison::Lt => "<",
                    Comparison::Lte => "<=",
                    Comparison::Gt => ">",
                    Comparison::Gte => ">=",
                };
                let mark = self.bind(*position, value.clone());
                format!("{} {operator} {mark}", self.operand(*position))
            }
            Condition::In(position, list) => {
                let marks: Vec<String> = list
                    .iter()
                    .map(|value| self.bind(*position, value.clone()))
                    .collect();
                format!("{} IN ({})", self.operand(*position), marks.join(", "))
            }
            Condition::IsNull(position, wanted) => {
                let column = quote(&self.table.columns[*position].name);
                format!("{column} IS {}NULL", if *wanted { "" } else { "NOT " })
            }
            Condition::StartsWith(position, text) => {
                self.like(*position, format!("{}%", escape_like(text)))
            }
            Condition::Contains(position, text) => {
                self.like(*position, format!("%{}%", escape_like(text)))
            }
        }
    }

    fn join(&mut self, list: &[Condition], with: &str, empty: &str) -> String {
        if list.is_empty() {
            return empty.to_owned();
        }
        let parts: Vec<String> = list.iter().map(|c| self.condition(c)).collect();
        format!("({})", parts.join(with))
    }

    fn bind(&mut self, position: usize, value: Value) -> String {
        self.values.push(value);
        if self.is_decimal(position) {
            "CAST(? AS REAL)".to_owned()
        } else {
            "?".to_owned()
        }
    }

    /// Decimals are kept as text, but compare as numbers.
    fn operand(&self, position: usize) -> String {
        let column = quote(&self.table.columns[position].name);
        if self.is_decimal(position) {
            format!("CAST({column} AS REAL)")
        } else {
            column
        }
    }

    fn is_decimal(&self, position: usize) -> bool {
        self.table.columns[position].role == Role::Decimal
    }

    fn like(&mut self, position: usize, pattern: String) -> String {
        self.values.push(Value::Text(pattern));
        format!(
            "{} LIKE ? ESCAPE '\\'",
            quote(&self.table.columns[position].name)
        )
    }
}

fn escape_like(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
