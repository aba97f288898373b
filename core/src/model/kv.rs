//! Key–value pairs as data: namespaces, typed values, limits, and the order of keys.
//!
//! Pure rules; what is kept where is in `kv` (memory) and `storage` (the encrypted file). Neither a
//! key nor a value is ever part of an error, and `Debug` shows neither.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};

/// The largest value, in bytes.
pub const MAX_VALUE_BYTES: usize = 16 * 1024 * 1024;
/// The most bytes of values that one call takes or returns.
pub const MAX_CALL_BYTES: usize = 64 * 1024 * 1024;
/// The most keys that one call takes.
pub const MAX_CALL_KEYS: usize = 10_000;
/// The longest key, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 1_024;
/// The longest name of a namespace, in bytes of UTF-8.
pub const MAX_NAMESPACE_BYTES: usize = 128;
/// The most keys of one page.
pub const MAX_PAGE_KEYS: u32 = 1_000;

/// Where keys live. The two kinds have nothing in common: the same name in both is two namespaces.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum KvNamespace {
    /// In the encrypted file.
    Stored(String),
    /// In memory alone, wiped when the vault locks; never on the disk.
    Session(String),
}

impl KvNamespace {
    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Stored(name) | Self::Session(name) => name,
        }
    }

    /// Whether the name is acceptable.
    pub fn check(&self) -> Result<()> {
        check_name(self.name(), MAX_NAMESPACE_BYTES).map_err(|()| {
            Error::invalid("a namespace is 1 to 128 bytes long and has no null character")
        })
    }
}

impl fmt::Debug for KvNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stored(_) => "Stored([redacted])",
            Self::Session(_) => "Session([redacted])",
        })
    }
}

/// Whether a key is acceptable.
pub fn check_key(key: &str) -> Result<()> {
    check_name(key, MAX_KEY_BYTES)
        .map_err(|()| Error::invalid("a key is 1 to 1024 bytes long and has no null character"))
}

fn check_name(name: &str, most: usize) -> Result<(), ()> {
    if name.is_empty() || name.len() > most || name.as_bytes().contains(&0) {
        return Err(());
    }
    Ok(())
}

/// Whether one call may take so many keys.
pub fn check_count(keys: usize) -> Result<()> {
    if keys > MAX_CALL_KEYS {
        return Err(Error::invalid("a call takes at most 10000 keys"));
    }
    Ok(())
}

/// Whether one call may take or return so many bytes of values.
pub fn check_total(bytes: usize) -> Result<()> {
    if bytes > MAX_CALL_BYTES {
        return Err(Error::new(
            ErrorCode::ValueTooLarge,
            "the values of one call are larger than 64 MiB together",
        ));
    }
    Ok(())
}

/// A value: text or bytes. Which of the two it is, is kept. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub enum KvValue {
    /// Text.
    Text(Zeroizing<String>),
    /// Bytes.
    Bytes(Zeroizing<Vec<u8>>),
}

impl KvValue {
    /// Takes text over.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(Zeroizing::new(text.into()))
    }

    /// Takes bytes over.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Zeroizing::new(bytes.into()))
    }

    /// The text; `invalid_input` where bytes were stored.
    pub fn as_text(&self) -> Result<&str> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Bytes(_) => Err(Error::invalid("the value is bytes, not text")),
        }
    }

    /// The bytes; `invalid_input` where text was stored.
    pub fn as_bytes(&self) -> Result<&[u8]> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Text(_) => Err(Error::invalid("the value is text, not bytes")),
        }
    }

    /// What is stored, of either type.
    pub fn raw(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// Whether the value is small enough.
    pub fn check(&self) -> Result<()> {
        if self.raw().len() > MAX_VALUE_BYTES {
            return Err(Error::new(
                ErrorCode::ValueTooLarge,
                "a value is at most 16 MiB large",
            ));
        }
        Ok(())
    }
}

