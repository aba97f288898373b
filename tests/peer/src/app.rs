//! What every handler shares, and the way of a request to its handler.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;

use crate::config::PeerConfig;
use crate::faults::{Faults, Kind};
use crate::rate_limit::{Budget, RateLimit};
use crate::request_log::{RequestLog, Seen};
use crate::store::Store;
use crate::value::calendar::http_date;
use crate::{admin, auth, pull, push, reply, rpc, sign_in};

/// What every handler shares.
pub(crate) struct App {
    pub(crate) config: PeerConfig,
    pub(crate) store: Store,
    pub(crate) faults: Faults,
    pub(crate) rate_limit: RateLimit,
    pub(crate) log: RequestLog,
}

impl App {
    /// The server's clock, offset included.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.config.clock)() + self.faults.clock_offset_ms()
    }

    /// The refusal of a call that is over the limit.
    fn over_limit(&self, budget: Budget, headers: &HeaderMap) -> Option<Response> {
        if !self.config.rate_limit {
            return None;
        }
        let caller = headers
            .get("x-forwarded-for")
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(',').next())
            .map_or("unknown", str::trim);
        self.rate_limit
            .take(budget, caller, self.now_ms())
            .err()
            .map(reply::too_many)
    }
}

/// A request whose body has been read.
pub(crate) struct Incoming {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Incoming {
    fn kind(&self) -> Option<Kind> {
        match (self.path.as_str(), &self.method) {
            ("/api/v2/sync", &Method::GET) => Some(Kind::Pull),
            ("/api/v2/sync", &Method::POST) => Some(Kind::Push),
            ("/api/auth/sign-in" | "/api/login" | rpc::LOGIN, &Method::POST) => Some(Kind::SignIn),
            (rpc::PULL, &Method::GET) => Some(Kind::Pull),
            (rpc::PUSH, &Method::POST) => Some(Kind::Push),
            _ => None,
        }
    }
}

/// Takes every request: reads it, logs it, lets the faults have their way, answers it.
pub(crate) async fn handle(State(app): State<Arc<App>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    // A body that breaks off never reached the real handler either; the connection is gone.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let incoming = Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts.headers,
        body,
    };
    if app.config.admin
        && let Some(reply) = admin::answer(&app, &incoming)
    {
        return reply;
    }
    let kind = incoming.kind();
    let seen = app.log.add(Seen::of(&incoming));
    let mut reply = match kind {
        Some(kind) => answer_with_faults(&app, kind, &incoming).await,
        None => answer(&app, &incoming).await,
    };
    app.log.answered(seen, reply.status().as_u16());
    // Set here so that it follows the injected clock; the HTTP library would use the host's.
    if let Ok(date) = HeaderValue::from_str(&http_date(app.now_ms())) {
        reply.headers_mut().insert(header::DATE, date);
    }
    reply
}

async fn answer_with_faults(app: &Arc<App>, kind: Kind, incoming: &Incoming) -> Response {
    app.faults.wait_latency(kind).await;
    let reply = match app.faults.take_answer(kind) {
        Some(fault) => {
            if fault.carry_out {
                answer(app, incoming).await;
            }
            fault.to_reply()
        }
        None => answer(app, incoming).await,
    };
    app.faults.shape_body(kind, reply, app.now_ms())
}

async fn answer(app: &Arc<App>, incoming: &Incoming) -> Response {
    match incoming.path.as_str() {
        "/api/auth/sign-in" => match app.over_limit(Budget::SignIn, &incoming.headers) {
            Some(refused) => refused,
            None => sign_in::sign_in(app, incoming),
        },
        "/api/login" => {
            let inner = match app.over_limit(Budget::SignIn, &incoming.headers) {
                Some(refused) => refused,
                None => sign_in::sign_in(app, incoming),
            };
            sign_in::flatten(inner).await
        }
        "/api/hub/verify-key" => sign_in::verify_key(app, incoming),
        "/api/v2/sync" => sync(app, incoming).await,
        "/rpc/heartbeat" => reply::json_reply(200, &serde_json::json!({"status": "ok"})),
        path if rpc::is_procedure(path) => match app.over_limit(Budget::Rpc, &incoming.headers) {
            Some(refused) => refused,
            None => rpc::answer(app, incoming).await,
        },
        _ => reply::reply(404, "text/plain;charset=UTF-8", Body::from("Not Found")),
    }
}

async fn sync(app: &Arc<App>, incoming: &Incoming) -> Response {
    if incoming.method != Method::GET && incoming.method != Method::POST {
        return reply::reply(405, "text/plain;charset=UTF-8", Body::empty());
    }
    // Before authentication, so calls of strangers use the budget up as well.
    if let Some(refused) = app.over_limit(Budget::Sync, &incoming.headers) {
        return refused;
    }
    let Some(caller) = auth::authenticate(app, incoming).await else {
        return reply::unauthorized();
    };
    if incoming.method == Method::GET {
        pull::pull(app, incoming).await
    } else {
        push::push(app, caller, incoming).await
    }
}
