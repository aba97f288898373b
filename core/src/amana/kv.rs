//! The key–value calls: tokens, settings, drafts, cached answers.
//!
//! Reads answer at once, from memory or from a connection of their own; their async twins are for
//! values so large that a thread should not wait for them. Writes are async. A value that was set
//! is read by everybody from the moment the call returned. Missing is `None`; what is there but
//! cannot be read is an error.

use std::sync::Arc;

use super::Amana;
use super::opened::Open;
use crate::error::Result;
use crate::model::kv::{
    Kept, KeyRange, KvEntry, KvKeys, KvNamespace, KvNotice, KvValue, check_count, check_key,
    check_total,
};
use crate::model::notice::Notice;

impl Amana {
    /// The value of a key, or none. Waits for no writer: it may be called on a thread that draws.
    ///
    /// # Errors
    /// `locked`, `closed`; `invalid_input` for a key or namespace that cannot be one;
    /// `database_damaged` where there is a value that cannot be read.
    pub fn kv_get_now(&self, namespace: &KvNamespace, key: &str) -> Result<Option<Arc<KvValue>>> {
        let open = self.kv(namespace)?;
        check_key(key)?;
        match namespace {
            KvNamespace::Stored(name) => open.database.kv_get_now(name, key),
            KvNamespace::Session(name) => {
                let mut found = open.held.session.get(name, &[key], self.now_ms())?;
                Ok(found.pop().flatten())
            }
        }
    }

    /// The values of several keys in their order, all as they are together.
    ///
    /// # Errors
    /// As [`Amana::kv_get_now`]; `value_too_large` where they are more than 64 MiB together.
    pub fn kv_multi_get_now(
        &self,
        namespace: &KvNamespace,
        keys: &[String],
    ) -> Result<Vec<Option<Arc<KvValue>>>> {
        let open = self.kv(namespace)?;
        check_keys(keys)?;
        match namespace {
            KvNamespace::Stored(name) => open.database.kv_multi_get_now(name, keys),
            KvNamespace::Session(name) => open.held.session.get(name, keys, self.now_ms()),
        }
    }