impl fmt::Debug for KvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text(_) => "Text([redacted])",
            Self::Bytes(_) => "Bytes([redacted])",
        })
    }
}

/// One value to set.
pub struct KvEntry {
    /// The key.
    pub key: String,
    /// The value.
    pub value: KvValue,
    /// After how many milliseconds of the device's clock it is missing; never without.
    pub expires_in_ms: Option<u64>,
}

impl KvEntry {
    /// A value that does not expire.
    pub fn new(key: impl Into<String>, value: KvValue) -> Self {
        Self {
            key: key.into(),
            value,
            expires_in_ms: None,
        }
    }

    /// The same, missing after so many milliseconds.
    #[must_use]
    pub const fn expires_in_ms(mut self, milliseconds: u64) -> Self {
        self.expires_in_ms = Some(milliseconds);
        self
    }
}

/// When something that expires after so long is missing, in epoch milliseconds.
pub fn expires_at(now_ms: i64, expires_in_ms: Option<u64>) -> Result<Option<i64>> {
    match expires_in_ms {
        None => Ok(None),
        Some(0) => Err(Error::invalid("a value cannot expire at once")),
        Some(after) => Ok(Some(now_ms.saturating_add_unsigned(after))),
    }
}

/// Whether a value with this expiry is missing at this time.
pub const fn is_expired(expires_at_ms: Option<i64>, now_ms: i64) -> bool {
    matches!(expires_at_ms, Some(at) if at <= now_ms)
}

/// A value as it is kept, checked and with its expiry as a time.
#[derive(Clone)]
pub struct Kept {
    /// The value, shared with whoever read it.
    pub value: std::sync::Arc<KvValue>,
    /// From when on it is missing, in epoch milliseconds.
    pub expires_at_ms: Option<i64>,
}

impl Kept {
    /// Checks a value and dates its expiry.
    pub fn new(value: KvValue, expires_in_ms: Option<u64>, now_ms: i64) -> Result<Self> {
        value.check()?;
        Ok(Self {
            value: std::sync::Arc::new(value),
            expires_at_ms: expires_at(now_ms, expires_in_ms)?,
        })
    }

    /// The value, unless it is missing at this time.
    pub fn at(&self, now_ms: i64) -> Option<std::sync::Arc<KvValue>> {
        (!is_expired(self.expires_at_ms, now_ms)).then(|| std::sync::Arc::clone(&self.value))
    }
}

/// A page of keys, in the order of their bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct KvKeys {
    /// The keys.
    pub keys: Vec<String>,
    /// Give this as `after` for the next page; none after the last one.
    pub next: Option<String>,
}

impl KvKeys {
    /// Makes a page of what was found, which is one more than fits if there are more.
    pub fn page(mut keys: Vec<String>, limit: u32) -> Self {
        let limit = limit as usize;
        let more = keys.len() > limit;
        keys.truncate(limit);
        let next = more.then(|| keys.last().cloned()).flatten();
        Self { keys, next }
    }
}

impl fmt::Debug for KvKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KvKeys({} keys, [redacted])", self.keys.len())
    }
}

/// Which keys a page looks at, in the order of their bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key that may be in it.
    pub start: String,
    /// The first key that is behind it; none where nothing is.
    pub end: Option<String>,
    /// The most keys of the page.
    pub limit: u32,
}

impl KeyRange {
    /// The keys with a prefix (all keys where it is empty) after a key of an earlier page.
    pub fn new(prefix: &str, after: Option<&str>, limit: u32) -> Result<Self> {
        if !prefix.is_empty() {
            check_key(prefix)?;
        }
        if limit == 0 || limit > MAX_PAGE_KEYS {
            return Err(Error::invalid("a page has 1 to 1000 keys"));
        }
        let mut start = prefix.to_owned();
        if let Some(after) = after {
            check_key(after)?;
            if after >= prefix {
                // No key has a null character, so this is the place right behind `after`.
                start = format!("{after}\0");
            }
        }
        let end = prefix_end(prefix);
        Ok(Self { start, end, limit })
    }

