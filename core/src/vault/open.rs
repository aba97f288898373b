//! Carries out what `decide` plans: looks, asks the key store, proves a key. Owns the order of
//! steps. Never opens the database; the caller holds the directory's lock.
//!
//! No key is handed out while a copy of the keyring says "creating": `finish_creation` returns
//! after both say "active", and an opening that finds only one of them so mends the other first.

use amana_keystore::{Alias, Derived};
use zeroize::Zeroizing;

use super::decide::{CopyState, DatabaseState, KeyState, Observation, Plan, after_answer, decide};
use super::first_run;
use super::guess::{Begun, Guess};
use super::hierarchy::{self, Roots};
use super::io::{Patience, VaultIo, not_planned};
use super::keyring::{self, Active, Copies, Keyring, KeyringCopy, Policy, Slot, SlotLock};
use super::keys::VaultKeys;
use super::look::{Found, look};
use super::pin::{self, Pin, PinKdf};
use super::report::{KeyLostReason, KeyLostReport, OpenResult, Refusal, RefusalReport, Remedy};
use super::status::{SlotStatus, Status};
use super::ways::{NewVault, Way};
use super::wipe;
use crate::error::{Error, ErrorCode, Result};

/// An opened vault: its keys, and whether it was made just now.
#[derive(Debug)]
pub struct Opened {
    /// The vault's keys.
    pub keys: VaultKeys,
    /// The vault is new: create the database under its key, then call `finish_creation`.
    pub first_run: bool,
}

/// Opens the vault in a directory whose lock the caller holds, or makes it where nothing exists and
/// `new` says how. Blocks while the key store answers. A successful opening makes exactly one
/// key-store call.
///
/// Where `keys.next_database` is there, a change of the root key was interrupted: try the database
/// with `keys.database`, then with that one, and call `settle_rekey` with what was seen.
pub fn open(io: &VaultIo<'_>, way: &Way<'_>, new: Option<&NewVault<'_>>) -> OpenResult<Opened> {
    // Twice at most: what an interrupted first run left is discarded once.
    for _ in 0..2 {
        io.cancel.check()?;
        let found = look(io.directory, io.database_file);
        match decide(&found.with_key(KeyState::NotAsked)).plan {
            Plan::Refuse(error) => return Err(error.into()),
            Plan::ResumeWipe => {
                wipe::wipe(io)?;
                return Err(Refusal {
                    error: Error::new(ErrorCode::NotFound, "an interrupted wipe was finished"),
                    report: Some(RefusalReport::WipeFinished),
                });
            }
            Plan::FirstRun => {
                let new = new.ok_or(Error::new(ErrorCode::NotFound, "there is no vault here"))?;
                return Ok(first_run::make(io, new)?);
            }
            Plan::DiscardInterrupted => first_run::discard(io, &found.copies)?,
            _ => return unlock(io, way, &found),
        }
    }
    Err(Error::internal("an interrupted first run could not be discarded").into())
}

/// The error for a database that SQLite refuses although its key is proven.
pub fn database_unreadable() -> Error {
    let decision = decide(&Observation {
        protected_data: Some(true),
        copies: [CopyState::Active; 2],
        database: DatabaseState::Refused,
        other_data: false,
        key: KeyState::Proven { pending: false },
    });
    match decision.plan {
        Plan::Refuse(error) => error,
        _ => Error::internal("a refused database was decided to be open"),
    }
}

/// The error for a vault whose files cannot be read now, as the system has said.
pub fn out_of_reach() -> Error {
    let decision = decide(&Observation {
        protected_data: Some(false),
        copies: [CopyState::Unreadable; 2],
        database: DatabaseState::Present,
        other_data: true,
        key: KeyState::NotAsked,
    });
    match decision.plan {
        Plan::Refuse(error) => error,
        _ => Error::internal("files out of reach were decided to be read"),
    }
}

