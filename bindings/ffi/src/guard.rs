//! Keeps panics on this side: uniffi would hand their text to the app.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};

use amana_core::{Caller, Error, Result, panics};
use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use crate::error::AmanaError;

/// Runs a call that does not wait.
pub(crate) fn at_once<T>(work: impl FnOnce() -> Result<T>) -> Result<T, AmanaError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(panics::to_error()))
        .map_err(AmanaError::from)
}

/// Runs an async call.
pub(crate) async fn call<T>(
    future: impl Future<Output = Result<T>> + Send,
) -> Result<T, AmanaError> {
    let result = AssertUnwindSafe(future).catch_unwind().await;
    result
        .unwrap_or_else(|_| Err(panics::to_error()))
        .map_err(AmanaError::from)
}

/// Runs what blocks on a thread of its own, and awaits it. A conflict rule or a sync's listener that
/// calls is known there, too: what would wait for its end is refused as `busy`.
pub(crate) async fn offload<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T, AmanaError> {
    let (sender, receiver) = oneshot::channel();
    let caller = Caller::current();
    let spawned = std::thread::Builder::new()
        .name("amana-call".to_owned())
        .spawn(move || {
            caller.adopt();
            let result =
                catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panics::to_error()));
            // Nobody may be waiting any more.
            let _ = sender.send(result);
        });
    if spawned.is_err() {
        return Err(Error::internal("no thread for the call").into());
    }
    let result = receiver
        .await
        .unwrap_or(Err(Error::internal("the call was lost")));
    result.map_err(AmanaError::from)
}
