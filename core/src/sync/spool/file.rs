//! The file below a spool: private to the app, and gone as soon as nobody needs it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorCode, Result};
use crate::ports::Entropy;

const PREFIX: &str = "amana-";
const SUFFIX: &str = ".spool";

/// An open spool file. Dropping it removes it.
pub(super) struct SpoolFile {
    file: File,
    path: PathBuf,
}

impl SpoolFile {
    /// A new, empty file with a random name, readable by its owner alone.
    pub(super) fn create(directory: &Path, entropy: &dyn Entropy) -> Result<Self> {
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
        Ok(Self { file, path })
    }

    /// Back to the first byte.
    pub(super) fn rewind(&mut self) -> Result<()> {
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
        self.file.write(bytes)
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
pub(super) fn write_error(error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Error::new(
            ErrorCode::StorageFull,
            "no space is left to receive the changes",
        ),
        _ => Error::internal("the spool could not be written"),
    }
}

pub(super) fn read_error(_: &io::Error) -> Error {
    Error::internal("the spool could not be read")
}
