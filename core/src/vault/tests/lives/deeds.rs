//! The longer deeds and misfortunes of a life, and its end.

use std::collections::BTreeSet;

use super::super::clinic::{KDF, person, pin};
use super::super::*;
use super::database;
use super::event::{NAMES, PINS, RotationStop};
use super::facts::Facts;
use super::life::Life;
use super::oracle::{Outcome, slot_id};
use super::place::Entry;
use crate::error::Error;
use crate::test_support::SecretState;
use crate::vault::files::storage_error;
use crate::vault::status::Status;

impl Life {
    pub(super) fn finger(&mut self) {
        let Some(request) = begin_presence(&self.place.directory).into_iter().next() else {
            return;
        };
        let asked = &self.place.phone;
        let outcome = asked.derive_with_presence(&request.alias, &request.input);
        let slot = request.slot;
        self.enter(&Entry::Presence(PresenceAnswer { slot, outcome }), false);
    }

    /// The organisation answers; afterwards the tablet gets a device slot of its own again.
    pub(super) fn recover(&mut self) -> Option<Outcome> {
        let place = &self.place;
        let (request, one_time) = make_request(&place.directory, &place.entropy).ok()?;
        let private = &place.organisation.0;
        let answer = answer_request(private, &request, &place.entropy).unwrap();
        let opening = open_answer(&answer, &one_time).unwrap();
        let outcome = self.enter(&Entry::Recovery(opening), false);
        let is_lost = |keys: &VaultKeys| {
            let mut halves = keys.active.slots.iter().filter_map(|slot| slot.half());
            halves.all(|half| self.place.phone.secret(&half.alias) == SecretState::Gone)
        };
        if !self.place.traits.person && self.keys.as_ref().is_some_and(is_lost) {
            let same = self.known();
            self.change(same, 0, &[], |place, keys| {
                replace_device_slot(&place.io(), keys)
            });
        }
        outcome
    }

    pub(super) fn commit(&mut self) {
        self.last_value += 1;
        let (before, value) = (self.known(), self.last_value);
        let written = self.run(|place, keys| {
            let keys = keys.as_ref()?;
            Some(database::commit(
                &place.database,
                keys.database.expose(),
                value,
            ))
        });
        self.possible = match written {
            Some(Some(Ok(()))) => vec![before.with_value(value)],
            Some(_) => return,
            None => vec![before.clone(), before.with_value(value)],
        };
    }

    pub(super) fn change_pin(&mut self, name: usize, old: usize, new: usize) {
        let mut after = self.known();
        let wrong = match after.members.get(&name) {
            None => ErrorCode::NotFound,
            Some(right) if *right == old => {
                after.members.insert(name, new);
                ErrorCode::PinDelayed
            }
            Some(_) => ErrorCode::WrongPin,
        };
        let keys = self.keys.as_ref();
        let is_member = after.members.contains_key(&name);
        let slot = keys
            .filter(|_| is_member)
            .map(|keys| slot_id(&keys.active, name));
        let mut counted = None;
        let counts = &mut counted;
        let said = [wrong, ErrorCode::PinDelayed];
        self.change(after, new, &said, |place, keys| {
            let pins = (&pin(PINS[old]), &pin(PINS[new]));
            let rules = place.rules();
            let result = change_pin(&place.io(), keys, &person(NAMES[name]), pins, KDF, rules);
            result.map_err(|refusal| {
                if let Some(RefusalReport::WrongPin(report)) = refusal.report {
                    *counts = Some(report.failures);
                }
                refusal.error
            })
        });
        match (slot, counted) {
            (Some(slot), Some(failures)) => _ = self.wrong.insert(slot, failures),
            // Perhaps the old one was right.
            (Some(slot), None) => _ = self.wrong.remove(&slot),
            (None, _) => {}
        }
    }

    pub(super) fn add_finger(&mut self, killed_before_prompt: bool) {
        let before = self.known();
        if before.fingers >= 2 || !self.place.traits.person {
            return;
        }
        let mut after = before.clone();
        if killed_before_prompt {
            self.change(after, 0, &[], |place, keys| {
                begin_add_presence(&place.io(), keys).map(|_| ())
            });
            self.keys = None;
            return;
        }
        after.fingers += 1;
        self.change(after, 0, &[], |place, keys| {
            let unavailable = |_| Error::new(ErrorCode::KeyTemporarilyUnavailable, "no prompt");
            let (request, draft) = begin_add_presence(&place.io(), keys)?;
            let made = place.phone.create_with_presence(&request.alias);
            let level = made.map_err(unavailable)?;
            let derived = place
                .phone
                .derive_with_presence(&request.alias, &request.input);
            let derived = derived.map_err(unavailable)?;
            finish_add_presence(&place.io(), keys, draft, &derived, level)
        });
    }

