//! Push: the outbox in pieces, each acknowledged before the next is sent.
//!
//! Parents before children, later stages in requests of their own, deletions last. A refused piece
//! is halved until the bad row is alone. Never changes a row, and never acknowledges one that the
//! peer did not take in the revision that was sent.

use super::checks::{Check, check};
use super::engine::Run;
use super::refusals::{Bad, Refusals, Refused, is_bad};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    Acknowledgement, OutboxKind, OutboxPosition, OutboxRow, PieceLimit, PushClass, PushFailure,
    Refusal, Revision,
};
use crate::model::ids::PeerKind;
use crate::model::notice::SyncPhase;
use crate::model::schema::{Direction, Schema};

/// One piece: about a second and a half of the cloud's time, and what a poor network carries in
/// one go. A single row may be larger.
const PIECE_ROWS: usize = 300;
const PIECE_BYTES: usize = 512 * 1024;
/// What is read at once: a few pieces, since each that is acknowledged empties what a reader of the
/// database knows of it.
pub(super) const fn page(begun: Revision) -> PieceLimit {
    PieceLimit {
        rows: 4 * PIECE_ROWS,
        bytes: 2 * PIECE_BYTES,
        begun,
    }
}

/// After syncs that failed the first pieces are smaller, half as large for each of them, up to so many
/// times: what breaks off on a poor line would break off again. Each that is taken doubles the next.
pub(super) const MAX_CAUTION: u32 = 4;

/// How often in one push the peer is doubted and found to work: more is for the next one, after a pause.
const MAX_DOUBTS: usize = 8;

/// How far a push got.
enum Ended {
    /// To the end.
    Sent,
    /// So many rows were refused one after the other that it may be the peer.
    InDoubt(Error),
}

