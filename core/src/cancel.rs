//! A token that cancels a running call, looked at per chunk and awaited by the network.

use std::sync::Arc;

use futures_util::future::Either;
use tokio::sync::watch;

use crate::error::{Error, ErrorCode, Result};

/// Cancels the calls that it was given to. Clones are the same token; it cannot be un-cancelled.
#[derive(Clone, Debug)]
pub struct CancelToken {
    own: Arc<watch::Sender<bool>>,
    /// The tokens that this one also obeys.
    others: Vec<Arc<watch::Sender<bool>>>,
}

impl Default for CancelToken {
    fn default() -> Self {
        Self {
            own: Arc::new(watch::Sender::new(false)),
            others: Vec::new(),
        }
    }
}

impl CancelToken {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new token that is cancelled by itself or by this one. Cancelling it leaves this one be.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            others: self.sources().cloned().collect(),
            ..Self::default()
        }
    }

    /// This token, which now also obeys another.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            own: Arc::clone(&self.own),
            others: self.others.iter().chain(other.sources()).cloned().collect(),
        }
    }

    /// Cancels. Takes effect at the next chunk, row group or wait of the running call.
    pub fn cancel(&self) {
        self.own.send_replace(true);
    }

    /// Whether `cancel` was called.
    pub fn is_cancelled(&self) -> bool {
        self.sources().any(|source| *source.borrow())
    }

    /// `cancelled` once `cancel` was called.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(was_cancelled());
        }
        Ok(())
    }

    /// Completes when `cancel` is called.
    pub async fn cancelled(&self) {
        let waits = self.sources().map(|source| {
            let mut receiver = source.subscribe();
            Box::pin(async move {
                // The senders live in self, so no channel closes while this waits.
                let _ = receiver.wait_for(|cancelled| *cancelled).await;
            })
        });
        futures_util::future::select_all(waits).await;
    }

    /// What the work comes to, or `cancelled` as soon as `cancel` is called: the work is dropped then.
    pub async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let (work, cancelled) = (std::pin::pin!(work), std::pin::pin!(self.cancelled()));
        match futures_util::future::select(work, cancelled).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(was_cancelled()),
        }
    }

    fn sources(&self) -> impl Iterator<Item = &Arc<watch::Sender<bool>>> {
        std::iter::once(&self.own).chain(&self.others)
    }
}

const fn was_cancelled() -> Error {
    Error::new(ErrorCode::Cancelled, "the call was cancelled")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_obeys_its_parent_and_not_the_reverse() {
        let parent = CancelToken::new();
        let child = parent.child();
        child.cancel();
        assert!(child.is_cancelled() && !parent.is_cancelled());
        let child = parent.child();
        parent.cancel();
        assert!(child.is_cancelled());
        pollster::block_on(child.cancelled());
    }

    #[test]
    fn work_that_is_done_is_told_though_it_was_cancelled_and_what_is_not_is_let_go() {
        let token = CancelToken::new();
        let told = |work| pollster::block_on(token.unless_cancelled(work));
        token.cancel();
        assert_eq!(told(crate::pending::ready(Ok(1))), Ok(1));
        let (_answer, pending) = crate::pending::channel();
        assert_eq!(
            told(pending).map_err(|e| e.code()),
            Err(ErrorCode::Cancelled)
        );
    }

    #[test]
    fn a_grandchild_obeys_them_all() {
        let (grandparent, other) = (CancelToken::new(), CancelToken::new());
        let token = || grandparent.child().child().or(&other.child());
        let waiting = token();
        other.cancel();
        assert!(waiting.is_cancelled());
        grandparent.cancel();
        assert!(token().is_cancelled());
    }
}
