//! What is kept of each peer: what is pinned of it, its cursor, its clock's skew, how the last
//! syncs went.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::errors::MapSqlite;
use super::transaction::WriteTransaction;
use super::{outbox, taken_back};
use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::PeerId;
use crate::model::standing::PeerStatus;

const COLUMNS: &str = "cursor, skew_ms, last_success_ms, last_attempt_ms, last_full_ms, last_error,
    failures, next_try_ms, full_pull_for";

fn read(row: &Row<'_>) -> rusqlite::Result<PeerStatus> {
    Ok(PeerStatus {
        cursor: row.get(0)?,
        skew_ms: row.get(1)?,
        last_success_ms: row.get(2)?,
        last_attempt_ms: row.get(3)?,
        last_full_ms: row.get(4)?,
        last_error: row.get(5)?,
        failures: row.get(6)?,
        next_try_ms: row.get(7)?,
        full_pull_for: row.get(8)?,
    })
}

pub(super) fn status(connection: &Connection, peer: &PeerId) -> Result<PeerStatus> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM amana_peer WHERE peer = ?"))
        .map_sqlite()?
        .query_row([peer.as_str()], read)
        .optional()
        .map(Option::unwrap_or_default)
        .map_sqlite()
}

/// Every peer that is known.
pub(super) fn all(connection: &Connection) -> Result<Vec<(PeerId, PeerStatus)>> {
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, peer FROM amana_peer ORDER BY peer"
        ))
        .map_sqlite()?;
    let mut rows = statement.query([]).map_sqlite()?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_sqlite()? {
        let name: String = row.get(9).map_sqlite()?;
        // Nothing else writes such names.
        if let Ok(peer) = PeerId::parse(&name) {
            found.push((peer, read(row).map_sqlite()?));
        }
    }
    Ok(found)
}

/// Whether another peer than this one was ever pulled from.
pub(super) fn has_others(connection: &Connection, peer: &PeerId) -> Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM amana_peer WHERE peer <> ? AND cursor > 0)")
        .and_then(|mut statement| statement.query_row([peer.as_str()], |row| row.get(0)))
        .map_sqlite()
}

/// One of those.
pub(super) fn any_other(connection: &Connection, peer: &PeerId) -> Result<Option<PeerId>> {
    let other: Option<String> = connection
        .prepare_cached("SELECT peer FROM amana_peer WHERE peer <> ? AND cursor > 0 LIMIT 1")
        .and_then(|mut statement| {
            statement
                .query_row([peer.as_str()], |row| row.get(0))
                .optional()
        })
        .map_sqlite()?;
    other.map(|text| PeerId::parse(&text)).transpose()
}

pub(super) fn set_cursor(connection: &Connection, peer: &PeerId, cursor: i64) -> Result<()> {
    connection
        .execute(
            "INSERT INTO amana_peer (peer, cursor) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET cursor = ?2",
            params![peer.as_str(), cursor],
        )
        .map(|_| ())
        .map_sqlite()
}

/// Takes note of the peer's clock, as the last reply showed it.
pub(super) fn set_skew(connection: &Connection, peer: &PeerId, skew_ms: i64) -> Result<()> {
    connection
        .execute(
            "UPDATE amana_peer SET skew_ms = ? WHERE peer = ?",
            params![skew_ms, peer.as_str()],
        )
        .map(|_| ())
        .map_sqlite()
}

pub(super) fn note_success(connection: &Connection, peer: &PeerId, now_ms: i64) -> Result<()> {
    connection
        .execute(
            "UPDATE amana_peer SET last_success_ms = ?1, last_attempt_ms = ?1, last_error = NULL,
               failures = 0, next_try_ms = NULL WHERE peer = ?2",
            params![now_ms, peer.as_str()],
        )
        .map(|_| ())
        .map_sqlite()
}

pub(super) fn note_failure(
    connection: &Connection,
    peer: &PeerId,
    code: ErrorCode,
    next_try_ms: Option<i64>,
    now_ms: i64,
) -> Result<()> {
    connection
        .execute(
            "INSERT INTO amana_peer (peer, last_attempt_ms, last_error, failures, next_try_ms)
             VALUES (?1, ?2, ?3, 1, ?4)
             ON CONFLICT DO UPDATE SET last_attempt_ms = ?2, last_error = ?3,
               failures = failures + 1, next_try_ms = ?4",
            params![peer.as_str(), now_ms, code.as_str(), next_try_ms],
        )
        .map(|_| ())
        .map_sqlite()
}