fn unlock(io: &VaultIo<'_>, way: &Way<'_>, found: &Found) -> OpenResult<Opened> {
    let candidates = found.copies.active();
    let mut asking = Asking::default();
    let guess = match (
        way,
        candidates.first().and_then(|active| slot_of(active, way)),
    ) {
        (Way::Pin { .. }, Some(slot)) => match Guess::begin(io, slot)? {
            Begun::Counted(guess) => Some((guess, slot)),
            Begun::Delayed(left_ms) => {
                let state = KeyState::PinDelayed { left_ms };
                return Err(match decide(&found.with_key(state)).plan {
                    Plan::Refuse(error) => Refusal {
                        error,
                        report: Some(RefusalReport::PinDelayed { left_ms }),
                    },
                    _ => not_planned().into(),
                });
            }
        },
        _ => None,
    };
    let outcome = ask(io, way, found, &candidates, &mut asking);
    let opened = outcome.and_then(|(roots, index)| {
        let active = newest_proven(&candidates, index, &roots)?;
        mend(io, &found.copies, active)?;
        Ok(VaultKeys::derive(roots, active.clone())?)
    });
    match (opened, guess) {
        (Ok(keys), guess) => {
            if let Some((guess, _)) = guess {
                guess.right(io);
            }
            Ok(Opened {
                keys,
                first_run: false,
            })
        }
        (Err(mut refusal), Some((guess, slot))) => {
            match way {
                Way::Pin { rules, .. } if refusal.error.code() == ErrorCode::WrongPin => {
                    let report = guess.wrong(io, *rules, slot)?;
                    refusal.report = Some(RefusalReport::WrongPin(report));
                }
                _ => guess.not_made(io),
            }
            Err(refusal)
        }
        (Err(refusal), None) => Err(refusal),
    }
}

/// Asks until a key is proven or the table says to give up. Gives the index of the copy it proved.
fn ask(
    io: &VaultIo<'_>,
    way: &Way<'_>,
    found: &Found,
    candidates: &[&Active],
    asking: &mut Asking,
) -> OpenResult<(Roots, usize)> {
    let mut index = 0;
    let mut key = KeyState::NotAsked;
    let mut proven = None;
    loop {
        io.cancel.check()?;
        match decide(&found.with_key(key)).plan {
            Plan::AskKey => {}
            Plan::AskAgainAfter(pause) => asking.patience.wait(pause, io)?,
            Plan::TryOtherCopy => index += 1,
            Plan::Open | Plan::TryBothKeys => {
                return proven.ok_or_else(|| not_planned().into());
            }
            Plan::Refuse(error) => return Err(error.into()),
            Plan::Lost(reason) => return Err(lost(io, candidates, reason)),
            Plan::DropSlot(then) => {
                mark_dropped(io, candidates.get(index).and_then(|a| slot_of(a, way)));
                return Err(match *then {
                    Plan::Refuse(error) => error.into(),
                    Plan::Lost(reason) => lost(io, candidates, reason),
                    _ => not_planned().into(),
                });
            }
            _ => return Err(not_planned().into()),
        }
        let active = candidates.get(index).ok_or_else(not_planned)?;
        let other_copy = index + 1 < candidates.len();
        let was_wrong = matches!(key, KeyState::WrongPin { .. });
        key = match prove(io, way, active, other_copy, asking)? {
            Proof::Roots(roots) => {
                let pending = roots.next.is_some();
                proven = Some((roots, index));
                KeyState::Proven { pending }
            }
            // A newer copy has found the PIN wrong: what keeps an older one from saying so, such as a
            // slot that it does not have yet, must not make the guess a free one.
            Proof::Not(_) if was_wrong => KeyState::WrongPin { other_copy },
            Proof::Not(state) => state,
        };
    }
}

enum Proof {
    Roots(Roots),
    Not(KeyState),
}

/// What has been asked of the key store so far, and what need not be asked again.
#[derive(Default)]
struct Asking {
    patience: Patience,
    stretched: Option<Stretched>,
    answer: Option<Answer>,
}

