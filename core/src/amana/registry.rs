//! The handles of this process: one for each directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::{Amana, Inner, VaultState};
use crate::error::{Error, Result};

/// The handle of a directory.
type Slot = Arc<Mutex<Weak<Inner>>>;

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
        Arc::strong_count(slot) > 1 || slot.lock().is_ok_and(|vault| vault.strong_count() > 0)
    });
    Ok(Arc::clone(slots.entry(name).or_default()))
}

/// Returns the handle that this process has of the directory, or makes one.
pub(super) fn attach(directory: &Path, make: impl FnOnce() -> Result<Amana>) -> Result<Amana> {
    let slot_before = slot(directory)?;
    let mut present = slot_before.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(inner) = present.upgrade() {
        let vault = Amana { inner };
        if vault.state() != VaultState::Closed {
            return Ok(vault);
        }
    }
    let vault = make()?;
    *present = Arc::downgrade(&vault.inner);
    drop(present);
    // The directory may have been made just now, and have got another name by that.
    let slot_after = slot(directory)?;
    if !Arc::ptr_eq(&slot_before, &slot_after) {
        *slot_after.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&vault.inner);
    }
    Ok(vault)
}
