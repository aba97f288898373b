//! Fifty tablets behind one address for a day of virtual time, paced, refused and put off by the code
//! of the product: `Paced`, `Patience`, `spread`. Only the server and the app's timer are made up.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::backoff::{Patience, up_to};
use super::{Budget, Paced, spread};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{OutboxRow, PullReply, PullRequest, PushFailure};
use crate::ports::{ChangeSink, Clock, SyncPeer, Timer};
use crate::test_support::{FakeClock, SeededEntropy};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const TABLETS: usize = 50;
const OPENS: u64 = 8 * HOUR;
const CLOSES: u64 = 18 * HOUR;
/// How often each tablet syncs, and how long a request takes.
const EVERY: u64 = 10 * MINUTE;
const TAKES: u64 = 400;

/// A limit of the cloud: so many calls in any time of this length; refused calls do not count.
struct Limit {
    calls: usize,
    within: u64,
    taken: VecDeque<u64>,
}

impl Limit {
    fn of(calls: usize, within: u64) -> Self {
        Self {
            calls,
            within,
            taken: VecDeque::new(),
        }
    }

    fn syncs() -> Self {
        Self::of(60, MINUTE)
    }

    fn sign_ins() -> Self {
        Self::of(30, 15 * MINUTE)
    }

    fn ask(&mut self, now: u64) -> Result<()> {
        while self.taken.front().is_some_and(|at| at + self.within <= now) {
            self.taken.pop_front();
        }
        if self.taken.len() < self.calls {
            self.taken.push_back(now);
            return Ok(());
        }
        let seconds = (self.taken[0] + self.within - now).div_ceil(SECOND);
        let error = Error::new(ErrorCode::RateLimited, "too many requests");
        Err(error.retry_after_ms(seconds * SECOND))
    }
}

/// The cloud, which a request of either kind is all the same to.
struct Cloud<'a> {
    limit: Mutex<Limit>,
    clock: &'a FakeClock,
}

impl SyncPeer for Cloud<'_> {
    fn pull(
        &self,
        _: &PullRequest,
        _: &mut dyn ChangeSink,
        _: &mut dyn FnMut(u64),
        _: &CancelToken,
    ) -> Result<PullReply> {
        Err(Error::internal("all is pushed here"))
    }

    fn push(&self, _: &[OutboxRow], _: &CancelToken) -> Result<(), PushFailure> {
        let mut limit = self.limit.lock().unwrap();
        let answer = limit.ask(self.clock.monotonic_ms());
        answer.map_err(PushFailure::Stopped)
    }
}

/// Does not wait: tells for how long it should, and ends the call. It is made again when that time has
/// passed, so that fifty tablets can wait on one thread.
#[derive(Default)]
struct Later(Mutex<Option<u64>>);

impl Timer for Later {
    fn wait(&self, duration: Duration, _: &CancelToken) -> Result<()> {
        *self.0.lock().unwrap() = Some(duration.as_millis() as u64);
        Err(Error::new(ErrorCode::Cancelled, "later"))
    }
}

/// A day's circumstances.
#[derive(Clone)]
struct Day {
    /// Everybody comes to work, and switches the tablet on, within so long.
    arrive_within: u64,
    /// The clinic's line is down; when it is back, all tablets notice within a second.
    line_down: Range<u64>,
    /// So many tablets have a backlog from the end of that time on, of so many requests each.
    laden: usize,
    backlog: u32,
    timer: AppTimer,
}

/// From when the app counts the time to its next sync.
#[derive(Clone, Copy)]
enum AppTimer {
    /// The beginning of the last one: it keeps its beat.
    Beat,
    /// Its end, as `sync` asks apps to.
    End,
}

struct TabletLife {
    budget: Arc<Mutex<Budget>>,
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
    most_to_be_refused: u32,
    fewest_syncs: u32,
    longest_gap_s: u64,
    longest_sync_s: u64,
    longest_light_sync_s: u64,
}

