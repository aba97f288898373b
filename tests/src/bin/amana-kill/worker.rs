//! The one that is killed: opens the vault through the front door, tells what is in it, and works
//! on it until it is no more.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use amana_core::model::kv::{KvEntry, KvNamespace, KvValue, MAX_PAGE_KEYS};
use amana_core::ports::KeyStore;
use amana_core::{
    Amana, Config, Error, ErrorCode, NewPolicy, NewVault, PersonId, Pin, PinKdf, Presence, Result,
    SlotInfoKind, System, Unlock,
};
use pollster::block_on;
use serde_json::{Value as Json, json};

use crate::draw::Draw;
use crate::op::{Held, Op, State, state_to_json};

/// What a worker is started with.
#[derive(clap::Args)]
pub struct Arguments {
    /// The vault's directory; its key store is beside it.
    #[arg(long)]
    vault: PathBuf,
    /// Whether it opens for persons alone.
    #[arg(long)]
    person: bool,
    /// What to do.
    #[arg(long)]
    seed: u64,
    /// The PINs that the second person may have.
    #[arg(long)]
    second: Vec<u64>,
}

const FIRST: &str = "ama";
const SECOND: &str = "kofi";
const FIRST_PIN: u64 = 1111;
const PAGE: usize = 500;

/// Works until it is killed, or something is refused that must not be.
pub fn run(arguments: &Arguments) -> Result<()> {
    let worker = Worker::open(arguments)?;
    let mut state = worker.tell(&arguments.second)?;
    let loose = match state {
        Some(_) => worker.loose_secrets()?,
        None => 0,
    };
    say(&json!({"state": state_to_json(&state), "loose": loose}));
    let mut draw = Draw::new(arguments.seed);
    for number in 0_u64.. {
        let op = choose(
            &state,
            arguments.person,
            arguments.seed * 100_000 + number,
            &mut draw,
        );
        say(&json!({"try": op.to_json()}));
        worker.carry_out(&op)?;
        say(&json!({"done": true}));
        state = op.apply(&state);
    }
    Ok(())
}

fn choose(state: &State, person: bool, number: u64, draw: &mut Draw) -> Op {
    let Some(held) = state else {
        return Op::Create;
    };
    if held.values.is_empty() {
        // From its first value on, a vault that opens with nothing in it has lost something.
        return Op::Set(vec!["born".to_owned()], number);
    }
    let mut key = || format!("key{}", draw.below(12));
    let (one, two, three) = (key(), key(), key());
    match draw.below(60) {
        0..24 => Op::Set(vec![one], number),
        24..32 => Op::Set(vec![one, two, three], number),
        32..35 => Op::Remove(one),
        35..42 => Op::Record(number),
        42..50 if person => Op::Person(match (held.second, draw.below(3)) {
            (Some(_), 0) => None,
            _ => Some(2000 + draw.below(5)),
        }),
        50..56 => Op::Rotate,
        56..59 => Op::Reopen,
        59 => Op::Wipe,
        _ => Op::Set(vec![two], number),
    }
}

struct Worker {
    vault: PathBuf,
    keys: PathBuf,
    person: bool,
    /// Another handle after a wipe.
    amana: std::cell::RefCell<Amana>,
}

impl Worker {
    fn open(arguments: &Arguments) -> Result<Self> {
        let keys = arguments.vault.with_extension("keys");
        let amana = attach(&arguments.vault, &keys)?;
        Ok(Self {
            vault: arguments.vault.clone(),
            keys,
            person: arguments.person,
            amana: amana.into(),
        })
    }

    fn amana(&self) -> Amana {
        self.amana.borrow().clone()
    }

    /// Opens what is there, goes on with a wipe, and says what is in it.
    fn tell(&self, second: &[u64]) -> Result<State> {
        match self.amana().glance()?.presence {
            Presence::Nothing => return Ok(None),
            Presence::HalfWiped => {
                return match self.unlock() {
                    Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
                    Err(error) => Err(error),
                    Ok(()) => Err(Error::internal("a half wiped vault opened")),
                };
            }
            Presence::Vault => self.unlock()?,
        }
        let amana = self.amana();
        let mut held = Held::default();
        let page = amana.kv_keys_now(&namespace(), "", None, MAX_PAGE_KEYS)?;
        for key in page.keys {
            let value = amana.kv_get_now(&namespace(), &key)?;
            let value = value.ok_or(Error::internal("a key has no value"))?;
            held.values.insert(key, number_of(value.as_text()?)?);
        }
        held.records = self.records()?;
        let kofi = SlotInfoKind::Pin(person(SECOND)?);
        if amana.slots()?.slots.iter().any(|slot| slot.kind == kofi) {
            let fits = |pin: &&u64| self.enter(SECOND, **pin).is_ok();
            let pin = second.iter().find(fits);
            held.second = Some(*pin.ok_or(Error::internal("no PIN of the second person opens"))?);
        }
        Ok(Some(held))
    }

