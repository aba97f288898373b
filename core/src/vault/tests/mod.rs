//! The opening as a whole: real files and a scripted key store.

mod attempt_copy;
mod clinic;
mod damage;
mod first_run;
mod key_store;
mod life;
mod lives;
mod persons;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use amana_keystore::{Alias, Derived, Probe, SecurityLevel};

use super::keyring::{self, Copies, Keyring, KeyringCopy};
use super::*;
use crate::cancel::CancelToken;
use crate::error::{ErrorCode, Result};
use crate::ports::{KeyStore, KeyStoreError};
use crate::test_support::{FakeClock, InstantTimer, MemoryKeyStore, SeededEntropy};

/// A memory key store that counts calls and fails them as told.
#[derive(Default)]
struct Scripted {
    inner: MemoryKeyStore,
    calls: Mutex<Vec<&'static str>>,
    failures: Mutex<VecDeque<KeyStoreError>>,
    /// Fails, but does what it was asked first: what a time limit looks like.
    acts_although_it_fails: bool,
}

impl Scripted {
    fn failing(&self, failures: &[KeyStoreError]) -> &Self {
        self.failures.lock().unwrap().extend(failures);
        self
    }

    fn calls(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn call<T>(
        &self,
        name: &'static str,
        act: impl FnOnce() -> Result<T, KeyStoreError>,
    ) -> Result<T, KeyStoreError> {
        self.calls.lock().unwrap().push(name);
        match self.failures.lock().unwrap().pop_front() {
            Some(error) => {
                if self.acts_although_it_fails {
                    act()?;
                }
                Err(error)
            }
            None => act(),
        }
    }
}

impl KeyStore for Scripted {
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        self.call("create", || self.inner.create(alias))
    }
    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        self.call("probe", || self.inner.probe(alias))
    }
    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        self.call("derive", || self.inner.derive(alias, input))
    }
    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.call("delete", || self.inner.delete(alias))
    }
}

struct Place {
    home: tempfile::TempDir,
    store: Scripted,
    timer: InstantTimer,
    entropy: SeededEntropy,
    clock: FakeClock,
}

impl Place {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            store: Scripted::default(),
            timer: InstantTimer::default(),
            entropy: SeededEntropy::new(7),
            clock: FakeClock::at(1_000_000),
        }
    }

    /// With a vault that has been made, finished and closed.
    fn with_vault() -> (Self, [u8; 32]) {
        let place = Self::new();
        let key = place.make();
        place.store.calls();
        (place, key)
    }

    fn make(&self) -> [u8; 32] {
        let mut opened = self.open().unwrap();
        assert!(opened.first_run);
        fs::write(self.database(), b"a database").unwrap();
        finish_creation(self.path(), &mut opened.keys).unwrap();
        *opened.keys.database.expose()
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn database(&self) -> PathBuf {
        database_path(self.path())
    }

    fn copy(&self, index: usize) -> PathBuf {
        keyring::path(self.path(), index)
    }

    fn open(&self) -> Result<Opened> {
        self.open_with(&CancelToken::new())
    }

    fn open_with(&self, cancel: &CancelToken) -> Result<Opened> {
        let database = self.database();
        let io = VaultIo {
            cancel,
            ..self.io(&database)
        };
        open(&io, &Way::Device, Some(&NewVault::DEVICE)).map_err(Into::into)
    }

    fn io<'a>(&'a self, database_file: &'a Path) -> VaultIo<'a> {
        static NEVER: std::sync::LazyLock<CancelToken> = std::sync::LazyLock::new(CancelToken::new);
        VaultIo {
            directory: self.path(),
            database_file,
            key_store: &self.store,
            clock: &self.clock,
            entropy: &self.entropy,
            timer: &self.timer,
            cancel: &NEVER,
        }
    }

    fn code(&self) -> ErrorCode {
        self.open().unwrap_err().code()
    }

    fn opens_with(&self, key: &[u8; 32]) {
        let opened = self.open().unwrap();
        assert!(!opened.first_run);
        assert_eq!(opened.keys.database.expose(), key);
    }

    /// Everything in the directory, to show that a refusal changes nothing.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files: Vec<_> = fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    /// Refused with this code, nothing written, nothing made or deleted in the key store.
    fn refuses(&self, code: ErrorCode) {
        let before = self.files();
        self.store.calls();
        assert_eq!(self.code(), code);
        assert_eq!(self.files(), before);
        assert!(
            !self
                .store
                .calls()
                .iter()
                .any(|call| ["create", "delete"].contains(call))
        );
    }
}

#[test]
fn a_vault_is_made_once_and_opens_again_with_one_key_store_call() {
    let (place, key) = Place::with_vault();
    for _ in 0..3 {
        place.opens_with(&key);
        assert_eq!(place.store.calls(), ["derive"]);
    }
    assert!(place.timer.waits().is_empty());
    assert_eq!(
        fs::read(place.copy(0)).unwrap(),
        fs::read(place.copy(1)).unwrap()
    );
}

#[test]
fn two_vaults_share_nothing() {
    let one = Place::new();
    let two = Place {
        entropy: SeededEntropy::new(8),
        ..Place::new()
    };
    let (first, second) = (one.open().unwrap().keys, two.open().unwrap().keys);
    assert_ne!(first.vault_id, second.vault_id);
    assert_ne!(first.database.expose(), second.database.expose());
}

#[test]
fn without_randomness_no_vault_is_made() {
    struct Nothing;
    impl crate::ports::Entropy for Nothing {
        fn fill(&self, _: &mut [u8]) -> Result<()> {
            Err(crate::error::Error::internal("none"))
        }
    }
    let place = Place::new();
    let database = place.database();
    let io = VaultIo {
        entropy: &Nothing,
        ..place.io(&database)
    };
    let refusal = open(&io, &Way::Device, Some(&NewVault::DEVICE)).unwrap_err();
    assert_eq!(refusal.error.code(), ErrorCode::Internal);
    assert!(place.files().is_empty() && place.store.calls().is_empty());
}

#[cfg(feature = "host-keystore")]
#[test]
fn a_vault_opens_again_with_the_key_store_of_a_development_host() {
    use amana_keystore::FileKeyStore;
    let place = Place::new();
    let keys = tempfile::tempdir().unwrap();
    let open = || {
        let store = FileKeyStore::open(keys.path()).unwrap();
        let vault = VaultDirectory::open(place.path()).unwrap();
        let database = database_path(vault.path());
        let io = VaultIo {
            directory: vault.path(),
            key_store: &store,
            ..place.io(&database)
        };
        super::open(&io, &Way::Device, Some(&NewVault::DEVICE)).unwrap()
    };
    let mut made = open();
    fs::write(place.database(), b"a database").unwrap();
    finish_creation(place.path(), &mut made.keys).unwrap();
    assert_eq!(open().keys.database.expose(), made.keys.database.expose());
}

// What is on disk and in logs.

#[cfg(unix)]
#[test]
fn the_keyring_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let (place, _) = Place::with_vault();
    for index in [0, 1] {
        let mode = fs::metadata(place.copy(index))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn no_key_shows_in_debug_or_in_a_file() {
    let (place, key) = Place::with_vault();
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let shown = format!("{:?}", place.open().unwrap());
    assert!(shown.contains("DatabaseKey([redacted])"));
    assert!(!shown.contains(&hex) && !shown.contains(&format!("{key:?}")));
    for (_, bytes) in place.files() {
        assert!(!bytes.windows(32).any(|window| window == key));
    }
}
