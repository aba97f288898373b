//! Tells bad rows from a bad peer.
//!
//! A row that is refused alone while the peer takes others is put aside, so that it blocks nothing.
//! If nothing is taken the peer is at fault, and no row is. Holds ids and revisions only.

use std::collections::HashSet;

use crate::error::Error;
use crate::model::change_set::{Acknowledgement, OutboxKind, OutboxRow};
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

impl Refusals {
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

    fn miss(&mut self, row: &OutboxRow) {
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
    pub(super) fn conclude(
        mut self,
        outcome: Result<(), Error>,
    ) -> (Vec<Acknowledgement>, Result<(), Error>) {
        match (outcome, self.last) {
            (Ok(()), Some(error)) if !self.any_taken => (Vec::new(), Err(error)),
            (Ok(()), _) => (self.rows, Ok(())),
            (Err(error), _) => {
                self.rows.truncate(self.proven);
                (self.rows, Err(error))
            }
        }
    }
}
