//! A stream of bytes as AES-256-GCM blocks.
//!
//! Every block but the last holds exactly [`BLOCK`] bytes; the last holds fewer, perhaps none. The
//! block's number and stream are its nonce, and whether it is the last is authenticated with it:
//! a block moved, repeated, cut off or changed does not open.

use std::io::{Read, Write};

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, Nonce};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorCode, Result};
use crate::spool_file::{read_error, write_error};

/// Plaintext bytes of a full block.
pub(super) const BLOCK: usize = 64 * 1024;
/// Bytes that the authentication adds to each block.
pub(super) const TAG: usize = 16;

/// Encrypts what is written to it.
pub(super) struct BlockWriter<W> {
    out: W,
    cipher: Aes256Gcm,
    position: Position,
    block: Zeroizing<Vec<u8>>,
}

impl<W: Write> BlockWriter<W> {
    pub(super) fn new(out: W, cipher: Aes256Gcm, stream: u8) -> Self {
        Self {
            out,
            cipher,
            position: Position::start(stream),
            block: buffer(),
        }
    }

    /// Writes on, to something else that stands for the same.
    pub(super) fn map<V>(self, change: impl FnOnce(W) -> V) -> BlockWriter<V> {
        BlockWriter {
            out: change(self.out),
            cipher: self.cipher,
            position: self.position,
            block: self.block,
        }
    }

    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.block.len()));
            self.block.extend_from_slice(now);
            bytes = later;
            if self.block.len() == BLOCK {
                self.seal(false)?;
            }
        }
        Ok(())
    }

    /// Writes the last block and gives back what is needed for reading.
    pub(super) fn finish(mut self) -> Result<(W, Aes256Gcm)> {
        self.seal(true)?;
        self.out.flush().map_err(|e| write_error(&e))?;
        Ok((self.out, self.cipher))
    }

    fn seal(&mut self, last: bool) -> Result<()> {
        let (nonce, position) = self.position.next(last);
        self.cipher
            .encrypt_in_place(&nonce, &position, &mut *self.block)
            .map_err(|_| Error::internal("the spool could not be encrypted"))?;
        self.out
            .write_all(&self.block)
            .map_err(|e| write_error(&e))?;
        self.block.clear();
        Ok(())
    }
}

/// Decrypts what a [`BlockWriter`] wrote.
pub(super) struct BlockReader<R> {
    input: R,
    cipher: Aes256Gcm,
    position: Position,
    block: Zeroizing<Vec<u8>>,
    /// How much of the block was handed out.
    used: usize,
    /// How much was handed out of the blocks before.
    before: u64,
    last: bool,
    failed: bool,
}

impl<R: Read> BlockReader<R> {
    pub(super) fn new(input: R, cipher: Aes256Gcm, stream: u8) -> Self {
        Self {
            input,
            cipher,
            position: Position::start(stream),
            block: buffer(),
            used: 0,
            before: 0,
            last: false,
            failed: false,
        }
    }

    /// How many bytes were handed out.
    pub(super) const fn handed_out(&self) -> u64 {
        self.before + self.used as u64
    }

    /// Whether everything was read, down to the block that says so.
    pub(super) fn is_at_end(&mut self) -> Result<bool> {
        Ok(self.fill()? == 0)
    }

    pub(super) fn read_exact(&mut self, mut out: &mut [u8]) -> Result<()> {
        while !out.is_empty() {
            let count = self.fill()?.min(out.len());
            if count == 0 {
                return Err(damaged());
            }
            let (now, later) = out.split_at_mut(count);
            now.copy_from_slice(&self.block[self.used..self.used + count]);
            self.used += count;
            out = later;
        }
        Ok(())
    }

    /// Reads so many bytes without trusting the number: memory grows with what is really there.
    pub(super) fn read_vec(&mut self, length: usize) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length.min(BLOCK));
        while bytes.len() < length {
            let count = self.fill()?.min(length - bytes.len());
            if count == 0 {
                return Err(damaged());
            }
            bytes.extend_from_slice(&self.block[self.used..self.used + count]);
            self.used += count;
        }
        Ok(bytes)
    }

    /// Makes sure that something is in the block, unless all is read. Returns how much.
    fn fill(&mut self) -> Result<usize> {
        if self.failed {
            return Err(damaged());
        }
        while self.used == self.block.len() && !self.last {
            self.open_next()?;
        }
        Ok(self.block.len() - self.used)
    }

    fn open_next(&mut self) -> Result<()> {
        self.before += self.used as u64;
        self.used = 0;
        self.block.clear();
        // As much as the buffer holds: it never grows, so no copy of it is left behind.
        let mut next = self.input.by_ref().take((BLOCK + TAG) as u64);
        let length = match next.read_to_end(&mut self.block) {
            Ok(length) => length,
            Err(e) => return Err(self.spoil(read_error(&e))),
        };
        self.last = length < BLOCK + TAG;
        let (nonce, position) = self.position.next(self.last);
        self.cipher
            .decrypt_in_place(&nonce, &position, &mut *self.block)
            .map_err(|_| self.spoil(damaged()))
    }

    /// After a failure nothing more is handed out, not even an end.
    fn spoil(&mut self, error: Error) -> Error {
        self.failed = true;
        self.block.clear();
        error
    }
}

/// Where the next block stands.
struct Position {
    stream: u8,
    block: u64,
}

impl Position {
    const fn start(stream: u8) -> Self {
        Self { stream, block: 0 }
    }

    /// The nonce of the next block, and what is authenticated along with it.
    fn next(&mut self, last: bool) -> (Nonce<Aes256Gcm>, [u8; 13]) {
        let mut bytes = [0; 13];
        bytes[0] = self.stream;
        bytes[4..12].copy_from_slice(&self.block.to_be_bytes());
        bytes[12] = u8::from(last);
        self.block += 1;
        let mut nonce = Nonce::<Aes256Gcm>::default();
        nonce.copy_from_slice(&bytes[..12]);
        (nonce, bytes)
    }
}

fn buffer() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(BLOCK + TAG))
}

pub(super) fn damaged() -> Error {
    Error::new(ErrorCode::DatabaseDamaged, "the spool is damaged")
}
