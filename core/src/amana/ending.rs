//! The ends of a vault: wiped, or put aside. Both are for good, close the handle and let go of the
//! directory.

use super::state::{Doing, State, closed};
use super::{Amana, refuse_listener};
use crate::error::{Error, ErrorCode, Result};
use crate::vault::{self, LossAcknowledged, Presence, Quarantined};

impl Amana {
    /// Destroys the vault, locked or not: device secrets first, then records, the keyring last.
    /// Needs no key. A kill anywhere, or an error, leaves a vault that never opens again: the next
    /// opening or wipe goes on with it. Vaults that were put aside stay. Blocks.
    ///
    /// # Errors
    /// `key_temporarily_unavailable` where the key store cannot delete its secrets now;
    /// `keyring_too_new`; `busy` from a sync's listener.
    pub fn wipe(&self) -> Result<()> {
        refuse_listener()?;
        let (change, open) = self
            .inner
            .life
            .begin(Doing::Removing, |state| match state {
                State::Unlocked(open) => Ok(Some(open.clone())),
                State::Locked | State::Changing(_) => Ok(None),
                State::Closed => Err(closed()),
            })?;
        if let Some(open) = open {
            open.shut();
        }
        self.inner.reachable()?;
        vault::wipe(&self.inner.io())?;
        self.inner.let_go();
        change.end(State::Closed);
        Ok(())
    }

    /// Puts a vault that does not open aside, whole, so that a fresh one can be made in its place.
    /// Nothing is deleted: its key may come back. `agreed` is what the person was told and agreed
    /// to lose: the number in [`Amana::last_refusal`] or [`Amana::glance`].
    ///
    /// # Errors
    /// `invalid_input` where the vault has another number of unsynced records than was agreed to,
    /// and for an unlocked vault; `not_found` where there is nothing to put aside.
    pub fn quarantine(&self, agreed: LossAcknowledged) -> Result<Quarantined> {
        refuse_listener()?;
        let (change, ()) = self
            .inner
            .life
            .begin(Doing::Removing, |state| match state {
                State::Locked | State::Changing(_) => Ok(()),
                State::Unlocked(_) => Err(Error::invalid("an unlocked vault is not put aside")),
                State::Closed => Err(closed()),
            })?;
        self.inner.reachable()?;
        if vault::glance(&self.inner.io()).is_ok_and(|seen| seen.presence == Presence::Nothing) {
            return Err(Error::new(ErrorCode::NotFound, "there is no vault here"));
        }
        let held = self.inner.directory.lock();
        let aside = match held.as_deref() {
            Ok(Some(directory)) => vault::quarantine(directory, agreed)?,
            _ => return Err(Error::internal("the vault's directory is not held")),
        };
        drop(held);
        self.inner.let_go();
        change.end(State::Closed);
        Ok(aside)
    }

    /// The vaults that were put aside from this place, the oldest first. Also of a closed handle.
    pub fn quarantined(&self) -> Vec<Quarantined> {
        vault::list_quarantined(&self.inner.config.directory)
    }
}
