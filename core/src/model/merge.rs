//! What the merge is given and what it decides: plain data between `sync` and `storage`.

use std::borrow::Cow;

use super::change_set::{OutboxEntry, OutboxKind, RemoteRow};
use super::ledger::Kept;
use super::schema::{Role, Schema, Table, TableIndex};
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
    /// Columns that were changed here, in which this peer has taken our value before the peer with
    /// the last word did.
    pub held: &'a [Held],
    /// Where another peer said the version that is held, or that the record is gone: that
    /// version. This peer may not have heard of it yet.
    pub elsewhere: Option<Elsewhere>,
}

/// A column whose value a peer without the last word has taken.
#[derive(Clone, PartialEq, Debug)]
pub struct Held {
    /// The column's position.
    pub column: usize,
    /// The value before it was changed here. Whoever writes that back the first time may not have
    /// seen the change.
    pub before: Value,
    /// Whether our value was sent again after that one had come back: who writes it back once more
    /// has seen ours.
    pub sent_again: bool,
}

/// A version that another peer than the one asked said last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elsewhere {
    /// Its `updated_at`, where it is known.
    pub updated_at: Option<i64>,
    /// The version that the peer asked said before, where it is known.
    pub said: Option<i64>,
    /// Whether the word of the peer asked is the last: what it says anew counts, whatever its time.
    /// Servers that set the times of edits themselves may be behind a device's.
    pub last_word: bool,
}

impl Elsewhere {
    /// Whether a version that the peer asked says now is only an older one.
    pub fn outdates(&self, version: Option<i64>) -> bool {
        match (version, self.said, self.updated_at) {
            (Some(version), Some(said), _) if version == said => true,
            (Some(_), Some(_), _) if self.last_word => false,
            (Some(version), _, Some(held)) if self.last_word => version < held,
            (Some(version), _, Some(held)) => version <= held,
            _ => false,
        }
    }
}

/// A row that a peer said it took, waiting for a pull that shows what was kept of it.
#[derive(Clone, PartialEq, Debug)]
pub struct SentRow {
    /// What was sent.
    pub kind: OutboxKind,
    /// The columns that had been changed, each once.
    pub changed: Vec<Watched>,
    /// Whether a pull has shown already that it was kept.
    pub confirmed: bool,
}

/// A column of a row that was sent.
#[derive(Clone, PartialEq, Debug)]
pub struct Watched {
    /// The column's position.
    pub column: usize,
    /// The values from before each of its changes that may still be written over, the oldest first; at
    /// least one, none twice. Whoever writes one of them back may not have seen the change.
    pub before: Vec<Value>,
}

impl From<(usize, Value)> for Watched {
    /// A column that was changed once.
    fn from((column, before): (usize, Value)) -> Self {
        Self {
            column,
            before: vec![before],
        }
    }
}

/// What a verification is given.
#[derive(Debug)]
pub struct VerifyInput<'a> {
    /// The record's table.
    pub table: &'a Table,
    /// The stored record, if it is still there.
    pub local: Option<&'a [Value]>,
    /// The outbox entry, if it was written again since.
    pub outbox: Option<&'a OutboxEntry>,
    /// What was sent.
    pub sent: &'a SentRow,
    /// What the peer holds now.
    pub remote: &'a RemoteRow,
}

/// What a pull tells about a row that was sent before.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// The peer holds what it was sent.
    Kept,
    /// The peer holds something else in these columns: for the ledger.
    NotKept(Vec<ColumnConflict>),
    /// A deletion was sent, and the peer still holds the record.
    StillThere,
    /// Nothing can be told: the peer's version is a later one.
    Unclear,
}

/// A column that both sides changed since the base.
#[derive(Clone, PartialEq, Debug)]
pub struct ColumnConflict {
    /// The column's position.
    pub column: usize,
    /// The value when both sides last agreed.
    pub base: Value,
    /// The value here.
    pub local: Value,
    /// The peer's value.
    pub remote: Value,
    /// Whose value stays.
    pub kept: Kept,
    /// A rule of the app was asked, and gave no answer.
    pub unanswered: bool,
}

/// What becomes of a pulled record.
#[derive(Clone, PartialEq, Debug)]
pub enum MergePlan<'a> {
    /// Not here: store it. All columns, by position; lent where they are what the peer sent.
    Insert(Vec<Cow<'a, Value>>),
    /// Already so.
    Unchanged,
    /// Write these cells; the outbox entry, if there is one, gets these bases.
    Update {
        /// The columns to write.
        cells: Vec<(usize, Value)>,
        /// The outbox entry's new bases; `None` leaves the entry as it is. An `Updated` entry
        /// without any has nothing left to send, and goes.
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

/// Decides, purely, what becomes of pulled records.
pub trait MergeRule: Send + Sync {
    /// What becomes of one pulled record.
    fn merge<'a>(&self, table: TableIndex, input: &MergeInput<'a>) -> MergePlan<'a>;

    /// Whether the peer kept what it was sent before.
    fn verify(&self, input: &VerifyInput<'_>) -> Verdict;
}

/// Whether a record reaches the cloud unharmed by way of a hub. A hub passes instants on as
/// numbers, which the cloud takes for seconds, or refuses, where they are before 9 September 2001.
pub fn survives_relay(schema: &Schema, table: TableIndex, values: &[Value]) -> bool {
    const FIRST_SAFE_MS: i64 = 1_000_000_000_001;
    const LAST_SAFE_NEGATIVE_MS: i64 = -1_000_000_001;
    const FIRST_SAFE_DAY: &str = "2001-09-10";
    let table = schema.table(table);
    let columns = table.columns.iter().zip(values);
    columns
        .filter(|(column, _)| column.pushed)
        .all(|(column, value)| {
            match (column.role, value) {
                (Role::Instant, Value::Integer(ms)) => {
                    *ms >= FIRST_SAFE_MS || *ms <= LAST_SAFE_NEGATIVE_MS
                }
                // Hubs keep this one day as text; the others are numbers there.
                (Role::Day, Value::Text(day)) => {
                    column.name == "date_of_birth" || day.as_str() >= FIRST_SAFE_DAY
                }
                _ => true,
            }
        })
}