impl Run<'_> {
    /// Sends what the peer has not taken yet.
    pub(super) fn push_all(&mut self) -> Result<()> {
        let engine = self.engine;
        engine.cancel.check()?;
        self.reporter.begin(SyncPhase::Pushing, None);
        let noted = engine.store.noted(&engine.terms.id)?;
        if !noted.waits {
            return Ok(());
        }
        self.begun = noted.newest;
        let mut refusals = Refusals::new(noted);
        let outcome = self.push_classes(&mut refusals);
        self.report.waiting += refusals.waiting();
        let conclusion = refusals.conclude(outcome, engine.clock.now_ms());
        if engine.cancel.is_cancelled() {
            return conclusion.outcome;
        }
        self.put_aside(conclusion.aside)?;
        let all_aside = self.suspect(conclusion.suspects)?;
        match (conclusion.outcome, conclusion.doubt) {
            (Ok(()), Some(error)) if !all_aside => Err(error),
            (outcome, _) => outcome,
        }
    }

    fn push_classes(&mut self, refusals: &mut Refusals) -> Result<()> {
        let upserts =
            (0..=last_stage(self.engine.schema)).map(|stage| PushClass::Upserts { stage });
        let classes: Vec<_> = upserts.chain([PushClass::Deletions]).collect();
        for _ in 0..MAX_DOUBTS {
            refusals.begin_again();
            let Ended::InDoubt(error) = self.push_in_order(&classes, refusals)? else {
                if self.send_refused_again(refusals)? {
                    // With what belongs to it, and without the others.
                    let now_ms = self.engine.clock.now_ms();
                    let refused = refusals.take_refused(now_ms);
                    self.put_aside(refused)?;
                    continue;
                }
                return Ok(());
            };
            if !self.probe(&classes, refusals)? {
                return Err(error);
            }
            if self.takes_now(refusals)? {
                // It was down, and is no more.
                refusals.forget_refused();
                continue;
            }
            // It was the rows: without them, from the start. Less waits than before.
            let now_ms = self.engine.clock.now_ms();
            let refused = refusals.take_refused(now_ms);
            self.put_aside(refused)?;
        }
        refusals.begin_again();
        match self.push_in_order(&classes, refusals)? {
            Ended::Sent => Ok(()),
            Ended::InDoubt(error) => Err(error),
        }
    }

    /// Sends each row that was refused once more, since the peer takes others, and puts aside what it
    /// refuses again. Whether it took one after all: it was down for a moment.
    fn send_refused_again(&mut self, refusals: &mut Refusals) -> Result<bool> {
        let mut any = false;
        self.let_go_of_older(refusals)?;
        for row in refusals.refused_once() {
            match self.send(std::slice::from_ref(&row))? {
                None => {
                    refusals.taken_after_all(&row);
                    any = true;
                }
                Some(_) => refusals.refused_again(&row),
            }
        }
        let aside = refusals.take_refused_twice(self.engine.clock.now_ms());
        self.put_aside(aside)?;
        Ok(any)
    }

    /// Sends the first and the last of the refused rows once more: whether the peer takes one of them
    /// now. It acknowledges what is taken.
    fn takes_now(&mut self, refusals: &mut Refusals) -> Result<bool> {
        self.let_go_of_older(refusals)?;
        for row in refusals.first_and_last() {
            if self.send(&[row])?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Of a record that was edited or deleted since it was refused, the newer version may have gone.
    fn let_go_of_older(&self, refusals: &mut Refusals) -> Result<()> {
        let store = self.engine.store;
        refusals.retain(|row| store.waits_as(row))
    }

    fn push_in_order(&mut self, classes: &[PushClass], refusals: &mut Refusals) -> Result<Ended> {
        for class in classes {
            if let Ended::InDoubt(error) = self.push_class(*class, refusals)? {
                return Ok(Ended::InDoubt(error));
            }
        }
        Ok(Ended::Sent)
    }

    fn push_class(&mut self, class: PushClass, refusals: &mut Refusals) -> Result<Ended> {
        let engine = self.engine;
        let limit = page(self.begun);
        let collect =
            |after: &OutboxPosition| engine.store.collect(&engine.terms, class, after, limit);
        let mut after = OutboxPosition::default();
        let mut page = collect(&after).wait()?;
        loop {
            engine.cancel.check()?;
            // The next page is read while this one is sent. What is written meanwhile to a record of
            // it has another revision, and stays.
            let ahead = match page.next {
                Some(next) if next > after => Some((next, collect(&next))),
                Some(_) => return Err(Error::internal("the outbox does not move on")),
                None => None,
            };
            refusals.wait(&page.waiting);
            let rows = self.sendable(page.rows, refusals)?;
            let alone = class == PushClass::Deletions && engine.terms.id.kind() == PeerKind::Cloud;
            let ended = self.push_pieces(pieces(engine.schema, alone, &rows), refusals)?;
            let (Ended::Sent, Some((next, ahead))) = (&ended, ahead) else {
                return Ok(ended);
            };
            after = next;
            page = ahead.wait()?;
        }
    }

    /// The rows that may be sent; those that the peer could only refuse or ruin are put aside.
    pub(super) fn sendable(
        &mut self,
        rows: Vec<OutboxRow>,
        refusals: &mut Refusals,
    ) -> Result<Vec<OutboxRow>> {
        let engine = self.engine;
        let mut sendable = Vec::with_capacity(rows.len());
        let mut aside = Vec::new();
        for row in rows {
            if row.kind == OutboxKind::Deleted && self.unseen.contains(&(row.table, row.id.clone()))
            {
                // The next sync pulls first, and finds what it was merged into.
                continue;
            }
            match check(engine.schema, &engine.terms, &row) {
                Check::Send => sendable.push(row),
                Check::Wait => refusals.miss(&row),
                Check::Refuse(reason) => {
                    refusals.miss(&row);
                    aside.push(Refusal {
                        row: (&row).into(),
                        reason,
                        retry_ms: None,
                        by_peer: false,
                    });
                }
            }
        }
        self.put_aside(aside)?;
        Ok(sendable)
    }

    /// Sends pieces in their order, halving those that are refused.
    fn push_pieces(&mut self, pieces: Vec<&[OutboxRow]>, refusals: &mut Refusals) -> Result<Ended> {
        // The next piece is the last one.
        let mut todo = pieces;
        todo.reverse();
        let schema = self.engine.schema;
        while let Some(piece) = todo.pop() {
            if let Some(at) = piece.iter().position(|row| refusals.hold_back(schema, row)) {
                let (before, rest) = piece.split_at(at);
                todo.extend(
                    [&rest[1..], before]
                        .into_iter()
                        .filter(|part| !part.is_empty()),
                );
                continue;
            }
            if let Some((first, second)) = self.for_a_poor_line(piece) {
                todo.extend([second, first]);
                continue;
            }
            match (self.send(piece)?, piece) {
                (None, _) => {
                    refusals.taken();
                    self.caution = self.caution.saturating_sub(1);
                }
                (Some(refused), [row]) => {
                    let error = refused.error.clone();
                    refusals.refused_alone(row, refused);
                    if refusals.are_doubtful() {
                        return Ok(Ended::InDoubt(error));
                    }
                }
                (Some(_), rows) => {
                    let (first, second) = rows.split_at(rows.len() / 2);
                    todo.push(second);
                    todo.push(first);
                }
            }
        }
        Ok(Ended::Sent)
    }

    /// The halves of a piece that is too large as long as the line is not known to carry that much.
    fn for_a_poor_line<'r>(
        &self,
        piece: &'r [OutboxRow],
    ) -> Option<(&'r [OutboxRow], &'r [OutboxRow])> {
        let rows = piece.len();
        if self.caution == 0 || rows == 1 {
            return None;
        }
        let bytes: usize = piece.iter().map(OutboxRow::bytes).sum();
        let is_small = rows <= PIECE_ROWS >> self.caution && bytes <= PIECE_BYTES >> self.caution;
        (!is_small).then(|| piece.split_at(rows / 2))
    }

    /// Sends one piece and acknowledges it, or tells why the peer refused it. An error is one that
    /// says nothing about the rows.
    pub(super) fn send(&mut self, piece: &[OutboxRow]) -> Result<Option<Refused>> {
        let engine = self.engine;
        loop {
            engine.cancel.check()?;
            self.report.requests += 1;
            let (result, ms) = self.timed(|| engine.peer.push(piece, engine.cancel));
            self.report.push_ms += ms;
            let (error, signed) = match result {
                Ok(()) => {
                    self.patience.renew();
                    return self.acknowledge(piece).map(|()| None);
                }
                Err(PushFailure::Refused(error)) => (error, Some(true)),
                Err(PushFailure::Hinted(error)) => (error, Some(false)),
                Err(PushFailure::Stopped(error)) => (error, None),
            };
            engine.cancel.check()?;
            // A server that is away for a while may say for how long.
            let told_to_wait = error.code() == ErrorCode::RateLimited
                || (signed.is_none() && error.retry_after().is_some());
            if !told_to_wait {
                return match signed {
                    Some(signed) => Ok(Some(Refused { error, signed })),
                    None => Err(error),
                };
            }
            let Some(pause) = self.patience.after(&error, engine.entropy)? else {
                return Err(error);
            };
            self.wait(pause)?;
        }
    }

    fn acknowledge(&mut self, piece: &[OutboxRow]) -> Result<()> {
        let taken = piece.iter().map(Acknowledgement::from).collect();
        self.engine.store.acknowledge(&self.engine.terms, taken)?;
        for row in piece {
            match row.kind {
                OutboxKind::Deleted => self.report.pushed_deletions += 1,
                OutboxKind::Created | OutboxKind::Updated => self.report.pushed += 1,
            }
            let has_key = !self.engine.schema.table(row.table).natural_key.is_empty();
            if has_key && row.kind == OutboxKind::Created && self.engine.terms.last_word {
                self.unseen.insert((row.table, row.id.clone()));
            }
        }
        let rows = self.report.pushed + self.report.pushed_deletions;
        self.reporter.advance(0, rows);
        Ok(())
    }

    fn put_aside(&mut self, rows: Vec<Refusal>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        self.report.quarantined += rows.len() as u64;
        let engine = self.engine;
        engine.store.quarantine(&engine.terms.id, rows)
    }

    /// Rows that were refused in a sync in which nothing was taken. The pull went well, so the peer
    /// is not down; if the same happens again later, it is the rows. They are tried again by
    /// themselves, since that is no proof. Whether all of them were put aside.
    fn suspect(&mut self, suspects: Vec<Bad>) -> Result<bool> {
        if suspects.is_empty() {
            return Ok(true);
        }
        let engine = self.engine;
        let rows: Vec<_> = suspects.iter().map(|bad| bad.row().clone()).collect();
        let histories = engine.store.suspect(&engine.terms.id, rows)?;
        let count = suspects.len();
        let bad = suspects
            .into_iter()
            .zip(histories)
            .filter(|(_, history)| is_bad(history))
            .map(|(bad, history)| bad.put_aside(false, history.now_ms))
            .collect::<Vec<_>>();
        let all = bad.len() == count;
        self.put_aside(bad)?;
        Ok(all)
    }
}

fn last_stage(schema: &Schema) -> u8 {
    schema
        .tables()
        .filter(|(_, table)| table.direction == Direction::Both)
        .map(|(_, table)| table.push_stage)
        .max()
        .unwrap_or(0)
}

/// A page as the pieces to send. At the cloud the deletion of a record with children is a piece of
/// its own: it deletes the children too, and a failure among them must not stop other deletions.
fn pieces<'r>(schema: &Schema, alone: bool, rows: &'r [OutboxRow]) -> Vec<&'r [OutboxRow]> {
    let alone = |row: &OutboxRow| alone && !schema.table(row.table).children.is_empty();
    let (mut count, mut bytes) = (0, 0);
    let together = |a: &OutboxRow, b: &OutboxRow| {
        count += 1;
        bytes += a.bytes();
        let fits = count < PIECE_ROWS && bytes + b.bytes() <= PIECE_BYTES;
        let together = !alone(a) && !alone(b) && fits;
        if !together {
            (count, bytes) = (0, 0);
        }
        together
    };
    rows.chunk_by(together).collect()
}
