//! The reading half: a thread decrypts and decodes ahead, in batches, so that who applies the
//! changes does nothing else meanwhile. What is one batch alone needs no thread.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use aes_gcm::Aes256Gcm;

use super::blocks::{BLOCK, BlockReader};
use super::codec;
use super::writing::{DELETIONS, UPSERTS};
use crate::error::{Error, Result};
use crate::model::change_set::RemoteChange;
use crate::ports::ChangeSource;
use crate::spool_file::SpoolFile;

/// A batch ends behind the change with which it gets as large as this, or as long.
const BATCH_BYTES: u64 = BLOCK as u64;
const BATCH_CHANGES: usize = 256;
/// Batches that may wait.
const BATCHES: usize = 2;

type Batch = Vec<RemoteChange>;

/// A spool that gives its changes back. Its files go when it is dropped.
pub struct SpoolReader {
    state: State,
    batch: Batch,
    /// How many changes of the batch were handed out.
    used: usize,
}

enum State {
    /// Nobody has asked yet.
    Waiting(Box<Streams>),
    Reading(ReadingThread),
    /// All is handed out, or reading failed.
    Ended,
    Failed(Error),
}

struct Streams {
    upserts: BlockReader<SpoolFile>,
    deletions: BlockReader<SpoolFile>,
}

struct ReadingThread {
    batches: Receiver<Result<Batch>>,
    /// Where batches go back to: what a thread allocated is best freed by it.
    used: Sender<Batch>,
    thread: JoinHandle<()>,
}

impl SpoolReader {
    pub(super) fn new(upserts: SpoolFile, deletions: SpoolFile, cipher: Aes256Gcm) -> Self {
        Self {
            state: State::Waiting(Box::new(Streams {
                upserts: BlockReader::new(upserts, cipher.clone(), UPSERTS),
                deletions: BlockReader::new(deletions, cipher, DELETIONS),
            })),
            batch: Batch::new(),
            used: 0,
        }
    }

    /// Gets the first batch, here: mostly it is the only one.
    fn fetch_first(&mut self, mut streams: Streams) -> Result<()> {
        let start = streams.handed_out();
        match streams.batch(Batch::new()) {
            Ok(batch) => {
                if batch.len() == BATCH_CHANGES || streams.handed_out() - start >= BATCH_BYTES {
                    self.state = State::Reading(ReadingThread::start(streams)?);
                }
                self.batch = batch;
                Ok(())
            }
            Err(error) => {
                self.state = State::Failed(error.clone());
                Err(error)
            }
        }
    }

    /// Gets the next batch; an empty one at the end.
    fn fetch(&mut self) -> Result<()> {
        let thread = match std::mem::replace(&mut self.state, State::Ended) {
            State::Waiting(streams) => return self.fetch_first(*streams),
            State::Reading(thread) => thread,
            State::Ended => return Ok(()),
            State::Failed(error) => {
                self.state = State::Failed(error.clone());
                return Err(error);
            }
        };
        let done = std::mem::take(&mut self.batch);
        self.used = 0;
        // It may have read all, and have ended.
        let _ = thread.used.send(done);
        match thread.batches.recv() {
            Ok(Ok(batch)) => {
                self.batch = batch;
                self.state = State::Reading(thread);
                Ok(())
            }
            Ok(Err(error)) => {
                self.state = State::Failed(error.clone());
                Err(error)
            }
            // No more batches, and no error: the end, unless the thread broke down.
            Err(_) => thread.thread.join().map_err(|_| {
                let error = Error::internal("the spool's thread ended early");
                self.state = State::Failed(error.clone());
                error
            }),
        }
    }
}

impl ChangeSource for SpoolReader {
    fn next_change(&mut self) -> Result<Option<&RemoteChange>> {
        if self.used == self.batch.len() {
            self.fetch()?;
        }
        let change = self.batch.get(self.used);
        self.used += usize::from(change.is_some());
        Ok(change)
    }
}

impl Drop for SpoolReader {
    fn drop(&mut self) {
        // The files are gone once this returns.
        if let State::Reading(reading) = std::mem::replace(&mut self.state, State::Ended) {
            drop(reading.batches);
            let _ = reading.thread.join();
        }
    }
}

impl ReadingThread {
    fn start(mut streams: Streams) -> Result<Self> {
        let (sender, batches) = sync_channel(BATCHES);
        let (used, returned) = channel();
        let thread = std::thread::Builder::new()
            .name("amana-spool".to_owned())
            .spawn(move || read_ahead(&mut streams, &sender, &returned))
            .map_err(|_| Error::internal("no thread for the spool"))?;
        Ok(Self {
            batches,
            used,
            thread,
        })
    }
}

fn read_ahead(
    streams: &mut Streams,
    batches: &SyncSender<Result<Batch>>,
    returned: &Receiver<Batch>,
) {
    loop {
        match streams.batch(returned.try_recv().unwrap_or_default()) {
            Ok(batch) if batch.is_empty() => return,
            read => {
                let failed = read.is_err();
                if batches.send(read).is_err() || failed {
                    return;
                }
            }
        }
    }
}

impl Streams {
    /// The next changes: all upserts before all deletions; none at the end.
    fn batch(&mut self, mut batch: Batch) -> Result<Batch> {
        batch.clear();
        let start = self.handed_out();
        while batch.len() < BATCH_CHANGES && self.handed_out() - start < BATCH_BYTES {
            match self.next()? {
                Some(change) => batch.push(change),
                None => break,
            }
        }
        Ok(batch)
    }

    fn next(&mut self) -> Result<Option<RemoteChange>> {
        if let Some((table, row)) = codec::read_upsert(&mut self.upserts)? {
            return Ok(Some(RemoteChange::Upsert(table, row)));
        }
        let deletion = codec::read_delete(&mut self.deletions)?;
        Ok(deletion.map(|(table, id)| RemoteChange::Delete(table, id)))
    }

    const fn handed_out(&self) -> u64 {
        self.upserts.handed_out() + self.deletions.handed_out()
    }
}
