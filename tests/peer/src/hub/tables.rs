//! The hub's tables: the cloud's columns in the hub's types, the columns it insists on, and its
//! own clock columns.

use std::fmt::Write as _;
use std::sync::LazyLock;

use crate::schema::{self, Kind};

/// How a column is kept, and so how it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    Integer,
    Real,
    Text,
}

impl Affinity {
    fn sql(self) -> &'static str {
        match self {
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Text => "TEXT",
        }
    }
}

/// One column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) affinity: Affinity,
    pub(crate) nullable: bool,
}

/// One table.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    /// In alphabetical order, as they are printed.
    pub(crate) columns: Vec<Column>,
}

impl Table {
    /// Whether the table has a column of that name, the clock columns included.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|known| known.name == column) || CLOCKS.contains(&column)
    }
}

/// When a row came, changed and went, by the hub's clock: what a pull goes by.
pub(crate) const CREATED: &str = "local_server_created_at";
/// See [`CREATED`].
pub(crate) const MODIFIED: &str = "local_server_last_modified";
/// See [`CREATED`].
pub(crate) const DELETED: &str = "local_server_deleted_at";
const CLOCKS: [&str; 3] = [CREATED, MODIFIED, DELETED];

/// The tables that a push skips.
pub(crate) const SKIPPED: [&str; 3] = ["users", "registration_forms", "event_forms"];

/// What must be there and not null besides id, created_at and updated_at.
const REQUIRED: [(&str, &[&str]); 10] = [
    ("patients", &["additional_data", "metadata"]),
    (
        "patient_additional_attributes",
        &[
            "patient_id",
            "attribute_id",
            "attribute",
            "metadata",
            "last_modified",
            "server_created_at",
        ],
    ),
    ("visits", &["metadata"]),
    ("events", &["form_data", "metadata"]),
    (
        "appointments",
        &[
            "clinic_id",
            "patient_id",
            "user_id",
            "current_visit_id",
            "timestamp",
            "reason",
            "notes",
            "departments",
            "status",
            "metadata",
            "last_modified",
            "server_created_at",
        ],
    ),
    (
        "prescriptions",
        &[
            "patient_id",
            "provider_id",
            "prescribed_at",
            "status",
            "items",
            "notes",
            "metadata",
            "last_modified",
            "server_created_at",
        ],
    ),
    (
        "patient_vitals",
        &[
            "patient_id",
            "timestamp",
            "metadata",
            "last_modified",
            "server_created_at",
        ],
    ),
    (
        "patient_problems",
        &[
            "patient_id",
            "problem_code_system",
            "problem_code",
            "problem_label",
            "clinical_status",
            "verification_status",
            "metadata",
            "last_modified",
            "server_created_at",
        ],
    ),
    (
        "dispensing_records",
        &[
            "clinic_id",
            "drug_id",
            "patient_id",
            "quantity_dispensed",
            "dispensed_by",
            "dispensed_at",
            "metadata",
            "last_modified",
        ],
    ),
    (
        "prescription_items",
        &[
            "prescription_id",
            "patient_id",
            "drug_id",
            "clinic_id",
            "dosage_instructions",
            "quantity_prescribed",
            "metadata",
            "last_modified",
        ],
    ),
];

/// Tables that the cloud does not know. Their real columns are of no use to a device; these few
/// stand for them.
const HUB_ONLY: [&str; 6] = [
    "drug_batches",
    "patient_allergies",
    "patient_allergy_reactions",
    "patient_observations",
    "patient_tobacco_history",
    "resources",
];

