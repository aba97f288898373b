//! Calls of an app's own code on a thread that the vault's calls would wait for: it must be able to
//! harm nobody. While one is under way the vault's calls from its thread are refused, and those from a
//! thread that works for it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static ASKING: Cell<bool> = const { Cell::new(false) };
}

/// Calls; none where it panics.
pub(crate) fn ask<T>(call: impl FnOnce() -> T) -> Option<T> {
    let before = ASKING.replace(true);
    let answer = catch_unwind(AssertUnwindSafe(call));
    ASKING.set(before);
    answer.ok()
}

/// Whether the caller is such code.
pub(crate) fn is_asking() -> bool {
    ASKING.get()
}

/// Makes this thread one that works for such code, or not.
pub(crate) fn set_asking(is_asking: bool) {
    ASKING.set(is_asking);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_known_while_it_lasts_and_may_panic() {
        assert!(!is_asking());
        assert_eq!(ask(is_asking), Some(true));
        assert_eq!(ask(|| ask(is_asking)), Some(Some(true)));
        assert_eq!(ask(|| -> u8 { panic!("an app's fault") }), None);
        assert!(!is_asking());
    }
}
