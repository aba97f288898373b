//! Values of the encrypted file that were read or written lately, in a bounded piece of memory.
//!
//! It never holds anything but what the file holds:
//!
//! * The writer opens a [`Window`] over the keys it touched before it commits. They are dropped at
//!   once, and nothing is taken in while the window is open; when it closes, the committed values
//!   are in. A failed commit closes it without them.
//! * A reader takes a [`Ticket`] before its snapshot begins. What it then read is taken in only if
//!   no window was open or closed in between.
//!
//! That a key is missing is remembered too. Whoever holds a value that is dropped here keeps it;
//! with the last holder it is wiped.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::name::Name;
use crate::model::kv::{Kept, KvValue, is_expired};

/// How many bytes of names and values are held.
pub(crate) const CACHE_BYTES: usize = 4 * 1024 * 1024;
/// What one slot takes besides its names and value, roughly.
const SLOT_BYTES: usize = 160;
/// Larger values are not taken in: one would push out all others.
const LARGEST_PART: usize = 16;

/// The cache. Shared by the writer and all readers.
pub(crate) struct KvCache {
    hashes: RandomState,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// A commit is under way.
    writing: bool,
    /// Grows with each commit.
    commits: u64,
    limit: usize,
    bytes: usize,
    index: HashMap<u64, usize>,
    slots: Vec<Slot>,
    /// Where the search for a slot to drop goes on.
    hand: usize,
}

struct Slot {
    hash: u64,
    namespace: Name,
    key: Name,
    /// None: the file has no such key.
    kept: Option<Kept>,
    /// Read since the hand last passed.
    used: bool,
}

/// What the cache knows of a key.
pub(crate) enum Look {
    /// The value, or that it is missing.
    Known(Option<Arc<KvValue>>),
    /// Nothing: read the file, then offer what was found.
    Unknown,
}

/// Proves when a read began.
#[derive(Clone, Copy)]
pub(crate) struct Ticket(Option<u64>);

/// A key whose value a commit changes.
pub(crate) struct Touched<'a> {
    pub namespace: &'a str,
    /// None: the whole namespace.
    pub key: Option<&'a str>,
}

/// A commit under way. Dropped without `publish`, the touched keys stay unknown.
pub(crate) struct Window<'a>(&'a KvCache);

impl KvCache {
    /// An empty cache of so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        let state = State {
            limit,
            ..State::default()
        };
        Self {
            hashes: RandomState::new(),
            state: Mutex::new(state),
        }
    }

    /// Looks a key up. The clock is asked only where the value expires.
    pub(crate) fn look(&self, namespace: &str, key: &str, now_ms: impl FnOnce() -> i64) -> Look {
        let hash = self.hash(namespace, key);
        let mut state = self.state();
        state.look(hash, namespace, key, now_ms)
    }

    /// Looks several keys up, as they are together; none if one of them is unknown.
    pub(crate) fn look_all(
        &self,
        namespace: &str,
        keys: &[String],
        now_ms: i64,
    ) -> Option<Vec<Option<Arc<KvValue>>>> {
        let mut state = self.state();
        keys.iter()
            .map(
                |key| match state.look(self.hash(namespace, key), namespace, key, || now_ms) {
                    Look::Known(value) => Some(value),
                    Look::Unknown => None,
                },
            )
            .collect()
    }

    /// To be taken before a read of the file begins.
    pub(crate) fn ticket(&self) -> Ticket {
        let state = self.state();
        Ticket((!state.writing && !state.closed).then_some(state.commits))
    }

    /// Takes in what a read found, if nothing was committed since.
    pub(crate) fn offer(&self, ticket: Ticket, namespace: &str, key: &str, found: Option<&Kept>) {
        let hash = self.hash(namespace, key);
        let mut state = self.state();
        if !state.writing && ticket.0 == Some(state.commits) {
            state.insert(hash, namespace, key, found.cloned());
        }
    }

    /// Opens the window of a commit. There is one writer, so there is one window.
    pub(crate) fn begin(&self, touched: &[Touched<'_>]) -> Window<'_> {
        let mut state = self.state();
        state.writing = true;
        for touched in touched {
            match touched.key {
                Some(key) => {
                    state.remove(self.hash(touched.namespace, key), touched.namespace, key);
                }
                None => state.remove_namespace(touched.namespace),
            }
        }
        Window(self)
    }

    /// Wipes everything; new values may come.
    pub(crate) fn wipe(&self) {
        let mut state = self.state();
        state.bytes = 0;
        state.index = HashMap::new();
        state.slots = Vec::new();
    }

    /// Wipes everything and takes nothing in any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        *state = State {
            closed: true,
            commits: state.commits,
            ..State::default()
        };
    }

    /// How many bytes are held.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.state().bytes
    }

    fn hash(&self, namespace: &str, key: &str) -> u64 {
        self.hashes.hash_one((namespace, key))
    }

    /// A panic under the lock may have left anything behind: then all is forgotten.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = PoisonError::into_inner(poisoned);
            *state = State {
                closed: true,
                ..State::default()
            };
            state
        })
    }
}

