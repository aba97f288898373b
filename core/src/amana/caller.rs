//! Who makes a call that goes on on another thread: a conflict rule and a sync's listener are known by
//! their thread, and would wait there for their own end.

use super::sync_run;
use crate::asking;

/// What is known of the thread that makes a call, for the thread that carries it out.
///
/// Whoever moves a vault's blocking call to another thread and waits for it takes this along; without
/// it, a rule or a listener that locks the vault would not be refused as `busy`, but hang for ever.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    is_rule: bool,
    is_listener: bool,
}

impl Caller {
    /// The calling thread.
    #[must_use]
    pub fn current() -> Self {
        Self {
            is_rule: asking::is_asking(),
            is_listener: sync_run::is_sync_thread(),
        }
    }

    /// From here on this thread calls for the caller. For a thread that ends with the call.
    pub fn adopt(self) {
        asking::set_asking(self.is_rule);
        sync_run::set_sync_thread(self.is_listener);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amana::{refuse_listener, refuse_rule};
    use crate::error::{ErrorCode, Result};

    /// What a thread of its own hears that works for this one.
    fn offloaded(call: fn() -> Result<()>) -> Option<ErrorCode> {
        let caller = Caller::current();
        let thread = std::thread::spawn(move || {
            caller.adopt();
            call()
        });
        thread.join().unwrap().err().map(|error| error.code())
    }

    #[test]
    fn a_rule_and_a_listener_are_known_on_the_thread_that_works_for_them() {
        let both = || (offloaded(refuse_rule), offloaded(refuse_listener));
        assert_eq!(both(), (None, None));
        let busy = Some(ErrorCode::Busy);
        assert_eq!(asking::ask(both), Some((busy, busy)));
        let listener = std::thread::spawn(move || {
            sync_run::set_sync_thread(true);
            both()
        });
        assert_eq!(listener.join().unwrap(), (None, busy));
        assert_eq!(both(), (None, None));
    }
}
