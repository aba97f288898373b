//! The runtime of the network: two workers of our own, whatever the app runs on.
//!
//! Callers block on results. They may be on any thread, even one of somebody else's runtime.

use std::sync::{Arc, mpsc};

use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;

use crate::error::{Error, Result};

/// The network's threads, shared by all clients of a process.
#[derive(Debug)]
pub struct Network {
    // Only `drop` takes it out.
    runtime: Option<Runtime>,
}

impl Network {
    /// Starts the threads.
    pub fn start() -> Result<Arc<Self>> {
        // The blocking threads only look up host names.
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(4)
            .thread_name("amana-network")
            .enable_io()
            .enable_time()
            .build()
            .map_err(|_| Error::internal("the network's threads cannot be started"))?;
        Ok(Arc::new(Self {
            runtime: Some(runtime),
        }))
    }

    /// Runs a future on the workers and blocks until it is done.
    ///
    /// `Runtime::block_on` would panic on a thread of another runtime; a channel does not.
    pub(super) fn run<T, F>(&self, future: F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.spawn(async move {
            // The receiver waits below, so this cannot fail.
            let _ = sender.send(future.await);
        })?;
        receiver
            .recv()
            .unwrap_or_else(|_| Err(Error::internal("a call of the network ended early")))
    }

    /// Starts a future on the workers.
    pub(super) fn spawn<F>(&self, future: F) -> Result<AbortHandle>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let runtime = self.runtime.as_ref().ok_or(Error::internal("no network"))?;
        Ok(runtime.spawn(future).abort_handle())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Waiting for the threads would panic on a thread of a runtime, the last worker included.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_on_named_threads() {
        let network = Network::start().unwrap();
        let name = network
            .run(async { Ok(std::thread::current().name().map(str::to_owned)) })
            .unwrap();
        assert_eq!(name.as_deref(), Some("amana-network"));
    }

    #[test]
    fn may_be_used_and_dropped_inside_another_runtime() {
        let other = Builder::new_current_thread().build().unwrap();
        other.block_on(async {
            let network = Network::start().unwrap();
            assert_eq!(network.run(async { Ok(7) }).unwrap(), 7);
        });
    }

    #[test]
    fn a_panic_on_a_worker_is_an_error_here() {
        let network = Network::start().unwrap();
        let error = network
            .run::<(), _>(async { panic!("on purpose") })
            .unwrap_err();
        assert_eq!(error.code(), crate::error::ErrorCode::Internal);
        assert!(network.run(async { Ok(()) }).is_ok());
    }
}
