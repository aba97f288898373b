//! Tells bad rows from a bad peer.
//!
//! A row that is refused alone while the peer takes others, and once more at the end of the push, is
//! put aside, so that it blocks nothing. If nothing is taken the peer is at fault, and no row is; unless
//! the row was put aside for this peer before, in whatever version: then it goes back there, and the sync
//! has not failed for it.
//! Holds ids and revisions only.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::model::change_set::{Acknowledgement, Noted, OutboxRow, Refusal, Suspicion};
use crate::model::ids::RecordId;
use crate::model::schema::{Schema, TableIndex};

/// So many rows refused alone, one after the other, are a reason to doubt the peer; more of them
/// once it has taken something in the same sync, and of rows that it refused before.
const DOUBTFUL: u32 = 8;
const DOUBTFUL_AFTER_SUCCESS: u32 = 32;

/// What the app is told of a row that the peer refuses.
const REFUSED: &str = "the peer refuses this record";
/// The same where nobody signed the refusal: it may be somebody else's.
const HINTED: &str = "an answer that nobody has signed says that this hub does not take the record; \
     it is tried again soon, and goes to the cloud as it would";
/// When a row is tried again that was put aside although the peer took no other.
const RETRY_LONELY_MS: i64 = 60 * 60 * 1000;
/// When a row is tried again whose refusal nobody has signed.
const RETRY_HINTED_MS: i64 = 10 * 60 * 1000;

/// Why a peer did not take a piece.
pub(super) struct Refused {
    pub(super) error: Error,
    /// Whether it is certain that it was the peer who said so.
    pub(super) signed: bool,
}

/// A record by table and id.
pub(super) type Record = (TableIndex, String);

pub(super) fn record_of(row: &OutboxRow) -> Record {
    (row.table, row.id.as_str().to_owned())
}

/// Whether a row refers to one of these records.
pub(super) fn refers_to_any(schema: &Schema, row: &OutboxRow, records: &HashSet<Record>) -> bool {
    if records.is_empty() {
        return false;
    }
    let columns = schema.table(row.table).columns.iter().zip(&row.values);
    columns
        .filter_map(|(column, value)| Some((column.references.as_deref()?, value.as_text()?)))
        .filter_map(|(table, id)| Some((schema.find(table)?, id.to_owned())))
        .any(|record| records.contains(&record))
}

/// A row that was refused alone.
pub(super) struct Bad {
    row: Acknowledgement,
    signed: bool,
    /// It was put aside for this peer before.
    known: bool,
    times: Times,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    /// And once more after all else was sent.
    Twice {
        /// The peer had taken another row in between.
        between: bool,
    },
}

impl Bad {
    /// What was refused.
    pub(super) fn row(&self) -> &Acknowledgement {
        &self.row
    }

    fn is(&self, row: &OutboxRow) -> bool {
        (self.row.table, &self.row.id) == (row.table, &row.id)
    }

    /// The row as it was sent.
    fn to_row(&self) -> OutboxRow {
        OutboxRow {
            table: self.row.table,
            id: self.row.id.clone(),
            kind: self.row.kind,
            revision: self.row.revision,
            changed: self.row.changed.clone(),
            dangling: Vec::new(),
            only_elsewhere: false,
            values: self.row.sent.clone(),
        }
    }

    /// The row as one to put aside. Where the peer took another row after it, and refused it once more
    /// after that, or in an earlier push, it is the row, and nothing but an edit or a person frees it; else
    /// it is tried again by itself: the peer may have been down for a moment, each time. What nobody has
    /// signed proves nothing.
    pub(super) fn put_aside(self, proven: bool, now_ms: i64) -> Refusal {
        let is_it = match self.times {
            Times::Once => proven && self.known,
            Times::Twice { between } => between,
        };
        let (reason, pause_ms) = match (self.signed, is_it) {
            (true, true) => (REFUSED, None),
            (true, false) => (REFUSED, Some(RETRY_LONELY_MS)),
            (false, _) => (HINTED, Some(RETRY_HINTED_MS)),
        };
        Refusal {
            row: self.row,
            reason,
            retry_ms: pause_ms.map(|pause| now_ms.saturating_add(pause)),
            by_peer: true,
        }
    }
}

