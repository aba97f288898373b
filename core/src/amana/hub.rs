//! Hubs: pairing with one, signing in there, the list of them. Syncing is `syncing`'s, which names
//! a hub like any other peer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cloud::spawn;
use super::hub_trust::HubTrust;
use super::{Amana, Open, refuse_listener};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::hub::{HubAddress, HubUrl, ScannedCode};
use crate::model::ids::{PeerId, PeerKind};
use crate::model::peer::{Credentials, Person, Proof, SyncProof};
use crate::ports::{Entropy, SyncPeer};
use crate::secret::SecretText;
use crate::storage::{Database, StoredSession};
use crate::transport::{HubClient, HubLogin, HubParts, HubPeer, HubToken};
use crate::vault;

/// A hub that was paired.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PairedHub {
    /// Its name as a peer.
    pub peer: PeerId,
    /// What it calls itself. Not authenticated: for people, not for decisions.
    pub name: String,
    /// Where it is.
    pub url: HubUrl,
}

/// The clients of hubs: one each, since a handshake of a second one would end the session of the
/// first. They live as long as the vault is open.
#[derive(Default)]
pub(super) struct Hubs(Mutex<BTreeMap<PeerId, Held>>);

#[derive(Default)]
struct Held {
    client: Option<Arc<HubClient>>,
    /// Of the sync that runs, or ran last, in the name of this person.
    peer: Option<(String, Arc<HubPeer>)>,
    /// Cancelled when the client is dropped: nobody signs in through it any more.
    dropped: CancelToken,
}

impl Hubs {
    fn guard(&self) -> MutexGuard<'_, BTreeMap<PeerId, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the client: the next call makes a new one.
    pub(super) fn forget(&self, peer: &PeerId) {
        if let Some(held) = self.guard().remove(peer) {
            held.dropped.cancel();
        }
    }
}

impl Amana {
    /// Pairs with the hub whose QR code was scanned: somebody who holds the code's key has to answer
    /// at its address. Pairing with the same hub again only takes note of its address.
    ///
    /// # Errors
    /// `invalid_input` for a code that is none of a hub's, or lacks its id or key, or names another
    /// key than the paired hub of this id has: forget that one first. So for a second hub where
    /// [`SyncPolicy::last_word`] is the hub's: what one of them took, the other would never be sent.
    /// `peer_identity_mismatch` where
    /// somebody else answers; `network` where nobody does; `busy` from a sync's listener.
    pub async fn pair_hub(&self, code: &str, cancel: CancelToken) -> Result<PairedHub> {
        refuse_listener()?;
        let open = self.opened()?;
        let ScannedCode::Hub(address) = ScannedCode::parse(code)? else {
            return Err(Error::invalid(
                "this is the code of a cloud: sign in there instead",
            ));
        };
        let (vault, token) = (self.clone(), cancel.or(&open.held.sign_ins));
        spawn("amana-pair", move || vault.pair(&open, address, &token))?.await
    }

    fn pair(&self, open: &Open, address: HubAddress, cancel: &CancelToken) -> Result<PairedHub> {
        let peer = PeerId::hub(&address.hub_id)?;
        let client_id = match known_as(open, &peer, &address)? {
            Some(known) => known.client_id,
            None if self.another_decides(open)? => return Err(only_one()),
            None => random_id(&*self.inner.system.entropy)?,
        };
        let new = HubTrust {
            address,
            client_id: client_id.clone(),
            token: None,
        };
        let client = self.new_client(&new)?;
        let name = client.pair(cancel)?;
        // No sync of before goes on at the old address; what one has kept meanwhile stays.
        let _pause = open.sync.pause_with(&peer);
        let database = &open.database;
        let trust = match known_as(open, &peer, &new.address)? {
            Some(known) => {
                let address = new.address;
                let trust = HubTrust { address, ..known };
                let text = trust.to_text()?.to_string();
                database.set_trust(peer.clone(), text).wait()?;
                trust
            }
            // One may have been paired meanwhile.
            None if self.another_decides(open)? => return Err(only_one()),
            None => {
                let text = new.to_text()?.to_string();
                database.pair(peer.clone(), name.clone(), text).wait()?;
                new
            }
        };
        // Another pairing of the same hub may have been first, under another name of this device.
        let held = Held {
            client: (trust.client_id == client_id).then_some(client),
            ..Held::default()
        };
        open.sync.hubs.forget(&peer);
        open.sync.hubs.guard().insert(peer.clone(), held);
        Ok(PairedHub {
            peer,
            name,
            url: trust.address.url,
        })
    }

