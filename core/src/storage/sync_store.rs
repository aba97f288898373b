//! The database as the sync engine sees it. Every call is one transaction on the writer or reader.

use std::sync::Arc;

use super::connection::{self, APPLY_CACHE_KIB, CHECKPOINT_PAGES, WRITER_CACHE_KIB};
use super::database::{Database, WriterState};
use super::{acknowledge, apply, aside, collect, holders, outbox, peers, records, sent};
use crate::cancel::CancelToken;
use crate::error::{ErrorCode, Result};
use crate::model::change_set::{
    Acknowledgement, Noted, OutboxPage, OutboxPosition, PieceLimit, PullReply, PushClass, Refusal,
    Suspicion,
};
use crate::model::ids::{PeerId, PeerKind};
use crate::model::merge::MergeRule;
use crate::model::report::ApplyReport;
use crate::model::terms::PeerTerms;
use crate::pending::Pending;
use crate::ports::{ChangeSource, SyncStore};

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
        terms: &PeerTerms,
        reply: &PullReply,
        mut source: Box<dyn ChangeSource>,
        rule: Arc<dyn MergeRule>,
        cancel: &CancelToken,
    ) -> Result<ApplyReport> {
        let (terms, reply, cancel) = (terms.clone(), reply.clone(), cancel.clone());
        let large = reply.upserts + reply.deletions > LARGE_APPLY_ROWS;
        let report = self.writer(move |state| {
            if large {
                prepare_for_much(state)?;
            }
            let report = state.repeatable(true, |tx| {
                let (kind, before) = (terms.id.kind(), peers::status(tx.connection, &terms.id)?);
                let cloud = peers::status(tx.connection, &PeerId::cloud())?;
                // What the cloud said about rights, no hub replaces.
                if reply.full && (kind == PeerKind::Cloud || cloud.cursor <= 0) {
                    records::remove_own_rows(tx, |table| reply.tables.contains(&table))?;
                }
                let report = apply::apply(tx, &terms, &reply, &mut *source, rule, &cancel)?;
                // The cloud announces no deletions with everything: its cursor, where there is one,
                // must not move past those that only the next pull of changes tells.
                if !reply.full || kind == PeerKind::Hub || before.cursor <= 0 {
                    peers::set_cursor(tx.connection, &terms.id, reply.timestamp)?;
                }
                peers::set_skew(tx.connection, &terms.id, reply.skew_ms)?;
                if reply.full {
                    let now_ms = tx.context.clock.now_ms();
                    peers::note_full_pull(tx.connection, &terms.id, now_ms)?;
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
            drop(self.move_log());
        }
        Ok(report)
    }

    fn collect(
        &self,
        terms: &PeerTerms,
        class: PushClass,
        after: &OutboxPosition,
        limit: PieceLimit,
    ) -> Pending<OutboxPage> {
        let (terms, after) = (terms.clone(), *after);
        // Beside the writer, which notes meanwhile what was taken of the page before.
        self.read(move |connection, context| {
            collect::collect(connection, context, &terms, class, &after, limit)
        })
    }

    fn waits_as(&self, row: &Acknowledgement) -> Result<bool> {
        let (index, id, revision) = (row.table, row.id.clone(), row.revision);
        self.read(move |connection, context| {
            let table = context.schema.table(index);
            let entry = outbox::find(connection, table, id.as_str())?;
            Ok(entry.is_some_and(|entry| entry.revision == revision))
        })
        .wait()
    }

    fn noted(&self, peer: &PeerId) -> Result<Noted> {
        let peer = peer.clone();
        self.read(move |connection, context| {
            let now_ms = context.clock.now_ms();
            aside::noted(connection, &context.schema, &peer, now_ms)
        })
        .wait()
    }

    fn acknowledge(&self, terms: &PeerTerms, taken: Vec<Acknowledgement>) -> Result<()> {
        let terms = terms.clone();
        self.writer(move |state| {
            state.repeatable(false, |tx| acknowledge::acknowledge(tx, &terms, &taken))
        })
        .wait()
    }

    fn quarantine(&self, peer: &PeerId, rows: Vec<Refusal>) -> Result<()> {
        let peer = peer.clone();
        self.writer(move |state| {
            state.transaction(false, |tx| {
                let now_ms = tx.context.clock.now_ms();
                aside::put(tx.connection, &tx.context.schema, &peer, &rows, now_ms)
            })
        })
        .wait()
    }

    fn suspect(&self, peer: &PeerId, rows: Vec<Acknowledgement>) -> Result<Vec<Suspicion>> {
        let peer = peer.clone();
        self.writer(move |state| {
            state.transaction(false, |tx| {
                let now_ms = tx.context.clock.now_ms();
                aside::suspect(tx.connection, &tx.context.schema, &peer, &rows, now_ms)
            })
        })
        .wait()
    }

    fn note_success(&self, peer: &PeerId, skew_ms: i64) -> Result<()> {
        let peer = peer.clone();
        self.writer(move |state| {
            state.transaction(false, |tx| {
                let now_ms = tx.context.clock.now_ms();
                peers::set_skew(tx.connection, &peer, skew_ms)?;
                sent::forget_old(tx.connection, &tx.context.schema, now_ms)?;
                holders::forget_old(tx.connection)?;
                peers::note_success(tx.connection, &peer, now_ms)
            })
        })
        .wait()
    }

    fn note_failure(&self, peer: &PeerId, code: ErrorCode, next_try_ms: Option<i64>) -> Result<()> {
        let peer = peer.clone();
        self.writer(move |state| {
            state.transaction(false, |tx| {
                let now_ms = tx.context.clock.now_ms();
                peers::note_failure(tx.connection, &peer, code, next_try_ms, now_ms)
            })
        })
        .wait()
    }
}
