//! The key–value store as apps see it. What crosses is a copy that the app owns: neither Kotlin nor
//! Swift can wipe it.

use std::sync::Arc;

use amana_core::model::kv::{self, KvNotice};
use amana_core::ports::KvListener;

use crate::error::AmanaError;
use crate::guard::{at_once, call};
use crate::listeners::Observation;
use crate::vault::Vault;

/// Where keys live. The two kinds have nothing in common: the same name in both is two namespaces.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum KvNamespace {
    /// In the encrypted file.
    Stored {
        /// 1 to 128 bytes of UTF-8, no null character.
        name: String,
    },
    /// In memory alone, wiped when the vault locks; never on the disk.
    Session {
        /// 1 to 128 bytes of UTF-8, no null character.
        name: String,
    },
}

impl From<KvNamespace> for kv::KvNamespace {
    fn from(namespace: KvNamespace) -> Self {
        match namespace {
            KvNamespace::Stored { name } => Self::Stored(name),
            KvNamespace::Session { name } => Self::Session(name),
        }
    }
}

impl From<&kv::KvNamespace> for KvNamespace {
    fn from(namespace: &kv::KvNamespace) -> Self {
        let name = namespace.name().to_owned();
        match namespace {
            kv::KvNamespace::Stored(_) => Self::Stored { name },
            kv::KvNamespace::Session(_) => Self::Session { name },
        }
    }
}

/// A value: text or bytes, at most 16 MiB. Which of the two it is, is kept.
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum KvValue {
    /// Text.
    Text {
        /// Any text.
        text: String,
    },
    /// Bytes.
    Bytes {
        /// Any bytes.
        bytes: Vec<u8>,
    },
}

impl From<KvValue> for kv::KvValue {
    fn from(value: KvValue) -> Self {
        match value {
            KvValue::Text { text } => Self::text(text),
            KvValue::Bytes { bytes } => Self::bytes(bytes),
        }
    }
}

impl From<&kv::KvValue> for KvValue {
    fn from(value: &kv::KvValue) -> Self {
        match value {
            kv::KvValue::Text(text) => Self::Text {
                text: text.to_string(),
            },
            kv::KvValue::Bytes(bytes) => Self::Bytes {
                bytes: bytes.to_vec(),
            },
        }
    }
}

/// One value to set.
#[derive(Clone, uniffi::Record)]
pub struct KvEntry {
    /// The key: 1 to 1024 bytes of UTF-8, no null character.
    pub key: String,
    /// The value.
    pub value: KvValue,
    /// After how many milliseconds of the device's clock it is missing; never without.
    #[uniffi(default = None)]
    pub expires_in_ms: Option<u64>,
}

impl From<KvEntry> for kv::KvEntry {
    fn from(entry: KvEntry) -> Self {
        Self {
            key: entry.key,
            value: entry.value.into(),
            expires_in_ms: entry.expires_in_ms,
        }
    }
}

/// A page of keys, in the order of their bytes.
#[derive(Clone, uniffi::Record)]
pub struct KvKeys {
    /// The keys.
    pub keys: Vec<String>,
    /// Give this as `after` for the next page; none after the last one.
    pub next: Option<String>,
}

impl From<kv::KvKeys> for KvKeys {
    fn from(page: kv::KvKeys) -> Self {
        Self {
            keys: page.keys,
            next: page.next,
        }
    }
}

/// A committed change of one namespace.
#[derive(Clone, uniffi::Record)]
pub struct KvChange {
    /// The namespace.
    pub namespace: KvNamespace,
    /// The keys set or removed; none where the namespace was cleared, or where they are more than
    /// a thousand.
    pub keys: Option<Vec<String>>,
}

/// Hears of committed changes of the key–value store. Called as a `ChangeObserver` is.
#[uniffi::export(with_foreign)]
pub trait KvObserver: Send + Sync {
    /// Once per transaction that set or removed values, or once for several of one namespace that were
    /// drawn together. That a value expired is not told.
    fn changed(&self, change: KvChange);
}

struct KvObserverAdapter(Arc<dyn KvObserver>);

impl KvListener for KvObserverAdapter {
    fn changed(&self, notice: &KvNotice) {
        self.0.changed(KvChange {
            namespace: (&notice.namespace).into(),
            keys: notice.keys.clone(),
        });
    }
}

type Values = Vec<Option<KvValue>>;

fn values(found: Vec<Option<Arc<kv::KvValue>>>) -> Values {
    found
        .iter()
        .map(|value| value.as_deref().map(KvValue::from))
        .collect()
}

#[uniffi::export]
impl Vault {
    /// The value of a key, or none. Answers at once: it waits for no write.
    pub fn kv_get(
        &self,
        namespace: KvNamespace,
        key: String,
    ) -> Result<Option<KvValue>, AmanaError> {
        at_once(|| {
            let found = self.amana.kv_get_now(&namespace.into(), &key)?;
            Ok(found.as_deref().map(KvValue::from))
        })
    }

    /// The text of a key, or none; `InvalidInput` where bytes were stored.
    pub fn kv_get_text(
        &self,
        namespace: KvNamespace,
        key: String,
    ) -> Result<Option<String>, AmanaError> {
        at_once(|| {
            let found = self.amana.kv_get_now(&namespace.into(), &key)?;
            found.map(|v| v.as_text().map(str::to_owned)).transpose()
        })
    }

