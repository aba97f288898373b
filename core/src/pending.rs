//! The answer of a call that runs elsewhere: awaited on any executor, or waited for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::error::{Error, ErrorCode, Result};

/// An answer on its way. Dropping it cancels nothing.
#[must_use = "the result of the call is in here"]
#[derive(Debug)]
pub struct Pending<T>(oneshot::Receiver<Result<T>>);

/// The other end: gives the answer. Dropped without one, the caller hears that the vault is locked.
#[derive(Debug)]
pub(crate) struct Answer<T>(oneshot::Sender<Result<T>>);

/// Both ends.
pub(crate) fn channel<T>() -> (Answer<T>, Pending<T>) {
    let (sender, receiver) = oneshot::channel();
    (Answer(sender), Pending(receiver))
}

/// An answer that is there already.
pub(crate) fn ready<T>(result: Result<T>) -> Pending<T> {
    let (answer, pending) = channel();
    answer.send(result);
    pending
}

/// The same: a refusal.
pub(crate) fn refused<T>(error: Error) -> Pending<T> {
    ready(Err(error))
}

impl<T> Answer<T> {
    pub(crate) fn send(self, result: Result<T>) {
        // Nobody may be waiting any more.
        let _ = self.0.send(result);
    }
}

impl<T> Pending<T> {
    /// Blocks until the answer is there. Not for threads that must not wait.
    pub fn wait(self) -> Result<T> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(gone()))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|got| got.unwrap_or_else(|_| Err(gone())))
    }
}

fn gone() -> Error {
    Error::new(
        ErrorCode::Locked,
        "the vault is locked, or was while the call was waiting",
    )
}