    fn records(&self) -> Result<BTreeSet<u64>> {
        let mut found = BTreeSet::new();
        let mut offset = Some(0);
        while let Some(from) = offset {
            let query = json!({"limit": PAGE, "offset": from}).to_string();
            let page = block_on(self.amana().query("patients", &query))?;
            let page: Json = serde_json::from_str(&page).map_err(|_| Error::internal("no JSON"))?;
            let columns = page["columns"].as_array();
            let at = columns.and_then(|names| names.iter().position(|name| name == "given_name"));
            for row in page["rows"].as_array().into_iter().flatten() {
                let text = at.and_then(|at| row[at].as_str()).unwrap_or_default();
                found.insert(
                    text.parse()
                        .map_err(|_| Error::internal("no such record"))?,
                );
            }
            offset = page["next_offset"].as_u64();
        }
        Ok(found)
    }

    /// How many secrets are in the key store that no slot uses.
    fn loose_secrets(&self) -> Result<usize> {
        let slots = self.amana().slots()?.slots.len();
        let secrets = std::fs::read_dir(&self.keys)
            .map_err(|_| Error::internal("no key store"))?
            .filter_map(std::result::Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().len() == ALIAS_LENGTH)
            .count();
        Ok(secrets.saturating_sub(slots))
    }

    fn unlock(&self) -> Result<()> {
        match self.person {
            true => self.enter(FIRST, FIRST_PIN),
            false => self.amana().unlock(),
        }
    }

    fn enter(&self, name: &str, number: u64) -> Result<()> {
        self.amana().unlock_with(&Unlock::Pin {
            person: &person(name)?,
            pin: &pin(number)?,
        })
    }

    fn carry_out(&self, op: &Op) -> Result<()> {
        let amana = self.amana();
        match op {
            Op::Create => {
                let (first, first_pin) = (person(FIRST)?, pin(FIRST_PIN)?);
                let policy = match self.person {
                    true => NewPolicy::Person {
                        person: &first,
                        pin: &first_pin,
                    },
                    false => NewPolicy::Device,
                };
                let recovery = None;
                amana.create(&NewVault { policy, recovery })
            }
            Op::Set(keys, number) => {
                let entry = |key: &String| KvEntry {
                    key: key.clone(),
                    value: KvValue::text(text_of(*number)),
                    expires_in_ms: None,
                };
                let entries = keys.iter().map(entry).collect();
                block_on(amana.kv_multi_set(&namespace(), entries))
            }
            Op::Remove(key) => block_on(amana.kv_remove(&namespace(), key)).map(|_| ()),
            Op::Record(number) => {
                let fields = json!({"given_name": number.to_string()}).to_string();
                block_on(amana.insert("patients", &fields)).map(|_| ())
            }
            Op::Person(None) => amana.remove_pin(&person(SECOND)?),
            Op::Person(Some(number)) => {
                let (person, pin) = (person(SECOND)?, pin(*number)?);
                match amana.pin_standing(&person) {
                    Ok(_) => amana.reset_pin(&person, &pin),
                    Err(_) => amana.add_pin(&person, &pin),
                }
            }
            Op::Rotate => amana.rotate(),
            Op::Reopen => amana.lock().and_then(|()| self.unlock()),
            Op::Wipe => {
                amana.wipe()?;
                drop(amana);
                self.amana.replace(attach(&self.vault, &self.keys)?);
                Ok(())
            }
        }
    }
}

/// What the file key store names a secret's file.
const ALIAS_LENGTH: usize = "amana.".len() + 32;

fn attach(vault: &Path, keys: &Path) -> Result<Amana> {
    let key_store: Arc<dyn KeyStore> = amana_core::host_key_store(keys)?;
    let config = Config {
        pin_kdf: Some(PinKdf::for_tests()),
        ..Config::new(vault)
    };
    Amana::attach(config, key_store, System::real())
}

fn namespace() -> KvNamespace {
    KvNamespace::Stored("kill".to_owned())
}

fn person(name: &str) -> Result<PersonId> {
    PersonId::new(name)
}

fn pin(number: u64) -> Result<Pin> {
    Pin::new(number.to_string().into_bytes())
}

/// Values of many sizes, whose every character is known.
fn text_of(number: u64) -> String {
    let length = usize::try_from(number % 7).unwrap_or(0) * 900;
    format!("{number}:{}", "v".repeat(length))
}

fn number_of(text: &str) -> Result<u64> {
    let number = text
        .split_once(':')
        .and_then(|(number, _)| number.parse().ok());
    match number {
        Some(number) if text_of(number) == text => Ok(number),
        _ => Err(Error::internal("a value is not what was written")),
    }
}

#[allow(clippy::print_stdout, reason = "this is how it is listened to")]
fn say(line: &Json) {
    let mut out = std::io::stdout().lock();
    // Nobody listens any more: the end is near.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
