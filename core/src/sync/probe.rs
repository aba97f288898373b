//! Whether a peer that refused many rows takes any other: then it was the rows, else it is down.
//!
//! Looks through all that waits, and sends single rows of each table, farther apart the more there are.
//! Never sends one that refers to a new record which the peer does not have: it would invent that.

use std::collections::HashSet;

use super::backoff::up_to;
use super::engine::Run;
use super::push::page;
use super::refusals::{Record, Refusals, record_of, refers_to_any};
use crate::error::{Error, Result};
use crate::model::change_set::{OutboxPosition, OutboxRow, PushClass};
use crate::model::schema::TableIndex;
use crate::ports::Entropy;

impl Run<'_> {
    /// Sends single rows until the peer takes one. Whether it did.
    pub(super) fn probe(&mut self, classes: &[PushClass], refusals: &mut Refusals) -> Result<bool> {
        let mut unsent = refusals.missing().clone();
        for class in classes {
            let mut strata = Strata::default();
            let mut after = OutboxPosition::default();
            loop {
                let engine = self.engine;
                engine.cancel.check()?;
                let limit = page(self.begun);
                let page = engine.store.collect(&engine.terms, *class, &after, limit);
                let page = page.wait()?;
                refusals.wait(&page.waiting);
                let rows = self.sendable(page.rows, refusals)?;
                unsent.extend(refusals.missing().iter().cloned());
                let rows = self.open_to_the_peer(rows, refusals, &mut unsent);
                for row in strata.choose(&rows, engine.entropy)? {
                    match self.send(std::slice::from_ref(row))? {
                        None => {
                            refusals.taken();
                            return Ok(true);
                        }
                        Some(refused) => refusals.refused_alone(row, refused),
                    }
                }
                match page.next {
                    Some(next) if next > after => after = next,
                    Some(_) => return Err(Error::internal("the outbox does not move on")),
                    None => break,
                }
            }
        }
        Ok(false)
    }

    /// The rows that refer to nothing the peer lacks, and that it has not refused in this sync. None of
    /// them is sent by this, so what refers to a new one is left out.
    fn open_to_the_peer(
        &self,
        mut rows: Vec<OutboxRow>,
        refusals: &Refusals,
        unsent: &mut HashSet<Record>,
    ) -> Vec<OutboxRow> {
        rows.retain(|row| {
            let waits = refers_to_any(self.engine.schema, row, unsent);
            if row.may_be_new_there() {
                unsent.insert(record_of(row));
            }
            !waits && !refusals.has_refused(row)
        });
        rows
    }
}

/// Which rows of a class were passed: of each table the first, then one of the next three, of the next
/// twelve, and so on, at random, so that no row is never tried.
#[derive(Default)]
struct Strata {
    table: Option<TableIndex>,
    passed: u64,
}

impl Strata {
    fn choose<'r>(
        &mut self,
        rows: &'r [OutboxRow],
        entropy: &dyn Entropy,
    ) -> Result<Vec<&'r OutboxRow>> {
        let mut chosen = Vec::new();
        for of_table in rows.chunk_by(|a, b| a.table == b.table) {
            if self.table != of_table.first().map(|row| row.table) {
                self.table = of_table.first().map(|row| row.table);
                self.passed = 0;
            }
            let mut rest = of_table;
            while !rest.is_empty() {
                // To the end of the stratum, or of the page.
                let left = (end_of_stratum(self.passed) - self.passed).min(rest.len() as u64);
                let (stratum, after) = rest.split_at(left as usize);
                let at = up_to(left - 1, entropy)?;
                chosen.extend(stratum.get(at as usize));
                self.passed += left;
                rest = after;
            }
        }
        Ok(chosen)
    }
}

/// 1, 4, 16, 64 and so on: the first that is larger.
fn end_of_stratum(passed: u64) -> u64 {
    let mut end = 1_u64;
    while end <= passed {
        end = end.saturating_mul(4);
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strata_grow_and_follow_each_other() {
        let mut ends = vec![];
        let mut passed = 0;
        while passed < 1_000 {
            passed = end_of_stratum(passed);
            ends.push(passed);
        }
        assert_eq!(ends, [1, 4, 16, 64, 256, 1_024]);
    }
}
