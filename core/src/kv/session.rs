//! The session-only namespaces: values that live in memory until the vault locks.
//!
//! Same rules as in the file, without the file: nothing here is ever written anywhere.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use super::name::Name;
use crate::error::{Error, ErrorCode, Result};
use crate::model::kv::{self, Kept, KeyRange, KvKeys, KvValue};

/// How many bytes of keys and values all namespaces may have together.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The values; none once the vault was locked.
pub(crate) struct SessionValues(Mutex<Option<Spaces>>);

#[derive(Default)]
struct Spaces {
    by_name: HashMap<Name, BTreeMap<Name, Kept>>,
    bytes: usize,
    /// Writes until expired values are looked for.
    until_purge: usize,
}

impl SessionValues {
    /// No values.
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(Spaces::default())))
    }

    /// Wipes everything; new values may come.
    pub(crate) fn wipe(&self) {
        let _ = self.with(|spaces| {
            *spaces = Spaces::default();
            Ok(())
        });
    }

    /// Wipes everything; later calls hear that the vault is locked.
    pub(crate) fn close(&self) {
        let mut spaces = match self.0.lock() {
            Ok(spaces) => spaces,
            Err(poisoned) => poisoned.into_inner(),
        };
        *spaces = None;
    }

    /// The value of each key, all as they are together.
    pub(crate) fn get<K: AsRef<str>>(
        &self,
        namespace: &str,
        keys: &[K],
        now_ms: i64,
    ) -> Result<Vec<Option<Arc<KvValue>>>> {
        self.with(|spaces| {
            let space = spaces.by_name.get(namespace);
            Ok(keys
                .iter()
                .map(|key| space?.get(key.as_ref())?.at(now_ms))
                .collect())
        })
    }

    /// Sets values: all or none.
    pub(crate) fn set(
        &self,
        namespace: &str,
        values: Vec<(String, Kept)>,
        now_ms: i64,
    ) -> Result<()> {
        self.with(|spaces| {
            let more = values.iter().map(|(key, kept)| cost(key, kept)).sum();
            let keys = values.iter().map(|(key, _)| key.as_str());
            spaces.make_room(namespace, keys, more, now_ms)?;
            for (key, kept) in values {
                spaces.insert(namespace, key, kept);
            }
            Ok(())
        })
    }

    /// Removes a value; whether there was one.
    pub(crate) fn remove(&self, namespace: &str, key: &str, now_ms: i64) -> Result<bool> {
        self.with(|spaces| {
            let kept = spaces.remove(namespace, key);
            Ok(kept.is_some_and(|kept| kept.at(now_ms).is_some()))
        })
    }

    /// Removes all values of a namespace; how many there were.
    pub(crate) fn clear(&self, namespace: &str, now_ms: i64) -> Result<u64> {
        self.with(|spaces| {
            let Some(space) = spaces.by_name.remove(namespace) else {
                return Ok(0);
            };
            spaces.bytes -= space
                .iter()
                .map(|(k, v)| cost(k.as_str(), v))
                .sum::<usize>();
            let live = space.values().filter(|kept| kept.at(now_ms).is_some());
            Ok(live.count() as u64)
        })
    }

    /// Sets, or removes, if the value is the expected one; whether it was.
    pub(crate) fn compare_and_set(
        &self,
        namespace: &str,
        key: String,
        expected: Option<&KvValue>,
        new: Option<Kept>,
        now_ms: i64,
    ) -> Result<bool> {
        self.with(|spaces| {
            let space = spaces.by_name.get(namespace);
            let present = space.and_then(|space| space.get(key.as_str())?.at(now_ms));
            if present.as_deref() != expected {
                return Ok(false);
            }
            match new {
                Some(kept) => {
                    let more = cost(&key, &kept);
                    spaces.make_room(namespace, [key.as_str()].into_iter(), more, now_ms)?;
                    spaces.insert(namespace, key, kept);
                }
                None => drop(spaces.remove(namespace, &key)),
            }
            Ok(true)
        })
    }

    /// A page of keys.
    pub(crate) fn keys(&self, namespace: &str, range: &KeyRange, now_ms: i64) -> Result<KvKeys> {
        self.with(|spaces| {
            let Some(space) = spaces.by_name.get(namespace).filter(|_| !range.is_empty()) else {
                return Ok(KvKeys::page(Vec::new(), range.limit));
            };
            let end = range
                .end
                .as_deref()
                .map_or(Bound::Unbounded, Bound::Excluded);
            let keys = space
                .range::<str, _>((Bound::Included(range.start.as_str()), end))
                .filter(|(_, kept)| !kv::is_expired(kept.expires_at_ms, now_ms))
                .map(|(key, _)| key.as_str().to_owned())
                .take(range.limit as usize + 1)
                .collect();
            Ok(KvKeys::page(keys, range.limit))
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Spaces) -> Result<T>) -> Result<T> {
        let mut spaces = self
            .0
            .lock()
            .map_err(|_| Error::internal("the session's values were left half changed"))?;
        match &mut *spaces {
            Some(spaces) => work(spaces),
            None => Err(Error::new(ErrorCode::Locked, "the vault is locked")),
        }
    }
}

