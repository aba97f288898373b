//! Pull: ask, spool, apply. While the peer is asked the store is only read once, for the cursor;
//! the changes reach it in one piece, together with the new cursor, or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::engine::Run;
use super::spool::{Spool, SpoolReader};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{PullReply, PullRequest, RemoteRow};
use crate::model::ids::{PeerKind, RecordId};
use crate::model::notice::SyncPhase;
use crate::model::schema::TableIndex;
use crate::ports::ChangeSink;

/// Asked for once more: a row that was being written while the peer answered carries an earlier
/// time than the peer's answer, and would never come.
const OVERLAP_MS: i64 = 5 * 60 * 1000;

impl Run<'_> {
    /// What to ask for: the changes since the last pull, and everything where that is due. From
    /// the cloud both, since it announces no deletions with everything; a hub does.
    pub(super) fn plan_pulls(&self) -> Result<Vec<PullRequest>> {
        let engine = self.engine;
        engine.cancel.check()?;
        let kind = engine.terms.id.kind();
        let stored = engine.store.cursor(&engine.terms.id)?;
        let everything = stored <= 0 || engine.full_pull;
        let changes = stored > 0 && !(everything && kind == PeerKind::Hub);
        let cursors = [
            changes.then(|| cursor_to_ask(stored)),
            everything.then(|| kind.full_cursor()),
        ];
        let requests = cursors.into_iter().flatten();
        Ok(requests.map(|cursor| PullRequest { cursor }).collect())
    }

    /// Asks until the peer answers whole, or patience ends.
    pub(super) fn pull(&mut self, request: &PullRequest) -> Result<(PullReply, SpoolReader)> {
        loop {
            self.engine.cancel.check()?;
            self.reporter.begin(SyncPhase::Pulling, None);
            self.report.requests += 1;
            let (result, ms) = self.timed(|| self.pull_once(request));
            self.report.pull_ms += ms;
            let error = match result {
                Ok(pulled) => {
                    self.patience.renew();
                    return Ok(pulled);
                }
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

    /// Merges what was spooled.
    pub(super) fn apply(&mut self, reply: &PullReply, changes: SpoolReader) -> Result<()> {
        let engine = self.engine;
        engine.cancel.check()?;
        let rows = reply.upserts.saturating_add(reply.deletions);
        self.reporter.begin(SyncPhase::Applying, Some(rows));
        let (applied, ms) = self.timed(|| {
            engine.store.apply_pull(
                &engine.terms,
                reply,
                Box::new(changes),
                Arc::clone(&engine.rule),
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
