//! The key–value store of the encrypted file: writes on the writer thread, in step with the cache;
//! reads from the cache, from the async readers, or at once on a connection of their own.

use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::at_once::AtOnce;
use super::database::{Database, WriterState};
use super::errors::MapSqlite;
use super::kv;
use crate::error::{Error, Result};
use crate::kv::cache::{CACHE_BYTES, KvCache, Look, Ticket, Touched};
use crate::model::kv::{
    Kept, KeyRange, KvKeys, KvNamespace, KvNotice, KvValue, check_total, is_expired,
};
use crate::model::notice::Notice;
use crate::pending::Pending;

/// A value as callers get it.
pub type Found = Option<Arc<KvValue>>;

/// What reading needs: the cache, and a connection that neither the writer nor the async readers
/// use.
pub(super) struct KvReading {
    cache: Arc<KvCache>,
    connection: Arc<AtOnce>,
}

impl KvReading {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            cache: Arc::new(KvCache::new(CACHE_BYTES)),
            connection: Arc::new(AtOnce::new(connection)),
        }
    }

    pub(super) fn cache(&self) -> Arc<KvCache> {
        Arc::clone(&self.cache)
    }

    pub(super) fn at_once(&self) -> Arc<AtOnce> {
        Arc::clone(&self.connection)
    }

    pub(super) fn connection(&self) -> &AtOnce {
        &self.connection
    }

    /// Wipes the cache and closes the connection, once nobody reads from it. Later reads hear why.
    pub(super) fn close(&self, why: &Error) {
        self.cache.close();
        self.connection.close(why);
    }
}

/// One write: its transaction, and what it changed so far.
struct KvTransaction<'a> {
    connection: &'a Connection,
    namespace: &'a str,
    now_ms: i64,
    changed: Vec<(String, Option<Kept>)>,
    cleared: bool,
}

impl Database {
    /// Sets values in one transaction: all or none.
    pub fn kv_set(&self, namespace: String, values: Vec<(String, Kept)>) -> Pending<()> {
        self.kv_write(namespace, |tx| {
            values
                .into_iter()
                .try_for_each(|(key, kept)| tx.put(key, Some(kept)).map(|_| ()))
        })
    }

    /// Removes a value; whether there was one.
    pub fn kv_remove(&self, namespace: String, key: String) -> Pending<bool> {
        self.kv_write(namespace, |tx| tx.put(key, None))
    }

    /// Removes several values; how many there were.
    pub fn kv_multi_remove(&self, namespace: String, keys: Vec<String>) -> Pending<u64> {
        self.kv_write(namespace, |tx| {
            keys.into_iter().try_fold(
                0,
                |removed, key| Ok(removed + u64::from(tx.put(key, None)?)),
            )
        })
    }

    /// Removes all values of a namespace; how many there were.
    pub fn kv_clear(&self, namespace: String) -> Pending<u64> {
        self.kv_write(namespace, |tx| {
            let (live, rows) = kv::clear(tx.connection, tx.namespace, tx.now_ms)?;
            tx.cleared = rows > 0;
            Ok(live)
        })
    }

    /// Sets, or removes, if the value is the expected one; whether it was.
    pub fn kv_compare_and_set(
        &self,
        namespace: String,
        key: String,
        expected: Option<KvValue>,
        new: Option<Kept>,
    ) -> Pending<bool> {
        self.kv_write(namespace, move |tx| {
            let present = kv::get(tx.connection, tx.namespace, &key)?;
            let present = present.and_then(|kept| kept.at(tx.now_ms));
            if present.as_deref() != expected.as_ref() {
                return Ok(false);
            }
            tx.put(key, new)?;
            Ok(true)
        })
    }

    /// The value of a key, now. Waits for no writer and no other kind of reader.
    pub fn kv_get_now(&self, namespace: &str, key: &str) -> Result<Found> {
        let clock = &self.context.clock;
        if let Look::Known(value) = self.kv.cache.look(namespace, key, || clock.now_ms()) {
            return Ok(value);
        }
        let ticket = self.kv.cache.ticket();
        let kept = self
            .kv
            .connection()
            .read(|connection| kv::get(connection, namespace, key))?;
        self.kv.cache.offer(ticket, namespace, key, kept.as_ref());
        Ok(kept.and_then(|kept| kept.at(clock.now_ms())))
    }

    /// The value of each key, now, all as they are together.
    pub fn kv_multi_get_now(&self, namespace: &str, keys: &[String]) -> Result<Vec<Found>> {
        let now_ms = self.context.clock.now_ms();
        match self.kv.cache.look_all(namespace, keys, now_ms) {
            Some(values) => Ok(values),
            None => {
                let ticket = self.kv.cache.ticket();
                self.kv.connection().read(|snapshot| {
                    read_all(snapshot, &self.kv.cache, ticket, namespace, keys, now_ms)
                })
            }
        }
    }

    /// The same, on the async readers: for values whose reading takes long.
    pub fn kv_multi_get(&self, namespace: String, keys: Vec<String>) -> Pending<Vec<Found>> {
        let cache = self.kv.cache();
        self.read(move |connection, context| {
            let now_ms = context.clock.now_ms();
            match cache.look_all(&namespace, &keys, now_ms) {
                Some(values) => Ok(values),
                // The snapshot begins with its first statement.
                None => read_all(
                    connection,
                    &cache,
                    cache.ticket(),
                    &namespace,
                    &keys,
                    now_ms,
                ),
            }
        })
    }

