//! Tells listeners of committed changes and of the vault's state, on a thread of its own and with no lock held.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Weak};

use crate::error::{Error, Result};
use crate::model::notice::Notice;
use crate::notice_queue::NoticeQueue;
use crate::ports::{ChangeListener, DamageListener, KvListener, StateListener};

/// The listeners of a vault.
pub struct Observers {
    registry: Arc<Registry>,
    queue: Arc<NoticeQueue>,
}

#[derive(Default)]
struct Registry {
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    next: u64,
    by_number: BTreeMap<u64, Listener>,
}

#[derive(Clone)]
enum Listener {
    Records(Arc<dyn ChangeListener>),
    Kv(Arc<dyn KvListener>),
    State(Arc<dyn StateListener>),
    Damage(Arc<dyn DamageListener>),
}

/// Ends the listening when dropped.
#[must_use = "listening ends when this is dropped"]
pub struct Subscription {
    registry: Weak<Registry>,
    number: u64,
}

impl Observers {
    /// Starts the thread; it ends with the value.
    pub fn start() -> Result<Self> {
        let registry = Arc::new(Registry::default());
        let queue = Arc::new(NoticeQueue::default());
        let (for_thread, notices) = (Arc::clone(&registry), Arc::clone(&queue));
        std::thread::Builder::new()
            .name("amana-notices".to_owned())
            .spawn(move || {
                while let Some(notice) = notices.next() {
                    for listener in for_thread.snapshot() {
                        // A listener's panic is its own.
                        let _ = catch_unwind(AssertUnwindSafe(|| listener.hear(&notice)));
                    }
                }
            })
            .map_err(|_| Error::internal("no thread for notices"))?;
        Ok(Self { registry, queue })
    }

    /// Adds a listener of records.
    pub fn subscribe(&self, listener: Arc<dyn ChangeListener>) -> Subscription {
        self.add(Listener::Records(listener))
    }

    /// Adds a listener of the key–value store.
    pub fn subscribe_kv(&self, listener: Arc<dyn KvListener>) -> Subscription {
        self.add(Listener::Kv(listener))
    }

    /// Adds a listener of the vault's state.
    pub fn subscribe_state(&self, listener: Arc<dyn StateListener>) -> Subscription {
        self.add(Listener::State(listener))
    }

    /// Adds a listener of damage.
    pub fn subscribe_damage(&self, listener: Arc<dyn DamageListener>) -> Subscription {
        self.add(Listener::Damage(listener))
    }

    fn add(&self, listener: Listener) -> Subscription {
        let number = self.registry.listeners.lock().map_or(0, |mut listeners| {
            listeners.next += 1;
            let number = listeners.next;
            listeners.by_number.insert(number, listener);
            number
        });
        Subscription {
            registry: Arc::downgrade(&self.registry),
            number,
        }
    }

    /// Queues a notice; never waits for a listener.
    pub fn publish(&self, notice: Notice) {
        self.queue.push(notice);
    }
}

impl Drop for Observers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl Listener {
    fn hear(&self, notice: &Notice) {
        match (self, notice) {
            (Self::Records(listener), Notice::Records(notice)) => listener.changed(notice),
            (Self::Kv(listener), Notice::Kv(notice)) => listener.changed(notice),
            (Self::State(listener), Notice::State(state)) => listener.changed(*state),
            (Self::Damage(listener), Notice::Damage) => listener.found(),
            _ => {}
        }
    }
}

impl Registry {
    fn snapshot(&self) -> Vec<Listener> {
        self.listeners
            .lock()
            .map(|listeners| listeners.by_number.values().cloned().collect())
            .unwrap_or_default()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade()
            && let Ok(mut listeners) = registry.listeners.lock()
        {
            let removed = listeners.by_number.remove(&self.number);
            // The listener's own drop must not run under our lock.
            drop(listeners);
            drop(removed);
        }
    }
}