/// A day in the clinic. `kept` says whether the budget is kept, or only each refusal obeyed.
fn day(seed: u64, given: &Day, kept: bool) -> Figures {
    let clock = FakeClock::at(0);
    let cloud = Cloud {
        limit: Mutex::new(Limit::syncs()),
        clock: &clock,
    };
    let later = Later::default();
    let mut figures = Figures::default();
    // What was to be sent in each round of syncs.
    let mut rounds = BTreeMap::<u64, u32>::new();
    let mut events = BinaryHeap::new();
    let mut tablets: Vec<_> = (0..TABLETS)
        .map(|i| {
            let entropy = SeededEntropy::new(seed * 1_000 + i as u64);
            let start = OPENS + up_to(given.arrive_within, &entropy).unwrap();
            events.push(Reverse((start, i, true)));
            TabletLife {
                budget: Arc::default(),
                entropy,
                requests: 0,
                backlog: if i < given.laden { given.backlog } else { 0 },
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
        clock.advance(now - clock.monotonic_ms());
        let tablet = &mut tablets[i];
        if now >= CLOSES {
            continue;
        }
        if begins {
            if given.line_down.contains(&now) {
                let back = given.line_down.end + up_to(SECOND, &tablet.entropy).unwrap();
                events.push(Reverse((back, i, true)));
                continue;
            }
            tablet.began = now;
            tablet.patience = Patience::default();
            // A pull, and what was written since: more after the line was down.
            let after = given.line_down.end..given.line_down.end + MINUTE;
            let more = if !given.line_down.is_empty() && after.contains(&now) {
                4
            } else {
                2
            };
            tablet.backlog += tablet.requests;
            tablet.requests = 1 + up_to(more, &tablet.entropy).unwrap() as u32;
            if now >= given.line_down.end {
                // What was acknowledged before a sync gave up needs not be sent again.
                tablet.requests += std::mem::take(&mut tablet.backlog);
            }
            *rounds.entry((now - OPENS) / EVERY).or_default() += tablet.requests;
        }
        let paced = Paced {
            peer: &cloud,
            budget: &tablet.budget,
            clock: &clock,
            timer: &later,
        };
        let asked: &dyn SyncPeer = if kept { &paced } else { &cloud };
        let answer = asked.push(&[], &CancelToken::new());
        if let Some(wait) = later.0.lock().unwrap().take() {
            events.push(Reverse((now + wait, i, false)));
            continue;
        }
        let next = match answer {
            Ok(()) => {
                figures.taken += 1;
                tablet.requests -= 1;
                tablet.patience.renew();
                (tablet.requests > 0).then_some(now + TAKES)
            }
            Err(PushFailure::Stopped(error)) => {
                figures.refused += 1;
                let pause = tablet.patience.after(&error, &tablet.entropy).unwrap();
                tablet.failed += u32::from(pause.is_none());
                pause.map(|pause| now + TAKES + pause.as_millis() as u64)
            }
            Err(other) => panic!("{other:?}"),
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
        let from = match given.timer {
            AppTimer::Beat => tablet.began.max(now - EVERY),
            AppTimer::End => now,
        };
        events.push(Reverse((from + EVERY, i, true)));
    }
    for (i, tablet) in tablets.iter().enumerate() {
        if i >= given.laden {
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
    // What 50 tablets have to send in a round takes so many full minutes beyond the first. A tablet is
    // refused once in each: it is told when there is room again, and then comes a little later.
    figures.most_to_be_refused = rounds
        .values()
        .map(|requests| (requests.div_ceil(60) - 1) * TABLETS as u32)
        .sum();
    figures
}

/// A day with an outage, after which all ask in one second.
const fn broken_day(timer: AppTimer) -> Day {
    Day {
        arrive_within: 3 * MINUTE,
        line_down: 12 * HOUR..12 * HOUR + 40 * MINUTE,
        laden: 3,
        backlog: 150,
        timer,
    }
}

/// Whose timer counts from the end of a sync is put off by what a refusal took: all spread, and stay spread.
#[test]
fn fifty_tablets_that_count_from_the_end_stay_under_the_limit() {
    for seed in 1..=5 {
        let kept = day(seed, &broken_day(AppTimer::End), true);
        println!("seed {seed}: {kept:?}");
        assert_eq!(kept.failed, 0, "seed {seed}: {kept:?}");
        // In the round after the outage each has to wait for two minutes to pass, or for three.
        assert!(kept.refused <= 3 * TABLETS as u32, "seed {seed}: {kept:?}");
        let per_day = ((CLOSES - OPENS) / EVERY) as u32;
        assert!(kept.fewest_syncs + 6 >= per_day, "seed {seed}: {kept:?}");
        assert!(kept.longest_sync_s <= 15 * 60, "seed {seed}: {kept:?}");
        assert!(kept.longest_light_sync_s <= 4 * 60, "seed {seed}: {kept:?}");
    }
}

#[test]
fn of_fifty_tablets_behind_one_address_none_starves() {
    let given = broken_day(AppTimer::Beat);
    let per_day = ((CLOSES - OPENS) / EVERY) as u32;
    for seed in 1..=5 {
        let (bare, kept) = (day(seed, &given, false), day(seed, &given, true));
        println!("seed {seed}: refusals obeyed  {bare:?}");
        println!("seed {seed}: with the budget  {kept:?}");
        // 40 minutes of the day there is no line, which are four syncs.
        assert!(kept.fewest_syncs + 6 >= per_day, "seed {seed}: {kept:?}");
        assert_eq!(kept.failed, 0, "seed {seed}: a sync gave up: {kept:?}");
        // The line's own 40 minutes, the time between two syncs, and one sync.
        let line = given.line_down.end - given.line_down.start;
        let most = (line + EVERY) / SECOND + kept.longest_sync_s;
        assert!(kept.longest_gap_s <= most, "seed {seed}: {kept:?}");
        // A backlog takes its time, and does not make the others wait for it.
        assert!(kept.longest_sync_s <= 15 * 60, "seed {seed}: {kept:?}");
        assert!(kept.longest_light_sync_s <= 4 * 60, "seed {seed}: {kept:?}");
        // All fifty keep the rhythm in which the line came back, to the second: no budget of one
        // device prevents that they are refused, and what they do about it keeps that small.
        assert!(
            kept.refused <= kept.most_to_be_refused,
            "seed {seed}: {kept:?}"
        );
    }
}

/// One comes back with a week's work on an ordinary afternoon. The others ask about 10 times a minute, and
/// this one 20 times with the budget: that is half of the limit, and hardly a call is refused. Without the
/// budget it takes all 60, at the cost of the others.
#[test]
fn one_with_a_backlog_leaves_room_for_the_others() {
    let given = Day {
        arrive_within: EVERY,
        line_down: 15 * HOUR..15 * HOUR,
        laden: 1,
        backlog: 1_000,
        timer: AppTimer::Beat,
    };
    for seed in 1..=5 {
        let (bare, kept) = (day(seed, &given, false), day(seed, &given, true));
        println!("seed {seed}: refusals obeyed  {bare:?}");
        println!("seed {seed}: with the budget  {kept:?}");
        assert!(kept.refused * 1_000 <= kept.taken, "seed {seed}: {kept:?}");
        assert!(bare.refused >= 100, "seed {seed}: {bare:?}");
        assert_eq!(kept.failed, 0, "seed {seed}: {kept:?}");
        // Nobody else notices.
        assert!(kept.longest_light_sync_s <= 10, "seed {seed}: {kept:?}");
        assert!(kept.longest_light_sync_s < bare.longest_light_sync_s);
        // 1,000 requests at 20 a minute; then it has what it missed.
        assert!(kept.longest_sync_s <= 52 * 60, "seed {seed}: {kept:?}");
        let most = EVERY / SECOND + kept.longest_sync_s;
        assert!(kept.longest_gap_s <= most, "seed {seed}: {kept:?}");
    }
}

/// A morning's sign-ins: how many were refused, the most of one person, and when the last was in.
/// `put_off` says whether a refusal's time is spread, as a vault does, or kept to the second.
fn morning(seed: u64, within: u64, put_off: bool) -> (u32, u32, u64) {
    let mut limit = Limit::sign_ins();
    let mut refused = [0; TABLETS];
    let mut last = 0;
    let people: Vec<_> = (0..TABLETS as u64)
        .map(|i| SeededEntropy::new(seed * 1_000 + i))
        .collect();
    let mut events: BinaryHeap<_> = (0..TABLETS)
        .map(|i| Reverse((up_to(within, &people[i]).unwrap(), i)))
        .collect();
    while let Some(Reverse((now, i))) = events.pop() {
        let Err(error) = limit.ask(now) else {
            last = now;
            continue;
        };
        refused[i] += 1;
        let error = match put_off {
            true => spread(error, &people[i]),
            false => error,
        };
        events.push(Reverse((now + TAKES + error.retry_after().unwrap(), i)));
    }
    (
        refused.iter().sum(),
        refused.into_iter().max().unwrap(),
        last,
    )
}

/// Of fifty people twenty have to wait for the second quarter of an hour, and nobody for a third.
#[test]
fn fifty_people_sign_in_within_half_an_hour() {
    const QUARTER: u64 = 15 * MINUTE;
    const TOO_MANY: u32 = TABLETS as u32 - 30;
    for (case, within) in [
        ("within three minutes", 3 * MINUTE),
        ("within ten minutes", 10 * MINUTE),
        ("the power is back at once", SECOND),
    ] {
        for seed in 1..=5 {
            let exact = morning(seed, within, false);
            let (refused, most, last) = morning(seed, within, true);
            println!(
                "{case}, seed {seed}: {refused} refused, at most {most} of one person, the last in after {} s; to the second {exact:?}",
                last / SECOND
            );
            // Room is made at the pace at which it was taken, a quarter of an hour later, and nobody is
            // put off by more than a minute.
            assert!(last <= QUARTER + within + MINUTE + SECOND, "{case} {seed}");
            // Each who is too many is refused once. Who comes back before there is room is refused
            // again, and is put off by half a minute in the mean, for as long as room is being made:
            // what was left of `within` when the thirtieth was in.
            let again = (within / (30 * SECOND)) as u32;
            assert!(most <= 1 + again, "{case} {seed}: {most}");
            assert!(
                refused <= TOO_MANY * (1 + again / 2),
                "{case} {seed}: {refused}"
            );
            // To the second, all come back for each single place.
            if within > SECOND {
                assert!(refused * 2 <= exact.0, "{case} {seed}: {refused} {exact:?}");
            }
        }
    }
}
