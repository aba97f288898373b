//! A hub for tests: plain HTTP on 127.0.0.1, its side of the cryptography written apart from ours,
//! its answers scripted.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce, Tag};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use serde_json::{Value as Json, json};
use sha2::Sha256;
use x25519_dalek::{PublicKey, StaticSecret};

use crate::model::hub::{HubAddress, HubPublicKey, HubUrl};

pub(super) const HUB_ID: &str = "44444444-4444-4444-8444-000000000001";
pub(super) const HUB_PRIVATE: [u8; 32] = [0x42; 32];

/// What the hub does with one sealed request that it could open.
#[derive(Clone)]
pub(super) enum Act {
    /// Seals this and answers.
    Reply(String),
    /// Answers with an error in clear.
    Error(&'static str),
    /// Answers with a status and a text.
    Status(u16, &'static str),
    /// Loses its sessions first, as at a restart, and then says what it says without one.
    Restart,
    /// Seals this, and flips a bit of the payload at this share of its length.
    Tamper(String, f64),
    /// Seals this under the word of the other route.
    WrongWord(String),
    /// Answers with the last sealed answer of this kind once more.
    Replay,
    /// Seals this, which somebody keeps, and answers with an error in clear instead.
    Keep(String, &'static str),
    /// Answers with what was kept.
    HandOut,
    /// Seals this, and cuts the connection after so many bytes of the whole answer.
    Cut(String, usize),
    /// Seals this, and falls silent after so many bytes of the answer's body.
    Hold(String, usize),
    /// Says nothing.
    Silence,
    /// Answers with a status, and where else to ask.
    Redirect(u16, String),
}

/// How an answer ends.
enum End {
    Whole,
    /// The connection is cut after so many bytes.
    Cut(usize),
    /// Nothing more is said after so many bytes.
    Hold(usize),
}

type Answer = (Vec<u8>, End);

/// What reached the hub.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    Handshake,
    /// The text of a sealed request.
    Text(Json),
    /// Something that it could not open, as it came.
    Closed(String),
}

impl Seen {
    /// Its name in short.
    pub(super) fn step(&self) -> &str {
        match self {
            Self::Handshake => "handshake",
            Self::Closed(_) => "closed",
            Self::Text(text) => text["command"].as_str().or(text["query"].as_str()).unwrap(),
        }
    }
}

/// How the hub differs from an honest one.
#[derive(Clone)]
pub(super) struct Traits {
    pub private: [u8; 32],
    pub says_key: Option<String>,
    pub says_id: String,
    /// Cannot open anything, and answers this status and text.
    pub opens_nothing: Option<(u16, String)>,
    /// Does this at the step of this name; a handshake can only be held, redirected or left alone.
    pub instead: Option<(&'static str, Act)>,
}

impl Default for Traits {
    fn default() -> Self {
        Self {
            private: HUB_PRIVATE,
            says_key: None,
            says_id: HUB_ID.into(),
            opens_nothing: None,
            instead: None,
        }
    }
}

impl Traits {
    fn act_at(&self, step: &str) -> Option<Act> {
        let (at, act) = self.instead.as_ref()?;
        (*at == step).then(|| act.clone())
    }
}

type Script = dyn FnMut(&Json) -> Act + Send;

struct State {
    traits: Traits,
    sessions: HashMap<String, [u8; 32]>,
    script: Box<Script>,
    nonce: u64,
    last: HashMap<&'static str, String>,
    kept: Option<String>,
}

/// Answers until the test process ends.
pub(super) struct TestHub {
    /// As its QR code would show it: with the key that it should have.
    pub address: HubAddress,
    pub seen: mpsc::Receiver<Seen>,
}

impl TestHub {
    /// An honest hub. `ping` is answered by itself, all else by the script.
    pub(super) fn start(script: impl FnMut(&Json) -> Act + Send + 'static) -> Self {
        Self::with(Traits::default(), script)
    }

    pub(super) fn with(traits: Traits, script: impl FnMut(&Json) -> Act + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, seen) = mpsc::channel();
        let state = Arc::new(Mutex::new(State {
            traits,
            sessions: HashMap::new(),
            script: Box::new(script),
            nonce: 0,
            last: HashMap::new(),
            kept: None,
        }));
        thread::spawn(move || {
            for socket in listener.incoming() {
                let (state, sender) = (Arc::clone(&state), sender.clone());
                thread::spawn(move || serve(socket.unwrap(), &state, &sender).ok());
            }
        });
        let public = PublicKey::from(&StaticSecret::from(HUB_PRIVATE));
        Self {
            address: HubAddress {
                url: HubUrl::parse(&url).unwrap(),
                hub_id: HUB_ID.into(),
                public_key: HubPublicKey::parse(&URL_SAFE_NO_PAD.encode(public.as_bytes()))
                    .unwrap(),
            },
            seen,
        }
    }

    /// What came so far.
    pub(super) fn all_seen(&self) -> Vec<Seen> {
        self.seen.try_iter().collect()
    }
}

fn serve(
    mut socket: TcpStream,
    state: &Mutex<State>,
    seen: &mpsc::Sender<Seen>,
) -> std::io::Result<()> {
    let (path, body) = read_request(&mut socket)?;
    let answer = {
        let mut state = state.lock().unwrap();
        match path.as_str() {
            "/rpc/handshake" => {
                let answer = handshake(&mut state, &body);
                let answer = match state.traits.act_at("handshake") {
                    None => (answer, End::Whole),
                    Some(Act::Hold(_, bytes)) => held(answer, bytes),
                    Some(Act::Redirect(status, to)) => (redirect(status, &to), End::Whole),
                    Some(_) => (Vec::new(), End::Hold(0)),
                };
                seen.send(Seen::Handshake).ok();
                answer
            }
            "/rpc/command" | "/rpc/query" => sealed(&mut state, &path, &body, seen),
            _ => (http(404, "not found"), End::Whole),
        }
    };
    let (bytes, end) = answer;
    match end {
        End::Whole => {
            socket.write_all(&bytes)?;
            socket.shutdown(Shutdown::Write)?;
        }
        End::Cut(cut) => {
            socket.write_all(&bytes[..cut.min(bytes.len())])?;
            return socket.shutdown(Shutdown::Both);
        }
        End::Hold(from) => socket.write_all(&bytes[..from])?,
    }
    // Going before the client has read would break the connection.
    std::io::copy(&mut socket, &mut std::io::sink()).map(|_| ())
}

fn handshake(state: &mut State, body: &str) -> Vec<u8> {
    let hello: Json = serde_json::from_str(body).unwrap();
    let theirs = URL_SAFE_NO_PAD
        .decode(hello["client_public_key"].as_str().unwrap())
        .unwrap();
    let theirs: [u8; 32] = theirs.try_into().unwrap();
    let private = StaticSecret::from(state.traits.private);
    let public = PublicKey::from(&private);
    let shared = private.diffie_hellman(&PublicKey::from(theirs));
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(Some(b"hikma-health-pairing-v1"), shared.as_bytes())
        .expand(&[*public.as_bytes(), theirs].concat(), &mut key)
        .unwrap();
    let client = hello["client_id"].as_str().unwrap().to_owned();
    state.sessions.insert(client, key);
    let says_key = state
        .traits
        .says_key
        .clone()
        .unwrap_or_else(|| URL_SAFE_NO_PAD.encode(public.as_bytes()));
    let reply = json!({
        "hub_public_key": says_key,
        "hub_id": state.traits.says_id,
        "hub_name": "مركز النور",
        "success": true,
    });
    http(200, &reply.to_string())
}

fn sealed(state: &mut State, path: &str, body: &str, seen: &mpsc::Sender<Seen>) -> Answer {
    let whole = |bytes| (bytes, End::Whole);
    let envelope: Json = serde_json::from_str(body).unwrap();
    let client = envelope["client_id"].as_str().unwrap();
    let (word, reply_word, other) = match path {
        "/rpc/command" => ("command", "command_response", "query_response"),
        _ => ("query", "query_response", "command_response"),
    };
    if let Some((status, text)) = &state.traits.opens_nothing {
        seen.send(Seen::Closed(body.to_owned())).ok();
        return whole(http(*status, text));
    }
    let Some(key) = state.sessions.get(client).copied() else {
        seen.send(Seen::Closed(body.to_owned())).ok();
        return whole(http(
            500,
            &format!("Client '{client}' not paired — handshake first"),
        ));
    };
    let Some(text) = open(&key, word, envelope["payload"].as_str().unwrap()) else {
        seen.send(Seen::Closed(body.to_owned())).ok();
        let text = "Decryption failed: AES-GCM decryption failed (wrong key or tampered data)";
        return whole(http(500, text));
    };
    let text: Json = serde_json::from_slice(&text).unwrap();
    let text = Seen::Text(text);
    let act = match (state.traits.act_at(text.step()), &text) {
        (Some(act), _) => act,
        (None, Seen::Text(text)) if text["command"] != "ping" => (state.script)(text),
        (None, _) => Act::Reply(r#"{"pong":true}"#.into()),
    };
    seen.send(text).ok();
    let mut seal = |word: &'static str, text: &str| {
        state.nonce += 1;
        let payload = seal(&key, state.nonce, word, text);
        state.last.insert(reply_word, payload.clone());
        payload
    };
    let success = |payload: &str| {
        http(
            200,
            &json!({"payload": payload, "success": true}).to_string(),
        )
    };
    match act {
        Act::Reply(text) => whole(success(&seal(reply_word, &text))),
        Act::WrongWord(text) => whole(success(&seal(other, &text))),
        Act::Tamper(text, share) => {
            let payload = seal(reply_word, &text);
            let mut bytes = URL_SAFE_NO_PAD.decode(payload).unwrap();
            let at = ((bytes.len() - 1) as f64 * share) as usize;
            bytes[at] ^= 1;
            whole(success(&URL_SAFE_NO_PAD.encode(bytes)))
        }
        Act::Cut(text, bytes) => (success(&seal(reply_word, &text)), End::Cut(bytes)),
        Act::Hold(text, bytes) => held(success(&seal(reply_word, &text)), bytes),
        Act::Redirect(status, to) => whole(redirect(status, &to)),
        Act::Replay => whole(success(&state.last[reply_word].clone())),
        Act::Keep(text, error) => {
            let payload = seal(reply_word, &text);
            state.kept = Some(payload);
            whole(unsealed(error))
        }
        Act::HandOut => whole(success(&state.kept.take().unwrap())),
        Act::Error(text) => whole(unsealed(text)),
        Act::Status(status, text) => whole(http(status, text)),
        Act::Restart => {
            state.sessions.clear();
            whole(http(
                500,
                &format!("Client '{client}' not paired — handshake first"),
            ))
        }
        Act::Silence => (Vec::new(), End::Hold(0)),
    }
}

fn unsealed(error: &str) -> Vec<u8> {
    let reply = json!({"payload": "", "success": false, "error": error});
    http(200, &reply.to_string())
}

fn cipher(key: &[u8; 32]) -> Aes256Gcm {
    Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key))
}

