//! Peers as apps see them: hubs that were paired, sync with each, where records stand, what was put
//! aside, and what is decided about conflicts.

use std::sync::Arc;

use amana_core::model::hub::HubUrl;
use amana_core::model::ids::PeerId;
use amana_core::model::standing;
use amana_core::{Error, SyncOptions};
use zeroize::Zeroizing;

use crate::error::AmanaError;
use crate::guard::call;
use crate::listeners::{CancelHandle, ListenerAdapter, SyncListener};
use crate::types::{Person, SyncResult};
use crate::vault::{Vault, read_credentials};

/// A hub that was paired.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct PairedHub {
    /// Its name as a peer: `hub:` and its id.
    pub peer: String,
    /// What it calls itself. Not authenticated: for people, not for decisions.
    pub name: String,
    /// Where it is.
    pub url: String,
}

impl From<amana_core::PairedHub> for PairedHub {
    fn from(hub: amana_core::PairedHub) -> Self {
        Self {
            peer: hub.peer.as_str().to_owned(),
            name: hub.name,
            url: hub.url.as_str().to_owned(),
        }
    }
}

/// How much of a table waits.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct TablePending {
    /// The table.
    pub table: String,
    /// Records that wait, those put aside included.
    pub pending: u64,
    /// Records put aside.
    pub quarantined: u64,
}

/// Where the vault stands with one peer. Times are epoch milliseconds of the device.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct PeerStatus {
    /// The peer: `cloud`, or `hub:` and its id.
    pub peer: String,
    /// Whether a sync with it is running.
    pub syncing: bool,
    /// The peer's own time of the last pull that was applied; 0 before the first.
    pub cursor: i64,
    /// The peer's clock minus the device's, in milliseconds.
    pub skew_ms: i64,
    /// When the last sync ended well.
    pub last_success_ms: Option<i64>,
    /// When the last sync ended, well or not.
    pub last_attempt_ms: Option<i64>,
    /// When everything was last asked for.
    pub last_full_ms: Option<i64>,
    /// The code of the last failure, as the error type spells it; none after a success.
    pub last_error: Option<String>,
    /// How many syncs failed since the last one that ended well.
    pub failures: u32,
    /// When it makes sense to try again; none for at any time.
    pub next_try_ms: Option<i64>,
    /// What this peer has not taken, by table; only tables where something waits.
    pub pending: Vec<TablePending>,
}

/// Where the vault stands with all its peers.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct SyncStatus {
    /// Every peer that was ever synced with or paired.
    pub peers: Vec<PeerStatus>,
    /// Entries of the conflict ledger that nobody has undone.
    pub conflicts: u64,
    /// Records that pulls of everything do not hold, though that does not prove that they are gone.
    pub absent: u64,
    /// Records that a peer took and no pull has confirmed yet.
    pub unconfirmed: u64,
    /// Connections of this process to the cloud that showed a key which is not pinned: refused, or
    /// gone on with where pins are only reported.
    pub pin_mismatches: u64,
}

/// How far a record's newest version has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Standing {
    /// Only this device has it.
    HereOnly,
    /// A hub has taken it.
    OnHub,
    /// The cloud has taken it, or sent it.
    InCloud,
}

/// A peer that refuses a record.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct PeerRefusal {
    /// The peer.
    pub peer: String,
    /// Why, in fixed text.
    pub reason: String,
}

/// Where one record stands.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct RecordStanding {
    /// How far its newest version has come.
    pub standing: Standing,
    /// Whether it was deleted here; the deletion is what stands somewhere, then.
    pub deleted: bool,
    /// Whether a later pull has shown that the peer kept what it took; true where nothing waits
    /// for that.
    pub confirmed: bool,
    /// The peers that have taken the newest version while it waits for the one with the last word.
    pub taken_by: Vec<String>,
    /// The peers that refuse it.
    pub refused_by: Vec<PeerRefusal>,
    /// Since when pulls of everything do not hold it; epoch milliseconds of the device.
    pub absent_since_ms: Option<i64>,
}

impl From<standing::RecordStanding> for RecordStanding {
    fn from(found: standing::RecordStanding) -> Self {
        Self {
            standing: match found.standing {
                standing::Standing::HereOnly => Standing::HereOnly,
                standing::Standing::OnHub => Standing::OnHub,
                standing::Standing::InCloud => Standing::InCloud,
            },
            deleted: found.deleted,
            confirmed: found.confirmed,
            taken_by: found.taken_by.iter().map(name).collect(),
            refused_by: found
                .refused_by
                .into_iter()
                .map(|(peer, reason)| PeerRefusal {
                    peer: name(&peer),
                    reason,
                })
                .collect(),
            absent_since_ms: found.absent_since_ms,
        }
    }
}

/// A record that was put aside because a peer refuses it, or would.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct QuarantinedRecord {
    /// For which peer.
    pub peer: String,
    /// The table.
    pub table: String,
    /// The record.
    pub record_id: String,
    /// Why, in fixed text.
    pub reason: String,
    /// When it was first refused, epoch milliseconds of the device.
    pub since_ms: i64,
    /// When it is tried again by itself; none for only after an edit or a release.
    pub retry_at_ms: Option<i64>,
    /// How many records wait for this one.
    pub waiting: u64,
}

impl From<standing::QuarantinedRecord> for QuarantinedRecord {
    fn from(record: standing::QuarantinedRecord) -> Self {
        Self {
            peer: name(&record.peer),
            table: record.table,
            record_id: record.record_id,
            reason: record.reason,
            since_ms: record.since_ms,
            retry_at_ms: record.retry_at_ms,
            waiting: record.waiting,
        }
    }
}

