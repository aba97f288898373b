//! The cases of rows 1 to 12: what the key store says, and what the person types.

use std::collections::BTreeSet;
use std::time::Duration;

use amana_core::ports::KeyStoreError;
use amana_core::test_support::DiskFault;
use amana_core::{NewPolicy, NewVault, PresenceAnswer, SlotInfoKind, Unlock};

use super::Case;
use super::stage::{Stage, never, person, pin, read, write};
use super::{damage, ends};
use crate::error::{Doing as _, Result};

/// All cases, in the order of the rows.
pub fn all() -> impl Iterator<Item = Case> {
    let mut all: Vec<Case> = CASES
        .into_iter()
        .chain(damage::CASES)
        .chain(ends::CASES)
        .collect();
    all.sort_by_key(|case| case.row);
    all.into_iter()
}

const CASES: [Case; 10] = [
    Case {
        row: 1,
        observed: "after a restart, before the phone was unlocked once",
        wanted: "key_temporarily_unavailable; nothing written, no key made or deleted; \
                 unlocked: opens with its value",
        play: before_first_unlock,
    },
    Case {
        row: 4,
        observed: "nothing is there",
        wanted: "not_found until the app makes a vault; made with 1 secret; opens",
        play: first_run,
    },
    Case {
        row: 7,
        observed: "the key store fails for 30 s",
        wanted: "key_temporarily_unavailable within 2 s; nothing written, no key made or deleted; \
                 30 s later: opens with its value",
        play: store_fails,
    },
    Case {
        row: 8,
        observed: "the person cancels the finger's prompt",
        wanted: "presence_required; nothing written, no key made or deleted; \
                 confirmed: opens with its value",
        play: finger_cancelled,
    },
    Case {
        row: 9,
        observed: "a new finger: the system invalidated the secret of the finger's slot",
        wanted: "presence_required; by PIN: opens with its value; left: 1 PIN slot",
        play: new_finger,
    },
    Case {
        row: 9,
        observed: "the same, and no other slot",
        wanted: "key_lost, offering quarantine; nothing written, no key made or deleted",
        play: new_finger_alone,
    },
    Case {
        row: 10,
        observed: "for 30 s the key store says that there is no such secret",
        wanted: "key_lost, offering a later try and quarantine; after 2 looks; \
                 nothing written, no key made or deleted; 30 s later: opens with its value",
        play: store_says_absent,
    },
    Case {
        row: 10,
        observed: "a backup was restored on another phone: files, but no secrets",
        wanted: "key_lost, offering a later try and recovery and quarantine; \
                 nothing written, no key made or deleted; \
                 the organisation answers: opens with its value; from then on: opens with its value",
        play: other_phone,
    },
    Case {
        row: 11,
        observed: "wrong PINs",
        wanted: "wrong_pin 5 times; then pin_delayed for 30 s, also with the right one; \
                 after a reboot: pin_delayed for 30 s; later: opens with its value",
        play: wrong_pins,
    },
    Case {
        row: 12,
        observed: "the secret is another one",
        wanted: "key_mismatch, offering quarantine; nothing written, no key made or deleted",
        play: another_secret,
    },
];

fn before_first_unlock() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    stage.phone.reboot();
    stage.disk.set_hidden(true);
    let locked = stage.open_and_compare()?;
    stage.disk.set_hidden(false);
    stage.phone.unlock();
    Ok(format!("{locked}; unlocked: {}", stage.open()?))
}

fn first_run() -> Result<String> {
    let stage = Stage::new()?;
    let before = stage.open()?;
    let vault = stage.start()?;
    let policy = NewPolicy::Device;
    let recovery = None;
    vault
        .create(&NewVault { policy, recovery })
        .doing("create")?;
    vault.close().doing("close")?;
    let secrets = stage.phone.aliases().len();
    let vault = stage.start()?;
    let opens = match vault.unlock() {
        Ok(()) => "opens".to_owned(),
        Err(error) => error.code().as_str().to_owned(),
    };
    Ok(format!(
        "{before} until the app makes a vault; made with {secrets} secret; {opens}"
    ))
}

fn store_fails() -> Result<String> {
    use amana_core::ports::Clock as _;
    let stage = Stage::with_device_vault(None)?;
    stage.phone.fails_for(Duration::from_secs(30));
    let begun = stage.clock.monotonic_ms();
    let seen = stage.compare(|stage| {
        let seen = stage.open()?;
        let took = stage.clock.monotonic_ms() - begun;
        Ok(match took {
            0..=2_000 => format!("{seen} within 2 s"),
            _ => format!("{seen} AFTER {took} MS"),
        })
    })?;
    stage.clock.advance(30_000);
    Ok(format!("{seen}; 30 s later: {}", stage.open()?))
}

/// A vault that Ama's finger opens too.
fn with_finger() -> Result<Stage> {
    let stage = Stage::with_persons_vault()?;
    let vault = stage.start()?;
    let (ama, ama_pin) = (person("ama")?, pin("1111")?);
    let way = Unlock::Pin {
        person: &ama,
        pin: &ama_pin,
    };
    vault.unlock_with(&way).doing("her PIN")?;
    let request = vault.begin_add_presence().doing("a finger")?;
    let level = stage.phone.create_with_presence(&request.alias);
    let derived = stage
        .phone
        .derive_with_presence(&request.alias, &request.input);
    let (level, derived) = (level.doing("a finger")?, derived.doing("a finger")?);
    vault
        .finish_add_presence(request.slot, &derived, level)
        .doing("a finger")?;
    vault.close().doing("close")?;
    Ok(stage)
}

