//! What the peer was asked, for tests to look at.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{Method, header};

use crate::app::Incoming;
use crate::rpc;

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `GET`, `POST`, …
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The scheme of the `Authorization` header, if there was one. Never the rest of it.
    pub authorization: Option<String>,
    /// The `X-Forwarded-For` header as sent.
    pub forwarded_for: Option<String>,
    /// Length of the body.
    pub body_bytes: usize,
    /// The body of a push to the sync or the RPC route, or the opened data of a hub's `sync_push`. Never
    /// that of a sign-in.
    pub body: Option<String>,
    /// The name of a sealed call that could be opened.
    pub call: Option<String>,
    /// The client of a sealed call that could be opened.
    pub client_id: Option<String>,
    /// The status of the reply, once it has begun.
    pub status: Option<u16>,
}

impl Seen {
    /// What is kept of a request.
    pub(crate) fn of(incoming: &Incoming) -> Self {
        let header = |name| {
            incoming
                .headers
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let is_push = incoming.method == Method::POST
            && matches!(incoming.path.as_str(), "/api/v2/sync" | rpc::PUSH);
        Self {
            method: incoming.method.to_string(),
            target: if incoming.query.is_empty() {
                incoming.path.clone()
            } else {
                format!("{}?{}", incoming.path, incoming.query)
            },
            authorization: header(header::AUTHORIZATION)
                .map(|value| value.split(' ').next().unwrap_or("").to_owned()),
            forwarded_for: header(header::HeaderName::from_static("x-forwarded-for"))
                .map(str::to_owned),
            body_bytes: incoming.body.len(),
            body: is_push.then(|| String::from_utf8_lossy(&incoming.body).into_owned()),
            call: None,
            client_id: None,
            status: None,
        }
    }
}

/// The requests since the start or the last clearing.
#[derive(Default)]
pub(crate) struct RequestLog {
    seen: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    requests: Vec<Seen>,
    /// How many have been cleared away, so that a late status finds its request.
    cleared: usize,
}

impl RequestLog {
    fn lock(&self) -> MutexGuard<'_, Log> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request and gives back its number.
    pub(crate) fn add(&self, seen: Seen) -> usize {
        let mut log = self.lock();
        log.requests.push(seen);
        log.cleared + log.requests.len() - 1
    }

    /// Notes the status of a reply.
    pub(crate) fn answered(&self, number: usize, status: u16) {
        self.change(number, |seen| seen.status = Some(status));
    }

    /// Notes what a sealed request turned out to be.
    pub(crate) fn opened(&self, number: usize, client_id: &str, call: &str, data: Option<String>) {
        self.change(number, |seen| {
            seen.client_id = Some(client_id.to_owned());
            seen.call = Some(call.to_owned());
            seen.body = data;
        });
    }

    fn change(&self, number: usize, change: impl FnOnce(&mut Seen)) {
        let mut log = self.lock();
        let index = number.checked_sub(log.cleared);
        if let Some(seen) = index.and_then(|index| log.requests.get_mut(index)) {
            change(seen);
        }
    }

    /// The requests so far.
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.lock().requests.clone()
    }

    /// Forgets the requests so far.
    pub(crate) fn clear(&self) {
        let mut log = self.lock();
        log.cleared += log.requests.len();
        log.requests.clear();
    }
}
