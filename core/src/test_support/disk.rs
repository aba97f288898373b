//! A phone's disk, simulated under the vault's own files: full, failing, hidden while the phone is
//! locked, cut off in the middle of a write. What SQLite writes does not come by here.
//!
//! The files are real. A simulated disk only hears of each step before it is taken, and lets it
//! happen, refuses it, or ends the process there: an unwinding that [`PhoneDisk::run`] catches, so that
//! nothing after the step runs. A power cut also takes back what was not made durable by then.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Error, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::vault::DiskStep;

/// What goes wrong at a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskFault {
    /// The process is killed before the step.
    Kill,
    /// The process is killed; a write gets half of its bytes down.
    Torn,
    /// The phone loses its power: names that were not made durable are as they were, the last ones
    /// first, at most so many; a file whose content was not made durable holds half of it.
    PowerCut(usize),
    /// No space, for this and every later write.
    Full,
    /// The step fails once, for no reason that can be told.
    Fails,
}

/// The payload of an unwinding that stands for the end of the process.
struct Killed;

/// A simulated disk.
#[derive(Debug, Default)]
pub struct PhoneDisk {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hidden: bool,
    full: bool,
    /// The fault, and how many steps that change something go well before it.
    armed: Option<(u32, DiskFault)>,
    steps: u32,
    not_durable: Vec<Change>,
    unsynced: BTreeSet<PathBuf>,
}

/// A change of names that a power cut can take back.
#[derive(Debug)]
enum Change {
    Renamed {
        from: PathBuf,
        to: PathBuf,
        replaced: Option<Vec<u8>>,
        torn: bool,
    },
    Removed {
        path: PathBuf,
        content: Vec<u8>,
    },
}

thread_local! {
    static PLUGGED: RefCell<Option<Arc<PhoneDisk>>> = const { RefCell::new(None) };
}

/// What the vault's files call before each step.
pub(crate) fn before_disk_step(step: DiskStep<'_>, path: &Path) -> Result<(), Error> {
    // The disk is let go of first: an unwinding must not find it borrowed.
    match PLUGGED.with_borrow(Clone::clone) {
        Some(disk) => disk.before(step, path),
        None => Ok(()),
    }
}

/// Takes the disk out again when dropped.
#[derive(Debug)]
struct Plugged(Option<Arc<PhoneDisk>>);

impl Drop for Plugged {
    fn drop(&mut self) {
        PLUGGED.set(self.0.take());
    }
}

/// Ends the simulated process here. Only under [`PhoneDisk::run`].
pub(super) fn kill() -> ! {
    resume_unwind(Box::new(Killed))
}

