//! A server for tests: real TLS on 127.0.0.1, one scripted answer for each connection.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::model::peer::{CloudAddress, HttpsUrl};

/// What the server does after it wrote its answer.
#[derive(Clone, Copy)]
pub(super) enum Then {
    /// Ends TLS and the connection properly.
    Close,
    /// Ends the connection in the middle of everything.
    Cut,
    /// Says nothing more until the client goes.
    Hold,
}

/// One connection's answer.
#[derive(Clone)]
pub(super) struct Answer {
    pub bytes: Vec<u8>,
    pub then: Then,
}

impl Answer {
    /// A whole reply.
    pub(super) fn reply(status: &str, body: &str) -> Self {
        Self::with_header(status, "content-type: application/json", body)
    }

    /// A whole reply with a header of its own.
    pub(super) fn with_header(status: &str, header: &str, body: &str) -> Self {
        let text = format!(
            "HTTP/1.1 {status}\r\n{header}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        );
        Self {
            bytes: text.into_bytes(),
            then: Then::Close,
        }
    }

    /// A reply in chunks, the way the cloud sends a pull, without its end.
    pub(super) fn unfinished(chunks: &[&str], then: Then) -> Self {
        let mut text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
        for chunk in chunks {
            text += &format!("{:x}\r\n{chunk}\r\n", chunk.len());
        }
        Self {
            bytes: text.into_bytes(),
            then,
        }
    }

    /// Nothing at all.
    pub(super) fn silence() -> Self {
        Self {
            bytes: Vec::new(),
            then: Then::Hold,
        }
    }
}

/// A certificate, the key of it, and the authority that made it.
pub(super) struct Identity {
    pub ca_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    /// For these host names, from an authority of its own. Valid from 1975 to 4096.
    pub(super) fn signed(names: &[&str]) -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca_key = KeyPair::generate().unwrap();
        let ca_pem = ca.self_signed(&ca_key).unwrap().pem();
        let issuer = Issuer::new(ca, ca_key);
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let leaf = CertificateParams::new(names)
            .unwrap()
            .signed_by(&key, &issuer)
            .unwrap();
        Self {
            ca_pem,
            chain: vec![leaf.der().clone()],
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        }
    }
}

/// Answers until the test process ends.
pub(super) struct TestServer {
    pub address: CloudAddress,
    /// Each request as it was read: head and body.
    pub requests: mpsc::Receiver<String>,
}

impl TestServer {
    /// Answers the n-th connection with the n-th answer, all later ones with the last.
    pub(super) fn start(identity: Identity, answers: Vec<Answer>) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(identity.chain, identity.key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for (i, socket) in listener.incoming().enumerate() {
                let answer = answers[i.min(answers.len() - 1)].clone();
                let (config, sender) = (Arc::clone(&config), sender.clone());
                thread::spawn(move || {
                    // A client that refuses the certificate makes an error here.
                    serve(socket.unwrap(), config, &answer, &sender).ok();
                });
            }
        });
        Self {
            address: CloudAddress {
                url: HttpsUrl::parse(&url).unwrap(),
                private_ca_pem: Some(identity.ca_pem),
            },
            requests,
        }
    }

    /// One that the client trusts, with one answer.
    pub(super) fn answering(answer: Answer) -> Self {
        Self::start(Identity::signed(&["127.0.0.1"]), vec![answer])
    }
}

fn serve(
    socket: TcpStream,
    config: Arc<ServerConfig>,
    answer: &Answer,
    sender: &mpsc::Sender<String>,
) -> std::io::Result<()> {
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    let request = read_request(&mut stream)?;
    sender.send(request).ok();
    stream.write_all(&answer.bytes)?;
    stream.flush()?;
    match answer.then {
        Then::Close => {
            stream.conn.send_close_notify();
            stream.flush()?;
            stream.sock.shutdown(Shutdown::Write)?;
        }
        Then::Cut => return stream.sock.shutdown(Shutdown::Both),
        Then::Hold => {}
    }
    // Going before the client has read would break the connection.
    std::io::copy(&mut stream.sock, &mut std::io::sink()).map(|_| ())
}

fn read_request(stream: &mut impl Read) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    bytes.extend_from_slice(&body);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
