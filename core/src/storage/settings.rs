//! What a database tells of itself in a diagnosis: versions, settings, and how its file begins. No
//! rows, no names.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::Value;

use super::connection::PLAINTEXT_HEADER;
use super::database::Database;
use super::errors::MapSqlite;
use crate::error::Result;
use crate::model::diagnosis::HeaderState;
use crate::pending::Pending;

/// What a connection says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DatabaseSettings {
    /// SQLCipher's version.
    pub cipher_version: String,
    /// SQLite's version.
    pub sqlite_version: String,
    /// Settings by name.
    pub settings: Vec<(&'static str, String)>,
}

/// Asked one by one: each answers with a number or a word of SQLite's or SQLCipher's own.
const SETTINGS: [&str; 14] = [
    "cipher_provider",
    "cipher_provider_version",
    "cipher_page_size",
    "cipher_hmac_algorithm",
    "cipher_kdf_algorithm",
    "kdf_iter",
    "cipher_use_hmac",
    "cipher_memory_security",
    "page_count",
    "freelist_count",
    "journal_mode",
    "synchronous",
    "secure_delete",
    "user_version",
];

/// Longer answers would not be what is expected here.
const LONGEST: usize = 64;

impl Database {
    /// The settings of a reader's connection.
    pub fn settings(&self) -> Pending<DatabaseSettings> {
        self.read(|connection, _| settings(connection))
    }
}

fn settings(connection: &Connection) -> Result<DatabaseSettings> {
    let ask = |name: &str| -> Result<Option<String>> {
        let mut statement = connection.prepare(&format!("PRAGMA {name}")).map_sqlite()?;
        let mut rows = statement.query([]).map_sqlite()?;
        let Some(row) = rows.next().map_sqlite()? else {
            return Ok(None);
        };
        let answer = match row.get::<_, Value>(0).map_sqlite()? {
            Value::Text(text) => text,
            Value::Integer(number) => number.to_string(),
            _ => return Ok(None),
        };
        Ok((answer.len() <= LONGEST).then_some(answer))
    };
    let sqlite_version = connection
        .query_row("SELECT sqlite_version()", [], |row| row.get(0))
        .map_sqlite()?;
    Ok(DatabaseSettings {
        cipher_version: ask("cipher_version")?.unwrap_or_default(),
        sqlite_version,
        settings: SETTINGS
            .into_iter()
            .filter_map(|name| ask(name).transpose().map(|answer| Ok((name, answer?))))
            .collect::<Result<_>>()?,
    })
}

/// How a database file begins. Needs no key.
pub fn header_state(path: &Path) -> HeaderState {
    let mut header = [0; PLAINTEXT_HEADER.len()];
    match File::open(path).map(|mut file| file.read_exact(&mut header)) {
        Ok(Ok(())) if header == *PLAINTEXT_HEADER => HeaderState::Plaintext,
        Ok(Ok(())) => HeaderState::Encrypted,
        Ok(Err(error)) if error.kind() == ErrorKind::UnexpectedEof => {
            match std::fs::metadata(path).map(|found| found.len()) {
                Ok(0) => HeaderState::Empty,
                _ => HeaderState::Unreadable,
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => HeaderState::Missing,
        _ => HeaderState::Unreadable,
    }
}
