//! The answer of a call that runs elsewhere: awaited on any executor, or waited for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot::{self, error::TryRecvError};

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
    pub fn wait(mut self) -> Result<T> {
        match look_for(LOOKS_FOR_ANSWER, || match self.0.try_recv() {
            Ok(answer) => Some(Ok(answer)),
            Err(TryRecvError::Closed) => Some(Err(())),
            Err(TryRecvError::Empty) => None,
        }) {
            Some(answer) => answer.unwrap_or_else(|()| Err(gone())),
            None => self.0.blocking_recv().unwrap_or_else(|_| Err(gone())),
        }
    }
}

/// How often [`look_for`] looks for an answer: longer than a query takes.
const LOOKS_FOR_ANSWER: u32 = 100;

/// Looks for something before the caller goes to sleep, each time about two µs after the last: to be
/// woken takes far longer where the processor has gone to sleep as well.
pub(crate) fn look_for<T>(times: u32, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    const PAUSES: u32 = 50;
    for _ in 0..times {
        if let Some(found) = look() {
            return Some(found);
        }
        for _ in 0..PAUSES {
            std::hint::spin_loop();
        }
        // Where another thread wants this processor, it may be the one that is waited for.
        std::thread::yield_now();
    }
    None
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
