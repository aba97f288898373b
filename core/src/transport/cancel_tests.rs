//! A cancel ends a call to the cloud that has not got as far as a request yet.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::test_sockets::{FullListener, ends, silent_listener};
use super::{CloudClient, Network, TimeLimits};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode};
use crate::model::peer::{CloudAddress, Credentials, HttpsUrl};
use crate::model::schema::Schema;
use crate::secret::SecretText;
use crate::system::SystemClock;

/// Longer than any test: only the cancel ends the call.
const HOUR: Duration = Duration::from_secs(60 * 60);

fn sign_in(to: SocketAddr, limits: TimeLimits, cancel: &CancelToken) -> Error {
    let address = CloudAddress {
        url: HttpsUrl::parse(&format!("https://{to}")).unwrap(),
        private_ca_pem: None,
    };
    let client = CloudClient::new(
        Network::start().unwrap(),
        Schema::hikma().unwrap(),
        Arc::new(SystemClock),
        &address,
        None,
        limits,
    )
    .unwrap();
    let password = SecretText::new("canary password".into());
    let credentials = Credentials::new("nurse@clinic.test".into(), password).unwrap();
    client.sign_in(&credentials, cancel).unwrap_err()
}

fn hours() -> TimeLimits {
    TimeLimits {
        connect: HOUR,
        first_byte: HOUR,
        idle: HOUR,
        whole: HOUR,
    }
}

#[test]
fn a_connection_that_is_not_made_ends_by_the_limit_of_connecting() {
    let nobody = FullListener::start();
    let limits = TimeLimits {
        connect: Duration::from_millis(200),
        ..hours()
    };
    let to = nobody.address;
    let error = ends(move || sign_in(to, limits, &CancelToken::new()), || {});
    assert_eq!(error, super::failure::TIMED_OUT);
}

#[cfg(target_os = "linux")]
#[test]
fn a_cancel_is_felt_while_the_connection_is_made() {
    let nobody = FullListener::start();
    let (to, cancel) = (nobody.address, CancelToken::new());
    let token = cancel.clone();
    let error = ends(
        move || sign_in(to, hours(), &token),
        || {
            nobody.until_somebody_connects();
            cancel.cancel();
        },
    );
    assert_eq!(error.code(), ErrorCode::Cancelled);
}

#[test]
fn a_cancel_is_felt_in_the_handshake_of_tls() {
    let (to, first) = silent_listener();
    let cancel = CancelToken::new();
    let token = cancel.clone();
    let error = ends(
        move || sign_in(to, hours(), &token),
        || {
            assert_eq!(first.recv().unwrap(), 0x16, "a handshake of TLS");
            cancel.cancel();
        },
    );
    assert_eq!(error.code(), ErrorCode::Cancelled);
}