    /// A page of the keys that begin with a prefix, in the order of their bytes. An empty prefix
    /// finds all; `after` is the `next` of the page before; a page has at most 1000 keys.
    ///
    /// # Errors
    /// As [`Amana::kv_get_now`].
    pub fn kv_keys_now(
        &self,
        namespace: &KvNamespace,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<KvKeys> {
        let open = self.kv(namespace)?;
        let range = KeyRange::new(prefix, after, limit)?;
        match namespace {
            KvNamespace::Stored(name) => open.database.kv_keys_now(name, &range),
            KvNamespace::Session(name) => open.held.session.keys(name, &range, self.now_ms()),
        }
    }

    /// [`Amana::kv_get_now`] for values whose reading takes long.
    pub async fn kv_get(&self, namespace: &KvNamespace, key: &str) -> Result<Option<Arc<KvValue>>> {
        let mut found = self.kv_multi_get(namespace, vec![key.to_owned()]).await?;
        Ok(found.pop().flatten())
    }

    /// [`Amana::kv_multi_get_now`] for values whose reading takes long.
    pub async fn kv_multi_get(
        &self,
        namespace: &KvNamespace,
        keys: Vec<String>,
    ) -> Result<Vec<Option<Arc<KvValue>>>> {
        let open = self.kv(namespace)?;
        check_keys(&keys)?;
        match namespace {
            KvNamespace::Stored(name) => open.database.kv_multi_get(name.clone(), keys).await,
            KvNamespace::Session(name) => open.held.session.get(name, &keys, self.now_ms()),
        }
    }

    /// [`Amana::kv_keys_now`] for namespaces of very many keys.
    pub async fn kv_keys(
        &self,
        namespace: &KvNamespace,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<KvKeys> {
        let open = self.kv(namespace)?;
        let range = KeyRange::new(prefix, after, limit)?;
        match namespace {
            KvNamespace::Stored(name) => open.database.kv_keys(name.clone(), range).await,
            KvNamespace::Session(name) => open.held.session.keys(name, &range, self.now_ms()),
        }
    }

    /// Sets a value, whatever was there; with `expires_in_ms` it is missing after so long by the
    /// device's clock.
    ///
    /// # Errors
    /// As [`Amana::kv_get_now`]; `value_too_large` over 16 MiB; `storage_full`. What was there
    /// before is then still there.
    pub async fn kv_set(
        &self,
        namespace: &KvNamespace,
        key: &str,
        value: KvValue,
        expires_in_ms: Option<u64>,
    ) -> Result<()> {
        let entry = KvEntry {
            key: key.to_owned(),
            value,
            expires_in_ms,
        };
        self.kv_multi_set(namespace, vec![entry]).await
    }

    /// Sets several values in one transaction: all or none. Where a key comes twice, the last
    /// value stays.
    ///
    /// # Errors
    /// As [`Amana::kv_set`]; `value_too_large` where they are more than 64 MiB together.
    pub async fn kv_multi_set(&self, namespace: &KvNamespace, entries: Vec<KvEntry>) -> Result<()> {
        let open = self.kv(namespace)?;
        let values = self.check_entries(entries)?;
        if values.is_empty() {
            return Ok(());
        }
        match namespace {
            KvNamespace::Stored(name) => open.database.kv_set(name.clone(), values).await,
            KvNamespace::Session(name) => {
                let keys = values.iter().map(|(key, _)| key.clone()).collect();
                open.held.session.set(name, values, self.now_ms())?;
                self.tell(KvNotice::new(namespace.clone(), keys));
                Ok(())
            }
        }
    }

    /// Removes a value; whether there was one.
    pub async fn kv_remove(&self, namespace: &KvNamespace, key: &str) -> Result<bool> {
        let open = self.kv(namespace)?;
        check_key(key)?;
        match namespace {
            KvNamespace::Stored(name) => {
                open.database.kv_remove(name.clone(), key.to_owned()).await
            }
            KvNamespace::Session(name) => {
                let removed = open.held.session.remove(name, key, self.now_ms())?;
                if removed {
                    self.tell(KvNotice::new(namespace.clone(), vec![key.to_owned()]));
                }
                Ok(removed)
            }
        }
    }

    /// Removes several values in one transaction; how many there were.
    ///
    /// # Errors
    /// As [`Amana::kv_set`].
    pub async fn kv_multi_remove(&self, namespace: &KvNamespace, keys: Vec<String>) -> Result<u64> {
        let open = self.kv(namespace)?;
        check_keys(&keys)?;
        match namespace {
            KvNamespace::Stored(name) => open.database.kv_multi_remove(name.clone(), keys).await,
            KvNamespace::Session(name) => {
                let mut removed = Vec::new();
                for key in keys {
                    if open.held.session.remove(name, &key, self.now_ms())? {
                        removed.push(key);
                    }
                }
                let count = removed.len() as u64;
                if count > 0 {
                    self.tell(KvNotice::new(namespace.clone(), removed));
                }
                Ok(count)
            }
        }
    }

    /// Removes all values of a namespace; how many there were.
    pub async fn kv_clear(&self, namespace: &KvNamespace) -> Result<u64> {
        let open = self.kv(namespace)?;
        match namespace {
            KvNamespace::Stored(name) => open.database.kv_clear(name.clone()).await,
            KvNamespace::Session(name) => {
                let removed = open.held.session.clear(name, self.now_ms())?;
                if removed > 0 {
                    self.tell(KvNotice::cleared(namespace.clone()));
                }
                Ok(removed)
            }
        }
    }

    /// Sets the new value, or removes the key where there is none, if the present value is the
    /// expected one (none: if the key is missing). Whether it was; if not, nothing is changed.
    ///
    /// # Errors
    /// As [`Amana::kv_set`].
    pub async fn kv_compare_and_set(
        &self,
        namespace: &KvNamespace,
        key: &str,
        expected: Option<KvValue>,
        new: Option<KvValue>,
        expires_in_ms: Option<u64>,
    ) -> Result<bool> {
        let open = self.kv(namespace)?;
        check_key(key)?;
        let now_ms = self.now_ms();
        let new = new
            .map(|value| Kept::new(value, expires_in_ms, now_ms))
            .transpose()?;
        let key = key.to_owned();
        match namespace {
            KvNamespace::Stored(name) => {
                open.database
                    .kv_compare_and_set(name.clone(), key, expected, new)
                    .await
            }
            KvNamespace::Session(name) => {
                let changes = expected.is_some() || new.is_some();
                let notice = KvNotice::new(namespace.clone(), vec![key.clone()]);
                let expected = expected.as_ref();
                let was = open
                    .held
                    .session
                    .compare_and_set(name, key, expected, new, now_ms)?;
                if was && changes {
                    self.tell(notice);
                }
                Ok(was)
            }
        }
    }

    fn kv(&self, namespace: &KvNamespace) -> Result<Arc<Open>> {
        namespace.check()?;
        self.opened()
    }

    fn check_entries(&self, entries: Vec<KvEntry>) -> Result<Vec<(String, Kept)>> {
        check_count(entries.len())?;
        let now_ms = self.now_ms();
        let mut bytes = 0;
        entries
            .into_iter()
            .map(|entry| {
                check_key(&entry.key)?;
                let kept = Kept::new(entry.value, entry.expires_in_ms, now_ms)?;
                bytes += kept.value.raw().len();
                check_total(bytes)?;
                Ok((entry.key, kept))
            })
            .collect()
    }

    fn now_ms(&self) -> i64 {
        self.inner.system.clock.now_ms()
    }

    fn tell(&self, notice: KvNotice) {
        self.inner.observers.publish(Notice::Kv(notice));
    }
}

fn check_keys(keys: &[String]) -> Result<()> {
    check_count(keys.len())?;
    keys.iter().try_for_each(|key| check_key(key))
}
