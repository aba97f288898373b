//! Slots at the front door: who can open the vault. The slots themselves are `vault`'s; this gives it
//! the keys of the open vault, one change at a time, and keeps what a refusal says beyond its code.
//!
//! These calls block, for as long as the key store takes and a PIN is stretched.

use std::sync::Arc;

use super::opened::{HeldKeys, Open};
use super::state::{Doing, State, closed, locked, rotating};
use super::{Amana, Inner};
use crate::error::{Error, Result};
use crate::secret::scrub_stack;
use crate::vault::{
    self, Glance, OpenResult, PersonId, Pin, PinKdf, PinStanding, PresenceRequest, SlotInfo,
    VaultIo, VaultKeys,
};
use amana_keystore::{Derived, SecurityLevel};

/// The slots of a vault.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlotList {
    /// The slots.
    pub slots: Vec<SlotInfo>,
    /// Whether the list is authenticated. That of a locked vault is not: it is for the screen on
    /// which a person chooses who they are, and for nothing else.
    pub proven: bool,
    /// Whether a slot was removed since the root key was made; known where the list is proven. The
    /// root key is then changed at the next opening, or by [`Amana::rotate`].
    pub rotation_due: bool,
}

impl Amana {
    /// What can be told of the vault without a key. Asks no key store.
    ///
    /// # Errors
    /// As an opening would refuse before it asks for a key: `key_temporarily_unavailable`,
    /// `keyring_too_new`, `unsupported`, `keyring_damaged`; `closed`.
    pub fn glance(&self) -> Result<Glance> {
        self.not_closed()?;
        self.inner.reachable()?;
        vault::glance(&self.inner.io())
    }

    /// The slots: of an unlocked vault proven, of a locked one as the file has them. Asks no key
    /// store. An empty list where there is no vault.
    ///
    /// # Errors
    /// `closed`; `busy` while the root key is changed.
    pub fn slots(&self) -> Result<SlotList> {
        if let Some(open) = self.peek()?
            && let Some(keys) = &open.keys().keys
        {
            return Ok(SlotList {
                slots: keys.slots(),
                proven: true,
                rotation_due: keys.is_rotation_due(),
            });
        }
        self.inner.reachable()?;
        Ok(SlotList {
            slots: vault::list_slots(&self.inner.config.directory),
            proven: false,
            rotation_due: false,
        })
    }

    /// What is held against a person's next PIN: how many were wrong, and how long the next must
    /// wait. Tries nothing.
    ///
    /// # Errors
    /// `not_found` where they have no PIN here.
    pub fn pin_standing(&self, person: &PersonId) -> Result<PinStanding> {
        self.not_closed()?;
        self.inner.reachable()?;
        vault::pin_standing(&self.inner.io(), person)
    }

    /// Gives a staff member a PIN of their own. `invalid_input` where they have one, and in a vault
    /// of policy `device`: a slot that needs nobody would make PINs decoration.
    pub fn add_pin(&self, person: &PersonId, pin: &Pin) -> Result<()> {
        let kdf = self.inner.pin_kdf()?;
        self.with_keys(|io, keys| Ok(vault::add_pin(io, keys, person, pin, kdf)?))
    }

    /// Replaces a person's PIN; only who knows the old one can.
    ///
    /// # Errors
    /// `not_found`; `wrong_pin` and `pin_delayed` as at opening, with their report in
    /// [`Amana::last_refusal`].
    pub fn change_pin(&self, person: &PersonId, old: &Pin, new: &Pin) -> Result<()> {
        let kdf = self.inner.pin_kdf()?;
        let rules = self.inner.config.pin_rules;
        self.with_keys(|io, keys| vault::change_pin(io, keys, person, (old, new), kdf, rules))
    }

    /// Gives a person a new PIN without their old one: after a recovery, or where they forgot it.
    /// A change of the root key is due then. Whether somebody may do that is the app's to decide.
    pub fn reset_pin(&self, person: &PersonId, pin: &Pin) -> Result<()> {
        let kdf = self.inner.pin_kdf()?;
        self.with_keys(|io, keys| Ok(vault::reset_pin(io, keys, person, pin, kdf)?))
    }

    /// Takes a staff member's PIN away, for good; a change of the root key is due then.
    /// `invalid_input` for the last slot that opens on this device.
    pub fn remove_pin(&self, person: &PersonId) -> Result<()> {
        self.with_keys(|io, keys| Ok(vault::remove_pin(io, keys, person)?))
    }

