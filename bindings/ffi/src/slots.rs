//! Who can open a vault: its slots, as apps see them. A PIN crosses as bytes and is wiped here; the
//! caller wipes its own copy, where its language can.

use amana_core::{KeyLostReason as CoreReason, PersonId, Pin, Remedy as CoreRemedy};
use amana_keystore::{Derived, KeyStoreError, SecurityLevel};
use zeroize::Zeroizing;

use crate::error::{AmanaError, ErrorCode};
use crate::guard::{at_once, offload};
use crate::key_store::KeyStoreLevel;
use crate::vault::Vault;

/// What a slot asks for.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum SlotKind {
    /// The device alone.
    Device,
    /// A person's PIN.
    Pin {
        /// Whose.
        person: String,
    },
    /// A person's presence.
    Presence,
    /// The organisation.
    Recovery,
}

/// One way to open a vault.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct Slot {
    /// 32 hexadecimal digits.
    pub id: String,
    /// What it asks for.
    pub kind: SlotKind,
    /// How well its device secret is protected; none for the organisation's.
    pub level: Option<KeyStoreLevel>,
}

/// The slots of a vault.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct SlotList {
    /// The slots.
    pub slots: Vec<Slot>,
    /// Whether the list is authenticated; that of a locked vault is not.
    pub proven: bool,
    /// Whether a slot was removed since the root key was made: it is changed at the next opening.
    pub rotation_due: bool,
}

impl From<amana_core::SlotList> for SlotList {
    fn from(list: amana_core::SlotList) -> Self {
        Self {
            slots: list.slots.into_iter().map(Slot::from).collect(),
            proven: list.proven,
            rotation_due: list.rotation_due,
        }
    }
}

impl From<amana_core::SlotInfo> for Slot {
    fn from(slot: amana_core::SlotInfo) -> Self {
        Self {
            id: to_hex(&slot.id),
            kind: match slot.kind {
                amana_core::SlotInfoKind::Device => SlotKind::Device,
                amana_core::SlotInfoKind::Pin(person) => SlotKind::Pin {
                    person: person.as_str().to_owned(),
                },
                amana_core::SlotInfoKind::Biometric => SlotKind::Presence,
                amana_core::SlotInfoKind::Recovery => SlotKind::Recovery,
            },
            level: slot.level.map(KeyStoreLevel::from),
        }
    }
}

/// What is held against a person's next PIN.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Record)]
pub struct PinStanding {
    /// Wrong PINs since the last right one.
    pub failures: u32,
    /// Milliseconds until the next may be tried.
    pub delay_ms: u64,
    /// Whether the slot is gone.
    pub dropped: bool,
}

/// What the platform is asked when a person's presence opens a slot: to prompt, and to derive.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct PresenceRequest {
    /// The slot; goes into the answer.
    pub slot: String,
    /// The device secret's name in the platform's key store.
    pub alias: String,
    /// The 32 bytes that are derived from.
    pub input: Vec<u8>,
}

impl From<amana_core::PresenceRequest> for PresenceRequest {
    fn from(request: amana_core::PresenceRequest) -> Self {
        Self {
            slot: to_hex(&request.slot),
            alias: request.alias.as_str().to_owned(),
            input: request.input.to_vec(),
        }
    }
}

/// What the platform answered.
#[derive(Clone, uniffi::Enum)]
pub enum PresenceOutcome {
    /// It derived.
    Derived {
        /// The 32 bytes.
        bytes: Vec<u8>,
    },
    /// The person cancelled, or was not recognised.
    Denied,
    /// The platform cannot answer now.
    Unavailable,
    /// The system has invalidated the secret: a new finger.
    Invalidated,
    /// There is no such secret.
    Absent,
}

/// The request to the organisation.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct RecoveryRequest {
    /// What the organisation is sent.
    pub bytes: Vec<u8>,
    /// 16 digits that both sides read to each other before the request is answered.
    pub fingerprint: String,
}

/// Why a key is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum KeyLostReason {
    /// The key store has no such secret.
    Absent,
    /// The system has invalidated it for good.
    Invalidated,
}

/// What can be done about a vault that does not open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum Remedy {
    /// A later opening may succeed.
    TryLater,
    /// The organisation holds a key for this vault.
    Recovery,
    /// Copy the damaged database aside, and save what can be read of it.
    Salvage,
    /// Put the vault aside, keep it, and start afresh.
    Quarantine,
}

