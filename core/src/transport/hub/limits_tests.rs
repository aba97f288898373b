//! A hub that does not answer: each step of a call ends by the time limits, and by a cancel.

use std::sync::Arc;
use std::time::Duration;

use super::test_device::*;
use super::test_hub::{Act, TestHub, Traits};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode};
use crate::model::change_set::{PullRequest, PushFailure};
use crate::model::hub::{HubAddress, HubUrl};
use crate::ports::SyncPeer;
use crate::test_support::FakeDisk;
use crate::transport::TimeLimits;
use crate::transport::failure::TIMED_OUT;
use crate::transport::test_sockets::{FullListener, Trap, ends};

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Of what a test waits for: more than a step takes that is answered.
const SHORT: Duration = Duration::from_millis(1_500);
/// Each step of a call, in their order.
const STEPS: [&str; 5] = ["handshake", "ping", "login", "sync_pull", "sync_push"];

fn hours() -> TimeLimits {
    TimeLimits {
        connect: HOUR,
        first_byte: HOUR,
        idle: HOUR,
        whole: HOUR,
    }
}

/// Honest up to one step, where it does something else.
fn hub_with(step: &'static str, act: Act) -> TestHub {
    let traits = Traits {
        instead: Some((step, act)),
        ..Traits::default()
    };
    TestHub::with(traits, honest)
}

/// Makes the call that comes to a step, which does not end well.
fn call(device: &Device, step: &str, cancel: &CancelToken) -> Error {
    let peer = device.peer_with(Some("t"));
    match step {
        "login" => device.client.sign_in(&credentials(), cancel).unwrap_err(),
        "sync_pull" => {
            let request = PullRequest { cursor: 0 };
            peer.pull(&request, &mut Kept::default(), &mut |_| {}, cancel)
                .unwrap_err()
        }
        "sync_push" => {
            let pushed = peer.push(&deletions(&[("visits", "v-1")]), cancel);
            let Err(PushFailure::Stopped(error)) = pushed else {
                panic!("taken, or refused by nobody")
            };
            error
        }
        _ => device.client.pair(cancel).unwrap_err(),
    }
}

#[test]
fn h01_each_step_with_a_silent_hub_ends_by_the_limits() {
    let begun = || Act::Hold(pull_reply(), 10);
    let short = |set: fn(&mut TimeLimits)| {
        let mut limits = hours();
        set(&mut limits);
        limits
    };
    let cases = [
        (Act::Silence, short(|limits| limits.first_byte = SHORT)),
        (begun(), short(|limits| limits.idle = SHORT)),
        (begun(), short(|limits| limits.whole = SHORT)),
        (Act::Silence, short(|limits| limits.whole = SHORT)),
    ];
    // All at once: they do nothing but wait.
    std::thread::scope(|scope| {
        for step in STEPS {
            for (i, (act, limits)) in cases.clone().into_iter().enumerate() {
                scope.spawn(move || {
                    let hub = hub_with(step, act);
                    let device = Device::with(&hub.address, limits, FakeDisk::unknown());
                    let device = Arc::new(device);
                    let theirs = Arc::clone(&device);
                    let error = ends(move || call(&theirs, step, &CancelToken::new()), || {});
                    assert_eq!(error, TIMED_OUT, "{step} {i}");
                    let asked = asked(&hub);
                    assert_eq!(
                        asked.last().map(String::as_str),
                        Some(step),
                        "{asked:?} {i}"
                    );
                    device.assert_no_spool();
                });
            }
        }
    });
}

/// Where nobody makes a connection.
fn at(nobody: &FullListener) -> HubAddress {
    HubAddress {
        url: HubUrl::parse(&format!("http://{}", nobody.address)).unwrap(),
        ..TestHub::start(honest).address
    }
}

#[test]
fn a_hub_that_takes_no_connection_ends_the_call_by_the_limit_of_connecting() {
    let nobody = FullListener::start();
    let limits = TimeLimits {
        connect: Duration::from_millis(200),
        ..hours()
    };
    let device = Device::with(&at(&nobody), limits, FakeDisk::unknown());
    let error = ends(
        move || call(&device, "handshake", &CancelToken::new()),
        || {},
    );
    assert_eq!(error, TIMED_OUT);
}

#[test]
fn a_cancel_is_felt_at_each_step_with_a_hub() {
    for step in STEPS {
        for act in [Act::Silence, Act::Hold(pull_reply(), 10)] {
            let hub = hub_with(step, act);
            let device = Device::with(&hub.address, hours(), FakeDisk::unknown());
            let device = Arc::new(device);
            let (theirs, cancel) = (Arc::clone(&device), CancelToken::new());
            let token = cancel.clone();
            let error = ends(
                move || call(&theirs, step, &token),
                || {
                    while hub.seen.recv().unwrap().step() != step {}
                    cancel.cancel();
                },
            );
            assert_eq!(error.code(), ErrorCode::Cancelled, "{step}");
            device.assert_no_spool();
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_cancel_is_felt_while_a_hub_is_connected_to() {
    let nobody = FullListener::start();
    let device = Device::with(&at(&nobody), hours(), FakeDisk::unknown());
    let cancel = CancelToken::new();
    let token = cancel.clone();
    let error = ends(
        move || call(&device, "handshake", &token),
        || {
            nobody.until_somebody_connects();
            cancel.cancel();
        },
    );
    assert_eq!(error.code(), ErrorCode::Cancelled);
}

/// A redirect could name anybody: the body would go along with it, and with some statuses as it is.
#[test]
fn no_redirect_of_a_hub_is_followed() {
    for status in [301, 302, 303, 307, 308] {
        for step in STEPS {
            let trap = Trap::set();
            let hub = hub_with(step, Act::Redirect(status, trap.url.clone()));
            // The trap never answers: who followed would wait for it.
            let limits = TimeLimits {
                first_byte: Duration::from_secs(10),
                ..hours()
            };
            let device = Device::with(&hub.address, limits, FakeDisk::unknown());
            let error = call(&device, step, &CancelToken::new());
            assert!(trap.is_empty(), "{status} {step}: it was followed");
            assert_eq!(error.code(), ErrorCode::Protocol, "{status} {step}");
            // Nor to the hub itself, and nothing was tried again.
            let asked = asked(&hub);
            let times = asked.iter().filter(|what| *what == step).count();
            assert_eq!(
                (times, asked.last()),
                (1, Some(&step.to_owned())),
                "{asked:?}"
            );
            device.assert_no_spool();
        }
    }
}
