//! Addresses on 127.0.0.1 that are no servers: one where no connection is made, one that takes
//! connections and says nothing, one that must never be asked.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Only how long a test waits for what it expects before it fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A listener whose queue is full: who connects hears nothing for as long as this lives.
pub(super) struct FullListener {
    pub address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl FullListener {
    pub(super) fn start() -> Self {
        // The queue of this is a matter of the system's; on Linux it is 128.
        const MOST: usize = 500;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        loop {
            match TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
                Ok(socket) => queue.push(socket),
                Err(error) if error.kind() == ErrorKind::TimedOut => break,
                Err(error) => panic!("{error}"),
            }
            assert!(queue.len() < MOST, "the queue does not fill");
        }
        Self {
            address,
            _listener: listener,
            _queue: queue,
        }
    }

    /// Returns once somebody is connecting.
    #[cfg(target_os = "linux")]
    pub(super) fn until_somebody_connects(&self) {
        // The far side's port, and the state of a connection that was asked for and not answered.
        let asked_for = format!("0100007F:{:04X} 02 ", self.address.port());
        while !std::fs::read_to_string("/proc/self/net/tcp")
            .unwrap()
            .contains(&asked_for)
        {
            thread::yield_now();
        }
    }
}

/// Takes one connection, tells the first byte that comes, and says nothing.
pub(super) fn silent_listener() -> (SocketAddr, mpsc::Receiver<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (greeted, first) = mpsc::channel();
    thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        greeted.send(byte[0]).unwrap();
        // Until the client goes.
        std::io::copy(&mut socket, &mut std::io::sink()).ok();
    });
    (address, first)
}

/// Where nobody may come.
pub(super) struct Trap {
    pub url: String,
    listener: TcpListener,
}

impl Trap {
    pub(super) fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            listener,
        }
    }

    /// Whether nobody came. A connection counts as soon as it is made, whatever is sent on it.
    pub(super) fn is_empty(&self) -> bool {
        self.listener
            .accept()
            .is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }
}

/// Runs a call on a thread of its own, and does something meanwhile. Gives its result, and fails the
/// test where it does not end.
pub(super) fn ends<T: Send + 'static>(
    call: impl FnOnce() -> T + Send + 'static,
    meanwhile: impl FnOnce(),
) -> T {
    let (told, heard) = mpsc::channel();
    thread::spawn(move || told.send(call()));
    meanwhile();
    heard.recv_timeout(PATIENCE).expect("it waits on")
}