    /// Whether no key can be in it.
    pub fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

/// The first text, by bytes, behind all that begin with the prefix.
fn prefix_end(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // Bytes of UTF-8 order as code points do. Between these two lie the surrogates, which no
        // text has.
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            _ => char::from_u32(u32::from(last) + 1),
        };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

/// A committed change of one namespace.
#[derive(Clone, PartialEq, Eq)]
pub struct KvNotice {
    /// The namespace.
    pub namespace: KvNamespace,
    /// The keys set or removed; `None` where the namespace was cleared, or where they are more
    /// than [`MAX_NOTICE_IDS`](super::notice::MAX_NOTICE_IDS).
    pub keys: Option<Vec<String>>,
}

impl KvNotice {
    /// A notice that names each key once.
    pub fn new(namespace: KvNamespace, mut keys: Vec<String>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let keys = (keys.len() <= super::notice::MAX_NOTICE_IDS).then_some(keys);
        Self { namespace, keys }
    }

    /// A notice that a namespace was cleared.
    pub const fn cleared(namespace: KvNamespace) -> Self {
        Self {
            namespace,
            keys: None,
        }
    }
}

impl fmt::Debug for KvNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KvNotice([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_have_limits() {
        assert!(check_key("token").is_ok());
        assert!(check_key(&"k".repeat(MAX_KEY_BYTES)).is_ok());
        for bad in ["", "a\0b", "\0", &"k".repeat(MAX_KEY_BYTES + 1)] {
            assert_eq!(check_key(bad).unwrap_err().code(), ErrorCode::InvalidInput);
        }
        let long = KvNamespace::Stored("n".repeat(MAX_NAMESPACE_BYTES + 1));
        assert!(long.check().is_err());
    }

    #[test]
    fn a_type_is_not_read_as_the_other() {
        let (text, bytes) = (KvValue::text("a"), KvValue::bytes(*b"a"));
        assert_ne!(text, bytes);
        assert_eq!(text.as_text().unwrap(), "a");
        assert!(text.as_bytes().is_err() && bytes.as_text().is_err());
    }

    #[test]
    fn debug_shows_nothing() {
        let shown = format!(
            "{:?} {:?} {:?} {:?}",
            KvValue::text("canary"),
            KvNamespace::Session("canary".into()),
            KvNotice::new(KvNamespace::Stored("canary".into()), vec!["canary".into()]),
            KvKeys::page(vec!["canary".into()], 1),
        );
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn an_expiry_is_a_time_and_never_overflows() {
        assert_eq!(expires_at(5, Some(3)).unwrap(), Some(8));
        assert_eq!(expires_at(5, Some(u64::MAX)).unwrap(), Some(i64::MAX));
        assert!(expires_at(5, Some(0)).is_err());
        assert!(is_expired(Some(8), 8) && !is_expired(Some(8), 7) && !is_expired(None, i64::MAX));
    }

    proptest! {
        #[test]
        fn a_range_holds_what_begins_with_the_prefix_and_lies_behind(
            prefix in "[aé\u{D7FF}\u{E000}\u{10FFFF}]{0,3}",
            key in "[abé\u{D7FF}\u{E000}\u{10FFFF}]{1,4}",
            after in proptest::option::of("[abé\u{D7FF}\u{10FFFF}]{1,4}"),
        ) {
            let range = KeyRange::new(&prefix, after.as_deref(), 10).unwrap();
            let inside = key >= range.start && range.end.as_ref().is_none_or(|end| key < *end);
            let wanted = key.starts_with(&prefix) && after.as_ref().is_none_or(|a| key > *a);
            prop_assert_eq!(inside, wanted);
            prop_assert!(!(inside && range.is_empty()));
        }
    }
}
