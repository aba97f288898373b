//! Tells bad rows from a bad peer.
//!
//! A row that is refused alone while the peer takes others is put aside, so that it blocks nothing.
//! If nothing is taken the peer is at fault, and no row is. Holds ids and revisions only.

use crate::error::Error;
use crate::model::change_set::{Acknowledgement, OutboxRow};

/// So many rows refused alone, one after the other, are a reason to doubt the peer; more of them
/// once it has taken something in the same sync.
const DOUBTFUL: u32 = 8;
const DOUBTFUL_AFTER_SUCCESS: u32 = 32;

/// The rows that a peer refused alone, in one sync.
#[derive(Default)]
pub(super) struct Refusals {
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
        self.rows.push(row.into());
        self.in_a_row += 1;
        self.last = Some(error);
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