/// The 25 tables of a pull in alphabetical order, as they are printed.
pub(crate) static SERVED: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let mut tables: Vec<Table> = schema::PULL_ORDER
        .iter()
        .copied()
        .chain(schema::table("users"))
        .map(|table| {
            let columns = table
                .columns
                .iter()
                .map(|column| (column.name, affinity(table.name, column.name, column.kind)));
            make(table.name, columns)
        })
        .collect();
    for name in HUB_ONLY {
        let columns = ["id", "patient_id", "name", "metadata"]
            .map(|column| (column, Affinity::Text))
            .into_iter()
            .chain(
                ["created_at", "updated_at", "is_deleted", "deleted_at"]
                    .map(|column| (column, Affinity::Integer)),
            );
        tables.push(make(name, columns));
    }
    tables.sort_by_key(|table| table.name);
    tables
});

/// The list of paired devices: never pulled, but a push writes it.
pub(crate) static PEERS: LazyLock<Table> = LazyLock::new(|| {
    let texts = ["id", "peer_id", "name", "public_key", "peer_type", "status"];
    let columns = texts
        .map(|column| (column, Affinity::Text))
        .into_iter()
        .chain(["created_at", "updated_at"].map(|column| (column, Affinity::Integer)));
    make("peers", columns)
});

/// The table of that name, if a push or a test may name it.
pub(crate) fn table(name: &str) -> Option<&'static Table> {
    SERVED
        .iter()
        .chain([&*PEERS])
        .find(|table| table.name == name)
}

fn make(table: &'static str, columns: impl Iterator<Item = (&'static str, Affinity)>) -> Table {
    let required = REQUIRED
        .iter()
        .find(|(name, _)| *name == table)
        .map_or(&[][..], |(_, columns)| *columns);
    let mut columns: Vec<Column> = columns
        .map(|(name, affinity)| Column {
            name,
            affinity,
            nullable: !required.contains(&name)
                && !["id", "created_at", "updated_at"].contains(&name),
        })
        .collect();
    columns.sort_by_key(|column| column.name);
    Table {
        name: table,
        columns,
    }
}

/// Measurements are kept as REAL and so printed with a point; drugs keep decimals as text; a
/// birth is text, every other day an instant.
fn affinity(table: &str, column: &str, kind: Kind) -> Affinity {
    match kind {
        Kind::Int if table == "patient_vitals" || column == "severity_score" => Affinity::Real,
        Kind::Decimal(..) if table == "patient_vitals" => Affinity::Real,
        Kind::Double => Affinity::Real,
        Kind::Int | Kind::Bool | Kind::Instant => Affinity::Integer,
        Kind::Day if column != "date_of_birth" => Affinity::Integer,
        Kind::Day | Kind::Decimal(..) | Kind::Uuid | Kind::Text(_) | Kind::Json(_) => {
            Affinity::Text
        }
    }
}

/// The statements that make the tables. No foreign keys.
pub(crate) fn create_statements() -> String {
    let mut sql = String::from(
        "CREATE TABLE IF NOT EXISTS hub_state (name TEXT PRIMARY KEY NOT NULL, \
         value INTEGER NOT NULL) STRICT;\n",
    );
    for table in SERVED.iter().chain([&*PEERS]) {
        let mut lines = Vec::new();
        for column in &table.columns {
            let mut line = format!("\"{}\" {}", column.name, column.affinity.sql());
            if column.name == "id" {
                line.push_str(" PRIMARY KEY");
            }
            if !column.nullable {
                line.push_str(" NOT NULL");
            }
            if column.name == "is_deleted" {
                line.push_str(" DEFAULT 0");
            }
            lines.push(line);
        }
        lines.extend(CLOCKS.map(|column| format!("{column} INTEGER")));
        let _ = writeln!(
            sql,
            "CREATE TABLE IF NOT EXISTS \"{}\" ({}) STRICT;",
            table.name,
            lines.join(", ")
        );
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_five_tables_are_served_and_every_required_column_exists() {
        assert_eq!(SERVED.len(), 25);
        for (name, columns) in REQUIRED {
            let known = table(name).unwrap();
            for column in columns {
                assert!(known.has(column), "{name}.{column}");
            }
        }
    }
}
