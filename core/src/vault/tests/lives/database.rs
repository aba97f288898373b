//! A database as the vault sees it: a file that opens with one key alone and holds a committed
//! value. Its commits and its change of key are atomic, as SQLite's are.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::vault::DiskStep;
use crate::vault::disk::before;

fn print_of(key: &[u8; 32]) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&Sha256::digest(key)[..16]);
    out
}

/// Commits a value under a key.
pub(super) fn commit(file: &Path, key: &[u8; 32], value: u64) -> io::Result<()> {
    let mut bytes = print_of(key).to_vec();
    bytes.extend_from_slice(&value.to_be_bytes());
    // A write of nothing, nowhere: it can be refused or killed, but leaves nothing half done.
    before(DiskStep::Write(&[]), &file.join("nowhere"))?;
    fs::write(file, bytes)
}

/// The value, if this is the key.
pub(super) fn value(file: &Path, key: &[u8; 32]) -> Option<u64> {
    let bytes = fs::read(file).ok()?;
    let (print, value) = bytes.split_first_chunk::<16>()?;
    let value = value.try_into().ok()?;
    (*print == print_of(key)).then(|| u64::from_be_bytes(value))
}

/// Gives the database another key; it keeps its value.
pub(super) fn rekey(file: &Path, old: &[u8; 32], new: &[u8; 32]) -> io::Result<()> {
    let value = value(file, old).ok_or(io::ErrorKind::InvalidData)?;
    commit(file, new, value)
}
