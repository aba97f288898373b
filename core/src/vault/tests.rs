//! The opening as a whole: real files, a scripted key store, every kind of damage.

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
use crate::test_support::{InstantTimer, MemoryKeyStore, SeededEntropy};

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
}

impl Place {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            store: Scripted::default(),
            timer: InstantTimer::default(),
            entropy: SeededEntropy::new(7),
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
        let opened = self.open().unwrap();
        assert!(opened.first_run);
        fs::write(self.database(), b"a database").unwrap();
        finish_creation(self.path(), &opened.keys).unwrap();
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
        open(
            self.path(),
            &self.database(),
            &self.store,
            &self.entropy,
            &self.timer,
            cancel,
        )
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
    assert_eq!(place.timer.waits(), []);
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
    let result = open(
        place.path(),
        &place.database(),
        &place.store,
        &Nothing,
        &place.timer,
        &CancelToken::new(),
    );
    assert_eq!(result.unwrap_err().code(), ErrorCode::Internal);
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
        let cancel = CancelToken::new();
        super::open(
            vault.path(),
            &database,
            &store,
            &place.entropy,
            &place.timer,
            &cancel,
        )
        .unwrap()
    };
    let made = open();
    fs::write(place.database(), b"a database").unwrap();
    finish_creation(place.path(), &made.keys).unwrap();
    assert_eq!(open().keys.database.expose(), made.keys.database.expose());
}

// Interrupted first runs.

#[test]
fn a_first_run_killed_before_its_end_starts_again_with_new_keys() {
    let place = Place::new();
    let first = place.open().unwrap();
    fs::write(place.database(), b"half a database").unwrap();
    fs::write(
        files::with_suffix(&place.database(), "-wal"),
        b"its journal",
    )
    .unwrap();
    fs::create_dir(spool_directory(place.path())).unwrap();
    let Copies {
        copies: [KeyringCopy::Readable(Keyring::Creating(creating)), _],
        ..
    } = Copies::read(place.path())
    else {
        panic!("not creating");
    };

    let second = place.open().unwrap();
    assert!(second.first_run);
    assert_ne!(first.keys.database.expose(), second.keys.database.expose());
    assert!(!place.database().exists() && !spool_directory(place.path()).exists());
    let probe = place.store.inner.probe(&creating.aliases[0]);
    assert_eq!(probe, Err(KeyStoreError::Absent));
}

#[test]
fn a_kill_between_the_two_writes_of_the_end_keeps_the_vault() {
    let (place, key) = Place::with_vault();
    let finished = fs::read(place.copy(0)).unwrap();
    let creating = {
        let other = Place::new();
        other.open().unwrap();
        fs::read(other.copy(0)).unwrap()
    };
    fs::write(place.copy(0), &creating).unwrap();
    place.opens_with(&key);
    // Mended before the key was handed out: losing the other copy now costs nothing.
    assert_eq!(fs::read(place.copy(0)).unwrap(), finished);
    fs::remove_file(place.copy(1)).unwrap();
    place.opens_with(&key);
}

#[test]
fn a_copy_in_creation_beside_an_unreadable_one_deletes_nothing() {
    let place = Place::new();
    place.open().unwrap();
    fs::write(place.database(), b"data, for all we know").unwrap();
    fs::write(place.copy(1), b"damaged").unwrap();
    place.refuses(ErrorCode::KeyringDamaged);
}

#[cfg(unix)]
#[test]
fn no_key_is_handed_out_while_a_copy_in_creation_cannot_be_replaced() {
    let (place, _) = Place::with_vault();
    let other = Place::new();
    other.open().unwrap();
    fs::copy(other.copy(0), place.copy(0)).unwrap();
    // A directory where the temporary file would be.
    fs::create_dir(files::temporary(&place.copy(0))).unwrap();
    assert!(place.open().is_err());
}

#[test]
fn leftover_temporary_files_do_not_matter() {
    let place = Place::new();
    fs::write(files::temporary(&place.copy(0)), b"half").unwrap();
    let key = place.make();
    fs::write(files::temporary(&place.copy(0)), b"half").unwrap();
    fs::write(files::temporary(&place.copy(1)), b"half").unwrap();
    place.opens_with(&key);
}

