//! Random lives of a tablet against a simple model of what must be true: a key is never made while
//! data exists, a wrong PIN never opens, a right one opens the same database whenever the key store
//! answers, and after a wipe nothing of the vault is left.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::clinic::{Clinic, KDF, person, pin};
use super::*;

const NAMES: [&str; 3] = ["ama", "kofi", "esi"];
const PINS: [&str; 3] = ["1111", "2222", "3333"];

#[derive(Clone, Copy, Debug)]
enum Event {
    Enter { name: usize, pin: usize },
    Add { name: usize, pin: usize },
    Change { name: usize, old: usize, new: usize },
    Remove { name: usize },
    Rekey { finished: bool, killed: bool },
    Lock,
    Reboot,
    UnlockPhone,
    Fails,
    SaysAbsent,
    Time { seconds: u64 },
    DamageCopy { index: usize },
    LoseStatus,
    Wipe,
}

fn event() -> impl Strategy<Value = Event> {
    let (name, pin) = (0..NAMES.len(), 0..PINS.len());
    prop_oneof![
        8 => (name.clone(), pin.clone()).prop_map(|(name, pin)| Event::Enter { name, pin }),
        3 => (name.clone(), pin.clone()).prop_map(|(name, pin)| Event::Add { name, pin }),
        2 => (name.clone(), pin.clone(), pin).prop_map(|(name, old, new)| Event::Change { name, old, new }),
        2 => name.prop_map(|name| Event::Remove { name }),
        2 => any::<(bool, bool)>().prop_map(|(finished, killed)| Event::Rekey { finished, killed }),
        2 => Just(Event::Lock),
        1 => Just(Event::Reboot),
        2 => Just(Event::UnlockPhone),
        1 => Just(Event::Fails),
        1 => Just(Event::SaysAbsent),
        4 => (1_u64..4000).prop_map(|seconds| Event::Time { seconds }),
        1 => (0_usize..2).prop_map(|index| Event::DamageCopy { index }),
        1 => Just(Event::LoseStatus),
        1 => Just(Event::Wipe),
    ]
}

/// What must be true.
struct Model {
    pins: BTreeMap<usize, usize>,
    /// The key that the database is encrypted with.
    database: [u8; 32],
}

