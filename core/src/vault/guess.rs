//! One try of a PIN: counted before it is made, settled after. Owns the order of these writes.

use super::attempts::{Attempts, Turn};
use super::io::VaultIo;
use super::keyring::{Slot, SlotId};
use super::report::WrongPinReport;
use super::status::{SlotStatus, Status};
use super::ways::PinRules;
use crate::error::Result;

/// A counted try.
pub(super) struct Guess {
    slot: SlotId,
    before: SlotStatus,
    counted: SlotStatus,
}

/// Whether a PIN may be tried.
pub(super) enum Begun {
    Delayed(u64),
    Counted(Guess),
}

impl Guess {
    /// Counts a try, unless it has to wait. What cannot be counted is not tried.
    pub fn begin(io: &VaultIo<'_>, slot: SlotId) -> Result<Begun> {
        let now = io.clock.since_boot();
        Status::change(io.directory, |status| {
            let before = status.slot(&slot);
            match before.attempts.turn(now) {
                Turn::Now => {}
                Turn::After(left_ms) => return Ok(Begun::Delayed(left_ms)),
                Turn::StartedAgain(left_ms, attempts) => {
                    status.set_slot(SlotStatus { attempts, ..before });
                    return Ok(Begun::Delayed(left_ms));
                }
            }
            let counted = SlotStatus {
                attempts: before.attempts.with_failure(now),
                ..before
            };
            status.set_slot(counted);
            Ok(Begun::Counted(Self {
                slot,
                before,
                counted,
            }))
        })
    }

    /// The PIN was right: nothing is held against the slot any more. An error would keep a person
    /// out who knows the PIN, so a full disk only leaves the count.
    pub fn right(self, io: &VaultIo<'_>) {
        let cleared = SlotStatus {
            attempts: Attempts::default(),
            ..self.before
        };
        let _ = self.set(io, cleared);
    }

    /// The key store could not answer: no PIN was tried.
    pub fn not_made(self, io: &VaultIo<'_>) {
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
        Ok(WrongPinReport {
            failures: attempts.failures,
            delay_ms: attempts.delay.map_or(0, |delay| delay.length_ms),
            dropped,
        })
    }

    fn set(&self, io: &VaultIo<'_>, slot: SlotStatus) -> Result<()> {
        debug_assert_eq!(slot.id, self.slot);
        Status::change(io.directory, |status| {
            status.set_slot(slot);
            Ok(())
        })
    }
}