    /// The bytes of a key, or none; `InvalidInput` where text was stored.
    pub fn kv_get_bytes(
        &self,
        namespace: KvNamespace,
        key: String,
    ) -> Result<Option<Vec<u8>>, AmanaError> {
        at_once(|| {
            let found = self.amana.kv_get_now(&namespace.into(), &key)?;
            found.map(|v| v.as_bytes().map(<[u8]>::to_vec)).transpose()
        })
    }

    /// The values of several keys in their order, all as they are together.
    pub fn kv_multi_get(
        &self,
        namespace: KvNamespace,
        keys: Vec<String>,
    ) -> Result<Values, AmanaError> {
        at_once(|| {
            let found = self.amana.kv_multi_get_now(&namespace.into(), &keys)?;
            Ok(values(found))
        })
    }

    /// A page of at most 1000 keys that begin with a prefix; an empty one finds all.
    pub fn kv_keys(
        &self,
        namespace: KvNamespace,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<KvKeys, AmanaError> {
        at_once(|| {
            let namespace = namespace.into();
            let page = self
                .amana
                .kv_keys_now(&namespace, &prefix, after.as_deref(), limit)?;
            Ok(page.into())
        })
    }

    /// `kv_get` for large values, on a thread of ours.
    pub async fn kv_get_async(
        &self,
        namespace: KvNamespace,
        key: String,
    ) -> Result<Option<KvValue>, AmanaError> {
        call(async {
            let found = self.amana.kv_get(&namespace.into(), &key).await?;
            Ok(found.as_deref().map(KvValue::from))
        })
        .await
    }

    /// `kv_multi_get` for large values, on a thread of ours.
    pub async fn kv_multi_get_async(
        &self,
        namespace: KvNamespace,
        keys: Vec<String>,
    ) -> Result<Values, AmanaError> {
        call(async {
            let found = self.amana.kv_multi_get(&namespace.into(), keys).await?;
            Ok(values(found))
        })
        .await
    }

    /// `kv_keys` on a thread of ours.
    pub async fn kv_keys_async(
        &self,
        namespace: KvNamespace,
        prefix: String,
        after: Option<String>,
        limit: u32,
    ) -> Result<KvKeys, AmanaError> {
        call(async {
            let namespace = namespace.into();
            let page = self
                .amana
                .kv_keys(&namespace, &prefix, after.as_deref(), limit)
                .await?;
            Ok(page.into())
        })
        .await
    }

    /// Sets a value, whatever was there; with `expires_in_ms` it is missing after so long.
    #[uniffi::method(default(expires_in_ms = None))]
    pub async fn kv_set(
        &self,
        namespace: KvNamespace,
        key: String,
        value: KvValue,
        expires_in_ms: Option<u64>,
    ) -> Result<(), AmanaError> {
        let value = value.into();
        call(async {
            let namespace = namespace.into();
            self.amana
                .kv_set(&namespace, &key, value, expires_in_ms)
                .await
        })
        .await
    }

    /// Sets several values in one transaction: all or none.
    pub async fn kv_multi_set(
        &self,
        namespace: KvNamespace,
        entries: Vec<KvEntry>,
    ) -> Result<(), AmanaError> {
        let entries = entries.into_iter().map(kv::KvEntry::from).collect();
        call(async { self.amana.kv_multi_set(&namespace.into(), entries).await }).await
    }

    /// Removes a value; whether there was one.
    pub async fn kv_remove(&self, namespace: KvNamespace, key: String) -> Result<bool, AmanaError> {
        call(async { self.amana.kv_remove(&namespace.into(), &key).await }).await
    }

    /// Removes several values in one transaction; how many there were.
    pub async fn kv_multi_remove(
        &self,
        namespace: KvNamespace,
        keys: Vec<String>,
    ) -> Result<u64, AmanaError> {
        let namespace = namespace.into();
        call(self.amana.kv_multi_remove(&namespace, keys)).await
    }

    /// Removes all values of a namespace; how many there were.
    pub async fn kv_clear(&self, namespace: KvNamespace) -> Result<u64, AmanaError> {
        call(async { self.amana.kv_clear(&namespace.into()).await }).await
    }

    /// Sets the new value, or removes the key where there is none, if the present value is the
    /// expected one (none: if the key is missing). Whether it was.
    #[uniffi::method(default(expires_in_ms = None))]
    pub async fn kv_compare_and_set(
        &self,
        namespace: KvNamespace,
        key: String,
        expected: Option<KvValue>,
        new_value: Option<KvValue>,
        expires_in_ms: Option<u64>,
    ) -> Result<bool, AmanaError> {
        let expected = expected.map(kv::KvValue::from);
        let new_value = new_value.map(kv::KvValue::from);
        call(async {
            let namespace = namespace.into();
            self.amana
                .kv_compare_and_set(&namespace, &key, expected, new_value, expires_in_ms)
                .await
        })
        .await
    }

    /// Hears of every committed change of the key–value store, until it is stopped.
    pub fn kv_observe(&self, observer: Arc<dyn KvObserver>) -> Arc<Observation> {
        let listener = Arc::new(KvObserverAdapter(observer));
        Arc::new(Observation::new(self.amana.subscribe_kv(listener)))
    }
}
