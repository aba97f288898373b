//! A peer whose reply is a text at hand: the decoding of a real pull without a network, for
//! measurements and tests.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::limits::SizeLimits;
use super::wire::{self, Decoder};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::model::change_set::{OutboxRow, PullReply, PullRequest, PushFailure};
use crate::model::schema::Schema;
use crate::ports::{ChangeSink, SyncPeer};

/// Answers one pull with a text, and takes every push.
pub struct TextPeer<R> {
    schema: Arc<Schema>,
    text: Mutex<Option<R>>,
    pushed: Mutex<Pushed>,
}

/// What a [`TextPeer`] was sent.
#[derive(Clone, Copy, Default, Debug)]
pub struct Pushed {
    /// Records and deletions.
    pub rows: u64,
    /// Bytes of the bodies.
    pub bytes: u64,
    /// Milliseconds that writing them took.
    pub ms: f64,
}

impl<R: Read + Send> TextPeer<R> {
    /// A peer that has this to say, once.
    pub fn new(schema: Arc<Schema>, text: R) -> Self {
        Self {
            schema,
            text: Mutex::new(Some(text)),
            pushed: Mutex::default(),
        }
    }

    /// What it was sent so far.
    pub fn pushed(&self) -> Pushed {
        *self.pushed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<R: Read + Send> SyncPeer for TextPeer<R> {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        _on_bytes: &mut dyn FnMut(u64),
        _cancel: &CancelToken,
    ) -> Result<PullReply> {
        let text = self
            .text
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .ok_or(Error::internal("this peer answers once"))?;
        let mut reply = Decoder::new(&self.schema, "nobody", sink, SizeLimits::PULL).read(text)?;
        reply.full = request.cursor <= 0;
        Ok(reply)
    }

    fn push(&self, piece: &[OutboxRow], _: &CancelToken) -> Result<(), PushFailure> {
        let start = Instant::now();
        let body = wire::encode(&self.schema, piece).map_err(PushFailure::Stopped)?;
        let mut pushed = self.pushed.lock().unwrap_or_else(PoisonError::into_inner);
        pushed.rows += piece.len() as u64;
        pushed.bytes += body.len() as u64;
        pushed.ms += start.elapsed().as_secs_f64() * 1000.0;
        Ok(())
    }
}
