//! What the merge is given and what it decides: plain data between `sync` and `storage`.

use super::change_set::{OutboxEntry, RemoteRow};
use super::schema::Table;
use super::value::Value;

/// One pulled record and what is known of it here.
#[derive(Debug)]
pub struct MergeInput<'a> {
    /// The record's table.
    pub table: &'a Table,
    /// The stored record by column position, if there is one.
    pub local: Option<&'a [Value]>,
    /// The outbox entry, if the record was written here and not yet acknowledged.
    pub outbox: Option<&'a OutboxEntry>,
    /// What the peer sent.
    pub remote: &'a RemoteRow,
}

/// A column that both sides changed since the base.
#[derive(Clone, PartialEq, Debug)]
pub struct ColumnConflict {
    /// The column's position.
    pub column: usize,
    /// The value when both sides last agreed.
    pub base: Value,
    /// The value here, which stays.
    pub local: Value,
    /// The peer's value.
    pub remote: Value,
}

/// What becomes of a pulled record.
#[derive(Clone, PartialEq, Debug)]
pub enum MergePlan {
    /// Not here: store it. All columns, by position.
    Insert(Vec<Value>),
    /// Already so.
    Unchanged,
    /// Write these cells; the outbox entry, if there is one, gets these bases.
    Update {
        /// The columns to write.
        cells: Vec<(usize, Value)>,
        /// The outbox entry's new bases; `None` leaves the entry as it is.
        base: Option<Vec<(usize, Value)>>,
        /// What both sides changed, for the ledger.
        conflicts: Vec<ColumnConflict>,
    },
    /// Deleted here: the tombstone stays and is pushed. True where the peer's version is newer
    /// than the one that was deleted: the ledger gets an entry.
    KeepTombstone {
        /// The peer changed the record after the version that was deleted here.
        newer: bool,
    },
}
