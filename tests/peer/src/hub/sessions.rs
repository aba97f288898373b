//! Who is paired: session keys in memory only, gone with the process, as on the real hub.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::crypto::Key;

/// The sessions by client id.
#[derive(Default)]
pub(super) struct Sessions {
    keys: Mutex<HashMap<String, Key>>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the session of a client at once, whoever asks.
    pub(super) fn put(&self, client_id: &str, key: Key) {
        self.lock().insert(client_id.to_owned(), key);
    }

    /// The key of a client.
    pub(super) fn get(&self, client_id: &str) -> Option<Key> {
        self.lock().get(client_id).copied()
    }

    /// How many clients are paired.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// What a restart does.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }
}
