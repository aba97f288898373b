//! The routes below `/__peer/`, for tests in other processes. No credentials: the peer
//! listens on 127.0.0.1 only, and holds invented people.

use axum::http::Method;
use axum::response::Response;
use serde_json::json;

use crate::app::{App, Incoming};
use crate::faults::FaultSpec;
use crate::query::parameter;
use crate::reply::{json_reply, json_text_reply};
use crate::rows;
use crate::schema::{PULL_ORDER, table};

/// The reply to an admin request, if it is one.
pub(crate) fn answer(app: &App, incoming: &Incoming) -> Option<Response> {
    let path = incoming.path.strip_prefix("/__peer/")?;
    Some(match (path, &incoming.method) {
        ("faults", &Method::POST) => match serde_json::from_slice::<FaultSpec>(&incoming.body) {
            Ok(spec) => {
                app.faults.apply(spec);
                json_reply(200, &json!({"ok": true}))
            }
            Err(error) => json_reply(400, &json!({"error": error.to_string()})),
        },
        ("state", &Method::GET) => state(app),
        ("rows", &Method::GET) => stored_rows(app, incoming),
        _ => json_reply(404, &json!({"error": "no such admin route"})),
    })
}

/// Counts per table and the requests so far.
fn state(app: &App) -> Response {
    let counts: serde_json::Map<String, serde_json::Value> = PULL_ORDER
        .iter()
        .map(|table| {
            let count = rows::count(&app.store, table).unwrap_or(-1);
            (table.name.to_owned(), count.into())
        })
        .collect();
    let requests: Vec<serde_json::Value> = app
        .log
        .all()
        .into_iter()
        .map(|seen| {
            json!({
                "method": seen.method,
                "target": seen.target,
                "authorization": seen.authorization,
                "body_bytes": seen.body_bytes,
                "status": seen.status,
            })
        })
        .collect();
    json_reply(
        200,
        &json!({"now_ms": app.now_ms(), "rows": counts, "requests": requests}),
    )
}

/// The stored rows of `?table=`.
fn stored_rows(app: &App, incoming: &Incoming) -> Response {
    let named = parameter(&incoming.query, "table");
    match named.as_deref().and_then(table) {
        Some(table) => match rows::text(&app.store, table, app.config.time_zone_minutes) {
            Ok(text) => json_text_reply(200, text),
            Err(error) => json_reply(500, &json!({"error": error.to_string()})),
        },
        None => json_reply(404, &json!({"error": "no such table"})),
    }
}