    /// Whether a hub is paired whose word is the last.
    fn another_decides(&self, open: &Open) -> Result<bool> {
        let policy = self.inner.config.sync.clone();
        if policy.last_word != PeerKind::Hub {
            return Ok(false);
        }
        for known in open.database.sync_status(policy).wait()?.peers {
            let is_hub = known.peer.kind() == PeerKind::Hub;
            if is_hub && open.database.trust(known.peer).wait()?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The hubs that were paired.
    pub async fn hubs(&self) -> Result<Vec<PairedHub>> {
        let open = self.opened()?;
        let policy = self.inner.config.sync.clone();
        let mut hubs = Vec::new();
        for known in open.database.sync_status(policy).await?.peers {
            let peer = known.peer;
            if peer.kind() != PeerKind::Hub {
                continue;
            }
            if let Some((name, text)) = open.database.trust(peer.clone()).await? {
                hubs.push(PairedHub {
                    peer,
                    name,
                    url: HubTrust::from_text(&text)?.address.url,
                });
            }
        }
        Ok(hubs)
    }

    /// Takes note of a hub's new address; key and id stay as they were pinned.
    ///
    /// # Errors
    /// `not_found` where there is no such hub; `busy` from a sync's listener.
    pub async fn move_hub(&self, peer: &PeerId, url: HubUrl) -> Result<()> {
        refuse_listener()?;
        let open = self.opened()?;
        let peer = peer.clone();
        spawn("amana-move-hub", move || {
            let _pause = open.sync.pause_with(&peer);
            let (_, mut trust) = trust_of(&open.database, &peer)?.ok_or_else(not_paired)?;
            trust.address.url = url;
            let text = trust.to_text()?.to_string();
            open.database.set_trust(peer.clone(), text).wait()?;
            open.sync.hubs.forget(&peer);
            Ok(())
        })?
        .await
    }

    /// Signs in at a paired hub, through its sealed channel: works without the internet. Nothing is
    /// sent before whoever answers has proved to hold the pinned key. Who is signed in at the cloud
    /// already stays so, as the cloud described them.
    ///
    /// # Errors
    /// `not_found` where there is no such hub; `unauthorized`; `peer_identity_mismatch`; `busy` from a
    /// sync's listener.
    pub async fn sign_in_at_hub(
        &self,
        peer: &PeerId,
        credentials: Credentials,
        cancel: CancelToken,
    ) -> Result<Person> {
        refuse_listener()?;
        let open = self.opened()?;
        let (vault, peer) = (self.clone(), peer.clone());
        let token = cancel.or(&open.sign_in_token());
        spawn("amana-sign-in", move || {
            let (client, dropped) = vault.hub_client(&open, &peer)?;
            let signed_in = client.sign_in(&credentials, &token.or(&dropped))?;
            let _pause = open.sync.pause();
            let _sessions = open.sessions();
            token.check()?;
            let person = signed_in.person;
            keep_token(&open.database, &peer, &person.id, signed_in.token)?;
            if let Some(held) = open.sync.hubs.guard().get_mut(&peer) {
                held.peer = None;
            }
            let session = open.database.session().wait()?;
            if let Some(session) = session.filter(|session| session.person.id == person.id) {
                return Ok(session.person);
            }
            let proof = match vault.inner.config.cloud_proof {
                SyncProof::Password => Proof::Password(credentials),
                SyncProof::Token => Proof::Nothing,
            };
            let session = StoredSession {
                address: None,
                proof,
                person: person.clone(),
            };
            open.database.save_session(&peer, session).wait()?;
            Ok(person)
        })?
        .await
    }

    /// A hub in the name of the person who is signed in.
    pub(super) fn hub_peer(
        &self,
        open: &Open,
        peer: &PeerId,
        session: StoredSession,
    ) -> Result<Arc<dyn SyncPeer>> {
        let (client, _) = self.hub_client(open, peer)?;
        let person = session.person.id;
        let (_, trust) = trust_of(&open.database, peer)?.ok_or_else(not_paired)?;
        let token = trust
            .token
            .filter(|(of, _)| *of == person)
            .map(|(_, token)| token);
        let login = HubLogin {
            own_user_id: person.clone(),
            credentials: match session.proof {
                Proof::Password(credentials) => Some(credentials),
                Proof::Token(_) | Proof::Nothing => None,
            },
            token,
        };
        let found = Arc::new(client.peer(login));
        if let Some(held) = open.sync.hubs.guard().get_mut(peer) {
            held.peer = Some((person, Arc::clone(&found)));
        }
        Ok(found)
    }

    /// Forgets the tokens that hubs gave, and the sessions with their keys.
    pub(super) fn end_hub_sessions(&self, open: &Open) -> Result<()> {
        open.sync.hubs.guard().clear();
        let policy = self.inner.config.sync.clone();
        let mut ended = Ok(());
        for known in open.database.sync_status(policy).wait()?.peers {
            // One that cannot be read keeps no other's token.
            ended = ended.and(end_hub_session(&open.database, known.peer));
        }
        ended
    }

    /// Keeps the token that a sync used, if it got a new one.
    pub(super) fn keep_hub_token(&self, open: &Open, peer: &PeerId) -> Result<()> {
        // Taken out: it holds the password, and its sync is over.
        let synced = open
            .sync
            .hubs
            .guard()
            .get_mut(peer)
            .and_then(|held| held.peer.take());
        let Some((person, synced)) = synced else {
            return Ok(());
        };
        let Some(token) = synced.token() else {
            return Ok(());
        };
        let token = HubToken {
            text: SecretText::new(token.text.expose().to_owned()),
            since_ms: token.since_ms,
        };
        keep_token(&open.database, peer, &person, token)
    }

    /// The hub's client, and what tells that it was dropped.
    fn hub_client(&self, open: &Open, peer: &PeerId) -> Result<(Arc<HubClient>, CancelToken)> {
        let hubs = &open.sync.hubs;
        let trust_now =
            || trust_of(&open.database, peer).map(|found| found.map(|(_, trust)| trust));
        let trust = trust_now()?.ok_or_else(not_paired)?;
        let new = self.new_client(&trust)?;
        let found = {
            let mut guard = hubs.guard();
            let held = guard.entry(peer.clone()).or_default();
            // Whoever was first is the one.
            let client = Arc::clone(held.client.get_or_insert(new));
            (client, held.dropped.clone())
        };
        // A hub that was forgotten or moved meanwhile leaves nothing of before.
        let still = trust_now()?;
        if still.is_none_or(|still| still.address.url != trust.address.url) {
            hubs.forget(peer);
            return Err(not_paired());
        }
        Ok(found)
    }

    fn new_client(&self, trust: &HubTrust) -> Result<Arc<HubClient>> {
        let system = &self.inner.system;
        let parts = HubParts {
            network: self.inner.network()?,
            schema: Arc::clone(&self.inner.schema),
            clock: Arc::clone(&system.clock),
            entropy: Arc::clone(&system.entropy),
            disk: Arc::clone(&system.disk),
            spool_directory: vault::spool_directory(&self.inner.config.directory),
            limits: self.inner.config.time_limits,
        };
        HubClient::new(parts, trust.address.clone(), trust.client_id.clone()).map(Arc::new)
    }
}

/// What is known of the hub of a code, which has to have the key of before.
fn known_as(open: &Open, peer: &PeerId, address: &HubAddress) -> Result<Option<HubTrust>> {
    let known = trust_of(&open.database, peer)?.map(|(_, known)| known);
    match known {
        Some(known) if known.address.public_key != address.public_key => Err(Error::invalid(
            "a hub of this id was paired with another key: forget it first",
        )),
        known => Ok(known),
    }
}

fn trust_of(database: &Database, peer: &PeerId) -> Result<Option<(String, HubTrust)>> {
    let kept = database.trust(peer.clone()).wait()?;
    kept.map(|(name, text)| Ok((name, HubTrust::from_text(&text)?)))
        .transpose()
}

fn keep_token(database: &Database, peer: &PeerId, person: &str, token: HubToken) -> Result<()> {
    let (_, mut trust) = trust_of(database, peer)?.ok_or_else(not_paired)?;
    let is_known = trust
        .token
        .as_ref()
        .is_some_and(|(of, known)| of == person && known.text.expose() == token.text.expose());
    if is_known {
        return Ok(());
    }
    trust.token = Some((person.to_owned(), token));
    let text = trust.to_text()?.to_string();
    database.set_trust(peer.clone(), text).wait()
}

fn random_id(entropy: &dyn Entropy) -> Result<String> {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string())
}

const fn only_one() -> Error {
    Error::invalid("a hub is paired whose word is the last: forget it first")
}

/// Forgets the token that a hub gave.
fn end_hub_session(database: &Database, peer: PeerId) -> Result<()> {
    let Some((_, mut trust)) = trust_of(database, &peer)? else {
        return Ok(());
    };
    if trust.token.take().is_none() {
        return Ok(());
    }
    let text = trust.to_text()?.to_string();
    database.set_trust(peer, text).wait()
}

const fn not_paired() -> Error {
    Error::new(ErrorCode::NotFound, "this hub is not paired")
}
