//! What a salvage saved and what it could not. Counts and names of tables, no values.

use std::path::PathBuf;

use serde_json::{Value as Json, json};

/// What became of a damaged database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SalvageReport {
    /// Where the damaged files lie, byte for byte as they were.
    pub copy: PathBuf,
    /// Whether the database's own description could be read. Where it could not, no table could.
    pub description_readable: bool,
    /// Each table, record tables first.
    pub tables: Vec<TableSalvage>,
    /// Outbox entries that were readable, but whose record was not: there is nothing to push.
    pub outbox_without_record: u64,
    /// Whether everything is pulled again from the beginning at the next sync.
    pub full_pull_due: bool,
}

/// What became of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableSalvage {
    /// Its name.
    pub table: String,
    /// What it is for.
    pub kind: TableKind,
    /// Rows saved.
    pub saved: u64,
    /// Rows that were not.
    pub lost: Lost,
}

/// What a table is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableKind {
    /// Records of the schema.
    Records,
    /// Local writes that no peer has taken.
    Outbox,
    /// The key–value store.
    KeyValues,
    /// The store's own books.
    Books,
}

/// How many rows could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lost {
    /// So many; most often 0.
    Exactly(u64),
    /// No more than so many.
    AtMost(u64),
    /// What would tell could not be read either.
    Unknown,
}

impl Lost {
    /// Whether every row was saved.
    pub const fn is_nothing(self) -> bool {
        matches!(self, Self::Exactly(0))
    }
}

impl SalvageReport {
    /// Whether no row was lost.
    pub fn is_complete(&self) -> bool {
        self.description_readable && self.tables.iter().all(|table| table.lost.is_nothing())
    }

    /// Local writes that may never reach a peer: what the outbox lost, and entries without a record.
    pub fn unsynced_lost(&self) -> Lost {
        let lost = self.tables.iter().find(|t| t.kind == TableKind::Outbox);
        match lost.map_or(Lost::Unknown, |outbox| outbox.lost) {
            Lost::Exactly(rows) => Lost::Exactly(rows + self.outbox_without_record),
            Lost::AtMost(rows) => Lost::AtMost(rows + self.outbox_without_record),
            Lost::Unknown => Lost::Unknown,
        }
    }

    /// The report as JSON text, for support calls. Without the copy's place, which may name a person.
    pub fn to_json(&self) -> String {
        let tables: Vec<Json> = self.tables.iter().map(TableSalvage::to_json).collect();
        json!({
            "copy": self.copy.file_name().map(|name| name.to_string_lossy()),
            "description_readable": self.description_readable,
            "complete": self.is_complete(),
            "full_pull_due": self.full_pull_due,
            "outbox_without_record": self.outbox_without_record,
            "tables": tables,
        })
        .to_string()
    }
}

impl TableSalvage {
    fn to_json(&self) -> Json {
        let (lost, certainty) = match self.lost {
            Lost::Exactly(rows) => (Some(rows), "exactly"),
            Lost::AtMost(rows) => (Some(rows), "at_most"),
            Lost::Unknown => (None, "unknown"),
        };
        json!({"table": self.table, "saved": self.saved, "lost": lost, "certainty": certainty})
    }
}
