//! A cancel at any step: the error says so, no spool stays, nothing is half done.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::ports::{Clock, Entropy};
use crate::test_support::Call;

#[test]
fn cancelled_before_it_begins() {
    let device = Device::new();
    device.cancel.cancel();
    assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Cancelled);
    assert!(device.log.calls().is_empty());
}

/// Cancels when the clock is read for the nth time, which is before and after every step.
struct CancellingClock {
    left: AtomicU64,
    cancel: CancelToken,
}

impl Clock for CancellingClock {
    fn now_ms(&self) -> i64 {
        NOW
    }

    fn monotonic_ms(&self) -> u64 {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.cancel.cancel();
        }
        0
    }
}

#[test]
fn cancelled_at_every_step() {
    let mut finished = false;
    for step in 0..200 {
        let device = Device::new();
        device.store.set_cursor(NOW);
        device.patients(700);
        let changes = (1_000..1_010)
            .map(|n| patient(&device, n, "x", 1))
            .collect();
        device.peer.will_answer(reply(NOW + 1, changes));
        let clock = CancellingClock {
            left: AtomicU64::new(step),
            cancel: device.cancel.clone(),
        };
        let mut engine = device.engine(&device.peer);
        engine.clock = &clock;
        let result = engine.run();
        assert_no_spool(device.spools.path());
        let applied = device
            .store
            .row(device.table("patients"), &id(1_000))
            .is_some();
        assert_eq!(applied, device.store.stored_cursor() == NOW + 1);
        let succeeded = device
            .log
            .calls()
            .iter()
            .any(|c| matches!(c, Call::NoteSuccess(_)));
        assert_eq!(result.is_ok(), succeeded);
        match result {
            Ok(_) => finished = true,
            Err(error) => assert_eq!(error.code(), ErrorCode::Cancelled),
        }
        // What the peer took is acknowledged, cancelled or not.
        let pushed: usize = device.log.pushes().iter().map(Vec::len).sum();
        assert_eq!(device.store.dirty().len(), 700 - pushed);
    }
    assert!(finished);
}

#[test]
fn cancelled_during_a_pull_that_fails_is_a_cancel() {
    let device = Device::new();
    let cancel = device.cancel.clone();
    device.peer.on_pull(move || cancel.cancel());
    device.peer.will_answer(failing(
        error(ErrorCode::Network),
        vec![patient(&device, 1, "x", 1)],
    ));
    assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(device.log.pulls().len(), 1);
}

#[test]
fn cancelled_while_the_last_piece_is_sent() {
    let device = Device::new();
    device.patients(1);
    device.store.acknowledge_all();
    device.store.remove(device.table("patients"), &id(0));
    let cancel = device.cancel.clone();
    device.peer.on_push(move |_| {
        cancel.cancel();
        Ok(())
    });
    assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Cancelled);
    // The peer took it, so it is acknowledged; but the sync did not end well.
    assert_eq!(device.log.calls().last(), Some(&Call::Acknowledge(1)));
    assert!(device.store.dirty().is_empty());
}

#[test]
fn a_cancelled_push_puts_nothing_aside() {
    let device = Device::new();
    device.patients(2);
    let cancel = device.cancel.clone();
    device.peer.on_push(move |piece| {
        if piece.iter().any(|row| number_of(&row.id) == 0) {
            return Err(refused());
        }
        cancel.cancel();
        Ok(())
    });
    assert_eq!(device.sync().unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(device.store.dirty(), [id(0)]);
    assert!(device.store.quarantined().is_empty());
}

/// Has no randomness to give.
struct NoEntropy;

impl Entropy for NoEntropy {
    fn fill(&self, _: &mut [u8]) -> Result<()> {
        Err(error(ErrorCode::Internal))
    }
}

#[test]
fn without_randomness_nothing_is_asked() {
    let device = Device::new();
    let mut engine = device.engine(&device.peer);
    engine.entropy = &NoEntropy;
    assert_eq!(engine.run().unwrap_err().code(), ErrorCode::Internal);
    assert!(device.log.pulls().is_empty());
}
