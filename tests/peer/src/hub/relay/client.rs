//! The hub as a client of its cloud: Bearer key, `peerType=sync_hub`, one request each way.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use crate::StartError;
use crate::hub::config::CloudLink;

/// The real hub's limit for a whole request.
const LIMIT: Duration = Duration::from_secs(60);

/// A client that trusts the cloud's authority and no other.
pub(in crate::hub) fn http(cloud: &CloudLink) -> Result<reqwest::Client, StartError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(cloud.ca_pem.as_bytes()) {
        roots.add(certificate.map_err(|_| StartError::Authority)?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(LIMIT)
        .no_proxy()
        .build()
        .map_err(StartError::Client)
}

fn address(cloud: &CloudLink, watermark: i64) -> String {
    format!(
        "{}/api/v2/sync?lastPulledAt={watermark}&peerType=sync_hub",
        cloud.url
    )
}

/// The cloud's changes since the watermark.
pub(super) async fn pull(
    http: &reqwest::Client,
    cloud: &CloudLink,
    watermark: i64,
) -> Result<Value, String> {
    let request = http.get(address(cloud, watermark));
    let text = send(request, cloud, "pull").await?;
    serde_json::from_str(&text).map_err(|error| format!("Cloud pull failed: {error}"))
}

/// The hub's changes in one request. The real hub asks for nothing but a good status.
pub(super) async fn push(
    http: &reqwest::Client,
    cloud: &CloudLink,
    watermark: i64,
    changes: Vec<u8>,
) -> Result<(), String> {
    let request = http
        .post(address(cloud, watermark))
        .header("content-type", "application/json")
        .body(changes);
    send(request, cloud, "push").await.map(|_| ())
}

async fn send(
    request: reqwest::RequestBuilder,
    cloud: &CloudLink,
    what: &str,
) -> Result<String, String> {
    let failed = |error: reqwest::Error| format!("Cloud {what} failed: {error}");
    let reply = request
        .bearer_auth(&cloud.api_key)
        .send()
        .await
        .map_err(failed)?;
    let status = reply.status();
    let text = reply.text().await.map_err(failed)?;
    if status.is_success() {
        Ok(text)
    } else {
        Err(format!("Cloud {what} failed (HTTP {status}): {text}"))
    }
}
