//! Sealed calls: the envelope around a command or a query, and the ways in which it goes wrong.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::app::{HubApp, bare, json, not_json, parse_error, text};
use super::crypto::{Key, open, seal};
use super::faults::Mischief;
use super::{LOCKED, changes, login, push};
use crate::app::Incoming;
use crate::faults::{Kind, Replacement, endless_envelope};
use crate::system::random_bytes;

/// The two doors; each has words of its own for the seal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    Command,
    Query,
}

impl Channel {
    fn request_word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Query => "query",
        }
    }

    fn reply_word(self) -> &'static str {
        match self {
            Self::Command => "command_response",
            Self::Query => "query_response",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Command => Self::Query,
            Self::Query => Self::Command,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Envelope {
    client_id: String,
    payload: String,
}

#[derive(Debug, Deserialize)]
struct Command {
    command: String,
    data: Value,
    #[serde(default)]
    token: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Query {
    query: String,
    params: Value,
    #[serde(default)]
    token: Option<String>,
}

/// An opened call.
struct Call {
    client_id: String,
    key: Key,
    name: String,
    data: Value,
    token: Option<String>,
}

/// What a handler gives back: the plaintext, or the text of an error.
type Outcome = Result<Vec<u8>, String>;

/// `POST /rpc/command` and `POST /rpc/query`.
pub(super) async fn call(
    app: &Arc<HubApp>,
    channel: Channel,
    incoming: &Incoming,
    number: usize,
) -> Response {
    let opened = match open_call(app, channel, incoming) {
        Ok(call) => call,
        Err(refused) => return *refused,
    };
    let kept = (opened.name == "sync_push").then(|| opened.data.to_string());
    app.log
        .opened(number, &opened.client_id, &opened.name, kept);
    let Some(kind) = kind(&opened.name) else {
        let outcome = run(app, channel, &opened).await;
        return json(sealed_body(&opened.key, channel, outcome));
    };
    app.recorder.keep_request(kind, incoming);
    let base = app.faults.base();
    base.wait_latency(kind).await;
    let reply = match base.take_answer(kind) {
        Some(answer) => {
            if answer.carry_out {
                let outcome = run(app, channel, &opened).await;
                let body = sealed_body(&opened.key, channel, outcome);
                app.recorder
                    .keep_reply(kind, &opened.client_id, Bytes::from(body));
            }
            answer.to_reply()
        }
        None => match base.replacement().filter(|_| kind == Kind::Pull) {
            Some(Replacement::Endless) => {
                crate::reply::reply(200, "application/json; charset=utf-8", endless_envelope())
            }
            Some(other) => {
                let plain = to_bytes(other.body(app.now_ms()), usize::MAX).await;
                let outcome = Ok(plain.unwrap_or_default().to_vec());
                json(sealed_body(&opened.key, channel, outcome))
            }
            None => {
                let outcome = run(app, channel, &opened).await;
                with_mischief(app, channel, kind, &opened, outcome)
            }
        },
    };
    base.shape(kind, reply)
}

/// The honest reply, or what somebody in the path makes of it.
fn with_mischief(
    app: &HubApp,
    channel: Channel,
    kind: Kind,
    call: &Call,
    outcome: Outcome,
) -> Response {
    let mischief = app.faults.take_mischief(kind);
    let earlier = match mischief {
        Some(Mischief::Repeat(from)) => app.recorder.reply(from, &call.client_id),
        _ => None,
    };
    let seals_as = match mischief {
        Some(Mischief::WrongWord) => channel.other(),
        _ => channel,
    };
    let honest = Bytes::from(sealed_body(&call.key, seals_as, outcome));
    app.recorder
        .keep_reply(kind, &call.client_id, honest.clone());
    match (mischief, earlier) {
        (Some(Mischief::Tamper), _) => json(tampered(&honest)),
        (Some(Mischief::Repeat(_)), Some(earlier)) => json(earlier.to_vec()),
        _ => json(honest.to_vec()),
    }
}

/// The same reply with one letter of its envelope changed.
fn tampered(body: &[u8]) -> Vec<u8> {
    let mut body = body.to_vec();
    let head = "{\"payload\":\"".len();
    // Past the nonce, so that it is the ciphertext that does not fit.
    if let Some(letter) = body.get_mut(head + 20) {
        *letter = if *letter == b'A' { b'B' } else { b'A' };
    }
    body
}

fn open_call(app: &HubApp, channel: Channel, incoming: &Incoming) -> Result<Call, Box<Response>> {
    if let Some(refused) = not_json(incoming) {
        return Err(Box::new(refused));
    }
    let envelope: Envelope =
        serde_json::from_slice(&incoming.body).map_err(|error| Box::new(parse_error(&error)))?;
    let Some(key) = app.sessions.get(&envelope.client_id) else {
        let text = format!(
            "Client '{}' not paired — handshake first",
            envelope.client_id
        );
        return Err(Box::new(bare(500, &text)));
    };
    let Some(plain) = open(&key, channel.request_word(), &envelope.payload) else {
        let text = "Decryption failed: AES-GCM decryption failed (wrong key or tampered data)";
        return Err(Box::new(bare(500, text)));
    };
    let read = match channel {
        Channel::Command => serde_json::from_slice::<Command>(&plain)
            .map(|call| (call.command, call.data, call.token)),
        Channel::Query => serde_json::from_slice::<Query>(&plain)
            .map(|call| (call.query, call.params, call.token)),
    };
    let (name, data, token) = read.map_err(|error| {
        let word = channel.request_word();
        Box::new(text(500, &format!("Invalid {word} JSON: {error}")))
    })?;
    Ok(Call {
        client_id: envelope.client_id,
        key,
        name,
        data,
        token,
    })
}

fn kind(name: &str) -> Option<Kind> {
    match name {
        "ping" => Some(Kind::Ping),
        "heartbeat" => Some(Kind::Heartbeat),
        "login" => Some(Kind::SignIn),
        "sync_pull" => Some(Kind::Pull),
        "sync_push" => Some(Kind::Push),
        _ => None,
    }
}

/// The body of a reply. Errors are not sealed, and come with status 200 all the same.
fn sealed_body(key: &Key, channel: Channel, outcome: Outcome) -> Vec<u8> {
    let body = match outcome {
        Ok(plain) => {
            let payload = seal(key, channel.reply_word(), &random_bytes(), &plain);
            format!("{{\"payload\":\"{payload}\",\"success\":true}}")
        }
        Err(error) => format!(
            "{{\"payload\":\"\",\"success\":false,\"error\":{}}}",
            Value::from(error)
        ),
    };
    body.into_bytes()
}

async fn run(app: &Arc<HubApp>, channel: Channel, call: &Call) -> Outcome {
    match (channel, call.name.as_str()) {
        (_, "ping") => return Ok(br#"{"pong":true}"#.to_vec()),
        (Channel::Query, "heartbeat") => return Ok(br#"{"status":"ok"}"#.to_vec()),
        _ => {}
    }
    if app.faults.base().database_is_down() {
        return Err(LOCKED.to_owned());
    }
    if (channel, call.name.as_str()) == (Channel::Command, "login") {
        if app.config.login_latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(app.config.login_latency_ms)).await;
        }
        return login::login(app, &call.data);
    }
    login::authorize(app, call.token.as_deref())?;
    match (channel, call.name.as_str()) {
        (Channel::Query, "sync_pull") => pull(app, since(&call.data)).await,
        (Channel::Command, "sync_push") => {
            let changes = push::read(call.data.clone())?;
            let app = Arc::clone(app);
            tokio::task::spawn_blocking(move || push::write(&app, &changes))
                .await
                .unwrap_or_else(|error| Err(error.to_string()))
                .map(|()| b"{}".to_vec())
        }
        (Channel::Command, name) => Err(format!("Unknown command: {name}")),
        (Channel::Query, name) => Err(format!("Unknown query: {name}")),
    }
}

/// The cursor of a pull, under either name. 0 without one; negative is fine.
fn since(params: &Value) -> i64 {
    ["last_pulled_at", "lastPulledAt"]
        .into_iter()
        .find_map(|name| params.get(name).and_then(Value::as_i64))
        .unwrap_or(0)
}

/// The plaintext of a pull. The timestamp is taken after the queries: what is written in between
/// is lost to a client that trusts it.
pub(super) async fn pull(app: &Arc<HubApp>, since_ms: i64) -> Outcome {
    let reading = Arc::clone(app);
    let changes = tokio::task::spawn_blocking(move || {
        reading
            .store
            .reader()
            .and_then(|database| changes::since(&database, since_ms))
            .map_err(|error| error.to_string())
    })
    .await
    .unwrap_or_else(|error| Err(error.to_string()))?;
    app.faults.wait_before_stamp().await;
    let mut plain = b"{\"changes\":".to_vec();
    plain.extend_from_slice(&changes);
    plain.extend_from_slice(format!(",\"timestamp\":{}}}", app.now_ms()).as_bytes());
    Ok(plain)
}
