//! A key store in plain files, for development hosts. NOT for phones, and no protection anywhere:
//! whoever reads the directory has the secrets. Owns that directory; keeps nothing in memory.
//!
//! One file per alias, read at each call, so that two processes see the same secrets. Creating and
//! deleting happen under a lock on the directory, so that neither process replaces what the other
//! has made.
//!
//! As long as a file named `unavailable` lies in the directory, the store cannot answer: so that tests of
//! apps and bindings can play a phone that was just restarted.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::KeyStoreError;
use crate::traits::{Alias, Derived, KeyStore, Probe, SecurityLevel};

const LOCK: &str = "lock";
const UNAVAILABLE: &str = "unavailable";
const SECRET_LENGTH: usize = 32;

/// A key store in a directory of plain files. For development hosts alone: it protects nothing.
#[derive(Debug)]
pub struct FileKeyStore {
    directory: PathBuf,
}

impl FileKeyStore {
    /// Opens the store in this directory, which is made where it does not exist.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, KeyStoreError> {
        let directory = directory.as_ref().to_path_buf();
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&directory).map_err(failed)?;
        Ok(Self { directory })
    }

    /// What a phone's key store says before the first unlock, while the marker is there.
    fn check_available(&self) -> Result<(), KeyStoreError> {
        match self.directory.join(UNAVAILABLE).try_exists() {
            Ok(false) => Ok(()),
            _ => Err(KeyStoreError::Transient),
        }
    }

    fn path(&self, alias: &Alias) -> PathBuf {
        self.directory.join(alias.as_str())
    }

    fn temporary(&self, alias: &Alias) -> PathBuf {
        self.directory.join(format!("{}.new", alias.as_str()))
    }

    fn locked<T>(
        &self,
        change: impl FnOnce() -> Result<T, KeyStoreError>,
    ) -> Result<T, KeyStoreError> {
        self.check_available()?;
        let lock = private(OpenOptions::new().write(true).create(true).truncate(false))
            .open(self.directory.join(LOCK))
            .map_err(failed)?;
        lock.lock().map_err(failed)?;
        // Dropping the handle releases the lock, also when the change fails.
        change()
    }

    fn read(&self, alias: &Alias) -> Result<Zeroizing<[u8; SECRET_LENGTH]>, KeyStoreError> {
        self.check_available()?;
        let mut file = File::open(self.path(alias)).map_err(failed)?;
        let mut secret = Zeroizing::new([0; SECRET_LENGTH]);
        file.read_exact(secret.as_mut_slice()).map_err(damaged)?;
        // A longer file is not one of ours: better no answer than a derivation from half of it.
        match file.read(&mut [0; 1]) {
            Ok(0) => Ok(secret),
            _ => Err(KeyStoreError::HardwareFailure),
        }
    }

    fn write(&self, alias: &Alias, secret: &[u8; SECRET_LENGTH]) -> std::io::Result<()> {
        let path = self.path(alias);
        let temporary = self.temporary(alias);
        // A leftover of a killed process; its content was never used.
        match fs::remove_file(&temporary) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&temporary)?;
        file.write_all(secret)?;
        file.sync_all()?;
        fs::rename(&temporary, &path)?;
        self.sync_directory()
    }

    fn sync_directory(&self) -> std::io::Result<()> {
        // Only Unix lets a directory be opened and flushed.
        #[cfg(unix)]
        File::open(&self.directory)?.sync_all()?;
        Ok(())
    }
}

