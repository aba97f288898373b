//! A peer that answers as told, and a log of who was called in which order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::model::change_set::{
    OutboxRow, PullReply, PullRequest, PushClass, PushFailure, RemoteChange, SkipCounts,
};
use crate::model::schema::TableIndex;
use crate::ports::{ChangeSink, SyncPeer};

/// A call that a sync made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// The store's cursor was read.
    Cursor,
    /// The peer was asked for changes after this cursor.
    Pull(i64),
    /// A pull was merged.
    Apply,
    /// The outbox was read.
    Collect(PushClass),
    /// The peer was sent the records with these ids.
    Push(Vec<String>),
    /// So many rows were acknowledged.
    Acknowledge(usize),
    /// So many rows were put aside.
    Quarantine(usize),
    /// The sync ended well, with this skew.
    NoteSuccess(i64),
}

/// The calls of a test, shared by its fakes.
#[derive(Clone, Default, Debug)]
pub struct CallLog(Arc<Mutex<Vec<Call>>>);

impl CallLog {
    /// Notes a call.
    pub fn note(&self, call: Call) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(call);
    }

    /// The calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The cursors that the peer was asked with.
    pub fn pulls(&self) -> Vec<i64> {
        let cursor = |call| match call {
            Call::Pull(cursor) => Some(cursor),
            _ => None,
        };
        self.calls().into_iter().filter_map(cursor).collect()
    }

    /// The ids of each piece that the peer was sent.
    pub fn pushes(&self) -> Vec<Vec<String>> {
        let ids = |call| match call {
            Call::Push(ids) => Some(ids),
            _ => None,
        };
        self.calls().into_iter().filter_map(ids).collect()
    }
}

/// One answer to a pull.
#[derive(Clone, Default, Debug)]
pub struct ScriptedPull {
    /// Handed to the sink, in this order.
    pub changes: Vec<RemoteChange>,
    /// The new cursor.
    pub timestamp: i64,
    /// The peer's clock minus ours.
    pub skew_ms: i64,
    /// The pull breaks off with this, after the changes were handed over.
    pub error: Option<Error>,
}

type PushRule = Box<dyn FnMut(&[OutboxRow]) -> Result<(), PushFailure> + Send>;
type PullHook = Box<dyn FnMut() + Send>;

/// A peer that answers pulls from a list, and pushes by a rule. Without any it has no changes and
/// takes everything.
#[derive(Default)]
pub struct ScriptedPeer {
    log: CallLog,
    pulls: Mutex<VecDeque<ScriptedPull>>,
    on_pull: Mutex<Option<PullHook>>,
    push_rule: Mutex<Option<PushRule>>,
}

impl ScriptedPeer {
    /// A peer that notes its calls in this log.
    pub fn new(log: &CallLog) -> Self {
        Self {
            log: log.clone(),
            ..Self::default()
        }
    }

    /// The answer to a pull that has no other yet.
    pub fn will_answer(&self, pull: ScriptedPull) -> &Self {
        self.pulls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(pull);
        self
    }

    /// Runs in the middle of each pull.
    pub fn on_pull(&self, hook: impl FnMut() + Send + 'static) {
        *self.on_pull.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(hook));
    }

    /// Decides what becomes of each piece.
    pub fn on_push(
        &self,
        rule: impl FnMut(&[OutboxRow]) -> Result<(), PushFailure> + Send + 'static,
    ) {
        *self
            .push_rule
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Box::new(rule));
    }
}

impl SyncPeer for ScriptedPeer {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply> {
        self.log.note(Call::Pull(request.cursor));
        let pull = self
            .pulls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
            .unwrap_or_else(|| ScriptedPull {
                timestamp: request.cursor.max(1),
                ..ScriptedPull::default()
            });
        let mut reply = PullReply {
            timestamp: pull.timestamp,
            skew_ms: pull.skew_ms,
            upserts: 0,
            deletions: 0,
            bytes: 0,
            full: request.cursor <= 0,
            tables: all_tables(),
            skipped: SkipCounts::default(),
        };
        for change in pull.changes {
            match change {
                RemoteChange::Upsert(table, row) => {
                    reply.upserts += 1;
                    sink.upsert(table, row)?;
                }
                RemoteChange::Delete(table, id) => {
                    reply.deletions += 1;
                    sink.delete(table, id)?;
                }
            }
            reply.bytes += 100;
            on_bytes(reply.bytes);
        }
        if let Some(hook) = &mut *self.on_pull.lock().unwrap_or_else(PoisonError::into_inner) {
            hook();
        }
        cancel.check()?;
        pull.error.map_or(Ok(reply), Err)
    }

    fn push(&self, piece: &[OutboxRow], _: &CancelToken) -> Result<(), PushFailure> {
        let ids = piece.iter().map(|row| row.id.to_string()).collect();
        self.log.note(Call::Push(ids));
        match &mut *self
            .push_rule
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
        {
            Some(rule) => rule(piece),
            None => Ok(()),
        }
    }
}

/// More tables than any schema has: a reply that leaves none out.
pub fn all_tables() -> Vec<TableIndex> {
    (0..100).map(TableIndex).collect()
}
