//! One life: carries events out on the vault, and holds what comes of them against what must be
//! true.
//!
//! What was killed or refused in the middle may have happened or not: then more than one state of
//! the vault is possible, until the next opening shows which it is.

use std::collections::{BTreeMap, BTreeSet};

use super::super::clinic::{KDF, person, pin};
use super::super::*;
use super::database;
use super::deeds::damage;
use super::event::{Event, NAMES, PINS};
use super::facts::Facts;
use super::oracle::{Outcome, half, pin_slot, predict, slot_id};
use super::place::{Entry, Place, Traits};
use crate::error::Error;
use crate::test_support::SecretState;

pub(super) struct Life {
    pub place: Place,
    /// What the process holds in memory.
    pub keys: Option<VaultKeys>,
    /// The states that the vault may be in.
    pub possible: Vec<Facts>,
    /// What the status file may say of unsynced records.
    pub unsynced: BTreeSet<Option<u64>>,
    /// Wrong PINs of each slot that were answered so, since the last right one.
    pub wrong: BTreeMap<[u8; 16], u32>,
    /// Vaults that were put aside, and what is true of them.
    pub aside: Vec<(PathBuf, Vec<Facts>)>,
    pub last_value: u64,
}

impl Life {
    pub fn new(seed: u64, traits: Traits) -> Self {
        let mut life = Self {
            place: Place::new(seed, traits),
            keys: None,
            possible: vec![Facts::default()],
            unsynced: BTreeSet::from([None]),
            wrong: BTreeMap::new(),
            aside: Vec::new(),
            last_value: 0,
        };
        life.enter(&Entry::Device, true);
        life
    }

    /// Runs a piece of the process's life; `None` if it was killed.
    pub(super) fn run<T>(
        &mut self,
        live: impl FnOnce(&Place, &mut Option<VaultKeys>) -> T,
    ) -> Option<T> {
        let (place, keys) = (&self.place, &mut self.keys);
        let result = place.disk.run(|| live(place, keys));
        place.phone.spare();
        if result.is_none() {
            self.keys = None;
        }
        result
    }

    /// An opening, held against the prediction.
    pub(super) fn enter(&mut self, entry: &Entry, new: bool) -> Option<Outcome> {
        self.keys = None;
        let troubled = self.place.disk.is_troubled();
        let predicted = predict(&self.place, entry, new);
        let names = self.place.names();
        let secrets = self.place.phone.aliases();
        let may_be_forgiven = self.slot_of_a_right_pin(entry);
        let is_unfinished = {
            let copies = Copies::read(&self.place.directory);
            let creating = |k: &Keyring| matches!(k, Keyring::Creating(_));
            copies.readable().next().is_some()
                && copies.readable().all(creating)
                && !copies.copies.contains(&KeyringCopy::Unreadable)
        };
        self.place.phone.calls();
        let place = &self.place;
        let result = place.disk.run(|| {
            let io = place.io();
            let mut opened = place.open(&io, entry, new)?;
            if opened.first_run {
                database::commit(&place.database, opened.keys.database.expose(), 0)
                    .map_err(crate::vault::files::storage_error)?;
                finish_creation(&place.directory, &mut opened.keys)?;
            }
            Ok::<_, Refusal>(opened)
        });
        place.phone.spare();
        let made = place.phone.calls().contains(&"create");
        self.place.learn_from_disk(0);
        assert!(
            !made || names.is_empty() || is_unfinished,
            "a key was made beside {names:?}"
        );
        if let Some(slot) = may_be_forgiven
            && !matches!(result, Some(Ok(_)))
        {
            // Once the PIN is proven the count is gone, whatever then ends the opening.
            self.wrong.remove(&slot);
        }
        let Some(result) = result else {
            if made {
                self.begun();
            }
            return None;
        };
        let outcome = match &result {
            Ok(opened) if opened.first_run => Outcome::FirstRun,
            Ok(_) => Outcome::Opens,
            Err(refusal) => Outcome::Refused(refusal.error.code()),
        };
        let trouble = [
            Outcome::Refused(ErrorCode::StorageFull),
            Outcome::Refused(ErrorCode::Internal),
        ];
        assert!(
            predicted.contains(&outcome) || troubled && trouble.contains(&outcome),
            "{entry:?}: {outcome:?} instead of {predicted:?}, beside {names:?}"
        );
        match result {
            Ok(opened) => {
                if opened.first_run {
                    self.begun();
                    self.unsynced.insert(None);
                }
                self.opened(entry, opened.keys)
            }
            Err(refusal) => {
                if made {
                    self.begun();
                }
                self.refused(entry, &refusal, &secrets, made);
            }
        }
        Some(outcome)
    }

