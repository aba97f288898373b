//! Live queries: run once, and again when a transaction has touched their table. What happens while
//! one runs, or while its listener works, leads to one more run, not to many. Each has a thread of its
//! own and hears of changes by a bell, so that no other listener can hold it up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::opened::Open;
use super::state::{State, closed, locked};
use super::{Amana, Inner};
use crate::error::{Error, ErrorCode, Result};
use crate::model::filter::Query;
use crate::model::include::Include;
use crate::model::notice::{Notice, VaultState};
use crate::model::schema::TableIndex;
use crate::observers::{Bell, Subscription};
use crate::ports::QueryListener;

/// A live query; it ends when this is dropped, or the vault is closed.
#[must_use = "the query ends when this is dropped"]
pub struct LiveQuery {
    touched: Arc<Touched>,
    _bell: Subscription,
}

impl Drop for LiveQuery {
    fn drop(&mut self) {
        self.touched.set(|state| state.ended = true);
    }
}

/// Whether there is a reason to run.
struct Touched {
    /// The table of the query, and those that it includes.
    tables: Vec<String>,
    state: Mutex<Reason>,
    changed: Condvar,
}

#[derive(Default)]
struct Reason {
    dirty: bool,
    ended: bool,
}

impl Touched {
    fn set(&self, change: impl FnOnce(&mut Reason)) {
        change(&mut self.guard());
        self.changed.notify_one();
    }

    /// Waits for a reason; false when there will be none.
    fn wait(&self) -> bool {
        let quiet = |state: &mut Reason| !state.dirty && !state.ended;
        let mut state = self
            .changed
            .wait_while(self.guard(), quiet)
            .unwrap_or_else(PoisonError::into_inner);
        state.dirty = false;
        !state.ended
    }

    fn guard(&self) -> MutexGuard<'_, Reason> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell for Touched {
    fn ring(&self, notice: &Notice) {
        let is_reason = match notice {
            Notice::Records(notice) => notice.tables.iter().any(|t| self.tables.contains(&t.table)),
            // A closed vault is a reason, too: the run finds out, tells it, and is the last.
            Notice::State(state) => matches!(state, VaultState::Unlocked | VaultState::Closed),
            Notice::Kv(_) | Notice::Damage => false,
        };
        if is_reason {
            self.set(|state| state.dirty = true);
        }
    }
}

