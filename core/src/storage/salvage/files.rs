//! The files of a salvage: the copy aside, the fresh database, and the exchange. Knows no SQL.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::unusable;
use crate::error::{Error, ErrorCode, Result};

/// What SQLite keeps beside a database that may hold committed pages. Not the shared-memory index,
/// which is made anew.
const WITH_PAGES: [&str; 3] = ["", "-wal", "-journal"];
const JOURNALS: [&str; 3] = ["-wal", "-shm", "-journal"];
const MAX_COPIES: u32 = 1000;

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn storage_error(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::new(ErrorCode::StorageFull, "no space left for the salvage")
        }
        _ => unusable(),
    }
}

/// How many bytes of free disk a salvage needs: a copy, and a fresh database no larger.
pub fn salvage_needs(path: &Path) -> u64 {
    let length = |suffix: &&str| fs::metadata(beside(path, suffix)).map_or(0, |found| found.len());
    let bytes: u64 = WITH_PAGES.iter().map(length).sum();
    bytes.saturating_mul(2).saturating_add(4 << 20)
}

/// Copies the damaged files, byte for byte, to a place that nothing has had before.
pub(super) fn copy_aside(path: &Path, copies: &Path) -> Result<PathBuf> {
    make_private(copies).map_err(storage_error)?;
    let place = |number: u32| copies.join(number.to_string());
    let copy = (1..=MAX_COPIES)
        .map(place)
        .find(|place| matches!(place.try_exists(), Ok(false)))
        .ok_or(Error::internal("there is no place for another copy"))?;
    let partial = beside(&copy, ".partial");
    // Left by a salvage that was killed while it copied: of what is still there.
    match fs::remove_dir_all(&partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(storage_error(error)),
        _ => {}
    }
    make_private(&partial).map_err(storage_error)?;
    let name = path.file_name().ok_or(unusable())?;
    for suffix in WITH_PAGES {
        let (from, to) = (beside(path, suffix), beside(&partial.join(name), suffix));
        match copy_file(&from, &to) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            other => other.map_err(storage_error)?,
        }
    }
    sync_directory(&partial).map_err(storage_error)?;
    fs::rename(&partial, &copy).map_err(storage_error)?;
    sync_directory(copies).map_err(storage_error)?;
    Ok(copy)
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut target = options.open(to)?;
    io::copy(&mut source, &mut target)?;
    target.sync_all()
}

fn make_private(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    // Only Unix lets a directory be opened and flushed.
    #[cfg(unix)]
    File::open(directory)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = directory;
    Ok(())
}

fn fresh(path: &Path) -> PathBuf {
    beside(path, ".salvaging")
}

fn sealed(path: &Path) -> PathBuf {
    beside(path, ".salvaged")
}

/// Where the fresh database is made; what an interrupted salvage left there goes.
pub(super) fn begin(path: &Path) -> Result<PathBuf> {
    let fresh = fresh(path);
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove(&beside(&fresh, suffix))?;
    }
    Ok(fresh)
}

/// Says that the fresh database is whole. It has been closed: no journal is beside it.
pub(super) fn seal(path: &Path) -> Result<()> {
    let fresh = fresh(path);
    File::open(&fresh)
        .and_then(|file| file.sync_all())
        .map_err(storage_error)?;
    for suffix in JOURNALS {
        remove(&beside(&fresh, suffix))?;
    }
    fs::rename(&fresh, sealed(path)).map_err(storage_error)?;
    sync_parent(path)
}

/// Whether a salvage waits to be finished.
pub fn has_salvage(path: &Path) -> bool {
    !matches!(sealed(path).try_exists(), Ok(false))
}

/// Puts a salvaged database in the damaged one's place, where a salvage was interrupted just before.
/// To be called before each opening. Nothing to do is no error.
pub fn finish_salvage(path: &Path) -> Result<()> {
    if !has_salvage(path) {
        return Ok(());
    }
    // The old journals first: beside the new database SQLite would read them as its own.
    for suffix in JOURNALS {
        remove(&beside(path, suffix))?;
    }
    sync_parent(path)?;
    fs::rename(sealed(path), path).map_err(storage_error)?;
    sync_parent(path)
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(storage_error(error)),
        _ => Ok(()),
    }
}

fn sync_parent(path: &Path) -> Result<()> {
    path.parent()
        .map_or(Ok(()), sync_directory)
        .map_err(storage_error)
}
