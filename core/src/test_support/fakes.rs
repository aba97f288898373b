//! A clock that only moves when told, randomness from a seed, waiting that takes no time, a disk
//! with as much room as a test says.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::cancel::CancelToken;
use crate::error::Result;
use crate::ports::{BootTime, Clock, Disk, Entropy, Timer};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct FakeClock {
    now_ms: AtomicI64,
    monotonic_ms: AtomicU64,
    since_boot_ms: AtomicU64,
    boots: AtomicU64,
}

impl FakeClock {
    /// A clock that shows this time, in epoch milliseconds.
    pub const fn at(now_ms: i64) -> Self {
        Self {
            now_ms: AtomicI64::new(now_ms),
            monotonic_ms: AtomicU64::new(0),
            since_boot_ms: AtomicU64::new(0),
            boots: AtomicU64::new(0),
        }
    }

    /// Time passes.
    pub fn advance(&self, ms: u64) {
        self.now_ms
            .fetch_add(i64::try_from(ms).unwrap_or(i64::MAX), Ordering::SeqCst);
        self.monotonic_ms.fetch_add(ms, Ordering::SeqCst);
        self.since_boot_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// The device is started again: time since boot begins anew, under another name.
    pub fn reboot(&self) {
        self.since_boot_ms.store(0, Ordering::SeqCst);
        self.boots.fetch_add(1, Ordering::SeqCst);
    }

    /// Somebody sets the wall clock; monotonic time does not care.
    pub fn set_wall(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    fn monotonic_ms(&self) -> u64 {
        self.monotonic_ms.load(Ordering::SeqCst)
    }

    fn since_boot(&self) -> BootTime {
        let mut boot = [0; 16];
        boot[..8].copy_from_slice(&self.boots.load(Ordering::SeqCst).to_be_bytes());
        BootTime {
            boot: Some(boot),
            elapsed_ms: self.since_boot_ms.load(Ordering::SeqCst),
        }
    }
}

/// The same bytes for the same seed. For tests alone.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    counter: AtomicU64,
}

impl SeededEntropy {
    /// Randomness that a seed decides.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            counter: AtomicU64::new(0),
        }
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        for chunk in buffer.chunks_mut(32) {
            let counter = self.counter.fetch_add(1, Ordering::SeqCst);
            let mut hash = Sha256::new();
            hash.update(self.seed.to_le_bytes());
            hash.update(counter.to_le_bytes());
            chunk.copy_from_slice(&hash.finalize()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Remembers how long it was asked to wait, and returns at once.
#[derive(Debug, Default)]
pub struct InstantTimer {
    waits: Mutex<Vec<Duration>>,
}

impl InstantTimer {
    /// The waits asked for so far.
    pub fn waits(&self) -> Vec<Duration> {
        self.waits
            .lock()
            .map(|waits| waits.clone())
            .unwrap_or_default()
    }
}

impl Timer for InstantTimer {
    fn wait(&self, duration: Duration, cancel: &CancelToken) -> Result<()> {
        cancel.check()?;
        if let Ok(mut waits) = self.waits.lock() {
            waits.push(duration);
        }
        Ok(())
    }
}

/// A disk with as much room as the test says.
#[derive(Debug)]
pub struct FakeDisk(Option<AtomicU64>);

impl FakeDisk {
    /// One with so many bytes free.
    pub const fn with(bytes: u64) -> Self {
        Self(Some(AtomicU64::new(bytes)))
    }

    /// One that does not tell.
    pub const fn unknown() -> Self {
        Self(None)
    }

    /// Something was written.
    pub fn take(&self, bytes: u64) {
        if let Some(free) = &self.0 {
            free.fetch_sub(bytes, Ordering::SeqCst);
        }
    }
}

impl Disk for FakeDisk {
    fn free_bytes(&self, _: &Path) -> Option<u64> {
        self.0.as_ref().map(|free| free.load(Ordering::SeqCst))
    }
}
