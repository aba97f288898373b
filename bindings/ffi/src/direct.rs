//! The few calls that a JVM makes so often that uniffi's cost of tens of microseconds would show:
//! look-ups that answer at once. They take and give UTF-8 as `byte[]`; everything else is uniffi's.
//!
//! Nothing is thrown. An answer is *tagged*: its first byte says what follows.
//!
//! | tag | what follows |
//! |---|---|
//! | `-` | nothing: no such value, no such record |
//! | `t` | the text of a value |
//! | `b` | the bytes of a value |
//! | `j` | JSON |
//! | `!` | an error as JSON: `code`, `detail`, `retryable`, `retryAfterMs`, `at` |

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use amana_core::model::kv::{KvNamespace, KvValue};
use amana_core::{Amana, Error, ErrorCode, Result, VaultState, panics};

use crate::vault::Vault;

/// The vaults that direct calls may name. An entry does not outlive its handle.
fn vaults() -> &'static RwLock<HashMap<i64, Amana>> {
    static VAULTS: OnceLock<RwLock<HashMap<i64, Amana>>> = OnceLock::new();
    VAULTS.get_or_init(RwLock::default)
}

/// What names a vault in direct calls, for as long as it is kept.
#[derive(uniffi::Object)]
pub struct DirectHandle {
    number: i64,
}

#[uniffi::export]
impl DirectHandle {
    /// Above 0; never used twice in a process.
    pub fn number(&self) -> i64 {
        self.number
    }
}

impl Drop for DirectHandle {
    fn drop(&mut self) {
        let taken = vaults()
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.number);
        // Only now: the last one closes the vault, and nobody should wait for that.
        drop(taken);
    }
}

#[uniffi::export]
impl Vault {
    /// Names this vault for the calls that a JVM makes directly. Not needed elsewhere.
    pub fn direct_handle(&self) -> Arc<DirectHandle> {
        static NEXT: AtomicI64 = AtomicI64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        vaults()
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(number, self.amana.clone());
        Arc::new(DirectHandle { number })
    }
}

/// Runs a call on the vault of a handle. Clones it, so that no lock is held meanwhile.
pub(crate) fn answer(handle: i64, call: impl FnOnce(&Amana) -> Result<Vec<u8>>) -> Vec<u8> {
    let vault = vaults()
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&handle)
        .cloned();
    let result = vault.ok_or_else(closed).and_then(|vault| {
        catch_unwind(AssertUnwindSafe(|| call(&vault))).unwrap_or_else(|_| Err(panics::to_error()))
    });
    result.unwrap_or_else(|error| failure(&error))
}

/// The value of a key.
pub(crate) fn kv_get(handle: i64, space: &[u8], key: &[u8]) -> Vec<u8> {
    answer(handle, |vault| {
        let found = vault.kv_get_now(&namespace(space)?, text(key)?)?;
        Ok(match found.as_deref() {
            None => b"-".to_vec(),
            Some(KvValue::Text(text)) => tagged(b't', text.as_bytes()),
            Some(KvValue::Bytes(bytes)) => tagged(b'b', bytes),
        })
    })
}

/// A record.
pub(crate) fn find(handle: i64, table: &[u8], id: &[u8]) -> Vec<u8> {
    answer(handle, |vault| {
        Ok(match vault.get_now(text(table)?, text(id)?)? {
            None => b"-".to_vec(),
            Some(record) => tagged(b'j', record.as_bytes()),
        })
    })
}

/// 0: locked, 1: unlocked, 2: closed, or no such handle.
pub(crate) fn state(handle: i64) -> i32 {
    let vaults = vaults().read().unwrap_or_else(PoisonError::into_inner);
    match vaults.get(&handle).map(Amana::state) {
        Some(VaultState::Locked) => 0,
        Some(VaultState::Unlocked) => 1,
        Some(VaultState::Closed) | None => 2,
    }
}

/// `stored:NAME` or `session:NAME`.
fn namespace(space: &[u8]) -> Result<KvNamespace> {
    match text(space)?.split_once(':') {
        Some(("stored", name)) => Ok(KvNamespace::Stored(name.to_owned())),
        Some(("session", name)) => Ok(KvNamespace::Session(name.to_owned())),
        _ => Err(Error::invalid("a namespace is stored:NAME or session:NAME")),
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| Error::invalid("a text is not UTF-8"))
}

fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut answer = Vec::with_capacity(1 + content.len());
    answer.push(tag);
    answer.extend_from_slice(content);
    answer
}

pub(crate) fn failure(error: &Error) -> Vec<u8> {
    let described = serde_json::json!({
        "code": error.code().as_str(),
        "detail": error.detail(),
        "retryable": error.is_retryable(),
        "retryAfterMs": error.retry_after(),
        "at": error.place(),
    });
    tagged(b'!', described.to_string().as_bytes())
}

const fn closed() -> Error {
    Error::new(ErrorCode::Closed, "the handle is closed")
}
