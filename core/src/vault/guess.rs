//! One try of a PIN: counted before it is made, settled after. Owns the order of these writes.

use amana_keystore::Alias;

use super::attempt_copy::{self, Copied};
use super::attempts::{Attempts, Turn};
use super::io::{VaultIo, not_planned};
use super::keyring::{Slot, SlotId};
use super::report::WrongPinReport;
use super::status::{SlotStatus, Status};
use super::ways::PinRules;
use crate::error::Result;
use crate::ports::BootTime;

/// A counted try.
pub(super) struct Guess {
    slot: SlotId,
    alias: Alias,
    copied: Copied,
    before: SlotStatus,
    counted: SlotStatus,
}

/// Whether a PIN may be tried.
pub(super) enum Begun {
    Delayed(u64),
    Counted(Box<Guess>),
}

impl Guess {
    /// Counts a try, unless it has to wait. What cannot be counted is not tried. The file and the copy
    /// both say so before the PIN is tried, and the larger of them holds: a kill between the two, or
    /// a file that was copied back, forgives nothing.
    pub fn begin(io: &VaultIo<'_>, slot: &Slot) -> Result<Begun> {
        let alias = &slot.half().ok_or_else(not_planned)?.alias;
        let copied = attempt_copy::read(io, slot)?;
        let now = io.clock.since_boot();
        let begun = Status::change(io.directory, |status| {
            let known = status.slot(&slot.id);
            let before = SlotStatus {
                attempts: copied.with(known.attempts, now),
                ..known
            };
            match before.attempts.turn(now) {
                Turn::Now => {}
                Turn::After(left_ms) => return Ok((Begun::Delayed(left_ms), None)),
                Turn::StartedAgain(left_ms, attempts) => {
                    status.set_slot(SlotStatus { attempts, ..before });
                    return Ok((Begun::Delayed(left_ms), Some(attempts)));
                }
            }
            let attempts = match copied {
                Copied::Damaged | Copied::Unreadable => before.attempts.with_failure_unvouched(now),
                _ => before.attempts.with_failure(now),
            };
            let counted = SlotStatus { attempts, ..before };
            status.set_slot(counted);
            let guess = Self {
                slot: slot.id,
                alias: alias.clone(),
                copied,
                before,
                counted,
            };
            Ok((Begun::Counted(Box::new(guess)), Some(attempts)))
        })?;
        match begun {
            (Begun::Counted(guess), Some(attempts)) => match guess.set_copy(io, attempts) {
                Ok(true) => Ok(Begun::Counted(guess)),
                Ok(false) => guess
                    .without_copy(io, now)
                    .map(Box::new)
                    .map(Begun::Counted),
                Err(error) => {
                    guess.not_made(io);
                    Err(error)
                }
            },
            (begun, attempts) => {
                // Without the copy the delay starts again once more, no worse.
                if let Some(attempts) = attempts
                    && copied != Copied::Unreadable
                {
                    let _ = attempt_copy::write(io, alias, slot.id, attempts);
                }
                Ok(begun)
            }
        }
    }

    /// Counted in the file alone, where the copy cannot be written.
    fn without_copy(mut self, io: &VaultIo<'_>, now: BootTime) -> Result<Self> {
        self.counted.attempts = self.before.attempts.with_failure_unvouched(now);
        self.set(io, self.counted)?;
        Ok(self)
    }

    /// The PIN was right: nothing is held against the slot any more. An error would keep a person
    /// out who knows the PIN, so a full disk only leaves the count.
    pub fn right(self, io: &VaultIo<'_>) {
        let cleared = SlotStatus {
            attempts: Attempts::default(),
            ..self.before
        };
        attempt_copy::clear(io, &self.alias);
        let _ = self.set(io, cleared);
    }

    /// The key store could not answer: no PIN was tried.
    pub fn not_made(self, io: &VaultIo<'_>) {
        let _ = self.set_copy(io, self.before.attempts);
        let _ = self.set(io, self.before);
    }

    /// The PIN was wrong: it stays counted, and where the app has set a limit the slot may go.
    pub fn wrong(self, io: &VaultIo<'_>, rules: PinRules, slot: &Slot) -> Result<WrongPinReport> {
        let attempts = self.counted.attempts;
        // The delay begins when the person sees the refusal, not before the PIN was stretched.
        let now = io.clock.since_boot();
        let begun = Attempts {
            delay: attempts.delay.map(|delay| super::attempts::Delay {
                started: now,
                ..delay
            }),
            ..attempts
        };
        let reached = rules
            .drop_after
            .is_some_and(|limit| attempts.failures >= limit.max(1));
        let mut dropped = false;
        if reached && let Some(half) = slot.half() {
            io.patiently(|| io.key_store.delete(&half.alias))?;
            dropped = true;
        }
        let settled = SlotStatus {
            attempts: begun,
            dropped,
            ..self.counted
        };
        self.set(io, settled)?;
        if dropped {
            attempt_copy::clear(io, &self.alias);
        } else {
            // The try itself is in the copy already: only its delay began a moment earlier there.
            let _ = self.set_copy(io, begun);
        }
        Ok(WrongPinReport {
            failures: attempts.failures,
            delay_ms: attempts.delay.map_or(0, |delay| delay.length_ms),
            dropped,
        })
    }

    /// Writes the copy; false where it cannot be written. One that could not be read is left alone.
    fn set_copy(&self, io: &VaultIo<'_>, attempts: Attempts) -> Result<bool> {
        if self.copied == Copied::Unreadable {
            return Ok(true);
        }
        attempt_copy::write(io, &self.alias, self.slot, attempts)
    }

    fn set(&self, io: &VaultIo<'_>, slot: SlotStatus) -> Result<()> {
        debug_assert_eq!(slot.id, self.slot);
        Status::change(io.directory, |status| {
            status.set_slot(slot);
            Ok(())
        })
    }
}