/// The rows that a peer refused alone, in one sync.
#[derive(Default)]
pub(super) struct Refusals {
    /// New records that the peer does not have: refused, or held back because of one that was.
    missing: HashSet<Record>,
    /// Those of them that were held back.
    held_back: HashSet<Record>,
    /// Records that refer to one of those.
    waiting: HashSet<Record>,
    /// Records that were put aside for this peer before.
    known: HashSet<Record>,
    /// Records that it refused alone in this sync.
    refused: HashSet<Record>,
    rows: Vec<Bad>,
    /// How many of them were refused before the peer took something else: it was working.
    proven: usize,
    in_a_row: u32,
    known_in_a_row: u32,
    any_taken: bool,
    last: Option<Error>,
}

/// How a push ends.
pub(super) struct Conclusion {
    /// Rows to put aside.
    pub(super) aside: Vec<Refusal>,
    /// Rows that were refused for the first time, while the peer took nothing, and the error that
    /// the push ends with as long as any of them is not put aside.
    pub(super) suspects: Vec<Bad>,
    pub(super) doubt: Option<Error>,
    pub(super) outcome: Result<(), Error>,
}

/// A row refused alone while the peer took nothing is bad if that happened in two syncs, a minute
/// or more apart, in both of which the peer answered the pull. An outage in which a server answers
/// pulls and refuses pushes looks the same: so such rows are tried again by themselves, and where
/// many rows are refused at once none is suspected.
pub(super) const fn is_bad(history: &Suspicion) -> bool {
    const REFUSALS: u32 = 2;
    const APART_MS: i64 = 60_000;
    history.refusals >= REFUSALS && history.now_ms.saturating_sub(history.first_ms) >= APART_MS
}

impl Refusals {
    /// Starts with what is known of earlier pushes to the peer.
    pub(super) fn new(noted: Noted) -> Self {
        let set = |records: Vec<_>| {
            let records = records.into_iter();
            records
                .map(|(table, id): (TableIndex, RecordId)| (table, id.into_string()))
                .collect()
        };
        Self {
            missing: set(noted.missing),
            known: set(noted.refused),
            ..Self::default()
        }
    }

    /// The peer took a piece.
    pub(super) fn taken(&mut self) {
        self.any_taken = true;
        self.in_a_row = 0;
        self.known_in_a_row = 0;
        self.proven = self.rows.len();
    }

    /// The peer refused a piece of one row. That one which was put aside before is refused again is
    /// no reason to doubt the peer.
    pub(super) fn refused_alone(&mut self, row: &OutboxRow, refused: Refused) {
        self.miss(row);
        let known = self.known.contains(&record_of(row));
        self.refused.insert(record_of(row));
        self.rows.push(Bad {
            row: row.into(),
            signed: refused.signed,
            known,
            times: Times::Once,
        });
        if known {
            self.known_in_a_row += 1;
        } else {
            self.in_a_row += 1;
            self.last = Some(refused.error);
        }
    }

    /// Whether a row refers to a new record that the peer does not have. The cloud would invent a
    /// visit for it, so it waits; and what refers to it waits too.
    pub(super) fn hold_back(&mut self, schema: &Schema, row: &OutboxRow) -> bool {
        let waits = refers_to_any(schema, row, &self.missing);
        if waits {
            self.wait(std::slice::from_ref(row));
        }
        waits
    }

    /// These do not go with this push, and what refers to a new one among them waits too.
    pub(super) fn wait(&mut self, rows: &[OutboxRow]) {
        for row in rows {
            self.waiting.insert(record_of(row));
            if row.may_be_new_there() && self.missing.insert(record_of(row)) {
                self.held_back.insert(record_of(row));
            }
        }
    }

    /// All that waits is looked at from the start: what was held back may not have to be.
    pub(super) fn begin_again(&mut self) {
        for record in self.held_back.drain() {
            self.missing.remove(&record);
        }
        self.waiting.clear();
    }

    /// Keeps the refused rows of which this is so.
    pub(super) fn retain(
        &mut self,
        is_so: impl Fn(&Acknowledgement) -> Result<bool>,
    ) -> Result<()> {
        let mut proven = 0;
        let mut kept = Vec::with_capacity(self.rows.len());
        for (place, bad) in std::mem::take(&mut self.rows).into_iter().enumerate() {
            if is_so(&bad.row)? {
                proven += usize::from(place < self.proven);
                kept.push(bad);
            }
        }
        (self.rows, self.proven) = (kept, proven);
        Ok(())
    }

