//! What the store tells about itself: entries of the conflict ledger, digests of tables.

use std::fmt;

/// What a ledger entry is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConflictKind {
    /// Both sides changed a column; the value here stayed.
    BothChanged,
    /// The peer deleted a record that had edits here; they are in `local`, as a JSON object.
    DeletedByPeer,
    /// A record deleted here was changed by the peer afterwards; it stays deleted.
    ChangedByPeer,
    /// The peer took an edit, and a later pull shows that it holds something else. Without a
    /// column the record did not come back at all, or a deletion was not carried out.
    NotKept,
    /// Both sides changed a column, and the app's rule, which was asked, gave no answer.
    RuleFailed,
}

impl ConflictKind {
    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BothChanged => "both_changed",
            Self::DeletedByPeer => "deleted_by_peer",
            Self::ChangedByPeer => "changed_by_peer",
            Self::NotKept => "not_kept",
            Self::RuleFailed => "rule_failed",
        }
    }
}

/// Whose value stayed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// Ours.
    Local,
    /// The peer's.
    Remote,
    /// What a rule of the app made of both.
    Rule,
}

impl Kept {
    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Rule => "rule",
        }
    }
}

/// An entry of the ledger. Values are JSON text; `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
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
    /// The column, for `BothChanged` and `RuleFailed`.
    pub column: Option<String>,
    /// The value when both sides last agreed.
    pub base: Option<String>,
    /// The value here.
    pub local: Option<String>,
    /// The peer's value.
    pub remote: Option<String>,
    /// Which peer.
    pub peer: Option<String>,
    /// Whose value stayed.
    pub kept: Kept,
    /// The id of the person who was signed in here when it was found.
    pub actor: Option<String>,
    /// When the record was last changed here, by its `updated_at`.
    pub local_at_ms: Option<i64>,
    /// When the peer's version was last changed, by its `updated_at`.
    pub remote_at_ms: Option<i64>,
    /// When somebody took the other value after all.
    pub undone_at_ms: Option<i64>,
}

/// Stands where a text for logs leaves a value out.
struct LeftOut;

impl fmt::Debug for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(left out)")
    }
}

impl fmt::Debug for ConflictEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            at_ms,
            kind,
            table,
            record_id,
            column,
            base,
            local,
            remote,
            peer,
            kept,
            actor,
            local_at_ms,
            remote_at_ms,
            undone_at_ms,
        } = self;
        f.debug_struct("ConflictEntry")
            .field("id", id)
            .field("at_ms", at_ms)
            .field("kind", kind)
            .field("table", table)
            .field("record_id", record_id)
            .field("column", column)
            .field("base", &base.as_ref().map(|_| LeftOut))
            .field("local", &local.as_ref().map(|_| LeftOut))
            .field("remote", &remote.as_ref().map(|_| LeftOut))
            .field("peer", peer)
            .field("kept", kept)
            .field("actor", actor)
            .field("local_at_ms", local_at_ms)
            .field("remote_at_ms", remote_at_ms)
            .field("undone_at_ms", undone_at_ms)
            .finish()
    }
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
