//! What an opening may come to: said from the bytes on disk and the secrets in the phone, in other
//! words than the vault's own.

use super::super::*;
use super::place::{Entry, Place};
use crate::ports::Clock;
use crate::test_support::SecretState;
use crate::vault::attempts::Turn;
use crate::vault::keyring::{Active, Slot, SlotLock};
use crate::vault::status::Status;

/// How an opening ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Opens,
    FirstRun,
    Refused(ErrorCode),
}

use ErrorCode as E;
use Outcome::{FirstRun, Opens, Refused};

/// A store that cannot answer is asked for two seconds; one that says "absent", for one.
const PATIENCE_MS: u64 = 2_500;

/// All that an opening may come to. One outcome where nothing is in doubt; more only where the key
/// store may recover in the middle of the asking.
pub(super) fn predict(place: &Place, entry: &Entry, new: bool) -> Vec<Outcome> {
    if place.disk.is_hidden() {
        return vec![Refused(E::KeyTemporarilyUnavailable)];
    }
    let copies = Copies::read(&place.directory);
    let is = |fits: fn(&KeyringCopy) -> bool| copies.copies.iter().any(fits);
    if is(|copy| *copy == KeyringCopy::TooNew) {
        return vec![Refused(E::KeyringTooNew)];
    }
    if is(|copy| matches!(copy, KeyringCopy::Readable(Keyring::Shredding(_)))) {
        return match copies.aliases().is_empty() {
            true => vec![Refused(E::NotFound)],
            false => fair_or_unavailable(place, Refused(E::NotFound)),
        };
    }
    let made = match new {
        true => fair_or_unavailable(place, FirstRun),
        false => fair_or_unavailable(place, Refused(E::NotFound)),
    };
    let active = copies.active();
    let Some(newest) = active.first() else {
        let unreadable = is(|copy| *copy == KeyringCopy::Unreadable);
        let creating = is(|copy| matches!(copy, KeyringCopy::Readable(_)));
        let nothing = place.names().is_empty();
        return match (nothing, creating, unreadable) {
            (true, _, _) if new => made,
            (true, _, _) => vec![Refused(E::NotFound)],
            (false, true, false) => made,
            _ => vec![Refused(E::KeyringDamaged)],
        };
    };
    match entry {
        Entry::Recovery(_) => with_database(place),
        Entry::Device if place.traits.person => vec![Refused(E::PresenceRequired)],
        Entry::Device => asked(place, newest, device_slot(newest), with_database(place)),
        Entry::Pin { name, pin } => {
            let Some(slot) = pin_slot(newest, *name) else {
                return vec![Refused(E::NotFound)];
            };
            let attempts = Status::read(&place.directory).slot(&slot.id).attempts;
            if attempts.turn(place.clock.since_boot()) != Turn::Now {
                // What says that the delay started again cannot always be written.
                return vec![Refused(E::PinDelayed)];
            }
            let right = active
                .iter()
                .filter_map(|active| pin_slot(active, *name))
                .any(|slot| place.pins.get(&half(slot).salt) == Some(pin));
            let clear = match right {
                true => with_database(place),
                false => vec![Refused(E::WrongPin)],
            };
            asked(place, newest, slot, clear)
        }
        Entry::Presence(answer) => {
            let Some(slot) = newest.slots.iter().find(|slot| slot.id == answer.slot) else {
                return vec![Refused(E::NotFound)];
            };
            match answer.outcome {
                Ok(_) => with_database(place),
                Err(KeyStoreError::Denied) => vec![Refused(E::PresenceRequired)],
                Err(KeyStoreError::Absent | KeyStoreError::Invalidated) => {
                    vec![lost(place, newest, slot)]
                }
                Err(_) => vec![Refused(E::KeyTemporarilyUnavailable)],
            }
        }
    }
}

fn with_database(place: &Place) -> Vec<Outcome> {
    match fs::metadata(&place.database).is_ok_and(|file| file.len() > 0) {
        true => vec![Opens],
        false => vec![Refused(E::DatabaseDamaged)],
    }
}

/// Where the store must answer, but nothing can be lost by what it says.
fn fair_or_unavailable(place: &Place, fair: Outcome) -> Vec<Outcome> {
    match place.phone.weather() {
        (None, _) => vec![Refused(E::KeyTemporarilyUnavailable)],
        (Some(0), 0) if !place.traits.strict => vec![fair],
        // A new secret of strict mode cannot be used while the phone is locked.
        _ => vec![fair, Refused(E::KeyTemporarilyUnavailable)],
    }
}

/// What the store's weather makes of a question for a slot's secret.
fn asked(place: &Place, newest: &Active, slot: &Slot, clear: Vec<Outcome>) -> Vec<Outcome> {
    let clear = match place.phone.secret(&half(slot).alias) {
        SecretState::There => clear,
        SecretState::LockedAway => vec![Refused(E::KeyTemporarilyUnavailable)],
        SecretState::Gone | SecretState::Invalidated => vec![lost(place, newest, slot)],
    };
    let unavailable = Refused(E::KeyTemporarilyUnavailable);
    let (fails, says_absent) = place.phone.weather();
    let lasts = |ms: u64| ms > PATIENCE_MS && place.slow_ms == 0;
    match (fails, says_absent) {
        (None, _) => vec![unavailable],
        (Some(fails), _) if lasts(fails) => vec![unavailable],
        (Some(0), 0) => clear,
        (Some(0), absent) if lasts(absent) => vec![lost(place, newest, slot)],
        _ => [clear, vec![unavailable, lost(place, newest, slot)]].concat(),
    }
}

/// A slot that does not open: others that need their person may be left.
fn lost(place: &Place, newest: &Active, slot: &Slot) -> Outcome {
    let status = Status::read(&place.directory);
    let others = newest.slots.iter().any(|other| {
        other.id != slot.id && other.half().is_some() && !status.slot(&other.id).dropped
    });
    match others {
        true => Refused(E::PresenceRequired),
        false => Refused(E::KeyLost),
    }
}

fn device_slot(active: &Active) -> &Slot {
    let is_device = |slot: &&Slot| matches!(slot.lock, SlotLock::Device(_));
    active.slots.iter().find(is_device).unwrap()
}

pub(super) fn pin_slot(active: &Active, name: usize) -> Option<&Slot> {
    active.slots.iter().find(|slot| match &slot.lock {
        SlotLock::Pin { person, .. } => person.as_str() == super::event::NAMES[name],
        _ => false,
    })
}

/// The id of a person's slot.
pub(super) fn slot_id(active: &Active, name: usize) -> [u8; 16] {
    pin_slot(active, name).unwrap().id
}

pub(super) fn half(slot: &Slot) -> &crate::vault::keyring::DeviceHalf {
    slot.half().unwrap()
}
