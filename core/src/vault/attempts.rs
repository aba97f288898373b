//! Wrong PINs: how they are counted and what delay they cost, decided purely. Reads no clock and no
//! file.
//!
//! A delay is counted on time since boot, which nobody can set. Where the boot is another one, the
//! delay starts again; where the boot cannot be named, less time since boot than at the start shows
//! the same, and more can only mean that at least as much time has passed.

use crate::ports::BootTime;

/// Wrong PINs in a row that cost nothing but themselves.
pub(super) const FREE_ATTEMPTS: u32 = 5;
const FIRST_DELAY_MS: u64 = 30_000;
const LONGEST_DELAY_MS: u64 = 60 * 60 * 1000;

/// What is known of a slot's wrong PINs.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Attempts {
    /// Wrong PINs since the last right one.
    pub failures: u32,
    /// What the last of them cost.
    pub delay: Option<Delay>,
}

/// A delay that has begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Delay {
    pub started: BootTime,
    pub length_ms: u64,
}

/// Whether a PIN may be tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    Now,
    /// After this long.
    After(u64),
    /// After this long, and the delay was started again: this must be written first.
    StartedAgain(u64, Attempts),
}

impl Attempts {
    /// Whether a PIN may be tried now.
    pub fn turn(&self, now: BootTime) -> Turn {
        let Some(delay) = self.delay else {
            return Turn::Now;
        };
        match delay.passed(now) {
            Some(passed) if passed >= delay.length_ms => Turn::Now,
            Some(passed) => Turn::After(delay.length_ms - passed),
            None => {
                let delay = Delay {
                    started: now,
                    ..delay
                };
                let again = Self {
                    delay: Some(delay),
                    ..*self
                };
                Turn::StartedAgain(delay.length_ms, again)
            }
        }
    }

    /// The larger of two that say something of the same slot: neither makes the other smaller.
    pub fn larger(self, other: Self, now: BootTime) -> Self {
        let left = |attempts: Self| match attempts.turn(now) {
            Turn::Now => 0,
            Turn::After(left_ms) | Turn::StartedAgain(left_ms, _) => left_ms,
        };
        let delay = if left(other) > left(self) {
            other.delay
        } else {
            self.delay
        };
        Self {
            failures: self.failures.max(other.failures),
            delay,
        }
    }

    /// With one more wrong PIN, where nothing else vouches for how many there were before: none is
    /// free. The number stays what is known, for a limit on it deletes.
    pub fn with_failure_unvouched(&self, now: BootTime) -> Self {
        let failures = self.failures.saturating_add(1);
        let length_ms = delay_after(failures);
        Self {
            failures,
            delay: Some(Delay {
                started: now,
                length_ms,
            }),
        }
    }

    /// With one more wrong PIN. Written before the PIN is tried: a kill in the middle of a guess
    /// does not make it free.
    pub fn with_failure(&self, now: BootTime) -> Self {
        let failures = self.failures.saturating_add(1);
        let delay = (failures >= FREE_ATTEMPTS).then(|| Delay {
            started: now,
            length_ms: delay_after(failures),
        });
        Self { failures, delay }
    }
}

impl Delay {
    /// What has passed of it; `None` where the device was started again since.
    fn passed(&self, now: BootTime) -> Option<u64> {
        if let (Some(then), Some(now)) = (self.started.boot, now.boot)
            && then != now
        {
            return None;
        }
        now.elapsed_ms.checked_sub(self.started.elapsed_ms)
    }
}

/// 30 s after the fifth wrong PIN, twice as long after each further one, an hour at most.
fn delay_after(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(FREE_ATTEMPTS).min(16);
    (FIRST_DELAY_MS << doublings).min(LONGEST_DELAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(boot: u8, elapsed_ms: u64) -> BootTime {
        BootTime {
            boot: (boot > 0).then_some([boot; 16]),
            elapsed_ms,
        }
    }

    fn failed(times: u32, now: BootTime) -> Attempts {
        (0..times).fold(Attempts::default(), |attempts, _| {
            attempts.with_failure(now)
        })
    }

    #[test]
    fn four_wrong_pins_cost_nothing_and_the_fifth_and_later_cost_ever_more() {
        let now = at(1, 1000);
        for times in 0..5 {
            assert_eq!(failed(times, now).turn(now), Turn::Now);
        }
        let delays: Vec<_> = (5..16).map(|times| failed(times, now).turn(now)).collect();
        let expected = [30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600];
        assert_eq!(delays, expected.map(|seconds| Turn::After(seconds * 1000)));
        assert_eq!(failed(5, now).turn(at(1, 30_999)), Turn::After(1));
        assert_eq!(failed(5, now).turn(at(1, 31_000)), Turn::Now);
        let many = Attempts {
            failures: u32::MAX,
            delay: None,
        };
        assert_eq!(many.with_failure(now).turn(now), Turn::After(3_600_000));
    }

    #[test]
    fn the_larger_has_the_larger_count_and_the_longer_wait_of_either() {
        let now = at(1, 40_000);
        let none = Attempts::default();
        let (old, new) = (failed(5, at(1, 1000)), failed(6, now));
        for (one, other) in [(none, old), (old, none)] {
            assert_eq!(one.larger(other, at(1, 1000)), old);
            assert_eq!(one.larger(other, now).failures, 5);
        }
        assert_eq!(old.larger(new, now), new);
        assert_eq!(new.larger(old, now), new);
        // A delay of another boot starts again, and so is the longer one.
        let restarted = at(2, 10);
        let both = failed(6, restarted).larger(new, restarted);
        assert_eq!(both.turn(restarted), Turn::After(60_000));
        assert_eq!(
            none.larger(new, restarted).turn(restarted),
            new.turn(restarted)
        );
    }

    #[test]
    fn where_nothing_vouches_no_wrong_pin_is_free_and_none_is_invented() {
        let now = at(1, 1000);
        let one = Attempts::default().with_failure_unvouched(now);
        assert_eq!((one.failures, one.turn(now)), (1, Turn::After(30_000)));
        let eight = failed(7, now).with_failure_unvouched(now);
        assert_eq!(eight, failed(8, now));
    }

    #[test]
    fn a_new_boot_starts_the_delay_again() {
        for (then, now) in [
            (at(1, 1000), at(2, 90_000_000)),
            (at(1, 90_000), at(1, 80_000)),
            (at(0, 90_000), at(0, 80_000)),
            (at(0, 90_000), at(2, 80_000)),
        ] {
            let Turn::StartedAgain(30_000, again) = failed(5, then).turn(now) else {
                panic!("not started again");
            };
            assert_eq!(again.turn(now), Turn::After(30_000));
            assert_eq!(again.failures, 5);
        }
    }

    // Without a name for the boot, a delay may be taken for one of the same boot: it is still
    // never shorter than it should be.
    #[test]
    fn a_boot_without_a_name_never_shortens_a_delay() {
        for started in [0_u64, 5_000, 100_000] {
            for since_new_boot in (0..200_000).step_by(777) {
                // The device was started again right after the wrong PIN.
                let really_passed = since_new_boot;
                let turn = failed(5, at(0, started)).turn(at(0, since_new_boot));
                assert!(turn != Turn::Now || really_passed >= 30_000);
            }
        }
    }
}
