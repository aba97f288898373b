//! Syncing with a named peer, and what the app can ask and decide about it: where records stand,
//! what was put aside, what both sides changed.

use super::cloud::spawn;
use super::state::State;
use super::{Amana, SyncOptions, refuse_listener};
use crate::error::Result;
use crate::model::ids::{PeerId, RecordId};
use crate::model::pins::SpkiPins;
use crate::model::report::SyncReport;
use crate::model::standing::{QuarantinedRecord, RecordStanding, SyncStatus};

/// The most records that the list of what was put aside names.
const MAX_QUARANTINED: u32 = 1_000;

impl Amana {
    /// Pulls, merges and pushes with one peer: the cloud, or a hub that was paired. One sync runs
    /// at a time with each peer: a second call joins the first, or runs behind it, as with
    /// [`Amana::sync`].
    ///
    /// # Errors
    /// As [`Amana::sync`]; `not_found` for a hub that is not paired.
    pub async fn sync_with(&self, peer: &PeerId, options: SyncOptions) -> Result<SyncReport> {
        let open = self.opened()?;
        let cancel = options.cancel.clone();
        let (pending, ours) = self.start_sync(&open, peer, options)?;
        if ours {
            // It hears what the sync itself made of its token.
            return pending.await;
        }
        cancel.unless_cancelled(pending).await
    }

    /// Whether a sync with this peer is running. Never waits; is no use of the vault.
    pub fn is_syncing(&self, peer: &PeerId) -> bool {
        match self.inner.life.now().as_deref() {
            Ok(State::Unlocked(open)) => open.sync.is_running_with(peer),
            _ => false,
        }
    }

    /// Where every peer stands: last success, what waits by table, the clock's skew, when to try
    /// again and why; and how often the cloud showed a key that is not pinned.
    pub async fn sync_status(&self) -> Result<SyncStatus> {
        let config = &self.inner.config;
        let stored = self.opened()?.database.sync_status(config.sync.clone());
        let mut status = stored.await?;
        status.pin_mismatches = config.cloud_pins.as_ref().map_or(0, SpkiPins::mismatches);
        Ok(status)
    }

    /// How far one record has come: here only, on a hub, in the cloud.
    ///
    /// # Errors
    /// `not_found` where the record is neither stored nor a deletion that waits.
    pub async fn standing(&self, table: &str, id: &str) -> Result<RecordStanding> {
        let open = self.opened()?;
        let (index, table) = self.inner.schema.require(table)?;
        let id = RecordId::from_peer(id).ok_or_else(|| no_such_record(&table.name))?;
        let policy = self.inner.config.sync.clone();
        open.database.standing(policy, index, id).await
    }

    /// The records that were put aside because a peer refuses them, or would; at most 1,000.
    pub async fn quarantined_records(&self) -> Result<Vec<QuarantinedRecord>> {
        self.opened()?.database.quarantined(MAX_QUARANTINED).await
    }

    /// Takes one record back from quarantine, for all peers, with what was refused because of it.
    /// An edit of the record does the same.
    ///
    /// # Errors
    /// `not_found` where it was not put aside.
    pub async fn release_quarantined(&self, table: &str, id: &str) -> Result<()> {
        let open = self.opened()?;
        let (index, table) = self.inner.schema.require(table)?;
        let id = RecordId::from_peer(id).ok_or_else(|| no_such_record(&table.name))?;
        open.database.release_record(index, id).await
    }

    /// Takes everything back from quarantine: the next sync tries it again. Returns how much.
    pub async fn release_all_quarantined(&self) -> Result<u64> {
        self.opened()?.database.release_quarantined(None).await
    }

    /// Takes the other value of a ledger entry, as an edit that is pushed like any other. Returns
    /// the id of the record that has it now: a record that is gone comes back as a new one, where the
    /// entry holds all of it.
    ///
    /// # Errors
    /// `not_found` where there is no such entry, or it holds single columns of a record that is gone;
    /// `invalid_input` where it was undone already.
    pub async fn undo_conflict(&self, entry: i64) -> Result<String> {
        let id = self.opened()?.database.undo_conflict(entry).await?;
        Ok(id.into_string())
    }

    /// Forgets a peer: its cursor, what was pinned, what it has taken. What waits in the outbox
    /// stays, for others. Running syncs end first: nothing of the peer is written after it.
    ///
    /// # Errors
    /// `busy` from a sync's listener.
    pub async fn forget_peer(&self, peer: &PeerId) -> Result<()> {
        refuse_listener()?;
        let open = self.opened()?;
        let peer = peer.clone();
        spawn("amana-forget", move || {
            let _pause = open.sync.pause();
            open.database.forget_peer(peer.clone()).wait()?;
            open.sync.hubs.forget(&peer);
            Ok(())
        })?
        .await
    }
}

fn no_such_record(table: &str) -> crate::error::Error {
    crate::error::Error::new(crate::error::ErrorCode::NotFound, "there is no such record").at(table)
}