impl Window<'_> {
    /// The commit was made: these are the values now.
    pub(crate) fn publish<'k>(
        self,
        namespace: &str,
        values: impl IntoIterator<Item = (&'k str, Option<&'k Kept>)>,
    ) {
        let mut state = self.0.state();
        for (key, kept) in values {
            let hash = self.0.hash(namespace, key);
            state.insert(hash, namespace, key, kept.cloned());
        }
        // Under the same lock: nobody sees half of a transaction.
        state.end_window();
    }
}

impl Drop for Window<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.writing {
            state.end_window();
        }
    }
}

impl State {
    fn end_window(&mut self) {
        self.writing = false;
        self.commits += 1;
    }

    fn find(&self, hash: u64, namespace: &str, key: &str) -> Option<usize> {
        let at = *self.index.get(&hash)?;
        let slot = self.slots.get(at)?;
        (slot.key.as_str() == key && slot.namespace.as_str() == namespace).then_some(at)
    }

    fn look(
        &mut self,
        hash: u64,
        namespace: &str,
        key: &str,
        now_ms: impl FnOnce() -> i64,
    ) -> Look {
        let Some(at) = self.find(hash, namespace, key) else {
            return Look::Unknown;
        };
        let Some(slot) = self.slots.get_mut(at) else {
            return Look::Unknown;
        };
        slot.used = true;
        match &slot.kept {
            None => Look::Known(None),
            Some(kept) if kept.expires_at_ms.is_none() => {
                Look::Known(Some(Arc::clone(&kept.value)))
            }
            Some(kept) if is_expired(kept.expires_at_ms, now_ms()) => {
                // Not remembered as missing: somebody may set the clock back.
                self.remove_at(at);
                Look::Known(None)
            }
            Some(kept) => Look::Known(Some(Arc::clone(&kept.value))),
        }
    }

    fn insert(&mut self, hash: u64, namespace: &str, key: &str, kept: Option<Kept>) {
        let value_bytes = kept.as_ref().map_or(0, |kept| kept.value.raw().len());
        // Another key of the same hash goes too: there is one slot for each.
        if let Some(at) = self.index.get(&hash) {
            self.remove_at(*at);
        }
        if self.closed || value_bytes > self.limit / LARGEST_PART {
            return;
        }
        let slot = Slot {
            hash,
            namespace: Name::new(namespace),
            key: Name::new(key),
            kept,
            used: false,
        };
        self.bytes += slot.bytes();
        while self.bytes > self.limit && !self.slots.is_empty() {
            self.drop_one();
        }
        self.index.insert(hash, self.slots.len());
        self.slots.push(slot);
    }

    /// Drops the first slot that was not read since the hand last passed it.
    fn drop_one(&mut self) {
        loop {
            if self.hand >= self.slots.len() {
                self.hand = 0;
            }
            match self.slots.get_mut(self.hand) {
                None => return,
                Some(slot) if slot.used => {
                    slot.used = false;
                    self.hand += 1;
                }
                Some(_) => return self.remove_at(self.hand),
            }
        }
    }

    fn remove(&mut self, hash: u64, namespace: &str, key: &str) {
        if let Some(at) = self.find(hash, namespace, key) {
            self.remove_at(at);
        }
    }

    fn remove_namespace(&mut self, namespace: &str) {
        let mut at = 0;
        while let Some(slot) = self.slots.get(at) {
            if slot.namespace.as_str() == namespace {
                self.remove_at(at);
            } else {
                at += 1;
            }
        }
    }

    fn remove_at(&mut self, at: usize) {
        if at >= self.slots.len() {
            return;
        }
        let slot = self.slots.swap_remove(at);
        self.bytes = self.bytes.saturating_sub(slot.bytes());
        self.index.remove(&slot.hash);
        // The last slot took its place.
        if let Some(moved) = self.slots.get(at) {
            self.index.insert(moved.hash, at);
        }
    }
}

impl Slot {
    fn bytes(&self) -> usize {
        let value = self.kept.as_ref().map_or(0, |kept| kept.value.raw().len());
        SLOT_BYTES + self.namespace.as_str().len() + self.key.as_str().len() + value
    }
}
