//! Bad servers, over real sockets: each ends with `tls` before a byte of a credential has left, which
//! is read off what the server received.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData as _,
    date_time_ymd,
};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};

use super::{CloudClient, Network, TimeLimits};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{PullRequest, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::peer::{CloudAddress, Credentials, HttpsUrl, Proof};
use crate::model::pins::{PinMode, SpkiPins};
use crate::model::schema::{Schema, TableIndex};
use crate::ports::{ChangeSink, Clock, SyncPeer};
use crate::secret::SecretText;
use crate::test_support::FakeClock;

const EMAIL: &str = "nurse@clinic.test";
const PASSWORD: &str = "canary password";
const NOW: i64 = 1_795_470_612_883;
const HOST: &str = "127.0.0.1";

struct Nothing;

impl ChangeSink for Nothing {
    fn upsert(&mut self, _: TableIndex, _: RemoteRow) -> Result<()> {
        Ok(())
    }

    fn delete(&mut self, _: TableIndex, _: RecordId) -> Result<()> {
        Ok(())
    }
}

/// A server that tells what it was sent over each connection: as it came, or inside TLS.
struct Server {
    url: HttpsUrl,
    received: mpsc::Receiver<Vec<u8>>,
}

impl Server {
    fn start(serve: impl Fn(TcpStream) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind((HOST, 0)).unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (sender, received) = mpsc::channel();
        thread::spawn(move || {
            for socket in listener.incoming() {
                if sender.send(serve(socket.unwrap())).is_err() {
                    return;
                }
            }
        });
        Self {
            url: HttpsUrl::parse(&url).unwrap(),
            received,
        }
    }

    /// With TLS. What it tells is what came inside.
    fn with(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .unwrap();
        let config = Arc::new(config);
        Self::start(move |socket| {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, socket);
            let mut bytes = vec![0; 16 * 1024];
            // An error where the client does not go on after the handshake.
            let count = stream.read(&mut bytes).unwrap_or(0);
            bytes.truncate(count);
            let body =
                r#"{"success":true,"changes":{},"timestamp":1795470612883,"user":{"id":"u"}}"#;
            let reply = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(reply.as_bytes()).ok();
            stream.conn.send_close_notify();
            stream.flush().ok();
            bytes
        })
    }

    /// Without any: answers with these bytes, and tells all that came.
    fn raw(answer: &'static [u8]) -> Self {
        Self::start(move |mut socket| {
            let mut bytes = Vec::new();
            let mut first = [0; 4096];
            let count = socket.read(&mut first).unwrap_or(0);
            bytes.extend_from_slice(&first[..count]);
            socket.write_all(answer).ok();
            socket.read_to_end(&mut bytes).ok();
            bytes
        })
    }
}

/// An authority.
struct Ca {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Ca {
    fn root() -> Self {
        let (params, key) = (ca_params(), KeyPair::generate().unwrap());
        Self {
            certificate: params.self_signed(&key).unwrap(),
            issuer: Issuer::new(params, key),
        }
    }

    fn below(parent: &Self) -> Self {
        let (mut params, key) = (ca_params(), KeyPair::generate().unwrap());
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "intermediate");
        Self {
            certificate: params.signed_by(&key, &parent.issuer).unwrap(),
            issuer: Issuer::new(params, key),
        }
    }

    fn leaf(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        Leaf {
            certificate: params.signed_by(&key, &self.issuer).unwrap(),
            key,
        }
    }

    fn pem(&self) -> Option<String> {
        Some(self.certificate.pem())
    }
}

struct Leaf {
    certificate: Certificate,
    key: KeyPair,
}

impl Leaf {
    fn server(&self) -> Server {
        Server::with(vec![self.certificate.der().clone()], &self.key)
    }

    /// The pin of its key.
    fn pin(&self) -> String {
        STANDARD.encode(Sha256::digest(self.key.subject_public_key_info()))
    }
}

fn pins(texts: &[&str], expires_ms: i64, mode: PinMode) -> SpkiPins {
    SpkiPins::new(texts, expires_ms, mode).unwrap()
}

