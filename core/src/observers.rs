//! Tells listeners of committed changes and of the vault's state, on a thread of its own and with no lock
//! held: one after the other, so that a slow one delays the others, and nobody else. What they have not
//! heard yet waits in a bounded queue. Bells, which live queries have, are rung at once, whatever
//! listeners do.

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
    bells: BTreeMap<u64, Arc<dyn Bell>>,
}

/// Is told of a notice on the thread of whoever publishes it, with locks held: it may set a flag of its
/// own and wake who waits for that, and nothing else.
pub(crate) trait Bell: Send + Sync {
    /// Something happened.
    fn ring(&self, notice: &Notice);
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

    /// Adds a bell.
    pub(crate) fn subscribe_bell(&self, bell: Arc<dyn Bell>) -> Subscription {
        self.number(|listeners, number| {
            listeners.bells.insert(number, bell);
        })
    }

    fn add(&self, listener: Listener) -> Subscription {
        self.number(|listeners, number| {
            listeners.by_number.insert(number, listener);
        })
    }

    fn number(&self, add: impl FnOnce(&mut Listeners, u64)) -> Subscription {
        let number = self.registry.listeners.lock().map_or(0, |mut listeners| {
            listeners.next += 1;
            let number = listeners.next;
            add(&mut listeners, number);
            number
        });
        Subscription {
            registry: Arc::downgrade(&self.registry),
            number,
        }
    }

    /// Rings the bells alone: for what listeners know already.
    pub fn ring(&self, notice: &Notice) {
        if let Ok(listeners) = self.registry.listeners.lock() {
            for bell in listeners.bells.values() {
                bell.ring(notice);
            }
        }
    }

    /// Rings the bells and queues the notice; never waits for a listener.
    pub fn publish(&self, notice: Notice) {
        self.ring(&notice);
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
            let bell = listeners.bells.remove(&self.number);
            // The listener's own drop must not run under our lock.
            drop(listeners);
            drop((removed, bell));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    use super::*;
    use crate::model::kv::{KvNamespace, KvNotice};
    use crate::model::notice::VaultState;

    /// Says that it is called, and goes on when it may; then it says what it heard.
    struct Stuck {
        entered: Mutex<Sender<()>>,
        may_go_on: Mutex<Receiver<()>>,
        heard: Mutex<Sender<Notice>>,
    }

    impl Stuck {
        fn hear(&self, notice: Notice) {
            let _ = self.entered.lock().unwrap().send(());
            let _ = self.may_go_on.lock().unwrap().recv();
            let _ = self.heard.lock().unwrap().send(notice);
        }
    }

    impl KvListener for Stuck {
        fn changed(&self, notice: &KvNotice) {
            self.hear(Notice::Kv(notice.clone()));
        }
    }

    impl StateListener for Stuck {
        fn changed(&self, state: VaultState) {
            self.hear(Notice::State(state));
        }
    }

    impl DamageListener for Stuck {
        fn found(&self) {
            self.hear(Notice::Damage);
        }
    }

    struct Rung(Mutex<u32>);

    impl Bell for Rung {
        fn ring(&self, _: &Notice) {
            *self.0.lock().unwrap() += 1;
        }
    }

    #[test]
    fn a_listener_that_blocks_holds_up_no_bell_and_hears_a_bounded_rest() {
        let observers = Observers::start().unwrap();
        let (entered, has_entered) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let (told, heard) = mpsc::channel();
        let stuck = Arc::new(Stuck {
            entered: Mutex::new(entered),
            may_go_on: Mutex::new(may_go_on),
            heard: Mutex::new(told),
        });
        let subscriptions = [
            observers.subscribe_kv(stuck.clone()),
            observers.subscribe_state(stuck.clone()),
            observers.subscribe_damage(stuck),
        ];
        let rung = Arc::new(Rung(Mutex::new(0)));
        let bell = observers.subscribe_bell(rung.clone());
        observers.publish(Notice::Damage);
        has_entered.recv_timeout(Duration::from_secs(60)).unwrap();
        for number in 0..2_000 {
            let namespace = KvNamespace::Stored("settings".into());
            let keys = vec![number.to_string()];
            observers.publish(Notice::Kv(KvNotice::new(namespace, keys)));
            observers.publish(Notice::State(VaultState::Locked));
            observers.publish(Notice::State(VaultState::Unlocked));
            observers.publish(Notice::Damage);
        }
        observers.publish(Notice::State(VaultState::Closed));
        assert_eq!(*rung.0.lock().unwrap(), 1 + 2_000 * 4 + 1);
        drop(go_on);
        drop(bell);
        drop(observers);
        let mut rest = Vec::new();
        while let Ok(notice) = heard.recv_timeout(Duration::from_secs(60)) {
            let is_last = notice == Notice::State(VaultState::Closed);
            rest.push(notice);
            if is_last {
                break;
            }
        }
        assert!(rest.len() < 100, "{} notices", rest.len());
        assert!(rest.ends_with(&[Notice::State(VaultState::Closed)]));
        drop(subscriptions);
    }
}
