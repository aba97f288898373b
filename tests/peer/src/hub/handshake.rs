//! Pairing: whoever asks gets a session, and takes it from whoever had it before.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use super::app::{HubApp, bare, json, not_json, parse_error};
use super::crypto::{Key, key_text, public_key, session_key};
use crate::app::Incoming;
use crate::faults::Kind;

#[derive(Debug, Deserialize)]
struct Asked {
    client_id: String,
    client_public_key: String,
    #[serde(default)]
    device_name: Option<String>,
}

/// `POST /rpc/handshake`.
pub(super) async fn handshake(app: &Arc<HubApp>, incoming: &Incoming) -> Response {
    let base = app.faults.base();
    base.wait_latency(Kind::Handshake).await;
    let reply = match base.take_answer(Kind::Handshake) {
        Some(answer) => {
            if answer.carry_out {
                pair(app, incoming);
            }
            answer.to_reply()
        }
        None => pair(app, incoming),
    };
    app.recorder.keep_request(Kind::Handshake, incoming);
    base.shape(Kind::Handshake, reply)
}

fn pair(app: &HubApp, incoming: &Incoming) -> Response {
    if let Some(refused) = not_json(incoming) {
        return refused;
    }
    let asked: Asked = match serde_json::from_slice(&incoming.body) {
        Ok(asked) => asked,
        Err(error) => return parse_error(&error),
    };
    let client = match read_public(&asked.client_public_key) {
        Ok(key) => key,
        Err(text) => return bare(500, &text),
    };
    if app.faults.base().database_is_down() {
        return bare(500, super::LOCKED);
    }
    let claims = app.faults.identity(&app.config);
    // The key that agrees decides; what is shown is a separate matter for an impostor.
    let own_public = public_key(&claims.agrees_with);
    let Some(key) = session_key(&claims.agrees_with, &client, &own_public, &client) else {
        return bare(500, "Key agreement failed");
    };
    app.sessions.put(&asked.client_id, key);
    remember(app, &asked);
    let text = |value: &str| Value::from(value).to_string();
    json(
        format!(
            "{{\"hub_public_key\":{},\"hub_id\":{},\"hub_name\":{},\"success\":true}}",
            text(&claims.shown_key),
            text(&claims.shown_id),
            text(&app.config.name)
        )
        .into_bytes(),
    )
}

/// A row in the list of paired devices. Nothing depends on it, so its failure is no matter.
fn remember(app: &HubApp, asked: &Asked) {
    let now_ms = app.now_ms();
    let name = asked.device_name.as_deref().unwrap_or(&asked.client_id);
    let _ = app.store.writer().execute(
        "INSERT INTO peers (id, peer_id, name, public_key, peer_type, status, created_at, \
         updated_at) VALUES (?1, ?1, ?2, ?3, 'mobile_app', 'active', ?4, ?4) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
         public_key = excluded.public_key, updated_at = excluded.updated_at",
        (&asked.client_id, name, &asked.client_public_key, now_ms),
    );
}

fn read_public(text: &str) -> Result<Key, String> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|error| format!("Invalid base64 public key: {error}"))?;
    let length = bytes.len();
    bytes
        .try_into()
        .map_err(|_| format!("Invalid public key length: {length}"))
}

/// What a handshake answers with.
pub(super) struct Identity {
    /// The private key that makes the session.
    pub(super) agrees_with: Key,
    pub(super) shown_key: String,
    pub(super) shown_id: String,
}

impl Identity {
    /// The honest one.
    pub(super) fn of(private: Key, id: &str) -> Self {
        Self {
            agrees_with: private,
            shown_key: key_text(&public_key(&private)),
            shown_id: id.to_owned(),
        }
    }
}
