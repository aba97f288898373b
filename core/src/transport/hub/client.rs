//! A paired hub: one session, one call at a time.
//!
//! A call gets one handshake and one sign-in at most, whatever the replies say, and one more handshake
//! where a token that is not taken makes it sign in: what is said in clear ends the session.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::channel::Route;
use super::hint::Hint;
use super::login::{self, HubSignIn};
use super::peer::{HubLogin, HubPeer};
use super::session::{Answer, Session};
use super::store::StorePlace;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::hub::HubAddress;
use crate::model::peer::Credentials;
use crate::model::schema::Schema;
use crate::ports::{Clock, Disk, Entropy};
use crate::transport::failure::CANCELLED;
use crate::transport::feed::Feed;
use crate::transport::http::{HttpClient, Reply, Request};
use crate::transport::limits::{MAX_SMALL_REPLY, TimeLimits};
use crate::transport::network::Network;

/// What a hub's client is made of, beside the hub.
#[derive(Clone)]
pub struct HubParts {
    /// The network's threads.
    pub network: Arc<Network>,
    /// The record tables.
    pub schema: Arc<Schema>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for key pairs and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// Watched while a reply is spooled.
    pub disk: Arc<dyn Disk>,
    /// Where large replies wait until they were checked.
    pub spool_directory: PathBuf,
    /// How long each step of a request may take.
    pub limits: TimeLimits,
}

/// A paired hub, at one address. There must be one per hub: a handshake of another one with the
/// same client id ends this one's session.
pub struct HubClient {
    pub(super) parts: HubParts,
    address: HubAddress,
    client_id: String,
    http: HttpClient,
    turn: Arc<Semaphore>,
    session: Mutex<Option<Session>>,
}

impl HubClient {
    /// Prepares; does not connect. `client_id` is this device's name for this hub: random, kept, and
    /// told to nobody, since who knows it can end the session.
    pub fn new(parts: HubParts, address: HubAddress, client_id: String) -> Result<Self> {
        let clock = Arc::clone(&parts.clock);
        let http = HttpClient::for_hub(&address.url, clock, parts.limits)?;
        Ok(Self {
            parts,
            address,
            client_id,
            http,
            turn: Arc::new(Semaphore::new(1)),
            session: Mutex::new(None),
        })
    }

    /// Which hub this is.
    pub const fn address(&self) -> &HubAddress {
        &self.address
    }

    /// A handshake and a sealed `ping`: whoever answers holds the pinned key. Returns the name that
    /// the hub gives itself, for people; it is not authenticated. Blocks.
    ///
    /// # Errors
    /// `peer_identity_mismatch` where somebody else answers; `network` where nobody does.
    pub fn pair(&self, cancel: &CancelToken) -> Result<String> {
        let _turn = self.turn(cancel)?;
        let (session, name) = Session::begin(&self.line(cancel))?;
        *self.held() = Some(session);
        Ok(name)
    }

    /// Signs a person in, through the sealed channel. Blocks.
    ///
    /// # Errors
    /// `peer_identity_mismatch` before anything was sent to another than the paired hub;
    /// `unauthorized` where the hub does not accept the password.
    pub fn sign_in(&self, credentials: &Credentials, cancel: &CancelToken) -> Result<HubSignIn> {
        self.call(cancel)?.sign_in(credentials)
    }

    /// The hub as a peer to sync with, in the name of a person.
    pub fn peer(self: &Arc<Self>, login: HubLogin) -> HubPeer {
        HubPeer::new(Arc::clone(self), login)
    }

    /// Begins a call, once no other is under way.
    pub(super) fn call<'a>(&'a self, cancel: &'a CancelToken) -> Result<Call<'a>> {
        let turn = self.turn(cancel)?;
        Ok(Call {
            client: self,
            cancel,
            session: self.held().take(),
            may_shake_hands: true,
            may_sign_in: true,
            _turn: turn,
        })
    }

