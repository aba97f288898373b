//! What can be told of a vault without a key: for the screen before it is open. Writes nothing and asks
//! no key store; what it tells is not proven, and decides nothing.

use super::attempts::Turn;
use super::decide::{KeyState, Plan, decide};
use super::io::{VaultIo, not_planned};
use super::keyring::{Policy, SlotLock};
use super::look::look;
use super::pin::PersonId;
use super::status::Status;
use crate::error::{Error, ErrorCode, Result};

/// What can be told of a vault without a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Glance {
    /// Whether there is a vault.
    pub presence: Presence,
    /// Who may open it; `None` where there is none.
    pub policy: Option<Policy>,
    /// Whether the organisation can help where a key is lost.
    pub has_recovery: bool,
    /// Records that had not been pushed when it was last open: a hint, `None` if unknown.
    pub unsynced: Option<u64>,
}

/// Whether there is a vault in a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// Nothing, or a first run that was interrupted before there was anything to lose.
    Nothing,
    /// A vault.
    Vault,
    /// A vault whose wipe was interrupted: any opening goes on with it.
    HalfWiped,
}

/// What is held against a person's next PIN.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PinStanding {
    /// Wrong PINs since the last right one.
    pub failures: u32,
    /// Milliseconds until the next PIN may be tried.
    pub delay_ms: u64,
    /// Whether the slot is gone, because there were too many or the system took its secret away.
    pub dropped: bool,
}

/// Looks at the vault in a directory.
///
/// # Errors
/// As an opening would refuse before it asks for a key: `key_temporarily_unavailable`,
/// `keyring_too_new`, `unsupported`, `keyring_damaged`.
pub fn glance(io: &VaultIo<'_>) -> Result<Glance> {
    let found = look(io.directory, io.database_file);
    let presence = match decide(&found.with_key(KeyState::NotAsked)).plan {
        Plan::Refuse(error) => return Err(error),
        Plan::ResumeWipe => Presence::HalfWiped,
        Plan::FirstRun | Plan::DiscardInterrupted => Presence::Nothing,
        Plan::AskKey => Presence::Vault,
        _ => return Err(not_planned()),
    };
    let active = found.copies.active();
    let newest = active.first();
    let is_recovery = |lock: &SlotLock| matches!(lock, SlotLock::Recovery);
    Ok(Glance {
        presence,
        policy: newest.map(|active| active.policy),
        has_recovery: newest.is_some_and(|a| a.slots.iter().any(|slot| is_recovery(&slot.lock))),
        unsynced: Status::read(io.directory).unsynced,
    })
}

/// What is held against a person's next PIN. `not_found` where they have no slot.
pub fn pin_standing(io: &VaultIo<'_>, person: &PersonId) -> Result<PinStanding> {
    let found = look(io.directory, io.database_file);
    let active = found.copies.active();
    let slot = active.first().and_then(|active| {
        active.slots.iter().find(
            |slot| matches!(&slot.lock, SlotLock::Pin { person: owner, .. } if owner == person),
        )
    });
    let slot = slot.ok_or(Error::new(
        ErrorCode::NotFound,
        "there is no such slot in this vault",
    ))?;
    let known = Status::read(io.directory).slot(&slot.id);
    let delay_ms = match known.attempts.turn(io.clock.since_boot()) {
        Turn::Now => 0,
        Turn::After(left_ms) | Turn::StartedAgain(left_ms, _) => left_ms,
    };
    Ok(PinStanding {
        failures: known.attempts.failures,
        delay_ms,
        dropped: known.dropped,
    })
}
