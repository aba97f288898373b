//! What every handler of the hub shares, and the way of a request to its handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::Response;

use super::config::HubConfig;
use super::faults::HubFaults;
use super::recorder::Recorder;
use super::sessions::Sessions;
use super::{admin, handshake, plain, rpc};
use crate::app::Incoming;
use crate::faults::Kind;
use crate::request_log::{RequestLog, Seen};
use crate::store::Store;
use crate::value::calendar::http_date;

/// What every handler shares.
pub(super) struct HubApp {
    pub(super) config: HubConfig,
    pub(super) store: Store,
    pub(super) faults: HubFaults,
    pub(super) sessions: Sessions,
    pub(super) log: RequestLog,
    /// What passed by, for whoever stands in the path.
    pub(super) recorder: Recorder,
    pub(super) http: Option<reqwest::Client>,
    pushes: AtomicU64,
}

impl HubApp {
    pub(super) fn new(config: HubConfig, store: Store, http: Option<reqwest::Client>) -> Self {
        Self {
            config,
            store,
            faults: HubFaults::default(),
            sessions: Sessions::default(),
            log: RequestLog::default(),
            recorder: Recorder::default(),
            http,
            pushes: AtomicU64::new(0),
        }
    }

    /// The hub's clock, offset included.
    pub(super) fn now_ms(&self) -> i64 {
        (self.config.clock)() + self.faults.base().clock_offset_ms()
    }

    /// The order in which the next push walks its tables: another one each time, the same ones
    /// in each run.
    pub(super) fn push_order(&self, tables: usize) -> Vec<usize> {
        let number = self.pushes.fetch_add(1, Ordering::SeqCst);
        let mut state = self.config.order_seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut order: Vec<usize> = (0..tables).collect();
        for last in (1..tables).rev() {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let other = usize::try_from(state >> 33).unwrap_or(0) % (last + 1);
            order.swap(last, other);
        }
        order
    }
}

/// Takes every request: reads it, logs it, answers it.
pub(super) async fn handle(State(app): State<Arc<HubApp>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let incoming = Incoming {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts.headers,
        body,
    };
    if app.config.admin
        && let Some(reply) = admin::answer(&app, &incoming).await
    {
        return reply;
    }
    let number = app.log.add(Seen::of(&incoming));
    let mut reply = answer(&app, &incoming, number).await;
    app.log.answered(number, reply.status().as_u16());
    if let Ok(date) = HeaderValue::from_str(&http_date(app.now_ms())) {
        reply.headers_mut().insert(header::DATE, date);
    }
    reply
}

/// The reply to a request that has been logged under that number.
pub(super) async fn answer(app: &Arc<HubApp>, incoming: &Incoming, number: usize) -> Response {
    match (incoming.path.as_str(), &incoming.method) {
        ("/", &Method::GET) => text(200, "Hello hikma health local server."),
        ("/rpc/heartbeat", &Method::GET) => {
            app.faults.base().wait_latency(Kind::Heartbeat).await;
            let reply = match app.faults.base().take_answer(Kind::Heartbeat) {
                Some(answer) => answer.to_reply(),
                None => json(br#"{"status":"ok"}"#.to_vec()),
            };
            app.faults.base().shape(Kind::Heartbeat, reply)
        }
        ("/rpc/handshake", &Method::POST) => handshake::handshake(app, incoming).await,
        ("/rpc/command", &Method::POST) => {
            rpc::call(app, rpc::Channel::Command, incoming, number).await
        }
        ("/rpc/query", &Method::POST) => {
            rpc::call(app, rpc::Channel::Query, incoming, number).await
        }
        ("/api/v2/sync", &Method::GET) => plain::pull(app, incoming).await,
        ("/api/v2/sync", &Method::POST) => plain::push(app, incoming).await,
        ("/api/login", &Method::POST) => plain::login(app, incoming).await,
        (path, &Method::GET) if path.starts_with("/hello/") => {
            text(200, &format!("hello: {}", &path["/hello/".len()..]))
        }
        _ => bare(404, "not found"),
    }
}

/// A JSON reply with its length, as the hub sends it.
pub(super) fn json(body: Vec<u8>) -> Response {
    with_type(200, "application/json; charset=utf-8", body)
}

/// A text reply.
pub(super) fn text(status: u16, body: &str) -> Response {
    with_type(status, "text/plain; charset=utf-8", body.into())
}

/// A text reply that does not tell its type.
pub(super) fn bare(status: u16, body: &str) -> Response {
    let mut reply = text(status, body);
    reply.headers_mut().remove(header::CONTENT_TYPE);
    reply
}

/// The reply to a body that cannot be read.
pub(super) fn parse_error(error: &serde_json::Error) -> Response {
    text(400, &format!("parse error: {error}"))
}

fn with_type(status: u16, content_type: &'static str, body: Vec<u8>) -> Response {
    crate::reply::reply(status, content_type, Body::from(body))
}

/// The refusal of a body that is not declared as JSON, if it is not.
pub(super) fn not_json(incoming: &Incoming) -> Option<Response> {
    let declared = incoming
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    match declared {
        None => Some(text(415, "expect content type `application/json`")),
        Some(given) if given.starts_with("application/json") => None,
        Some(given) => Some(text(
            415,
            &format!("invalid content type `{given}`, expect: `application/json`"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_walk_all_tables_each_in_its_own_order() {
        let (store, _directory) =
            Store::open(None, &super::super::tables::create_statements()).unwrap();
        let app = HubApp::new(HubConfig::default(), store, None);
        let orders: Vec<Vec<usize>> = (0..8).map(|_| app.push_order(5)).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
        }
        assert!(orders.iter().any(|order| order != &orders[0]));
    }
}