    pub(super) fn rotate(&mut self, stop: RotationStop) {
        let troubled = self.place.disk.is_troubled();
        let result = self.run(|place, keys| {
            let Some(open) = keys else { return Ok(()) };
            let io = place.io();
            begin_rekey(&io, open)?;
            let next = *open.next_database.as_ref().unwrap().expose();
            if matches!(stop, RotationStop::BeforeDatabase) {
                *keys = None;
                return Ok(());
            }
            database::rekey(&place.database, open.database.expose(), &next)
                .map_err(storage_error)?;
            if matches!(stop, RotationStop::AfterDatabase) {
                *keys = None;
                return Ok(());
            }
            settle_rekey(&io, open, DatabaseAnswer::OpensWithNext)
        });
        let Some(Err(error)) = result else { return };
        let code = error.code();
        let is_trouble = [ErrorCode::StorageFull, ErrorCode::Internal].contains(&code);
        assert!(
            code == ErrorCode::KeyTemporarilyUnavailable || troubled && is_trouble,
            "{error:?}"
        );
        // As the app does: locks, and the next opening settles it.
        self.keys = None;
    }

    pub(super) fn wipe(&mut self, again_from_a_copy: bool) {
        self.keys = None;
        let is_fair = self.place.phone.weather() == (Some(0), 0);
        let copied = self.files();
        let named = Copies::read(&self.place.directory).aliases();
        let troubled = self.place.disk.is_troubled();
        match self.run(|place, _| wipe(&place.io())) {
            Some(Ok(())) => {
                self.wiped();
                for alias in &named {
                    let state = self.place.phone.secret(alias);
                    assert!(state == SecretState::Gone || !is_fair);
                }
                for name in 0..NAMES.len() {
                    self.enter(&Entry::Pin { name, pin: name }, false);
                }
                if again_from_a_copy && is_fair {
                    self.open_a_copy_of_a_wiped_vault(&copied);
                }
            }
            Some(Err(error)) => {
                let is_trouble = [ErrorCode::StorageFull, ErrorCode::Internal];
                assert!(
                    error.code() == ErrorCode::KeyTemporarilyUnavailable
                        || troubled && is_trouble.contains(&error.code()),
                    "{error:?}"
                );
                self.half_wiped();
            }
            None => self.half_wiped(),
        }
    }

    fn half_wiped(&mut self) {
        self.possible.push(Facts::default());
        self.unsynced.insert(None);
        self.wrong.clear();
    }

    /// Whoever kept the files has nothing that opens them.
    fn open_a_copy_of_a_wiped_vault(&mut self, copied: &[(PathBuf, Vec<u8>)]) {
        for (path, bytes) in copied {
            fs::write(path, bytes).unwrap();
        }
        if !Copies::read(&self.place.directory).active().is_empty() {
            for name in 0..NAMES.len() {
                for pin in 0..PINS.len() {
                    let opened =
                        self.place
                            .open(&self.place.io(), &Entry::Pin { name, pin }, false);
                    assert!(opened.is_err(), "a wiped vault opened");
                }
            }
            let opened = self.place.open(&self.place.io(), &Entry::Device, false);
            assert!(opened.is_err(), "a wiped vault opened");
        }
        self.place.clear_files();
    }

    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(&self.place.directory).unwrap();
        entries
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    pub(super) fn put_aside(&mut self) {
        let exists = self.possible.iter().any(|facts| facts.exists);
        if self.place.disk.is_hidden() || !exists || self.aside.len() == 3 {
            return;
        }
        self.keys = None;
        let shown = Status::read(&self.place.directory).unsynced;
        assert!(self.unsynced.contains(&shown));
        let result = self.run(|place, _| {
            let directory = VaultDirectory::open(&place.directory).unwrap();
            let other = LossAcknowledged {
                unsynced: Some(shown.unwrap_or(0) + 1),
            };
            let refused = quarantine(&directory, other).unwrap_err();
            assert_eq!(refused.code(), ErrorCode::InvalidInput);
            quarantine(&directory, LossAcknowledged { unsynced: shown })
        });
        // Killed or refused after it: the directory shows whether it has another name.
        if self.place.directory.exists() {
            assert!(!matches!(result, Some(Ok(_))));
            return;
        }
        let path = list_quarantined(&self.place.directory).pop().unwrap().path;
        self.aside.push((path, std::mem::take(&mut self.possible)));
        fs::create_dir(&self.place.directory).unwrap();
        self.place.disk.settle();
        self.wiped();
    }

    /// Both copies of the keyring are damaged; an expert mends them later.
    pub(super) fn lose_keyring(&mut self, bit: u32) {
        self.with_other_copies(|bytes, index| {
            let at = (bit as usize >> 3) % bytes.len();
            bytes[at] ^= 1 << (bit % 8);
            let _ = index;
        });
    }

    /// A newer version of the app was here, and is gone again.
    pub(super) fn newer_keyring(&mut self) {
        use sha2::{Digest, Sha256};
        self.with_other_copies(|bytes, index| {
            if index == 0 {
                *bytes = b"AMANAKR\n\x00\x02what a later version says".to_vec();
                let sum = Sha256::digest(&*bytes);
                bytes.extend_from_slice(&sum[..16]);
            }
        });
    }

