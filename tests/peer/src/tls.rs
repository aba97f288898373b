//! The peer's own certificate authority and its TLS settings.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::StartError;

/// A certificate authority and the server settings it vouches for.
pub(crate) struct Tls {
    pub(crate) ca_pem: String,
    pub(crate) config: Arc<ServerConfig>,
}

/// The files of a folder that keeps an authority and its certificate from one run to the next.
const CA: &str = "ca.pem";
const CERTIFICATE: &str = "server.der";
const KEY: &str = "server.key.der";

impl Tls {
    /// What the folder keeps, or a fresh authority and a certificate for `localhost` and
    /// 127.0.0.1, which the folder then keeps.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, StartError> {
        if let Some(folder) = folder.filter(|folder| folder.join(KEY).is_file()) {
            let read = |name| std::fs::read(folder.join(name));
            let ca_pem = std::fs::read_to_string(folder.join(CA))?;
            return Self::of(ca_pem, read(CERTIFICATE)?.into(), read(KEY)?);
        }
        let ca_key = KeyPair::generate()?;
        let mut ca_params = CertificateParams::new(Vec::<String>::new())?;
        ca_params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca_params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        ca_params
            .distinguished_name
            .push(DnType::CommonName, "Reference peer test authority");
        let ca_pem = ca_params.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca_params, ca_key);

        let key = KeyPair::generate()?;
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names)?.signed_by(&key, &issuer)?;
        let certificate = certificate.der().clone();
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join(CA), &ca_pem)?;
            std::fs::write(folder.join(CERTIFICATE), &certificate)?;
            std::fs::write(folder.join(KEY), key.serialize_der())?;
        }
        Self::of(ca_pem, certificate, key.serialize_der())
    }

    fn of(
        ca_pem: String,
        certificate: CertificateDer<'static>,
        key: Vec<u8>,
    ) -> Result<Self, StartError> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            ca_pem,
            config: Arc::new(config),
        })
    }
}
