//! What travels between a peer and the store: pulled changes, outbox rows, acknowledgements.

use super::ids::RecordId;
use super::schema::TableIndex;
use super::value::Value;
use crate::error::Error;

/// A record as a peer sent it: decoded by role, guarded. Columns that were absent, or that could
/// not be read, are not among the cells: the stored value stays.
#[derive(Clone, PartialEq, Debug)]
pub struct RemoteRow {
    /// Its id.
    pub id: RecordId,
    /// Column positions with their values, without the id, each position at most once.
    pub cells: Vec<(usize, Value)>,
}

/// One change of a pull.
#[derive(Clone, PartialEq, Debug)]
pub enum RemoteChange {
    /// Created or updated: make it so.
    Upsert(TableIndex, RemoteRow),
    /// Deleted.
    Delete(TableIndex, RecordId),
}

/// What to ask a peer for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PullRequest {
    /// The cursor to send, overlap already taken off. [`PeerKind::full_cursor`] asks for
    /// everything.
    ///
    /// [`PeerKind::full_cursor`]: super::ids::PeerKind::full_cursor
    pub cursor: i64,
}

/// Things in a reply that were passed over, counted. Never an error by themselves.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct SkipCounts {
    /// Tables on the never-store list.
    pub forbidden_tables: u64,
    /// Columns on the never-store list, each time one came.
    pub forbidden_columns: u64,
    /// Tables that the schema does not have, or that are not pulled.
    pub unknown_tables: u64,
    /// Columns that the schema does not have, each time one came.
    pub unknown_columns: u64,
    /// Records that are no object, have no usable id, or are too large or too deep.
    pub bad_records: u64,
    /// Values that could not be read; the stored value stays.
    pub unreadable_values: u64,
    /// Rows of other people in tables that keep only one's own.
    pub foreign_rows: u64,
}

impl SkipCounts {
    /// Adds other counts to these.
    pub fn add(&mut self, more: &Self) {
        self.forbidden_tables += more.forbidden_tables;
        self.forbidden_columns += more.forbidden_columns;
        self.unknown_tables += more.unknown_tables;
        self.unknown_columns += more.unknown_columns;
        self.bad_records += more.bad_records;
        self.unreadable_values += more.unreadable_values;
        self.foreign_rows += more.foreign_rows;
    }
}

/// What a peer answered, its changes already handed to a sink.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PullReply {
    /// The new cursor, the peer's own time in epoch milliseconds; stored as given.
    pub timestamp: i64,
    /// The peer's clock minus the device's, in milliseconds, as well as the reply tells.
    pub skew_ms: i64,
    /// Created and updated records handed on.
    pub upserts: u64,
    /// Deletions handed on.
    pub deletions: u64,
    /// Bytes of the body.
    pub bytes: u64,
    /// Whether everything was asked for, not only what is new.
    pub full: bool,
    /// The tables that it has, with rows or without. What it does not hold of any other says nothing.
    pub tables: Vec<TableIndex>,
    /// What was passed over.
    pub skipped: SkipCounts,
}

/// What a local write was, as the outbox remembers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OutboxKind {
    /// Made here; no peer has confirmed it.
    Created,
    /// Changed here since a peer's version.
    Updated,
    /// Deleted here: a tombstone.
    Deleted,
}

/// The store's own counter; grows with each local write.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Revision(pub i64);

/// An entry of the outbox: a local write that some peer has not acknowledged.
#[derive(Clone, PartialEq, Debug)]
pub struct OutboxEntry {
    /// What it was.
    pub kind: OutboxKind,
    /// The revision of the last write to the record.
    pub revision: Revision,
    /// Columns changed here, with the value each had when it was last equal to the peer's.
    pub base: Vec<(usize, Value)>,
}

/// An outbox entry with all that a push needs.
#[derive(Clone, PartialEq, Debug)]
pub struct OutboxRow {
    /// The table.
    pub table: TableIndex,
    /// The record.
    pub id: RecordId,
    /// What the local write was.
    pub kind: OutboxKind,
    /// The revision that this push carries.
    pub revision: Revision,
    /// The whole record by column position, since a push replaces whole rows; empty for deletions.
    pub values: Vec<Value>,
    /// The columns changed here since the peer's version; empty for deletions.
    pub changed: Vec<usize>,
    /// References that must lead somewhere, and lead to nothing that is stored here.
    pub dangling: Vec<usize>,
    /// Whether it was not made here, and others than the peer have told it: the peer may not have it.
    pub only_elsewhere: bool,
}

