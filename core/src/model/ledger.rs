//! What the store tells about itself: entries of the conflict ledger, digests of tables.

/// What a ledger entry is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConflictKind {
    /// Both sides changed a column; the value here stayed.
    BothChanged,
    /// The peer deleted a record that had edits here; they are in `local`, as a JSON object.
    DeletedByPeer,
    /// A record deleted here was changed by the peer afterwards; it stays deleted.
    ChangedByPeer,
}

impl ConflictKind {
    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BothChanged => "both_changed",
            Self::DeletedByPeer => "deleted_by_peer",
            Self::ChangedByPeer => "changed_by_peer",
        }
    }
}

/// An entry of the ledger. Values are JSON text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConflictEntry {
    /// Grows with each entry.
    pub id: i64,
    /// When it was found, epoch milliseconds of the device.
    pub at_ms: i64,
    /// What it is about.
    pub kind: ConflictKind,
    /// The table.
    pub table: String,
    /// The record.
    pub record_id: String,
    /// The column, for `BothChanged`.
    pub column: Option<String>,
    /// The value when both sides last agreed.
    pub base: Option<String>,
    /// The value here.
    pub local: Option<String>,
    /// The peer's value.
    pub remote: Option<String>,
}

/// The digest of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableDigest {
    /// The table.
    pub table: String,
    /// Its records.
    pub rows: u64,
    /// 64 hexadecimal digits.
    pub digest: String,
}

/// The digests of all tables that travel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Digest {
    /// By table, in the order of the schema.
    pub tables: Vec<TableDigest>,
}
