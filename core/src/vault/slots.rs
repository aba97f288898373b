//! Slots of an open vault: made, changed, removed, listed. What only the next opening may delete is
//! named in the keyring first, so that a kill leaves nothing without a name.

use amana_keystore::{Alias, Derived, SecurityLevel};

use super::attempt_copy;
use super::first_run::make_slot;
use super::format::MAX_SLOTS;
use super::guess::{Begun, Guess};
use super::hierarchy::{self, DraftKind, SlotDraft};
use super::io::VaultIo;
use super::keyring::{Active, Copies, Policy, Slot, SlotId, SlotLock};
use super::keys::{VaultKeys, change};
use super::pin::{self, PersonId, Pin, PinKdf};
use super::report::{OpenResult, Refusal, RefusalReport};
use super::status::{SlotStatus, Status};
use super::ways::{PinRules, PresenceRequest};
use crate::error::{Error, ErrorCode, Result};
use crate::ports::KeyStoreError;

/// A slot, as a list shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotInfo {
    /// Names the slot.
    pub id: [u8; 16],
    /// What it asks for, and of whom.
    pub kind: SlotInfoKind,
    /// How well the key store protects its device secret.
    pub level: Option<SecurityLevel>,
}

/// What a slot asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SlotInfoKind {
    /// The device alone.
    Device,
    /// This person's PIN.
    Pin(PersonId),
    /// Presence.
    Biometric,
    /// The organisation.
    Recovery,
}

/// The slots of the vault in a directory, without a key and so unproven: for the screen on which a
/// person chooses who they are.
pub fn list_slots(directory: &std::path::Path) -> Vec<SlotInfo> {
    let copies = Copies::read(directory);
    let active = copies.active();
    let slots = active.first().map(|active| active.slots.iter());
    slots.into_iter().flatten().map(info).collect()
}

fn info(slot: &Slot) -> SlotInfo {
    SlotInfo {
        id: slot.id,
        kind: match &slot.lock {
            SlotLock::Device(_) => SlotInfoKind::Device,
            SlotLock::Pin { person, .. } => SlotInfoKind::Pin(person.clone()),
            SlotLock::Biometric(_) => SlotInfoKind::Biometric,
            SlotLock::Recovery => SlotInfoKind::Recovery,
        },
        level: slot.half().map(|half| half.level),
    }
}

impl VaultKeys {
    /// The slots of the open vault, proven.
    pub fn slots(&self) -> Vec<SlotInfo> {
        self.active.slots.iter().map(info).collect()
    }
}

/// Gives a staff member a slot of their own.
pub fn add_pin(
    io: &VaultIo<'_>,
    keys: &mut VaultKeys,
    person: &PersonId,
    pin: &Pin,
    kdf: PinKdf,
) -> Result<()> {
    if pin_slot(&keys.active, person).is_some() {
        return Err(Error::invalid("this person has a PIN already"));
    }
    let slot = make_pin_slot(io, keys, person, pin, kdf)?;
    install(io, keys, slot)
}

fn make_pin_slot(
    io: &VaultIo<'_>,
    keys: &mut VaultKeys,
    person: &PersonId,
    pin: &Pin,
    kdf: PinKdf,
) -> Result<Slot> {
    let draft = announce(io, keys, Policy::Person)?;
    let input = pin::stretch(pin, &draft.salt, kdf)?;
    let kind = DraftKind::Pin {
        person: person.clone(),
        kdf,
    };
    make_slot(io, draft, kind, &input, &keys.vault_id)
}

