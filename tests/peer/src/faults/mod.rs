//! The switches that make the peer misbehave, and their state.
//!
//! A switch holds until it is cleared unless it was given a number of times.

mod body;
pub(crate) mod gate;
mod generate;
mod spec;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

pub use gate::Gate;
pub(crate) use gate::Held;
pub use generate::Replacement;
pub(crate) use generate::endless_envelope;
pub use spec::FaultSpec;

use crate::reply::reply;

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `GET /api/v2/sync`, `sync.pull` of the RPC routes, or a hub's `sync_pull`.
    Pull,
    /// `POST /api/v2/sync`, `sync.push` of the RPC routes, or a hub's `sync_push`.
    Push,
    /// The three forms of signing in, and a hub's `login`.
    SignIn,
    /// A hub's handshake.
    Handshake,
    /// A hub's sealed `ping`, as command or query.
    Ping,
    /// A hub's heartbeat, plain or sealed.
    Heartbeat,
}

/// A reply in place of the real one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The requests it is for.
    pub kind: Kind,
    /// How many of them.
    pub times: u32,
    /// The status.
    pub status: u16,
    /// `Retry-After`, in the text given.
    pub retry_after: Option<String>,
    /// `Location`, for a redirect.
    pub location: Option<String>,
    /// The body; its type is JSON.
    pub body: String,
    /// Whether the request is carried out all the same: a push is stored, and its sender
    /// does not learn it.
    pub carry_out: bool,
}

impl Answer {
    /// A bare status for the next request of a kind.
    pub fn status(kind: Kind, status: u16) -> Self {
        Self {
            kind,
            times: 1,
            status,
            retry_after: None,
            location: None,
            body: String::new(),
            carry_out: false,
        }
    }

    /// The reply itself.
    pub(crate) fn to_reply(&self) -> Response {
        let mut reply = reply(
            self.status,
            "application/json",
            Body::from(self.body.clone()),
        );
        for (name, value) in [
            (header::RETRY_AFTER, &self.retry_after),
            (header::LOCATION, &self.location),
        ] {
            if let Some(value) = value.as_ref().and_then(|v| HeaderValue::from_str(v).ok()) {
                reply.headers_mut().insert(name, value);
            }
        }
        reply
    }
}

/// A reply body sent in small pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Drip {
    bytes: usize,
    wait_ms: u64,
}

#[derive(Debug, Clone, Copy)]
struct Cut {
    kind: Kind,
    after_bytes: u64,
    times: u32,
}

#[derive(Debug, Clone, Copy)]
struct FailRow {
    row: usize,
    times: u32,
}

#[derive(Default)]
struct Settings {
    latency_ms: HashMap<Kind, u64>,
    answers: Vec<Answer>,
    drip: Option<Drip>,
    gate: Option<(Kind, gate::Held)>,
    /// The test's end of a gate that was set by the admin route.
    admin_gate: Option<Gate>,
    cuts: Vec<Cut>,
    replacement: Option<Replacement>,
    database_down: bool,
    clock_offset_ms: i64,
    fail_row: Option<FailRow>,
    /// Where a push stops: behind this row.
    row_gate: Option<(usize, Held)>,
}

/// A handle to the switches; clones share them.
#[derive(Clone, Default)]
pub struct Faults {
    settings: Arc<Mutex<Settings>>,
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts everything right again. A reply held by the admin route's gate goes on; one held
    /// by a [`Gate`] waits for that.
    pub fn clear(&self) {
        *self.lock() = Settings::default();
    }

    /// Lets every request of a kind wait before it is looked at.
    pub fn latency(&self, kind: Kind, ms: u64) {
        self.lock().latency_ms.insert(kind, ms);
    }

    /// Sends pull replies in pieces of `bytes`, with a wait between them.
    pub fn drip(&self, bytes: usize, wait_ms: u64) {
        self.lock().drip = Some(Drip {
            bytes: bytes.max(1),
            wait_ms,
        });
    }

    /// Holds the next pull reply after `bytes` of its body until the gate is released.
    pub fn hold_pull_after(&self, bytes: u64) -> Gate {
        self.hold_after(Kind::Pull, bytes)
    }

    /// Holds the next good reply to a push before its body: the rows have been taken, and their
    /// sender does not learn it until the gate is released.
    pub fn hold_push_reply(&self) -> Gate {
        self.hold_after(Kind::Push, 0)
    }

