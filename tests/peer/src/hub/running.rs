//! A running hub: its runtime, and what a test may ask of it.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use super::app::{HubApp, handle};
use super::config::HubConfig;
use super::crypto::{key_text, public_key};
use super::faults::HubFaults;
use super::relay::{self, Meeting};
use super::state::{self, Wipe};
use super::{plain, seed, tables};
use crate::StartError;
use crate::request_log::Seen;
use crate::store::Store;

/// A running hub. It ends when it is dropped.
pub struct Hub {
    app: Arc<HubApp>,
    runtime: Option<Runtime>,
    url: String,
    /// Removes the temporary database with the hub.
    _directory: Option<TempDir>,
}

impl Hub {
    /// Starts a hub on 127.0.0.1, on threads of its own.
    pub fn start(config: HubConfig) -> Result<Self, StartError> {
        let statements = tables::create_statements();
        let (store, directory) = Store::open(config.database.as_deref(), &statements)?;
        // A hub that comes back has its people, and has perhaps changed them.
        let is_new = state::is_empty(&store)?;
        if let Some(people) = config.seed.as_ref().filter(|_| is_new) {
            let now_ms = (config.clock)();
            let patients = 0..people.seed_patients;
            seed::seed(&mut store.writer(), people, patients, now_ms)?;
        }
        let http = config.cloud.as_ref().map(relay::http).transpose()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("reference-hub")
            .enable_all()
            .build()?;
        // Bound by the standard library and only then handed over: waiting for a runtime here
        // would panic where the caller is inside one of its own.
        let listener = std::net::TcpListener::bind(("127.0.0.1", config.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let app = Arc::new(HubApp::new(config, store, http));
        let router = axum::Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&app));
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        runtime.spawn(async move {
            // Ends only with the runtime.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            app,
            runtime: Some(runtime),
            url: format!("http://127.0.0.1:{}", address.port()),
            _directory: directory,
        })
    }

    /// The base address, `http://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The hub's id.
    pub fn id(&self) -> &str {
        &self.app.config.id
    }

    /// The public key as the wire writes it.
    pub fn public_key(&self) -> String {
        key_text(&public_key(&self.app.config.private_key))
    }

    /// The text of the QR code on the hub's screen.
    pub fn qr_text(&self) -> String {
        json!({
            "type": "sync_hub",
            "url": self.url,
            "id": self.id(),
            "pk": self.public_key(),
        })
        .to_string()
    }

    /// The switches.
    pub fn faults(&self) -> &HubFaults {
        &self.app.faults
    }

    /// What the hub's clock shows, offset included.
    pub fn now_ms(&self) -> i64 {
        self.app.now_ms()
    }

    /// Forgets who is paired, as a restart does.
    pub fn forget_sessions(&self) {
        self.app.sessions.forget();
    }

    /// Loses records, or everything.
    pub fn wipe(&self, what: Wipe) -> Result<(), StartError> {
        state::wipe(&self.app, what)?;
        Ok(())
    }

    /// One meeting with the cloud: pull, merge, push. Blocks.
    pub fn meet_cloud(&self) -> Meeting {
        let Some(runtime) = &self.runtime else {
            return Meeting::default();
        };
        // Through a channel: waiting inside a runtime of the caller's would panic.
        let (sender, receiver) = mpsc::channel();
        let app = Arc::clone(&self.app);
        runtime.spawn(async move {
            let _ = sender.send(relay::meet(&app).await);
        });
        receiver.recv().unwrap_or_default()
    }

    /// Every stored row of a table, deleted ones included, with the values as a pull prints
    /// them, and `is_gone`: whether the hub announces the row as deleted.
    pub fn rows(&self, table: &str) -> Vec<Map<String, Value>> {
        tables::table(table)
            .and_then(|table| state::rows_text(&self.app, table).ok())
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// The stored row with that id.
    pub fn row(&self, table: &str, id: &str) -> Option<Map<String, Value>> {
        self.rows(table)
            .into_iter()
            .find(|row| row.get("id").and_then(Value::as_str) == Some(id))
    }

    /// How many rows a table holds, deleted ones included.
    pub fn count(&self, table: &str) -> usize {
        tables::table(table)
            .and_then(|table| state::count(&self.app, table).ok())
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(0)
    }

    /// Runs SQL on the stored rows, for states that no request can make.
    pub fn execute(&self, sql: &str) -> Result<(), StartError> {
        self.app.store.writer().execute_batch(sql)?;
        Ok(())
    }

    /// The requests since the start or the last [`clear_requests`](Self::clear_requests).
    pub fn requests(&self) -> Vec<Seen> {
        self.app.log.all()
    }

    /// The requests to the routes that are not sealed and that no client of ours may use.
    pub fn plain_requests(&self) -> Vec<Seen> {
        let mut seen = self.app.log.all();
        seen.retain(|seen| {
            plain::PATHS
                .iter()
                .any(|path| seen.target.starts_with(path))
        });
        seen
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.app.log.clear();
    }

    /// Ends the hub; open connections break.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        // A held reply must not keep a thread of the runtime.
        self.app.faults.clear();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("url", &self.url).finish()
    }
}
