//! The database as the sync engine sees it. Every call is one transaction on the writer or reader.

use super::connection::{self, APPLY_CACHE_KIB, CHECKPOINT_PAGES, Commits, WRITER_CACHE_KIB};
use super::database::{Database, WriterState};
use super::{apply, outbox, peers, records};
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{Acknowledgement, OutboxPage, OutboxPosition, PullReply, PushClass};
use crate::model::ids::PeerId;
use crate::model::report::ApplyReport;
use crate::ports::{ChangeSource, MergeRule, SyncStore};

/// A pull of more rows gets a larger page cache and ends with a checkpoint.
const LARGE_APPLY_ROWS: u64 = 1_000;

/// A larger cache, and a log that grows until all is in it.
fn prepare_for_much(state: &WriterState) -> Result<()> {
    connection::set_cache_kib(&state.connection, APPLY_CACHE_KIB)?;
    connection::set_checkpoint_pages(&state.connection, 0)
}

/// What was committed is committed: none of this makes it undone.
fn end_of_much(state: &WriterState) {
    let _ = connection::set_cache_kib(&state.connection, WRITER_CACHE_KIB);
    let _ = connection::set_checkpoint_pages(&state.connection, CHECKPOINT_PAGES);
}

impl SyncStore for Database {
    fn cursor(&self, peer: &PeerId) -> Result<i64> {
        self.peer_status(peer).wait().map(|status| status.cursor)
    }

    fn apply_pull(
        &self,
        peer: &PeerId,
        reply: &PullReply,
        mut source: Box<dyn ChangeSource>,
        merge: MergeRule,
        cancel: &CancelToken,
    ) -> Result<ApplyReport> {
        let (peer, cancel) = (peer.clone(), cancel.clone());
        let (cursor, skew_ms, full) = (reply.timestamp, reply.skew_ms, reply.full);
        let large = reply.upserts + reply.deletions > LARGE_APPLY_ROWS;
        let report = self.writer(move |state| {
            if large {
                prepare_for_much(state)?;
            }
            let report = state.repeatable(true, |tx| {
                if full {
                    records::remove_own_rows(tx)?;
                }
                let report = apply::apply(tx, &mut *source, merge, &cancel)?;
                // A pull of everything announces no deletions: the cursor, where there is one, must
                // not move past those that only the next pull of changes tells.
                if !full || peers::status(tx.connection, &peer)?.cursor <= 0 {
                    peers::set_cursor(tx.connection, &peer, cursor)?;
                }
                peers::set_skew(tx.connection, &peer, skew_ms)?;
                if full {
                    peers::note_full_pull(tx.connection, &peer)?;
                }
                Ok(report)
            });
            if large {
                end_of_much(state);
            }
            report
        });
        let report = report.wait()?;
        if large {
            // Not by the writer: others may write meanwhile. Nobody waits for it.
            let _ = self.move_log();
        }
        Ok(report)
    }

    fn collect(
        &self,
        _peer: &PeerId,
        class: PushClass,
        after: &OutboxPosition,
        limit: usize,
    ) -> Result<OutboxPage> {
        let after = *after;
        self.read(move |connection, context| {
            outbox::collect(
                connection,
                &context.schema,
                &context.sql,
                class,
                &after,
                limit,
            )
        })
        .wait()
    }

    fn acknowledge(&self, _peer: &PeerId, taken: Vec<Acknowledgement>) -> Result<()> {
        self.writer(move |state| {
            state.repeatable(false, |tx| {
                outbox::acknowledge(tx.connection, &tx.context.schema, &taken)
            })
        })
        .wait()
    }

    fn quarantine(
        &self,
        _peer: &PeerId,
        rows: Vec<Acknowledgement>,
        reason: &'static str,
    ) -> Result<()> {
        self.writer(move |state| {
            state.transaction(false, |tx| {
                outbox::quarantine(tx.connection, &tx.context.schema, &rows, reason)
            })
        })
        .wait()
    }

    fn note_success(&self, peer: &PeerId, skew_ms: i64) -> Result<()> {
        let peer = peer.clone();
        self.writer(move |state| {
            state.transaction(false, |tx| {
                peers::set_skew(tx.connection, &peer, skew_ms)?;
                peers::note_success(tx.connection, &peer, tx.context.clock.now_ms())
            })
        })
        .wait()
    }
}