    /// Holds the next push that comes so far behind its `row`-th row, counted as for
    /// [`fail_push_at_row`](Self::fail_push_at_row): that one is stored, what follows is not,
    /// until the gate is released.
    pub fn hold_push_after_row(&self, row: usize) -> Gate {
        let (gate, held) = gate::pair(0);
        self.lock().row_gate = Some((row, held));
        gate
    }

    fn hold_after(&self, kind: Kind, bytes: u64) -> Gate {
        let (gate, held) = gate::pair(bytes);
        self.lock().gate = Some((kind, held));
        gate
    }

    /// Cuts the connection after `bytes` of the reply body, for the next `times` requests of
    /// a kind. The request itself is carried out.
    pub fn cut_after(&self, kind: Kind, bytes: u64, times: u32) {
        self.lock().cuts.push(Cut {
            kind,
            after_bytes: bytes,
            times,
        });
    }

    /// Answers the next requests of a kind in its own way.
    pub fn answer_with(&self, answer: Answer) {
        self.lock().answers.push(answer);
    }

    /// Sends the next `times` requests of a kind elsewhere.
    pub fn redirect(&self, kind: Kind, status: u16, location: &str, times: u32) {
        self.answer_with(Answer {
            times,
            location: Some(location.to_owned()),
            ..Answer::status(kind, status)
        });
    }

    /// Replaces the body of every pull reply, or stops doing so.
    pub fn replace_pull(&self, replacement: Option<Replacement>) {
        self.lock().replacement = replacement;
    }

    /// Takes the database away or brings it back.
    pub fn database_down(&self, down: bool) {
        self.lock().database_down = down;
    }

    /// Moves the server's clock against the injected one.
    pub fn clock_offset(&self, ms: i64) {
        self.lock().clock_offset_ms = ms;
    }

    /// Fails the next `times` pushes at their `row`-th row, counted from 1 in the order in
    /// which the server walks a body.
    pub fn fail_push_at_row(&self, row: usize, times: u32) {
        self.lock().fail_row = Some(FailRow { row, times });
    }

    pub(crate) fn clock_offset_ms(&self) -> i64 {
        self.lock().clock_offset_ms
    }

    pub(crate) fn database_is_down(&self) -> bool {
        self.lock().database_down
    }

    pub(crate) fn row_must_fail(&self, row: usize) -> bool {
        let mut settings = self.lock();
        match &mut settings.fail_row {
            Some(fail) if fail.row == row && fail.times > 0 => {
                fail.times -= 1;
                true
            }
            _ => false,
        }
    }

    /// Waits behind a row that was stored, if a push is held there. For a thread of the
    /// runtime that may block, with no lock held.
    pub(crate) fn wait_after_row(&self, row: usize) {
        let held = self.lock().row_gate.take_if(|(at, _)| *at == row);
        if let Some((_, held)) = held {
            tokio::runtime::Handle::current().block_on(held.wait());
        }
    }

    pub(crate) async fn wait_latency(&self, kind: Kind) {
        let ms = self.lock().latency_ms.get(&kind).copied();
        if let Some(ms) = ms {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }

    pub(crate) fn take_answer(&self, kind: Kind) -> Option<Answer> {
        self.lock()
            .answers
            .iter_mut()
            .find(|answer| answer.kind == kind && answer.times > 0)
            .map(|answer| {
                answer.times -= 1;
                answer.clone()
            })
    }

    /// What replaces the body of a pull, if anything does.
    pub(crate) fn replacement(&self) -> Option<Replacement> {
        self.lock().replacement.clone()
    }

    /// Gives a reply the body that the switches ask for.
    pub(crate) fn shape_body(&self, kind: Kind, reply: Response, now_ms: i64) -> Response {
        let is_pull = kind == Kind::Pull && reply.status() == 200;
        let reply = match self.replacement().filter(|_| is_pull) {
            Some(replacement) => reply.map(|_| replacement.body(now_ms)),
            None => reply,
        };
        self.shape(kind, reply)
    }

    /// Lets a reply drip, stop at a gate or break off, as the switches ask.
    pub(crate) fn shape(&self, kind: Kind, reply: Response) -> Response {
        let mut settings = self.lock();
        let cut_after = settings
            .cuts
            .iter_mut()
            .find(|cut| cut.kind == kind && cut.times > 0)
            .map(|cut| {
                cut.times -= 1;
                cut.after_bytes
            });
        let is_good = reply.status() == 200;
        let gate = settings.gate.take_if(|(of, _)| is_good && *of == kind);
        let shape = body::Shape {
            cut_after,
            drip: settings.drip.filter(|_| is_good && kind == Kind::Pull),
            gate: gate.map(|(_, held)| held),
        };
        drop(settings);
        shape.apply(reply)
    }
}
