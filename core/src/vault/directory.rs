//! The vault's directory: its file names, its making, and the lock that keeps others out.
//! Owns no keys and reads no file's content.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::files::storage_error;
use crate::error::{Error, ErrorCode, Result};

/// The two copies of the keyring.
pub const KEYRING_COPIES: [&str; 2] = ["keyring.a", "keyring.b"];
const DATABASE: &str = "database";
const ATTACHMENTS: &str = "attachments";
const SPOOL: &str = "spool";
const DAMAGED: &str = "damaged";
/// The status file.
pub(super) const STATUS: &str = "status";
const LOCK: &str = "lock";

/// Where the vault's database is.
pub fn database_path(directory: &Path) -> PathBuf {
    directory.join(DATABASE)
}

/// Where spools are written. What is found in it at start is worth nothing.
pub fn spool_directory(directory: &Path) -> PathBuf {
    directory.join(SPOOL)
}

/// Where attachments will be kept. Nothing writes them yet, but whatever is there counts as data.
pub fn attachments_directory(directory: &Path) -> PathBuf {
    directory.join(ATTACHMENTS)
}

/// Where copies of damaged databases are kept. They are under the vault's key, and go with it.
pub fn damaged_directory(directory: &Path) -> PathBuf {
    directory.join(DAMAGED)
}

/// A vault's directory, held by this handle alone.
#[derive(Debug)]
pub struct VaultDirectory {
    path: PathBuf,
    // Dropped with the directory: that is what releases it.
    _lock: DirectoryLock,
}

impl VaultDirectory {
    /// Makes the directory where it does not exist, for its owner alone, and takes its lock.
    /// `busy` when another process or another handle of this process holds it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).map_err(storage_error)?;
        // One directory has many names; the lock and the registry must see one.
        let path = fs::canonicalize(path).map_err(storage_error)?;
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
            .map_err(storage_error)?;
        let lock = DirectoryLock::take(&path)?;
        Ok(Self { path, _lock: lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// What this process holds. File locks are advisory and missing on some platforms (the standard
/// library's report "unsupported" on Android before Rust 1.98), so that two handles of one process
/// are kept apart here in any case.
static HELD: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The lock on a vault's directory; released when dropped.
#[derive(Debug)]
pub struct DirectoryLock {
    directory: PathBuf,
    // None until the file lock is taken, and where the platform has none.
    file: Option<File>,
}

impl DirectoryLock {
    fn take(directory: &Path) -> Result<Self> {
        if !held(|held| held.insert(directory.to_path_buf())) {
            return Err(busy());
        }
        let mut lock = Self {
            directory: directory.to_path_buf(),
            file: None,
        };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(directory.join(LOCK)).map_err(storage_error)?;
        match file.try_lock() {
            Ok(()) => lock.file = Some(file),
            Err(TryLockError::WouldBlock) => return Err(busy()),
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(storage_error(error)),
        }
        Ok(lock)
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // The file first: who then finds the registry free finds the file free too.
        self.file = None;
        held(|held| held.remove(&self.directory));
    }
}

fn held<T>(use_held: impl FnOnce(&mut BTreeSet<PathBuf>) -> T) -> T {
    use_held(&mut HELD.lock().unwrap_or_else(PoisonError::into_inner))
}

const fn busy() -> Error {
    Error::new(ErrorCode::Busy, "the vault is open elsewhere")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_handle_is_busy_until_the_first_is_dropped() {
        let home = tempfile::tempdir().unwrap();
        let first = VaultDirectory::open(home.path().join("vault")).unwrap();
        let again = home.path().join(".").join("vault");
        let error = VaultDirectory::open(&again).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Busy);
        drop(first);
        VaultDirectory::open(&again).unwrap();
    }

    #[test]
    fn a_lock_taken_outside_this_process_is_busy_and_leaves_nothing_held() {
        let home = tempfile::tempdir().unwrap();
        drop(VaultDirectory::open(home.path()).unwrap());
        // Another open file description is what another process has.
        let other = File::options()
            .write(true)
            .open(home.path().join(LOCK))
            .unwrap();
        other.lock().unwrap();
        let error = VaultDirectory::open(home.path()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Busy);
        drop(other);
        VaultDirectory::open(home.path()).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_is_private_even_if_it_was_not() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("vault");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        let _vault = VaultDirectory::open(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }
}