struct Try<'a> {
    server: &'a Server,
    ca: Option<String>,
    pins: Option<&'a SpkiPins>,
    now_ms: i64,
}

impl Try<'_> {
    fn client(&self) -> CloudClient {
        CloudClient::new(
            Network::start().unwrap(),
            Schema::hikma().unwrap(),
            Arc::new(FakeClock::at(self.now_ms)) as Arc<dyn Clock>,
            &CloudAddress {
                url: self.server.url.clone(),
                private_ca_pem: self.ca.clone(),
            },
            self.pins,
            TimeLimits {
                first_byte: Duration::from_secs(10),
                ..TimeLimits::default()
            },
        )
        .unwrap()
    }

    fn credentials() -> Credentials {
        Credentials::new(EMAIL.into(), SecretText::new(PASSWORD.into())).unwrap()
    }

    fn pull(&self) -> Result<()> {
        self.client()
            .peer(Proof::Password(Self::credentials()), "u".into())
            .pull(
                &PullRequest { cursor: 1 },
                &mut Nothing,
                &mut |_| {},
                &CancelToken::new(),
            )
            .map(|_| ())
    }

    /// Signs in and pulls: both end with `tls`, and the server has seen no credential.
    fn is_refused(&self, what: &str) -> Error {
        let signed_in = self
            .client()
            .sign_in(&Self::credentials(), &CancelToken::new())
            .map(|_| ());
        let mut last = None;
        for result in [signed_in, self.pull()] {
            let error = result.expect_err(what);
            assert_eq!(error.code(), ErrorCode::Tls, "{what}: {error}");
            let received = self.server.received.recv().unwrap();
            let text = String::from_utf8_lossy(&received);
            for secret in [EMAIL, "canary", "Basic", "authorization", "/api/"] {
                assert!(!text.contains(secret), "{what}: the server got {secret}");
            }
            last = Some(error);
        }
        last.unwrap()
    }
}

fn with_ca(server: &Server, ca: Option<String>) -> Try<'_> {
    Try {
        server,
        ca,
        pins: None,
        now_ms: NOW,
    }
}

#[test]
fn a_good_server_is_taken_also_one_that_is_an_address() {
    let root = Ca::root();
    let leaf = root.leaf(HOST, |_| {});
    let server = leaf.server();
    with_ca(&server, root.pem()).pull().unwrap();
    let received = server.received.recv().unwrap();
    assert!(String::from_utf8_lossy(&received).contains("Basic "));
}

#[test]
fn certificates_that_are_no_good_see_no_credential() {
    let (root, other) = (Ca::root(), Ca::root());
    let good = root.leaf(HOST, |_| {});
    let expired = root.leaf(HOST, |params| params.not_after = date_time_ymd(2026, 1, 1));
    let early = root.leaf(HOST, |params| params.not_before = date_time_ymd(2030, 1, 1));
    let elsewhere = root.leaf("clinic.test", |_| {});
    let other_ip = root.leaf("127.0.0.2", |_| {});
    for (what, leaf, ca) in [
        ("expired", &expired, root.pem()),
        ("not valid yet", &early, root.pem()),
        ("wrong host", &elsewhere, root.pem()),
        ("wrong address", &other_ip, root.pem()),
        ("unknown authority", &good, other.pem()),
        ("the web's roots", &good, None),
    ] {
        let server = leaf.server();
        with_ca(&server, ca).is_refused(what);
    }
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let server = Server::with(vec![made.cert.der().clone()], &made.signing_key);
    with_ca(&server, root.pem()).is_refused("self-signed");
}

#[test]
fn a_missing_intermediate_is_refused_and_a_whole_chain_taken() {
    let root = Ca::root();
    let intermediate = Ca::below(&root);
    let leaf = intermediate.leaf(HOST, |_| {});
    let server = leaf.server();
    with_ca(&server, root.pem()).is_refused("no intermediate");
    let chain = vec![
        leaf.certificate.der().clone(),
        intermediate.certificate.der().clone(),
    ];
    let server = Server::with(chain, &leaf.key);
    with_ca(&server, root.pem()).pull().unwrap();
}