    fn turn(&self, cancel: &CancelToken) -> Result<OwnedSemaphorePermit> {
        let (turn, cancel) = (Arc::clone(&self.turn), cancel.clone());
        self.parts.network.run(async move {
            tokio::select! {
                biased;
                () = cancel.cancelled() => Err(CANCELLED),
                permit = turn.acquire_owned() => {
                    permit.map_err(|_| Error::internal("the hub's turn was closed"))
                }
            }
        })
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line<'a>(&'a self, cancel: &'a CancelToken) -> Line<'a> {
        Line {
            client_id: &self.client_id,
            address: &self.address,
            clock: &*self.parts.clock,
            entropy: &*self.parts.entropy,
            network: &self.parts.network,
            http: &self.http,
            place: StorePlace {
                directory: self.parts.spool_directory.clone(),
                entropy: Arc::clone(&self.parts.entropy),
                disk: Arc::clone(&self.parts.disk),
            },
            cancel,
        }
    }
}

impl fmt::Debug for HubClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubClient")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// What one call needs to reach the hub.
pub(super) struct Line<'a> {
    pub client_id: &'a str,
    pub address: &'a HubAddress,
    pub clock: &'a dyn Clock,
    pub entropy: &'a dyn Entropy,
    pub place: StorePlace,
    pub cancel: &'a CancelToken,
    network: &'a Network,
    http: &'a HttpClient,
}

impl Line<'_> {
    /// Sends, and waits for the head of the reply, whatever its status.
    pub(super) fn open(&self, request: Request) -> Result<Reply> {
        let (http, cancel) = (self.http.clone(), self.cancel.clone());
        self.network
            .run(async move { http.open(request, cancel).await })
    }

    /// The rest of a reply that is small.
    pub(super) fn rest(&self, reply: Reply) -> Result<(StatusCode, HeaderMap, Zeroizing<Vec<u8>>)> {
        let (status, headers) = reply.head();
        let body = self
            .network
            .run(async move { reply.read_small(MAX_SMALL_REPLY).await })?;
        Ok((status, headers, body))
    }

    /// The body of a reply, as it comes.
    pub(super) fn feed<'f>(
        &self,
        reply: Reply,
        on_bytes: &'f mut dyn FnMut(u64),
    ) -> Result<Feed<'f>> {
        Feed::start(self.network, reply, self.cancel.clone(), on_bytes)
    }
}

/// One call: it has the hub for itself until it is dropped.
pub(super) struct Call<'a> {
    client: &'a HubClient,
    cancel: &'a CancelToken,
    session: Option<Session>,
    may_shake_hands: bool,
    pub(super) may_sign_in: bool,
    _turn: OwnedSemaphorePermit,
}

impl Call<'_> {
    /// One sealed request and its reply, in the session of before or in a new one. The text is made
    /// once more where the hub had forgotten the session.
    pub(super) fn ask(
        &mut self,
        route: Route,
        text: &dyn Fn() -> Result<Zeroizing<Vec<u8>>>,
        limit: u64,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<Answer> {
        let line = self.client.line(self.cancel);
        loop {
            let mut session = match self.session.take() {
                Some(session) => session,
                None if self.may_shake_hands => {
                    self.may_shake_hands = false;
                    Session::begin(&line)?.0
                }
                None => return Ok(Answer::Hint(Hint::Session)),
            };
            // After an error or a hint it is not put back: what was asked is without an answer.
            match session.call(&line, route, text()?, limit, on_bytes)? {
                Answer::Hint(Hint::Session) => {}
                Answer::Hint(hint) => return Ok(Answer::Hint(hint)),
                opened => {
                    self.session = Some(session);
                    return Ok(opened);
                }
            }
        }
    }

    /// Signs in through the sealed channel, once in a call.
    pub(super) fn sign_in(&mut self, credentials: &Credentials) -> Result<HubSignIn> {
        self.may_sign_in = false;
        // Where a token was not taken, that has ended the session.
        self.may_shake_hands = true;
        let text = || login::text(credentials);
        let answer = self.ask(Route::Command, &text, MAX_SMALL_REPLY as u64, &mut |_| {})?;
        match answer {
            Answer::Opened(reply) => {
                let text = reply.text.read_small(MAX_SMALL_REPLY)?;
                login::sign_in(&text, &*self.client.parts.clock)
            }
            Answer::Hint(Hint::Refused(_) | Hint::Token) => Err(Error::new(
                ErrorCode::Server,
                "the hub could not sign this person in",
            )),
            Answer::Hint(hint) => Err(hint.into_error()),
        }
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        *self.client.held() = self.session.take().filter(Session::may_go_on);
    }
}
