//! The status file beside the keyring: what changes while the vault is locked. Owns its bytes and
//! its writing. Not authenticated: a hint only, and never a reason to delete anything.
//!
//! ```text
//! magic 8 | version 2 | unsynced records 8 (all ones: unknown) | count 1, then for each slot:
//!     id 16 | dropped 1 | wrong PINs 4 | delay length 8 (0: none) | boot known 1, boot 16 | since boot 8
//! checksum 16
//! ```
//!
//! What cannot be read is as if there were none: a status that could lock a vault for ever would be
//! worse than one that somebody can reset.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::attempts::{Attempts, Delay};
use super::directory::STATUS;
use super::files;
use super::keyring::SlotId;
use crate::error::Result;
use crate::ports::BootTime;

const MAGIC: [u8; 8] = *b"AMANAST\n";
const VERSION: [u8; 2] = 1_u16.to_be_bytes();
const CHECKSUM_LENGTH: usize = 16;
const MAX_LENGTH: usize = 16 * 1024;
const UNKNOWN: u64 = u64::MAX;

/// What the status file says.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Status {
    /// How many records had not been pushed when the vault was last open.
    pub unsynced: Option<u64>,
    pub slots: Vec<SlotStatus>,
}

/// What it says of one slot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct SlotStatus {
    pub id: SlotId,
    pub attempts: Attempts,
    /// The slot can no longer open; the next opening takes it out of the keyring.
    pub dropped: bool,
}

impl Status {
    /// Reads the status; nothing where there is none or it cannot be read.
    pub fn read(directory: &Path) -> Self {
        files::read_bounded(&path(directory), MAX_LENGTH)
            .ok()
            .flatten()
            .and_then(|bytes| decode(&bytes))
            .unwrap_or_default()
    }

    /// Reads the status, changes it, and writes it whole where something changed. One change at a
    /// time: a wrong PIN that is counted on one thread is not lost to a note of another.
    pub fn change<T>(directory: &Path, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        static ONE: Mutex<()> = Mutex::new(());
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let before = Self::read(directory);
        let mut status = before.clone();
        let result = change(&mut status)?;
        if status != before {
            status.write(directory)?;
        }
        Ok(result)
    }

    fn write(&self, directory: &Path) -> Result<()> {
        files::replace(&path(directory), &self.encode()).map_err(files::storage_error)
    }

    /// What is known of a slot.
    pub fn slot(&self, id: &SlotId) -> SlotStatus {
        let known = self.slots.iter().find(|slot| slot.id == *id);
        known.copied().unwrap_or(SlotStatus {
            id: *id,
            attempts: Attempts::default(),
            dropped: false,
        })
    }

    /// Replaces what is known of a slot; a slot of which nothing is known takes no room.
    pub fn set_slot(&mut self, slot: SlotStatus) {
        self.slots.retain(|other| other.id != slot.id);
        if slot.dropped || slot.attempts != Attempts::default() {
            self.slots.push(slot);
        }
    }

    /// Forgets slots that no longer exist.
    pub fn retain(&mut self, exists: impl Fn(&SlotId) -> bool) {
        self.slots.retain(|slot| exists(&slot.id));
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION);
        out.extend_from_slice(&self.unsynced.unwrap_or(UNKNOWN).to_be_bytes());
        // A keyring has fewer slots than a byte counts.
        let count = u8::try_from(self.slots.len()).unwrap_or(u8::MAX);
        out.push(count);
        for slot in self.slots.iter().take(usize::from(count)) {
            out.extend_from_slice(&slot.id);
            out.push(u8::from(slot.dropped));
            out.extend_from_slice(&slot.attempts.failures.to_be_bytes());
            let delay = slot.attempts.delay.unwrap_or(Delay {
                started: BootTime::default(),
                length_ms: 0,
            });
            out.extend_from_slice(&delay.length_ms.to_be_bytes());
            out.push(u8::from(delay.started.boot.is_some()));
            out.extend_from_slice(&delay.started.boot.unwrap_or_default());
            out.extend_from_slice(&delay.started.elapsed_ms.to_be_bytes());
        }
        let sum = Sha256::digest(&out);
        out.extend_from_slice(&sum[..CHECKSUM_LENGTH]);
        out
    }
}