/// Opens with the finger; `cancelled` by the person, or as the phone says.
fn finger(stage: &Stage, cancelled: bool) -> Result<String> {
    let vault = stage.start()?;
    let requests = vault.begin_presence().doing("a finger")?;
    let request = requests.first().ok_or_else(|| never("no finger"))?;
    drop(vault);
    let outcome = match cancelled {
        true => Err(KeyStoreError::Denied),
        false => stage
            .phone
            .derive_with_presence(&request.alias, &request.input),
    };
    let slot = request.slot;
    stage.open_with(&Unlock::Presence(&PresenceAnswer { slot, outcome }))
}

fn finger_cancelled() -> Result<String> {
    let stage = with_finger()?;
    let cancelled = stage.compare(|stage| finger(stage, true))?;
    let confirmed = finger(&stage, false)?;
    Ok(format!("{cancelled}; confirmed: {confirmed}"))
}

fn new_finger() -> Result<String> {
    let stage = with_finger()?;
    stage.phone.new_finger();
    let refused = finger(&stage, false)?;
    let by_pin = stage.enter("ama", "1111")?;
    let slots = stage.start()?.slots().doing("slots")?.slots;
    let is_pin = |slot: &&amana_core::SlotInfo| matches!(slot.kind, SlotInfoKind::Pin(_));
    let pins = slots.iter().filter(is_pin).count();
    let left = match slots.len() == pins {
        true => format!("{pins} PIN slot"),
        false => "THE FINGER'S SLOT TOO".to_owned(),
    };
    Ok(format!("{refused}; by PIN: {by_pin}; left: {left}"))
}

fn new_finger_alone() -> Result<String> {
    let stage = with_finger()?;
    let vault = stage.start()?;
    let requests = vault.begin_presence().doing("a finger")?;
    let request = requests.first().ok_or_else(|| never("no finger"))?;
    let outcome = stage
        .phone
        .derive_with_presence(&request.alias, &request.input);
    let answer = PresenceAnswer {
        slot: request.slot,
        outcome,
    };
    vault
        .unlock_with(&Unlock::Presence(&answer))
        .doing("a finger")?;
    vault.remove_pin(&person("ama")?).doing("no PIN")?;
    vault.close().doing("close")?;
    stage.phone.new_finger();
    stage.compare(|stage| finger(stage, false))
}

fn store_says_absent() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    stage.phone.says_absent_for(Duration::from_secs(30));
    stage.phone.calls();
    let seen = stage.compare(|stage| {
        let seen = stage.open()?;
        Ok(format!("{seen}; after {} looks", stage.phone.calls().len()))
    })?;
    stage.clock.advance(30_000);
    Ok(format!("{seen}; 30 s later: {}", stage.open()?))
}

fn other_phone() -> Result<String> {
    let entropy = amana_core::system::SystemEntropy;
    let (private, public) =
        amana_core::vault::make_organisation_key(&entropy).doing("the organisation")?;
    let stage = Stage::with_device_vault(Some(public))?;
    stage.phone.clear_secrets();
    let lost = stage.open_and_compare()?;
    let vault = stage.start()?;
    let request = vault.make_recovery_request().doing("a request")?;
    let answer = amana_core::vault::answer_request(&private, &request.bytes, &entropy)
        .doing("the organisation's answer")?;
    // The key for the answer is in this handle.
    let recovered = stage.open_with(&Unlock::Recovery(&answer))?;
    drop(vault);
    let again = stage.open()?;
    Ok(format!(
        "{lost}; the organisation answers: {recovered}; from then on: {again}"
    ))
}

fn wrong_pins() -> Result<String> {
    let stage = Stage::with_persons_vault()?;
    let mut wrong = 0;
    while stage.enter("ama", "2222")? == "wrong_pin" {
        wrong += 1;
        if wrong > 20 {
            return Err(never("wrong PINs are free"));
        }
    }
    let delayed = stage.enter("ama", "1111")?;
    stage.clock.advance(20_000);
    stage.phone.reboot();
    stage.phone.unlock();
    let rebooted = stage.enter("ama", "1111")?;
    stage.clock.advance(30_000);
    let later = stage.enter("ama", "1111")?;
    Ok(format!(
        "wrong_pin {wrong} times; then {delayed}, also with the right one; \
         after a reboot: {rebooted}; later: {later}"
    ))
}

fn another_secret() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    stage.phone.replace_secrets();
    stage.open_and_compare()
}

/// Every deed that is killed takes more steps than this: two copies of a keyring are written.
const FEWEST_STEPS: u32 = 8;

/// Kills a deed at its every step, each on a stage of its own, until it is done before the kill
/// comes. Says what was seen after the kills, each thing once; what is empty is left out.
pub fn killed_at_every_step(
    stage: impl Fn() -> Result<Stage>,
    deed: impl Fn(&Stage) -> Result<Option<()>>,
    look: impl Fn(&Stage) -> Result<String>,
) -> Result<String> {
    let mut seen = BTreeSet::new();
    for step in 0..200 {
        let stage = stage()?;
        stage.disk.arm(step, DiskFault::Torn);
        if deed(&stage)?.is_some() {
            if step < FEWEST_STEPS {
                return Err(never("there was next to nothing to kill"));
            }
            let seen: Vec<String> = seen.into_iter().collect();
            return Ok(seen.join(" OR "));
        }
        seen.insert(look(&stage)?);
        seen.remove("");
    }
    Err(never("a deed has no end"))
}

/// Puts other bytes into a file while something is looked at.
pub fn with_other_bytes<T>(
    path: &std::path::Path,
    bytes: &[u8],
    look: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let good = read(path)?;
    write(path, bytes)?;
    let seen = look();
    write(path, &good)?;
    seen
}
