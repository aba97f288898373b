//! Signing in and out, syncing, and what the app can ask about it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Amana, SyncOptions, refuse_listener};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::PeerId;
use crate::model::ledger::{ConflictEntry, Digest};
use crate::model::peer::{CloudAddress, Credentials, Person, Proof, SyncProof};
use crate::model::report::SyncReport;
use crate::pending::{self, Pending};
use crate::storage::{OutboxCounts, PeerStatus, StoredSession};
use crate::sync::spread;
use crate::transport::CloudClient;

/// Where the vault stands with the cloud.
#[derive(Clone, Debug)]
pub struct Status {
    /// Who is signed in.
    pub person: Option<Person>,
    /// To which server.
    pub url: Option<String>,
    /// What waits to be pushed.
    pub outbox: OutboxCounts,
    /// Cursor, clock skew and last success.
    pub cloud: PeerStatus,
    /// Entries of the conflict ledger.
    pub conflicts: u64,
    /// Whether a sync is running.
    pub syncing: bool,
}

impl Amana {
    /// Signs in at a cloud server. On success the address is kept inside the vault, with e-mail and
    /// password or with a token, as the configuration says; the person is returned.
    ///
    /// The reply that brings a token tells no name. It is taken from the session before, if that was
    /// the same person's at the same server; else the other way to sign in is asked for it, once. Where
    /// that does not answer, the name is empty.
    ///
    /// # Errors
    /// `unauthorized` also when the server's own database is down: nothing is wiped on it.
    /// `invalid_input` for a password with a colon, with which the server could never sync, and for
    /// another server while records wait to be pushed to the one before; `busy` from a sync's listener.
    /// With `rate_limited` the time to wait is the server's and up to a minute more.
    pub async fn sign_in(
        &self,
        address: CloudAddress,
        credentials: Credentials,
        cancel: CancelToken,
    ) -> Result<Person> {
        refuse_listener()?;
        let open = self.opened()?;
        let kind = self.inner.config.cloud_proof;
        if kind == SyncProof::Password {
            credentials.check_for_sync()?;
        }
        let client = self.client(&address)?;
        let token = cancel.or(&open.sign_in_token());
        let entropy = Arc::clone(&self.inner.system.entropy);
        let refused = move |error| spread(error, &*entropy);
        spawn("amana-sign-in", move || {
            let (person, proof) = match kind {
                SyncProof::Password => {
                    let signed_in = client.sign_in(&credentials, &token);
                    let person = signed_in.map_err(refused)?;
                    (person, Proof::Password(credentials))
                }
                SyncProof::Token => {
                    let signed_in = client.sign_in_for_token(&credentials, &token);
                    let (mut person, proof) = signed_in.map_err(refused)?;
                    if person.name.is_empty() {
                        let before = open.database.session().wait()?;
                        let known = before.filter(|before| {
                            before.person.id == person.id
                                && before.address.as_ref() == Some(&address)
                                && !before.person.name.is_empty()
                        });
                        person.name = match known {
                            Some(before) => before.person.name,
                            None => ask_name(&client, &credentials, &person.id, &token)?,
                        };
                    }
                    (person, Proof::Token(proof))
                }
            };
            // A sync of whoever was signed in before must not end under the new name.
            let _pause = open.sync.pause();
            let _sessions = open.sessions();
            token.check()?;
            let session = StoredSession {
                address: Some(address),
                proof,
                person: person.clone(),
            };
            open.database
                .save_session(&PeerId::cloud(), session)
                .wait()?;
            Ok(person)
        })?
        .await
    }

    /// Removes the session, its password or token, and what hubs gave to the person from the vault,
    /// and ends running syncs and sign-ins. Records and paired hubs stay.
    ///
    /// # Errors
    /// `busy` from a sync's listener.
    pub async fn sign_out(&self) -> Result<()> {
        refuse_listener()?;
        let open = self.opened()?;
        let vault = self.clone();
        spawn("amana-sign-out", move || {
            std::mem::take(&mut *open.sessions()).cancel();
            let _pause = open.sync.pause();
            open.database.remove_session().wait()?;
            vault.end_hub_sessions(&open)
        })?
        .await
    }

