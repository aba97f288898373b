//! The cloud's three calls: sign in, pull, push. Each is one request; when to make which, and
//! whether to try again, is for others to decide.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value as Json;

use super::feed::Feed;
use super::http::{HttpClient, Request};
use super::limits::{MAX_SMALL_REPLY, SizeLimits, TimeLimits};
use super::network::Network;
use super::sign_in;
use super::wire::{self, Decoder};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{OutboxRow, PullReply, PullRequest, PushFailure};
use crate::model::peer::{CloudAddress, Credentials, Person};
use crate::model::schema::Schema;
use crate::ports::{ChangeSink, Clock, SyncPeer};

/// A cloud server, at one address. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct CloudClient {
    network: Arc<Network>,
    schema: Arc<Schema>,
    clock: Arc<dyn Clock>,
    http: HttpClient,
}

impl CloudClient {
    /// Checks the private authority, if there is one, and prepares TLS. Does not connect.
    pub fn new(
        network: Arc<Network>,
        schema: Arc<Schema>,
        clock: Arc<dyn Clock>,
        address: &CloudAddress,
        limits: TimeLimits,
    ) -> Result<Self> {
        let http = HttpClient::new(address, Arc::clone(&clock), limits)?;
        Ok(Self {
            network,
            schema,
            clock,
            http,
        })
    }

    /// Asks the server who this is. Blocks.
    pub fn sign_in(&self, credentials: &Credentials, cancel: &CancelToken) -> Result<Person> {
        let request = Request::post(sign_in::PATH.to_owned(), sign_in::body(credentials)?);
        let (http, cancel) = (self.http.clone(), cancel.clone());
        let body = self.network.run(async move {
            let reply = http.open(request, cancel).await?.accepted()?;
            reply.read_small(MAX_SMALL_REPLY).await
        })?;
        sign_in::person(&body)
    }

    /// The server as a peer to sync with, in the name of a person.
    pub fn peer(&self, credentials: Credentials, own_user_id: String) -> CloudPeer {
        CloudPeer {
            client: self.clone(),
            credentials,
            own_user_id,
        }
    }
}

impl fmt::Debug for CloudClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudClient")
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

/// The cloud, seen by the sync engine.
#[derive(Debug)]
pub struct CloudPeer {
    client: CloudClient,
    credentials: Credentials,
    own_user_id: String,
}

impl CloudPeer {
    /// The path of a sync call. The two names hold the same: some servers read only the second.
    /// `peerType` is never sent: with it the cloud hands out what no device may store.
    fn path(cursor: i64) -> String {
        format!("/api/v2/sync?last_pulled_at={cursor}&lastPulledAt={cursor}")
    }

    fn post(&self, body: Vec<u8>, cancel: &CancelToken) -> Result<Answer> {
        let request = Request::post(Self::path(0), Bytes::from(body))
            .authorized(sign_in::basic(&self.credentials)?);
        let (http, cancel) = (self.client.http.clone(), cancel.clone());
        self.client.network.run(async move {
            let reply = http.open(request, cancel).await?;
            let status = reply.status();
            match reply.accepted() {
                Ok(reply) => {
                    let body = reply.read_small(MAX_SMALL_REPLY).await?;
                    Ok(if says_success(&body) {
                        Answer::Taken
                    } else {
                        // Two of the cloud's own failures come as a 200 with a text.
                        Answer::Refused(NOT_TAKEN)
                    })
                }
                // One bad row makes a 500; the others are about the form or size of a piece.
                // Proxies say 502 to 504 when the server is away, whatever the rows are.
                Err(error) if matches!(status, 400 | 413 | 422 | 500) => Ok(Answer::Refused(error)),
                Err(error) => Err(error),
            }
        })
    }
}

const NOT_TAKEN: Error = Error::new(ErrorCode::Server, "the server did not take the rows");

enum Answer {
    Taken,
    Refused(Error),
}

impl SyncPeer for CloudPeer {
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply> {
        let CloudClient {
            network,
            schema,
            clock,
            http,
        } = &self.client;
        let call = Request::get(Self::path(request.cursor.max(0)))
            .authorized(sign_in::basic(&self.credentials)?);
        let (wall, start) = (clock.now_ms(), clock.monotonic_ms());
        let (http, token) = (http.clone(), cancel.clone());
        let reply = network.run(async move { http.open(call, token).await?.accepted() })?;
        // The server reads its clock between the two moments: the middle is the best guess.
        let took = clock.monotonic_ms().saturating_sub(start);
        let asked_at = wall.saturating_add_unsigned(took / 2);
        let feed = Feed::start(network, reply, cancel.clone(), on_bytes)?;
        let mut reply =
            Decoder::new(schema, &self.own_user_id, sink, SizeLimits::PULL).read(feed)?;
        reply.full = request.cursor <= 0;
        reply.skew_ms = reply.timestamp.saturating_sub(asked_at);
        Ok(reply)
    }

    fn push(&self, piece: &[OutboxRow], cancel: &CancelToken) -> Result<(), PushFailure> {
        let body =
            wire::encode(&self.client.schema, piece).map_err(|error| match error.code() {
                ErrorCode::Internal => PushFailure::Stopped(error),
                // A value that has no form on the wire: a smaller piece tells which row it is in.
                _ => PushFailure::Refused(error),
            })?;
        match self.post(body, cancel) {
            Ok(Answer::Taken) => Ok(()),
            Ok(Answer::Refused(error)) => Err(PushFailure::Refused(error)),
            Err(error) => Err(PushFailure::Stopped(error)),
        }
    }
}

/// An object whose `success` is true. A derived struct would take an array too.
fn says_success(body: &[u8]) -> bool {
    serde_json::from_slice::<Json>(body).is_ok_and(|json| json["success"] == Json::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_true_is_success() {
        assert!(says_success(br#"{"success":true}"#));
        assert!(says_success(br#" {"a":1,"success":true} "#));
        for bad in [
            &b""[..],
            b"[object Object]",
            b"{}",
            b"null",
            b"[true]",
            b"true",
            br#"{"success":false}"#,
            br#"{"success":1}"#,
            br#"{"success":"true"}"#,
            br#"{"success":true"#,
            br#"{"success":true}x"#,
        ] {
            assert!(!says_success(bad), "{}", String::from_utf8_lossy(bad));
        }
    }
}
