//! A vault's life as apps see it: made, opened, locked, its root key changed, wiped, put aside.

use std::sync::Arc;

use amana_core::model::ids::PeerKind;
use amana_core::model::peer::SyncProof;
use amana_core::model::pins::{PinMode, SpkiPins};
use amana_core::model::terms::ConflictPolicy;
use amana_core::{
    Amana, Config, IdleRule, LossAcknowledged, NewPolicy, NewVault, PersonId, PinRules, Policy,
    Presence, PresenceAnswer, RecoveryKey, SchemaSource, System, Unlock, panics,
};
use zeroize::Zeroizing;

use crate::conflict_rule::{AppRule, Asked};
use crate::error::AmanaError;
use crate::guard::offload;
use crate::key_store;
use crate::listeners::{Observation, StateAdapter, StateObserver};
use crate::slots::{PresenceOutcome, read_outcome, read_pin, read_slot};
use crate::types::{ConflictRule, SyncRules, TableRule, VaultConfig, VaultState};
use crate::vault::Vault;

/// Who may open a vault. Chosen when it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum VaultPolicy {
    /// Opens without a person, so that work in the background is possible.
    Device,
    /// Opens for persons alone.
    Person,
}

/// Whether there is a vault in a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum VaultPresence {
    /// Nothing.
    Nothing,
    /// A vault.
    Vault,
    /// A vault whose wipe was interrupted: any opening goes on with it.
    HalfWiped,
}

/// What can be told of a vault without a key. Not proven; for the screen before it is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct VaultGlance {
    /// Whether there is one.
    pub presence: VaultPresence,
    /// Who may open it.
    pub policy: Option<VaultPolicy>,
    /// Whether the organisation can help where a key is lost.
    pub has_recovery: bool,
    /// Records that had not been pushed when it was last open: a hint, none if unknown.
    pub unsynced: Option<u64>,
}

impl From<amana_core::Glance> for VaultGlance {
    fn from(glance: amana_core::Glance) -> Self {
        Self {
            presence: match glance.presence {
                Presence::Nothing => VaultPresence::Nothing,
                Presence::Vault => VaultPresence::Vault,
                Presence::HalfWiped => VaultPresence::HalfWiped,
            },
            policy: glance.policy.map(|policy| match policy {
                Policy::Device => VaultPolicy::Device,
                Policy::Person => VaultPolicy::Person,
            }),
            has_recovery: glance.has_recovery,
            unsynced: glance.unsynced,
        }
    }
}

/// A vault that was put aside.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct QuarantinedVault {
    /// Where it is now.
    pub directory: String,
    /// Records in it that had not been pushed: a hint, none if unknown.
    pub unsynced: Option<u64>,
}

impl From<amana_core::Quarantined> for QuarantinedVault {
    fn from(aside: amana_core::Quarantined) -> Self {
        Self {
            directory: aside.path.to_string_lossy().into_owned(),
            unsynced: aside.unsynced,
        }
    }
}

/// Opens a vault of policy `device`, and makes it on the first run. A second open of the same
/// directory returns the same vault. For a vault of persons, and for what a refusal says beyond its
/// code: `attachVault`.
#[uniffi::export]
pub async fn open_vault(config: VaultConfig) -> Result<Arc<Vault>, AmanaError> {
    offload(move || {
        panics::install_hook();
        let key_store = key_store::open(&config.key_store)?;
        let amana = Amana::open(read_config(config)?, key_store, System::real())?;
        Ok(Arc::new(amana.into()))
    })
    .await
}

/// A handle to a vault, locked unless it is open already. Asks no key store, and needs no vault to
/// be there.
#[uniffi::export]
pub async fn attach_vault(config: VaultConfig) -> Result<Arc<Vault>, AmanaError> {
    offload(move || {
        panics::install_hook();
        let key_store = key_store::open(&config.key_store)?;
        let amana = Amana::attach(read_config(config)?, key_store, System::real())?;
        Ok(Arc::new(amana.into()))
    })
    .await
}

fn read_config(config: VaultConfig) -> amana_core::Result<Config> {
    let mut read = match config.name {
        Some(name) => Config::named(config.directory, &name)?,
        None => Config::new(config.directory),
    };
    if let Some(json) = config.schema_json {
        read.schema = SchemaSource::Json(json);
    }
    read.idle_lock = (config.idle_lock_ms > 0).then(|| IdleRule {
        after_ms: config.idle_lock_ms,
        ..IdleRule::default()
    });
    read.pin_rules = PinRules {
        drop_after: config.drop_pin_after,
    };
    if let Some(rules) = config.sync {
        read_rules(rules, &mut read)?;
    }
    Ok(read)
}