/// Remembers that a pull of everything was applied for the person who is signed in.
pub(super) fn note_full_pull(connection: &Connection, peer: &PeerId, now_ms: i64) -> Result<()> {
    connection
        .execute(
            "UPDATE amana_peer SET last_full_ms = ?,
               full_pull_for = (SELECT user_id FROM amana_session) WHERE peer = ?",
            params![now_ms, peer.as_str()],
        )
        .map(|_| ())
        .map_sqlite()
}

/// The next sync with each peer asks for everything.
pub(super) fn want_everything(connection: &Connection) -> Result<()> {
    connection
        .execute("UPDATE amana_peer SET full_pull_for = NULL", [])
        .map(|_| ())
        .map_sqlite()
}

/// Pairs with a hub: what was pinned, in the form of whoever pinned it. One that was wiped and
/// paired again starts from nothing, and is sent what it had taken.
pub(super) fn pair(
    tx: &mut WriteTransaction<'_>,
    peer: &PeerId,
    name: &str,
    trust: &str,
) -> Result<()> {
    forget(tx, peer)?;
    tx.connection
        .execute(
            "INSERT INTO amana_peer (peer, name, trust) VALUES (?, ?, ?)",
            params![peer.as_str(), name, trust],
        )
        .map(|_| ())
        .map_sqlite()
}

/// What was pinned of a peer, with its name.
pub(super) fn trust(connection: &Connection, peer: &PeerId) -> Result<Option<(String, String)>> {
    connection
        .query_row(
            "SELECT name, trust FROM amana_peer WHERE peer = ? AND trust IS NOT NULL",
            [peer.as_str()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_sqlite()
}

/// Replaces what is kept of a peer beside its key, such as its address.
pub(super) fn set_trust(connection: &Connection, peer: &PeerId, trust: &str) -> Result<()> {
    connection
        .execute(
            "UPDATE amana_peer SET trust = ? WHERE peer = ? AND trust IS NOT NULL",
            params![trust, peer.as_str()],
        )
        .map(|_| ())
        .map_sqlite()
}

/// Forgets a peer: its cursor, what it has taken, holds and refused. What waits in the outbox stays, and
/// what a hub with the last word took waits again.
pub(super) fn forget(tx: &mut WriteTransaction<'_>, peer: &PeerId) -> Result<()> {
    taken_back::wait_again(tx, peer)?;
    for sql in [
        "DELETE FROM amana_peer WHERE peer = ?",
        "DELETE FROM amana_mark WHERE peer = ?",
        "DELETE FROM amana_aside WHERE peer = ?",
        "DELETE FROM amana_entry WHERE state > 0 AND coalesce(peer, 'cloud') = ?",
        "DELETE FROM amana_origin WHERE peer = ?",
        "DELETE FROM amana_holder WHERE peer = ?",
        "DELETE FROM amana_at_hub WHERE peer = ?",
    ] {
        tx.connection.execute(sql, [peer.as_str()]).map_sqlite()?;
    }
    Ok(())
}

/// Takes note of the server that somebody signs in to. Another one than before starts from
/// nothing, and is refused while records wait for the one before: they would go to strangers.
pub(super) fn set_url(connection: &Connection, peer: &PeerId, url: &str) -> Result<()> {
    let before: Option<String> = connection
        .query_row(
            "SELECT url FROM amana_peer WHERE peer = ?",
            [peer.as_str()],
            |row| row.get(0),
        )
        .optional()
        .map(Option::flatten)
        .map_sqlite()?;
    if before.as_deref() == Some(url) {
        return Ok(());
    }
    if before.is_some() && outbox::counts(connection)?.pending > 0 {
        return Err(Error::invalid(
            "records wait for another server: sync them there first",
        ));
    }
    connection
        .execute(
            "INSERT INTO amana_peer (peer, url) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET url = ?2, cursor = 0, skew_ms = 0, full_pull_for = NULL,
               last_full_ms = NULL, last_error = NULL, failures = 0, next_try_ms = NULL",
            params![peer.as_str(), url],
        )
        .map(|_| ())
        .map_sqlite()
}

/// The skew that record times are corrected by: the cloud's, since it takes an edit for stale that
/// is not later than what it has; a hub's only where no cloud was ever met.
pub(super) fn skew_of_records(connection: &Connection) -> Result<i64> {
    connection
        .prepare_cached(
            "SELECT skew_ms FROM amana_peer WHERE cursor > 0 ORDER BY peer <> 'cloud', skew_ms DESC
             LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional())
        .map(Option::unwrap_or_default)
        .map_sqlite()
}
