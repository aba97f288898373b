//! The checks that every place for copies of the counts of wrong PINs must pass. Changes nothing but
//! the two aliases that it is given, and leaves nothing behind.

use crate::contract::{Step, StepFailure};
use crate::error::KeyStoreError;
use crate::traits::{Alias, AttemptCopy};

/// Runs every step, under two fresh aliases. Each step goes on from the one before.
pub fn check_attempt_copy(copy: &dyn AttemptCopy, aliases: &[Alias; 2]) -> Vec<Step> {
    let [first, second] = aliases;
    let mut steps = Vec::new();
    let mut step = |name, done: Result<(), KeyStoreError>, expected: [Option<&[u8]>; 2]| {
        let outcome = done.map_err(Into::into).and_then(|()| {
            holds(copy, first, expected[0])?;
            holds(copy, second, expected[1])
        });
        steps.push(Step { name, outcome });
    };
    let (one, two): (&[u8], &[u8]) = (b"one", b"two, and longer");
    step("a fresh alias has no count", Ok(()), [None, None]);
    let written = copy.write(first, one);
    step("a count is written", written, [Some(one), None]);
    let written = copy.write(first, two);
    step("a count is replaced", written, [Some(two), None]);
    let written = copy.write(second, one);
    step("a second count is apart", written, [Some(two), Some(one)]);
    let removed = copy.remove(first);
    step("a count is removed alone", removed, [None, Some(one)]);
    let removed = copy.remove(first).and_then(|()| copy.remove(second));
    step("a removal can be repeated", removed, [None, None]);
    steps
}

fn holds(
    copy: &dyn AttemptCopy,
    alias: &Alias,
    expected: Option<&[u8]>,
) -> Result<(), StepFailure> {
    if copy.read(alias)?.as_deref() == expected {
        Ok(())
    } else {
        Err(StepFailure::Broken("another count is there"))
    }
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use super::*;
    use crate::memory::MemoryAttemptCopy;

    fn broken(copy: &dyn AttemptCopy) -> Vec<&'static str> {
        let aliases = [1, 2].map(|n| Alias::from_random(&[n; 16]));
        check_attempt_copy(copy, &aliases)
            .into_iter()
            .filter(|step| step.outcome.is_err())
            .map(|step| step.name)
            .collect()
    }

    #[test]
    fn the_memory_copy_keeps_the_contract() {
        assert!(broken(&MemoryAttemptCopy::default()).is_empty());
    }

    /// Adds like a keychain, but never replaces.
    #[derive(Default)]
    struct AddsAlone(MemoryAttemptCopy);

    impl AttemptCopy for AddsAlone {
        fn read(&self, alias: &Alias) -> Result<Option<Vec<u8>>, KeyStoreError> {
            self.0.read(alias)
        }
        fn write(&self, alias: &Alias, bytes: &[u8]) -> Result<(), KeyStoreError> {
            match self.0.read(alias)? {
                Some(_) => Err(KeyStoreError::HardwareFailure),
                None => self.0.write(alias, bytes),
            }
        }
        fn remove(&self, alias: &Alias) -> Result<(), KeyStoreError> {
            self.0.remove(alias)
        }
    }

    #[test]
    fn a_copy_that_is_never_replaced_breaks_it() {
        let expected = ["a count is replaced", "a second count is apart"];
        assert_eq!(broken(&AddsAlone::default()), expected);
    }
}