/// Replaces a person's PIN; only who knows the old one can. A wrong one is counted as at opening.
pub fn change_pin(
    io: &VaultIo<'_>,
    keys: &mut VaultKeys,
    person: &PersonId,
    (old, new): (&Pin, &Pin),
    kdf: PinKdf,
    rules: PinRules,
) -> OpenResult<()> {
    not_pending(keys)?;
    let slot = pin_slot(&keys.active, person).ok_or_else(no_slot)?.clone();
    let SlotLock::Pin {
        half, kdf: old_kdf, ..
    } = &slot.lock
    else {
        return Err(no_slot().into());
    };
    let guess = match Guess::begin(io, &slot)? {
        Begun::Counted(guess) => guess,
        Begun::Delayed(left_ms) => {
            return Err(Refusal {
                error: super::open::refusal_of(super::decide::KeyState::PinDelayed { left_ms }),
                report: Some(RefusalReport::PinDelayed { left_ms }),
            });
        }
    };
    let private = pin::stretch(old, &half.salt, *old_kdf)
        .and_then(|input| io.patiently(|| io.key_store.derive(&half.alias, &input)))
        .and_then(|derived| hierarchy::open_half(&keys.active, &slot, &derived));
    let private = match private {
        Ok(Some(private)) => private,
        Ok(None) => {
            let report = guess.wrong(io, rules, &slot)?;
            return Err(Refusal {
                error: Error::new(ErrorCode::WrongPin, "the PIN is wrong"),
                report: Some(RefusalReport::WrongPin(report)),
            });
        }
        Err(error) => {
            guess.not_made(io);
            return Err(error.into());
        }
    };
    guess.right(io);
    let mut salt = [0; 32];
    io.entropy.fill(&mut salt)?;
    let input = pin::stretch(new, &salt, kdf)?;
    let derived = io.patiently(|| io.key_store.derive(&half.alias, &input))?;
    let mut changed = slot.clone();
    if let SlotLock::Pin {
        half, kdf: stored, ..
    } = &mut changed.lock
    {
        half.salt = salt;
        *stored = kdf;
    }
    let vault_id = keys.vault_id;
    hierarchy::seal_half(&mut changed, &private, &derived, &vault_id, io.entropy)?;
    change(io, keys, |active| {
        let place = active.slots.iter_mut().find(|other| other.id == slot.id);
        *place.ok_or_else(no_slot)? = changed;
        Ok(())
    })?;
    Ok(())
}

/// Gives a person a new PIN without their old one: after a recovery, or where they forgot it. Their
/// old slot goes as `remove_pin` takes it away, in the same step in which the new one comes.
pub fn reset_pin(
    io: &VaultIo<'_>,
    keys: &mut VaultKeys,
    person: &PersonId,
    pin: &Pin,
    kdf: PinKdf,
) -> Result<()> {
    let old = pin_slot(&keys.active, person).ok_or_else(no_slot)?.id;
    let slot = make_pin_slot(io, keys, person, pin, kdf)?;
    let slot = sealed(io, keys, slot)?;
    replace(io, keys, slot, |slot| slot.id == old)
}

/// Takes a staff member's slot away, for good: its device secret is deleted, so that an old copy of
/// the keyring does not bring it back, and a change of the root key is due.
pub fn remove_pin(io: &VaultIo<'_>, keys: &mut VaultKeys, person: &PersonId) -> Result<()> {
    let id = pin_slot(&keys.active, person).ok_or_else(no_slot)?.id;
    remove_slot(io, keys, id)
}

/// Takes a slot away, as `remove_pin` does. The last slot that opens on this device stays.
pub fn remove_slot(io: &VaultIo<'_>, keys: &mut VaultKeys, id: SlotId) -> Result<()> {
    not_pending(keys)?;
    let slot = keys.active.slots.iter().find(|slot| slot.id == id);
    let alias = match slot.ok_or_else(no_slot)?.half() {
        Some(half) => half.alias.clone(),
        None => return Err(Error::invalid("the recovery key is pinned for good")),
    };
    let left = keys.active.slots.iter().filter(|slot| slot.id != id);
    if !left.into_iter().any(|slot| slot.half().is_some()) {
        return Err(Error::invalid("the last slot cannot be removed"));
    }
    change(io, keys, |active| {
        active.slots.retain(|slot| slot.id != id);
        active.loose.push(alias);
        active.rotation_due = true;
        Ok(())
    })?;
    delete_loose(io, keys)
}

