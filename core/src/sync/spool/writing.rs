//! The writing half: changes become bytes on the caller's thread, and are encrypted and written on
//! another, so that neither waits for the other.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::blocks::{BLOCK, BlockWriter};
use super::codec;
use super::reading::SpoolReader;
use crate::error::{Error, Result};
use crate::model::change_set::RemoteRow;
use crate::model::ids::RecordId;
use crate::model::schema::TableIndex;
use crate::ports::{ChangeSink, Disk, Entropy};
use crate::secret::SpoolKey;
use crate::spool_file::SpoolFile;

/// Stream numbers: part of every nonce, so that two streams under one key never share one.
pub(super) const UPSERTS: u8 = 0;
pub(super) const DELETIONS: u8 = 1;

/// Bytes that are handed over at once, and how many such pieces may wait.
const PIECE_BYTES: usize = 2 * BLOCK;
const PIECES: usize = 4;

type Bytes = Zeroizing<Vec<u8>>;

/// A spool that takes changes. Its files go when it is dropped.
pub struct Spool {
    upserts: Bytes,
    deletions: Bytes,
    sealer: Sealer,
}

impl Spool {
    /// An empty spool in a directory, under a key of its own.
    pub fn create(directory: &Path, entropy: &dyn Entropy) -> Result<Self> {
        let key = SpoolKey::make(entropy)?;
        let cipher = Aes256Gcm::new_from_slice(key.expose())
            .map_err(|_| Error::internal("the spool key has a wrong length"))?;
        let file = || SpoolFile::create(directory, entropy);
        let files = Files {
            upserts: BlockWriter::new(file()?, cipher.clone(), UPSERTS),
            deletions: BlockWriter::new(file()?, cipher, DELETIONS),
        };
        Ok(Self {
            upserts: Bytes::default(),
            deletions: Bytes::default(),
            sealer: Sealer::Here(Box::new(files)),
        })
    }

    /// Ends in `storage_full` before the disk is full. To be called before anything is written.
    #[must_use]
    pub fn watched(mut self, disk: &Arc<dyn Disk>) -> Self {
        if let Sealer::Here(files) = self.sealer {
            let watch = |file: SpoolFile| file.watched(Arc::clone(disk));
            self.sealer = Sealer::Here(Box::new(Files {
                upserts: files.upserts.map(watch),
                deletions: files.deletions.map(watch),
            }));
        }
        self
    }

    /// Ends the writing and begins the reading.
    pub fn into_reader(self) -> Result<SpoolReader> {
        let mut files = self.sealer.finish()?;
        files.upserts.write(&self.upserts)?;
        files.deletions.write(&self.deletions)?;
        let (mut upserts, cipher) = files.upserts.finish()?;
        let (mut deletions, _) = files.deletions.finish()?;
        upserts.rewind()?;
        deletions.rewind()?;
        Ok(SpoolReader::new(upserts, deletions, cipher))
    }
}

impl ChangeSink for Spool {
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()> {
        codec::write_upsert(&mut self.upserts, table, &row)?;
        if self.upserts.len() >= PIECE_BYTES {
            self.sealer.put(Stream::Upserts, &mut self.upserts)?;
        }
        Ok(())
    }

    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()> {
        codec::write_delete(&mut self.deletions, table, &id)?;
        if self.deletions.len() >= PIECE_BYTES {
            self.sealer.put(Stream::Deletions, &mut self.deletions)?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Stream {
    Upserts,
    Deletions,
}

struct Files {
    upserts: BlockWriter<SpoolFile>,
    deletions: BlockWriter<SpoolFile>,
}

impl Files {
    fn write(&mut self, stream: Stream, bytes: &[u8]) -> Result<()> {
        match stream {
            Stream::Upserts => self.upserts.write(bytes),
            Stream::Deletions => self.deletions.write(bytes),
        }
    }
}

/// Who encrypts and writes: nobody else as long as there is little, then a thread.
enum Sealer {
    Here(Box<Files>),
    Elsewhere(SealingThread),
    /// It failed, and has said so.
    Failed,
}

struct SealingThread {
    pieces: SyncSender<(Stream, Bytes)>,
    /// Pieces that were written, to be filled again.
    used: Receiver<Bytes>,
    thread: JoinHandle<Result<Files>>,
}

impl Sealer {
    /// Hands the bytes over, and leaves an empty buffer.
    fn put(&mut self, stream: Stream, bytes: &mut Bytes) -> Result<()> {
        let thread = match std::mem::replace(self, Self::Failed) {
            Self::Here(files) => SealingThread::start(*files)?,
            Self::Elsewhere(thread) => thread,
            Self::Failed => return Err(Error::internal("the spool has failed before")),
        };
        let empty = thread.used.try_recv().unwrap_or_default();
        let piece = std::mem::replace(bytes, empty);
        if thread.pieces.send((stream, piece)).is_err() {
            // It ended before its time: with an error.
            return thread.finish().map(|_| ());
        }
        *self = Self::Elsewhere(thread);
        Ok(())
    }

    fn finish(self) -> Result<Files> {
        match self {
            Self::Here(files) => Ok(*files),
            Self::Elsewhere(thread) => thread.finish(),
            Self::Failed => Err(Error::internal("the spool has failed before")),
        }
    }
}

impl SealingThread {
    fn start(mut files: Files) -> Result<Self> {
        let (pieces, incoming) = sync_channel::<(Stream, Bytes)>(PIECES);
        let (outgoing, used) = channel();
        let thread = std::thread::Builder::new()
            .name("amana-spool".to_owned())
            .spawn(move || {
                for (stream, mut piece) in incoming {
                    files.write(stream, &piece)?;
                    piece.clear();
                    // Nobody may want it any more.
                    let _ = outgoing.send(piece);
                }
                Ok(files)
            })
            .map_err(|_| Error::internal("no thread for the spool"))?;
        Ok(Self {
            pieces,
            used,
            thread,
        })
    }

    fn finish(self) -> Result<Files> {
        drop(self.pieces);
        self.thread
            .join()
            .unwrap_or_else(|_| Err(Error::internal("the spool's thread ended early")))
    }
}