pub(super) fn seal(key: &[u8; 32], number: u64, word: &str, text: &str) -> String {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&number.to_be_bytes());
    let mut sealed = text.as_bytes().to_vec();
    let tag = cipher(key)
        .encrypt_inout_detached(
            &Nonce::from(nonce),
            word.as_bytes(),
            sealed.as_mut_slice().into(),
        )
        .unwrap();
    URL_SAFE_NO_PAD.encode([&nonce[..], &sealed, &tag].concat())
}

pub(super) fn open(key: &[u8; 32], word: &str, payload: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let (nonce, rest) = bytes.split_at_checked(12)?;
    let (sealed, tag) = rest.split_at_checked(rest.len().checked_sub(16)?)?;
    let mut text = sealed.to_vec();
    cipher(key)
        .decrypt_inout_detached(
            &Nonce::try_from(nonce).ok()?,
            word.as_bytes(),
            text.as_mut_slice().into(),
            &Tag::try_from(tag).ok()?,
        )
        .ok()?;
    Some(text)
}

fn http(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An answer whose body falls silent after so many bytes.
fn held(answer: Vec<u8>, bytes: usize) -> Answer {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let from = head.unwrap() + 4 + bytes;
    (answer, End::Hold(from))
}

fn redirect(status: u16, to: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} x\r\nlocation: {to}/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    .into_bytes()
}

fn read_request(socket: &mut TcpStream) -> std::io::Result<(String, String)> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let length = head
        .to_lowercase()
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    socket.read_exact(&mut body)?;
    Ok((path, String::from_utf8(body).unwrap()))
}
