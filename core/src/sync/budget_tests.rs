//! The budget by itself, and that a peer is not asked faster than it allows. What it is worth to a
//! clinic is in `clinic_tests`.

use super::*;
use crate::error::ErrorCode;
use crate::model::change_set::RemoteRow;
use crate::model::ids::RecordId;
use crate::model::schema::TableIndex;
use crate::test_support::FakeClock;

#[test]
fn a_burst_is_free_and_more_is_spread() {
    let mut budget = Budget::default();
    for _ in 0..BURST {
        assert_eq!(budget.wait_ms(1_000), 0);
        budget.spend(1_000);
    }
    assert_eq!(budget.wait_ms(1_000), ONE_IN_MS);
    assert_eq!(budget.wait_ms(1_000 + ONE_IN_MS), 0);
    budget.spend(1_000 + ONE_IN_MS);
    assert_eq!(budget.wait_ms(1_000 + ONE_IN_MS), ONE_IN_MS);
    // A clock that is set back is no gift, and time that passed is.
    assert_eq!(budget.wait_ms(0), 2 * ONE_IN_MS - ONE_IN_MS);
    assert_eq!(budget.wait_ms(10 * 60 * 1_000), 0);
}

/// Waiting is what makes time pass.
struct Passing<'a>(&'a FakeClock);

impl Timer for Passing<'_> {
    fn wait(&self, duration: Duration, cancel: &CancelToken) -> Result<()> {
        cancel.check()?;
        self.0.advance(duration.as_millis() as u64);
        Ok(())
    }
}

/// Takes everything at once, and notes when it was asked.
struct Noting<'a>(&'a FakeClock, Mutex<Vec<u64>>);

impl SyncPeer for Noting<'_> {
    fn pull(
        &self,
        _: &PullRequest,
        _: &mut dyn ChangeSink,
        _: &mut dyn FnMut(u64),
        _: &CancelToken,
    ) -> Result<PullReply> {
        self.1.lock().unwrap().push(self.0.monotonic_ms());
        Err(crate::Error::new(ErrorCode::Network, "pulled"))
    }

    fn push(&self, _: &[OutboxRow], _: &CancelToken) -> Result<(), PushFailure> {
        self.1.lock().unwrap().push(self.0.monotonic_ms());
        Ok(())
    }
}

struct Nowhere;

impl ChangeSink for Nowhere {
    fn upsert(&mut self, _: TableIndex, _: RemoteRow) -> Result<()> {
        Ok(())
    }

    fn delete(&mut self, _: TableIndex, _: RecordId) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_peer_is_asked_no_faster_than_the_budget_allows() {
    const ASKED: u64 = 70;
    let clock = FakeClock::at(0);
    let peer = Noting(&clock, Mutex::default());
    let budget = Arc::default();
    let paced = Paced {
        peer: &peer,
        budget: &budget,
        clock: &clock,
        timer: &Passing(&clock),
    };
    let cancel = CancelToken::new();
    let pull = |cancel: &CancelToken| {
        let request = PullRequest { cursor: 0 };
        let pulled = paced.pull(&request, &mut Nowhere, &mut |_| {}, cancel);
        pulled.unwrap_err().code()
    };
    for n in 0..ASKED {
        match n % 2 {
            0 => assert_eq!(pull(&cancel), ErrorCode::Network),
            _ => paced.push(&[], &cancel).unwrap(),
        }
    }
    let asked = peer.1.lock().unwrap().clone();
    let expected: Vec<_> = (0..ASKED)
        .map(|n| (n + 1).saturating_sub(BURST) * ONE_IN_MS)
        .collect();
    assert_eq!(asked, expected);
    // Half of the cloud's limit at most, in whichever minute.
    for (i, from) in asked.iter().enumerate() {
        let within = asked[i..].iter().filter(|at| **at < from + 60_000);
        assert!(within.count() <= 30, "from {from}");
    }

    // Who is cancelled while waiting asks nothing.
    cancel.cancel();
    assert_eq!(pull(&cancel), ErrorCode::Cancelled);
    let pushed = paced.push(&[], &cancel);
    assert!(
        matches!(pushed, Err(PushFailure::Stopped(error)) if error.code() == ErrorCode::Cancelled)
    );
    assert_eq!(peer.1.lock().unwrap().len() as u64, ASKED);
}
