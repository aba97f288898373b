//! The cloud's other way to sync: calls with a token of 24 hours in place of the password, which then
//! needs not be kept. The bodies are wrapped in a `json` object, the replies in three.

use bytes::Bytes;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::sign_in;
use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::RecordId;
use crate::model::peer::{CloudToken, Credentials, Person};
use crate::secret::SecretText;

pub(super) const LOGIN: &str = "/rpc/command/login";
pub(super) const PUSH: &str = "/rpc/command/sync.push";

/// Objects around a reply's own.
pub(super) const WRAPPING: usize = 3;

/// The path of a pull. `peer_type` is never sent: with it the cloud hands out what no device may
/// store.
pub(super) fn pull_path(cursor: i64) -> String {
    // {"json":{"last_pulled_at":42}}
    format!("/rpc/query/sync.pull?input=%7B%22json%22%3A%7B%22last_pulled_at%22%3A{cursor}%7D%7D")
}

/// The body of a push, around the change set.
pub(super) fn push_body(changes: &[u8]) -> Vec<u8> {
    [
        &br#"{"json":{"last_pulled_at":0,"changes":"#[..],
        changes,
        b"}}",
    ]
    .concat()
}

/// The body of a login.
pub(super) fn login_body(credentials: &Credentials) -> Result<Bytes> {
    let inside = sign_in::body(credentials)?;
    let mut text = Zeroizing::new(Vec::with_capacity(inside.len() + 16));
    text.extend_from_slice(br#"{"json":"#);
    text.extend_from_slice(&inside);
    text.push(b'}');
    Ok(Bytes::from_owner(text))
}

/// `Bearer …`, marked so that nothing prints or indexes it.
pub(super) fn bearer(token: &CloudToken) -> Result<HeaderValue> {
    let token = token.text.expose();
    let mut text = Zeroizing::new(String::with_capacity(token.len() + 8));
    text.push_str("Bearer ");
    text.push_str(token);
    let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(text))
        .map_err(|_| Error::internal("the token fits no header"))?;
    header.set_sensitive(true);
    Ok(header)
}

#[derive(Deserialize)]
struct Wrapped<T> {
    result: Data<T>,
}

#[derive(Deserialize)]
struct Data<T> {
    data: Output<T>,
}

#[derive(Deserialize)]
struct Output<T> {
    json: T,
}

#[derive(Deserialize)]
struct Login {
    token: String,
    user_id: String,
    clinic_id: Option<String>,
    role: Option<String>,
    provider_name: Option<String>,
}

/// Who logged in, and their token. This reply tells no name on today's servers.
pub(super) fn login(body: &[u8], now_ms: i64) -> Result<(Person, CloudToken)> {
    const BAD: Error = Error::new(
        ErrorCode::Protocol,
        "the reply to the sign-in has not the form of the protocol",
    );
    const MAX_TOKEN: usize = 8 * 1024;
    let reply: Wrapped<Login> = serde_json::from_slice(body).map_err(|_| BAD)?;
    let reply = reply.result.data.json;
    let text = SecretText::new(reply.token);
    let fits = !text.expose().is_empty()
        && text.expose().len() <= MAX_TOKEN
        && text.expose().bytes().all(|byte| byte.is_ascii_graphic());
    let id = RecordId::from_peer(&reply.user_id)
        .filter(|_| fits)
        .ok_or(BAD)?;
    let person = Person {
        id: id.into_string(),
        name: reply.provider_name.unwrap_or_default(),
        role: reply.role.unwrap_or_default(),
        clinic_id: reply
            .clinic_id
            .and_then(|id| RecordId::from_peer(&id))
            .map(RecordId::into_string),
    };
    let token = CloudToken {
        text,
        since_ms: now_ms,
    };
    Ok((person, token))
}

/// Whether a push was taken: an object where the result stands, and no error.
pub(super) fn says_taken(body: &[u8]) -> bool {
    serde_json::from_slice::<Wrapped<Json>>(body)
        .is_ok_and(|reply| reply.result.data.json.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_paths_are_wrapped() {
        let input = pull_path(42);
        let (_, input) = input.split_once("input=").unwrap();
        let query = format!("i={input}");
        let (_, decoded) = url::form_urlencoded::parse(query.as_bytes())
            .next()
            .unwrap();
        assert_eq!(decoded, r#"{"json":{"last_pulled_at":42}}"#);
        assert_eq!(
            push_body(br#"{"visits":{}}"#),
            br#"{"json":{"last_pulled_at":0,"changes":{"visits":{}}}}"#
        );
        // A colon is fine here: nothing cuts at it.
        let credentials =
            Credentials::new("a@b.test".into(), SecretText::new("a:b".into())).unwrap();
        let body: Json = serde_json::from_slice(&login_body(&credentials).unwrap()).unwrap();
        assert_eq!(
            body,
            serde_json::json!({"json": {"email": "a@b.test", "password": "a:b"}})
        );
    }

    #[test]
    fn a_login_needs_a_token_and_an_id() {
        let read = |json: &str| {
            login(
                format!(r#"{{"result":{{"data":{{"json":{json}}}}}}}"#).as_bytes(),
                7,
            )
        };
        let (person, token) =
            read(r#"{"token":"t-1","user_id":"U","clinic_id":null,"role":"provider"}"#).unwrap();
        assert_eq!(
            (person.id.as_str(), person.role.as_str()),
            ("U", "provider")
        );
        assert_eq!((token.text.expose(), token.since_ms), ("t-1", 7));
        assert!(bearer(&token).unwrap().is_sensitive());
        for bad in [
            "{}",
            r#"{"token":"","user_id":"u"}"#,
            r#"{"token":"a b","user_id":"u"}"#,
            r#"{"token":"t","user_id":""}"#,
        ] {
            assert_eq!(read(bad).unwrap_err().code(), ErrorCode::Protocol, "{bad}");
        }
        assert!(login(br#"{"token":"t","user_id":"u"}"#, 7).is_err());
    }

    #[test]
    fn only_a_result_is_success() {
        assert!(says_taken(br#"{"result":{"data":{"json":{}}}}"#));
        for bad in [
            &b""[..],
            b"{}",
            b"[object Object]",
            br#"{"success":true}"#,
            br#"{"result":{"data":{}}}"#,
            br#"{"result":{"data":{"json":null}}}"#,
            br#"{"error":{"json":{"message":"x"}}}"#,
        ] {
            assert!(!says_taken(bad), "{}", String::from_utf8_lossy(bad));
        }
    }
}
