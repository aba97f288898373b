//! Threads that run jobs one after another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use crate::error::{Error, ErrorCode, Result};
use crate::pending::{self, Pending};

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Threads that share a queue of jobs, each with a state of its own.
pub(super) struct Workers<S> {
    queue: Mutex<Queue<S>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

enum Queue<S> {
    Open(Sender<Job<S>>),
    /// What later callers hear.
    Stopped(Error),
}

impl<S: 'static> Workers<S> {
    /// Starts one thread for each state.
    pub(super) fn start(name: &str, states: Vec<S>) -> Result<Self>
    where
        S: Send,
    {
        let (queue, jobs) = mpsc::channel::<Job<S>>();
        let jobs = Arc::new(Mutex::new(jobs));
        let threads = states
            .into_iter()
            .map(|mut state| {
                let jobs = Arc::clone(&jobs);
                std::thread::Builder::new()
                    .name(name.to_owned())
                    .spawn(move || run(&jobs, &mut state))
                    .map_err(|_| Error::internal("no thread for the database"))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            queue: Mutex::new(Queue::Open(queue)),
            threads: Mutex::new(threads),
        })
    }

    /// Queues a job. A panic in it becomes `internal`, and the thread lives on.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        let (answer, pending) = pending::channel();
        let job: Job<S> = Box::new(move |state| {
            answer.send(
                catch_unwind(AssertUnwindSafe(|| job(state)))
                    .unwrap_or_else(|_| Err(crate::panics::to_error())),
            );
        });
        match self.queue.lock().as_deref() {
            Ok(Queue::Open(queue)) => {
                let _ = queue.send(job);
            }
            Ok(Queue::Stopped(why)) => return pending::refused(why.clone()),
            // A job that is not queued is dropped, and its answer says that the vault is locked.
            Err(_) => {}
        }
        pending
    }
}

impl<S> Workers<S> {
    /// Finishes what is queued and ends the threads; their states are dropped there. Who comes later
    /// hears why.
    pub(super) fn stop(&self, why: &Error) {
        if let Ok(mut queue) = self.queue.lock()
            && matches!(*queue, Queue::Open(_))
        {
            *queue = Queue::Stopped(why.clone());
        }
        let threads = self
            .threads
            .lock()
            .map(|mut list| std::mem::take(&mut *list));
        for thread in threads.unwrap_or_default() {
            // A job may drop the last handle: a thread does not wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

impl<S> Drop for Workers<S> {
    fn drop(&mut self) {
        self.stop(&Error::new(ErrorCode::Locked, "the vault is locked"));
    }
}

fn run<S>(jobs: &Mutex<Receiver<Job<S>>>, state: &mut S) {
    loop {
        let next = match jobs.lock() {
            Ok(jobs) => jobs.recv().ok(),
            Err(_) => return,
        };
        match next {
            Some(job) => job(state),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_run_in_order_and_a_panic_harms_nobody_else() {
        let workers = Workers::start("test", vec![Vec::<u32>::new()]).unwrap();
        let first = workers.submit(|list| {
            list.push(1);
            Ok(())
        });
        let panicking = workers.submit(|_| -> Result<()> { panic!("patient name") });
        let last = workers.submit(|list| {
            list.push(2);
            Ok(list.clone())
        });
        first.wait().unwrap();
        let error = panicking.wait().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Internal);
        assert!(!format!("{error:?}").contains("patient"));
        assert_eq!(last.wait().unwrap(), [1, 2]);
        workers.stop(&Error::new(ErrorCode::Busy, "why"));
        assert_eq!(
            workers.submit(|_| Ok(())).wait().unwrap_err().code(),
            ErrorCode::Busy
        );
    }
}
