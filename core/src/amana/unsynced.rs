//! Keeps the hint of how many records wait to be pushed: what a lost key is reported with. It lies beside
//! the keyring, because a vault that does not open cannot be asked.
//!
//! Noted when the vault opens and before it closes, and a moment after records changed or were pushed:
//! a burst of writes costs one note, and a kill leaves a hint that is a few seconds old at most.

use super::Inner;
use super::opened::Open;
use crate::vault;

impl Inner {
    /// Counts and notes. A hint: where it cannot be written, the one before stays.
    pub(super) fn note_unsynced(&self, open: &Open) {
        if let Ok(count) = open.unsynced() {
            let _ = vault::note_unsynced(&self.config.directory, count);
        }
    }

    pub(super) fn note_what_is_unsynced(&self) {
        let open = self.life.now().ok().and_then(|state| state.open().cloned());
        if let Some(open) = open {
            self.note_unsynced(&open);
        }
    }
}
