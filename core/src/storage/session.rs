//! The row that remembers who is signed in, where, and with which password.

use rusqlite::{Connection, OptionalExtension, params};
use zeroize::Zeroizing;

use super::errors::MapSqlite;
use crate::error::Result;
use crate::model::peer::{CloudAddress, CloudToken, Credentials, HttpsUrl, Person, Proof};
use crate::secret::SecretText;

/// A person, the server that confirmed them, and what that server takes on each sync.
#[derive(Debug)]
pub struct StoredSession {
    /// The cloud; none where the person signed in at a hub alone.
    pub address: Option<CloudAddress>,
    /// What is kept to prove who they are.
    pub proof: Proof,
    /// Who.
    pub person: Person,
}

pub(super) fn load(connection: &Connection) -> Result<Option<StoredSession>> {
    let row = connection
        .prepare_cached(
            "SELECT url, private_ca_pem, email, password, user_id, name, role, clinic_id, token,
               token_since_ms
             FROM amana_session",
        )
        .map_sqlite()?
        .query_row([], |row| {
            // The driver's own copies are on its heap; these are wiped.
            let secret = |column| {
                row.get::<_, Option<String>>(column)
                    .map(|text| text.map(Zeroizing::new))
            };
            let person = Person {
                id: row.get(4)?,
                name: row.get(5)?,
                role: row.get(6)?,
                clinic_id: row.get(7)?,
            };
            let login = (row.get(2)?, secret(3)?, secret(8)?, row.get(9)?);
            Ok((row.get(0)?, row.get(1)?, login, person))
        })
        .optional()
        .map_sqlite()?;
    row.map(|(url, private_ca_pem, login, person)| {
        let url: String = url;
        let address = match url.as_str() {
            "" => None,
            url => Some(CloudAddress {
                url: HttpsUrl::parse(url)?,
                private_ca_pem,
            }),
        };
        Ok(StoredSession {
            address,
            proof: proof(login),
            person,
        })
    })
    .transpose()
}

type Login = (
    String,
    Option<Zeroizing<String>>,
    Option<Zeroizing<String>>,
    Option<i64>,
);

fn proof((email, password, token, since_ms): Login) -> Proof {
    if let Some(text) = token {
        return Proof::Token(CloudToken {
            text: SecretText::from_zeroizing(text),
            since_ms: since_ms.unwrap_or(0),
        });
    }
    match password.filter(|password| !password.is_empty()) {
        Some(password) => Proof::Password(Credentials {
            email,
            password: SecretText::from_zeroizing(password),
        }),
        None => Proof::Nothing,
    }
}

/// The id of the person who is signed in.
pub(super) fn person_id(connection: &Connection) -> Result<Option<String>> {
    connection
        .query_row("SELECT user_id FROM amana_session", [], |row| row.get(0))
        .optional()
        .map_sqlite()
}

pub(super) fn save(connection: &Connection, session: &StoredSession) -> Result<()> {
    let address = session.address.as_ref();
    let (email, password, token) = match &session.proof {
        Proof::Password(credentials) => (
            credentials.email.as_str(),
            credentials.password.expose(),
            None,
        ),
        Proof::Token(token) => ("", "", Some(token)),
        Proof::Nothing => ("", "", None),
    };
    connection
        .execute(
            "INSERT OR REPLACE INTO amana_session
               (only_row, url, private_ca_pem, email, password, user_id, name, role, clinic_id,
                token, token_since_ms)
             VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                address.map_or("", |address| address.url.as_str()),
                address.and_then(|address| address.private_ca_pem.as_deref()),
                email,
                password,
                session.person.id,
                session.person.name,
                session.person.role,
                session.person.clinic_id,
                token.map(|token| token.text.expose()),
                token.map(|token| token.since_ms),
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
