//! What helps where something is wrong: diagnosis, the look at every page, the news that damage was found, salvage.

use std::sync::Arc;

use amana_core::model::diagnosis::Integrity;
use amana_core::model::salvage::{self, Lost};
use amana_core::ports::DamageListener;
use amana_core::{PersonId, PresenceAnswer, SystemDisk, Unlock, panics};
use zeroize::Zeroizing;

use crate::error::AmanaError;
use crate::guard::{call, offload};
use crate::listeners::Observation;
use crate::slots::{PresenceOutcome, read_outcome, read_pin, read_slot};
use crate::vault::Vault;

/// Looks at a vault's directory without a key, and tells as JSON what a support call needs: states of
/// the keyring, slots without names, how the database file begins, sizes, free disk, unsynced records.
/// Holds no secret, no name and no record. The vault may be open, or not open at all.
#[uniffi::export]
pub async fn diagnose_directory(directory: String) -> Result<String, AmanaError> {
    offload(move || {
        panics::install_hook();
        Ok(amana_core::diagnose(directory.as_ref(), &SystemDisk).to_json())
    })
    .await
}

/// Hears that damage was found. Called as a `ChangeObserver` is.
#[uniffi::export(with_foreign)]
pub trait DamageObserver: Send + Sync {
    /// Once for each table or index in which a page cannot be read, or once for several that were drawn
    /// together.
    fn damage_found(&self);
}

struct DamageAdapter(Arc<dyn DamageObserver>);

impl DamageListener for DamageAdapter {
    fn found(&self) {
        self.0.damage_found();
    }
}

/// What a salvage saved and lost.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct SalvageReport {
    /// Where the damaged files lie, as they were.
    pub copy_directory: String,
    /// Whether no row was lost.
    pub complete: bool,
    /// Whether the database's own description could be read. Where it could not, no table could.
    pub description_readable: bool,
    /// Local writes that were readable, but whose record was not: there is nothing to push.
    pub outbox_without_record: u64,
    /// Whether the next sync pulls everything again.
    pub full_pull_due: bool,
    /// Local writes that may never reach a peer: no more than so many; none if unknown.
    pub unsynced_lost_at_most: Option<u64>,
    /// Each table.
    pub tables: Vec<TableSalvage>,
}

/// What became of one table.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct TableSalvage {
    /// Its name.
    pub table: String,
    /// What it is for.
    pub kind: TableKind,
    /// Rows saved.
    pub saved: u64,
    /// Rows lost: no more than so many; none if unknown.
    pub lost_at_most: Option<u64>,
    /// Whether it is just so many.
    pub lost_exactly: bool,
}

/// What a table is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum TableKind {
    /// Records of the schema.
    Records,
    /// Local writes that no peer has taken.
    Outbox,
    /// The key–value store.
    KeyValues,
    /// The store's own books.
    Books,
}

impl From<salvage::TableKind> for TableKind {
    fn from(kind: salvage::TableKind) -> Self {
        match kind {
            salvage::TableKind::Records => Self::Records,
            salvage::TableKind::Outbox => Self::Outbox,
            salvage::TableKind::KeyValues => Self::KeyValues,
            salvage::TableKind::Books => Self::Books,
        }
    }
}

/// How the look at every page of the database stands. It is made in idle time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct IntegrityStatus {
    /// Tables and indexes looked at since the present look began; none while it rests.
    pub done: Option<u32>,
    /// How many there are in all; none while it rests.
    pub total: Option<u32>,
    /// Tables and indexes in which damage was found; 0 where all is well.
    pub damaged_trees: u32,
    /// Whether a whole look has ended since the vault was opened.
    pub checked: bool,
}

impl From<Integrity> for IntegrityStatus {
    fn from(found: Integrity) -> Self {
        Self {
            done: found.progress.map(|(done, _)| done),
            total: found.progress.map(|(_, total)| total),
            damaged_trees: found.damaged_trees,
            checked: found.checked_at_ms.is_some(),
        }
    }
}

const fn at_most(lost: Lost) -> Option<u64> {
    match lost {
        Lost::Exactly(rows) | Lost::AtMost(rows) => Some(rows),
        Lost::Unknown => None,
    }
}

impl From<salvage::SalvageReport> for SalvageReport {
    fn from(report: salvage::SalvageReport) -> Self {
        Self {
            copy_directory: report.copy.to_string_lossy().into_owned(),
            complete: report.is_complete(),
            description_readable: report.description_readable,
            outbox_without_record: report.outbox_without_record,
            full_pull_due: report.full_pull_due,
            unsynced_lost_at_most: at_most(report.unsynced_lost()),
            tables: report
                .tables
                .into_iter()
                .map(|table| TableSalvage {
                    table: table.table,
                    kind: table.kind.into(),
                    saved: table.saved,
                    lost_exactly: matches!(table.lost, Lost::Exactly(_)),
                    lost_at_most: at_most(table.lost),
                })
                .collect(),
        }
    }
}

#[uniffi::export]
impl Vault {
    /// The diagnosis of `diagnoseDirectory`, and of an unlocked vault also versions, settings, counts
    /// and what the last look at every page found. Is no use of the vault: the idle lock goes on.
    pub async fn diagnose(&self) -> Result<String, AmanaError> {
        let amana = self.amana.clone();
        let looked = offload(move || Ok(amana.diagnose_files())).await?;
        call(async { Ok(self.amana.diagnose_on(looked).await?.to_json()) }).await
    }

    /// How the look at every page stands; none while the vault is locked. Answers at once, and is no
    /// use of the vault.
    pub fn integrity(&self) -> Option<IntegrityStatus> {
        self.amana.integrity().map(IntegrityStatus::from)
    }

    /// Hears that damage was found, until it is stopped.
    pub fn observe_damage(&self, observer: Arc<dyn DamageObserver>) -> Arc<Observation> {
        let listener = Arc::new(DamageAdapter(observer));
        Arc::new(Observation::new(self.amana.subscribe_damage(listener)))
    }

    /// Copies the damaged database of a locked vault of policy `device` aside, and puts what can be
    /// read of it in its place. The vault stays locked.
    pub async fn salvage(&self) -> Result<SalvageReport, AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.salvage(&Unlock::Device).map(SalvageReport::from)).await
    }

    /// The same for a vault of policy `person`, with a person's PIN.
    pub async fn salvage_with_pin(
        &self,
        person: String,
        pin: Vec<u8>,
    ) -> Result<SalvageReport, AmanaError> {
        let (amana, pin) = (self.amana.clone(), Zeroizing::new(pin));
        offload(move || {
            let (person, pin) = (PersonId::new(&person)?, read_pin(pin)?);
            let (person, pin) = (&person, &pin);
            amana
                .salvage(&Unlock::Pin { person, pin })
                .map(SalvageReport::from)
        })
        .await
    }

    /// The same with the platform's answer to a request of `beginPresence`.
    pub async fn salvage_with_presence(
        &self,
        slot: String,
        outcome: PresenceOutcome,
    ) -> Result<SalvageReport, AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            let outcome = read_outcome(outcome)?;
            let slot = read_slot(&slot)?;
            amana
                .salvage(&Unlock::Presence(&PresenceAnswer { slot, outcome }))
                .map(SalvageReport::from)
        })
        .await
    }

    /// The same with the organisation's answer to the last request of `makeRecoveryRequest`. The answer
    /// unlocks the vault afterwards, too.
    pub async fn salvage_with_recovery(
        &self,
        answer: Vec<u8>,
    ) -> Result<SalvageReport, AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            amana
                .salvage(&Unlock::Recovery(&answer))
                .map(SalvageReport::from)
        })
        .await
    }
}
