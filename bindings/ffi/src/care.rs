//! What helps where something is wrong: diagnosis, the news that damage was found, salvage.

use std::sync::Arc;

use amana_core::model::salvage::{self, Lost};
use amana_core::ports::DamageListener;
use amana_core::{PersonId, SystemDisk, Unlock, panics};
use zeroize::Zeroizing;

use crate::error::AmanaError;
use crate::guard::{call, offload};
use crate::listeners::Observation;
use crate::slots::read_pin;
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

/// Hears that damage was found. Called on a thread of the vault's own.
#[uniffi::export(with_foreign)]
pub trait DamageObserver: Send + Sync {
    /// Once for each table or index in which a page cannot be read.
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
    /// Rows saved.
    pub saved: u64,
    /// Rows lost: no more than so many; none if unknown.
    pub lost_at_most: Option<u64>,
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
            full_pull_due: report.full_pull_due,
            unsynced_lost_at_most: at_most(report.unsynced_lost()),
            tables: report
                .tables
                .into_iter()
                .map(|table| TableSalvage {
                    table: table.table,
                    saved: table.saved,
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
}