impl OutboxRow {
    /// Whether the peer may not have the record before it takes this.
    #[must_use]
    pub fn may_be_new_there(&self) -> bool {
        self.kind == OutboxKind::Created || self.only_elsewhere
    }

    /// About how many bytes it takes on the wire.
    #[must_use]
    pub fn bytes(&self) -> usize {
        /// Of each value: its name and punctuation.
        const AROUND: usize = 24;
        let size_of = |value: &Value| match value {
            Value::Text(text) => AROUND + text.len(),
            Value::Null | Value::Integer(_) | Value::Real(_) => AROUND + 8,
        };
        self.values.iter().map(size_of).sum()
    }
}

/// The part of the outbox that one kind of request carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PushClass {
    /// Created and updated records of the tables of one stage.
    Upserts {
        /// The tables' `push_stage`.
        stage: u8,
    },
    /// Deletions. A cloud gets none of children that it removes with their parent; a hub removes
    /// no children by itself and gets all of them, children before parents.
    Deletions,
}

/// How much a piece of a push, or a page of the outbox, may hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PieceLimit {
    /// The most rows.
    pub rows: usize,
    /// It ends behind the row with which its values get larger than this.
    pub bytes: usize,
    /// The newest revision when the push began. A new record of a later one may have come too late for
    /// its table: what refers to it is left for the next push.
    pub begun: Revision,
}

/// Where a walk through the outbox stands: entries are ordered by table, then revision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct OutboxPosition {
    /// The place of the last entry's table in the walk.
    pub table: u16,
    /// Its revision.
    pub revision: i64,
}

/// A page of the outbox.
#[derive(Clone, PartialEq, Debug)]
pub struct OutboxPage {
    /// The rows.
    pub rows: Vec<OutboxRow>,
    /// Those among them, without values, that cannot go with this push: they refer to a new record that
    /// came too late for it, or to one that the cloud has yet to hear of from another peer and would invent;
    /// or are the deletion of one that the peer would delete something with that
    /// was moved away. Both together are fewer than asked for only at the end.
    pub waiting: Vec<OutboxRow>,
    /// Where to go on; `None` at the end.
    pub next: Option<OutboxPosition>,
}

/// A record and the revision of it that a peer took, or refused.
#[derive(Clone, PartialEq, Debug)]
pub struct Acknowledgement {
    /// The table.
    pub table: TableIndex,
    /// The record.
    pub id: RecordId,
    /// What was sent.
    pub kind: OutboxKind,
    /// The columns that were changed in it.
    pub changed: Vec<usize>,
    /// The revision that was sent.
    pub revision: Revision,
    /// The values that were sent, by column position; empty for deletions.
    pub sent: Vec<Value>,
}

impl From<&OutboxRow> for Acknowledgement {
    fn from(row: &OutboxRow) -> Self {
        Self {
            table: row.table,
            id: row.id.clone(),
            kind: row.kind,
            changed: row.changed.clone(),
            revision: row.revision,
            sent: row.values.clone(),
        }
    }
}

/// A record that is put aside.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// The record, at the revision that was refused.
    pub row: Acknowledgement,
    /// Why, in fixed text.
    pub reason: &'static str,
    /// When it is tried again by itself, epoch milliseconds of the device; `None` for never.
    pub retry_ms: Option<i64>,
    /// Whether the peer refused it, rather than that it was not even sent. That is remembered of the
    /// record until the peer takes it, whatever is edited or taken back meanwhile.
    pub by_peer: bool,
}

/// What is known when a push to a peer begins.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Noted {
    /// Whether anything waits to be pushed, to whichever peer.
    pub waits: bool,
    /// The newest revision of all that is noted.
    pub newest: Revision,
    /// Records made here that are put aside for it: what refers to them must wait.
    pub missing: Vec<(TableIndex, RecordId)>,
    /// Records that it refused before, put aside now or not.
    pub refused: Vec<(TableIndex, RecordId)>,
}

/// How often a record was refused while the peer took nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Suspicion {
    /// How often by now, at the same revision.
    pub refusals: u32,
    /// When first, epoch milliseconds of the device.
    pub first_ms: i64,
    /// Now, by the same clock.
    pub now_ms: i64,
}

/// Why a piece was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PushFailure {
    /// The peer answered, and did not take the piece: a smaller one may tell which row it is.
    Refused(Error),
    /// The same in words that nobody has signed: whoever is on the network can say so. It may be
    /// about a row, and it proves nothing.
    Hinted(Error),
    /// Nothing to do with the rows: the network, the credentials, a limit, a cancel.
    Stopped(Error),
}
