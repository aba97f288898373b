//! When every page of an open vault is looked at: while nobody uses it, and not often. Pure; time is
//! the monotonic clock's.

/// The rule's numbers, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IntegrityRule {
    /// Without a call for so long, a look may begin. Any call ends it; it goes on later.
    pub after_ms: u64,
    /// So long after a whole look none is due.
    pub every_ms: u64,
}

impl Default for IntegrityRule {
    /// After half a minute, once a day.
    fn default() -> Self {
        Self {
            after_ms: 30 * 1000,
            every_ms: 24 * 60 * 60 * 1000,
        }
    }
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Look {
    /// Nothing: ask again after so many milliseconds.
    Wait(u64),
    /// Begin, or go on.
    Now,
}

impl IntegrityRule {
    /// What to do, so many milliseconds after the last call and after the last whole look.
    pub const fn decide(self, idle_ms: u64, since_look_ms: Option<u64>, syncing: bool) -> Look {
        let rest = match since_look_ms {
            Some(since) if since < self.every_ms => self.every_ms - since,
            _ => 0,
        };
        let quiet = self.after_ms.saturating_sub(idle_ms);
        let wait = if rest > quiet { rest } else { quiet };
        if wait > 0 {
            Look::Wait(wait)
        } else if syncing {
            Look::Wait(self.after_ms)
        } else {
            Look::Now
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: IntegrityRule = IntegrityRule {
        after_ms: 10,
        every_ms: 100,
    };

    #[test]
    fn every_case() {
        for (idle_ms, since, syncing, expected) in [
            (0, None, false, Look::Wait(10)),
            (9, None, false, Look::Wait(1)),
            (10, None, false, Look::Now),
            (10, None, true, Look::Wait(10)),
            (10, Some(0), false, Look::Wait(100)),
            (0, Some(99), false, Look::Wait(10)),
            (50, Some(99), false, Look::Wait(1)),
            (50, Some(100), false, Look::Now),
            (u64::MAX, Some(u64::MAX), true, Look::Wait(10)),
        ] {
            let look = RULE.decide(idle_ms, since, syncing);
            assert_eq!(look, expected, "{idle_ms} {since:?} {syncing}");
        }
    }
}