fn read_rules(rules: SyncRules, config: &mut Config) -> amana_core::Result<()> {
    if rules.cloud_token {
        config.cloud_proof = SyncProof::Token;
    }
    if let Some(limits) = rules.time_limits {
        config.time_limits = limits.into();
    }
    let sync = &mut config.sync;
    if rules.hub_has_last_word {
        sync.last_word = PeerKind::Hub;
    }
    sync.cloud_full_pull_days = rules.cloud_full_pull_days;
    sync.hub_full_pull_days = rules.hub_full_pull_days;
    if let Some(rule) = rules.usual_conflict {
        sync.conflicts = policy(rule);
    }
    for TableRule {
        table,
        rule,
        app_rule,
    } in rules.conflicts
    {
        let policy = match app_rule {
            Some(name) => ConflictPolicy::Ask {
                resolver: find_rule(&rules.app_rules, &name, &table)?,
                otherwise: policy(rule).usual(),
            },
            None => policy(rule),
        };
        sync.tables.insert(table, policy);
    }
    if let Some(pins) = rules.cloud_pins {
        let mode = match pins.report_only {
            true => PinMode::ReportOnly,
            false => PinMode::Enforce,
        };
        let texts: Vec<&str> = pins.pins.iter().map(String::as_str).collect();
        config.cloud_pins = Some(SpkiPins::new(&texts, pins.expires_ms, mode)?);
    }
    Ok(())
}

fn find_rule(rules: &[AppRule], name: &str, table: &str) -> amana_core::Result<Arc<Asked>> {
    let found = rules.iter().find(|rule| rule.name == name);
    let unknown =
        amana_core::Error::invalid("a table's rule has a name that no rule of the app has");
    found
        .map(|rule| Arc::new(Asked(Arc::clone(&rule.resolver))))
        .ok_or_else(|| unknown.at(table))
}

const fn policy(rule: ConflictRule) -> ConflictPolicy {
    match rule {
        ConflictRule::Local => ConflictPolicy::Local,
        ConflictRule::Remote => ConflictPolicy::Remote,
        ConflictRule::Latest => ConflictPolicy::Latest,
    }
}

#[uniffi::export]
impl Vault {
    /// Whether the vault can be used.
    pub fn state(&self) -> VaultState {
        self.amana.state().into()
    }

    /// Hears whenever the vault is locked, unlocked or closed, until it is stopped.
    pub fn observe_state(&self, observer: Arc<dyn StateObserver>) -> Arc<Observation> {
        let subscription = self.amana.subscribe_state(Arc::new(StateAdapter(observer)));
        Arc::new(Observation::new(subscription))
    }

