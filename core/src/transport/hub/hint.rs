//! What a hub says in clear. Nobody has signed it: it tells what may be tried once more, and what to
//! show a person. The text itself goes no further than this file.

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::error::{Error, ErrorCode};
use crate::transport::failure;
use crate::transport::limits::DEFAULT_RETRY_AFTER_MS;

/// What may be done about a reply that was not sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Hint {
    /// The hub does not know this session any more, as after a restart: one new handshake.
    Session,
    /// The token is missing, wrong or over: one new sign-in.
    Token,
    /// The hub did not take what was asked. It may be about the rows of a push.
    Refused(Error),
    /// It is about something else.
    Failed(Error),
}

impl Hint {
    /// What is left once nothing more may be tried.
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Session => Error::new(
                ErrorCode::Server,
                "the hub forgot this device again and again",
            ),
            Self::Token => Error::new(
                ErrorCode::Unauthorized,
                "the hub wants this person to sign in again; nothing was wiped",
            ),
            Self::Refused(error) | Self::Failed(error) => error,
        }
    }
}

/// The meaning of a status other than 200, with its body.
pub(super) fn of_status(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Hint {
    let says = |words: &str| {
        body.windows(words.len())
            .any(|window| window == words.as_bytes())
    };
    match status.as_u16() {
        500 if says("not paired") || says("Decryption failed") => Hint::Session,
        500 => Hint::Failed(Error::new(ErrorCode::Server, "the hub failed")),
        400 => Hint::Failed(Error::new(
            ErrorCode::Protocol,
            "the hub does not understand the request",
        )),
        404 | 405 => Hint::Failed(Error::new(
            ErrorCode::Protocol,
            "there is no hub at this address",
        )),
        // Too large: it is the piece, or the row.
        413 => Hint::Refused(failure::from_status(status, headers)),
        _ => Hint::Failed(shortened(failure::from_status(status, headers))),
    }
}

/// With a short wait at most: a hub names none, and anybody on the network can name a day.
fn shortened(error: Error) -> Error {
    match error.retry_after() {
        Some(ms) => error.retry_after_ms(ms.min(DEFAULT_RETRY_AFTER_MS)),
        None => error,
    }
}

/// The meaning of an error text.
pub(super) fn of_text(text: &str) -> Hint {
    let begins = |words: &[&str]| words.iter().any(|words| text.starts_with(words));
    if begins(&["Authentication required", "JWT verification failed"]) {
        return Hint::Token;
    }
    if begins(&["Invalid email or password"]) {
        return Hint::Failed(Error::new(
            ErrorCode::Unauthorized,
            "the hub did not accept the e-mail and password; nothing was wiped",
        ));
    }
    if begins(&["Failed to load permissions"]) {
        return Hint::Failed(Error::new(
            ErrorCode::PermissionDenied,
            "the hub knows no permissions of this person in the clinic",
        ));
    }
    if begins(&["Server not fully initialized", "Database is locked"]) {
        return Hint::Failed(Error::new(
            ErrorCode::Server,
            "the hub is locked or starting: somebody has to unlock it there",
        ));
    }
    if begins(&["Unknown command", "Unknown query"]) {
        return Hint::Failed(Error::new(
            ErrorCode::Unsupported,
            "the hub is of another version and does not know this call",
        ));
    }
    Hint::Refused(Error::new(ErrorCode::Server, "the hub did not take it"))
}

#[cfg(test)]
mod tests {
    use reqwest::header::RETRY_AFTER;

    use super::*;

    fn status(code: u16, body: &str) -> Hint {
        let status = StatusCode::from_u16(code).unwrap();
        of_status(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn only_a_lost_session_is_worth_a_handshake() {
        assert_eq!(
            status(500, "Client 'x' not paired — handshake first"),
            Hint::Session
        );
        let wrong = "Decryption failed: AES-GCM decryption failed (wrong key or tampered data)";
        assert_eq!(status(500, wrong), Hint::Session);
        for (code, body, expected) in [
            (500, "Invalid command JSON", ErrorCode::Server),
            (500, "", ErrorCode::Server),
            (503, "not paired", ErrorCode::Server),
            (400, "parse error: …", ErrorCode::Protocol),
            (404, "not found", ErrorCode::Protocol),
            (301, "", ErrorCode::Protocol),
            (429, "", ErrorCode::RateLimited),
        ] {
            let Hint::Failed(error) = status(code, body) else {
                panic!("{code} {body}");
            };
            assert_eq!(error.code(), expected, "{code} {body}");
        }
    }

    #[test]
    fn what_is_too_large_may_be_about_the_rows() {
        assert!(matches!(
            status(413, "length limit exceeded"),
            Hint::Refused(_)
        ));
    }

    /// A hub names no wait, and anybody on the network can: a day, in one packet.
    #[test]
    fn a_wait_that_nobody_has_signed_is_a_short_one() {
        for (code, named, waits) in [
            (429, Some("86400"), Some(60_000)),
            (429, Some("5"), Some(5_000)),
            (429, None, Some(60_000)),
            (503, Some("86400"), Some(60_000)),
            (503, None, None),
        ] {
            let headers = named.map(|text| (RETRY_AFTER, text.parse().unwrap()));
            let status = StatusCode::from_u16(code).unwrap();
            let hint = of_status(status, &headers.into_iter().collect(), b"");
            assert_eq!(hint.into_error().retry_after(), waits, "{code} {named:?}");
        }
    }

    #[test]
    fn only_a_bad_token_is_worth_a_sign_in() {
        for text in [
            "Authentication required",
            "JWT verification failed: JWT token has expired",
            "JWT verification failed: Invalid JWT signature",
            "JWT verification failed: Malformed JWT token",
        ] {
            assert_eq!(of_text(text), Hint::Token, "{text}");
        }
        for (text, expected) in [
            ("Invalid email or password", ErrorCode::Unauthorized),
            (
                "Failed to load permissions for user 'u'",
                ErrorCode::PermissionDenied,
            ),
            ("Server not fully initialized", ErrorCode::Server),
            (
                "Database is locked. Please unlock with passphrase first.",
                ErrorCode::Server,
            ),
            ("Unknown query: sync_pull", ErrorCode::Unsupported),
        ] {
            let Hint::Failed(error) = of_text(text) else {
                panic!("{text}");
            };
            assert_eq!(error.code(), expected, "{text}");
        }
        for text in [
            "",
            "missing field `created_at`",
            "Upsert failed for patients id=p: NOT NULL constraint failed: patients.metadata",
        ] {
            assert!(matches!(of_text(text), Hint::Refused(_)), "{text}");
        }
    }

    #[test]
    fn no_text_of_the_hub_leaves() {
        let canary = "Upsert failed for patients id=CANARY";
        assert!(!format!("{:?}", of_text(canary).into_error()).contains("CANARY"));
        assert!(!format!("{:?}", status(500, "CANARY").into_error()).contains("CANARY"));
    }
}