    /// Opens in every way with other bytes in the keyring; nothing is made, changed or deleted.
    fn with_other_copies(&mut self, change: impl Fn(&mut Vec<u8>, usize)) {
        self.keys = None;
        let copies = Copies::read(&self.place.directory);
        if copies.active().is_empty() || copies.readable().count() < 2 {
            return;
        }
        let paths = [0, 1].map(|index| keyring::path(&self.place.directory, index));
        let good = paths.each_ref().map(|path| fs::read(path).unwrap());
        for (index, path) in paths.iter().enumerate() {
            let mut bytes = good[index].clone();
            change(&mut bytes, index);
            fs::write(path, bytes).unwrap();
        }
        let before = self.files();
        self.enter(&Entry::Device, true);
        self.enter(&Entry::Pin { name: 0, pin: 0 }, true);
        assert_eq!(self.files(), before, "a refusal wrote something");
        for (path, bytes) in paths.iter().zip(good) {
            fs::write(path, bytes).unwrap();
        }
    }

    /// The database's file is gone or empty; a copy of it comes back later.
    pub(super) fn lose_database(&mut self, empty: bool) {
        self.keys = None;
        let Ok(bytes) = fs::read(&self.place.database) else {
            return;
        };
        // A wipe may remove it, and what was never finished too.
        let copies = Copies::read(&self.place.directory);
        if copies.active().is_empty() || is_wiping(&copies) {
            return;
        }
        match empty {
            true => fs::write(&self.place.database, b"").unwrap(),
            false => fs::remove_file(&self.place.database).unwrap(),
        }
        for (name, pin) in self.known().members {
            self.enter(&Entry::Pin { name, pin }, true);
        }
        self.enter(&Entry::Device, true);
        assert!(fs::metadata(&self.place.database).map_or(!empty, |file| file.len() == 0));
        fs::write(&self.place.database, bytes).unwrap();
    }

    /// Damage that the other copy outlives: only where that one is whole and as new.
    pub(super) fn damage_copy(&mut self, index: usize, bit: u32) {
        let paths = [0, 1].map(|index| keyring::path(&self.place.directory, index));
        let bytes = paths
            .each_ref()
            .map(|path| fs::read(path).unwrap_or_default());
        if bytes[0] == bytes[1] {
            damage(&paths[index], bit);
        }
    }

    /// In fair weather, whoever has a way in comes in, and finds the committed value.
    pub(super) fn end(&mut self) {
        self.open_what_can_be_opened();
        for (path, possible) in std::mem::take(&mut self.aside) {
            self.place.live_in(path);
            self.possible = possible;
            self.wrong.clear();
            self.unsynced = BTreeSet::from([Status::read(&self.place.directory).unsynced]);
            self.open_what_can_be_opened();
        }
    }

    fn open_what_can_be_opened(&mut self) {
        let place = &mut self.place;
        place.phone.unlock();
        place.disk.set_hidden(false);
        place.disk.set_full(false);
        place.slow_ms = 0;
        place.phone.answers_after(Duration::ZERO);
        place.clock.advance(60_000);
        place.disk.run(|| ());
        self.keys = None;
        let copies = Copies::read(&self.place.directory);
        let active = copies.active();
        let wiping = copies
            .readable()
            .any(|k| matches!(k, Keyring::Shredding(_)));
        let Some(newest) = active.first().filter(|_| !wiping) else {
            self.enter(&Entry::Device, false);
            return;
        };
        let there = |slot: &keyring::Slot| match slot.half() {
            Some(half) => self.place.phone.secret(&half.alias) == SecretState::There,
            None => true,
        };
        let has_way = newest.slots.iter().any(there);
        let mut opened = false;
        let mut note = |outcome| opened |= outcome == Some(Outcome::Opens);
        for facts in self.possible.clone() {
            for (name, pin) in facts.members {
                // After a reboot a delay starts again, once.
                for _ in 0..2 {
                    self.place.clock.advance(2 * 3_600_000);
                    note(self.enter(&Entry::Pin { name, pin }, false));
                }
            }
        }
        note(self.enter(&Entry::Device, false));
        self.finger();
        note(self.keys.is_some().then_some(Outcome::Opens));
        note(self.recover());
        assert_eq!(opened, has_way, "who has a key comes in, and nobody else");
    }
}

fn is_wiping(copies: &Copies) -> bool {
    let is = |keyring: &Keyring| matches!(keyring, Keyring::Shredding(_));
    copies.readable().any(is)
}

/// Flips a bit, cuts a file or removes it. Says whether there was one.
pub(super) fn damage(path: &Path, bit: u32) -> bool {
    let Ok(mut bytes) = fs::read(path) else {
        return false;
    };
    let at = (bit as usize >> 3) % bytes.len().max(1);
    match bit % 11 {
        0 => fs::remove_file(path).unwrap(),
        1 => fs::write(path, &bytes[..at]).unwrap(),
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << (bit % 8);
            }
            fs::write(path, bytes).unwrap();
        }
    }
    true
}