impl Spaces {
    /// Whether so many bytes may come for these keys, whose present values go.
    fn make_room<'k>(
        &mut self,
        namespace: &str,
        keys: impl Iterator<Item = &'k str>,
        more: usize,
        now_ms: i64,
    ) -> Result<()> {
        self.purge(now_ms);
        let space = self.by_name.get(namespace);
        let less: usize = keys
            .filter_map(|key| Some(cost(key, space?.get(key)?)))
            .sum();
        if (self.bytes + more).saturating_sub(less) <= MAX_BYTES {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::ValueTooLarge,
            "session values are larger than 64 MiB together",
        ))
    }

    fn insert(&mut self, namespace: &str, key: String, kept: Kept) {
        self.remove(namespace, &key);
        self.bytes += cost(&key, &kept);
        if !self.by_name.contains_key(namespace) {
            self.by_name.insert(Name::new(namespace), BTreeMap::new());
        }
        if let Some(space) = self.by_name.get_mut(namespace) {
            space.insert(Name::new(key), kept);
        }
    }

    fn remove(&mut self, namespace: &str, key: &str) -> Option<Kept> {
        let kept = self.by_name.get_mut(namespace)?.remove(key)?;
        self.bytes -= cost(key, &kept);
        Some(kept)
    }

    /// Drops expired values, once in as many writes as there are values: cheap on the whole.
    fn purge(&mut self, now_ms: i64) {
        if self.until_purge > 0 {
            self.until_purge -= 1;
            return;
        }
        let bytes = &mut self.bytes;
        for space in self.by_name.values_mut() {
            space.retain(|key, kept| {
                let live = !kv::is_expired(kept.expires_at_ms, now_ms);
                if !live {
                    *bytes -= cost(key.as_str(), kept);
                }
                live
            });
        }
        self.by_name.retain(|_, space| !space.is_empty());
        self.until_purge = self.by_name.values().map(BTreeMap::len).sum();
    }
}

fn cost(key: &str, kept: &Kept) -> usize {
    key.len() + kept.value.raw().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &SessionValues, key: &str, text: &str, expires: Option<u64>, now_ms: i64) {
        let kept = Kept::new(KvValue::text(text), expires, now_ms).unwrap();
        values.set("n", vec![(key.into(), kept)], now_ms).unwrap();
    }

    fn bytes(values: &SessionValues) -> usize {
        values.0.lock().unwrap().as_ref().unwrap().bytes
    }

    #[test]
    fn expired_values_are_dropped_and_counted_out() {
        let values = SessionValues::new();
        for n in 0..10 {
            set(&values, &format!("k{n}"), "value", Some(10), 0);
        }
        for _ in 0..20 {
            set(&values, "last", "v", None, 10);
        }
        assert_eq!(bytes(&values), 5);
        assert_eq!(values.clear("n", 10).unwrap(), 1);
        assert_eq!(bytes(&values), 0);
    }

    #[test]
    fn too_much_is_refused_and_changes_nothing() {
        let values = SessionValues::new();
        for n in 0..4 {
            let kept = Kept::new(KvValue::bytes(vec![0; 15 << 20]), None, 0).unwrap();
            values.set("n", vec![(format!("{n}"), kept)], 0).unwrap();
        }
        let kept = Kept::new(KvValue::bytes(vec![0; 15 << 20]), None, 0).unwrap();
        let error = values.set("n", vec![("more".into(), kept)], 0).unwrap_err();
        assert_eq!(error.code(), ErrorCode::ValueTooLarge);
        assert!(values.get("n", &["more"], 0).unwrap()[0].is_none());
        let kept = Kept::new(KvValue::bytes(vec![1; 15 << 20]), None, 0).unwrap();
        values.set("n", vec![("0".into(), kept)], 0).unwrap();
    }

    #[test]
    fn nothing_survives_closing() {
        let values = SessionValues::new();
        let kept = Kept::new(KvValue::text("v"), None, 0).unwrap();
        values
            .set("n", vec![("k".into(), kept.clone())], 0)
            .unwrap();
        values.close();
        assert_eq!(Arc::strong_count(&kept.value), 1);
        assert_eq!(
            values.get("n", &["k"], 0).unwrap_err().code(),
            ErrorCode::Locked
        );
    }
}
