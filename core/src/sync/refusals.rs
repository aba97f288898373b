//! Tells bad rows from a bad peer.
//!
//! A row that is refused alone while the peer takes others is put aside, so that it blocks nothing.
//! If nothing is taken the peer is at fault, and no row is. Holds ids and revisions only.

use std::collections::HashSet;

use crate::error::Error;
use crate::model::change_set::{Acknowledgement, OutboxKind, OutboxRow, Suspicion};
use crate::model::ids::RecordId;
use crate::model::schema::{Schema, TableIndex};

/// So many rows refused alone, one after the other, are a reason to doubt the peer; more of them
/// once it has taken something in the same sync.
const DOUBTFUL: u32 = 8;
const DOUBTFUL_AFTER_SUCCESS: u32 = 32;

/// The rows that a peer refused alone, in one sync.
#[derive(Default)]
pub(super) struct Refusals {
    /// New records that the peer does not have: refused, or held back because of one that was.
    missing: HashSet<(TableIndex, String)>,
    rows: Vec<Acknowledgement>,
    /// How many of them were refused before the peer took something else: it was working.
    proven: usize,
    in_a_row: u32,
    any_taken: bool,
    last: Option<Error>,
}

/// How a push ends.
pub(super) struct Conclusion {
    /// Rows to put aside: the peer took others after it had refused them.
    pub(super) bad: Vec<Acknowledgement>,
    /// Rows that were refused while the peer took nothing.
    pub(super) suspects: Vec<Acknowledgement>,
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
    /// Starts with the new records that the peer is known not to have.
    pub(super) fn new(missing: Vec<(TableIndex, RecordId)>) -> Self {
        let missing = missing.into_iter();
        Self {
            missing: missing
                .map(|(table, id)| (table, id.into_string()))
                .collect(),
            ..Self::default()
        }
    }

    /// The peer took a piece.
    pub(super) fn taken(&mut self) {
        self.any_taken = true;
        self.in_a_row = 0;
        self.proven = self.rows.len();
    }

    /// The peer refused a piece of one row.
    pub(super) fn refused_alone(&mut self, row: &OutboxRow, error: Error) {
        self.miss(row);
        self.rows.push(row.into());
        self.in_a_row += 1;
        self.last = Some(error);
    }

    /// Whether a row refers to a new record that the peer does not have. The cloud would invent a
    /// visit for it, so it waits; and what refers to it waits too.
    pub(super) fn hold_back(&mut self, schema: &Schema, row: &OutboxRow) -> bool {
        let waits = self.concern(schema, row);
        if waits {
            self.miss(row);
        }
        waits
    }

    /// Whether a row refers to a new record that the peer does not have.
    pub(super) fn concern(&self, schema: &Schema, row: &OutboxRow) -> bool {
        if self.missing.is_empty() {
            return false;
        }
        let columns = schema.table(row.table).columns.iter().zip(&row.values);
        columns
            .filter_map(|(column, value)| Some((column.references.as_deref()?, value.as_text()?)))
            .filter_map(|(table, id)| Some((schema.find(table)?, id.to_owned())))
            .any(|record| self.missing.contains(&record))
    }

    /// The peer does not get this row now: if it is a new one, what refers to it must wait.
    pub(super) fn miss(&mut self, row: &OutboxRow) {
        if row.kind == OutboxKind::Created {
            self.missing.insert((row.table, row.id.as_str().to_owned()));
        }
    }

    pub(super) fn are_doubtful(&self) -> bool {
        self.in_a_row
            >= if self.any_taken {
                DOUBTFUL_AFTER_SUCCESS
            } else {
                DOUBTFUL
            }
    }

    /// What to put aside, and how the push ends.
    pub(super) fn conclude(mut self, outcome: Result<(), Error>) -> Conclusion {
        let (bad, suspects, outcome) = match (outcome, self.last) {
            (Ok(()), Some(error)) if !self.any_taken => (Vec::new(), self.rows, Err(error)),
            (Ok(()), _) => (self.rows, Vec::new(), Ok(())),
            (Err(error), _) => {
                self.rows.truncate(self.proven);
                (self.rows, Vec::new(), Err(error))
            }
        };
        Conclusion {
            bad,
            suspects,
            outcome,
        }
    }
}
