//! Signing in at a hub, through the sealed channel alone, and the token that comes of it.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};
use crate::model::ids::RecordId;
use crate::model::peer::{Credentials, Person};
use crate::ports::Clock;
use crate::secret::SecretText;

/// A hub's token lives 24 hours and cannot be renewed; an hour before that a new one is fetched.
const USED_FOR_MS: i64 = 23 * 60 * 60 * 1000;

/// What proves to a hub who is asking.
pub struct HubToken {
    /// The token itself.
    pub text: SecretText,
    /// When it was given, by the device's clock.
    pub since_ms: i64,
}

impl HubToken {
    /// Whether it is still worth sending. The hub judges; this only spares a refused call.
    pub fn is_fresh(&self, clock: &dyn Clock) -> bool {
        (0..USED_FOR_MS).contains(&clock.now_ms().saturating_sub(self.since_ms))
    }
}

impl fmt::Debug for HubToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubToken")
            .field("since_ms", &self.since_ms)
            .finish_non_exhaustive()
    }
}

/// Who signed in at a hub.
#[derive(Debug)]
pub struct HubSignIn {
    /// The person, as the hub described them. A hub's role never widens what the cloud's allows.
    pub person: Person,
    /// The name of the clinic.
    pub clinic_name: String,
    /// For the calls that follow.
    pub token: HubToken,
}

#[derive(Serialize)]
struct Login<'a> {
    command: &'static str,
    data: LoginData<'a>,
    token: Option<&'a str>,
}

#[derive(Serialize)]
struct LoginData<'a> {
    email: &'a str,
    password: &'a str,
}

/// The text of the call. A password with a colon is fine here.
pub(super) fn text(credentials: &Credentials) -> Result<Zeroizing<Vec<u8>>> {
    let login = Login {
        command: "login",
        data: LoginData {
            email: &credentials.email,
            password: credentials.password.expose(),
        },
        token: None,
    };
    // Each byte takes at most six when escaped: with that room the text is never moved.
    let room = 128 + 6 * (login.data.email.len() + login.data.password.len());
    let mut text = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *text, &login)
        .map_err(|_| Error::internal("the sign-in cannot be written"))?;
    Ok(text)
}

#[derive(Deserialize)]
struct Reply {
    token: String,
    user_id: String,
    clinic_id: Option<String>,
    role: Option<String>,
    provider_name: Option<String>,
    clinic_name: Option<String>,
}

/// Reads the opened reply.
pub(super) fn sign_in(text: &[u8], clock: &dyn Clock) -> Result<HubSignIn> {
    const BAD: Error = Error::new(
        ErrorCode::Protocol,
        "the reply to the sign-in has not the form of the protocol",
    );
    const MAX_TOKEN: usize = 8 * 1024;
    let reply: Reply = serde_json::from_slice(text).map_err(|_| BAD)?;
    let token = SecretText::new(reply.token);
    let id = RecordId::from_peer(&reply.user_id).ok_or(BAD)?;
    if token.expose().is_empty() || token.expose().len() > MAX_TOKEN {
        return Err(BAD);
    }
    Ok(HubSignIn {
        person: Person {
            id: id.into_string(),
            name: reply.provider_name.unwrap_or_default(),
            role: reply.role.unwrap_or_default(),
            clinic_id: reply
                .clinic_id
                .and_then(|id| RecordId::from_peer(&id))
                .map(RecordId::into_string),
        },
        clinic_name: reply.clinic_name.unwrap_or_default(),
        token: HubToken {
            text: token,
            since_ms: clock.now_ms(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::FakeClock;

    #[test]
    fn a_token_is_used_for_less_than_its_life() {
        const HOUR: i64 = 60 * 60 * 1000;
        let token = HubToken {
            text: SecretText::new("t".into()),
            since_ms: 1_000 * HOUR,
        };
        for (hours, fresh) in [(1_000, true), (1_022, true), (1_023, false), (999, false)] {
            assert_eq!(
                token.is_fresh(&FakeClock::at(hours * HOUR)),
                fresh,
                "{hours}"
            );
        }
        assert!(!format!("{token:?}").contains('t'.to_string().repeat(2).as_str()));
    }

    #[test]
    fn the_reply_needs_a_token_and_an_id() {
        let clock = FakeClock::at(5);
        let read = |text: &str| sign_in(text.as_bytes(), &clock);
        let full = read(
            r#"{"token":"aaa.bbb.ccc","user_id":"U-1","clinic_id":"c-1","role":"provider",
                "provider_name":"لمياء حدّاد","clinic_name":"عيادة النور"}"#,
        )
        .unwrap();
        assert_eq!(full.token.text.expose(), "aaa.bbb.ccc");
        assert_eq!(full.token.since_ms, 5);
        assert_eq!(full.person.id, "U-1");
        assert_eq!(full.clinic_name, "عيادة النور");
        for bad in [
            "",
            "{}",
            r#"{"token":"","user_id":"u"}"#,
            r#"{"token":"t","user_id":""}"#,
            r#"{"token":1,"user_id":"u"}"#,
            r#"{"user_id":"u"}"#,
        ] {
            assert_eq!(read(bad).unwrap_err().code(), ErrorCode::Protocol, "{bad}");
        }
    }
}