    /// What can be told of the vault without a key.
    pub async fn glance(&self) -> Result<VaultGlance, AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.glance().map(VaultGlance::from)).await
    }

    /// Makes a vault of policy `device` where there is none. `recovery_key`: the organisation's
    /// public key, 32 bytes, pinned for good.
    pub async fn create_for_device(&self, recovery_key: Option<Vec<u8>>) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            amana.create(&NewVault {
                policy: NewPolicy::Device,
                recovery: read_recovery_key(recovery_key)?,
            })
        })
        .await
    }

    /// Makes a vault of policy `person` where there is none, with the first person's PIN.
    pub async fn create_for_person(
        &self,
        person: String,
        pin: Vec<u8>,
        recovery_key: Option<Vec<u8>>,
    ) -> Result<(), AmanaError> {
        let (amana, pin) = (self.amana.clone(), Zeroizing::new(pin));
        offload(move || {
            let (person, pin) = (PersonId::new(&person)?, read_pin(pin)?);
            let (person, pin) = (&person, &pin);
            amana.create(&NewVault {
                policy: NewPolicy::Person { person, pin },
                recovery: read_recovery_key(recovery_key)?,
            })
        })
        .await
    }

    /// Ends a running sync, closes the database, drops the keys.
    pub async fn lock(&self) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.lock()).await
    }

    /// Opens a vault of policy `device`.
    pub async fn unlock(&self) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.unlock()).await
    }

    /// Opens a vault with a person's PIN.
    pub async fn unlock_with_pin(&self, person: String, pin: Vec<u8>) -> Result<(), AmanaError> {
        let (amana, pin) = (self.amana.clone(), Zeroizing::new(pin));
        offload(move || {
            let (person, pin) = (PersonId::new(&person)?, read_pin(pin)?);
            let (person, pin) = (&person, &pin);
            amana.unlock_with(&Unlock::Pin { person, pin })
        })
        .await
    }

    /// Opens a vault with the platform's answer to a request of `beginPresence`.
    pub async fn unlock_with_presence(
        &self,
        slot: String,
        outcome: PresenceOutcome,
    ) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            let outcome = read_outcome(outcome)?;
            let slot = read_slot(&slot)?;
            amana.unlock_with(&Unlock::Presence(&PresenceAnswer { slot, outcome }))
        })
        .await
    }

    /// Opens a vault with the organisation's answer to the last request of `makeRecoveryRequest`.
    pub async fn unlock_with_recovery(&self, answer: Vec<u8>) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.unlock_with(&Unlock::Recovery(&answer))).await
    }

    /// Locks for good and lets go of the directory. (`shutdown`, since Kotlin has its own `close`.)
    pub async fn shutdown(&self) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.close()).await
    }

    /// Takes this handle back: the last of a directory's handles in this process to be detached closes the
    /// vault, as `shutdown` does at once. Who opens it meanwhile waits, and gets a fresh one.
    pub async fn detach(&self) -> Result<(), AmanaError> {
        if !self.detach_once() {
            return Ok(());
        }
        let amana = self.amana.clone();
        let detached = offload(move || amana.detach()).await;
        if detached.is_err() {
            self.attach_again();
        }
        detached
    }

    /// Changes the root key at once. After a slot was removed, the next opening does it by itself.
    pub async fn rotate(&self) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.rotate()).await
    }

    /// Destroys the vault, locked or not, for good.
    pub async fn wipe(&self) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.wipe()).await
    }

    /// Puts a vault that does not open aside, so that a fresh one can be made in its place.
    /// `acknowledged_unsynced`: the number of unsynced records that the person was shown, and
    /// agreed to lose.
    pub async fn quarantine(
        &self,
        acknowledged_unsynced: Option<u64>,
    ) -> Result<QuarantinedVault, AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            let unsynced = acknowledged_unsynced;
            let aside = amana.quarantine(LossAcknowledged { unsynced })?;
            Ok(aside.into())
        })
        .await
    }

    /// The vaults that were put aside from this place, the oldest first.
    pub async fn quarantined(&self) -> Result<Vec<QuarantinedVault>, AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            let aside = amana.quarantined();
            Ok(aside.into_iter().map(QuarantinedVault::from).collect())
        })
        .await
    }
}

fn read_recovery_key(bytes: Option<Vec<u8>>) -> amana_core::Result<Option<RecoveryKey>> {
    let read = |bytes: Vec<u8>| {
        let bytes: [u8; 32] = bytes
            .try_into()
            .map_err(|_| amana_core::Error::invalid("a recovery key has 32 bytes"))?;
        Ok(RecoveryKey::from_bytes(bytes))
    };
    bytes.map(read).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key_store::{KeyStoreKind, KeyStoreOptions};
    use crate::open_request::read_open_request;
    use crate::time_limits::TimeLimits;

    #[test]
    fn the_time_limits_of_a_request_are_those_of_the_vault() {
        let limits_of = |json: &str| {
            let request = read_open_request(json.to_owned()).unwrap();
            let options = KeyStoreOptions::default();
            let config = VaultConfig {
                directory: "vaults".to_owned(),
                name: Some(request.name),
                schema_json: request.schema_json,
                key_store: KeyStoreKind::Platform { options },
                idle_lock_ms: request.idle_lock_ms,
                drop_pin_after: request.drop_pin_after,
                sync: Some(request.sync),
            };
            read_config(config).unwrap().time_limits
        };
        let usual = TimeLimits::default();
        assert_eq!(limits_of(r#"{"name":"a"}"#), usual.into());
        let mine = TimeLimits {
            first_byte_ms: 5_000,
            ..usual
        };
        let json = r#"{"name":"a","sync":{"timeLimits":{"firstByteMs":5000}}}"#;
        assert_eq!(limits_of(json), mine.into());
    }
}
