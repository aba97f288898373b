//! Reply bodies that drip, stop at a gate or break off.

use std::io;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::response::Response;
use futures_util::StreamExt as _;

use super::Drip;
use super::gate::Held;

/// How long a connection stays open after its last byte before it is cut: the bytes before
/// the cut are still in the HTTP library's buffer and would be lost with it.
const SETTLE: Duration = Duration::from_millis(50);

/// What to do to a body.
pub(super) struct Shape {
    pub(super) cut_after: Option<u64>,
    pub(super) drip: Option<Drip>,
    pub(super) gate: Option<Held>,
}

impl Shape {
    /// The reply with its body so shaped.
    pub(super) fn apply(self, reply: Response) -> Response {
        if self.cut_after.is_none() && self.drip.is_none() && self.gate.is_none() {
            return reply;
        }
        reply.map(|body| {
            let shaped = Shaped {
                shape: self,
                input: body.into_data_stream(),
                ready: Bytes::new(),
                sent: 0,
            };
            Body::from_stream(futures_util::stream::unfold(shaped, |mut shaped| async {
                shaped.next().await.map(|chunk| (chunk, shaped))
            }))
        })
    }
}

struct Shaped {
    shape: Shape,
    input: BodyDataStream,
    ready: Bytes,
    sent: u64,
}

impl Shaped {
    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        if self.shape.cut_after.is_some_and(|cut| self.sent >= cut) {
            tokio::time::sleep(SETTLE).await;
            // An error instead of an end: the HTTP library drops the connection without the
            // last chunk and without the end of TLS.
            return Some(Err(io::Error::other("cut by the test")));
        }
        if self
            .shape
            .gate
            .as_ref()
            .is_some_and(|gate| self.sent >= gate.after_bytes)
            && let Some(gate) = self.shape.gate.take()
        {
            // Once around the scheduler, so that what was sent so far leaves the buffer.
            tokio::task::yield_now().await;
            gate.wait().await;
        }
        while self.ready.is_empty() {
            match self.input.next().await? {
                Ok(chunk) => self.ready = chunk,
                Err(error) => return Some(Err(io::Error::other(error))),
            }
        }
        let mut most = self.ready.len() as u64;
        let limits = [
            self.shape.cut_after,
            self.shape.gate.as_ref().map(|gate| gate.after_bytes),
        ];
        for limit in limits.into_iter().flatten() {
            most = most.min(limit - self.sent);
        }
        if let Some(drip) = self.shape.drip {
            most = most.min(drip.bytes as u64);
            if self.sent > 0 {
                tokio::time::sleep(Duration::from_millis(drip.wait_ms)).await;
            }
        }
        self.sent += most;
        Some(Ok(self.ready.split_to(usize::try_from(most).unwrap_or(0))))
    }
}
