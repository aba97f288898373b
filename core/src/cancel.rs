//! A token that cancels a running call, looked at per chunk and awaited by the network.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Error, ErrorCode, Result};

/// Cancels the calls that it was given to. Clones are the same token; it cannot be un-cancelled.
#[derive(Clone, Debug)]
pub struct CancelToken(Arc<watch::Sender<bool>>);

impl Default for CancelToken {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl CancelToken {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels. Takes effect at the next chunk, row group or wait of the running call.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether `cancel` was called.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// `cancelled` once `cancel` was called.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(ErrorCode::Cancelled, "the call was cancelled"));
        }
        Ok(())
    }

    /// Completes when `cancel` is called.
    pub async fn cancelled(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives in self, so the channel cannot close while this waits.
        let _ = receiver.wait_for(|cancelled| *cancelled).await;
    }
}