struct Life {
    clinic: Clinic,
    model: Option<Model>,
    keys: Option<VaultKeys>,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut life = Self {
            clinic: Clinic::new(seed),
            model: None,
            keys: None,
        };
        life.begin();
        life
    }

    fn begin(&mut self) {
        let keys = self.clinic.make_person(None);
        self.model = Some(Model {
            pins: BTreeMap::from([(0, 0)]),
            database: *keys.database.expose(),
        });
        self.keys = Some(keys);
    }

    fn enter(&mut self, name: usize, text: usize) -> Result<(), ErrorCode> {
        let made = self.clinic.phone.aliases();
        let result = self.clinic.enter(NAMES[name], PINS[text]);
        let model = self.model.as_ref().unwrap();
        match result {
            Ok(mut keys) => {
                assert_eq!(model.pins.get(&name), Some(&text), "a wrong PIN opened");
                if keys.next_database.is_some() {
                    let has_next = keys.next_database.as_ref().unwrap().expose() == &model.database;
                    let answer = match has_next {
                        true => DatabaseAnswer::OpensWithNext,
                        false => DatabaseAnswer::Opens,
                    };
                    settle_rekey(&self.clinic.io(), &mut keys, answer).unwrap();
                }
                assert_eq!(keys.database.expose(), &model.database);
                let _ = tidy(&self.clinic.io(), &mut keys);
                self.keys = Some(keys);
                Ok(())
            }
            Err(refusal) => {
                assert_eq!(
                    self.clinic.phone.aliases(),
                    made,
                    "a refusal made or deleted a key"
                );
                let code = refusal.error.code();
                let expected = match model.pins.get(&name) {
                    None => vec![ErrorCode::NotFound],
                    Some(right) if *right == text => vec![],
                    Some(_) => vec![ErrorCode::WrongPin],
                };
                let weather = [
                    ErrorCode::PinDelayed,
                    ErrorCode::KeyTemporarilyUnavailable,
                    ErrorCode::KeyLost,
                    ErrorCode::PresenceRequired,
                ];
                assert!(
                    expected.contains(&code) || weather.contains(&code),
                    "{code:?}"
                );
                Err(code)
            }
        }
    }

    fn happen(&mut self, event: Event) {
        let io = self.clinic.io();
        match event {
            Event::Enter { name, pin } => {
                let _ = self.enter(name, pin);
            }
            Event::Add { name, pin: text } => {
                let (Some(keys), Some(model)) = (&mut self.keys, &mut self.model) else {
                    return;
                };
                let added = add_pin(&io, keys, &person(NAMES[name]), &pin(PINS[text]), KDF);
                if added.is_ok() {
                    assert!(model.pins.insert(name, text).is_none());
                }
            }
            Event::Change { name, old, new } => {
                let (Some(keys), Some(model)) = (&mut self.keys, &mut self.model) else {
                    return;
                };
                let pins = (&pin(PINS[old]), &pin(PINS[new]));
                let rules = PinRules::default();
                if change_pin(&io, keys, &person(NAMES[name]), pins, KDF, rules).is_ok() {
                    assert_eq!(model.pins.insert(name, new), Some(old));
                }
            }
            Event::Remove { name } => {
                let (Some(keys), Some(model)) = (&mut self.keys, &mut self.model) else {
                    return;
                };
                // The slot is gone once the keyring says so, even if its secret could not be.
                let _ = remove_pin(&io, keys, &person(NAMES[name]));
                let kind = SlotInfoKind::Pin(person(NAMES[name]));
                if keys.slots().iter().all(|slot| slot.kind != kind) {
                    model.pins.remove(&name);
                }
                assert!(!model.pins.is_empty());
            }
            Event::Rekey { finished, killed } => {
                let (Some(keys), Some(model)) = (&mut self.keys, &mut self.model) else {
                    return;
                };
                begin_rekey(&io, keys).unwrap();
                if finished {
                    model.database = *keys.next_database.as_ref().unwrap().expose();
                }
                if killed {
                    self.keys = None;
                    return;
                }
                let answer = match finished {
                    true => DatabaseAnswer::OpensWithNext,
                    false => DatabaseAnswer::Opens,
                };
                settle_rekey(&io, keys, answer).unwrap();
                assert_eq!(keys.database.expose(), &model.database);
            }
            Event::Lock => self.keys = None,
            Event::Reboot => {
                self.keys = None;
                self.clinic.phone.reboot();
            }
            Event::UnlockPhone => self.clinic.phone.unlock(),
            Event::Fails => self.clinic.phone.fails_for(Duration::from_secs(30)),
            Event::SaysAbsent => self.clinic.phone.says_absent_for(Duration::from_secs(30)),
            Event::Time { seconds } => self.clinic.clock.advance(seconds * 1000),
            Event::DamageCopy { index } => {
                // One copy, and only while the other is whole: two lost copies are another test's.
                let other = keyring::path(self.clinic.path(), 1 - index);
                let whole = fs::read(other).is_ok_and(|bytes| format::decode(&bytes).is_ok());
                if self.keys.is_none() && whole {
                    fs::write(keyring::path(self.clinic.path(), index), b"torn").unwrap();
                }
            }
            Event::LoseStatus => {
                let _ = fs::remove_file(status::path(self.clinic.path()));
            }
            Event::Wipe => self.wipe(),
        }
    }

    fn wipe(&mut self) {
        self.keys = None;
        // In fair weather: what a store hides cannot be deleted.
        self.clinic.phone.unlock();
        self.clinic.clock.advance(60_000);
        wipe(&self.clinic.io()).unwrap();
        assert!(self.clinic.phone.aliases().is_empty());
        assert_eq!(fs::read_dir(self.clinic.path()).unwrap().count(), 0);
        assert_eq!(self.clinic.code("ama", PINS[0]), ErrorCode::NotFound);
        self.begin();
    }

    /// After bad weather and every delay, whoever has a PIN gets in.
    fn end(&mut self) {
        self.clinic.phone.unlock();
        let members = self.model.as_ref().unwrap().pins.clone();
        for (name, text) in members {
            self.clinic.clock.advance(2 * 3_600_000);
            // After a reboot a delay starts again, at most once.
            let first = self.enter(name, text);
            if first == Err(ErrorCode::PinDelayed) {
                self.clinic.clock.advance(2 * 3_600_000);
                assert_eq!(self.enter(name, text), Ok(()));
            } else {
                assert_eq!(first, Ok(()));
            }
        }
    }
}

/// `AMANA_LIVES` asks for more lives than a test run has time for.
fn lives() -> u32 {
    std::env::var("AMANA_LIVES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(24)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(lives()) })]

    #[test]
    fn no_life_loses_a_vault_or_opens_it_to_a_stranger(
        seed in any::<u64>(), events in prop::collection::vec(event(), 1..60),
    ) {
        let mut life = Life::new(seed);
        for event in events {
            life.happen(event);
        }
        life.end();
    }
}