struct Stretched {
    salt: [u8; 32],
    kdf: PinKdf,
    input: Zeroizing<[u8; 32]>,
}

struct Answer {
    alias: Alias,
    input: Zeroizing<[u8; 32]>,
    derived: Derived,
}

/// The slot that a way leads to.
fn slot_of<'a>(active: &'a Active, way: &Way<'_>) -> Option<&'a Slot> {
    active.slots.iter().find(|slot| match (way, &slot.lock) {
        (Way::Device, SlotLock::Device(_)) => true,
        (Way::Pin { person, .. }, SlotLock::Pin { person: owner, .. }) => owner == *person,
        (Way::Presence(answer), SlotLock::Biometric(_)) => slot.id == answer.slot,
        _ => false,
    })
}

fn prove(
    io: &VaultIo<'_>,
    way: &Way<'_>,
    active: &Active,
    other_copy: bool,
    asking: &mut Asking,
) -> Result<Proof> {
    if let Way::Recovery(opening) = way {
        return Ok(match opening.roots(active)? {
            Some(roots) => Proof::Roots(roots),
            None => Proof::Not(KeyState::DoesNotOpen { other_copy }),
        });
    }
    if matches!(way, Way::Device) && active.policy == Policy::Person {
        return Ok(Proof::Not(KeyState::NobodyThere));
    }
    let Some((slot, half)) = slot_of(active, way).and_then(|slot| Some((slot, slot.half()?)))
    else {
        return Ok(Proof::Not(KeyState::NoSlot));
    };
    let others = has_others(io, active, slot);
    let refused = |asking: &mut Asking, error| {
        let state = match (asking.patience.note(error, others), way) {
            // The platform has looked already, and asked a person to: it is not asked again.
            (KeyState::Absent { others, .. }, Way::Presence(_)) => KeyState::Absent {
                looks: u32::MAX,
                others,
            },
            (KeyState::Transient { .. }, Way::Presence(_)) => KeyState::Transient {
                waited: super::decide::TRANSIENT_LIMIT,
            },
            (state, _) => state,
        };
        Ok(Proof::Not(state))
    };
    let private = match way {
        Way::Presence(answer) => match &answer.outcome {
            Ok(derived) => hierarchy::open_half(active, slot, derived)?,
            Err(error) => return refused(asking, *error),
        },
        _ => {
            let input = match (way, &slot.lock) {
                (Way::Pin { pin, .. }, SlotLock::Pin { kdf, .. }) => {
                    asking.stretch(pin, half.salt, *kdf)?
                }
                _ => Zeroizing::new(half.salt),
            };
            let derived = match asking.answer.take() {
                // Both copies usually name the same slot: the key store is asked once.
                Some(answer) if answer.alias == half.alias && answer.input == input => {
                    answer.derived
                }
                _ => match io.key_store.derive(&half.alias, &input) {
                    Ok(derived) => derived,
                    Err(error) => return refused(asking, error),
                },
            };
            let private = hierarchy::open_half(active, slot, &derived)?;
            asking.answer = Some(Answer {
                alias: half.alias.clone(),
                input,
                derived,
            });
            private
        }
    };
    let Some(private) = private else {
        return Ok(Proof::Not(match way {
            Way::Pin { .. } => KeyState::WrongPin { other_copy },
            _ => KeyState::DoesNotOpen { other_copy },
        }));
    };
    Ok(match hierarchy::open_roots(active, slot, &private)? {
        Some(roots) => Proof::Roots(roots),
        None => Proof::Not(KeyState::DoesNotOpen { other_copy }),
    })
}

impl Asking {
    fn stretch(&mut self, pin: &Pin, salt: [u8; 32], kdf: PinKdf) -> Result<Zeroizing<[u8; 32]>> {
        if let Some(known) = &self.stretched
            && known.salt == salt
            && known.kdf == kdf
        {
            return Ok(known.input.clone());
        }
        let input = pin::stretch(pin, &salt, kdf)?;
        self.stretched = Some(Stretched {
            salt,
            kdf,
            input: input.clone(),
        });
        Ok(input)
    }
}