/// Where the status is.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(STATUS)
}

/// Reads the bytes of a status; `None` where they are not whole.
pub(super) fn decode(bytes: &[u8]) -> Option<Status> {
    let (content, sum) = bytes.split_last_chunk::<CHECKSUM_LENGTH>()?;
    if sum[..] != Sha256::digest(content)[..CHECKSUM_LENGTH] {
        return None;
    }
    let mut input = content;
    if array(&mut input)? != MAGIC || array(&mut input)? != VERSION {
        return None;
    }
    let unsynced = Some(u64::from_be_bytes(array(&mut input)?)).filter(|count| *count != UNKNOWN);
    let [count] = array(&mut input)?;
    let slots = (0..count)
        .map(|_| slot(&mut input))
        .collect::<Option<Vec<_>>>()?;
    input.is_empty().then_some(Status { unsynced, slots })
}

fn slot(input: &mut &[u8]) -> Option<SlotStatus> {
    let id = array(input)?;
    let [dropped] = array(input)?;
    let failures = u32::from_be_bytes(array(input)?);
    let length_ms = u64::from_be_bytes(array(input)?);
    let [is_known] = array(input)?;
    let boot = array(input)?;
    let elapsed_ms = u64::from_be_bytes(array(input)?);
    let started = BootTime {
        boot: (is_known == 1).then_some(boot),
        elapsed_ms,
    };
    let delay = (length_ms > 0).then_some(Delay { started, length_ms });
    Some(SlotStatus {
        id,
        attempts: Attempts { failures, delay },
        dropped: dropped == 1,
    })
}

fn array<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status() -> impl Strategy<Value = Status> {
        type Plain = ([u8; 16], bool, u32, u64, Option<[u8; 16]>, u64);
        let slot =
            any::<Plain>().prop_map(|(id, dropped, failures, length_ms, boot, elapsed_ms)| {
                let started = BootTime { boot, elapsed_ms };
                let delay = (length_ms > 0).then_some(Delay { started, length_ms });
                SlotStatus {
                    id,
                    attempts: Attempts { failures, delay },
                    dropped,
                }
            });
        let unsynced = prop::option::of(0..UNKNOWN);
        (unsynced, prop::collection::vec(slot, 0..5))
            .prop_map(|(unsynced, slots)| Status { unsynced, slots })
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(status in status()) {
            prop_assert_eq!(decode(&status.encode()), Some(status));
        }

        #[test]
        fn noise_and_cut_files_are_nothing(
            status in status(), cut in any::<prop::sample::Index>(),
            noise in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let bytes = status.encode();
            prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())]), None);
            prop_assert_eq!(decode(&noise), None);
            let mut framed = noise;
            let sum = Sha256::digest(&framed);
            framed.extend_from_slice(&sum[..CHECKSUM_LENGTH]);
            prop_assert_eq!(decode(&framed), None);
        }
    }

    #[test]
    fn it_is_written_whole_and_read_again() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(Status::read(home.path()), Status::default());
        let mut status = Status {
            unsynced: Some(12),
            slots: Vec::new(),
        };
        let now = BootTime {
            boot: Some([4; 16]),
            elapsed_ms: 9,
        };
        let attempts = Attempts::default().with_failure(now);
        let slot = SlotStatus {
            attempts,
            ..status.slot(&[1; 16])
        };
        status.set_slot(slot);
        status.write(home.path()).unwrap();
        assert_eq!(Status::read(home.path()), status);
        assert_eq!(status.slot(&[1; 16]), slot);
        // A slot that has nothing against it is not in the file.
        status.set_slot(SlotStatus {
            attempts: Attempts::default(),
            ..slot
        });
        assert!(status.slots.is_empty());
        std::fs::write(path(home.path()), b"damaged").unwrap();
        assert_eq!(Status::read(home.path()), Status::default());
    }
}
