//! What proves who somebody is: the sign-in call's body and reply, and the sync's Basic header.
//!
//! The password goes into these two and nowhere else; the buffers are wiped when they are dropped.
//! What the HTTP client and TLS copy into their own write buffers is out of reach.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::RecordId;
use crate::model::peer::{Credentials, Person};

pub(super) const PATH: &str = "/api/auth/sign-in";

#[derive(Serialize)]
struct Body<'a> {
    email: &'a str,
    password: &'a str,
}

/// The body of the call.
pub(super) fn body(credentials: &Credentials) -> Result<Bytes> {
    let body = Body {
        email: &credentials.email,
        password: credentials.password.expose(),
    };
    // Each byte takes at most six when escaped: with that room the text is never moved.
    let room = 64 + 6 * (body.email.len() + body.password.len());
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *text, &body)
        .map_err(|_| Error::internal("the sign-in cannot be written"))?;
    Ok(Bytes::from_owner(text))
}

/// `Basic …`, marked so that nothing prints or indexes it.
pub(super) fn basic(credentials: &Credentials) -> Result<HeaderValue> {
    let (email, password) = (&credentials.email, credentials.password.expose());
    let mut pair = Zeroizing::new(String::with_capacity(email.len() + password.len() + 1));
    pair.push_str(email);
    pair.push(':');
    pair.push_str(password);
    let mut text = Zeroizing::new(String::with_capacity(16 + pair.len().div_ceil(3) * 4));
    text.push_str("Basic ");
    STANDARD.encode_string(pair.as_bytes(), &mut text);
    let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
        .map_err(|_| Error::internal("the credentials fit no header"))?;
    header.set_sensitive(true);
    Ok(header)
}

#[derive(Deserialize)]
struct Reply {
    user: User,
}

#[derive(Deserialize)]
struct User {
    id: String,
    name: Option<String>,
    role: Option<String>,
    clinic_id: Option<String>,
}

/// Who signed in. The token, and whatever else the server tells, is not kept.
pub(super) fn person(body: &[u8]) -> Result<Person> {
    const BAD: Error = Error::new(
        ErrorCode::Protocol,
        "the reply to the sign-in has not the form of the protocol",
    );
    let Reply { user } = serde_json::from_slice(body).map_err(|_| BAD)?;
    let id = RecordId::from_peer(&user.id).ok_or(BAD)?;
    Ok(Person {
        id: id.into_string(),
        name: user.name.unwrap_or_default(),
        role: user.role.unwrap_or_default(),
        clinic_id: user
            .clinic_id
            .and_then(|id| RecordId::from_peer(&id))
            .map(RecordId::into_string),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretText;

    fn credentials() -> Credentials {
        Credentials::new("käthe@a.test".into(), SecretText::new("a\"b\u{1}c".into())).unwrap()
    }

    #[test]
    fn the_body_is_json_and_the_header_basic_of_utf8() {
        let body: serde_json::Value =
            serde_json::from_slice(&super::body(&credentials()).unwrap()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"email": "käthe@a.test", "password": "a\"b\u{1}c"})
        );
        let header = basic(&credentials()).unwrap();
        assert!(header.is_sensitive());
        assert!(!format!("{header:?}").contains("Basic"));
        let encoded = header.to_str().unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(
            STANDARD.decode(encoded).unwrap(),
            "käthe@a.test:a\"b\u{1}c".as_bytes()
        );
    }

    #[test]
    fn a_person_needs_an_id_and_no_more() {
        let read = |text: &str| person(text.as_bytes());
        let full = read(
            r#"{"token":"t","user":{"id":"AAAAAAAA-0000-4000-8000-000000000001","name":"N",
                "role":"provider","clinic_id":"c-1","hashed_password":"***","other":[1]}}"#,
        )
        .unwrap();
        assert_eq!(
            full,
            Person {
                id: "aaaaaaaa-0000-4000-8000-000000000001".into(),
                name: "N".into(),
                role: "provider".into(),
                clinic_id: Some("c-1".into()),
            }
        );
        let bare = read(r#"{"user":{"id":"u","name":null,"clinic_id":""}}"#).unwrap();
        assert_eq!((bare.role.as_str(), bare.clinic_id), ("", None));
        for bad in [
            "",
            "[]",
            "{}",
            r#"{"user":{}}"#,
            r#"{"user":{"id":""}}"#,
            r#"{"user":{"id":1}}"#,
        ] {
            assert_eq!(read(bad).unwrap_err().code(), ErrorCode::Protocol, "{bad}");
        }
    }
}