/// Replaces the slot of a `device` vault, after a recovery.
pub fn replace_device_slot(io: &VaultIo<'_>, keys: &mut VaultKeys) -> Result<()> {
    let draft = announce(io, keys, Policy::Device)?;
    let input = draft.salt;
    let slot = make_slot(io, draft, DraftKind::Device, &input, &keys.vault_id)?;
    let slot = sealed(io, keys, slot)?;
    replace(io, keys, slot, |slot| {
        matches!(slot.lock, SlotLock::Device(_))
    })
}

/// Puts a slot in the place of others, whose device secrets are deleted.
fn replace(
    io: &VaultIo<'_>,
    keys: &mut VaultKeys,
    slot: Slot,
    is_old: impl Fn(&Slot) -> bool,
) -> Result<()> {
    let halves = keys.active.slots.iter().filter(|slot| is_old(slot));
    let old: Vec<Alias> = halves
        .filter_map(Slot::half)
        .map(|half| half.alias.clone())
        .collect();
    change(io, keys, |active| {
        forget_loose(active, &slot);
        active.slots.retain(|slot| !is_old(slot));
        active.loose.extend(old);
        active.slots.push(slot);
        active.rotation_due = true;
        Ok(())
    })?;
    delete_loose(io, keys)
}

/// A slot for a person's presence that was begun and waits for the platform.
pub struct PresenceDraft(SlotDraft);

impl PresenceDraft {
    /// Names the slot, as the request does.
    pub const fn slot(&self) -> [u8; 16] {
        self.0.id
    }
}

/// First half of adding a biometric slot: the platform makes a secret that needs presence under
/// this alias, prompts, and derives from this input.
pub fn begin_add_presence(
    io: &VaultIo<'_>,
    keys: &mut VaultKeys,
) -> Result<(PresenceRequest, PresenceDraft)> {
    let draft = announce(io, keys, Policy::Person)?;
    let request = PresenceRequest {
        slot: draft.id,
        alias: draft.alias.clone(),
        input: draft.salt,
    };
    Ok((request, PresenceDraft(draft)))
}

/// Second half: takes what the platform derived. A draft that never comes here is deleted after a
/// later opening.
pub fn finish_add_presence(
    io: &VaultIo<'_>,
    keys: &mut VaultKeys,
    draft: PresenceDraft,
    derived: &Derived,
    level: SecurityLevel,
) -> Result<()> {
    if !keys.active.loose.contains(&draft.0.alias) {
        return Err(Error::invalid("this slot was given up"));
    }
    let id = keys.vault_id;
    let slot = draft
        .0
        .make_slot(DraftKind::Biometric, level, derived, &id, io.entropy)?;
    install(io, keys, slot)
}

/// What the platform is to be asked, for each biometric slot of a locked vault. The answer goes into
/// `Way::Presence`.
pub fn begin_presence(directory: &std::path::Path) -> Vec<PresenceRequest> {
    let copies = Copies::read(directory);
    let active = copies.active();
    let slots = active.first().map(|active| active.slots.iter());
    let request = |slot: &Slot| match &slot.lock {
        SlotLock::Biometric(half) => Some(PresenceRequest {
            slot: slot.id,
            alias: half.alias.clone(),
            input: half.salt,
        }),
        _ => None,
    };
    slots.into_iter().flatten().filter_map(request).collect()
}

