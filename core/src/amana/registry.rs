//! The handles of this process: one for each directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError, Weak};

use super::{Amana, Inner, refuse_listener};
use crate::error::{Error, Result};

/// The handle of a directory, and how its end is heard of.
#[derive(Default)]
struct Present {
    vault: Weak<Inner>,
    gone: Arc<Gone>,
}

type Slot = Arc<Mutex<Present>>;

/// Whether a vault has let go of its directory.
#[derive(Default)]
struct Gone {
    is_so: Mutex<bool>,
    told: Condvar,
}

impl Present {
    /// Whether nobody holds the directory any more.
    fn is_over(&self) -> bool {
        let never = self.vault.ptr_eq(&Weak::new());
        let gone = || {
            *self
                .gone
                .is_so
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        never || self.vault.strong_count() == 0 && gone()
    }

    fn of(&mut self, vault: &Amana) {
        self.vault = Arc::downgrade(&vault.inner);
        self.gone = Arc::clone(&vault.inner.ending.0);
    }
}

impl Gone {
    fn wait(&self) {
        let gone = self.is_so.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.told.wait_while(gone, |gone| !*gone));
    }
}

/// A vault's last field: dropped once all of it is.
#[derive(Default)]
pub(super) struct Ending(Arc<Gone>);

impl Drop for Ending {
    fn drop(&mut self) {
        *self.0.is_so.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.told.notify_all();
    }
}

/// How many have attached to a vault and not detached. Held while the last one closes it.
pub(super) struct Claims(Mutex<usize>);

impl Claims {
    /// Of whoever makes the vault.
    pub(super) const fn first() -> Self {
        Self(Mutex::new(1))
    }
}

/// Waits for who has it, who may wait for the end of syncs.
fn patiently<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Ok(guard),
        Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => {
            refuse_listener()?;
            Ok(mutex.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }
}

/// Whether somebody holds the claims: who lets go, or attaches.
#[cfg(test)]
pub(super) fn is_detaching(vault: &Amana) -> bool {
    vault.inner.claims.0.try_lock().is_err()
}

fn slots() -> &'static Mutex<HashMap<PathBuf, Slot>> {
    static SLOTS: OnceLock<Mutex<HashMap<PathBuf, Slot>>> = OnceLock::new();
    SLOTS.get_or_init(Mutex::default)
}

/// The slot of a directory, by the one name that all its names lead to.
fn slot(directory: &Path) -> Result<Slot> {
    let name = directory
        .canonicalize()
        .or_else(|_| std::path::absolute(directory))
        .map_err(|_| Error::invalid("the vault's directory cannot be used"))?;
    let mut slots = slots().lock().unwrap_or_else(PoisonError::into_inner);
    // Nobody holds the others, and nothing is open in them.
    slots.retain(|_, slot| {
        Arc::strong_count(slot) > 1 || slot.lock().is_ok_and(|present| !present.is_over())
    });
    Ok(Arc::clone(slots.entry(name).or_default()))
}

/// Returns the handle that this process has of the directory, or makes one.
pub(super) fn attach(directory: &Path, make: impl FnOnce() -> Result<Amana>) -> Result<Amana> {
    let slot_before = slot(directory)?;
    let mut present = patiently(&slot_before)?;
    if let Some(inner) = present.vault.upgrade() {
        let vault = Amana { inner };
        let mut claims = patiently(&vault.inner.claims.0)?;
        if !vault.inner.life.is_closed()? {
            *claims += 1;
            drop(claims);
            return Ok(vault);
        }
    } else if !present.is_over() {
        // Its last handle is gone, but another thread may still be closing it.
        present.gone.wait();
    }
    let vault = make()?;
    present.of(&vault);
    drop(present);
    // The directory may have been made just now, and have got another name by that.
    let slot_after = slot(directory)?;
    if !Arc::ptr_eq(&slot_before, &slot_after) {
        slot_after
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .of(&vault);
    }
    Ok(vault)
}

/// Takes back one [`attach`]; the last one to do so closes the vault. Whoever attaches meanwhile waits, and
/// gets another.
pub(super) fn detach(vault: &Amana) -> Result<()> {
    let mut claims = patiently(&vault.inner.claims.0)?;
    if *claims > 1 {
        *claims -= 1;
        return Ok(());
    }
    vault.close()?;
    *claims = 0;
    Ok(())
}

/// The same for who got no handle: closes nothing.
pub(super) fn disclaim(vault: &Amana) {
    let claims = &vault.inner.claims.0;
    let mut claims = claims.lock().unwrap_or_else(PoisonError::into_inner);
    *claims = claims.saturating_sub(1);
}
