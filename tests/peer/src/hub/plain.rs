//! The routes without any seal. They exist on the real hub, ask for no credential, and hand out
//! users with the hashes of their passwords. No client of ours may call them; that they are here
//! lets a test see it.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::app::{HubApp, json as json_bytes, not_json, parse_error};
use super::{LOCKED, login, push, rpc};
use crate::app::Incoming;
use crate::query::parameter;
use crate::reply::reply;

/// The paths of this file.
pub(super) const PATHS: [&str; 2] = ["/api/v2/sync", "/api/login"];

/// `GET /api/v2/sync`. Only the one spelling of the cursor is read.
pub(super) async fn pull(app: &Arc<HubApp>, incoming: &Incoming) -> Response {
    let since = parameter(&incoming.query, "lastPulledAt")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    if app.faults.base().database_is_down() {
        return error(503, LOCKED);
    }
    match rpc::pull(app, since).await {
        Ok(plain) => json_bytes(plain),
        Err(text) => error(500, &text),
    }
}

/// `POST /api/v2/sync`.
pub(super) async fn push(app: &Arc<HubApp>, incoming: &Incoming) -> Response {
    if let Some(refused) = not_json(incoming) {
        return refused;
    }
    let changes = match serde_json::from_slice::<push::ChangeSet>(&incoming.body) {
        Ok(changes) => changes,
        Err(error) => return parse_error(&error),
    };
    if app.faults.base().database_is_down() {
        return error(503, LOCKED);
    }
    let app = Arc::clone(app);
    let written = tokio::task::spawn_blocking(move || push::write(&app, &changes)).await;
    match written.unwrap_or_else(|stopped| Err(stopped.to_string())) {
        Ok(()) => json_bytes(b"{}".to_vec()),
        Err(text) => error(500, &text),
    }
}

/// `POST /api/login`: the password in clear.
pub(super) async fn login(app: &Arc<HubApp>, incoming: &Incoming) -> Response {
    if let Some(refused) = not_json(incoming) {
        return refused;
    }
    let data: Value = match serde_json::from_slice(&incoming.body) {
        Ok(data) => data,
        Err(error) => return parse_error(&error),
    };
    if app.faults.base().database_is_down() {
        return error(503, LOCKED);
    }
    match login::login(app, &data) {
        Ok(plain) => json_bytes(plain),
        Err(text) => error(401, &text),
    }
}

fn error(status: u16, text: &str) -> Response {
    let body = json!({"error": text}).to_string();
    reply(status, "application/json; charset=utf-8", body.into())
}
