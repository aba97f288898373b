//! What an unlocked vault has, for calls that must not wait.
//!
//! The vault's state is held for as long as an unlock or a lock takes, which may be seconds. The
//! gate is held for an instant: it opens when an unlock is done, and shuts before a lock begins.

use std::sync::{Arc, PoisonError, RwLock};

use super::Open;
use crate::error::{Error, ErrorCode, Result};

#[derive(Default)]
pub(super) struct Gate(RwLock<Way>);

#[derive(Default)]
enum Way {
    #[default]
    Locked,
    Open(Arc<Open>),
    Closed,
}

impl Gate {
    pub(super) fn open(&self, open: Arc<Open>) {
        self.set(Way::Open(open));
    }

    pub(super) fn lock(&self) {
        self.set(Way::Locked);
    }

    pub(super) fn close(&self) {
        self.set(Way::Closed);
    }

    /// The unlocked vault, or the typed refusal.
    pub(super) fn pass(&self) -> Result<Arc<Open>> {
        // Nothing can panic while it is held.
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Way::Open(open) => Ok(Arc::clone(open)),
            Way::Locked => Err(Error::new(ErrorCode::Locked, "the vault is locked")),
            Way::Closed => Err(super::closed()),
        }
    }

    fn set(&self, way: Way) {
        let before = {
            let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *held, way)
        };
        // It may be the last hold of a database, whose end takes time.
        drop(before);
    }
}
