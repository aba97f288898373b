//! The idle lock, on a clock that the test moves.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use amana_core::ports::Clock as _;
use amana_core::system::SystemClock;
use amana_core::test_support::FakeClock;
use amana_core::{ErrorCode, VaultState};
use amana_tests::{PASSWORD, Tablet, clinic, patient};
use pollster::block_on;

const MINUTE: u64 = 60_000;
/// Only how long a test waits for its own server before it gives up.
const PATIENCE: Duration = Duration::from_secs(60);

fn tablet() -> (Tablet, Arc<FakeClock>) {
    let clock = Arc::new(FakeClock::at(SystemClock.now_ms()));
    (Tablet::with_clock(clock.clone()), clock)
}

#[test]
fn a_vault_that_nobody_uses_locks_and_one_in_use_does_not() {
    let (tablet, clock) = tablet();
    let id = tablet.insert("patients", &patient("Amal"));
    for _ in 0..10 {
        clock.advance(4 * MINUTE);
        assert_eq!(tablet.get("patients", &id)["given_name"], "Amal");
    }
    clock.advance(5 * MINUTE);
    assert_eq!(tablet.amana.state(), VaultState::Locked);
    let refused = block_on(tablet.amana.get("patients", &id)).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Locked);
    // A refused call is no use, and asking for the state neither.
    assert_eq!(tablet.amana.state(), VaultState::Locked);
    tablet.amana.check_idle_lock();
    tablet.amana.unlock().unwrap();
    assert_eq!(tablet.get("patients", &id)["given_name"], "Amal");
}

#[test]
fn a_wall_clock_that_is_set_back_does_not_keep_it_open() {
    let (tablet, clock) = tablet();
    let _ = tablet.insert("patients", &patient("Amal"));
    clock.set_wall(0);
    clock.advance(5 * MINUTE);
    assert_eq!(tablet.amana.state(), VaultState::Locked);
}

#[test]
fn a_running_sync_ends_behind_the_locked_screen() {
    let peer = clinic();
    peer.seed_patients(300).unwrap();
    let (tablet, clock) = tablet();
    tablet
        .sign_in(&peer, "amal@clinic.example", PASSWORD)
        .unwrap();
    let gate = peer.faults().hold_pull_after(50_000);
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(PATIENCE));
        clock.advance(6 * MINUTE);
        tablet.amana.check_idle_lock();
        let refused = block_on(tablet.amana.count("patients", "{}")).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Locked);
        gate.release();
        assert!(sync.join().unwrap().unwrap().pulled >= 300);
    });
    tablet.amana.check_idle_lock();
    assert_eq!(tablet.amana.state(), VaultState::Locked);
    tablet.amana.unlock().unwrap();
    assert_eq!(tablet.count("patients"), 300);
}

#[test]
fn a_lease_ends() {
    let peer = clinic();
    peer.seed_patients(300).unwrap();
    let (tablet, clock) = tablet();
    tablet
        .sign_in(&peer, "amal@clinic.example", PASSWORD)
        .unwrap();
    let gate = peer.faults().hold_pull_after(50_000);
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(PATIENCE));
        clock.advance(15 * MINUTE);
        tablet.amana.check_idle_lock();
        assert_eq!(
            sync.join().unwrap().unwrap_err().code(),
            ErrorCode::Cancelled
        );
    });
    gate.release();
    tablet.amana.unlock().unwrap();
    assert_eq!(tablet.count("patients"), 0);
}
