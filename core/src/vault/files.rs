//! Files of the vault on disk: looking, bounded reading, replacing whole, removing, and what an
//! operating system's refusal means. Knows no keyring. The vault writes its files through
//! this file alone, and decides on what it looks at through it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::disk::{DiskStep, before};
use crate::error::{Error, ErrorCode};

/// The fixed text for an operating system's refusal; its own text stays here.
pub(super) fn storage_error(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::new(ErrorCode::StorageFull, "no space for the vault's files")
        }
        // Protected files answer so while the device is locked.
        ErrorKind::PermissionDenied => Error::new(
            ErrorCode::KeyTemporarilyUnavailable,
            "the vault's files are not accessible now",
        ),
        ErrorKind::NotADirectory | ErrorKind::InvalidInput => {
            Error::invalid("the vault's directory is not usable")
        }
        _ => Error::internal("the vault's files could not be read or written"),
    }
}

/// At most `limit` bytes of a file and one more, by which the caller sees that it is too long.
/// `None` where there is no file.
pub(super) fn read_bounded(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    before(DiskStep::Look, path)?;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces a file whole: a kill at any point leaves the old content or the new.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary(path);
    remove(&temporary)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    before(DiskStep::Write(bytes), &temporary)?;
    file.write_all(bytes)?;
    before(DiskStep::Sync, &temporary)?;
    file.sync_all()?;
    drop(file);
    rename(&temporary, path)?;
    sync_parent(path)
}

/// Gives a file or a directory another name.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    before(DiskStep::Rename(to), from)?;
    fs::rename(from, to)
}

/// Whether there is something under this name.
pub(super) fn exists(path: &Path) -> io::Result<bool> {
    before(DiskStep::Look, path)?;
    path.try_exists()
}

/// How long a file is; `None` where there is none.
pub(super) fn length(path: &Path) -> io::Result<Option<u64>> {
    before(DiskStep::Look, path)?;
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a directory holds nothing; one that is not there holds nothing.
pub(super) fn is_empty_directory(path: &Path) -> io::Result<bool> {
    before(DiskStep::Look, path)?;
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
    }
}

/// Where `replace` writes first.
pub(super) fn temporary(path: &Path) -> PathBuf {
    with_suffix(path, ".new")
}

/// The path with something appended to its last name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a file; one that is not there is no error.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    before(DiskStep::Remove, path)?;
    absent_is_fine(fs::remove_file(path))
}

/// Removes a directory with all it holds; one that is not there is no error.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    before(DiskStep::Remove, path)?;
    absent_is_fine(fs::remove_dir_all(path))
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a change of names durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    // Only Unix lets a directory be opened and flushed.
    #[cfg(unix)]
    if let Some(parent) = path.parent() {
        before(DiskStep::SyncNames, parent)?;
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}
