//! One session with a hub: made by a handshake and a sealed `ping`, it carries sealed calls until
//! one of the two forgets it.

use std::collections::HashSet;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::channel::{self, NOT_THE_HUB, Opened, Received, Route};
use super::client::Line;
use super::gcm::NONCE;
use super::hint::{self, Hint};
use super::keys::KeyPair;
use crate::error::{Error, ErrorCode, Result};
use crate::model::hub::HubAddress;
use crate::secret::HubSessionKey;
use crate::transport::http::Request;
use crate::transport::limits::MAX_SMALL_REPLY;

/// After so many replies a new session is made, so that the list of nonces stays small.
const MAX_REPLIES: usize = 10_000;
/// Letters of the hub's name that are kept.
const MAX_NAME: usize = 100;

const MISMATCH: Error = Error::new(
    ErrorCode::PeerIdentityMismatch,
    "this is not the paired hub; no credential was sent",
);

#[derive(Serialize)]
struct Hello<'a> {
    client_id: &'a str,
    client_public_key: &'a str,
}

#[derive(Deserialize)]
struct Welcome {
    hub_public_key: String,
    hub_id: String,
    #[serde(default)]
    hub_name: String,
    success: bool,
}

#[derive(Serialize)]
struct Envelope<'a> {
    client_id: &'a str,
    payload: &'a str,
}

/// The hub's own reply, opened.
pub(super) struct Authentic {
    pub text: Opened,
    /// When it began to arrive, by the device's clock.
    pub since_ms: i64,
}

/// What a sealed call came to.
pub(super) enum Answer {
    /// The hub's own reply.
    Opened(Box<Authentic>),
    /// Something in clear, from whomever.
    Hint(Hint),
}

/// A session. Not for two calls at once.
pub(super) struct Session {
    key: HubSessionKey,
    seen: HashSet<[u8; NONCE]>,
    /// Whether a request is without an answer that this session's key opened. Somebody may hold
    /// that answer back to hand it out for a later one: no more goes through this session, and no
    /// answer makes that good.
    unanswered: bool,
}

impl Session {
    /// A handshake and a sealed `ping`. Returns the hub's name too, which is not authenticated.
    ///
    /// # Errors
    /// `peer_identity_mismatch` where the reply names another id or key, or whoever answers cannot
    /// answer a sealed `ping`. Nothing secret was sent then.
    pub(super) fn begin(line: &Line<'_>) -> Result<(Self, String)> {
        let pair = KeyPair::make(line.entropy)?;
        let hello = Hello {
            client_id: line.client_id,
            client_public_key: &pair.public_text(),
        };
        let body = serde_json::to_vec(&hello)
            .map_err(|_| Error::internal("the handshake cannot be written"))?;
        let request = Request::post("/rpc/handshake".to_owned(), Bytes::from(body));
        let (status, headers, body) = line.rest(line.open(request)?)?;
        if !status.is_success() {
            return Err(match hint::of_status(status, &headers, &body) {
                Hint::Failed(error) => error,
                hint => hint.into_error(),
            });
        }
        let name = check(&body, line.address)?;
        let mut session = Self {
            // The pinned key, never the one that the reply repeats.
            key: pair.session_key(&line.address.public_key)?,
            seen: HashSet::new(),
            unanswered: false,
        };
        session.ping(line)?;
        Ok((session, name))
    }

    fn ping(&mut self, line: &Line<'_>) -> Result<()> {
        let text = Zeroizing::new(br#"{"command":"ping","data":{}}"#.to_vec());
        let limit = MAX_SMALL_REPLY as u64;
        match self.call(line, Route::Command, text, limit, &mut |_| {}) {
            Ok(Answer::Opened(reply)) => {
                let text = reply.text.read_small(MAX_SMALL_REPLY)?;
                let pong = serde_json::from_slice::<Json>(&text)
                    .is_ok_and(|reply| reply["pong"] == Json::Bool(true));
                if pong { Ok(()) } else { Err(MISMATCH) }
            }
            // It has another key than the one that was derived from the pinned one.
            Ok(Answer::Hint(Hint::Session)) => Err(MISMATCH),
            Ok(Answer::Hint(hint)) => Err(hint.into_error()),
            Err(error) if error.code() == ErrorCode::PeerIdentityMismatch => Err(MISMATCH),
            Err(error) => Err(error),
        }
    }

    /// One sealed call. The reply is received and checked as a whole before any of it is read.
    pub(super) fn call(
        &mut self,
        line: &Line<'_>,
        route: Route,
        text: Zeroizing<Vec<u8>>,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Answer> {
        if self.unanswered {
            return Err(Error::internal("the session is over"));
        }
        let payload = channel::seal(&self.key, route, text, line.entropy)?;
        let body = serde_json::to_vec(&Envelope {
            client_id: line.client_id,
            payload: &payload,
        })
        .map_err(|_| Error::internal("the request cannot be written"))?;
        drop(payload);
        let request = Request::post(route.path().to_owned(), Bytes::from(body));
        self.unanswered = true;
        let reply = line.open(request)?;
        let since_ms = line.clock.now_ms();
        if reply.status() != 200 {
            let (status, headers, body) = line.rest(reply)?;
            return Ok(Answer::Hint(hint::of_status(status, &headers, &body)));
        }
        let sealed = match channel::receive(line.feed(reply, on_bytes)?, limit, line.place.clone())?
        {
            Received::Sealed(sealed) => sealed,
            Received::Error(text) => return Ok(Answer::Hint(hint::of_text(&text))),
        };
        if self.seen.contains(&sealed.nonce) {
            // An answer of before, handed out again.
            return Err(NOT_THE_HUB);
        }
        let nonce = sealed.nonce;
        let text = sealed.open(&self.key, route, line.cancel)?;
        self.seen.insert(nonce);
        self.unanswered = false;
        Ok(Answer::Opened(Box::new(Authentic { text, since_ms })))
    }

    /// Whether another call may go through this session.
    pub(super) fn may_go_on(&self) -> bool {
        !self.unanswered && self.seen.len() < MAX_REPLIES
    }
}

/// Compares what the hub says of itself with what is pinned.
fn check(body: &[u8], address: &HubAddress) -> Result<String> {
    const NO_WELCOME: Error = Error::new(
        ErrorCode::Protocol,
        "the reply to the handshake has not the form of the protocol",
    );
    let welcome: Welcome = serde_json::from_slice(body).map_err(|_| NO_WELCOME)?;
    if !welcome.success {
        return Err(NO_WELCOME);
    }
    if welcome.hub_id != address.hub_id || welcome.hub_public_key != address.public_key.to_text() {
        return Err(MISMATCH);
    }
    let letters = welcome.hub_name.chars().filter(|c| !c.is_control());
    Ok(letters.take(MAX_NAME).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_goes_on_until_its_list_of_nonces_is_long_or_an_answer_is_missing() {
        let session = |replies: u32, unanswered| {
            let nonce = |i: u32| {
                let mut nonce = [0; NONCE];
                nonce[..4].copy_from_slice(&i.to_be_bytes());
                nonce
            };
            Session {
                key: HubSessionKey::from_bytes(&[1; 32]),
                seen: (0..replies).map(nonce).collect(),
                unanswered,
            }
        };
        assert!(session(0, false).may_go_on());
        assert!(session(9_999, false).may_go_on());
        assert!(!session(10_000, false).may_go_on());
        assert!(!session(1, true).may_go_on());
    }
}
