//! The real clock, randomness, waiting and disk: the only file that touches them.
#![allow(clippy::disallowed_methods)]

use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::ports::{BootTime, Clock, Disk, Entropy, Timer};

/// The device's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            })
    }

    fn monotonic_ms(&self) -> u64 {
        static START: OnceLock<Instant> = OnceLock::new();
        u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    #[cfg(unix)]
    fn since_boot(&self) -> BootTime {
        use rustix::time::{ClockId, clock_gettime};
        // On Apple systems the monotonic clock counts sleep; Linux has a clock of its own for that.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let time = clock_gettime(ClockId::Boottime);
        #[cfg(not(any(target_os = "linux", target_os = "android")))]
        let time = clock_gettime(ClockId::Monotonic);
        let milliseconds = i128::from(time.tv_sec) * 1000 + i128::from(time.tv_nsec) / 1_000_000;
        BootTime {
            boot: boot_id(),
            elapsed_ms: u64::try_from(milliseconds).unwrap_or(0),
        }
    }
}

/// The kernel's name for this start; Android may keep it from apps, Apple has none in a file.
#[cfg(unix)]
fn boot_id() -> Option<[u8; 16]> {
    static BOOT: OnceLock<Option<[u8; 16]>> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        uuid::Uuid::parse_str(text.trim())
            .ok()
            .map(uuid::Uuid::into_bytes)
    })
}

/// The operating system's randomness.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        getrandom::fill(buffer).map_err(|_| Error::internal("the system has no randomness"))
    }
}

/// Real waiting, in steps short enough for a cancel to be felt at once.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    fn wait(&self, duration: Duration, cancel: &CancelToken) -> Result<()> {
        const STEP: Duration = Duration::from_millis(50);
        let end = Instant::now() + duration;
        loop {
            cancel.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(STEP));
        }
    }
}

/// The device's disk.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    #[cfg(unix)]
    fn free_bytes(&self, directory: &Path) -> Option<u64> {
        let found = rustix::fs::statvfs(directory).ok()?;
        // Available to apps: the file system keeps some for itself.
        found.f_bavail.checked_mul(found.f_frsize)
    }

    #[cfg(not(unix))]
    fn free_bytes(&self, _: &Path) -> Option<u64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_disk_has_room_and_one_that_is_not_there_cannot_tell() {
        assert!(SystemDisk.free_bytes(Path::new("/")).is_some());
        assert_eq!(SystemDisk.free_bytes(Path::new("/no such place")), None);
    }

    #[test]
    fn time_since_boot_goes_on_and_its_boot_stays() {
        let (first, second) = (SystemClock.since_boot(), SystemClock.since_boot());
        assert!(second.elapsed_ms >= first.elapsed_ms);
        assert_eq!(first.boot, second.boot);
        #[cfg(target_os = "linux")]
        assert!(first.elapsed_ms > 0 && first.boot.is_some());
    }
    /// The wait is an hour: it ends by the cancel, or the test fails.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_cancel_ends_a_wait_that_has_begun() {
        use std::sync::mpsc;
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let (tell, told) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let cancel = CancelToken::new();
        let token = cancel.clone();
        std::thread::spawn(move || {
            let this = std::fs::read_link("/proc/thread-self").unwrap();
            tell.send(this).unwrap();
            end.send(SystemTimer.wait(HOUR, &token)).unwrap();
        });
        // Until the thread sleeps, which is state S in the file of its state.
        let state = Path::new("/proc").join(told.recv().unwrap()).join("stat");
        while !std::fs::read_to_string(&state).unwrap().contains(") S ") {
            std::thread::yield_now();
        }
        cancel.cancel();
        let result = ended.recv_timeout(Duration::from_secs(60));
        let error = result.expect("it waits on").unwrap_err();
        assert_eq!(error.code(), crate::ErrorCode::Cancelled);
    }

    #[test]
    fn a_wait_goes_by_and_one_that_is_cancelled_before_does_not_begin() {
        let cancel = CancelToken::new();
        SystemTimer.wait(Duration::from_millis(1), &cancel).unwrap();
        cancel.cancel();
        let error = SystemTimer.wait(Duration::ZERO, &cancel).unwrap_err();
        assert_eq!(error.code(), crate::ErrorCode::Cancelled);
    }
}
