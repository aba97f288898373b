//! What an app passes in to be called back, and the handles it holds.

use std::sync::{Arc, Mutex};

use amana_core::cancel::CancelToken;
use amana_core::model::notice::{self, ChangeNotice};
use amana_core::ports::{ChangeListener, ProgressListener, StateListener};

use crate::types::{Change, SyncProgress, VaultState};

/// Hears how a sync goes on. Called on the sync's thread, which waits: return quickly. From it, calls
/// that would wait for the end of a sync are `busy`: lock, unlock, shutdown, wipe and the like, rotate,
/// rest, signing in and out, pairing, moving and forgetting hubs, and joining a sync that runs. Waiting there for
/// another thread that makes such a call is waiting for ever.
#[uniffi::export(with_foreign)]
pub trait SyncListener: Send + Sync {
    /// At most a few times a second.
    fn progress(&self, progress: SyncProgress);
}

/// Hears of committed changes. Called on a thread that the observers of a vault share: a slow one delays
/// the others, but neither who writes nor a live query. From 64 on, notices that wait are drawn together:
/// nothing is lost, and they take bounded memory.
#[uniffi::export(with_foreign)]
pub trait ChangeObserver: Send + Sync {
    /// Once per transaction that changed records, or once for several that were drawn together.
    fn changed(&self, change: Change);
}

/// Hears of changes of a vault's state. Called as a `ChangeObserver` is.
#[uniffi::export(with_foreign)]
pub trait StateObserver: Send + Sync {
    /// Once per change, by whatever cause: a call, the idle lock, a wipe. Of changes that were drawn
    /// together only the newest is told.
    fn changed(&self, state: VaultState);
}

/// Cancels the calls that it was given to.
#[derive(Default, uniffi::Object)]
pub struct CancelHandle {
    token: CancelToken,
}

#[uniffi::export]
impl CancelHandle {
    /// A handle that nobody has cancelled.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Cancels; it cannot be taken back.
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

impl CancelHandle {
    pub(crate) fn token(handle: Option<&Arc<Self>>) -> CancelToken {
        handle
            .map(|handle| handle.token.clone())
            .unwrap_or_default()
    }
}

/// An observer at work, until it is stopped or let go.
#[derive(uniffi::Object)]
pub struct Observation {
    /// A subscription or a live query: either ends when it is dropped.
    work: Mutex<Option<Box<dyn Send>>>,
}

#[uniffi::export]
impl Observation {
    /// Ends it. Once more is no error.
    pub fn stop(&self) {
        if let Ok(mut work) = self.work.lock() {
            work.take();
        }
    }
}

impl Observation {
    /// Of what ends when it is dropped.
    pub(crate) fn new(work: impl Send + 'static) -> Self {
        Self {
            work: Mutex::new(Some(Box::new(work))),
        }
    }
}

/// Passes the core's notices on to a foreign observer.
pub(crate) struct ObserverAdapter(pub Arc<dyn ChangeObserver>);

impl ChangeListener for ObserverAdapter {
    fn changed(&self, notice: &ChangeNotice) {
        self.0.changed(Change::from(notice));
    }
}

/// Passes changes of the state on to a foreign observer.
pub(crate) struct StateAdapter(pub Arc<dyn StateObserver>);

impl StateListener for StateAdapter {
    fn changed(&self, state: amana_core::VaultState) {
        self.0.changed(state.into());
    }
}

/// Passes the core's progress on to a foreign listener.
pub(crate) struct ListenerAdapter(pub Arc<dyn SyncListener>);

impl ProgressListener for ListenerAdapter {
    fn progress(&self, progress: &notice::SyncProgress) {
        self.0.progress(SyncProgress::from(progress));
    }
}
