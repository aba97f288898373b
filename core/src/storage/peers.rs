//! What is kept of each peer: its cursor, its clock's skew, the last success.

use rusqlite::{Connection, OptionalExtension, params};

use super::errors::MapSqlite;
use super::outbox;
use crate::error::{Error, Result};
use crate::model::ids::PeerId;

/// Where we stand with a peer.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PeerStatus {
    /// The peer's own time of the last pull that was applied; 0 before the first.
    pub cursor: i64,
    /// The peer's clock minus the device's, in milliseconds.
    pub skew_ms: i64,
    /// When the last sync ended well, by the device's clock.
    pub last_success_ms: Option<i64>,
    /// Whose own rows the last full pull brought; `None` when a full pull is due.
    pub full_pull_for: Option<String>,
}

pub(super) fn status(connection: &Connection, peer: &PeerId) -> Result<PeerStatus> {
    connection
        .prepare_cached(
            "SELECT cursor, skew_ms, last_success_ms, full_pull_for FROM amana_peer WHERE peer = ?",
        )
        .map_sqlite()?
        .query_row([peer.as_str()], |row| {
            Ok(PeerStatus {
                cursor: row.get(0)?,
                skew_ms: row.get(1)?,
                last_success_ms: row.get(2)?,
                full_pull_for: row.get(3)?,
            })
        })
        .optional()
        .map(Option::unwrap_or_default)
        .map_sqlite()
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
            "UPDATE amana_peer SET last_success_ms = ? WHERE peer = ?",
            params![now_ms, peer.as_str()],
        )
        .map(|_| ())
        .map_sqlite()
}

/// Remembers that a pull from 0 was applied for the person who is signed in.
pub(super) fn note_full_pull(connection: &Connection, peer: &PeerId) -> Result<()> {
    connection
        .execute(
            "UPDATE amana_peer SET full_pull_for = (SELECT user_id FROM amana_session)
               WHERE peer = ?",
            [peer.as_str()],
        )
        .map(|_| ())
        .map_sqlite()
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
             ON CONFLICT DO UPDATE SET url = ?2, cursor = 0, skew_ms = 0, full_pull_for = NULL",
            params![peer.as_str(), url],
        )
        .map(|_| ())
        .map_sqlite()
}

/// Forgets every cursor: the next pull from each peer starts from the beginning.
pub(super) fn start_again(connection: &Connection) -> Result<()> {
    connection
        .execute("UPDATE amana_peer SET cursor = 0, full_pull_for = NULL", [])
        .map(|_| ())
        .map_sqlite()
}

/// The skew that record times are corrected by. With several peers the one that is furthest ahead
/// counts, so that none of them takes an edit for stale.
pub(super) fn largest_skew(connection: &Connection) -> Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(max(skew_ms), 0) FROM amana_peer")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_sqlite()
}
