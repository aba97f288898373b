//! The vaults that are open in this process: one for each directory.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, Weak};

use super::{Amana, Inner, VaultState};
use crate::error::{Error, ErrorCode, Result};

type Vaults = HashMap<PathBuf, Weak<Inner>>;

fn vaults() -> &'static Mutex<Vaults> {
    static VAULTS: OnceLock<Mutex<Vaults>> = OnceLock::new();
    VAULTS.get_or_init(Mutex::default)
}

/// Returns the vault that is open in the directory, unlocked, or opens it.
pub(super) fn open(directory: &Path, open: impl FnOnce(&Path) -> Result<Amana>) -> Result<Amana> {
    std::fs::create_dir_all(directory).map_err(|error| match error.kind() {
        std::io::ErrorKind::StorageFull => {
            Error::new(ErrorCode::StorageFull, "no space left for the vault")
        }
        _ => Error::invalid("the vault's directory cannot be made"),
    })?;
    let directory = directory
        .canonicalize()
        .map_err(|_| Error::invalid("the vault's directory cannot be used"))?;
    let mut vaults = vaults()
        .lock()
        .map_err(|_| Error::internal("the list of vaults was left half changed"))?;
    vaults.retain(|_, vault| vault.strong_count() > 0);
    if let Some(inner) = vaults.get(&directory).and_then(Weak::upgrade) {
        let vault = Amana { inner };
        if vault.state() != VaultState::Closed {
            vault.unlock()?;
            return Ok(vault);
        }
    }
    let vault = open(&directory)?;
    vaults.insert(directory, std::sync::Arc::downgrade(&vault.inner));
    Ok(vault)
}
