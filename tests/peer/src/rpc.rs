//! The RPC routes: signing in for a token of a day, and sync with that token.
//!
//! Calls come wrapped in `json`, answers in `result.data.json`, failures in `error.json`. Every other
//! procedure of the real server is unknown here. Which texts failures have is not known from the real
//! one; their codes and statuses are.

use std::sync::Arc;

use axum::http::{Method, header};
use axum::response::Response;
use serde_json::{Value, json};

use crate::app::{App, Incoming};
use crate::auth::{self, Caller};
use crate::pull::{self, Form, MOST_MS};
use crate::push::{self, RowError};
use crate::query::parameter;
use crate::reply::json_reply;
use crate::system::random_uuid;

pub(crate) const LOGIN: &str = "/rpc/command/login";
pub(crate) const PUSH: &str = "/rpc/command/sync.push";
pub(crate) const PULL: &str = "/rpc/query/sync.pull";

/// How long a token lives. Use does not extend it.
const TOKEN_MS: i64 = 24 * 3_600_000;

/// Whether a path names a procedure; the bare doors match none.
pub(crate) fn is_procedure(path: &str) -> bool {
    ["/rpc/command/", "/rpc/query/"]
        .iter()
        .any(|door| path.strip_prefix(door).is_some_and(|name| !name.is_empty()))
}

/// How a call fails: status and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// No JSON, or not of the form that the procedure takes.
    Input,
    Unauthorized,
    NotFound,
    /// A command by GET, a query by POST.
    Method,
    /// Whatever goes wrong while it works.
    Internal,
}

impl Failure {
    fn to_reply(self) -> Response {
        let (status, code) = match self {
            Self::Input => (400, "BAD_REQUEST"),
            Self::Unauthorized => (401, "UNAUTHORIZED"),
            Self::NotFound => (404, "NOT_FOUND"),
            Self::Method => (405, "METHOD_NOT_SUPPORTED"),
            Self::Internal => (500, "INTERNAL_SERVER_ERROR"),
        };
        let error = json!({"error": {"json": {
            "message": code, "code": -32_600, "data": {"code": code, "httpStatus": status},
        }}});
        json_reply(status, &error)
    }
}

/// Answers a call of a procedure.
pub(crate) async fn answer(app: &Arc<App>, incoming: &Incoming) -> Response {
    let is_command = incoming.path.starts_with("/rpc/command/");
    let wanted = if is_command {
        Method::POST
    } else {
        Method::GET
    };
    if incoming.method != wanted {
        return Failure::Method.to_reply();
    }
    let result = match incoming.path.as_str() {
        LOGIN => login(app, incoming).map(|output| wrapped(&output)),
        PUSH => push(app, incoming).await.map(|()| wrapped(&json!({}))),
        PULL => pull(app, incoming).await,
        _ => Err(Failure::NotFound),
    };
    result.unwrap_or_else(Failure::to_reply)
}

fn wrapped(output: &Value) -> Response {
    json_reply(200, &json!({"result": {"data": {"json": output}}}))
}

/// The `json` of a call's input.
fn input(text: &[u8]) -> Result<Value, Failure> {
    let mut whole: Value = serde_json::from_slice(text).map_err(|_| Failure::Input)?;
    let inside = whole.get_mut("json").map(Value::take);
    inside.filter(Value::is_object).ok_or(Failure::Input)
}

/// Tells no name, unlike the other ways to sign in, and takes a password with a colon.
fn login(app: &App, incoming: &Incoming) -> Result<Value, Failure> {
    let input = input(&incoming.body)?;
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let (Some(email), Some(password)) = (text("email"), text("password")) else {
        return Err(Failure::Input);
    };
    if app.faults.database_is_down() {
        return Err(Failure::Unauthorized);
    }
    let database = app.store.writer();
    let caller = auth::user(&database, email, password).map_err(|_| Failure::Internal)?;
    let user_id = caller.and_then(|caller| caller.user_id);
    let user_id = user_id.ok_or(Failure::Unauthorized)?;
    let token = random_uuid().to_string();
    let given = database.execute(
        "INSERT INTO tokens (token, user_id, expires_at) VALUES (?1, ?2, ?3)",
        (&token, &user_id, app.now_ms() + TOKEN_MS),
    );
    given.map_err(|_| Failure::Internal)?;
    let (clinic_id, role): (Option<String>, Option<String>) = database
        .query_row(
            "SELECT clinic_id, role FROM users WHERE id = ?1",
            [&user_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .map_err(|_| Failure::Internal)?;
    Ok(json!({"token": token, "user_id": user_id, "clinic_id": clinic_id, "role": role}))
}

/// Who has the token of a call. A database that is down cannot tell, and then nobody has.
fn caller(app: &App, incoming: &Incoming) -> Result<Caller, Failure> {
    let header = incoming.headers.get(header::AUTHORIZATION);
    let token = header
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .filter(|_| !app.faults.database_is_down())
        .ok_or(Failure::Unauthorized)?;
    let found = auth::bearer(&app.store.writer(), token, app.now_ms());
    found.ok().flatten().ok_or(Failure::Unauthorized)
}

/// The moment in the input of both calls: from 0 on.
fn since(input: &Value) -> Result<i64, Failure> {
    let given = input.get("last_pulled_at").and_then(Value::as_f64);
    given
        .filter(|number| (0.0..=MOST_MS).contains(number))
        .map(|number| number as i64)
        .ok_or(Failure::Input)
}

async fn push(app: &Arc<App>, incoming: &Incoming) -> Result<(), Failure> {
    let caller = caller(app, incoming)?;
    let mut input = input(&incoming.body)?;
    since(&input)?;
    let changes = input.get_mut("changes").map(Value::take);
    let changes = changes.filter(Value::is_object).ok_or(Failure::Input)?;
    match push::carry_out(app, caller, changes).await {
        Ok(()) => Ok(()),
        Err(RowError::Handler | RowError::Object) => Err(Failure::Internal),
    }
}

/// Believes, as the sync route does, whoever says to be a hub.
async fn pull(app: &Arc<App>, incoming: &Incoming) -> Result<Response, Failure> {
    caller(app, incoming)?;
    let given = parameter(&incoming.query, "input").ok_or(Failure::Input)?;
    let input = input(given.as_bytes())?;
    let hub = input.get("peer_type").and_then(Value::as_str) == Some("sync_hub");
    let reply = pull::reply_since(app, since(&input)?, hub, Form::Rpc).await;
    reply.ok_or(Failure::Internal)
}
