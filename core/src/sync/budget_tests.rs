//! The budget by itself, and fifty tablets behind one address for a day of virtual time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::*;
use crate::error::{Error, ErrorCode};
use crate::sync::backoff::{Patience, up_to};
use crate::test_support::SeededEntropy;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const TABLETS: usize = 50;
const OPENS: u64 = 8 * HOUR;
const CLOSES: u64 = 18 * HOUR;
/// The clinic's line is down; when it is back, all tablets notice within a second.
const LINE_DOWN: std::ops::Range<u64> = 12 * HOUR..12 * HOUR + 40 * MINUTE;
/// So many tablets come back with a backlog, in so many requests each.
const LADEN: usize = 3;
const BACKLOG: u32 = 150;
/// How often each tablet syncs, and how long a request takes.
const EVERY: u64 = 10 * MINUTE;
const TAKES: u64 = 400;

/// The cloud's rule: 60 calls in any minute, refused calls do not count.
#[derive(Default)]
struct Limit(VecDeque<u64>);

impl Limit {
    const CALLS: usize = 60;

    fn ask(&mut self, now: u64) -> Result<(), Error> {
        while self.0.front().is_some_and(|at| at + MINUTE <= now) {
            self.0.pop_front();
        }
        if self.0.len() < Self::CALLS {
            self.0.push_back(now);
            return Ok(());
        }
        let seconds = (self.0[0] + MINUTE - now).div_ceil(SECOND);
        let error = Error::new(ErrorCode::RateLimited, "too many requests");
        Err(error.retry_after_ms(seconds * SECOND))
    }
}

struct TabletLife {
    budget: Budget,
    entropy: SeededEntropy,
    /// The sync that is under way: what is left to send, and patience.
    requests: u32,
    backlog: u32,
    patience: Patience,
    began: u64,
    last_success: u64,
    longest_gap: u64,
    longest_sync: u64,
    done: u32,
    failed: u32,
}

#[derive(Default, Debug)]
struct Figures {
    syncs: u32,
    failed: u32,
    taken: u32,
    refused: u32,
    fewest_syncs: u32,
    longest_gap_s: u64,
    longest_sync_s: u64,
    longest_light_sync_s: u64,
}

/// A day in the clinic. `kept` says whether the budget is kept, or only each refusal obeyed.
fn day(seed: u64, kept: bool) -> Figures {
    let mut limit = Limit::default();
    let mut figures = Figures::default();
    let mut events = BinaryHeap::new();
    let mut tablets: Vec<_> = (0..TABLETS)
        .map(|i| {
            let entropy = SeededEntropy::new(seed * 1_000 + i as u64);
            // Everybody comes to work, and switches the tablet on, within a few minutes.
            let start = OPENS + up_to(3 * MINUTE, &entropy).unwrap();
            events.push(Reverse((start, i, true)));
            TabletLife {
                budget: Budget::default(),
                entropy,
                requests: 0,
                backlog: if i < LADEN { BACKLOG } else { 0 },
                patience: Patience::default(),
                began: start,
                last_success: start,
                longest_gap: 0,
                longest_sync: 0,
                done: 0,
                failed: 0,
            }
        })
        .collect();
    while let Some(Reverse((now, i, begins))) = events.pop() {
        let tablet = &mut tablets[i];
        if now >= CLOSES {
            continue;
        }
        if begins {
            if LINE_DOWN.contains(&now) {
                let back = LINE_DOWN.end + up_to(SECOND, &tablet.entropy).unwrap();
                events.push(Reverse((back, i, true)));
                continue;
            }
            tablet.began = now;
            tablet.patience = Patience::default();
            // A pull, and what was written since: more after the line was down.
            let after = LINE_DOWN.end..LINE_DOWN.end + MINUTE;
            let more = if after.contains(&now) { 4 } else { 2 };
            tablet.backlog += tablet.requests;
            tablet.requests = 1 + up_to(more, &tablet.entropy).unwrap() as u32;
            if now >= LINE_DOWN.end {
                // What was acknowledged before a sync gave up needs not be sent again.
                tablet.requests += std::mem::take(&mut tablet.backlog);
            }
        }
        let wait = if kept { tablet.budget.wait_ms(now) } else { 0 };
        if wait > 0 {
            events.push(Reverse((now + wait, i, false)));
            continue;
        }
        let answer = limit.ask(now);
        tablet.budget.spend(now);
        let next = match answer {
            Ok(()) => {
                figures.taken += 1;
                tablet.requests -= 1;
                tablet.patience.renew();
                (tablet.requests > 0).then_some(now + TAKES)
            }
            Err(error) => {
                figures.refused += 1;
                let pause = tablet
                    .patience
                    .after_rate_limit(&error, &tablet.entropy)
                    .unwrap();
                match pause {
                    Some(pause) => Some(now + TAKES + pause.as_millis() as u64),
                    None => {
                        tablet.failed += 1;
                        None
                    }
                }
            }
        };
        if let Some(at) = next {
            events.push(Reverse((at, i, false)));
            continue;
        }
        if tablet.requests == 0 {
            tablet.done += 1;
            tablet.longest_gap = tablet.longest_gap.max(now - tablet.last_success);
            tablet.longest_sync = tablet.longest_sync.max(now - tablet.began);
            tablet.last_success = now;
        }
        events.push(Reverse((tablet.began.max(now - EVERY) + EVERY, i, true)));
    }
    for (i, tablet) in tablets.iter().enumerate() {
        if i >= LADEN {
            let light = tablet.longest_sync / SECOND;
            figures.longest_light_sync_s = figures.longest_light_sync_s.max(light);
        }
        figures.syncs += tablet.done;
        figures.failed += tablet.failed;
        let gap = tablet.longest_gap.max(CLOSES - tablet.last_success);
        figures.longest_gap_s = figures.longest_gap_s.max(gap / SECOND);
        figures.longest_sync_s = figures.longest_sync_s.max(tablet.longest_sync / SECOND);
    }
    figures.fewest_syncs = tablets.iter().map(|tablet| tablet.done).min().unwrap();
    figures
}

#[test]
fn of_fifty_tablets_behind_one_address_none_starves() {
    let per_day = ((CLOSES - OPENS) / EVERY) as u32;
    for seed in 1..=5 {
        let (bare, kept) = (day(seed, false), day(seed, true));
        println!("seed {seed}: refusals obeyed  {bare:?}");
        println!("seed {seed}: with the budget  {kept:?}");
        // 40 minutes of the day there is no line, which are four syncs.
        assert!(kept.fewest_syncs + 6 >= per_day, "seed {seed}: {kept:?}");
        assert_eq!(kept.failed, 0, "seed {seed}: a sync gave up: {kept:?}");
        // The line's own 40 minutes, the time between two syncs, and one sync.
        let most = (LINE_DOWN.end - LINE_DOWN.start + EVERY) / SECOND + kept.longest_sync_s;
        assert!(kept.longest_gap_s <= most, "seed {seed}: {kept:?}");
        // A backlog takes its time, and does not make the others wait for it.
        assert!(kept.longest_sync_s <= 15 * 60, "seed {seed}: {kept:?}");
        assert!(kept.longest_light_sync_s <= 4 * 60, "seed {seed}: {kept:?}");
    }
}

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
