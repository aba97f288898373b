//! The idle lock: a vault that nobody uses locks itself. Pure; time is the monotonic clock's, which
//! nobody can set back.

/// What the idle lock does now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Idle {
    /// In use: look again after so many milliseconds.
    Wait(u64),
    /// Nobody used it for long enough: no call is let in any more. While a sync holds its lease the
    /// database stays open for it alone.
    LockSession,
    /// The same, and nobody needs the database: close it.
    Close,
}

/// The rule's numbers, in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdleRule {
    /// Without a call for so long, the vault locks.
    pub after_ms: u64,
    /// A sync that runs keeps the database open for so long after that, and no longer.
    pub lease_ms: u64,
}

impl Default for IdleRule {
    /// Five minutes, and ten more for a sync that is running.
    fn default() -> Self {
        Self {
            after_ms: 5 * 60 * 1000,
            lease_ms: 10 * 60 * 1000,
        }
    }
}

impl IdleRule {
    /// What to do, so many milliseconds after the last call.
    pub const fn decide(self, idle_ms: u64, syncing: bool) -> Idle {
        if idle_ms < self.after_ms {
            return Idle::Wait(self.after_ms - idle_ms);
        }
        if syncing && idle_ms < self.after_ms.saturating_add(self.lease_ms) {
            Idle::LockSession
        } else {
            Idle::Close
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: IdleRule = IdleRule {
        after_ms: 100,
        lease_ms: 50,
    };

    #[test]
    fn every_case() {
        for (idle_ms, syncing, expected) in [
            (0, false, Idle::Wait(100)),
            (99, true, Idle::Wait(1)),
            (100, false, Idle::Close),
            (100, true, Idle::LockSession),
            (149, true, Idle::LockSession),
            (150, true, Idle::Close),
            (u64::MAX, true, Idle::Close),
        ] {
            assert_eq!(
                RULE.decide(idle_ms, syncing),
                expected,
                "{idle_ms} {syncing}"
            );
        }
    }
}
