//! Signing in and out, syncing, and what the app can ask about it.

use std::sync::Arc;

use super::{Amana, SyncOptions};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::PeerId;
use crate::model::ledger::{ConflictEntry, Digest};
use crate::model::peer::{CloudAddress, Credentials, Person};
use crate::model::report::SyncReport;
use crate::pending;
use crate::storage::{OutboxCounts, PeerStatus, StoredSession};
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
    /// Signs in at a cloud server. On success address, e-mail and password are kept inside the
    /// vault, since the cloud's sync takes nothing else; the person is returned.
    ///
    /// # Errors
    /// `unauthorized` also when the server's own database is down: nothing is wiped on it.
    /// `invalid_input` for a password with a colon, with which the server could never sync.
    pub async fn sign_in(
        &self,
        address: CloudAddress,
        credentials: Credentials,
        cancel: CancelToken,
    ) -> Result<Person> {
        let open = self.opened()?;
        // A sync of whoever was signed in before must not end under the new name.
        open.sync.cancel();
        let client = self.client(&address)?;
        let (answer, pending) = pending::channel();
        std::thread::Builder::new()
            .name("amana-sign-in".to_owned())
            .spawn(move || {
                let result = client.sign_in(&credentials, &cancel).and_then(|person| {
                    let session = StoredSession {
                        address,
                        credentials,
                        person: person.clone(),
                    };
                    open.database.save_session(session).wait()?;
                    Ok(person)
                });
                answer.send(result);
            })
            .map_err(|_| Error::internal("no thread for the sign-in"))?;
        pending.await
    }

    /// Removes the session and its password from the vault. Records stay.
    pub async fn sign_out(&self) -> Result<()> {
        let open = self.opened()?;
        open.sync.cancel();
        open.database.remove_session().await
    }

    /// Pulls, merges and pushes. One sync runs at a time: a second call joins the first, and its
    /// own listener and token are not used.
    pub async fn sync(&self, options: SyncOptions) -> Result<SyncReport> {
        let open = self.opened()?;
        let session = open.database.session().await?.ok_or_else(not_signed_in)?;
        let client = self.client(&session.address)?;
        let own_user = session.person.id.clone();
        let peer = client.peer(session.credentials, own_user.clone());
        self.start_sync(&open, peer, own_user, options)?.await
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
                Some(session.address.url.as_str().to_owned()),
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

    fn client(&self, address: &CloudAddress) -> Result<CloudClient> {
        CloudClient::new(
            self.inner.network()?,
            Arc::clone(&self.inner.schema),
            Arc::clone(&self.inner.system.clock),
            address,
            self.inner.config.time_limits,
        )
    }
}

const fn not_signed_in() -> Error {
    Error::new(ErrorCode::NotSignedIn, "nobody is signed in")
}
