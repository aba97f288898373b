//! The clinic's hub: it can end at any moment, and comes back at another address with its data.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use amana_core::model::notice::{SyncPhase, SyncProgress};
use amana_core::ports::ProgressListener;
use amana_peer::hub::{CloudLink, Hub, HubConfig};
use amana_peer::{Peer, ids};
use amana_tests::line::Line;
use tempfile::TempDir;

/// The hub where it runs, and the line on which the tablets have it.
struct Running {
    hub: Hub,
    line: Arc<Line>,
}

#[derive(Clone)]
pub struct ClinicHub {
    config: HubConfig,
    running: Arc<Mutex<Option<Running>>>,
    _place: Arc<TempDir>,
}

impl ClinicHub {
    /// A hub that has met its cloud.
    pub fn start(cloud: &Peer, clock: amana_peer::Clock) -> Self {
        let place = tempfile::tempdir().unwrap();
        let config = HubConfig {
            database: Some(place.path().join("hub.db")),
            seed: None,
            clock,
            cloud: Some(CloudLink {
                url: cloud.url().to_owned(),
                ca_pem: cloud.ca_pem().to_owned(),
                api_key: ids::HUB_KEY.to_owned(),
            }),
            ..HubConfig::default()
        };
        let hub = Self {
            config,
            running: Arc::default(),
            _place: Arc::new(place),
        };
        hub.revive();
        let meeting = hub.with(Hub::meet_cloud);
        assert!(meeting.done, "{meeting:?}");
        hub
    }

    fn held(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts it where it does not run; whether it did not.
    pub fn revive(&self) -> bool {
        let mut held = self.held();
        let dead = held.is_none();
        if dead {
            let hub = Hub::start(self.config.clone()).unwrap();
            let line = Arc::new(Line::to(hub.url()));
            *held = Some(Running { hub, line });
        }
        dead
    }

    /// Ends it; connections break.
    pub fn kill(&self) {
        if let Some(running) = self.held().take() {
            running.hub.stop();
        }
    }

    pub fn with<T>(&self, ask: impl FnOnce(&Hub) -> T) -> T {
        ask(&self.held().as_ref().unwrap().hub)
    }

    pub fn line(&self) -> Arc<Line> {
        Arc::clone(&self.held().as_ref().unwrap().line)
    }

    /// Where the tablets have it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.line().port())
    }

    /// The line is whole again.
    pub fn mend_line(&self) {
        self.line().mend(&self.with(|hub| hub.url().to_owned()));
    }
}

/// Ends the hub when a sync begins to push.
pub struct KillAtPush(pub ClinicHub);

impl ProgressListener for KillAtPush {
    fn progress(&self, progress: &SyncProgress) {
        if progress.phase == SyncPhase::Pushing {
            self.0.kill();
        }
    }
}