fn name(peer: &PeerId) -> String {
    peer.as_str().to_owned()
}

#[uniffi::export]
impl Vault {
    /// Pairs with the hub whose QR code was scanned: somebody who holds the code's key has to answer
    /// at its address. No credential is sent.
    pub async fn pair_hub(
        &self,
        code: String,
        cancel: Option<Arc<CancelHandle>>,
    ) -> Result<PairedHub, AmanaError> {
        let token = CancelHandle::token(cancel.as_ref());
        call(async { self.amana.pair_hub(&code, token).await.map(PairedHub::from) }).await
    }

    /// The hubs that were paired.
    pub async fn hubs(&self) -> Result<Vec<PairedHub>, AmanaError> {
        call(async {
            let hubs = self.amana.hubs().await?;
            Ok(hubs.into_iter().map(PairedHub::from).collect())
        })
        .await
    }

    /// Takes note of a hub's new address. Its key stays as it was pinned.
    pub async fn move_hub(&self, peer: String, url: String) -> Result<(), AmanaError> {
        call(async {
            let (peer, url) = (PeerId::parse(&peer)?, HubUrl::parse(&url)?);
            self.amana.move_hub(&peer, url).await
        })
        .await
    }

    /// Signs in at a paired hub, through its sealed channel. The password is UTF-8 and is wiped here.
    pub async fn sign_in_at_hub(
        &self,
        peer: String,
        email: String,
        password: Vec<u8>,
        cancel: Option<Arc<CancelHandle>>,
    ) -> Result<Person, AmanaError> {
        let password = Zeroizing::new(password);
        let token = CancelHandle::token(cancel.as_ref());
        call(async {
            let peer = PeerId::parse(&peer)?;
            let credentials = read_credentials(email, &password)?;
            self.amana
                .sign_in_at_hub(&peer, credentials, token)
                .await
                .map(Person::from)
        })
        .await
    }

    /// Pulls, merges and pushes with one peer: `cloud`, or a hub. A second call for the same peer
    /// joins the first, or runs behind it, as with `sync`.
    pub async fn sync_with(
        &self,
        peer: String,
        listener: Option<Arc<dyn SyncListener>>,
        cancel: Option<Arc<CancelHandle>>,
        full_pull: bool,
    ) -> Result<SyncResult, AmanaError> {
        let options = SyncOptions {
            progress: listener.map(|listener| Arc::new(ListenerAdapter(listener)) as _),
            cancel: CancelHandle::token(cancel.as_ref()),
            full_pull,
        };
        call(async {
            let peer = PeerId::parse(&peer)?;
            self.amana
                .sync_with(&peer, options)
                .await
                .map(SyncResult::from)
        })
        .await
    }

    /// Forgets a peer: its cursor, what was pinned, what it has taken. What waits stays, for others.
    /// Running syncs end first; `busy` from a sync's listener.
    pub async fn forget_peer(&self, peer: String) -> Result<(), AmanaError> {
        call(async { self.amana.forget_peer(&PeerId::parse(&peer)?).await }).await
    }

    /// Where every peer stands.
    pub async fn sync_status(&self) -> Result<SyncStatus, AmanaError> {
        call(async {
            let status = self.amana.sync_status().await?;
            let peers = status.peers.into_iter().map(|found| PeerStatus {
                syncing: self.amana.is_syncing(&found.peer),
                peer: name(&found.peer),
                cursor: found.status.cursor,
                skew_ms: found.status.skew_ms,
                last_success_ms: found.status.last_success_ms,
                last_attempt_ms: found.status.last_attempt_ms,
                last_full_ms: found.status.last_full_ms,
                last_error: found.status.last_error,
                failures: found.status.failures,
                next_try_ms: found.status.next_try_ms,
                pending: found
                    .pending
                    .into_iter()
                    .map(|table| TablePending {
                        table: table.table,
                        pending: table.pending,
                        quarantined: table.quarantined,
                    })
                    .collect(),
            });
            Ok(SyncStatus {
                peers: peers.collect(),
                conflicts: status.conflicts,
                absent: status.absent,
                unconfirmed: status.unconfirmed,
                pin_mismatches: status.pin_mismatches,
            })
        })
        .await
    }

    /// How far one record has come: here only, on a hub, in the cloud.
    pub async fn standing(&self, table: String, id: String) -> Result<RecordStanding, AmanaError> {
        call(async {
            let found = self.amana.standing(&table, &id).await?;
            Ok(found.into())
        })
        .await
    }

    /// The records that were put aside; at most 1,000.
    pub async fn quarantined_records(&self) -> Result<Vec<QuarantinedRecord>, AmanaError> {
        call(async {
            let records = self.amana.quarantined_records().await?;
            Ok(records.into_iter().map(QuarantinedRecord::from).collect())
        })
        .await
    }

    /// Takes one record back from quarantine: the next sync tries it again.
    pub async fn release_record(&self, table: String, id: String) -> Result<(), AmanaError> {
        call(self.amana.release_quarantined(&table, &id)).await
    }

    /// Takes everything back from quarantine. Returns how much.
    pub async fn release_all_records(&self) -> Result<u64, AmanaError> {
        call(self.amana.release_all_quarantined()).await
    }

    /// Takes the other value of a ledger entry, as an edit that is pushed like any other. Returns the
    /// id of the record that has it now: one that is gone comes back as a new one. `not_found` where the
    /// entry does not hold all of it.
    pub async fn undo_conflict(&self, entry: i64) -> Result<String, AmanaError> {
        if entry <= 0 {
            return Err(Error::new(
                amana_core::ErrorCode::NotFound,
                "the ledger has no such entry",
            )
            .into());
        }
        call(self.amana.undo_conflict(entry)).await
    }
}