    /// The slot that this entry opens, if its PIN may be the right one.
    fn slot_of_a_right_pin(&self, entry: &Entry) -> Option<[u8; 16]> {
        let Entry::Pin { name, pin } = entry else {
            return None;
        };
        let is_right = |facts: &Facts| facts.members.get(name) == Some(pin);
        let copies = Copies::read(&self.place.directory);
        let active = copies.active();
        let slot = active.first().and_then(|active| pin_slot(active, *name))?;
        self.possible.iter().any(is_right).then_some(slot.id)
    }

    /// A first run was begun: there is a vault, or there may be.
    fn begun(&mut self) {
        let mut members = BTreeMap::new();
        if self.place.traits.person {
            members.insert(0, 0);
        }
        // Only where no vault with data could exist.
        assert!(self.possible.iter().any(|facts| !facts.exists));
        self.possible = vec![
            Facts::default(),
            Facts {
                exists: true,
                members,
                ..Facts::default()
            },
        ];
    }

    fn opened(&mut self, entry: &Entry, mut keys: VaultKeys) {
        let mut facts = Facts::of(&self.place, &keys.active);
        if let Entry::Pin { name, pin } = entry {
            let known = self
                .possible
                .iter()
                .any(|f| f.members.get(name) == Some(pin));
            assert!(known, "a wrong PIN opened");
            self.wrong.remove(&slot_id(&keys.active, *name));
        }
        // The database has one of the proven keys, and the committed value is in it.
        let read =
            |key: &crate::secret::DatabaseKey| database::value(&self.place.database, key.expose());
        let (value, answer) = match (
            read(&keys.database),
            keys.next_database.as_ref().and_then(read),
        ) {
            (Some(value), _) => (value, DatabaseAnswer::Opens),
            (None, Some(value)) => (value, DatabaseAnswer::OpensWithNext),
            (None, None) => panic!("a proven key does not open the database"),
        };
        facts.value = value;
        assert!(
            self.possible.contains(&facts),
            "{facts:?} is none of {:?}",
            self.possible
        );
        let before = keys.active.clone();
        let place = &self.place;
        let lived = place.disk.run(|| {
            settle_rekey(&place.io(), &mut keys, answer)?;
            assert!(read(&keys.database) == Some(value) && keys.next_database.is_none());
            // What it cannot delete now, a later opening will.
            let _ = tidy(&place.io(), &mut keys);
            Ok::<_, Error>(())
        });
        // A slot is taken out only if its secret is really gone. A copy that could not be mended
        // may never have had it.
        let on_disk = Copies::read(&place.directory);
        let left = on_disk.active();
        for slot in before.slots.iter().filter(|slot| slot.half().is_some()) {
            let is_left = left.iter().any(|a| a.slots.iter().any(|s| s.id == slot.id));
            if !is_left {
                let state = place.phone.secret(&half(slot).alias);
                assert!(matches!(
                    state,
                    SecretState::Gone | SecretState::Invalidated
                ));
            }
        }
        if let Some(Ok(())) = lived {
            self.possible = vec![Facts::of(place, &keys.active).with_value(value)];
            self.keys = Some(keys);
        } else {
            // Killed in between: some of what was to be tidied may be.
            let tidied = left
                .iter()
                .map(|active| Facts::of(place, active).with_value(value));
            self.possible = std::iter::once(facts).chain(tidied).collect();
        }
    }

