//! Random lives through the front door, with the real database: a smaller set beside the thousands
//! that the vault's own tests play. `AMANA_LIVES=10` plays ten times as many.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use amana_core::model::kv::{KvNamespace, KvValue};
use amana_core::secret::OrganisationPrivateKey;
use amana_core::system::SystemEntropy;
use amana_core::test_support::{DiskFault, FakeClock, Phone, PhoneDisk, draws};
use amana_core::vault::{answer_request, make_organisation_key};
use amana_core::{
    Amana, Config, ErrorCode, IdleRule, LossAcknowledged, NewPolicy, NewVault, PersonId, Pin,
    PinKdf, Presence, RecoveryKey, Result, SlotInfoKind, System, Unlock, VaultState,
};
use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use tempfile::TempDir;

const NAMES: [&str; 3] = ["ama", "kofi", "esi"];
const PINS: [&str; 3] = ["1111", "2222", "3333"];
const IDLE_MS: u64 = 300_000;

/// What must be true of a vault that exists.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Held {
    value: u64,
    members: BTreeMap<usize, usize>,
}

struct Life {
    home: TempDir,
    phone: Arc<Phone>,
    disk: Arc<PhoneDisk>,
    clock: Arc<FakeClock>,
    organisation: (OrganisationPrivateKey, RecoveryKey),
    /// The running app.
    app: Option<Amana>,
    /// The states that the vault may be in; `None` is "no vault".
    possible: Vec<Option<Held>>,
    /// Whose secrets may be gone.
    gone: BTreeSet<usize>,
}

fn person(name: usize) -> PersonId {
    PersonId::new(NAMES[name]).unwrap()
}

fn pin(text: usize) -> Pin {
    Pin::new(PINS[text].as_bytes().to_vec()).unwrap()
}

fn namespace() -> KvNamespace {
    KvNamespace::Stored("lives".to_owned())
}

