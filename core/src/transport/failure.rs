//! What a failed call becomes: a code and fixed text, never what the server or a library said.

use std::error::Error as StdError;
use std::io;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use rustls::CertificateError;

use super::limits::{DEFAULT_RETRY_AFTER_MS, MAX_RETRY_AFTER_MS};
use crate::error::{Error, ErrorCode};

/// A time limit ended the call.
pub(super) const TIMED_OUT: Error =
    Error::new(ErrorCode::Network, "the server did not answer in time");
/// The reply is larger than any honest one.
pub(super) const TOO_LARGE: Error =
    Error::new(ErrorCode::Protocol, "the reply is larger than allowed");
/// The app cancelled the call.
pub(super) const CANCELLED: Error = Error::new(ErrorCode::Cancelled, "the call was cancelled");

/// What a failure of the HTTP client means.
pub(super) fn from_client(error: &reqwest::Error) -> Error {
    if error.is_builder() {
        return Error::internal("the request cannot be made");
    }
    if let Some(tls) = find_tls(error) {
        return from_tls(tls);
    }
    if error.is_timeout() {
        return TIMED_OUT;
    }
    if error.is_connect() {
        return Error::new(ErrorCode::Network, "the server cannot be reached");
    }
    Error::new(ErrorCode::Network, "the connection broke off")
}

/// What TLS said, wherever it is in the chain. An `io::Error` hides its content from `source`.
fn find_tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(tls) = error.downcast_ref() {
            return Some(tls);
        }
        let inside = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        link = match inside {
            Some(inside) => Some(inside as &'a (dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

/// Before 2026 this software did not exist: a clock that shows an earlier time is wrong.
const NO_CLOCK_BEFORE_S: u64 = 1_767_225_600;
/// As far ahead, nobody's certificates are valid.
const NO_CLOCK_AFTER_S: u64 = 4_102_444_800;

fn from_tls(error: &rustls::Error) -> Error {
    use CertificateError as Cause;
    let detail = match error {
        rustls::Error::InvalidCertificate(
            Cause::ExpiredContext { time, .. } | Cause::NotValidYetContext { time, .. },
        ) if !(NO_CLOCK_BEFORE_S..NO_CLOCK_AFTER_S).contains(&time.as_secs()) => {
            "the device's clock is plainly wrong, so no certificate can be checked: set it"
        }
        rustls::Error::InvalidCertificate(
            Cause::Expired
            | Cause::ExpiredContext { .. }
            | Cause::NotValidYet
            | Cause::NotValidYetContext { .. },
        ) => {
            "the server's certificate has expired or is not valid yet: is the device's clock right?"
        }
        rustls::Error::InvalidCertificate(Cause::ApplicationVerificationFailure) => {
            "the server's key is none of those that the app expects"
        }
        rustls::Error::InvalidCertificate(_) => "the server's certificate is not to be trusted",
        _ => "the server's TLS is not acceptable",
    };
    Error::new(ErrorCode::Tls, detail)
}

/// What a status other than 200 means.
pub(super) fn from_status(status: StatusCode, headers: &HeaderMap) -> Error {
    match status.as_u16() {
        // The cloud also answers so when its database is down: it never proves that an account
        // is gone, and nobody may wipe anything because of it.
        401 => Error::new(
            ErrorCode::Unauthorized,
            "the server did not accept the e-mail and password, or could not check them; nothing was wiped",
        ),
        426 => Error::new(ErrorCode::UpgradeRequired, "the server needs a newer app"),
        429 => Error::new(ErrorCode::RateLimited, "the server asks to wait")
            .retry_after_ms(wait_of(headers).unwrap_or(DEFAULT_RETRY_AFTER_MS)),
        500..=599 => {
            let error = Error::new(ErrorCode::Server, "the server failed");
            match wait_of(headers) {
                Some(ms) => error.retry_after_ms(ms),
                None => error,
            }
        }
        300..=399 => Error::new(
            ErrorCode::Protocol,
            "the server points elsewhere; redirects are not followed",
        ),
        _ => Error::new(ErrorCode::Protocol, "the server refused the request"),
    }
}

/// Whole seconds, at least one. Dates and nonsense do not count.
fn wait_of(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let ms = digits
        .then(|| text.parse::<u64>().ok())??
        .max(1)
        .checked_mul(1000)?;
    (ms <= MAX_RETRY_AFTER_MS).then_some(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(status: u16, retry_after: Option<&'static str>) -> Error {
        let mut headers = HeaderMap::new();
        if let Some(text) = retry_after {
            headers.insert(RETRY_AFTER, text.parse().unwrap());
        }
        from_status(StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn each_status_has_its_code() {
        for (status, code) in [
            (401, ErrorCode::Unauthorized),
            (426, ErrorCode::UpgradeRequired),
            (429, ErrorCode::RateLimited),
            (500, ErrorCode::Server),
            (502, ErrorCode::Server),
            (599, ErrorCode::Server),
            (301, ErrorCode::Protocol),
            (307, ErrorCode::Protocol),
            (204, ErrorCode::Protocol),
            (404, ErrorCode::Protocol),
        ] {
            assert_eq!(map(status, None).code(), code, "{status}");
        }
        assert!(map(401, None).detail().contains("nothing was wiped"));
    }

    #[test]
    fn waits_are_whole_seconds_of_at_least_one() {
        for (text, ms) in [
            (Some("37"), 37_000),
            (Some(" 5 "), 5_000),
            (Some("0"), 1_000),
            (None, DEFAULT_RETRY_AFTER_MS),
            (Some(""), DEFAULT_RETRY_AFTER_MS),
            (Some("-3"), DEFAULT_RETRY_AFTER_MS),
            (Some("+3"), DEFAULT_RETRY_AFTER_MS),
            (Some("1.5"), DEFAULT_RETRY_AFTER_MS),
            (
                Some("Tue, 24 Nov 2026 03:00:00 GMT"),
                DEFAULT_RETRY_AFTER_MS,
            ),
            (Some("99999999999999999999999"), DEFAULT_RETRY_AFTER_MS),
            (Some("18446744073709551615"), DEFAULT_RETRY_AFTER_MS),
            (Some("999999"), DEFAULT_RETRY_AFTER_MS),
        ] {
            assert_eq!(map(429, text).retry_after(), Some(ms), "{text:?}");
        }
        assert_eq!(map(503, Some("9")).retry_after(), Some(9_000));
        assert_eq!(map(503, None).retry_after(), None);
    }
}
