//! The SQL that makes the tables.

use std::fmt::Write as _;

use super::{Kind, Table, all_tables};

/// One `CREATE` statement per table and index, plus the tokens of signed-in users.
pub(crate) fn create_statements() -> String {
    let mut sql = String::from(
        "CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY NOT NULL, \
         user_id TEXT NOT NULL REFERENCES users(id), expires_at INTEGER NOT NULL);\n",
    );
    for table in all_tables() {
        create(table, &mut sql);
    }
    sql
}

fn create(table: &Table, sql: &mut String) {
    let mut lines = Vec::new();
    for column in table.columns {
        let mut line = format!("\"{}\" {}", column.name, affinity(column.kind));
        if column.name == "id" {
            line.push_str(" PRIMARY KEY");
        }
        if !column.nullable {
            line.push_str(" NOT NULL");
        }
        if let Some(target) = column.references {
            let _ = write!(line, " REFERENCES \"{target}\"(id)");
        }
        lines.push(line);
    }
    if !table.unique.is_empty() {
        lines.push(format!("UNIQUE ({})", table.unique.join(", ")));
    }
    let _ = writeln!(
        sql,
        "CREATE TABLE IF NOT EXISTS \"{}\" ({});",
        table.name,
        lines.join(", ")
    );
    // Cascades look children up by these; without an index a deletion among many thousand
    // rows would scan them all.
    for parent in ["patient_id", "visit_id", "current_visit_id"] {
        if table.columns.iter().any(|column| column.name == parent) {
            let _ = writeln!(
                sql,
                "CREATE INDEX IF NOT EXISTS \"{0}_{parent}\" ON \"{0}\" (\"{parent}\");",
                table.name
            );
        }
    }
}

fn affinity(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid | Kind::Text(_) | Kind::Decimal(..) | Kind::Day | Kind::Json(_) => "TEXT",
        Kind::Int | Kind::Bool | Kind::Instant => "INTEGER",
        Kind::Double => "REAL",
    }
}