/// What a refused opening, or a refused PIN, says beyond its code.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct RefusalReport {
    /// The code.
    pub code: ErrorCode,
    /// Fixed text for people who read logs.
    pub detail: String,
    /// With `key_lost`.
    pub key_lost: Option<KeyLostReason>,
    /// Records that had not been pushed when the vault was last open, where it may be lost: a hint,
    /// none if unknown.
    pub unsynced: Option<u64>,
    /// What can be done, the mildest first.
    pub remedies: Vec<Remedy>,
    /// With `wrong_pin`: wrong PINs since the last right one.
    pub failures: Option<u32>,
    /// With `wrong_pin` and `pin_delayed`: milliseconds until the next PIN may be tried.
    pub delay_ms: Option<u64>,
    /// With `wrong_pin`: whether this was one too many, and the slot is gone.
    pub slot_dropped: bool,
    /// With `not_found`: an interrupted wipe was finished.
    pub wipe_finished: bool,
}

impl From<amana_core::Refusal> for RefusalReport {
    fn from(refusal: amana_core::Refusal) -> Self {
        use amana_core::RefusalReport as Core;
        let mut report = Self {
            code: refusal.error.code().into(),
            detail: refusal.error.detail().to_owned(),
            key_lost: None,
            unsynced: None,
            remedies: Vec::new(),
            failures: None,
            delay_ms: None,
            slot_dropped: false,
            wipe_finished: false,
        };
        let remedies = |list: Vec<CoreRemedy>| list.into_iter().map(Remedy::from).collect();
        match refusal.report {
            Some(Core::KeyLost(lost)) => {
                report.key_lost = Some(match lost.reason {
                    CoreReason::Absent => KeyLostReason::Absent,
                    CoreReason::Invalidated => KeyLostReason::Invalidated,
                });
                report.unsynced = lost.unsynced;
                report.remedies = remedies(lost.remedies);
            }
            Some(Core::Damage(damage)) => {
                report.unsynced = damage.unsynced;
                report.remedies = remedies(damage.remedies);
            }
            Some(Core::PinDelayed { left_ms }) => report.delay_ms = Some(left_ms),
            Some(Core::WrongPin(wrong)) => {
                report.failures = Some(wrong.failures);
                report.delay_ms = Some(wrong.delay_ms);
                report.slot_dropped = wrong.dropped;
            }
            Some(Core::WipeFinished) => report.wipe_finished = true,
            _ => {}
        }
        report
    }
}

impl From<CoreRemedy> for Remedy {
    fn from(remedy: CoreRemedy) -> Self {
        match remedy {
            CoreRemedy::TryLater => Self::TryLater,
            CoreRemedy::Recovery => Self::Recovery,
            CoreRemedy::Salvage => Self::Salvage,
            CoreRemedy::Quarantine => Self::Quarantine,
        }
    }
}

