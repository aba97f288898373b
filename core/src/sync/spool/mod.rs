//! An encrypted temporary file that holds a pull until it is applied.
//!
//! Takes changes in the order they come and gives them back with all upserts first, then all
//! deletions: one file for each. Memory stays at one block per file. The key exists in memory
//! alone, so that a file left behind by a crash is noise. Never reads a file that it did not write.

mod blocks;
mod codec;

use std::path::Path;
use std::sync::Arc;

use aes_gcm::{Aes256Gcm, KeyInit};

use crate::error::{Error, Result};
use crate::model::change_set::{RemoteChange, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::schema::TableIndex;
use crate::ports::{ChangeSink, ChangeSource, Disk, Entropy};
use crate::secret::SpoolKey;
use crate::spool_file::SpoolFile;

use blocks::{BlockReader, BlockWriter};

pub use crate::spool_file::remove_leftovers;

/// Stream numbers: part of every nonce, so that two streams under one key never share one.
const UPSERTS: u8 = 0;
const DELETIONS: u8 = 1;

/// A spool that takes changes. Its files go when it is dropped.
pub struct Spool {
    upserts: BlockWriter<SpoolFile>,
    deletions: BlockWriter<SpoolFile>,
}

impl Spool {
    /// An empty spool in a directory, under a key of its own.
    pub fn create(directory: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let key = SpoolKey::make(entropy)?;
        let cipher = Aes256Gcm::new_from_slice(key.expose())
            .map_err(|_| Error::internal("the spool key has a wrong length"))?;
        Ok(Self {
            upserts: BlockWriter::new(
                SpoolFile::create(directory, entropy)?,
                cipher.clone(),
                UPSERTS,
            ),
            deletions: BlockWriter::new(SpoolFile::create(directory, entropy)?, cipher, DELETIONS),
        })
    }

    /// Ends in `storage_full` before the disk is full.
    #[must_use]
    pub fn watched(self, disk: &Arc<dyn Disk>) -> Self {
        let watch = |file: SpoolFile| file.watched(Arc::clone(disk));
        Self {
            upserts: self.upserts.map(watch),
            deletions: self.deletions.map(watch),
        }
    }

    /// Ends the writing and begins the reading.
    pub fn into_reader(self) -> Result<SpoolReader> {
        Ok(SpoolReader {
            upserts: into_reader(self.upserts)?,
            deletions: into_reader(self.deletions)?,
        })
    }
}

impl ChangeSink for Spool {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        codec::write_upsert(&mut self.upserts, table, &row)
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        codec::write_delete(&mut self.deletions, table, &id)
    }
}

fn into_reader(writer: BlockWriter<SpoolFile>) -> Result<BlockReader<SpoolFile>> {
    let stream = writer.stream();
    let (mut file, cipher) = writer.finish()?;
    file.rewind()?;
    Ok(BlockReader::new(file, cipher, stream))
}

/// A spool that gives its changes back. Its files go when it is dropped.
pub struct SpoolReader {
    upserts: BlockReader<SpoolFile>,
    deletions: BlockReader<SpoolFile>,
}

impl ChangeSource for SpoolReader {
    fn next_change(&mut self) -> Result<Option<RemoteChange>> {
        if let Some((table, row)) = codec::read_upsert(&mut self.upserts)? {
            return Ok(Some(RemoteChange::Upsert(table, row)));
        }
        let deletion = codec::read_delete(&mut self.deletions)?;
        Ok(deletion.map(|(table, id)| RemoteChange::Delete(table, id)))
    }
}

#[cfg(test)]
mod tests;
