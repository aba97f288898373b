//! Whom to trust: the bundled roots of the public web, or one private authority alone.
//!
//! There is no way here to accept a certificate that does not verify.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::error::{Error, Result};
use crate::ports::Clock;

const MAX_PEM_BYTES: usize = 1024 * 1024;

/// TLS 1.2 or later, with ring, for one server.
pub(super) fn config(private_ca_pem: Option<&str>, clock: Arc<dyn Clock>) -> Result<ClientConfig> {
    let roots = match private_ca_pem {
        Some(pem) => private_roots(pem)?,
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_details(provider, Arc::new(DeviceTime(clock)))
        .with_safe_default_protocol_versions()
        .map_err(|_| Error::internal("TLS cannot be set up"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

fn private_roots(pem: &str) -> Result<RootCertStore> {
    const NO_PEM: Error = Error::invalid("the private authority is not a certificate in PEM form");
    if pem.len() > MAX_PEM_BYTES {
        return Err(Error::invalid(
            "the private authority's PEM is larger than 1 MiB",
        ));
    }
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots
            .add(certificate.map_err(|_| NO_PEM)?)
            .map_err(|_| NO_PEM)?;
    }
    if roots.is_empty() {
        return Err(NO_PEM);
    }
    Ok(roots)
}

/// Certificates are judged by the injected clock.
struct DeviceTime(Arc<dyn Clock>);

impl TimeProvider for DeviceTime {
    fn current_time(&self) -> Option<UnixTime> {
        u64::try_from(self.0.now_ms())
            .ok()
            .map(|ms| UnixTime::since_unix_epoch(Duration::from_millis(ms)))
    }
}

impl fmt::Debug for DeviceTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceTime")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::system::SystemClock;

    #[test]
    fn bad_pem_is_invalid_input() {
        let good = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        assert!(config(Some(&good.cert.pem()), Arc::new(SystemClock)).is_ok());
        for bad in [
            String::new(),
            "no PEM".to_owned(),
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n".to_owned(),
            good.cert.pem().replace("-----END", "-----ENE"),
            good.signing_key.serialize_pem(),
            " ".repeat(MAX_PEM_BYTES + 1),
        ] {
            let error = config(Some(&bad), Arc::new(SystemClock)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidInput);
        }
        assert!(config(None, Arc::new(SystemClock)).is_ok());
    }
}