#[uniffi::export]
impl Vault {
    /// The slots: of an unlocked vault proven, of a locked one as the file has them.
    pub async fn slots(&self) -> Result<SlotList, AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.slots().map(SlotList::from)).await
    }

    /// What is held against a person's next PIN. Tries nothing.
    pub async fn pin_standing(&self, person: String) -> Result<PinStanding, AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            let standing = amana.pin_standing(&PersonId::new(&person)?)?;
            Ok(PinStanding {
                failures: standing.failures,
                delay_ms: standing.delay_ms,
                dropped: standing.dropped,
            })
        })
        .await
    }

    /// What the last refused opening, or PIN, says beyond its code; none since one was not refused.
    pub fn last_refusal(&self) -> Result<Option<RefusalReport>, AmanaError> {
        at_once(|| Ok(self.amana.last_refusal().map(RefusalReport::from)))
    }

    /// Gives a staff member a PIN of their own: 4 to 128 bytes, for a person of 1 to 64 bytes.
    pub async fn add_pin(&self, person: String, pin: Vec<u8>) -> Result<(), AmanaError> {
        let (amana, pin) = (self.amana.clone(), Zeroizing::new(pin));
        offload(move || amana.add_pin(&PersonId::new(&person)?, &read_pin(pin)?)).await
    }

    /// Replaces a person's PIN; only who knows the old one can. A wrong one counts.
    pub async fn change_pin(
        &self,
        person: String,
        old_pin: Vec<u8>,
        new_pin: Vec<u8>,
    ) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        let (old, new) = (Zeroizing::new(old_pin), Zeroizing::new(new_pin));
        offload(move || {
            let (old, new) = (read_pin(old)?, read_pin(new)?);
            amana.change_pin(&PersonId::new(&person)?, &old, &new)
        })
        .await
    }

    /// Gives a person a new PIN without their old one: after a recovery, or where they forgot it.
    pub async fn reset_pin(&self, person: String, pin: Vec<u8>) -> Result<(), AmanaError> {
        let (amana, pin) = (self.amana.clone(), Zeroizing::new(pin));
        offload(move || amana.reset_pin(&PersonId::new(&person)?, &read_pin(pin)?)).await
    }

    /// Takes a staff member's PIN away, for good. The last slot of a device stays.
    pub async fn remove_pin(&self, person: String) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.remove_pin(&PersonId::new(&person)?)).await
    }

    /// Takes the slot of this id away, as `removePin` does: for slots of presence.
    pub async fn remove_slot(&self, slot: String) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.remove_slot(read_slot(&slot)?)).await
    }

    /// First half of adding a slot that a person's presence opens. The platform makes a secret that
    /// needs presence under the alias, prompts, and derives from the input.
    pub async fn begin_add_presence(&self) -> Result<PresenceRequest, AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.begin_add_presence().map(PresenceRequest::from)).await
    }

    /// Second half: takes the 32 bytes that were derived, and how well the secret is kept.
    pub async fn finish_add_presence(
        &self,
        slot: String,
        derived: Vec<u8>,
        level: KeyStoreLevel,
    ) -> Result<(), AmanaError> {
        let (amana, derived) = (self.amana.clone(), Zeroizing::new(derived));
        offload(move || {
            let derived = read_derived(&derived)?;
            let level = match level {
                KeyStoreLevel::SecureElement => SecurityLevel::SecureElement,
                KeyStoreLevel::TrustedEnvironment => SecurityLevel::TrustedEnvironment,
                KeyStoreLevel::Software => SecurityLevel::Software,
                KeyStoreLevel::Unprotected => SecurityLevel::Unprotected,
            };
            amana.finish_add_presence(read_slot(&slot)?, &derived, level)
        })
        .await
    }

    /// What the platform is to be asked, for each slot of presence of a locked vault.
    pub async fn begin_presence(&self) -> Result<Vec<PresenceRequest>, AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            let requests = amana.begin_presence()?;
            Ok(requests.into_iter().map(PresenceRequest::from).collect())
        })
        .await
    }

    /// Makes a request to the organisation. The key for its answer is in this object's memory alone.
    pub async fn make_recovery_request(&self) -> Result<RecoveryRequest, AmanaError> {
        let amana = self.amana.clone();
        offload(move || {
            let request = amana.make_recovery_request()?;
            Ok(RecoveryRequest {
                bytes: request.bytes,
                fingerprint: request.fingerprint,
            })
        })
        .await
    }

    /// Makes a new device secret after a recovery, where the opening could not.
    pub async fn replace_device_slot(&self) -> Result<(), AmanaError> {
        let amana = self.amana.clone();
        offload(move || amana.replace_device_slot()).await
    }
}

pub(crate) fn read_pin(mut bytes: Zeroizing<Vec<u8>>) -> amana_core::Result<Pin> {
    Pin::new(std::mem::take(&mut *bytes))
}

pub(crate) fn read_slot(text: &str) -> amana_core::Result<[u8; 16]> {
    let wrong = || amana_core::Error::invalid("a slot's id has 32 hexadecimal digits");
    let mut id = [0; 16];
    if text.len() != 2 * id.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    for (byte, at) in id.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
    }
    Ok(id)
}

fn read_derived(bytes: &[u8]) -> amana_core::Result<Derived> {
    let mut derived = Zeroizing::new([0; 32]);
    if bytes.len() != derived.len() {
        return Err(amana_core::Error::invalid("32 bytes are derived"));
    }
    derived.copy_from_slice(bytes);
    Ok(Derived::new(derived))
}

pub(crate) fn read_outcome(
    outcome: PresenceOutcome,
) -> amana_core::Result<Result<Derived, KeyStoreError>> {
    Ok(match outcome {
        PresenceOutcome::Derived { bytes } => Ok(read_derived(&Zeroizing::new(bytes))?),
        PresenceOutcome::Denied => Err(KeyStoreError::Denied),
        PresenceOutcome::Unavailable => Err(KeyStoreError::Transient),
        PresenceOutcome::Invalidated => Err(KeyStoreError::Invalidated),
        PresenceOutcome::Absent => Err(KeyStoreError::Absent),
    })
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
