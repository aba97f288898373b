//! The driver's own calls to the server: raw HTTPS, nothing of the core.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, RETRY_AFTER};
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value as Json;
use tokio::runtime::Runtime;

use crate::error::{Doing as _, Error, Result};
use crate::processes::{Processes, interrupted};

/// A server of which nothing comes for so long is given up.
const SILENCE: Duration = Duration::from_secs(120);
/// How often a call is made again because the server asked to wait.
const PATIENCE: u32 = 5;

/// A client of one server.
pub struct Http {
    runtime: Runtime,
    client: Client,
    base: String,
    processes: Processes,
}

impl Http {
    /// Trusts the given authority alone, or the web's.
    pub fn new(base: &str, ca: Option<&Path>, processes: &Processes) -> Result<Self> {
        let client = Client::builder().tls_backend_preconfigured(tls(ca)?);
        Self::with(client.https_only(true), base, processes)
    }

    /// Of a server on this machine that speaks plain HTTP.
    pub fn plain(base: &str, processes: &Processes) -> Result<Self> {
        // The library wants to know its TLS all the same; this one trusts nobody.
        let nobody = tls_of(RootCertStore::empty())?;
        Self::with(
            Client::builder().tls_backend_preconfigured(nobody),
            base,
            processes,
        )
    }

    fn with(client: ClientBuilder, base: &str, processes: &Processes) -> Result<Self> {
        let client = client
            .no_proxy()
            // A server that came back does not know the connections of before.
            .pool_max_idle_per_host(0)
            .read_timeout(SILENCE)
            .build()
            .doing("the HTTP client")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .doing("the HTTP client")?;
        Ok(Self {
            runtime,
            client,
            base: base.trim_end_matches('/').to_owned(),
            processes: processes.clone(),
        })
    }

    /// Everything the server has, as a device gets it.
    pub fn pull_all(&self, email: &str, password: &str) -> Result<Vec<u8>> {
        let credentials = STANDARD.encode(format!("{email}:{password}"));
        self.send("the driver's pull", || {
            self.client
                .get(format!("{}/api/v2/sync?last_pulled_at=0", self.base))
                .header(AUTHORIZATION, format!("Basic {credentials}"))
        })
    }

    /// A JSON object of a route that needs no credentials.
    pub fn get(&self, path: &str) -> Result<Json> {
        let bytes = self.send(path, || self.client.get(format!("{}{path}", self.base)))?;
        serde_json::from_slice(&bytes).doing(path)
    }

    /// Sends a JSON object there.
    pub fn post(&self, path: &str, body: &Json) -> Result<()> {
        self.ask(path, body).map(|_| ())
    }

    /// Sends a JSON object there, and gives back the answer.
    pub fn ask(&self, path: &str, body: &Json) -> Result<Json> {
        let text = body.to_string();
        let request = || {
            self.client
                .post(format!("{}{path}", self.base))
                .body(text.clone())
        };
        let bytes = self.send(path, request)?;
        serde_json::from_slice(&bytes).doing(path)
    }

    fn send(&self, what: &str, request: impl Fn() -> RequestBuilder) -> Result<Vec<u8>> {
        let mut stopped = self.processes.watch();
        self.runtime.block_on(async {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => Err(interrupted()),
                result = patiently(what, request) => result,
            }
        })
    }
}

async fn patiently(what: &str, request: impl Fn() -> RequestBuilder) -> Result<Vec<u8>> {
    for _ in 0..PATIENCE {
        let reply = request().send().await.doing(what)?;
        let status = reply.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let asked = reply
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok());
            let seconds = asked
                .and_then(|text| text.parse().ok())
                .unwrap_or(1u64)
                .max(1);
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            continue;
        }
        if status != StatusCode::OK {
            return Err(Error::new(format!("{what}: the server answered {status}")));
        }
        return reply.bytes().await.map(Vec::from).doing(what);
    }
    Err(Error::new(format!(
        "{what}: the server keeps asking to wait"
    )))
}

fn tls(ca: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match ca {
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Some(path) => {
            for certificate in CertificateDer::pem_file_iter(path).doing(path.display())? {
                roots
                    .add(certificate.doing(path.display())?)
                    .doing(path.display())?;
            }
        }
    }
    tls_of(roots)
}

fn tls_of(roots: RootCertStore) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .doing("TLS")?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
