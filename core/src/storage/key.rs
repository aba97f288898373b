//! Hands the database key to SQLCipher: the only file of this crate with unsafe code.
//!
//! `PRAGMA key` would leave the key's text in freed heap; `sqlite3_key_v2` takes it from a buffer
//! that is ours to wipe. 32 bare bytes would be taken as a passphrase, so the key goes as the text
//! `x'…64 hex…'`.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};
use crate::secret::DatabaseKey;

const TEXT_BYTES: usize = 67;

static IS_READY: Mutex<bool> = Mutex::new(false);

/// Sets SQLite up, once in a process, before its first connection. It says that it is ready before
/// SQLCipher is: another thread that opens in between could give it no key.
pub(super) fn initialize() -> Result<()> {
    let mut is_ready = IS_READY.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_ready {
        // SAFETY: takes nothing, and may be called at any time.
        let code = unsafe { libsqlite3_sys::sqlite3_initialize() };
        if code != libsqlite3_sys::SQLITE_OK {
            return Err(Error::internal("the database's library did not start"));
        }
        *is_ready = true;
    }
    Ok(())
}

/// Keys a connection that nothing was read from yet.
pub(super) fn apply(connection: &Connection, key: &DatabaseKey) -> Result<()> {
    let text = raw_key_text(key);
    // SAFETY: the handle is valid while the connection is borrowed; the name is a NUL-terminated
    // literal; the key buffer outlives the call, which copies what it needs.
    let code = unsafe {
        libsqlite3_sys::sqlite3_key_v2(
            connection.handle(),
            c"main".as_ptr(),
            text.as_ptr().cast(),
            TEXT_BYTES as c_int,
        )
    };
    if code == libsqlite3_sys::SQLITE_OK {
        Ok(())
    } else {
        Err(Error::internal("the database did not take its key"))
    }
}

/// Encrypts a keyed database anew under another key, in one transaction of SQLCipher's own: a kill
/// in the middle leaves it under the old one.
pub(super) fn change(connection: &Connection, new: &DatabaseKey) -> Result<()> {
    let text = raw_key_text(new);
    // SAFETY: as in `apply`.
    let code = unsafe {
        libsqlite3_sys::sqlite3_rekey_v2(
            connection.handle(),
            c"main".as_ptr(),
            text.as_ptr().cast(),
            TEXT_BYTES as c_int,
        )
    };
    match code {
        libsqlite3_sys::SQLITE_OK => Ok(()),
        libsqlite3_sys::SQLITE_FULL => Err(Error::new(
            ErrorCode::StorageFull,
            "no space left to encrypt the database anew",
        )),
        _ => Err(Error::internal("the database did not take its new key")),
    }
}

fn raw_key_text(key: &DatabaseKey) -> Zeroizing<[u8; TEXT_BYTES]> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut text = Zeroizing::new([b'\''; TEXT_BYTES]);
    text[0] = b'x';
    for (i, byte) in key.expose().iter().enumerate() {
        text[2 + 2 * i] = HEX[usize::from(byte >> 4)];
        text[3 + 2 * i] = HEX[usize::from(byte & 15)];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_a_blob_literal_of_67_bytes() {
        let text = raw_key_text(&DatabaseKey::from_bytes(&[0xa5; 32]));
        assert_eq!(
            text.as_slice(),
            format!("x'{}'", "a5".repeat(32)).as_bytes()
        );
    }
}
