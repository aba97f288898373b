//! Signing in, in its two forms, and the check of a hub's key.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};

use crate::app::{App, Incoming};
use crate::auth;
use crate::print::{column_list, write_row};
use crate::reply::{handler_error, json_reply, json_text_reply, reply};
use crate::schema;
use crate::system::random_uuid;
use crate::value::calendar::http_date;

/// How long a token lives.
const TOKEN_MS: i64 = 2 * 3_600_000;

/// `/api/auth/sign-in`.
pub(crate) fn sign_in(app: &App, incoming: &Incoming) -> Response {
    if incoming.method != Method::POST {
        return json_reply(
            500,
            &json!({"error": "Only HTML requests are supported here"}),
        );
    }
    let Ok(body) = serde_json::from_slice::<Value>(&incoming.body) else {
        return handler_error();
    };
    let refused = || json_reply(401, &json!({"error": "Invalid credentials"}));
    let (Some(email), Some(password)) = (text(&body, "email"), text(&body, "password")) else {
        return refused();
    };
    if app.faults.database_is_down() {
        return refused();
    }
    match issue_token(app, email, password) {
        Ok(Some((user, token))) => {
            let mut reply =
                json_text_reply(200, format!("{{\"user\":{user},\"token\":\"{token}\"}}"));
            let cookie = format!(
                "token={token}; Path=/; Expires={}; HttpOnly; Secure; SameSite=Strict",
                http_date(app.now_ms() + TOKEN_MS)
            );
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                reply.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            reply
        }
        Ok(None) | Err(_) => refused(),
    }
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// The user's fields as JSON text, and a new token.
fn issue_token(
    app: &App,
    email: &str,
    password: &str,
) -> rusqlite::Result<Option<(String, String)>> {
    let database = app.store.writer();
    let Some(caller) = auth::user(&database, email, password)? else {
        return Ok(None);
    };
    let (Some(user_id), Some(clinic_id)) = (caller.user_id, caller.clinic_id) else {
        return Ok(None);
    };
    let clinic_name: Option<String> = database
        .query_row(
            "SELECT name FROM clinics WHERE id = ?1",
            [clinic_id],
            |row| row.get(0),
        )
        .optional()?;
    let (Some(clinic_name), Some(mut user)) =
        (clinic_name, row_text(app, &database, "users", &user_id)?)
    else {
        return Ok(None);
    };
    mask(&mut user, &auth::hash(password));
    user.pop();
    user.push_str(",\"clinic_name\":");
    user.push_str(&Value::String(clinic_name).to_string());
    user.push('}');
    let token = random_uuid().to_string();
    database.execute(
        "INSERT INTO tokens (token, user_id, expires_at) VALUES (?1, ?2, ?3)",
        (&token, user_id, app.now_ms() + TOKEN_MS),
    )?;
    Ok(Some((user, token)))
}

fn mask(user: &mut String, hash: &str) {
    *user = user.replace(
        &format!("\"hashed_password\":\"{hash}\""),
        "\"hashed_password\":\"************\"",
    );
}

fn row_text(
    app: &App,
    database: &Connection,
    table: &str,
    id: &str,
) -> rusqlite::Result<Option<String>> {
    let Some(table) = schema::table(table) else {
        return Ok(None);
    };
    let sql = format!(
        "SELECT {} FROM \"{}\" WHERE id = ?1",
        column_list(table),
        table.name
    );
    database
        .query_row(&sql, [id], |row| {
            let mut out = Vec::new();
            write_row(table, row, app.config.time_zone_minutes, &mut out)?;
            Ok(String::from_utf8_lossy(&out).into_owned())
        })
        .optional()
}

/// `/api/login`: the reply of the other route with its fields on one level. The body of a
/// refusal is lost on the way.
pub(crate) async fn flatten(inner: Response) -> Response {
    let status = inner.status().as_u16();
    if status == 500 {
        return handler_error();
    }
    if status != 200 {
        return json_reply(status, &json!({}));
    }
    let bytes = to_bytes(inner.into_body(), usize::MAX)
        .await
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let flat = text
        .strip_prefix("{\"user\":")
        .and_then(|rest| rest.rsplit_once("},\"token\":"))
        .map(|(user, token)| format!("{user},\"token\":{token}"));
    match flat {
        Some(flat) => json_text_reply(200, flat),
        None => handler_error(),
    }
}

/// `/api/hub/verify-key`: the device without the hash of its key.
pub(crate) fn verify_key(app: &App, incoming: &Incoming) -> Response {
    if app.faults.database_is_down() {
        return handler_error();
    }
    let body: Value = serde_json::from_slice(&incoming.body).unwrap_or_default();
    let Some(key) = text(&body, "api_key").filter(|key| !key.is_empty()) else {
        return json_reply(400, &json!({"error": "Missing api_key"}));
    };
    let database = app.store.writer();
    let row = auth::hub(&database, key)
        .and_then(|id| id.map_or(Ok(None), |id| row_text(app, &database, "devices", &id)));
    match row {
        Ok(Some(row)) => {
            let hash = Value::String(auth::hash(key));
            json_text_reply(200, row.replace(&format!("\"api_key_hash\":{hash},"), ""))
        }
        Ok(None) => json_reply(401, &json!({"error": "Invalid API key"})),
        Err(_) => reply(500, "application/json", Body::from("{}")),
    }
}
