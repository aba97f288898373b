//! The row that remembers who is signed in, where, and with which password.

use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::errors::MapSqlite;
use crate::error::Result;
use crate::model::peer::{CloudAddress, Credentials, HttpsUrl, Person};
use crate::secret::SecretText;

/// A person, the server that confirmed them, and what that server takes on each sync.
#[derive(Debug)]
pub struct StoredSession {
    /// The server.
    pub address: CloudAddress,
    /// E-mail and password.
    pub credentials: Credentials,
    /// Who.
    pub person: Person,
}

pub(super) fn load(connection: &Connection) -> Result<Option<StoredSession>> {
    let row = connection
        .prepare_cached(
            "SELECT url, private_ca_pem, email, password, user_id, name, role, clinic_id
             FROM amana_session",
        )
        .map_sqlite()?
        .query_row([], |row| {
            // The driver's own copy is on its heap; this one is wiped.
            let password = Zeroizing::new(row.get::<_, String>(3)?);
            let person = Person {
                id: row.get(4)?,
                name: row.get(5)?,
                role: row.get(6)?,
                clinic_id: row.get(7)?,
            };
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Option<String>>(1)?,
                row.get::<_, String>(2)?,
                password,
                person,
            ))
        })
        .optional()
        .map_sqlite()?;
    row.map(|(url, private_ca_pem, email, password, person)| {
        Ok(StoredSession {
            address: CloudAddress {
                url: HttpsUrl::parse(&url)?,
                private_ca_pem,
            },
            credentials: Credentials {
                email,
                password: SecretText::from_zeroizing(password),
            },
            person,
        })
    })
    .transpose()
}

/// The id of the person who is signed in.
pub(super) fn person_id(connection: &Connection) -> Result<Option<String>> {
    connection
        .query_row("SELECT user_id FROM amana_session", [], |row| row.get(0))
        .optional()
        .map_sqlite()
}

pub(super) fn save(connection: &Connection, session: &StoredSession) -> Result<()> {
    connection
        .execute(
            "INSERT OR REPLACE INTO amana_session
               (only_row, url, private_ca_pem, email, password, user_id, name, role, clinic_id)
             VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                session.address.url.as_str(),
                session.address.private_ca_pem,
                session.credentials.email,
                session.credentials.password.expose(),
                session.person.id,
                session.person.name,
                session.person.role,
                session.person.clinic_id,
            ],
        )
        .map(|_| ())
        .map_sqlite()
}

pub(super) fn remove(connection: &Connection) -> Result<()> {
    connection
        .execute("DELETE FROM amana_session", [])
        .map(|_| ())
        .map_sqlite()
}
