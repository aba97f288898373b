//! A reply's body as a blocking reader: the network fills it, the decoder empties it, and a slow
//! decoder holds the network back.

use std::io::{self, Read};
use std::sync::{Arc, mpsc};

use bytes::{Buf, Bytes};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::timeout_at;

use super::failure::TIMED_OUT;
use super::http::Reply;
use super::network::Network;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};

/// Chunks between the two sides. The HTTP client makes them a few hundred KiB at most.
const CHUNKS: usize = 8;

enum Message {
    Chunk(Bytes),
    End,
    Failed(Error),
}

/// Reads a body that a task of the network receives. Dropping it ends the task and the connection.
///
/// Tokio's own channel cannot be waited for on a thread of a runtime, and the standard library's
/// cannot make a task wait: so the latter, with permits.
pub(super) struct Feed<'a> {
    receiver: mpsc::Receiver<Message>,
    room: Arc<Semaphore>,
    task: AbortHandle,
    cancel: CancelToken,
    current: Bytes,
    received: u64,
    on_bytes: &'a mut dyn FnMut(u64),
    ended: bool,
}

impl<'a> Feed<'a> {
    /// Starts to receive.
    pub(super) fn start(
        network: &Network,
        reply: Reply,
        cancel: CancelToken,
        on_bytes: &'a mut dyn FnMut(u64),
    ) -> Result<Self> {
        let (sender, receiver) = mpsc::channel();
        let room = Arc::new(Semaphore::new(CHUNKS));
        let task = network.spawn(receive(reply, sender, Arc::clone(&room)))?;
        Ok(Self {
            receiver,
            room,
            task,
            cancel,
            current: Bytes::new(),
            received: 0,
            on_bytes,
            ended: false,
        })
    }

    fn fetch(&mut self) -> Result<()> {
        match self.receiver.recv() {
            Ok(Message::Chunk(chunk)) => {
                self.room.add_permits(1);
                self.cancel.check()?;
                self.received += chunk.len() as u64;
                (self.on_bytes)(self.received);
                self.current = chunk;
                Ok(())
            }
            Ok(Message::End) => {
                self.ended = true;
                Ok(())
            }
            Ok(Message::Failed(error)) => Err(error),
            Err(_) => Err(Error::new(
                ErrorCode::Network,
                "the network was shut down during the call",
            )),
        }
    }
}

async fn receive(mut reply: Reply, sender: mpsc::Sender<Message>, room: Arc<Semaphore>) {
    loop {
        let message = match reply.next_chunk().await {
            Ok(Some(chunk)) => Message::Chunk(chunk),
            Ok(None) => Message::End,
            Err(error) => Message::Failed(error),
        };
        let last = !matches!(message, Message::Chunk(_));
        // The limit on the whole call also holds while the decoder is slow.
        let message = match timeout_at(reply.deadline(), room.acquire()).await {
            Ok(Ok(permit)) => {
                permit.forget();
                message
            }
            _ => Message::Failed(TIMED_OUT),
        };
        let failed = matches!(message, Message::Failed(_));
        if sender.send(message).is_err() || last || failed {
            return;
        }
    }
}

impl Read for Feed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && !self.ended {
            self.fetch().map_err(io::Error::other)?;
        }
        let length = self.current.len().min(buffer.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

impl Drop for Feed<'_> {
    fn drop(&mut self) {
        self.task.abort();
    }
}
