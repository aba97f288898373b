//! The cloud's three calls: sign in, pull, push. Each is one request; when to make which, and
//! whether to try again, is for others to decide.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::feed::Feed;
use super::http::{HttpClient, Request};
use super::limits::{MAX_SMALL_REPLY, SizeLimits, TimeLimits};
use super::network::Network;
use super::rpc;
use super::sign_in;
use super::wire::{self, Decoder};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{OutboxRow, PullReply, PullRequest, PushFailure};
use crate::model::dates;
use crate::model::peer::{CloudAddress, CloudToken, Credentials, Person, Proof};
use crate::model::pins::SpkiPins;
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
        pins: Option<&SpkiPins>,
        limits: TimeLimits,
    ) -> Result<Self> {
        let http = HttpClient::new(address, pins, Arc::clone(&clock), limits)?;
        Ok(Self {
            network,
            schema,
            clock,
            http,
        })
    }

    /// Asks the server who this is. Blocks.
    pub fn sign_in(&self, credentials: &Credentials, cancel: &CancelToken) -> Result<Person> {
        let body = self.ask(sign_in::PATH, sign_in::body(credentials)?, cancel)?;
        sign_in::person(&body)
    }

    /// Asks the server who this is, and for a token to sync with. Blocks.
    pub fn sign_in_for_token(
        &self,
        credentials: &Credentials,
        cancel: &CancelToken,
    ) -> Result<(Person, CloudToken)> {
        let body = self.ask(rpc::LOGIN, rpc::login_body(credentials)?, cancel)?;
        rpc::login(&body, self.clock.now_ms())
    }

    fn ask(&self, path: &str, body: Bytes, cancel: &CancelToken) -> Result<Zeroizing<Vec<u8>>> {
        let request = Request::post(path.to_owned(), body);
        let (http, cancel) = (self.http.clone(), cancel.clone());
        self.network.run(async move {
            let reply = http.open(request, cancel).await?.accepted()?;
            reply.read_small(MAX_SMALL_REPLY).await
        })
    }

    /// The server as a peer to sync with, in the name of a person.
    pub fn peer(&self, proof: Proof, own_user_id: String) -> CloudPeer {
        CloudPeer {
            client: self.clone(),
            proof,
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

/// The path of a sync call. The two names hold the same: some servers read only the second.
/// `peerType` is never sent: with it the cloud hands out what no device may store.
fn sync_path(cursor: i64) -> String {
    format!("/api/v2/sync?last_pulled_at={cursor}&lastPulledAt={cursor}")
}

/// How a proof is sent, and what its replies look like.
struct Calls<'a>(&'a Proof);

const NO_PROOF: Error = Error::new(ErrorCode::NotSignedIn, "nobody is signed in at the cloud");

impl Calls<'_> {
    fn pull(&self, cursor: i64) -> Result<Request> {
        match self.0 {
            Proof::Password(credentials) => {
                Ok(Request::get(sync_path(cursor)).authorized(sign_in::basic(credentials)?))
            }
            Proof::Token(token) => {
                Ok(Request::get(rpc::pull_path(cursor)).authorized(rpc::bearer(token)?))
            }
            Proof::Nothing => Err(NO_PROOF),
        }
    }

    fn push(&self, changes: Vec<u8>) -> Result<Request> {
        match self.0 {
            Proof::Password(credentials) => Ok(Request::post(sync_path(0), Bytes::from(changes))
                .authorized(sign_in::basic(credentials)?)),
            Proof::Token(token) => {
                let body = Bytes::from(rpc::push_body(&changes));
                Ok(Request::post(rpc::PUSH.to_owned(), body).authorized(rpc::bearer(token)?))
            }
            Proof::Nothing => Err(NO_PROOF),
        }
    }

    /// How to see that a push was taken.
    const fn judge(&self) -> fn(&[u8]) -> bool {
        match self.0 {
            Proof::Token(_) => rpc::says_taken,
            Proof::Password(_) | Proof::Nothing => says_success,
        }
    }

    /// Objects around a reply's own.
    const fn wrapping(&self) -> usize {
        match self.0 {
            Proof::Token(_) => rpc::WRAPPING,
            Proof::Password(_) | Proof::Nothing => 0,
        }
    }

    /// The same failure in the words that fit: whoever has a token signs in again.
    fn explain(&self, error: Error) -> Error {
        match self.0 {
            Proof::Token(_) if error.code() == ErrorCode::Unauthorized => Error::new(
                ErrorCode::Unauthorized,
                "the token is over after a day, or could not be checked: sign in again; nothing was wiped",
            ),
            _ => error,
        }
    }
}

/// The cloud, seen by the sync engine.
#[derive(Debug)]
pub struct CloudPeer {
    client: CloudClient,
    proof: Proof,
    own_user_id: String,
}

impl CloudPeer {
    const fn calls(&self) -> Calls<'_> {
        Calls(&self.proof)
    }

    fn post(&self, changes: Vec<u8>, cancel: &CancelToken) -> Result<Answer> {
        let request = self.calls().push(changes)?;
        let is_taken = self.calls().judge();
        let (http, cancel) = (self.client.http.clone(), cancel.clone());
        self.client.network.run(async move {
            let reply = http.open(request, cancel).await?;
            let status = reply.status();
            match reply.accepted() {
                Ok(reply) => {
                    let body = reply.read_small(MAX_SMALL_REPLY).await?;
                    Ok(if is_taken(&body) {
                        Answer::Taken
                    } else {
                        // Two of the cloud's own failures come as a 200 with a text.
                        Answer::Refused(NOT_TAKEN)
                    })
                }
                Err(error) if may_be_the_rows(status) => Ok(Answer::Refused(error)),
                Err(error) => Err(error),
            }
        })
    }
}

/// Whether a status may be about what was sent: one bad row makes a 500, others are about the form or
/// size of a piece, and a proxy may refuse one that it takes for an attack. About the person, the
/// address, the app or the pace are 401, 404, 407, 408, 426 and 429; and proxies say 502 to 504 when
/// the server is away, whatever the rows are.
const fn may_be_the_rows(status: u16) -> bool {
    match status {
        401 | 404 | 407 | 408 | 426 | 429 => false,
        400..=500 => true,
        _ => false,
    }
}

const WRONG_TIME: Error = Error::new(
    ErrorCode::Protocol,
    "the server's clock is plainly wrong, or its reply has not the form of the protocol",
);

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
        let call = self.calls().pull(request.cursor.max(0))?;
        let (wall, start) = (clock.now_ms(), clock.monotonic_ms());
        let (http, token) = (http.clone(), cancel.clone());
        let reply = network
            .run(async move { http.open(call, token).await?.accepted() })
            .map_err(|error| self.calls().explain(error))?;
        // The server reads its clock between the two moments: the middle is the best guess.
        let took = clock.monotonic_ms().saturating_sub(start);
        let asked_at = wall.saturating_add_unsigned(took / 2);
        let feed = Feed::start(network, reply, cancel.clone(), on_bytes)?;
        let mut reply = Decoder::new(schema, &self.own_user_id, sink, SizeLimits::PULL)
            .wrapped(self.calls().wrapping())
            .read(feed)?;
        // As a cursor it would bring everything each time, or nothing more.
        if !dates::is_plausible(reply.timestamp) {
            return Err(WRONG_TIME);
        }
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
            Err(error) => Err(PushFailure::Stopped(self.calls().explain(error))),
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
