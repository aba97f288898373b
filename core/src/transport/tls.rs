//! Whom to trust: the bundled roots of the public web, or one private authority alone; and of those
//! only servers with a pinned key, where the app names some.
//!
//! There is no way here to accept a certificate that does not verify.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::ParsedCertificate;
use rustls::time_provider::TimeProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::model::pins::SpkiPins;
use crate::ports::Clock;

const MAX_PEM_BYTES: usize = 1024 * 1024;

/// Whom to trust, and by what clock.
pub(super) struct Trust<'a> {
    pub private_ca_pem: Option<&'a str>,
    pub pins: Option<&'a SpkiPins>,
    pub clock: Arc<dyn Clock>,
}

/// TLS 1.2 or later, with ring, for one server.
pub(super) fn config(trust: Trust<'_>) -> Result<ClientConfig> {
    const CANNOT: Error = Error::internal("TLS cannot be set up");
    let roots = match trust.private_ca_pem {
        Some(pem) => private_roots(pem)?,
        None => RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let time = Arc::new(DeviceTime(trust.clock));
    let builder = ClientConfig::builder_with_details(Arc::clone(&provider), time)
        .with_safe_default_protocol_versions()
        .map_err(|_| CANNOT)?;
    let Some(pins) = trust.pins else {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    };
    let ordinary = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|_| CANNOT)?;
    // The one verifier of our own: the ordinary one, and then the pins.
    let pinned = Pinned {
        ordinary,
        pins: pins.clone(),
    };
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(pinned))
        .with_no_client_auth())
}

/// Certificates that verify as always, and whose key is one of those that the app named.
#[derive(Debug)]
struct Pinned {
    ordinary: Arc<WebPkiServerVerifier>,
    pins: SpkiPins,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.ordinary.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )?;
        // The server's own key alone: of the other certificates that it sends, not all need to be
        // part of the path that was verified.
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let hash = Sha256::digest(key.as_ref());
        if self.pins.allow(&hash.into(), now.as_secs()) {
            Ok(verified)
        } else {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.ordinary.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.ordinary.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.ordinary.supported_verify_schemes()
    }
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
        fn config(private_ca_pem: Option<&str>) -> Result<ClientConfig> {
            super::config(Trust {
                private_ca_pem,
                pins: None,
                clock: Arc::new(SystemClock),
            })
        }
        let good = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        assert!(config(Some(&good.cert.pem())).is_ok());
        for bad in [
            String::new(),
            "no PEM".to_owned(),
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n".to_owned(),
            good.cert.pem().replace("-----END", "-----ENE"),
            good.signing_key.serialize_pem(),
            " ".repeat(MAX_PEM_BYTES + 1),
        ] {
            let error = config(Some(&bad)).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidInput);
        }
        assert!(config(None).is_ok());
    }
}
