//! The checks that every key store must pass. Owns no store; changes nothing but aliases of its own.
//!
//! A report instead of assertions: the same code runs in a test on a host and in a debug build on a
//! phone, where nobody catches a panic. No step can show a secret or a derived byte.

use std::fmt;

use crate::error::KeyStoreError;
use crate::traits::{Alias, Derived, KeyStore};

/// Why a step failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepFailure {
    /// The store answered, but not as the contract says.
    Broken(&'static str),
    /// The store did not answer.
    Store(KeyStoreError),
}

/// One step of the contract and how it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// What the step checks.
    pub name: &'static str,
    /// How it went.
    pub outcome: Result<(), StepFailure>,
}

/// All steps, in the order in which they ran.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ContractReport {
    /// The steps.
    pub steps: Vec<Step>,
}

impl ContractReport {
    /// Whether every step passed.
    pub fn is_kept(&self) -> bool {
        self.steps.iter().all(|step| step.outcome.is_ok())
    }
}

impl fmt::Display for ContractReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step.outcome {
                Ok(()) => writeln!(f, "ok      {}", step.name)?,
                Err(StepFailure::Broken(what)) => writeln!(f, "BROKEN  {}: {what}", step.name)?,
                Err(StepFailure::Store(error)) => writeln!(f, "FAILED  {}: {error}", step.name)?,
            }
        }
        Ok(())
    }
}

type Outcome = Result<(), StepFailure>;

impl From<KeyStoreError> for StepFailure {
    fn from(error: KeyStoreError) -> Self {
        Self::Store(error)
    }
}

/// Runs every step against a store and leaves nothing behind. The aliases must be fresh: the steps
/// create secrets under the first two and delete them, and expect the third never to exist.
pub fn check_contract(store: &dyn KeyStore, aliases: &[Alias; 3]) -> ContractReport {
    let [first, second, never] = aliases;
    let input = [0x11; 32];
    let other_input = [0x12; 32];
    let mut steps = Vec::new();
    let mut step = |name, outcome| steps.push(Step { name, outcome });

    step("a fresh alias is absent", absent(store, first));
    step("create makes a secret", create(store, first));
    step(
        "probe finds it",
        store.probe(first).map(|_| ()).map_err(Into::into),
    );
    step(
        "derive gives the same for the same input",
        repeats(store, first, &input),
    );
    step(
        "derive gives something else for another input",
        differs((store, first, &input), (store, first, &other_input)),
    );
    step(
        "create on a taken alias fails and keeps the secret",
        taken(store, first, &input),
    );
    step("create makes a second secret", create(store, second));
    step(
        "another alias derives something else",
        differs((store, first, &input), (store, second, &input)),
    );
    step(
        "derive never creates",
        derive_creates_nothing(store, never, &input),
    );
    step("delete removes", delete(store, first));
    step(
        "delete of what is not there is no error",
        delete(store, first),
    );
    step("the other secret stays", repeats(store, second, &input));
    step("delete removes the second secret", delete(store, second));
    ContractReport { steps }
}

fn absent(store: &dyn KeyStore, alias: &Alias) -> Outcome {
    match store.probe(alias) {
        Err(KeyStoreError::Absent) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(StepFailure::Broken("the store says that there is a secret")),
    }
}

fn create(store: &dyn KeyStore, alias: &Alias) -> Outcome {
    store.create(alias).map(|_| ()).map_err(Into::into)
}

fn repeats(store: &dyn KeyStore, alias: &Alias, input: &[u8; 32]) -> Outcome {
    let one = store.derive(alias, input)?;
    let two = store.derive(alias, input)?;
    if one.expose() != two.expose() {
        return Err(StepFailure::Broken("two derivations differ"));
    }
    if one.expose() == &[0; 32] || one.expose() == input {
        return Err(StepFailure::Broken("the bytes are not derived"));
    }
    Ok(())
}

type Call<'a> = (&'a dyn KeyStore, &'a Alias, &'a [u8; 32]);

fn differs(one: Call<'_>, two: Call<'_>) -> Outcome {
    let derive = |(store, alias, input): Call<'_>| -> Result<Derived, KeyStoreError> {
        store.derive(alias, input)
    };
    if derive(one)?.expose() == derive(two)?.expose() {
        return Err(StepFailure::Broken("the derived bytes are the same"));
    }
    Ok(())
}

fn taken(store: &dyn KeyStore, alias: &Alias, input: &[u8; 32]) -> Outcome {
    let before = store.derive(alias, input)?;
    match store.create(alias) {
        Err(KeyStoreError::HardwareFailure) => {}
        Err(error) => return Err(error.into()),
        Ok(_) => return Err(StepFailure::Broken("a taken alias was created again")),
    }
    if before.expose() != store.derive(alias, input)?.expose() {
        return Err(StepFailure::Broken("the secret was replaced"));
    }
    Ok(())
}

fn derive_creates_nothing(store: &dyn KeyStore, alias: &Alias, input: &[u8; 32]) -> Outcome {
    match store.derive(alias, input) {
        Err(KeyStoreError::Absent) => absent(store, alias),
        Err(error) => Err(error.into()),
        Ok(_) => Err(StepFailure::Broken(
            "derived from a secret that was never made",
        )),
    }
}

fn delete(store: &dyn KeyStore, alias: &Alias) -> Outcome {
    store.delete(alias)?;
    absent(store, alias)
}

#[cfg(all(test, feature = "memory"))]
mod tests {
    use super::*;
    use crate::memory::MemoryKeyStore;
    use crate::traits::{Probe, SecurityLevel};

    fn aliases() -> [Alias; 3] {
        [1, 2, 3].map(|n| Alias::from_random(&[n; 16]))
    }

    #[test]
    fn the_memory_store_keeps_the_contract() {
        let report = check_contract(&MemoryKeyStore::new(), &aliases());
        assert!(report.is_kept(), "{report}");
    }

    /// Does what broken stores were seen to do: makes a new secret whenever none is found.
    struct Regenerating(MemoryKeyStore);

    impl KeyStore for Regenerating {
        fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
            self.0.delete(alias)?;
            self.0.create(alias)
        }
        fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
            self.0.probe(alias)
        }
        fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
            if self.0.probe(alias).is_err() {
                self.0.create(alias)?;
            }
            self.0.derive(alias, input)
        }
        fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
            self.0.delete(alias)
        }
    }

    #[test]
    fn a_regenerating_store_breaks_it() {
        let report = check_contract(&Regenerating(MemoryKeyStore::new()), &aliases());
        let broken: Vec<&str> = report
            .steps
            .iter()
            .filter(|step| step.outcome.is_err())
            .map(|step| step.name)
            .collect();
        assert_eq!(
            broken,
            [
                "create on a taken alias fails and keeps the secret",
                "derive never creates"
            ]
        );
    }
}
