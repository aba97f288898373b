//! The contract, run by an app on its own device, where no test of ours can look. Makes three fresh
//! aliases, and deletes them whatever happens.

use std::sync::Mutex;

use crate::attempt_contract::check_attempt_copy;
use crate::contract::{ContractReport, Step, StepFailure, check_contract};
use crate::error::KeyStoreError;
use crate::traits::{Alias, Derived, KeyStore, Probe, SecurityLevel};

/// What a self-test found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SelfTest {
    /// How well the store protects what it makes, as far as it can tell; none where it made nothing.
    pub level: Option<SecurityLevel>,
    /// Every step.
    pub report: ContractReport,
}

/// Runs the contract against a store, on three aliases that nobody else knows.
pub fn run_self_test(store: &dyn KeyStore) -> Result<SelfTest, KeyStoreError> {
    let aliases = [fresh_alias()?, fresh_alias()?, fresh_alias()?];
    let watched = Watched {
        store,
        level: Mutex::new(None),
    };
    let mut report = check_contract(&watched, &aliases);
    if let Some(copy) = store.attempt_copy() {
        let [first, second, _] = &aliases;
        let counts = [first.clone(), second.clone()];
        report.steps.extend(check_attempt_copy(copy, &counts));
    }
    report.steps.push(Step {
        name: "nothing is left behind",
        outcome: sweep(store, &aliases),
    });
    let level = watched.level.lock().map_or(None, |level| *level);
    Ok(SelfTest { level, report })
}

// A key store's own randomness: an alias must be nobody else's.
#[allow(clippy::disallowed_methods)]
fn fresh_alias() -> Result<Alias, KeyStoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| KeyStoreError::HardwareFailure)?;
    Ok(Alias::from_random(&bytes))
}

fn sweep(store: &dyn KeyStore, aliases: &[Alias]) -> Result<(), StepFailure> {
    // all of them, also when one cannot be deleted
    let copy = store.attempt_copy();
    let counts = aliases.iter().filter_map(|alias| Some(copy?.remove(alias)));
    let secrets = aliases.iter().map(|alias| store.delete(alias));
    let results: Vec<_> = secrets.chain(counts).collect();
    results.into_iter().collect::<Result<(), _>>()?;
    Ok(())
}

/// Passes every call on, and notes the level of what was made.
struct Watched<'a> {
    store: &'a dyn KeyStore,
    level: Mutex<Option<SecurityLevel>>,
}

impl KeyStore for Watched<'_> {
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        let level = self.store.create(alias)?;
        if let Ok(mut noted) = self.level.lock() {
            *noted = Some(level);
        }
        Ok(level)
    }

    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        self.store.probe(alias)
    }

    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        self.store.derive(alias, input)
    }

    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.store.delete(alias)
    }
}

#[cfg(all(feature = "file", feature = "memory"))]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::FileKeyStore;
    use crate::memory::MemoryKeyStore;

    #[test]
    fn a_good_store_passes_and_nothing_of_it_stays() {
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::open(home.path()).unwrap();
        let kept = Alias::from_random(&[1; 16]);
        store.create(&kept).unwrap();

        let found = run_self_test(&store).unwrap();
        assert!(found.report.is_kept(), "{}", found.report);
        assert_eq!(found.level, Some(SecurityLevel::Unprotected));
        store.probe(&kept).unwrap();
        let names: Vec<_> = std::fs::read_dir(home.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with(Alias::PREFIX))
            .collect();
        assert_eq!(names, [kept.as_str()]);
    }

    /// A store that forgets to delete, the first time.
    struct Forgetful(MemoryKeyStore, Mutex<u32>, Mutex<Vec<Alias>>);

    impl KeyStore for Forgetful {
        fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
            self.2.lock().unwrap().push(alias.clone());
            self.0.create(alias)
        }
        fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
            self.0.probe(alias)
        }
        fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
            self.0.derive(alias, input)
        }
        fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
            let mut calls = self.1.lock().unwrap();
            *calls += 1;
            if *calls <= 3 {
                return Err(KeyStoreError::Transient);
            }
            self.0.delete(alias)
        }
    }

    #[test]
    fn a_store_that_fails_is_told_on_and_still_swept() {
        let store = Forgetful(MemoryKeyStore::new(), Mutex::new(0), Mutex::default());
        let found = run_self_test(&store).unwrap();
        assert!(!found.report.is_kept());
        for alias in store.2.lock().unwrap().iter() {
            assert_eq!(store.0.probe(alias), Err(KeyStoreError::Absent));
        }
    }
}
