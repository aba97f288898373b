//! Pull: ask, spool, apply. While the peer is asked the store is only read once, for the cursor;
//! the changes reach it in one piece, together with the new cursor, or not at all.

use std::sync::atomic::{AtomicU64, Ordering};

use super::engine::Run;
use super::merge::merge;
use super::spool::{Spool, SpoolReader};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{PullReply, PullRequest, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::notice::SyncPhase;
use crate::model::schema::TableIndex;
use crate::ports::ChangeSink;

/// Asked for once more: a row that was being written while the peer answered carries an earlier
/// time than the peer's answer, and would never come.
const OVERLAP_MS: i64 = 5 * 60 * 1000;

impl Run<'_> {
    /// The changes since the last pull, and everything if that was asked for. Both, since a pull
    /// of everything announces no deletions.
    pub(super) fn pull_all(&mut self) -> Result<()> {
        let engine = self.engine;
        engine.cancel.check()?;
        let stored = engine.store.cursor(&engine.peer_id)?;
        if stored > 0 {
            self.pull_and_apply(cursor_to_ask(stored))?;
        }
        if stored <= 0 || engine.full_pull {
            self.pull_and_apply(0)?;
        }
        Ok(())
    }

    fn pull_and_apply(&mut self, cursor: i64) -> Result<()> {
        let (reply, changes) = self.pull_patiently(&PullRequest { cursor })?;
        self.apply(&reply, changes)
    }

    fn pull_patiently(&mut self, request: &PullRequest) -> Result<(PullReply, SpoolReader)> {
        loop {
            self.engine.cancel.check()?;
            self.reporter.begin(SyncPhase::Pulling, None);
            self.report.requests += 1;
            let (result, ms) = self.timed(|| self.pull_once(request));
            self.report.pull_ms += ms;
            let error = match result {
                Ok(pulled) => return Ok(pulled),
                Err(error) => error,
            };
            self.engine.cancel.check()?;
            let Some(pause) = self.patience.after(&error, self.engine.entropy)? else {
                return Err(error);
            };
            self.wait(pause)?;
        }
    }

    fn pull_once(&self, request: &PullRequest) -> Result<(PullReply, SpoolReader)> {
        let engine = self.engine;
        let mut spool = Spool::create(engine.spool_directory, engine.entropy)?.watched(engine.disk);
        let rows = AtomicU64::new(0);
        let mut sink = Counted {
            spool: &mut spool,
            rows: &rows,
        };
        let reply = engine.peer.pull(
            request,
            &mut sink,
            &mut |bytes| self.reporter.advance(bytes, rows.load(Ordering::Relaxed)),
            engine.cancel,
        )?;
        if reply.timestamp <= 0 {
            return Err(Error::new(
                ErrorCode::Protocol,
                "the peer's reply has no usable time",
            ));
        }
        Ok((reply, spool.into_reader()?))
    }

    fn apply(&mut self, reply: &PullReply, changes: SpoolReader) -> Result<()> {
        let engine = self.engine;
        engine.cancel.check()?;
        let rows = reply.upserts.saturating_add(reply.deletions);
        self.reporter.begin(SyncPhase::Applying, Some(rows));
        let (applied, ms) = self.timed(|| {
            engine.store.apply_pull(
                &engine.peer_id,
                reply,
                Box::new(changes),
                merge,
                engine.cancel,
            )
        });
        self.report.apply_ms += ms;
        self.report.applied.add(&applied?);
        self.reporter.advance(0, rows);
        self.report.pulled += reply.upserts;
        self.report.pulled_deletions += reply.deletions;
        self.report.bytes += reply.bytes;
        self.report.skipped.add(&reply.skipped);
        self.skew_ms = reply.skew_ms;
        Ok(())
    }
}

/// The stored cursor with the overlap taken off; never 0, which would ask for everything and turn
/// the announcement of deletions off.
fn cursor_to_ask(stored: i64) -> i64 {
    stored.saturating_sub(OVERLAP_MS).max(1)
}

/// A spool whose rows are counted while they come.
struct Counted<'a> {
    spool: &'a mut Spool,
    rows: &'a AtomicU64,
}

impl ChangeSink for Counted<'_> {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.spool.upsert(table, row)
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        self.rows.fetch_add(1, Ordering::Relaxed);
        self.spool.delete(table, id)
    }
}