/// Called after the vault opened, database included: takes slots out that can no longer open, and
/// deletes the secrets that no slot uses. Costs nothing where there are none.
pub fn tidy(io: &VaultIo<'_>, keys: &mut VaultKeys) -> Result<()> {
    if keys.active.pending.is_some() || keys.creation.is_some() {
        return Ok(());
    }
    let mut usable = Vec::new();
    let status = Status::read(io.directory);
    for known in status.slots.iter().filter(|slot| slot.dropped) {
        let slot = keys.active.slots.iter().find(|slot| slot.id == known.id);
        let Some(half) = slot.and_then(Slot::half) else {
            continue;
        };
        // The status is only a hint: the key store must agree.
        match io.key_store.probe(&half.alias) {
            Err(KeyStoreError::Invalidated | KeyStoreError::Absent) => {
                remove_slot(io, keys, known.id)?;
            }
            Ok(_) => usable.push(known.id),
            Err(_) => {}
        }
    }
    Status::change(io.directory, |status| {
        for id in &usable {
            let dropped = false;
            let known = status.slot(id);
            status.set_slot(SlotStatus { dropped, ..known });
        }
        status.retain(|id| keys.active.slots.iter().any(|slot| slot.id == *id));
        Ok(())
    })?;
    delete_loose(io, keys)
}

/// Notes how many records wait to be pushed: what a refusal later says of them.
pub fn note_unsynced(directory: &std::path::Path, count: u64) -> Result<()> {
    Status::change(directory, |status| {
        status.unsynced = Some(count);
        Ok(())
    })
}

/// What was noted last: a hint, `None` if nothing was.
pub fn unsynced_hint(directory: &std::path::Path) -> Option<u64> {
    Status::read(directory).unsynced
}

/// Names a new alias in the keyring before its secret exists.
fn announce(io: &VaultIo<'_>, keys: &mut VaultKeys, policy: Policy) -> Result<SlotDraft> {
    not_pending(keys)?;
    if keys.active.policy != policy {
        return Err(Error::invalid("the vault's policy has no such slots"));
    }
    if keys.active.slots.len() >= MAX_SLOTS || keys.active.loose.len() + 2 > MAX_SLOTS {
        return Err(Error::invalid("the vault has no room for another slot"));
    }
    let draft = SlotDraft::make(io.entropy)?;
    change(io, keys, |active| {
        active.loose.push(draft.alias.clone());
        Ok(())
    })?;
    Ok(draft)
}

/// Seals the root key to a new slot and puts it into the keyring.
fn install(io: &VaultIo<'_>, keys: &mut VaultKeys, slot: Slot) -> Result<()> {
    not_pending(keys)?;
    let slot = sealed(io, keys, slot)?;
    change(io, keys, |active| {
        forget_loose(active, &slot);
        active.slots.push(slot);
        Ok(())
    })
}

fn sealed(io: &VaultIo<'_>, keys: &VaultKeys, mut slot: Slot) -> Result<Slot> {
    slot.sealed_root = hierarchy::seal_root(&keys.roots.root, &keys.vault_id, &slot, io.entropy)?;
    Ok(slot)
}

fn forget_loose(active: &mut Active, slot: &Slot) {
    if let Some(half) = slot.half() {
        active.loose.retain(|alias| *alias != half.alias);
    }
}

fn delete_loose(io: &VaultIo<'_>, keys: &mut VaultKeys) -> Result<()> {
    if keys.active.loose.is_empty() {
        return Ok(());
    }
    for alias in &keys.active.loose {
        io.patiently(|| io.key_store.delete(alias))?;
        attempt_copy::clear(io, alias);
    }
    change(io, keys, |active| {
        active.loose.clear();
        Ok(())
    })
}

fn pin_slot<'a>(active: &'a Active, person: &PersonId) -> Option<&'a Slot> {
    active
        .slots
        .iter()
        .find(|slot| matches!(&slot.lock, SlotLock::Pin { person: owner, .. } if owner == person))
}

fn not_pending(keys: &VaultKeys) -> Result<()> {
    if keys.active.pending.is_some() {
        return Err(Error::new(ErrorCode::Busy, "the root key is being changed"));
    }
    Ok(())
}

const fn no_slot() -> Error {
    Error::new(ErrorCode::NotFound, "there is no such slot in this vault")
}