    /// A page of keys, now.
    pub fn kv_keys_now(&self, namespace: &str, range: &KeyRange) -> Result<KvKeys> {
        let now_ms = self.context.clock.now_ms();
        self.kv
            .connection()
            .read(|connection| page(connection, namespace, range, now_ms))
    }

    /// A page of keys, from the async readers.
    pub fn kv_keys(&self, namespace: String, range: KeyRange) -> Pending<KvKeys> {
        self.read(move |connection, context| {
            page(connection, &namespace, &range, context.clock.now_ms())
        })
    }

    /// Wipes the values that are held in memory.
    pub fn kv_forget(&self) {
        self.kv.cache.wipe();
    }

    /// From now on, until the database is closed, setting this key fails in its transaction.
    #[cfg(test)]
    pub(crate) fn kv_refuse(&self, key: &'static str) {
        let sql = format!(
            "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.amana_kv WHEN new.key = '{key}'
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        );
        let made = self.writer(move |state| state.connection.execute_batch(&sql).map_sqlite());
        assert!(made.wait().is_ok());
    }

    fn kv_write<T: Send + 'static>(
        &self,
        namespace: String,
        write: impl FnOnce(&mut KvTransaction<'_>) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.writer(move |state| state.kv_transaction(namespace, write))
    }
}

impl KvTransaction<'_> {
    /// Sets or removes a value; whether there was one to remove.
    fn put(&mut self, key: String, kept: Option<Kept>) -> Result<bool> {
        match kept {
            Some(kept) => {
                kv::set(self.connection, self.namespace, &key, &kept)?;
                self.changed.push((key, Some(kept)));
                Ok(true)
            }
            None => {
                let Some(expiry) = kv::remove(self.connection, self.namespace, &key)? else {
                    return Ok(false);
                };
                self.changed.push((key, None));
                Ok(!is_expired(expiry, self.now_ms))
            }
        }
    }
}

impl WriterState {
    /// Runs a write in one IMMEDIATE transaction. The cache is in step with its commit, and the
    /// listeners hear of it afterwards.
    fn kv_transaction<T>(
        &mut self,
        namespace: String,
        write: impl FnOnce(&mut KvTransaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let now_ms = self.context.clock.now_ms();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_sqlite()?;
        // First, so that what is set now stays.
        let purged = kv::purge(&transaction, now_ms)?;
        let mut books = KvTransaction {
            connection: &transaction,
            namespace: &namespace,
            now_ms,
            changed: Vec::new(),
            cleared: false,
        };
        let result = write(&mut books)?;
        let changes = Changes {
            namespace: &namespace,
            changed: books.changed,
            cleared: books.cleared,
            purged,
        };
        if changes.is_empty() {
            return Ok(result);
        }
        changes.commit(transaction, &self.kv_cache, &self.at_once)?;
        if let Some(notice) = changes.notice() {
            (self.notices)(Notice::Kv(notice));
        }
        Ok(result)
    }
}

/// What a transaction changed.
struct Changes<'a> {
    namespace: &'a str,
    changed: Vec<(String, Option<Kept>)>,
    cleared: bool,
    purged: Vec<(String, String)>,
}

impl Changes<'_> {
    fn is_empty(&self) -> bool {
        self.changed.is_empty() && !self.cleared && self.purged.is_empty()
    }

    fn commit(
        &self,
        transaction: Transaction<'_>,
        cache: &KvCache,
        at_once: &AtOnce,
    ) -> Result<()> {
        let whole = self.cleared.then_some((self.namespace, None));
        let changed = self.changed.iter().map(|(k, _)| (self.namespace, k));
        let purged = self.purged.iter().map(|(n, k)| (n.as_str(), k));
        let touched: Vec<Touched<'_>> = changed
            .chain(purged)
            .map(|(namespace, key)| (namespace, Some(key.as_str())))
            .chain(whole)
            .map(|(namespace, key)| Touched { namespace, key })
            .collect();
        let window = cache.begin(&touched);
        transaction.commit().map_sqlite()?;
        at_once.committed();
        let values = self.changed.iter();
        window.publish(
            self.namespace,
            values.map(|(key, kept)| (key.as_str(), kept.as_ref())),
        );
        Ok(())
    }

    fn notice(self) -> Option<KvNotice> {
        let namespace = KvNamespace::Stored(self.namespace.to_owned());
        if self.cleared {
            return Some(KvNotice::cleared(namespace));
        }
        let keys: Vec<String> = self.changed.into_iter().map(|(key, _)| key).collect();
        (!keys.is_empty()).then(|| KvNotice::new(namespace, keys))
    }
}

/// The ticket is from before the snapshot.
fn read_all(
    snapshot: &Connection,
    cache: &KvCache,
    ticket: Ticket,
    namespace: &str,
    keys: &[String],
    now_ms: i64,
) -> Result<Vec<Found>> {
    let mut bytes = 0;
    keys.iter()
        .map(|key| {
            let kept = kv::get(snapshot, namespace, key)?;
            bytes += kept.as_ref().map_or(0, |kept| kept.value.raw().len());
            check_total(bytes)?;
            cache.offer(ticket, namespace, key, kept.as_ref());
            Ok(kept.and_then(|kept| kept.at(now_ms)))
        })
        .collect()
}

fn page(connection: &Connection, namespace: &str, range: &KeyRange, now_ms: i64) -> Result<KvKeys> {
    let keys = if range.is_empty() {
        Vec::new()
    } else {
        kv::keys(connection, namespace, range, now_ms)?
    };
    Ok(KvKeys::page(keys, range.limit))
}