    fn refused(&mut self, entry: &Entry, refusal: &Refusal, secrets: &[String], made: bool) {
        let now = self.place.phone.aliases();
        let wiping = refusal.report == Some(RefusalReport::WipeFinished);
        let dropped = matches!(
            &refusal.report,
            Some(RefusalReport::WrongPin(report)) if report.dropped
        );
        let fixed = self.possible.iter().all(|facts| facts.exists);
        if fixed && !dropped && !wiping {
            assert_eq!(now, secrets, "a refusal made or deleted a key");
        }
        assert!(!made || !fixed);
        match (entry, &refusal.report) {
            (Entry::Pin { name, .. }, Some(RefusalReport::WrongPin(report))) => {
                let copies = Copies::read(&self.place.directory);
                let slot = slot_id(copies.active()[0], *name);
                let before = self.wrong.get(&slot).copied().unwrap_or(0);
                assert!(report.failures > before, "a wrong PIN was free");
                assert_eq!(report.delay_ms > 0, report.failures >= 5);
                self.wrong.insert(slot, report.failures);
            }
            (_, Some(RefusalReport::KeyLost(report))) => {
                assert!(self.unsynced.contains(&report.unsynced));
                let has = |remedy| report.remedies.contains(&remedy);
                assert_eq!(has(Remedy::Recovery), self.place.traits.recovery);
                assert!(has(Remedy::Quarantine));
            }
            _ => {}
        }
        if wiping {
            self.wiped();
        }
    }

    pub(super) fn wiped(&mut self) {
        assert!(self.place.names().is_empty(), "{:?}", self.place.names());
        self.possible = vec![Facts::default()];
        self.unsynced = BTreeSet::from([None]);
        self.wrong.clear();
    }

    /// A change of an open vault. `after` is what is true once it has returned well.
    pub(super) fn change(
        &mut self,
        after: Facts,
        text: usize,
        may_say: &[ErrorCode],
        change: impl FnOnce(&Place, &mut VaultKeys) -> Result<(), Error>,
    ) {
        let Some(keys) = &self.keys else { return };
        let value = self.known().value;
        let before = Facts::of(&self.place, &keys.active).with_value(value);
        let troubled = self.place.disk.is_troubled();
        let pending = self
            .keys
            .as_ref()
            .is_some_and(|keys| keys.next_database.is_some());
        let result = self.run(|place, keys| match keys {
            Some(keys) => change(place, keys),
            None => Ok(()),
        });
        self.place.learn_from_disk(text);
        if let Some(keys) = &self.keys {
            let slots = keys.active.slots.clone();
            self.place.learn(&slots, text);
        }
        self.possible = match &result {
            None => vec![before, after],
            Some(Ok(())) => {
                let keys = self.keys.as_ref().unwrap();
                assert_eq!(
                    Facts::of(&self.place, &keys.active).with_value(value),
                    after
                );
                vec![after]
            }
            Some(Err(error)) => {
                let code = error.code();
                let weather = code == ErrorCode::KeyTemporarilyUnavailable;
                let trouble = [ErrorCode::StorageFull, ErrorCode::Internal].contains(&code);
                assert!(
                    may_say.contains(&code)
                        || weather
                        || troubled && trouble
                        || pending && code == ErrorCode::Busy,
                    "{error:?}"
                );
                // The keys in memory have followed the keyring.
                let keys = self.keys.as_ref().unwrap();
                let now = Facts::of(&self.place, &keys.active).with_value(value);
                assert!(now == before || now == after);
                vec![now]
            }
        };
    }

