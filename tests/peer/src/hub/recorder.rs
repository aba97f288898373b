//! What somebody in the path between device and hub would have kept: sealed replies and requests
//! as they went by.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::http::HeaderMap;

use crate::app::Incoming;
use crate::faults::Kind;

/// How many replies are kept. Enough for a session of a test, few enough for large pulls.
const KEPT: usize = 16;

/// A reply as it was sent.
struct Reply {
    kind: Kind,
    client_id: String,
    body: Bytes,
}

/// A request as it came.
#[derive(Clone)]
pub(super) struct Request {
    kind: Kind,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Default)]
struct Kept {
    replies: VecDeque<Reply>,
    requests: VecDeque<Request>,
}

/// The recordings.
#[derive(Default)]
pub(super) struct Recorder {
    kept: Mutex<Kept>,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keep_reply(&self, kind: Kind, client_id: &str, body: Bytes) {
        let mut kept = self.lock();
        if kept.replies.len() >= KEPT {
            kept.replies.pop_front();
        }
        kept.replies.push_back(Reply {
            kind,
            client_id: client_id.to_owned(),
            body,
        });
    }

    pub(super) fn keep_request(&self, kind: Kind, incoming: &Incoming) {
        let mut kept = self.lock();
        if kept.requests.len() >= KEPT {
            kept.requests.pop_front();
        }
        kept.requests.push_back(Request {
            kind,
            path: incoming.path.clone(),
            headers: incoming.headers.clone(),
            body: incoming.body.clone(),
        });
    }

    /// The latest reply of a kind to a client.
    pub(super) fn reply(&self, kind: Kind, client_id: &str) -> Option<Bytes> {
        self.lock()
            .replies
            .iter()
            .rev()
            .find(|reply| reply.kind == kind && reply.client_id == client_id)
            .map(|reply| reply.body.clone())
    }

    /// The latest request of a kind.
    pub(super) fn request(&self, kind: Kind) -> Option<Request> {
        self.lock()
            .requests
            .iter()
            .rev()
            .find(|request| request.kind == kind)
            .cloned()
    }
}
