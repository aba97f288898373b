//! Tells listeners of committed changes, on a thread of its own and with no lock held.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, Weak};

use crate::error::{Error, Result};
use crate::model::notice::ChangeNotice;
use crate::ports::ChangeListener;

/// The listeners of a vault.
pub struct Observers {
    registry: Arc<Registry>,
    queue: Mutex<Sender<ChangeNotice>>,
}

#[derive(Default)]
struct Registry {
    listeners: Mutex<Listeners>,
}

#[derive(Default)]
struct Listeners {
    next: u64,
    by_number: BTreeMap<u64, Arc<dyn ChangeListener>>,
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
        let (queue, notices) = mpsc::channel::<ChangeNotice>();
        let for_thread = Arc::clone(&registry);
        std::thread::Builder::new()
            .name("amana-notices".to_owned())
            .spawn(move || {
                for notice in notices {
                    for listener in for_thread.snapshot() {
                        // A listener's panic is its own.
                        let _ = catch_unwind(AssertUnwindSafe(|| listener.changed(&notice)));
                    }
                }
            })
            .map_err(|_| Error::internal("no thread for notices"))?;
        Ok(Self {
            registry,
            queue: Mutex::new(queue),
        })
    }

    /// Adds a listener.
    pub fn subscribe(&self, listener: Arc<dyn ChangeListener>) -> Subscription {
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

    /// Queues a notice.
    pub fn publish(&self, notice: ChangeNotice) {
        if let Ok(queue) = self.queue.lock() {
            let _ = queue.send(notice);
        }
    }
}

impl Registry {
    fn snapshot(&self) -> Vec<Arc<dyn ChangeListener>> {
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
