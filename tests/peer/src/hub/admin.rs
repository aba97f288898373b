//! The hub's routes below `/__peer/`, for tests in other processes. No credentials, as with the
//! cloud's.

use std::sync::Arc;

use axum::http::Method;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::app::{HubApp, answer as carry_out};
use super::tables::{SERVED, table};
use super::{Wipe, plain, relay, state};
use crate::app::Incoming;
use crate::faults::Kind;
use crate::query::parameter;
use crate::reply::{json_reply, json_text_reply};
use crate::request_log::Seen;

/// The reply to an admin request, if it is one.
pub(super) async fn answer(app: &Arc<HubApp>, incoming: &Incoming) -> Option<Response> {
    let path = incoming.path.strip_prefix("/__peer/")?;
    Some(match (path, &incoming.method) {
        ("faults", &Method::POST) => match app.faults.apply(&incoming.body) {
            Ok(()) => json_reply(200, &json!({"ok": true})),
            Err(error) => bad(&error),
        },
        ("forget-sessions", &Method::POST) => {
            app.sessions.forget();
            json_reply(200, &json!({"ok": true}))
        }
        ("wipe", &Method::POST) => wipe(app, incoming),
        ("cloud", &Method::POST) => json_reply(200, &json!(relay::meet(app).await)),
        ("replay", &Method::POST) => replay(app, incoming).await,
        ("state", &Method::GET) => state_of(app),
        ("rows", &Method::GET) => stored_rows(app, incoming),
        _ => json_reply(404, &json!({"error": "no such admin route"})),
    })
}

fn bad(error: &dyn std::fmt::Display) -> Response {
    json_reply(400, &json!({"error": error.to_string()}))
}

fn wipe(app: &HubApp, incoming: &Incoming) -> Response {
    #[derive(Deserialize)]
    struct Asked {
        what: Wipe,
    }
    match serde_json::from_slice::<Asked>(&incoming.body) {
        Ok(asked) => match state::wipe(app, asked.what) {
            Ok(()) => json_reply(200, &json!({"ok": true})),
            Err(error) => bad(&error),
        },
        Err(error) => bad(&error),
    }
}

/// Sends the latest recorded request of a kind once more, as somebody in the path can.
async fn replay(app: &Arc<HubApp>, incoming: &Incoming) -> Response {
    #[derive(Deserialize)]
    struct Asked {
        kind: Kind,
    }
    let asked: Asked = match serde_json::from_slice(&incoming.body) {
        Ok(asked) => asked,
        Err(error) => return bad(&error),
    };
    let Some(request) = app.recorder.request(asked.kind) else {
        return json_reply(404, &json!({"error": "no such request so far"}));
    };
    let again = Incoming {
        method: Method::POST,
        path: request.path,
        query: String::new(),
        headers: request.headers,
        body: request.body,
    };
    let number = app.log.add(Seen::of(&again));
    let reply = carry_out(app, &again, number).await;
    let status = reply.status().as_u16();
    app.log.answered(number, status);
    json_reply(200, &json!({"status": status}))
}

/// The clock, rows per table, the cloud's watermark, sessions, and the requests so far.
fn state_of(app: &HubApp) -> Response {
    let counts: Map<String, Value> = SERVED
        .iter()
        .map(|table| {
            let count = state::count(app, table).unwrap_or(-1);
            (table.name.to_owned(), count.into())
        })
        .collect();
    let seen = app.log.all();
    let plain_calls = seen
        .iter()
        .filter(|seen| {
            plain::PATHS
                .iter()
                .any(|path| seen.target.starts_with(path))
        })
        .count();
    let requests: Vec<Value> = seen
        .into_iter()
        .map(|seen| {
            json!({
                "method": seen.method,
                "target": seen.target,
                "call": seen.call,
                "client_id": seen.client_id,
                "authorization": seen.authorization,
                "body_bytes": seen.body_bytes,
                "status": seen.status,
            })
        })
        .collect();
    let watermark = relay::watermark(&app.store.writer()).unwrap_or(-1);
    json_reply(
        200,
        &json!({
            "now_ms": app.now_ms(),
            "rows": counts,
            "cloud_watermark": watermark,
            "sessions": app.sessions.count(),
            "plain_calls": plain_calls,
            "requests": requests,
        }),
    )
}

/// The stored rows of `?table=`.
fn stored_rows(app: &HubApp, incoming: &Incoming) -> Response {
    let named = parameter(&incoming.query, "table");
    match named.as_deref().and_then(table) {
        Some(table) => match state::rows_text(app, table) {
            Ok(text) => json_text_reply(200, text),
            Err(error) => json_reply(500, &json!({"error": error.to_string()})),
        },
        None => json_reply(404, &json!({"error": "no such table"})),
    }
}