    /// Pulls, merges and pushes. One sync runs at a time: a second call joins the first, with its own
    /// listener not used and its own token for its own waiting; who cancels the first cancels it for
    /// both. A call for a full pull that finds a sync which is none gets one behind it, with its listener
    /// and token, which further such calls join.
    ///
    /// Who syncs every so many minutes counts them from the end of the last sync: devices behind one
    /// address whose line comes back in one moment would ask in one moment for ever after.
    ///
    /// # Errors
    /// `not_signed_in`; `busy` while somebody signs in or out, or a cancelled sync is ending with none
    /// behind it, and from a sync's listener that would join a running one or wait behind it; otherwise
    /// what the network or the peer did. A pull that was applied stays applied.
    pub async fn sync(&self, options: SyncOptions) -> Result<SyncReport> {
        self.sync_with(&PeerId::cloud(), options).await
    }

    /// Where the vault stands with the cloud.
    pub async fn status(&self) -> Result<Status> {
        let open = self.opened()?;
        let session = open.database.session().await?;
        let outbox = open.database.outbox_counts().await?;
        let cloud = open.database.peer_status(&PeerId::cloud()).await?;
        let (_, conflicts) = open.database.conflicts(0, 0).await?;
        let (person, url) = match session {
            Some(session) => (
                Some(session.person),
                session
                    .address
                    .map(|address| address.url.as_str().to_owned()),
            ),
            None => (None, None),
        };
        Ok(Status {
            person,
            url,
            outbox,
            cloud,
            conflicts,
            syncing: open.sync.is_running(),
        })
    }

    /// The conflict ledger's entries after an id, oldest first, at most 1,000.
    pub async fn conflicts(&self, after: i64) -> Result<Vec<ConflictEntry>> {
        const PAGE: u32 = 1_000;
        Ok(self.opened()?.database.conflicts(after, PAGE).await?.0)
    }

    /// A digest of the records of each table: equal on two devices that hold the same.
    pub async fn digest(&self) -> Result<Digest> {
        self.opened()?.database.digest().await
    }

    /// How many calls wait for the running syncs and those behind them: who started them, and who joined.
    #[cfg(any(test, feature = "test-support"))]
    pub fn waiting_for_sync(&self) -> usize {
        self.opened().map_or(0, |open| open.sync.waiting())
    }

    /// Lets the database grow by so many pages and no more until the vault locks, as where the disk
    /// is full; by any number with `None`.
    #[cfg(any(test, feature = "test-support"))]
    pub async fn limit_growth(&self, pages: Option<u32>) -> Result<()> {
        self.opened()?.database.limit_growth(pages).await
    }

    pub(super) fn client(&self, address: &CloudAddress) -> Result<CloudClient> {
        CloudClient::new(
            self.inner.network()?,
            Arc::clone(&self.inner.schema),
            Arc::clone(&self.inner.system.clock),
            address,
            self.inner.config.cloud_pins.as_ref(),
            self.inner.config.time_limits,
        )
    }
}

/// The name of the person who has just signed in; empty where the server does not tell it now, which is
/// no reason to refuse them.
fn ask_name(
    client: &CloudClient,
    credentials: &Credentials,
    id: &str,
    cancel: &CancelToken,
) -> Result<String> {
    match client.sign_in(credentials, cancel) {
        Ok(person) if person.id == id => Ok(person.name),
        Err(error) if error.code() == ErrorCode::Cancelled => Err(error),
        Ok(_) | Err(_) => Ok(String::new()),
    }
}

/// Runs what blocks on a thread of its own.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<Pending<T>> {
    let (answer, pending) = pending::channel();
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(work))
                .unwrap_or_else(|_| Err(crate::panics::to_error()));
            answer.send(result);
        })
        .map_err(|_| Error::internal("no thread for the call"))?;
    Ok(pending)
}