impl Amana {
    /// Runs a query now, and again whenever its table was touched and the result is another one, until
    /// the handle is dropped. A locked vault is heard of as a failure; after unlocking it goes on. The
    /// failure `closed`, after a close, a wipe or a quarantine, is the last that is heard.
    ///
    /// # Errors
    /// `invalid_input` for a query or table that is not one.
    pub fn watch_query(
        &self,
        table: &str,
        query: &str,
        listener: Arc<dyn QueryListener>,
    ) -> Result<LiveQuery> {
        let schema = &self.inner.schema;
        let (index, _) = schema.require(table)?;
        let query = Query::parse(schema, index, query)?;
        let included = query.include.iter().map(Include::table);
        let touched = Arc::new(Touched {
            tables: std::iter::once(index)
                .chain(included)
                .map(|table| schema.table(table).name.clone())
                .collect(),
            state: Mutex::new(Reason {
                dirty: true,
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let live = LiveQuery {
            touched: Arc::clone(&touched),
            _bell: self.inner.observers.subscribe_bell(touched.clone()),
        };
        let vault = Arc::downgrade(&self.inner);
        std::thread::Builder::new()
            .name("amana-live".to_owned())
            .spawn(move || run(&vault, index, &query, &touched, &*listener))
            .map_err(|_| Error::internal("no thread for a live query"))?;
        Ok(live)
    }
}

/// What an unlocked vault has. That the app watches is no use of it: the idle lock goes on.
fn opened(inner: &Inner) -> Result<Arc<Open>> {
    let now_ms = inner.system.clock.monotonic_ms();
    match &*inner.life.now()? {
        State::Closed => Err(closed()),
        state => state
            .open()
            .filter(|open| !open.held.last_use.is_locked(inner.config.idle_lock, now_ms))
            .cloned()
            .ok_or_else(locked),
    }
}

fn run(
    vault: &Weak<Inner>,
    index: TableIndex,
    query: &Query,
    touched: &Touched,
    listener: &dyn QueryListener,
) {
    let mut last: Option<String> = None;
    while touched.wait() {
        // The vault does not live on for a query's sake.
        let Some(inner) = vault.upgrade() else {
            return;
        };
        let working = inner.background.begin();
        let page = opened(&inner).and_then(|open| open.database.query(index, query.clone()).wait());
        drop(working);
        drop(inner);
        let is_over = matches!(&page, Err(error) if error.code() == ErrorCode::Closed);
        // A listener's panic is its own.
        let _ = catch_unwind(AssertUnwindSafe(|| match page {
            Ok(page) if last.as_ref() != Some(&page) => {
                listener.result(&page);
                last = Some(page);
            }
            Ok(_) => {}
            Err(error) => {
                // What comes after it is news, also where it is what was there before.
                last = None;
                listener.failed(&error);
            }
        }));
        if is_over {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::time::Duration;

    use pollster::block_on;

    use super::*;
    use crate::amana::state::Doing;
    use crate::error::ErrorCode;
    use crate::model::notice::{ChangeNotice, TableNotice};
    use crate::ports::ChangeListener;
    use crate::test_support::MemoryKeyStore;
    use crate::{Config, System};

    enum Heard {
        Page(String),
        Failed(ErrorCode),
    }

    /// Passes on what it hears, and goes on only when it is told.
    struct Slow(Mutex<Sender<Heard>>, Mutex<Receiver<()>>);

    impl Slow {
        fn tell(&self, heard: Heard) {
            let _ = self.0.lock().unwrap().send(heard);
            let _ = self.1.lock().unwrap().recv();
        }
    }

    impl QueryListener for Slow {
        fn result(&self, page: &str) {
            self.tell(Heard::Page(page.to_owned()));
        }

        fn failed(&self, error: &Error) {
            self.tell(Heard::Failed(error.code()));
        }
    }

    #[test]
    fn a_query_runs_again_only_for_its_table_and_once_for_all_that_a_slow_listener_missed() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path().join("vault"));
        let vault = Amana::open(config, Arc::new(MemoryKeyStore::new()), System::real()).unwrap();
        let (told, heard) = mpsc::channel();
        let (go_on, wait) = mpsc::channel();
        let listener = Arc::new(Slow(Mutex::new(told), Mutex::new(wait)));
        let live = vault.watch_query("patients", "{}", listener).unwrap();
        let rows = |heard: Heard| match heard {
            Heard::Page(page) => {
                let page: serde_json::Value = serde_json::from_str(&page).unwrap();
                page["rows"].as_array().unwrap().len()
            }
            Heard::Failed(code) => panic!("{}", code.as_str()),
        };
        assert_eq!(rows(heard.recv().unwrap()), 0);
        // The listener is still at work; the writes do not wait for it.
        let patient = block_on(vault.insert("patients", "{}")).unwrap();
        for _ in 0..200 {
            block_on(vault.insert("patients", "{}")).unwrap();
        }
        let visit = format!("{{\"patient_id\":\"{patient}\"}}");
        block_on(vault.insert("visits", &visit)).unwrap();
        let mut last = 0;
        let mut runs = 0;
        while last < 201 {
            go_on.send(()).unwrap();
            last = rows(heard.recv().unwrap());
            runs += 1;
        }
        assert!(runs < 100, "{runs} runs for 201 writes");
        vault.lock().unwrap();
        block_on(async { vault.unlock() }).unwrap();
        block_on(vault.insert("patients", "{}")).unwrap();
        go_on.send(()).unwrap();
        // A run while it was locked may have failed in between; in the end it has the new record.
        loop {
            match heard.recv().unwrap() {
                Heard::Failed(code) => assert_eq!(code, ErrorCode::Locked),
                page => {
                    assert_eq!(rows(page), 202);
                    break;
                }
            }
            go_on.send(()).unwrap();
        }
        drop(live);
        drop(go_on);
        assert!(heard.recv().is_err(), "the thread has ended");
    }

    /// Says that it was called, and stays until the other end is gone.
    struct Stuck(Mutex<Sender<()>>, Mutex<Receiver<()>>);

    impl ChangeListener for Stuck {
        fn changed(&self, _: &ChangeNotice) {
            let _ = self.0.lock().unwrap().send(());
            let _ = self.1.lock().unwrap().recv();
        }
    }

    #[test]
    fn a_query_goes_on_after_a_change_that_ends_in_an_open_vault() {
        const HANGS: Duration = Duration::from_secs(60);
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path().join("vault"));
        let vault = Amana::open(config, Arc::new(MemoryKeyStore::new()), System::real()).unwrap();
        let (told, heard) = mpsc::channel();
        let (go_on, wait) = mpsc::channel();
        drop(go_on);
        let listener = Arc::new(Slow(Mutex::new(told), Mutex::new(wait)));
        let live = vault.watch_query("patients", "{}", listener).unwrap();
        let hear = || heard.recv_timeout(HANGS).unwrap();
        assert!(matches!(hear(), Heard::Page(_)));
        let touch = || {
            let table = TableNotice {
                table: "patients".into(),
                ids: None,
            };
            vault.inner.observers.publish(Notice::Records(ChangeNotice {
                revision: 1,
                from_peer: false,
                tables: vec![table],
            }));
        };
        let begin = |doing| {
            let open = |state: &State| state.open().cloned().ok_or_else(locked);
            vault.inner.life.begin(doing, open).unwrap()
        };
        let (change, open) = begin(Doing::Rotating);
        touch();
        assert!(matches!(hear(), Heard::Failed(ErrorCode::Locked)));
        change.end(State::Unlocked(open));
        assert!(matches!(hear(), Heard::Page(_)), "the key is another one");
        // While somebody proves who it is, the vault is open.
        let (change, open) = begin(Doing::Opening);
        block_on(vault.insert("patients", "{}")).unwrap();
        assert!(matches!(hear(), Heard::Page(_)));
        change.end(State::Unlocked(open));
        drop(live);
    }

    #[test]
    fn an_observer_that_blocks_holds_up_no_query() {
        const HANGS: Duration = Duration::from_secs(60);
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path().join("vault"));
        let vault = Amana::open(config, Arc::new(MemoryKeyStore::new()), System::real()).unwrap();
        let (entered, has_entered) = mpsc::channel();
        let (let_go, wait) = mpsc::channel();
        let stuck = Arc::new(Stuck(Mutex::new(entered), Mutex::new(wait)));
        let subscription = vault.subscribe(stuck);
        block_on(vault.insert("patients", "{}")).unwrap();
        has_entered.recv_timeout(HANGS).unwrap();
        let (told, heard) = mpsc::channel();
        let (go_on, wait) = mpsc::channel();
        drop(go_on);
        let listener = Arc::new(Slow(Mutex::new(told), Mutex::new(wait)));
        let live = vault.watch_query("patients", "{}", listener).unwrap();
        assert!(matches!(heard.recv_timeout(HANGS), Ok(Heard::Page(_))));
        for _ in 0..3 {
            block_on(vault.insert("patients", "{}")).unwrap();
            assert!(matches!(heard.recv_timeout(HANGS), Ok(Heard::Page(_))));
        }
        // Nor does it hear late that the vault was unlocked, or is closed.
        vault.lock().unwrap();
        vault.unlock().unwrap();
        vault.close().unwrap();
        let closed = |heard| matches!(heard, Heard::Failed(ErrorCode::Closed));
        while !closed(heard.recv_timeout(HANGS).unwrap()) {}
        drop(let_go);
        drop((live, subscription));
    }

    #[test]
    fn a_query_ends_with_its_vault_however_long_its_handle_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let ends: [fn(&Amana); 3] = [
            |vault| vault.close().unwrap(),
            |vault| vault.wipe().unwrap(),
            // Let go of without a word, below: nobody is told, but nothing is left running.
            |_| {},
        ];
        for (number, end) in ends.into_iter().enumerate() {
            let config = Config::new(directory.path().join(number.to_string()));
            let store = Arc::new(MemoryKeyStore::new());
            let vault = Amana::open(config, store, System::real()).unwrap();
            let (told, heard) = mpsc::channel();
            let (go_on, wait) = mpsc::channel();
            let listener = Arc::new(Slow(Mutex::new(told), Mutex::new(wait)));
            let live = vault.watch_query("patients", "{}", listener).unwrap();
            assert!(matches!(heard.recv().unwrap(), Heard::Page(_)));
            drop(go_on);
            end(&vault);
            if number < 2 {
                // A run while it was closing may have failed before.
                let is_last = |heard| match heard {
                    Heard::Failed(ErrorCode::Locked) => false,
                    Heard::Failed(ErrorCode::Closed) => true,
                    _ => panic!("a page of a closed vault"),
                };
                while !is_last(heard.recv().unwrap()) {}
            }
            drop(vault);
            // The channel ends when the thread lets go of the listener.
            assert!(heard.recv().is_err(), "{number}");
            drop(live);
        }
    }

    #[test]
    fn a_query_of_a_closed_vault_says_so_and_ends() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path().join("vault"));
        let vault = Amana::open(config, Arc::new(MemoryKeyStore::new()), System::real()).unwrap();
        vault.close().unwrap();
        let (told, heard) = mpsc::channel();
        let (_, wait) = mpsc::channel();
        let listener = Arc::new(Slow(Mutex::new(told), Mutex::new(wait)));
        let live = vault.watch_query("patients", "{}", listener).unwrap();
        assert!(matches!(
            heard.iter().collect::<Vec<_>>()[..],
            [Heard::Failed(ErrorCode::Closed)]
        ));
        drop(live);
    }
}
