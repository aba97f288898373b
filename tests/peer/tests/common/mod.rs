//! A plain HTTP client for the peer, shared by the tests.

use amana_peer::{Peer, PeerConfig};
use reqwest::{Certificate, Client, Method};
use serde_json::Value;
use tokio::runtime::Runtime;

/// The first seeded user.
#[allow(dead_code, reason = "not every test file signs in by itself")]
pub const NOOR: (&str, &str) = ("noor@clinic-a.example", "Cedar-River-7");

/// A peer and a client that trusts it.
pub struct Harness {
    pub peer: Peer,
    pub client: Client,
    pub runtime: Runtime,
}

/// A reply, read to its end.
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A client that trusts the authority and follows nothing.
pub fn client(ca_pem: &str) -> Client {
    // Fails where another test of this process was first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .tls_certs_only([Certificate::from_pem(ca_pem.as_bytes()).unwrap()])
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .unwrap()
}

#[allow(dead_code, reason = "each test file uses what it needs")]
impl Harness {
    pub fn start(config: PeerConfig) -> Self {
        let peer = Peer::start(config).unwrap();
        let client = client(peer.ca_pem());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        Self {
            peer,
            client,
            runtime,
        }
    }

    pub fn request(&self, method: Method, target: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{target}", self.peer.url()))
    }

    /// A request to the sync route by the first seeded user.
    pub fn sync(&self, method: Method, query: &str) -> reqwest::RequestBuilder {
        self.request(method, &format!("/api/v2/sync?{query}"))
            .header("authorization", basic(NOOR.0, NOOR.1))
    }

    pub fn send(&self, request: reqwest::RequestBuilder) -> Result<Reply, reqwest::Error> {
        self.runtime.block_on(async {
            let reply = request.send().await?;
            let status = reply.status().as_u16();
            let headers = reply.headers().clone();
            let body = reply.text().await?;
            Ok(Reply {
                status,
                headers,
                body,
            })
        })
    }

    pub fn pull(&self, since: i64) -> Reply {
        self.send(self.sync(Method::GET, &format!("last_pulled_at={since}")))
            .unwrap()
    }

    pub fn push(&self, body: &Value) -> Reply {
        self.send(
            self.sync(Method::POST, "last_pulled_at=0")
                .body(body.to_string()),
        )
        .unwrap()
    }
}

/// The value of a Basic `Authorization` header.
pub fn basic(email: &str, password: &str) -> String {
    use base64::Engine as _;
    let both = base64::engine::general_purpose::STANDARD.encode(format!("{email}:{password}"));
    format!("Basic {both}")
}
