//! Where the ciphertext of a reply waits until its tag was checked: in memory while it is small, in
//! a spool file beyond that. The file holds what went over the air anyway, and is gone when this is
//! dropped.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Result;
use crate::ports::{Disk, Entropy};
use crate::spool_file::{SpoolFile, read_error, write_error};

/// What stays in memory, in bytes.
const IN_MEMORY: usize = 256 * 1024;

/// Where a file may be made, and who watches the disk.
#[derive(Clone)]
pub(super) struct StorePlace {
    pub directory: PathBuf,
    pub entropy: Arc<dyn Entropy>,
    pub disk: Arc<dyn Disk>,
}

/// Takes bytes, then gives them back.
pub(super) struct Store {
    place: StorePlace,
    memory: Vec<u8>,
    file: Option<SpoolFile>,
    /// How much of the memory was given back.
    given: usize,
}

impl Store {
    pub(super) const fn new(place: StorePlace) -> Self {
        Self {
            place,
            memory: Vec::new(),
            file: None,
            given: 0,
        }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.memory.len() + bytes.len() > IN_MEMORY {
            self.spill()?;
        }
        self.memory.extend_from_slice(bytes);
        Ok(())
    }

    /// Begins the reading, or begins it again.
    pub(super) fn rewind(&mut self) -> Result<()> {
        self.given = 0;
        if self.file.is_some() {
            self.spill()?;
        }
        match &mut self.file {
            Some(file) => file.rewind(),
            None => Ok(()),
        }
    }

    /// The next bytes; 0 at the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if let Some(file) = &mut self.file {
            return file.read(buffer).map_err(|e| read_error(&e));
        }
        let rest = &self.memory[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }

    fn spill(&mut self) -> Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let StorePlace {
                    directory,
                    entropy,
                    disk,
                } = &self.place;
                let file = SpoolFile::create(directory, &**entropy)?;
                self.file.insert(file.watched(Arc::clone(disk)))
            }
        };
        file.write_all(&self.memory).map_err(|e| write_error(&e))?;
        self.memory.clear();
        Ok(())
    }

    #[cfg(test)]
    pub(super) const fn is_on_disk(&self) -> bool {
        self.file.is_some()
    }
}
