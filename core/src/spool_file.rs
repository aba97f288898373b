//! The file below a spool: private to the app, and gone as soon as nobody needs it. Shared by the
//! engine's spool and the transport's, which keeps a sealed reply until its tag was checked.
//!
//! It watches the disk: a reply must not take the space that applying it, or anybody else, needs.
//! What is in it is encrypted by whoever writes it; this file knows bytes only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorCode, Result};
use crate::ports::{Disk, Entropy};

const PREFIX: &str = "amana-";
const SUFFIX: &str = ".spool";

/// What must stay free on the disk in any case, in bytes: for the database's own journal, and for
/// the rest of the system.
pub(crate) const RESERVE_BYTES: u64 = 64 * 1024 * 1024;
/// How much is written between two looks at the disk, in bytes.
const LOOK_EVERY_BYTES: u64 = 1024 * 1024;

/// An open spool file. Dropping it removes it.
pub(crate) struct SpoolFile {
    file: File,
    path: PathBuf,
    written: u64,
    watch: Option<Watch>,
}

/// Who knows how much is free, and when to ask next.
struct Watch {
    disk: Arc<dyn Disk>,
    next_look: u64,
}

impl SpoolFile {
    /// A new, empty file with a random name, readable by its owner alone.
    pub(crate) fn create(directory: &Path, entropy: &dyn Entropy) -> Result<Self> {
        make_directory(directory).map_err(|e| write_error(&e))?;
        let mut random = [0; 16];
        entropy.fill(&mut random)?;
        let name = u128::from_be_bytes(random);
        let path = directory.join(format!("{PREFIX}{name:032x}{SUFFIX}"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(|e| write_error(&e))?;
        Ok(Self {
            file,
            path,
            written: 0,
            watch: None,
        })
    }

    /// Asks for the free space while it is written, and fails with `storage_full` before the disk
    /// is: [`RESERVE_BYTES`] must stay, and as much again as was written, since the changes will be
    /// written once more when they are applied. Where nobody can tell, nothing is refused.
    #[must_use]
    pub(crate) fn watched(mut self, disk: Arc<dyn Disk>) -> Self {
        self.watch = Some(Watch { disk, next_look: 0 });
        self
    }

    fn look(&mut self) -> io::Result<()> {
        let Some(watch) = &mut self.watch else {
            return Ok(());
        };
        if self.written < watch.next_look {
            return Ok(());
        }
        watch.next_look = self.written + LOOK_EVERY_BYTES;
        let directory = self.path.parent().unwrap_or(&self.path);
        let needed = RESERVE_BYTES.saturating_add(self.written);
        match watch.disk.free_bytes(directory) {
            Some(free) if free < needed => Err(ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    /// Back to the first byte.
    pub(crate) fn rewind(&mut self) -> Result<()> {
        self.file.rewind().map_err(|e| read_error(&e))
    }
}

impl Drop for SpoolFile {
    fn drop(&mut self) {
        // What cannot be removed now is noise without its key, and goes at the next start.
        let _ = fs::remove_file(&self.path);
    }
}

impl Write for SpoolFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.look()?;
        let count = self.file.write(bytes)?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for SpoolFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// Deletes, unread, the spools that a killed process left in a directory. Only to be called while
/// no sync runs. Returns how many there were.
pub fn remove_leftovers(directory: &Path) -> Result<usize> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(0),
        Err(e) => return Err(read_error(&e)),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry.map_err(|e| read_error(&e))?;
        let name = entry.file_name();
        let ours = name
            .to_str()
            .is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if ours {
            match fs::remove_file(entry.path()) {
                Ok(()) => removed += 1,
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(write_error(&e)),
            }
        }
    }
    Ok(removed)
}

fn make_directory(directory: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

/// Full disks are a condition that people can mend; the rest is not expected.
pub(crate) fn write_error(error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Error::new(
            ErrorCode::StorageFull,
            "no space is left to receive the changes",
        ),
        _ => Error::internal("the spool could not be written"),
    }
}

pub(crate) fn read_error(_: &io::Error) -> Error {
    Error::internal("the spool could not be read")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{FakeDisk, SeededEntropy};

    fn is_empty(directory: &Path) -> bool {
        fs::read_dir(directory).unwrap().next().is_none()
    }

    #[test]
    fn the_disk_is_watched_and_nothing_is_left_behind() {
        const MIB: usize = 1024 * 1024;
        let directory = tempfile::tempdir().unwrap();
        let disk = Arc::new(FakeDisk::with(RESERVE_BYTES + 3 * MIB as u64));
        let create = || {
            SpoolFile::create(directory.path(), &SeededEntropy::new(1))
                .unwrap()
                .watched(disk.clone())
        };
        let mut file = create();
        let chunk = vec![0; MIB / 2];
        let mut taken = 0;
        let error = loop {
            match file.write_all(&chunk) {
                Ok(()) => taken += chunk.len(),
                Err(error) => break error,
            }
            // What is written is gone from the disk.
            disk.take(chunk.len() as u64);
        };
        // Two of the three MiB: the other is needed to apply what the first two hold.
        assert!((MIB..=2 * MIB).contains(&taken), "{taken}");
        assert_eq!(write_error(&error).code(), ErrorCode::StorageFull);
        drop(file);
        assert!(is_empty(directory.path()));

        let full = SpoolFile::create(directory.path(), &SeededEntropy::new(2))
            .unwrap()
            .watched(Arc::new(FakeDisk::with(RESERVE_BYTES - 1)))
            .write_all(b"x");
        assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
        assert!(is_empty(directory.path()));
    }

    #[test]
    fn where_nobody_can_tell_nothing_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let mut file = SpoolFile::create(directory.path(), &SeededEntropy::new(1))
            .unwrap()
            .watched(Arc::new(FakeDisk::unknown()));
        file.write_all(&[0; 4096]).unwrap();
        file.rewind().unwrap();
        let mut back = Vec::new();
        file.read_to_end(&mut back).unwrap();
        assert_eq!(back.len(), 4096);
    }
}
