//! The texts of each record table, of SQL and of JSON, made once from the schema.

use crate::model::row;
use crate::model::schema::{Column, Role, Schema, Table, TableIndex};

/// Texts of the statements that run for every record.
pub(super) struct TableSql {
    /// All columns and the rowid, by id.
    pub find: String,
    /// All columns, positional.
    pub insert: String,
    /// The same, unless there is a record with the id.
    pub insert_new: String,
    /// By id.
    pub delete: String,
    /// The list of all columns.
    pub columns: String,
    /// All columns by rowid.
    pub find_row: String,
    /// What stands before each shown column's value in a record's JSON object, with its position.
    pub keys: Vec<(usize, String)>,
    /// What stands before the records of a page: `"columns":[…],"rows":[`.
    pub page_head: String,
}

/// The texts for all tables of a schema, by index.
pub(super) struct SchemaSql(Vec<TableSql>);

impl SchemaSql {
    pub(super) fn new(schema: &Schema) -> Self {
        Self(
            schema
                .tables()
                .map(|(_, table)| TableSql::new(table))
                .collect(),
        )
    }

    pub(super) fn table(&self, index: TableIndex) -> &TableSql {
        &self.0[usize::from(index.0)]
    }
}

impl TableSql {
    fn new(table: &Table) -> Self {
        let name = quote(&table.name);
        let columns = table
            .columns
            .iter()
            .map(|c| quote(&c.name))
            .collect::<Vec<_>>()
            .join(", ");
        let marks = vec!["?"; table.columns.len()].join(", ");
        Self {
            find: format!("SELECT {columns}, _rowid_ FROM {name} WHERE id = ?"),
            insert: format!("INSERT INTO {name} ({columns}) VALUES ({marks})"),
            insert_new: format!(
                "INSERT INTO {name} ({columns}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"
            ),
            delete: format!("DELETE FROM {name} WHERE id = ?"),
            find_row: format!("SELECT {columns} FROM {name} WHERE _rowid_ = ?"),
            columns,
            keys: json_keys(table),
            page_head: page_head(table),
        }
    }
}

fn json_keys(table: &Table) -> Vec<(usize, String)> {
    let shown = table.columns.iter().enumerate().filter(|(_, c)| !c.hidden);
    shown
        .enumerate()
        .map(|(i, (position, column))| {
            let mut key = String::from(if i > 0 { "," } else { "{" });
            row::write_text(&column.name, &mut key);
            key.push(':');
            (position, key)
        })
        .collect()
}

fn page_head(table: &Table) -> String {
    let mut head = String::from("\"columns\":[");
    for (i, column) in table.columns.iter().filter(|c| !c.hidden).enumerate() {
        if i > 0 {
            head.push(',');
        }
        row::write_text(&column.name, &mut head);
    }
    head.push_str("],\"rows\":[");
    head
}

/// A statement that writes the given columns of one record; its id, or its rowid, is the last
/// parameter.
pub(super) fn update(
    table: &Table,
    positions: impl Iterator<Item = usize>,
    by: &'static str,
) -> String {
    let set = positions
        .map(|i| format!("{} = ?", quote(&table.columns[i].name)))
        .collect::<Vec<_>>()
        .join(", ");
    format!("UPDATE {} SET {set} WHERE {by} = ?", quote(&table.name))
}

/// A name of the schema between quotes. Names are checked when the schema is read; the quotes are
/// there for those that are SQL words.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The SQL type of a column. Without affinity surprises: a text of digits stays a text.
pub(super) fn column_type(column: &Column) -> &'static str {
    match column.role {
        Role::Id => "TEXT NOT NULL UNIQUE",
        Role::Integer | Role::Bool | Role::Instant => "INTEGER",
        Role::Number => "REAL",
        Role::Text | Role::Enum | Role::Ref | Role::Decimal | Role::Day | Role::Json => "TEXT",
    }
}
