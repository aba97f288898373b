//! The sealed channel: requests are sealed, replies opened. An envelope is base64url without padding
//! of nonce, ciphertext and tag; AES-256-GCM with an ASCII word for each route and direction.

use std::io::{self, Read};

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::envelope;
use super::gcm::{Decryptor, NONCE, TAG, TagCheck};
use super::store::{Store, StorePlace};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::ports::Entropy;
use crate::secret::HubSessionKey;
use crate::transport::failure::TOO_LARGE;

/// The reply does not open under the session's key.
pub(super) const NOT_THE_HUB: Error = Error::new(
    ErrorCode::PeerIdentityMismatch,
    "the reply does not come from the paired hub",
);

/// The two sealed routes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Route {
    Command,
    Query,
}

impl Route {
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Command => "/rpc/command",
            Self::Query => "/rpc/query",
        }
    }

    const fn request_word(self) -> &'static [u8] {
        match self {
            Self::Command => b"command",
            Self::Query => b"query",
        }
    }

    const fn reply_word(self) -> &'static [u8] {
        match self {
            Self::Command => b"command_response",
            Self::Query => b"query_response",
        }
    }
}

/// Seals a request. The buffer is encrypted in place and so holds no secret afterwards.
pub(super) fn seal(
    key: &HubSessionKey,
    route: Route,
    mut text: Zeroizing<Vec<u8>>,
    entropy: &dyn Entropy,
) -> Result<String> {
    const CANNOT: Error = Error::internal("the request cannot be sealed");
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce)?;
    let tag = Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key.expose()))
        .encrypt_inout_detached(
            &Nonce::from(nonce),
            route.request_word(),
            text.as_mut_slice().into(),
        )
        .map_err(|_| CANNOT)?;
    let mut sealed = Vec::with_capacity(NONCE + text.len() + TAG);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&text);
    sealed.extend_from_slice(&tag);
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// A reply, received in whole but not opened yet, or what it says in clear.
pub(super) enum Received {
    Sealed(Sealed),
    /// The hub's own error text: not authenticated.
    Error(String),
}

/// Receives a reply of at most `limit` bytes. An error without a payload is told apart before
/// anything is opened.
pub(super) fn receive(body: impl Read, limit: u64, place: StorePlace) -> Result<Received> {
    let mut sorter = Sorter::new(place);
    let mut decoder = Decoder::default();
    let shell = envelope::read(body, limit, &mut |characters| {
        decoder.feed(characters, &mut |bytes| sorter.take(bytes))
    })?;
    if !shell.success {
        return Ok(Received::Error(shell.error.unwrap_or_default()));
    }
    decoder.finish(&mut |bytes| sorter.take(bytes))?;
    sorter.finish().map(Received::Sealed)
}

/// Base64url as a stream.
#[derive(Default)]
struct Decoder {
    /// Up to three characters that wait for their fourth.
    waiting: Vec<u8>,
    out: Vec<u8>,
}

impl Decoder {
    fn feed(
        &mut self,
        mut characters: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        if !self.waiting.is_empty() {
            let missing = 4 - self.waiting.len();
            let (now, later) = characters.split_at(missing.min(characters.len()));
            self.waiting.extend_from_slice(now);
            characters = later;
            if self.waiting.len() < 4 {
                return Ok(());
            }
            self.decode(&self.waiting.clone(), take)?;
            self.waiting.clear();
        }
        let (whole, rest) = characters.split_at(characters.len() / 4 * 4);
        self.waiting.extend_from_slice(rest);
        self.decode(whole, take)
    }

    fn finish(&mut self, take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let rest = std::mem::take(&mut self.waiting);
        self.decode(&rest, take)
    }

    fn decode(
        &mut self,
        characters: &[u8],
        take: &mut dyn FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        self.out.clear();
        URL_SAFE_NO_PAD
            .decode_vec(characters, &mut self.out)
            .map_err(|_| envelope::NOT_THE_FORM)?;
        take(&self.out)
    }
}

/// Sorts decoded bytes into nonce, ciphertext and tag.
struct Sorter {
    nonce: Vec<u8>,
    store: Store,
    bytes: u64,
    /// The last bytes so far: perhaps the tag.
    tail: Vec<u8>,
}