    /// New records that the peer does not have.
    pub(super) const fn missing(&self) -> &HashSet<Record> {
        &self.missing
    }

    /// Whether the peer has refused this row alone in this sync.
    pub(super) fn has_refused(&self, row: &OutboxRow) -> bool {
        self.refused.contains(&record_of(row))
    }

    /// How many records wait for one that the peer does not have.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// The peer takes other rows, and these it refuses still: they are put aside, and are no more part of
    /// this. Many at once may be refused for a reason that goes away by itself, so they are tried again.
    pub(super) fn take_refused(&mut self, now_ms: i64) -> Vec<Refusal> {
        self.proven = 0;
        let refused = self.rows.drain(..);
        refused.map(|bad| bad.put_aside(false, now_ms)).collect()
    }

    /// The rows that were refused once by a peer that takes others: each is sent once more before it
    /// is put aside.
    pub(super) fn refused_once(&self) -> Vec<OutboxRow> {
        let rows = self.rows.iter().filter(|_| self.any_taken);
        let once = rows.filter(|bad| bad.signed && !bad.known && bad.times == Times::Once);
        once.map(Bad::to_row).collect()
    }

    /// One of those was refused again.
    pub(super) fn refused_again(&mut self, row: &OutboxRow) {
        let found = self.rows.iter().position(|bad| bad.is(row));
        if let Some((place, bad)) = found.and_then(|at| Some((at, self.rows.get_mut(at)?))) {
            let between = place < self.proven;
            bad.times = Times::Twice { between };
        }
    }

    /// One of those was taken, so the peer works: that the others were refused counts.
    pub(super) fn taken_after_all(&mut self, row: &OutboxRow) {
        self.rows.retain(|bad| !bad.is(row));
        self.refused.remove(&record_of(row));
        self.missing.remove(&record_of(row));
        self.taken();
    }

    /// Those that were refused again are put aside, and are no more part of this.
    pub(super) fn take_refused_twice(&mut self, now_ms: i64) -> Vec<Refusal> {
        let before = self.rows.iter().take(self.proven);
        let left = before.filter(|bad| bad.times == Times::Once).count();
        self.proven = left;
        let twice = self.rows.extract_if(.., |bad| bad.times != Times::Once);
        twice.map(|bad| bad.put_aside(false, now_ms)).collect()
    }

    /// That they were refused says nothing any more.
    pub(super) fn forget_refused(&mut self) {
        self.proven = 0;
        for bad in self.rows.drain(..) {
            self.refused
                .remove(&(bad.row.table, bad.row.id.as_str().to_owned()));
            self.missing
                .remove(&(bad.row.table, bad.row.id.into_string()));
        }
    }

    /// Two of the rows that it refused since it last took something, or one.
    pub(super) fn first_and_last(&self) -> Vec<OutboxRow> {
        let first = self.rows.first();
        let last = self.rows.last().filter(|_| self.rows.len() > 1);
        first.into_iter().chain(last).map(Bad::to_row).collect()
    }

    /// The peer does not get this row now: if it is a new one, what refers to it must wait.
    pub(super) fn miss(&mut self, row: &OutboxRow) {
        if row.may_be_new_there() {
            self.missing.insert(record_of(row));
        }
    }

    pub(super) fn are_doubtful(&self) -> bool {
        let limit = if self.any_taken {
            DOUBTFUL_AFTER_SUCCESS
        } else {
            DOUBTFUL
        };
        self.in_a_row >= limit || self.known_in_a_row >= DOUBTFUL_AFTER_SUCCESS
    }

    /// What to put aside, and how the push ends.
    pub(super) fn conclude(self, outcome: Result<(), Error>, now_ms: i64) -> Conclusion {
        let complete = outcome.is_ok();
        let others_are_taken = complete && self.any_taken;
        let (mut aside, mut suspects) = (Vec::new(), Vec::new());
        for (place, bad) in self.rows.into_iter().enumerate() {
            let proven = place < self.proven;
            if proven || others_are_taken || bad.known {
                aside.push(bad.put_aside(proven, now_ms));
            } else if complete {
                suspects.push(bad);
            }
        }
        Conclusion {
            aside,
            suspects,
            doubt: self.last,
            outcome,
        }
    }
}
