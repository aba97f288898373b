//! Records and sync as apps see them: one method per call of the core.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use amana_core::model::peer::{CloudAddress, Credentials, HttpsUrl};
use amana_core::secret::SecretText;
use amana_core::{Amana, Error, SyncOptions};
use zeroize::Zeroizing;

use crate::error::AmanaError;
use crate::guard::{at_once, call};
use crate::listeners::{
    CancelHandle, ChangeObserver, ListenerAdapter, Observation, ObserverAdapter, SyncListener,
};
use crate::types::{Conflict, Person, SyncResult, TableDigest, VaultStatus};

/// Encrypted records and their sync, in one directory.
#[derive(uniffi::Object)]
pub struct Vault {
    pub(crate) amana: Amana,
    /// Whether it has not been detached.
    attached: AtomicBool,
}

impl From<Amana> for Vault {
    fn from(amana: Amana) -> Self {
        Self {
            amana,
            attached: AtomicBool::new(true),
        }
    }
}

impl Vault {
    /// Whether this is the first call.
    pub(crate) fn detach_once(&self) -> bool {
        self.attached.swap(false, Ordering::Relaxed)
    }

    /// For a call that was refused: it can be made again.
    pub(crate) fn attach_again(&self) {
        self.attached.store(true, Ordering::Relaxed);
    }
}

#[uniffi::export]
impl Vault {
    /// Signs in at a cloud server. The password is UTF-8 and is wiped here; the caller wipes its own.
    pub async fn sign_in(
        &self,
        url: String,
        private_ca_pem: Option<String>,
        email: String,
        password: Vec<u8>,
        cancel: Option<Arc<CancelHandle>>,
    ) -> Result<Person, AmanaError> {
        let password = Zeroizing::new(password);
        let token = CancelHandle::token(cancel.as_ref());
        call(async {
            let address = CloudAddress {
                url: HttpsUrl::parse(&url)?,
                private_ca_pem,
            };
            let credentials = read_credentials(email, &password)?;
            self.amana
                .sign_in(address, credentials, token)
                .await
                .map(Person::from)
        })
        .await
    }

    /// Removes the session and its password from the vault. Records stay.
    pub async fn sign_out(&self) -> Result<(), AmanaError> {
        call(self.amana.sign_out()).await
    }

    /// Makes a record from a JSON object of its columns, and returns its id.
    pub async fn insert(&self, table: String, fields: String) -> Result<String, AmanaError> {
        call(self.amana.insert(&table, &fields)).await
    }

    /// Changes the columns named in a JSON object.
    pub async fn update(
        &self,
        table: String,
        id: String,
        fields: String,
    ) -> Result<(), AmanaError> {
        call(self.amana.update(&table, &id, &fields)).await
    }

    /// Deletes a record and its declared children.
    pub async fn delete(&self, table: String, id: String) -> Result<(), AmanaError> {
        call(self.amana.delete(&table, &id)).await
    }

    /// Carries out a JSON array of operations in one transaction, and returns the records' ids.
    pub async fn batch(&self, operations: String) -> Result<Vec<String>, AmanaError> {
        call(self.amana.batch(&operations)).await
    }

    /// A record as a JSON object, or none.
    pub async fn get(&self, table: String, id: String) -> Result<Option<String>, AmanaError> {
        call(self.amana.get(&table, &id)).await
    }

    /// The same at once: waits for no writer, so that a thread that draws may call it.
    pub fn get_now(&self, table: String, id: String) -> Result<Option<String>, AmanaError> {
        at_once(|| self.amana.get_now(&table, &id))
    }

    /// A page of records as JSON: `{"columns":[…],"rows":[[…],…],"next_offset":N|null}`.
    pub async fn query(&self, table: String, query: String) -> Result<String, AmanaError> {
        call(self.amana.query(&table, &query)).await
    }

    /// How many records a query finds.
    pub async fn count(&self, table: String, query: String) -> Result<u64, AmanaError> {
        call(self.amana.count(&table, &query)).await
    }

    /// Pulls, merges and pushes. A second call joins the first: its own listener is not used, and its
    /// own handle ends its own waiting. One for a full pull runs behind a sync that is none, with its
    /// own, and further ones join that. Who syncs every so many minutes counts them from the end of
    /// the last sync, so that devices behind one address do not all ask in one moment.
    pub async fn sync(
        &self,
        listener: Option<Arc<dyn SyncListener>>,
        cancel: Option<Arc<CancelHandle>>,
        full_pull: bool,
    ) -> Result<SyncResult, AmanaError> {
        let options = SyncOptions {
            progress: listener.map(|listener| Arc::new(ListenerAdapter(listener)) as _),
            cancel: CancelHandle::token(cancel.as_ref()),
            full_pull,
        };
        call(async { self.amana.sync(options).await.map(SyncResult::from) }).await
    }

    /// Where the vault stands with the cloud.
    pub async fn status(&self) -> Result<VaultStatus, AmanaError> {
        call(async { self.amana.status().await.map(VaultStatus::from) }).await
    }

    /// The conflict ledger's entries after an id, oldest first.
    pub async fn conflicts(&self, after: i64) -> Result<Vec<Conflict>, AmanaError> {
        call(async {
            let entries = self.amana.conflicts(after).await?;
            Ok(entries.into_iter().map(Conflict::from).collect())
        })
        .await
    }

    /// A digest of the records of each table.
    pub async fn digest(&self) -> Result<Vec<TableDigest>, AmanaError> {
        call(async {
            let digest = self.amana.digest().await?;
            Ok(digest.tables.into_iter().map(TableDigest::from).collect())
        })
        .await
    }

    /// Hears of every committed transaction that changes records, until it is stopped.
    pub fn observe(&self, observer: Arc<dyn ChangeObserver>) -> Arc<Observation> {
        let subscription = self.amana.subscribe(Arc::new(ObserverAdapter(observer)));
        Arc::new(Observation::new(subscription))
    }
}

/// A password crosses as UTF-8.
pub(crate) fn read_credentials(email: String, password: &[u8]) -> amana_core::Result<Credentials> {
    let password =
        std::str::from_utf8(password).map_err(|_| Error::invalid("the password is not UTF-8"))?;
    Credentials::new(email, SecretText::new(password.to_owned()))
}