impl PhoneDisk {
    /// Runs a piece of the process's life on this thread with this disk under it; `None` if it was
    /// killed. Afterwards no fault is armed any more.
    pub fn run<T>(self: &Arc<Self>, live: impl FnOnce() -> T) -> Option<T> {
        let plugged = Plugged(PLUGGED.replace(Some(Arc::clone(self))));
        let result = catch_unwind(AssertUnwindSafe(live));
        drop(plugged);
        self.state().armed = None;
        match result {
            Ok(result) => Some(result),
            Err(payload) if payload.is::<Killed>() => None,
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Lets something go wrong after so many more steps that change something.
    pub fn arm(&self, after: u32, fault: DiskFault) {
        self.state().armed = Some((after, fault));
    }

    /// Whether something may go wrong in the next piece of life, or cannot go well.
    pub fn is_troubled(&self) -> bool {
        let state = self.state();
        state.armed.is_some() || state.full || state.hidden
    }

    /// Whether protected files can be neither read nor written.
    pub fn set_hidden(&self, hidden: bool) {
        self.state().hidden = hidden;
    }

    /// Whether protected files can be neither read nor written.
    pub fn is_hidden(&self) -> bool {
        self.state().hidden
    }

    /// Whether there is no space left.
    pub fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    /// Whether there is no space left.
    pub fn is_full(&self) -> bool {
        self.state().full
    }

    /// All that was done so far is durable: time has passed, or the files were moved by others.
    pub fn settle(&self) {
        let mut state = self.state();
        state.not_durable.clear();
        state.unsynced.clear();
    }

    /// How many steps that change something were taken since this was last asked.
    pub fn steps(&self) -> u32 {
        std::mem::take(&mut self.state().steps)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn before(&self, step: DiskStep<'_>, path: &Path) -> Result<(), Error> {
        let mut state = self.state();
        if state.hidden {
            return Err(ErrorKind::PermissionDenied.into());
        }
        if matches!(step, DiskStep::Look) {
            return Ok(());
        }
        state.steps += 1;
        let fault = match &mut state.armed {
            Some((0, fault)) => Some(*fault),
            Some((left, _)) => {
                *left -= 1;
                None
            }
            None => None,
        };
        if fault.is_some() {
            state.armed = None;
        }
        match fault {
            None => {}
            Some(DiskFault::Kill) => {
                drop(state);
                kill();
            }
            Some(DiskFault::Torn) => {
                drop(state);
                tear(step, path);
                kill();
            }
            Some(DiskFault::PowerCut(most)) => {
                tear(step, path);
                state.take_back(most);
                drop(state);
                kill();
            }
            Some(DiskFault::Full) => state.full = true,
            Some(DiskFault::Fails) => return Err(ErrorKind::Other.into()),
        }
        if state.full && matches!(step, DiskStep::Write(_)) {
            tear(step, path);
            return Err(ErrorKind::StorageFull.into());
        }
        state.note(step, path);
        Ok(())
    }
}

impl crate::ports::Disk for PhoneDisk {
    fn free_bytes(&self, _: &Path) -> Option<u64> {
        Some(if self.is_full() { 0 } else { u64::MAX })
    }
}

impl State {
    fn note(&mut self, step: DiskStep<'_>, path: &Path) {
        match step {
            DiskStep::Look => {}
            DiskStep::Write(_) => {
                self.unsynced.insert(path.to_owned());
            }
            DiskStep::Sync => {
                self.unsynced.remove(path);
            }
            DiskStep::Rename(to) => {
                let change = Change::Renamed {
                    from: path.to_owned(),
                    to: to.to_owned(),
                    replaced: fs::read(to).ok(),
                    torn: self.unsynced.remove(path),
                };
                // A directory that moves takes what is in it along; it is not taken back.
                if path.is_file() {
                    self.not_durable.push(change);
                }
            }
            DiskStep::Remove => {
                if let Ok(content) = fs::read(path) {
                    let path = path.to_owned();
                    self.not_durable.push(Change::Removed { path, content });
                }
            }
            DiskStep::SyncNames => self.not_durable.retain(|change| {
                let (Change::Renamed { to: name, .. } | Change::Removed { path: name, .. }) =
                    change;
                name.parent() != Some(path)
            }),
        }
    }

    fn take_back(&mut self, most: usize) {
        let kept = self.not_durable.len().saturating_sub(most);
        for change in self.not_durable.split_off(kept).into_iter().rev() {
            // What cannot be taken back was never there: tests keep the files elsewhere then.
            match change {
                Change::Renamed {
                    from, to, replaced, ..
                } => {
                    let _ = fs::rename(&to, from);
                    if let Some(bytes) = replaced {
                        let _ = fs::write(to, bytes);
                    }
                }
                Change::Removed { path, content } => {
                    let _ = fs::write(path, content);
                }
            }
        }
        for change in self.not_durable.drain(..) {
            if let Change::Renamed { to, torn: true, .. } = change
                && let Ok(bytes) = fs::read(&to)
            {
                let _ = fs::write(to, half(&bytes));
            }
        }
        self.unsynced.clear();
    }
}

fn tear(step: DiskStep<'_>, path: &Path) {
    if let DiskStep::Write(bytes) = step {
        let _ = fs::write(path, half(bytes));
    }
}

fn half(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(disk: &Arc<PhoneDisk>, path: &Path, sync: bool) -> Option<Result<(), Error>> {
        let new = path.with_extension("new");
        disk.run(|| {
            before_disk_step(DiskStep::Write(b"second"), &new)?;
            fs::write(&new, b"second")?;
            if sync {
                before_disk_step(DiskStep::Sync, &new)?;
            }
            before_disk_step(DiskStep::Rename(path), &new)?;
            fs::rename(&new, path)?;
            before_disk_step(DiskStep::SyncNames, path.parent().unwrap())
        })
    }

    #[test]
    fn it_kills_tears_refuses_and_takes_back() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        let disk = Arc::new(PhoneDisk::default());
        let first = || fs::write(&path, b"first").unwrap();
        let now = || fs::read_to_string(&path).unwrap();

        first();
        disk.arm(0, DiskFault::Torn);
        assert!(replace(&disk, &path, true).is_none());
        assert_eq!(now(), "first");
        assert_eq!(fs::read(path.with_extension("new")).unwrap(), b"sec");

        // Renamed, but its name was not made durable yet.
        disk.arm(3, DiskFault::Kill);
        assert!(replace(&disk, &path, true).is_none());
        assert_eq!(now(), "second");
        first();
        disk.arm(3, DiskFault::PowerCut(9));
        assert!(replace(&disk, &path, true).is_none());
        assert_eq!(now(), "first");

        // Renamed before its content was durable: the name came through, half of the content.
        disk.arm(2, DiskFault::PowerCut(0));
        assert!(replace(&disk, &path, false).is_none());
        assert_eq!(now(), "sec");

        disk.arm(0, DiskFault::Full);
        let full = replace(&disk, &path, true).unwrap().unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        assert!(disk.is_full());
        disk.set_full(false);
        disk.set_hidden(true);
        let hidden = replace(&disk, &path, true).unwrap().unwrap_err();
        assert_eq!(hidden.kind(), ErrorKind::PermissionDenied);
        disk.set_hidden(false);
        disk.steps();
        replace(&disk, &path, true).unwrap().unwrap();
        assert_eq!((now().as_str(), disk.steps()), ("second", 4));
    }

    #[test]
    fn a_panic_of_its_own_goes_on() {
        let disk = Arc::new(PhoneDisk::default());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            disk.run(|| resume_unwind(Box::new("a panic")))
        }));
        assert!(panicked.is_err());
    }
}
