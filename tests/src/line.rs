//! The line between tablets and whatever server is there. It can break at a byte on the way up, in the
//! middle of a request, and stays broken until it is mended.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use amana_core::model::notice::{SyncPhase, SyncProgress};
use amana_core::ports::ProgressListener;

/// A line; it ends with its handle.
pub struct Line {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    /// The port of the server, if there is one and the line is whole.
    server: Mutex<Option<u16>>,
    /// How many bytes it still takes up.
    left: AtomicU64,
    broken: Condvar,
    ended: AtomicBool,
}

impl Line {
    /// To the server at this address, whatever its scheme.
    #[must_use]
    pub fn to(url: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let line = Self {
            port: listener.local_addr().expect("it is bound").port(),
            shared: Arc::new(Shared {
                server: Mutex::new(None),
                left: AtomicU64::new(u64::MAX),
                broken: Condvar::new(),
                ended: AtomicBool::new(false),
            }),
        };
        line.mend(url);
        let shared = Arc::clone(&line.shared);
        std::thread::spawn(move || {
            for tablet in listener.incoming().flatten() {
                if shared.ended.load(Ordering::SeqCst) {
                    break;
                }
                Shared::carry(&shared, tablet);
            }
        });
        line
    }

    /// The port on 127.0.0.1 at the tablets' end.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Breaks where more than so many bytes more go up.
    pub fn break_after(&self, bytes: u64) {
        self.shared.left.store(bytes, Ordering::SeqCst);
    }

    /// Waits for that.
    pub fn wait_until_broken(&self) {
        let mut server = self.shared.server();
        while server.is_some() {
            let waited = self.shared.broken.wait(server);
            server = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// It leads to the server at this address from now on, and breaks no more.
    pub fn mend(&self, url: &str) {
        let port = url.rsplit(':').next().map(str::parse);
        let port = port.expect("an address").expect("that ends with a port");
        let mut server = self.shared.server();
        self.shared.left.store(u64::MAX, Ordering::SeqCst);
        *server = Some(port);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn server(&self) -> MutexGuard<'_, Option<u16>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carry(shared: &Arc<Self>, tablet: TcpStream) {
        let Some(port) = *shared.server() else {
            return;
        };
        let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else {
            return;
        };
        let (Ok(mut down), Ok(mut reader)) = (tablet.try_clone(), server.try_clone()) else {
            return;
        };
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut reader, &mut down);
            let _ = down.shutdown(Shutdown::Both);
        });
        let shared = Arc::clone(shared);
        std::thread::spawn(move || shared.take_up(tablet, server));
    }

    fn take_up(&self, mut tablet: TcpStream, mut server: TcpStream) {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = tablet.read(&mut buffer) {
            let left = self.left.load(Ordering::SeqCst);
            let taken = usize::try_from(left).map_or(count, |left| left.min(count));
            if left != u64::MAX {
                self.left.store(left - taken as u64, Ordering::SeqCst);
            }
            let went = server.write_all(&buffer[..taken]);
            if taken < count {
                *self.server() = None;
                self.broken.notify_all();
                break;
            }
            if went.is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = tablet.shutdown(Shutdown::Both);
    }
}

/// Lets a line break behind so many bytes of a sync's push.
pub struct BreakInPush {
    line: Arc<Line>,
    bytes: u64,
    begun: AtomicBool,
}

impl BreakInPush {
    /// For one sync.
    #[must_use]
    pub const fn new(line: Arc<Line>, bytes: u64) -> Self {
        let begun = AtomicBool::new(false);
        Self { line, bytes, begun }
    }
}

impl ProgressListener for BreakInPush {
    fn progress(&self, progress: &SyncProgress) {
        if progress.phase == SyncPhase::Pushing && !self.begun.swap(true, Ordering::SeqCst) {
            self.line.break_after(self.bytes);
        }
    }
}
