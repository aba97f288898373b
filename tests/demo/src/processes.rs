//! The processes that the driver started: all of them end with it.
//!
//! A process is killed and waited for when its handle is dropped. A signal reaches all at once
//! through the register, which also refuses to start more.

use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;

use crate::error::{Doing as _, Error, Result};

/// All processes of the driver.
#[derive(Clone)]
pub struct Processes {
    children: Arc<Mutex<Vec<Weak<Mutex<Child>>>>>,
    stopped: watch::Sender<bool>,
}

/// A running process; dropping it kills it.
pub struct Process {
    name: String,
    child: Arc<Mutex<Child>>,
}

impl Processes {
    /// None yet.
    pub fn new() -> Self {
        Self {
            children: Arc::default(),
            stopped: watch::Sender::new(false),
        }
    }

    /// Starts a process with all three streams as pipes.
    pub fn start(&self, name: &str, command: &mut Command) -> Result<Process> {
        // Held while starting, so that no process slips past a signal.
        let mut children = lock(&self.children);
        if self.is_stopped() {
            return Err(interrupted());
        }
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .doing(format_args!("{name} could not be started"))?;
        let child = Arc::new(Mutex::new(child));
        children.retain(|known| known.strong_count() > 0);
        children.push(Arc::downgrade(&child));
        Ok(Process {
            name: name.to_owned(),
            child,
        })
    }

    /// Kills all and lets no other start.
    pub fn stop(&self) {
        let children = lock(&self.children);
        self.stopped.send_replace(true);
        for child in children.iter().filter_map(Weak::upgrade) {
            let _ = lock(&child).kill();
        }
    }

    /// Whether [`Processes::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Hears of [`Processes::stop`].
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.stopped.subscribe()
    }
}

/// What is said when the story ends early because the person ended it.
pub fn interrupted() -> Error {
    Error::new("interrupted")
}

impl Process {
    /// Its standard output; once.
    pub fn stdout(&self) -> Result<impl Read + Send + use<>> {
        lock(&self.child).stdout.take().ok_or_else(|| self.taken())
    }

    /// Its standard error; once.
    pub fn stderr(&self) -> Result<impl Read + Send + use<>> {
        lock(&self.child).stderr.take().ok_or_else(|| self.taken())
    }

    fn taken(&self) -> Error {
        Error::new(format!("the output of {} is read twice", self.name))
    }

    /// Ends it at once: SIGKILL.
    pub fn kill(&self) -> Result<()> {
        lock(&self.child)
            .kill()
            .doing(format_args!("{} could not be killed", self.name))
    }

    /// Waits for its end. Only after its output has ended: the register cannot reach it meanwhile.
    pub fn wait(&self) -> Result<ExitStatus> {
        lock(&self.child)
            .wait()
            .doing(format_args!("{} could not be waited for", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    fn endless(processes: &Processes) -> Process {
        processes.start("cat", &mut Command::new("cat")).unwrap()
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let process = endless(&Processes::new());
        let mut output = process.stdout().unwrap();
        drop(process);
        assert_eq!(output.read(&mut [0]).unwrap(), 0);
    }

    #[test]
    fn stopping_kills_all_and_starts_no_more() {
        let processes = Processes::new();
        let running = endless(&processes);
        processes.stop();
        let mut output = running.stdout().unwrap();
        assert_eq!(output.read(&mut [0]).unwrap(), 0);
        assert_eq!(running.wait().unwrap().signal(), Some(9));
        assert!(processes.start("cat", &mut Command::new("cat")).is_err());
    }
}