impl Sorter {
    fn new(place: StorePlace) -> Self {
        Self {
            nonce: Vec::with_capacity(NONCE),
            store: Store::new(place),
            bytes: 0,
            tail: Vec::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let (nonce, bytes) = bytes.split_at(bytes.len().min(NONCE - self.nonce.len()));
        self.nonce.extend_from_slice(nonce);
        self.tail.extend_from_slice(bytes);
        let settled = self.tail.len().saturating_sub(TAG);
        self.store.write(&self.tail[..settled])?;
        self.tail.drain(..settled);
        self.bytes += settled as u64;
        Ok(())
    }

    fn finish(mut self) -> Result<Sealed> {
        let (Ok(nonce), Ok(tag)) = (
            <[u8; NONCE]>::try_from(self.nonce),
            <[u8; TAG]>::try_from(self.tail),
        ) else {
            return Err(NOT_THE_HUB);
        };
        self.store.rewind()?;
        Ok(Sealed {
            nonce,
            tag,
            store: self.store,
        })
    }
}

/// A whole reply whose tag has not been checked.
pub(super) struct Sealed {
    pub nonce: [u8; NONCE],
    tag: [u8; TAG],
    store: Store,
}

impl Sealed {
    /// Checks the tag over all of the ciphertext; only then can it be read.
    pub(super) fn open(
        mut self,
        key: &HubSessionKey,
        route: Route,
        cancel: &CancelToken,
    ) -> Result<Opened> {
        let mut check = TagCheck::new(key, &self.nonce, route.reply_word())?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            cancel.check()?;
            match self.store.read(&mut buffer)? {
                0 => break,
                count => check.update(&buffer[..count])?,
            }
        }
        if !check.verifies(&self.tag) {
            return Err(NOT_THE_HUB);
        }
        self.store.rewind()?;
        Ok(Opened {
            check: TagCheck::new(key, &self.nonce, route.reply_word())?,
            decryptor: Decryptor::new(key, &self.nonce)?,
            sealed: self,
        })
    }
}

/// The text of a reply. It is checked once more while it is read, since it comes from a file now:
/// what was read counts only after [`Opened::finish`].
pub(super) struct Opened {
    sealed: Sealed,
    check: TagCheck,
    decryptor: Decryptor,
}

impl Opened {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.sealed.store.read(buffer)?;
        self.check.update(&buffer[..count])?;
        self.decryptor.apply(&mut buffer[..count])?;
        Ok(count)
    }

    /// Whether all that was read is what was checked before.
    pub(super) fn finish(self) -> Result<()> {
        if self.check.verifies(&self.sealed.tag) {
            Ok(())
        } else {
            Err(Error::internal("the spooled reply changed on the disk"))
        }
    }

    /// The whole of a small reply. It may hold a secret, so it leaves no copy behind.
    pub(super) fn read_small(mut self, limit: usize) -> Result<Zeroizing<Vec<u8>>> {
        // Room for all of it at once: growing would leave copies.
        let mut text = Zeroizing::new(vec![0; limit + 1]);
        let mut length = 0;
        loop {
            match self.fill(&mut text[length..])? {
                0 => break,
                count => length += count,
            }
        }
        if length > limit {
            return Err(TOO_LARGE);
        }
        text.truncate(length);
        self.finish()?;
        Ok(text)
    }
}

impl Read for Opened {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.fill(buffer).map_err(io::Error::other)
    }
}

/// The decoder of replies, for fuzzing: whatever the bytes are, it must not panic, and opens nothing
/// that was not sealed under this key. Returns whether something was opened.
#[cfg(any(test, feature = "test-support"))]
pub(crate) fn check_decoder(body: &[u8], key: &[u8; 32]) -> bool {
    const LIMIT: usize = 16 * 1024 * 1024;
    let place = StorePlace {
        directory: std::env::temp_dir(),
        entropy: std::sync::Arc::new(crate::system::SystemEntropy),
        disk: std::sync::Arc::new(crate::system::SystemDisk),
    };
    let Ok(Received::Sealed(sealed)) = receive(body, LIMIT as u64, place) else {
        return false;
    };
    sealed
        .open(
            &HubSessionKey::from_bytes(key),
            Route::Query,
            &CancelToken::new(),
        )
        .and_then(|opened| opened.read_small(LIMIT))
        .is_ok()
}