#[test]
fn a_server_that_speaks_no_tls_or_an_old_one_sees_no_credential() {
    const CLEAR: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    // A record with a server's hello of TLS 1.1: version, 32 random bytes, no session, a cipher.
    const OLD: &[u8] = b"\x16\x03\x02\x00\x2a\x02\x00\x00\x26\x03\x02RRRRRRRRRRRRRRRRRRRRRRRRRRRRRRRR\x00\x00\x2f\x00";
    // The alert of one that knows nothing newer.
    const TOO_NEW: &[u8] = b"\x15\x03\x02\x00\x02\x02\x46";
    const NOISE: &[u8] = &[0; 64];
    for (what, answer) in [
        ("cleartext", CLEAR),
        ("TLS 1.1", OLD),
        ("an alert", TOO_NEW),
        ("noise", NOISE),
    ] {
        let server = Server::raw(answer);
        with_ca(&server, None).is_refused(what);
    }
}

#[test]
fn a_key_that_is_not_pinned_is_refused_or_only_counted() {
    const LATER: i64 = NOW + 1_000_000;
    let root = Ca::root();
    let (leaf, next) = (root.leaf(HOST, |_| {}), root.leaf(HOST, |_| {}));
    let foreign = root.leaf(HOST, |_| {});
    let (first, second, third) = (leaf.pin(), next.pin(), foreign.pin());
    let try_with = |server: &Server, pins: &SpkiPins, now_ms| {
        Try {
            server,
            ca: root.pem(),
            pins: Some(pins),
            now_ms,
        }
        .pull()
    };
    // The key in use, and the one that replaces it.
    let both = pins(&[&first, &second], LATER, PinMode::Enforce);
    try_with(&leaf.server(), &both, NOW).unwrap();
    try_with(&next.server(), &both, NOW).unwrap();
    assert_eq!(both.mismatches(), 0);

    // A certificate that everybody trusts, of another key.
    let server = foreign.server();
    let error = Try {
        pins: Some(&both),
        ..with_ca(&server, root.pem())
    }
    .is_refused("not pinned");
    assert!(
        error
            .detail()
            .contains("none of those that the app expects")
    );
    assert_eq!(both.mismatches(), 2);

    // A pin does not make up for a certificate that does not verify.
    let own = pins(&[&third, &second], LATER, PinMode::Enforce);
    let server = foreign.server();
    Try {
        pins: Some(&own),
        ..with_ca(&server, Ca::root().pem())
    }
    .is_refused("pinned, not trusted");
    // A pinned key that comes along, but is not the server's own, does not count.
    let chain = vec![
        foreign.certificate.der().clone(),
        leaf.certificate.der().clone(),
    ];
    let server = Server::with(chain, &foreign.key);
    Try {
        pins: Some(&both),
        ..with_ca(&server, root.pem())
    }
    .is_refused("pinned key as a companion");

    let lenient = pins(&[&first, &second], LATER, PinMode::ReportOnly);
    try_with(&foreign.server(), &lenient, NOW).unwrap();
    assert_eq!(lenient.mismatches(), 1);
    // An app that nobody updated does not lock itself out.
    let over = pins(&[&first, &second], NOW - 1_000, PinMode::Enforce);
    try_with(&foreign.server(), &over, NOW).unwrap();
}

#[test]
fn a_plainly_wrong_clock_is_named_as_the_likely_cause() {
    const YEAR: i64 = 365 * 24 * 60 * 60 * 1000;
    let root = Ca::root();
    let leaf = root.leaf(HOST, |params| {
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2030, 1, 1);
    });
    for (now_ms, words) in [
        (1_000, "plainly wrong"),
        (NOW - 10 * YEAR, "plainly wrong"),
        (NOW + 200 * YEAR, "plainly wrong"),
        (NOW + 5 * YEAR, "is the device's clock right?"),
    ] {
        let server = leaf.server();
        let error = Try {
            now_ms,
            ..with_ca(&server, root.pem())
        }
        .is_refused("clock");
        assert!(error.detail().contains(words), "{now_ms}: {error}");
    }
}