impl Life {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let home = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let clock = Arc::new(FakeClock::at(1_800_000_000_000));
        let mut life = Self {
            home: home.unwrap(),
            phone: Arc::new(Phone::new(Arc::clone(&clock))),
            disk: Arc::default(),
            clock,
            organisation: make_organisation_key(&SystemEntropy).unwrap(),
            app: None,
            possible: vec![None],
            gone: BTreeSet::new(),
        };
        life.create();
        life
    }

    fn path(&self) -> PathBuf {
        self.home.path().join("patients")
    }

    fn app(&mut self) -> Amana {
        if let Some(app) = self
            .app
            .as_ref()
            .filter(|app| app.state() != VaultState::Closed)
        {
            return app.clone();
        }
        self.stop();
        let config = Config {
            pin_kdf: Some(PinKdf::for_tests()),
            idle_lock: Some(IdleRule {
                after_ms: IDLE_MS,
                ..IdleRule::default()
            }),
            ..Config::new(self.path())
        };
        let system = System {
            clock: self.clock.clone(),
            timer: self.phone.clone(),
            disk: self.disk.clone(),
            ..System::real()
        };
        let app = Amana::attach(config, self.phone.clone(), system).unwrap();
        self.app = Some(app.clone());
        app
    }

    /// The app's process ends.
    fn stop(&mut self) {
        if let Some(app) = self.app.take() {
            app.close().unwrap();
        }
    }

    /// Runs a call of the app; `None` if the app was killed in it.
    fn call<T>(&mut self, call: impl FnOnce(&Amana) -> Result<T>) -> Option<Result<T>> {
        let app = self.app();
        let result = self.disk.run(|| call(&app));
        self.phone.spare();
        drop(app);
        if result.is_none() {
            self.stop();
        }
        result
    }

    fn is_fair(&self) -> bool {
        self.phone.weather() == (Some(0), 0) && !self.disk.is_troubled()
    }

    fn create(&mut self) {
        if !self.possible.contains(&None) {
            return;
        }
        let recovery = Some(self.organisation.1);
        let made = self.call(|app| {
            let (first, first_pin) = (person(0), pin(0));
            let policy = NewPolicy::Person {
                person: &first,
                pin: &first_pin,
            };
            app.create(&NewVault { policy, recovery })
        });
        let held = Held {
            value: 0,
            members: BTreeMap::from([(0, 0)]),
        };
        match made {
            Some(Ok(())) => {
                self.possible = vec![Some(held)];
                self.gone.clear();
            }
            // There is one, or there was: an opening tells.
            Some(Err(error)) if error.code() == ErrorCode::InvalidInput => {}
            _ => self.possible.push(Some(held)),
        }
    }

    /// What is read from the open vault is what must be true.
    fn look(&mut self) {
        let app = self.app();
        let value = app.kv_get_now(&namespace(), "value").unwrap();
        let value = value.map_or(0, |value| value.as_text().unwrap().parse().unwrap());
        let slots = app.slots().unwrap();
        assert!(slots.proven);
        let is_there = |name: &usize| {
            let kind = SlotInfoKind::Pin(person(*name));
            slots.slots.iter().any(|slot| slot.kind == kind)
        };
        let names: Vec<usize> = (0..NAMES.len()).filter(is_there).collect();
        let records = block_on(app.count("patients", "{}")).unwrap();
        let fits = |held: &&Held| {
            held.value == value && held.members.keys().copied().eq(names.iter().copied())
        };
        let fitting = self.possible.iter().flatten().find(fits);
        let Some(held) = fitting.cloned() else {
            panic!("{value} of {names:?} is none of {:?}", self.possible);
        };
        assert_eq!(records, value, "records and values were committed together");
        self.possible = vec![Some(held)];
    }

    fn enter(&mut self, name: usize, text: usize) -> bool {
        let fair = self.is_fair();
        let app = self.app();
        let delayed = app
            .pin_standing(&person(name))
            .is_ok_and(|at| at.delay_ms > 0);
        drop(app);
        let fits = |held: &Held| held.members.get(&name) == Some(&text);
        let right = self.possible.iter().flatten().any(fits);
        let surely = self
            .possible
            .iter()
            .all(|held| held.as_ref().is_some_and(fits));
        let result = self.call(|app| {
            app.unlock_with(&Unlock::Pin {
                person: &person(name),
                pin: &pin(text),
            })
        });
        match result {
            Some(Ok(())) => {
                assert!(right, "a wrong PIN opened");
                self.look();
                return true;
            }
            Some(Err(error)) => {
                let code = error.code();
                if code == ErrorCode::NotFound
                    && self
                        .app()
                        .glance()
                        .is_ok_and(|seen| seen.presence == Presence::Nothing)
                {
                    assert!(self.possible.contains(&None), "a vault is gone");
                    self.possible = vec![None];
                }
                let lost = self.gone.contains(&name);
                let allowed: &[ErrorCode] = match (fair, delayed, surely) {
                    (true, true, _) => &[ErrorCode::PinDelayed],
                    (true, false, true) if lost => {
                        &[ErrorCode::KeyLost, ErrorCode::PresenceRequired]
                    }
                    (true, false, true) => &[],
                    (true, false, false) => &[
                        ErrorCode::WrongPin,
                        ErrorCode::NotFound,
                        ErrorCode::KeyLost,
                        ErrorCode::PresenceRequired,
                    ],
                    (false, ..) => &[
                        ErrorCode::WrongPin,
                        ErrorCode::NotFound,
                        ErrorCode::KeyLost,
                        ErrorCode::PresenceRequired,
                        ErrorCode::PinDelayed,
                        ErrorCode::KeyTemporarilyUnavailable,
                        ErrorCode::StorageFull,
                        ErrorCode::Internal,
                    ],
                };
                assert!(
                    allowed.contains(&code),
                    "{error:?}, {fair} {delayed} {surely}"
                );
            }
            None => {}
        }
        false
    }

    /// A change of the open vault: afterwards it is true, or it is not, or it may be.
    fn change(&mut self, after: Held, change: impl FnOnce(&Amana) -> Result<()>) {
        if self.app().state() != VaultState::Unlocked {
            return;
        }
        let troubled = !self.is_fair();
        match self.call(change) {
            Some(Ok(())) => self.possible = vec![Some(after)],
            Some(Err(error)) => {
                assert!(troubled, "{error:?}");
                self.possible.push(Some(after));
                if self.app().state() == VaultState::Unlocked {
                    self.look();
                }
            }
            None => self.possible.push(Some(after)),
        }
    }

    fn commit(&mut self) {
        let Some(before) = self.possible[0].clone() else {
            return;
        };
        let value = before.value + 1;
        let after = Held { value, ..before };
        self.change(after, |app| {
            // The record first: where it is there, the value is too, or the life ends here.
            block_on(app.insert("patients", r#"{"given_name":"Amal"}"#))?;
            block_on(app.kv_set(
                &namespace(),
                "value",
                KvValue::text(value.to_string()),
                None,
            ))
        });
    }

    fn recover(&mut self) -> bool {
        let app = self.app();
        let Ok(request) = app.make_recovery_request() else {
            return false;
        };
        let answer = answer_request(&self.organisation.0, &request.bytes, &SystemEntropy).unwrap();
        drop(app);
        let fair = self.is_fair();
        match self.call(|app| app.unlock_with(&Unlock::Recovery(&answer))) {
            Some(Ok(())) => {
                self.look();
                true
            }
            // A wipe that was begun goes on.
            Some(Err(error)) => {
                let half_wiped =
                    error.code() == ErrorCode::NotFound && self.possible.contains(&None);
                assert!(!fair || half_wiped, "{error:?}");
                false
            }
            None => false,
        }
    }

    fn happen(&mut self, number: u64) {
        let (kind, rest) = (number % 44, number / 44);
        let (a, b) = (rest as usize % 3, rest as usize / 3 % 3);
        let held = self.possible[0].clone();
        match (kind, held) {
            (0..8, _) => _ = self.enter(a, b),
            (8..16, _) => self.commit(),
            (16 | 17, Some(mut after)) if !after.members.contains_key(&a) => {
                after.members.insert(a, b);
                self.change(after, |app| app.add_pin(&person(a), &pin(b)));
            }
            // With another PIN of the same person two states look alike: only in fair weather.
            (18, Some(mut after)) if after.members.contains_key(&a) && self.is_fair() => {
                after.members.insert(a, b);
                self.phone.spare();
                self.change(after, |app| app.reset_pin(&person(a), &pin(b)));
            }
            (19 | 20, Some(mut after)) if after.members.len() > 1 => {
                if after.members.remove(&a).is_some() {
                    self.change(after, |app| app.remove_pin(&person(a)));
                }
            }
            (21 | 22, Some(after)) => self.change(after, Amana::rotate),
            (23, _) => self.app().lock().unwrap(),
            (24, _) => self.stop(),
            (25, _) => self.wipe(),
            (26, _) => self.put_aside(),
            (27, _) => {
                self.stop();
                self.phone.clear_secrets();
                self.gone.extend(0..NAMES.len());
                _ = self.recover();
            }
            (28, _) => _ = self.recover(),
            (29, _) => {
                self.clock.advance(IDLE_MS);
                self.app().check_idle_lock();
                assert_eq!(self.app().state(), VaultState::Locked);
            }
            (30, _) => {
                self.stop();
                self.phone.reboot();
            }
            (31..34, _) => self.phone.unlock(),
            (34, _) => self.phone.fails_for(Duration::from_secs(30)),
            (35, _) => self.phone.says_absent_for(Duration::from_secs(30)),
            (36 | 37, _) => self.clock.advance(rest % 4_000_000),
            (38 | 39, _) => {
                let faults = [
                    DiskFault::Kill,
                    DiskFault::Torn,
                    DiskFault::PowerCut(b),
                    DiskFault::Full,
                    DiskFault::Fails,
                ];
                let fault = faults[rest as usize / 9 % 5];
                self.disk.arm((rest / 45 % 20) as u32, fault);
            }
            (40, _) => self.disk.set_full(false),
            (41, _) => self.flip_database_bit(rest as usize),
            (42, _) => self.create(),
            _ => self.phone.kill_after((rest % 3) as u32),
        }
    }

    fn wipe(&mut self) {
        match self.call(Amana::wipe) {
            Some(Ok(())) => {
                self.stop();
                self.possible = vec![None];
                self.create();
            }
            _ => self.possible.push(None),
        }
    }

    fn put_aside(&mut self) {
        let app = self.app();
        app.lock().unwrap();
        let Ok(seen) = app.glance() else { return };
        drop(app);
        if seen.presence != Presence::Vault {
            return;
        }
        let unsynced = seen.unsynced;
        let aside = self.call(|app| app.quarantine(LossAcknowledged { unsynced }));
        self.stop();
        // Put back at once: nothing is lost by it.
        if let Some(Ok(aside)) = aside {
            let _ = fs::remove_dir_all(self.path());
            fs::rename(aside.path, self.path()).unwrap();
            self.disk.settle();
        } else if !self.path().exists() {
            let mut aside = self.path().into_os_string();
            aside.push(".quarantine.1");
            fs::rename(aside, self.path()).unwrap();
        }
    }

    /// A bit of the database flips while it is closed: what is read is right, or it is refused.
    fn flip_database_bit(&mut self, bit: usize) {
        self.stop();
        let file = self.path().join("database");
        let Ok(good) = fs::read(&file) else { return };
        if good.is_empty() || self.possible.len() > 1 || !self.is_fair() {
            return;
        }
        let Some(held) = self.possible[0].clone() else {
            return;
        };
        let mut bytes = good.clone();
        let at = bit / 8 % bytes.len();
        bytes[at] ^= 1 << (bit % 8);
        fs::write(&file, bytes).unwrap();
        for (name, text) in &held.members {
            let app = self.app();
            let (person, pin) = (person(*name), pin(*text));
            let way = Unlock::Pin {
                person: &person,
                pin: &pin,
            };
            if app.unlock_with(&way).is_ok()
                && let Ok(value) = app.kv_get_now(&namespace(), "value")
            {
                let value = value.map_or(0, |value| value.as_text().unwrap().parse().unwrap());
                assert_eq!(value, held.value, "a damaged page was read as a value");
            }
            app.close().unwrap();
        }
        self.stop();
        for journal in ["database-wal", "database-shm", "database-journal"] {
            let _ = fs::remove_file(self.path().join(journal));
        }
        fs::write(&file, good).unwrap();
    }

    /// In fair weather whoever has a way in comes in, and finds what was committed.
    fn end(&mut self) {
        self.stop();
        self.phone.unlock();
        self.disk.set_full(false);
        self.disk.run(|| ());
        self.clock.advance(60_000);
        let mut opened = false;
        for held in self.possible.clone().into_iter().flatten() {
            for (name, text) in held.members {
                for _ in 0..2 {
                    self.clock.advance(2 * 3_600_000);
                    opened |= self.enter(name, text);
                }
            }
        }
        opened |= self.recover();
        assert!(
            opened || self.possible.contains(&None),
            "{:?}",
            self.possible
        );
    }
}

#[test]
fn no_life_loses_a_record_or_opens_to_a_stranger() {
    let lives = prop::collection::vec(any::<u64>(), 40..80);
    for draw in draws(100) {
        let mut runner = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            max_shrink_iters: 200,
            rng_seed: RngSeed::Fixed(draw.seed),
            ..ProptestConfig::with_cases(draw.lives)
        });
        let outcome = runner.run(&lives, |events| {
            let mut life = Life::new();
            for event in events {
                life.happen(event);
            }
            life.end();
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{failure}\n{}", draw.again("-p amana-tests --test lives"));
        }
    }
}