    pub(super) fn known(&self) -> Facts {
        self.possible[0].clone()
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each event")]
    pub fn happen(&mut self, event: Event) {
        match event {
            Event::Open => {
                self.enter(&Entry::Device, true);
            }
            Event::Enter { name, pin } => {
                self.enter(&Entry::Pin { name, pin }, false);
            }
            Event::Finger => self.finger(),
            Event::Recover => _ = self.recover(),
            Event::Commit => self.commit(),
            Event::Add { name, pin: text } => {
                let mut after = self.known();
                let is_member = after.members.contains_key(&name);
                if !is_member && self.place.traits.person {
                    after.members.insert(name, text);
                }
                self.change(after, text, &[ErrorCode::InvalidInput], |place, keys| {
                    let added = add_pin(
                        &place.io(),
                        keys,
                        &person(NAMES[name]),
                        &pin(PINS[text]),
                        KDF,
                    );
                    assert!(added.is_err() || !is_member);
                    added.or_else(|error| match is_member || keys.policy() == Policy::Device {
                        true if error.code() == ErrorCode::InvalidInput => Ok(()),
                        _ => Err(error),
                    })
                });
            }
            Event::Change { name, old, new } => self.change_pin(name, old, new),
            Event::Remove { name } => {
                let mut after = self.known();
                let allowed = after.members.remove(&name).is_some()
                    && after.members.len() + after.fingers > 0;
                if !allowed {
                    after = self.known();
                }
                self.change(after, 0, &[], |place, keys| {
                    let result = remove_pin(&place.io(), keys, &person(NAMES[name]));
                    match &result {
                        Err(error)
                            if [ErrorCode::NotFound, ErrorCode::InvalidInput]
                                .contains(&error.code()) =>
                        {
                            assert!(!allowed);
                            Ok(())
                        }
                        _ => result,
                    }
                });
            }
            Event::AddFinger {
                killed_before_prompt,
            } => self.add_finger(killed_before_prompt),
            Event::Rotate { stop } => self.rotate(stop),
            Event::NoteUnsynced { count } => {
                let written = self.run(|place, _| note_unsynced(&place.directory, count));
                match written {
                    Some(Ok(())) => self.unsynced = BTreeSet::from([Some(count)]),
                    _ => _ = self.unsynced.insert(Some(count)),
                }
            }
            Event::Lock => self.keys = None,
            Event::Wipe { again_from_a_copy } => self.wipe(again_from_a_copy),
            Event::PutAside => self.put_aside(),
            Event::Update => {
                self.keys = None;
                self.place.move_home();
            }
            Event::ReinstallWithKeychain => {
                self.keys = None;
                self.place.clear_files();
                self.wiped();
            }
            Event::ClearData => {
                self.keys = None;
                self.place.clear_files();
                self.place.phone.clear_secrets();
                self.wiped();
            }
            Event::OtherPhone => {
                self.keys = None;
                self.place.phone.clear_secrets();
                self.place.clock.reboot();
            }
            Event::LoseKeyring { bit } => self.lose_keyring(bit),
            Event::NewerKeyring => self.newer_keyring(),
            Event::LoseDatabase { empty } => self.lose_database(empty),
            Event::DamageCopy { index, bit } => self.damage_copy(index, bit),
            Event::DamageStatus { bit } => {
                let path = crate::vault::status::path(&self.place.directory);
                if damage(&path, bit) {
                    self.unsynced.insert(None);
                    self.wrong.clear();
                }
            }
            weather => self.weather(weather),
        }
    }

    /// What touches the phone alone.
    fn weather(&mut self, event: Event) {
        let place = &mut self.place;
        let seconds = Duration::from_secs;
        match event {
            Event::Reboot => {
                self.keys = None;
                place.phone.reboot();
            }
            Event::UnlockPhone => {
                place.phone.unlock();
                place.disk.set_hidden(false);
            }
            Event::LockPhone => place.phone.lock(),
            Event::HideFiles => {
                place.phone.reboot();
                place.disk.set_hidden(true);
                self.keys = None;
            }
            Event::StoreFails { seconds: s } => place.phone.fails_for(seconds(s)),
            Event::StoreSaysAbsent { seconds: s } => place.phone.says_absent_for(seconds(s)),
            Event::StoreSlow { slow } => {
                place.slow_ms = if slow { 10_000 } else { 0 };
                place
                    .phone
                    .answers_after(Duration::from_millis(place.slow_ms));
            }
            Event::NewFinger => place.phone.new_finger(),
            Event::RemoveLockScreen => place.phone.remove_lock_screen(),
            Event::Time { seconds } => place.clock.advance(seconds * 1000),
            Event::SetWallClock { ms } => place.clock.set_wall(ms),
            Event::Fault { after, fault } => place.disk.arm(after, fault),
            Event::KillAtKeyStore { after } => place.phone.kill_after(after),
            Event::FreeDisk => place.disk.set_full(false),
            _ => unreachable!("{event:?}"),
        }
    }
}
