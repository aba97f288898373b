//! A running peer: its runtime, and what a test may ask of it.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

use crate::StartError;
use crate::app::{App, handle};
use crate::config::PeerConfig;
use crate::faults::Faults;
use crate::rate_limit::RateLimit;
use crate::request_log::{RequestLog, Seen};
use crate::serve::TlsListener;
use crate::store::Store;
use crate::tls::Tls;
use crate::{rows, schema, seed, seed_many};

/// A running clinic server. It ends when it is dropped.
pub struct Peer {
    app: Arc<App>,
    runtime: Option<Runtime>,
    url: String,
    ca_pem: String,
    /// Removes the temporary database with the peer.
    _directory: Option<TempDir>,
}

impl Peer {
    /// Starts a server on 127.0.0.1, on threads of its own.
    pub fn start(config: PeerConfig) -> Result<Self, StartError> {
        let (store, directory) =
            Store::open(config.database.as_deref(), &schema::create_statements())?;
        seed::seed(&mut store.writer(), &config)?;
        let tls = Tls::open(config.tls_folder.as_deref())?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("reference-peer")
            .enable_all()
            .build()?;
        let port = config.port;
        let seed_patients = config.seed_patients;
        let app = Arc::new(App {
            config,
            store,
            faults: Faults::default(),
            rate_limit: RateLimit::default(),
            log: RequestLog::default(),
        });
        let router = axum::Router::new()
            .fallback(handle)
            .with_state(Arc::clone(&app));
        // Bound by the standard library and only then handed over: waiting for a runtime here
        // would panic where the caller is inside one of its own.
        let listener = std::net::TcpListener::bind(("127.0.0.1", port))?;
        listener.set_nonblocking(true)?;
        let listener = {
            let _inside = runtime.enter();
            TlsListener::start(TcpListener::from_std(listener)?, tls.config)?
        };
        let address = axum::serve::Listener::local_addr(&listener)?;
        runtime.spawn(async move {
            // Ends only with the runtime.
            let _ = axum::serve(listener, router).await;
        });
        let peer = Self {
            app,
            runtime: Some(runtime),
            url: format!("https://127.0.0.1:{}", address.port()),
            ca_pem: tls.ca_pem,
            _directory: directory,
        };
        peer.seed_patients(seed_patients)?;
        Ok(peer)
    }

    /// The base address, `https://127.0.0.1:<port>`. `localhost` has the same certificate.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The certificate authority to trust, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The switches.
    pub fn faults(&self) -> &Faults {
        &self.app.faults
    }

    /// What the server's clock shows, offset included.
    pub fn now_ms(&self) -> i64 {
        self.app.now_ms()
    }

    /// Adds `count` patients, each with a visit and three events, straight into the database.
    /// Their ids go on from those of the last call, see [`ids::patient_id`](crate::ids::patient_id).
    pub fn seed_patients(&self, count: usize) -> Result<(), StartError> {
        if count == 0 {
            return Ok(());
        }
        let mut database = self.app.store.writer();
        let known: i64 = database.query_row(
            "SELECT count(*) FROM patients WHERE id LIKE '9a710000-%'",
            [],
            |row| row.get(0),
        )?;
        let from = usize::try_from(known).unwrap_or(0);
        seed_many::patients(&mut database, from, from + count, self.app.now_ms())?;
        Ok(())
    }

    /// Every stored row of a table, deleted and invisible ones included, with the values as
    /// a pull would print them. No rows for a table that does not exist.
    pub fn rows(&self, table: &str) -> Vec<Map<String, Value>> {
        schema::table(table)
            .and_then(|table| {
                rows::text(&self.app.store, table, self.app.config.time_zone_minutes).ok()
            })
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
        schema::table(table)
            .and_then(|table| rows::count(&self.app.store, table).ok())
            .and_then(|count| usize::try_from(count).ok())
            .unwrap_or(0)
    }

    /// Runs SQL on the stored rows, for states that no request can make (an administrator's
    /// change, an old row without `is_deleted`). Instants are epoch ms, booleans 0 and 1.
    pub fn execute(&self, sql: &str) -> Result<(), StartError> {
        self.app.store.writer().execute_batch(sql)?;
        Ok(())
    }

    /// The requests since the start or the last [`clear_requests`](Self::clear_requests).
    pub fn requests(&self) -> Vec<Seen> {
        self.app.log.all()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.app.log.clear();
    }

    /// Ends the server; open connections break.
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

impl Drop for Peer {
    fn drop(&mut self) {
        self.shut_down();
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("url", &self.url).finish()
    }
}
