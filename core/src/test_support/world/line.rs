//! The line between a device and a peer, on which a life's faults happen.

use std::sync::{Arc, Mutex};

use super::steps::Fault;
use super::wire::{self, Form};
use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::change_set::{OutboxRow, PullReply, PullRequest, PushFailure};
use crate::ports::{ChangeSink, Clock, SyncPeer};
use crate::test_support::FakeClock;

/// A peer as one device sees it: over a line that breaks, with a clock of its own.
pub(super) struct Line<'a> {
    pub device: usize,
    pub cloud: &'a Cloud,
    pub schema: &'a Arc<Schema>,
    pub peer: &'a dyn SyncPeer,
    pub form: Form,
    pub servers: &'a FakeClock,
    pub devices: &'a FakeClock,
    pub fault: Fault,
    pub cancel: &'a CancelToken,
    pub meanwhile: Mutex<Option<Box<dyn FnMut() + Send + 'a>>>,
}

impl SyncPeer for Line<'_> {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        _: &mut dyn FnMut(u64),
        _: &CancelToken,
    ) -> Result<PullReply> {
        let cut = match self.fault {
            Fault::CutPull(cut) => Some(cut),
            _ => None,
        };
        let mut reply = wire::pull(self.schema, (self.peer, self.form), request, sink, cut)?;
        reply.skew_ms = self.servers.now_ms() - self.devices.now_ms();
        Ok(reply)
    }

    fn push(&self, piece: &[OutboxRow], cancel: &CancelToken) -> Result<(), PushFailure> {
        if let Some(mut meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        self.cloud.state.lock().unwrap().caller = Some(self.device);
        let lost = || PushFailure::Stopped(failure(ErrorCode::Protocol));
        match self.fault {
            Fault::CutPush(rows) => {
                let _ = self.peer.push(&piece[..rows.min(piece.len())], cancel);
                Err(lost())
            }
            Fault::LostReply => {
                let _ = self.peer.push(piece, cancel);
                Err(lost())
            }
            Fault::Stopped => {
                self.cancel.cancel();
                Err(PushFailure::Stopped(failure(ErrorCode::Cancelled)))
            }
            _ => self.peer.push(piece, cancel),
        }
    }
}