#[test]
fn finishing_needs_a_database_and_the_keyring_it_was_made_for() {
    let place = Place::new();
    let opened = place.open().unwrap();
    assert!(finish_creation(place.path(), &opened.keys).is_err());
    fs::write(place.database(), b"").unwrap();
    assert!(finish_creation(place.path(), &opened.keys).is_err());
    let newer = place.open().unwrap();
    fs::write(place.database(), b"a database").unwrap();
    assert!(finish_creation(place.path(), &opened.keys).is_err());
    finish_creation(place.path(), &newer.keys).unwrap();
    finish_creation(place.path(), &newer.keys).unwrap();
    finish_creation(place.path(), &place.open().unwrap().keys).unwrap();
}

// Damage.

#[test]
fn one_copy_is_enough_and_the_other_is_mended() {
    let (place, key) = Place::with_vault();
    let good = fs::read(place.copy(0)).unwrap();
    for index in [0, 1] {
        for damage in [None, Some(vec![]), Some(vec![0; 99]), Some(vec![0; 99_999])] {
            match damage {
                None => fs::remove_file(place.copy(index)).unwrap(),
                Some(bytes) => fs::write(place.copy(index), bytes).unwrap(),
            }
            place.opens_with(&key);
            assert_eq!(fs::read(place.copy(index)).unwrap(), good);
        }
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_of_one_copy_opens_through_the_other() {
    let (place, key) = Place::with_vault();
    let good = fs::read(place.copy(0)).unwrap();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        for bytes in [&flipped[..], &good[..at]] {
            fs::write(place.copy(0), bytes).unwrap();
            place.opens_with(&key);
        }
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_of_both_copies_is_refused_unchanged() {
    let (place, key) = Place::with_vault();
    let good = fs::read(place.copy(0)).unwrap();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        for bytes in [&flipped[..], &good[..at]] {
            fs::write(place.copy(0), bytes).unwrap();
            fs::write(place.copy(1), bytes).unwrap();
            place.refuses(ErrorCode::KeyringDamaged);
        }
    }
    fs::write(place.copy(0), &good).unwrap();
    place.opens_with(&key);
}

#[test]
fn forged_bytes_with_a_right_checksum_never_open() {
    use sha2::{Digest, Sha256};
    let (place, _) = Place::with_vault();
    let good = fs::read(place.copy(0)).unwrap();
    let end = good.len() - 16;
    for at in 0..end {
        let mut forged = good.clone();
        forged[at] ^= 1 << (at % 8);
        let sum = Sha256::digest(&forged[..end]);
        forged[end..].copy_from_slice(&sum[..16]);
        fs::write(place.copy(0), &forged).unwrap();
        fs::write(place.copy(1), &forged).unwrap();
        let before = place.files();
        let code = place.code();
        assert!(
            [
                ErrorCode::KeyringDamaged,
                ErrorCode::KeyringTooNew,
                ErrorCode::KeyMismatch,
                ErrorCode::KeyLost,
            ]
            .contains(&code),
            "byte {at}: {code:?}"
        );
        assert_eq!(place.files(), before);
    }
}

#[test]
fn a_forged_newer_copy_falls_back_to_the_good_one_with_one_key_store_call() {
    use sha2::{Digest, Sha256};
    let (place, key) = Place::with_vault();
    let mut forged = fs::read(place.copy(0)).unwrap();
    let end = forged.len() - 16;
    forged[33] = 9; // the generation's last byte
    let sum = Sha256::digest(&forged[..end]);
    forged[end..].copy_from_slice(&sum[..16]);
    fs::write(place.copy(0), &forged).unwrap();
    place.opens_with(&key);
    assert_eq!(place.store.calls(), ["derive"]);
    // Not proven is not proven worthless: it is left as it is.
    assert_eq!(fs::read(place.copy(0)).unwrap(), forged);
}

#[test]
fn a_newer_version_is_told_from_damage_and_left_alone() {
    use sha2::{Digest, Sha256};
    let (place, _) = Place::with_vault();
    let mut newer = b"AMANAKR\n\x00\x01and something else".to_vec();
    let sum = Sha256::digest(&newer);
    newer.extend_from_slice(&sum[..16]);
    fs::write(place.copy(1), newer).unwrap();
    place.refuses(ErrorCode::KeyringTooNew);
}

#[test]
fn data_without_a_keyring_is_never_a_first_run() {
    for name in [
        "database",
        "database-wal",
        "database-journal",
        "attachments/1",
    ] {
        for content in [&b""[..], b"data"] {
            let place = Place::new();
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            place.refuses(ErrorCode::KeyringDamaged);
        }
    }
}

#[test]
fn a_missing_or_empty_database_is_not_opened_as_an_empty_one() {
    let (place, key) = Place::with_vault();
    let data = fs::read(place.database()).unwrap();
    fs::write(place.database(), b"").unwrap();
    place.refuses(ErrorCode::DatabaseDamaged);
    fs::remove_file(place.database()).unwrap();
    place.refuses(ErrorCode::DatabaseDamaged);
    fs::write(place.database(), data).unwrap();
    place.opens_with(&key);
    assert_eq!(database_unreadable().code(), ErrorCode::DatabaseDamaged);
}

#[test]
fn the_device_secret_of_another_vault_is_a_mismatch() {
    let (place, _) = Place::with_vault();
    let Copies {
        copies: [KeyringCopy::Readable(Keyring::Active(active)), _],
        ..
    } = Copies::read(place.path())
    else {
        panic!("not active");
    };
    let alias = &active.slots[0].parameters.alias;
    place.store.inner.delete(alias).unwrap();
    place.store.inner.create(alias).unwrap();
    place.refuses(ErrorCode::KeyMismatch);
}

// The key store.

#[test]
fn a_key_store_that_cannot_answer_is_asked_again_for_two_seconds() {
    use KeyStoreError::{HardwareFailure, Transient};
    let (place, key) = Place::with_vault();
    place
        .store
        .failing(&[Transient, HardwareFailure, Transient]);
    place.opens_with(&key);
    assert_eq!(place.store.calls(), ["derive"; 4]);

    let waited_before: Duration = place.timer.waits().iter().sum();
    place.store.failing(&[Transient; 9]);
    place.refuses(ErrorCode::KeyTemporarilyUnavailable);
    let waited: Duration = place.timer.waits().iter().sum();
    assert_eq!(waited - waited_before, Duration::from_secs(2));
    place.opens_with(&key);
}

#[test]
fn an_absent_secret_is_looked_up_twice_then_lost_then_found_again() {
    let (place, key) = Place::with_vault();
    place.store.failing(&[KeyStoreError::Absent]);
    place.opens_with(&key);
    assert_eq!(place.timer.waits(), [Duration::from_secs(1)]);

    // A store that says "not found" for half a minute: no key is made, and all is well later.
    for _ in 0..15 {
        place.store.failing(&[KeyStoreError::Absent; 2]);
        place.refuses(ErrorCode::KeyLost);
    }
    place.opens_with(&key);
}

#[test]
fn refusals_of_the_person_or_the_system_delete_nothing() {
    let (place, key) = Place::with_vault();
    place.store.failing(&[KeyStoreError::Denied]);
    place.refuses(ErrorCode::PresenceRequired);
    place.store.failing(&[KeyStoreError::Invalidated]);
    place.refuses(ErrorCode::KeyLost);
    place.opens_with(&key);
}

#[test]
fn a_first_run_waits_for_the_key_store_and_loses_nothing_if_it_must_give_up() {
    let place = Place::new();
    place.store.failing(&[KeyStoreError::Transient; 9]);
    assert_eq!(place.code(), ErrorCode::KeyTemporarilyUnavailable);
    let place = Place {
        store: Scripted::default(),
        ..place
    };
    let key = place.make();
    place.opens_with(&key);
}

#[test]
fn an_attempt_that_made_the_secret_but_failed_does_not_block_the_first_run() {
    let store = Scripted {
        acts_although_it_fails: true,
        ..Scripted::default()
    };
    store.failing(&[KeyStoreError::Transient]);
    let place = Place {
        store,
        ..Place::new()
    };
    let key = place.make();
    assert_eq!(
        place.store.calls(),
        ["create", "delete", "create", "derive"]
    );
    place.opens_with(&key);
}

#[test]
fn a_store_that_forgets_new_secrets_is_not_a_lost_key() {
    let place = Place::new();
    let forgetful = Forgetful(MemoryKeyStore::new());
    let error = open(
        place.path(),
        &place.database(),
        &forgetful,
        &place.entropy,
        &place.timer,
        &CancelToken::new(),
    )
    .unwrap_err();
    assert_eq!(error.code(), ErrorCode::KeyTemporarilyUnavailable);
}

struct Forgetful(MemoryKeyStore);

impl KeyStore for Forgetful {
    fn create(&self, _: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        Ok(SecurityLevel::Unprotected)
    }
    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        self.0.probe(alias)
    }
    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        self.0.derive(alias, input)
    }
    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.0.delete(alias)
    }
}

#[test]
fn a_cancelled_opening_stops() {
    let (place, key) = Place::with_vault();
    let cancel = CancelToken::new();
    cancel.cancel();
    let error = place.open_with(&cancel).unwrap_err();
    assert_eq!(error.code(), ErrorCode::Cancelled);
    assert!(place.store.calls().is_empty());
    place.opens_with(&key);
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