/// Whether a person could open another slot on this device.
fn has_others(io: &VaultIo<'_>, active: &Active, slot: &Slot) -> bool {
    if active.slots.len() < 2 {
        return false;
    }
    let status = Status::read(io.directory);
    active.slots.iter().any(|other| {
        other.id != slot.id && other.half().is_some() && !status.slot(&other.id).dropped
    })
}

/// Row 9: what the keyring still names, the next opening takes out.
fn mark_dropped(io: &VaultIo<'_>, slot: Option<&Slot>) {
    let Some(slot) = slot else { return };
    // A hint: without it the slot is dropped when it is next tried.
    let _ = Status::change(io.directory, |status| {
        let known = status.slot(&slot.id);
        status.set_slot(SlotStatus {
            dropped: true,
            ..known
        });
        Ok(())
    });
}

fn lost(io: &VaultIo<'_>, candidates: &[&Active], reason: KeyLostReason) -> Refusal {
    let mut remedies = Vec::new();
    if reason == KeyLostReason::Absent {
        remedies.push(Remedy::TryLater);
    }
    let is_recovery = |slot: &Slot| matches!(slot.lock, SlotLock::Recovery);
    if candidates.iter().any(|a| a.slots.iter().any(is_recovery)) {
        remedies.push(Remedy::Recovery);
    }
    remedies.push(Remedy::Quarantine);
    let detail = match reason {
        KeyLostReason::Absent => "the device secret is gone",
        KeyLostReason::Invalidated => "the system has invalidated the device secret",
    };
    Refusal {
        error: Error::new(ErrorCode::KeyLost, detail),
        report: Some(RefusalReport::KeyLost(KeyLostReport {
            reason,
            unsynced: Status::read(io.directory).unsynced,
            remedies,
        })),
    }
}

/// The newest keyring that these root keys prove: an older copy may have led to them, for example
/// with a PIN that was changed in the newer one.
fn newest_proven<'a>(candidates: &[&'a Active], index: usize, roots: &Roots) -> Result<&'a Active> {
    for active in candidates.iter().take(index) {
        if hierarchy::is_proven(active, roots)? {
            return Ok(active);
        }
    }
    candidates.get(index).copied().ok_or_else(not_planned)
}

/// Makes both copies the proven one. A copy that says "creating" must go before data can be
/// written; the others are mended if the disk allows. An active copy that is not older is left: it
/// was not proven wrong by being different.
fn mend(io: &VaultIo<'_>, copies: &Copies, proven: &Active) -> Result<()> {
    for (index, copy) in copies.copies.iter().enumerate() {
        let (mend, must) = match copy {
            KeyringCopy::Readable(Keyring::Creating(_)) => (true, true),
            KeyringCopy::Readable(Keyring::Active(active)) => {
                (active.generation < proven.generation, false)
            }
            KeyringCopy::Missing | KeyringCopy::Unreadable => (true, false),
            KeyringCopy::TooNew
            | KeyringCopy::Provisional
            | KeyringCopy::Readable(Keyring::Shredding(_)) => (false, false),
        };
        if mend {
            let written = keyring::write(io.directory, index, &Keyring::Active(proven.clone()));
            if must {
                written?;
            }
        }
    }
    Ok(())
}

/// What the table says about an answer, for those who ask outside an opening.
pub(super) fn refusal_of(state: KeyState) -> Error {
    match after_answer(state).map(|decision| decision.plan) {
        Some(Plan::Refuse(error)) => error,
        Some(Plan::Lost(_) | Plan::DropSlot(_)) => {
            Error::new(ErrorCode::KeyLost, "the device secret is gone")
        }
        _ => not_planned(),
    }
}
