//! Who calls the sync route.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::{Connection, OptionalExtension as _, Row};

use crate::app::{App, Incoming};
use crate::query::parameter;

/// Who calls. A hub has neither id nor clinic of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) user_id: Option<String>,
    pub(crate) name: String,
    pub(crate) clinic_id: Option<String>,
}

/// The caller, or nothing for every kind of failure, a database that is down included.
pub(crate) async fn authenticate(app: &Arc<App>, incoming: &Incoming) -> Option<Caller> {
    if app.faults.database_is_down() {
        return None;
    }
    let header = incoming.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    if let Some(encoded) = header.strip_prefix("Basic ") {
        if app.config.basic_latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(app.config.basic_latency_ms)).await;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        // Cut at every colon, so the rest of a password that holds one is lost.
        let mut pieces = decoded.split(':');
        let (email, password) = (pieces.next()?, pieces.next()?);
        return user(&app.store.writer(), email, password).ok().flatten();
    }
    let key = header.strip_prefix("Bearer ")?;
    let is_hub = parameter(&incoming.query, "peerType").as_deref() == Some("sync_hub");
    if is_hub && hub(&app.store.writer(), key).ok().flatten().is_some() {
        return Some(Caller::default());
    }
    None
}

/// The user with that e-mail, case included, and that password.
pub(crate) fn user(
    database: &Connection,
    email: &str,
    password: &str,
) -> rusqlite::Result<Option<Caller>> {
    database
        .query_row(
            "SELECT id, name, clinic_id FROM users \
             WHERE email = ?1 AND hashed_password = ?2 AND is_deleted = 0",
            (email, hash(password)),
            read_caller,
        )
        .optional()
}

fn read_caller(row: &Row<'_>) -> rusqlite::Result<Caller> {
    Ok(Caller {
        user_id: row.get(0)?,
        name: row.get(1)?,
        clinic_id: row.get(2)?,
    })
}

/// The user to whom a token was given, while it lives.
pub(crate) fn bearer(
    database: &Connection,
    token: &str,
    now_ms: i64,
) -> rusqlite::Result<Option<Caller>> {
    database
        .query_row(
            "SELECT users.id, users.name, users.clinic_id FROM tokens \
             JOIN users ON users.id = tokens.user_id \
             WHERE tokens.token = ?1 AND tokens.expires_at > ?2 AND users.is_deleted = 0",
            (token, now_ms),
            read_caller,
        )
        .optional()
}

/// The id of the hub device with that key.
pub(crate) fn hub(database: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    database
        .query_row(
            "SELECT id FROM devices WHERE api_key_hash = ?1",
            [hash(key)],
            |row| row.get(0),
        )
        .optional()
}

/// Stands for the real server's hash. It hides nothing: the people are invented.
pub(crate) fn hash(secret: &str) -> String {
    format!("test-hash:{}", STANDARD.encode(secret))
}