    /// Takes the slot of this id away, as [`Amana::remove_pin`] does: for slots of presence.
    pub fn remove_slot(&self, slot: [u8; 16]) -> Result<()> {
        self.with_keys(|io, keys| Ok(vault::remove_slot(io, keys, slot)?))
    }

    /// First half of adding a slot that a person's presence opens: the platform makes a secret that
    /// needs presence under the request's alias, prompts, and derives from the request's input.
    /// One at a time: a second call gives up the first.
    pub fn begin_add_presence(&self) -> Result<PresenceRequest> {
        self.with_held(|io, held| {
            let keys = held.keys.as_mut().ok_or_else(locked)?;
            let (request, draft) = vault::begin_add_presence(io, keys)?;
            held.draft = Some(draft);
            Ok(request)
        })
    }

    /// Second half: takes what the platform derived, and how well it keeps the secret. A slot whose
    /// second half never comes is tidied away at a later opening.
    ///
    /// # Errors
    /// `not_found` where no such slot was begun since the vault was unlocked.
    pub fn finish_add_presence(
        &self,
        slot: [u8; 16],
        derived: &Derived,
        level: SecurityLevel,
    ) -> Result<()> {
        self.with_held(|io, held| {
            let keys = held.keys.as_mut().ok_or_else(locked)?;
            match held.draft.take_if(|draft| draft.slot() == slot) {
                Some(draft) => Ok(vault::finish_add_presence(io, keys, draft, derived, level)?),
                None => Err(no_draft().into()),
            }
        })
    }

    /// What the platform is to be asked, for each slot of presence of a locked vault. Asks no key
    /// store. The answer goes into [`super::Unlock::Presence`].
    pub fn begin_presence(&self) -> Result<Vec<PresenceRequest>> {
        self.not_closed()?;
        self.inner.reachable()?;
        Ok(vault::begin_presence(&self.inner.config.directory))
    }

    /// Makes a new device secret for a vault of policy `device` that was opened by recovery. The
    /// opening has tried it already; this is for when that failed.
    pub fn replace_device_slot(&self) -> Result<()> {
        self.with_keys(|io, keys| Ok(vault::replace_device_slot(io, keys)?))
    }

    fn with_keys<T>(
        &self,
        work: impl FnOnce(&VaultIo<'_>, &mut VaultKeys) -> OpenResult<T>,
    ) -> Result<T> {
        self.with_held(|io, held| work(io, held.keys.as_mut().ok_or_else(locked)?))
    }

    fn with_held<T>(
        &self,
        work: impl FnOnce(&VaultIo<'_>, &mut HeldKeys) -> OpenResult<T>,
    ) -> Result<T> {
        let open = self.opened()?;
        let result = work(&self.inner.io(), &mut open.keys());
        scrub_stack();
        self.inner.remember(result)
    }

    /// What is open, without counting as use.
    fn peek(&self) -> Result<Option<Arc<Open>>> {
        let now_ms = self.inner.system.clock.monotonic_ms();
        let rule = self.inner.config.idle_lock;
        let state = self.inner.life.now()?;
        match (&*state, state.open()) {
            (State::Changing(Doing::Rotating), _) => Err(rotating()),
            (State::Closed, _) => Err(closed()),
            (_, open) => Ok(open
                .filter(|open| !open.held.last_use.is_locked(rule, now_ms))
                .cloned()),
        }
    }

    pub(super) fn not_closed(&self) -> Result<()> {
        match *self.inner.life.now()? {
            State::Closed => Err(closed()),
            State::Locked | State::Changing(_) | State::Unlocked(_) => Ok(()),
        }
    }
}

impl Inner {
    /// How new PINs are stretched. Measured once: on a busy moment a device must not get less for
    /// each person.
    pub(super) fn pin_kdf(&self) -> Result<PinKdf> {
        if let Some(kdf) = self.config.pin_kdf.or(self.pin_kdf.get().copied()) {
            return Ok(kdf);
        }
        let kdf = PinKdf::calibrate(&*self.system.clock)?;
        Ok(*self.pin_kdf.get_or_init(|| kdf))
    }
}

const fn no_draft() -> Error {
    Error::new(
        crate::error::ErrorCode::NotFound,
        "no such slot was begun since the vault was unlocked",
    )
}