impl KeyStore for FileKeyStore {
    // The only randomness outside the core: a device secret is the key store's own.
    #[allow(clippy::disallowed_methods)]
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError> {
        self.locked(|| {
            if self.path(alias).try_exists().map_err(failed)? {
                return Err(KeyStoreError::HardwareFailure);
            }
            let mut secret = Zeroizing::new([0; SECRET_LENGTH]);
            getrandom::fill(secret.as_mut_slice()).map_err(|_| KeyStoreError::HardwareFailure)?;
            self.write(alias, &secret).map_err(failed)?;
            Ok(SecurityLevel::Unprotected)
        })
    }

    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError> {
        self.read(alias).map(|_| Probe {
            level: SecurityLevel::Unprotected,
        })
    }

    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError> {
        crate::derivation::from_secret(&*self.read(alias)?, input)
    }

    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        self.locked(|| match fs::remove_file(self.path(alias)) {
            Ok(()) => self.sync_directory().map_err(failed),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        })
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

fn failed(error: std::io::Error) -> KeyStoreError {
    match error.kind() {
        ErrorKind::NotFound => KeyStoreError::Absent,
        _ => KeyStoreError::HardwareFailure,
    }
}

fn damaged(_: std::io::Error) -> KeyStoreError {
    KeyStoreError::HardwareFailure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(n: u8) -> Alias {
        Alias::from_random(&[n; 16])
    }

    #[cfg(feature = "contract")]
    #[test]
    fn keeps_the_contract() {
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::open(home.path().join("keys")).unwrap();
        let report = crate::contract::check_contract(&store, &[alias(1), alias(2), alias(3)]);
        assert!(report.is_kept(), "{report}");
    }

    #[test]
    fn while_its_marker_is_there_it_cannot_answer_and_loses_nothing() {
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::open(home.path()).unwrap();
        store.create(&alias(1)).unwrap();
        let marker = home.path().join(UNAVAILABLE);
        fs::write(&marker, []).unwrap();
        let transient = Some(KeyStoreError::Transient);
        assert_eq!(store.create(&alias(2)).err(), transient);
        assert_eq!(store.probe(&alias(1)).err(), transient);
        assert_eq!(store.derive(&alias(1), &[0; 32]).err(), transient);
        assert_eq!(store.delete(&alias(1)).err(), transient);
        fs::remove_file(&marker).unwrap();
        assert!(store.derive(&alias(1), &[0; 32]).is_ok());
        assert_eq!(store.probe(&alias(2)).err(), Some(KeyStoreError::Absent));
    }

    #[test]
    fn a_second_opening_sees_the_same_secrets_and_does_not_replace_them() {
        let home = tempfile::tempdir().unwrap();
        let one = FileKeyStore::open(home.path()).unwrap();
        let two = FileKeyStore::open(home.path()).unwrap();
        one.create(&alias(1)).unwrap();
        let derived = two.derive(&alias(1), &[5; 32]).unwrap();
        assert_eq!(two.create(&alias(1)), Err(KeyStoreError::HardwareFailure));
        assert_eq!(
            one.derive(&alias(1), &[5; 32]).unwrap().expose(),
            derived.expose()
        );
        two.delete(&alias(1)).unwrap();
        assert_eq!(one.probe(&alias(1)), Err(KeyStoreError::Absent));
    }

    #[test]
    fn of_many_creators_one_wins() {
        let home = tempfile::tempdir().unwrap();
        let wins = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| FileKeyStore::open(home.path()).unwrap().create(&alias(1))))
                .collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().unwrap().ok())
                .count()
        });
        assert_eq!(wins, 1);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::open(home.path().join("keys")).unwrap();
        store.create(&alias(1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.path(&alias(1))), 0o600);
        assert_eq!(mode(&store.directory), 0o700);
    }

    #[test]
    fn a_damaged_file_is_neither_absent_nor_used() {
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::open(home.path()).unwrap();
        for length in [0, 31, 33] {
            fs::write(store.path(&alias(1)), vec![7; length]).unwrap();
            assert_eq!(store.probe(&alias(1)), Err(KeyStoreError::HardwareFailure));
            assert!(store.derive(&alias(1), &[0; 32]).is_err());
            assert_eq!(store.create(&alias(1)), Err(KeyStoreError::HardwareFailure));
        }
    }

    #[test]
    fn a_leftover_of_a_killed_creation_is_no_secret() {
        let home = tempfile::tempdir().unwrap();
        let store = FileKeyStore::open(home.path()).unwrap();
        fs::write(store.temporary(&alias(1)), [7; 9]).unwrap();
        assert_eq!(store.probe(&alias(1)), Err(KeyStoreError::Absent));
        store.create(&alias(1)).unwrap();
        assert!(store.probe(&alias(1)).is_ok());
    }
}
