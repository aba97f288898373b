//! A reply as it comes, one JSON value at a time: the brackets around the records are walked, and
//! each record is cut out whole, or passed over where it is too large or too deep. Holds one value and
//! a read's worth of bytes, never more.

use std::io::{ErrorKind, Read};

use serde::de::IgnoredAny;

use super::failures::{NOT_JSON, NOT_THE_FORM, NOT_UTF8};
use super::span::Span;
use crate::error::{Error, ErrorCode, Result};
use crate::transport::failure::TOO_LARGE;
use crate::transport::limits::SizeLimits;

/// What is asked for at once.
const READ_BYTES: usize = 64 * 1024;

/// Depth at which the records are: in a list, in a table, in `changes`, in the reply.
const ITEM_DEPTH: usize = 4;

/// The bytes of a reply.
pub(super) struct Input<R> {
    reader: R,
    limits: SizeLimits,
    /// Between `start` and `end` is what was read and not yet handed out.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Brackets that are open.
    depth: usize,
    /// How many are around a record.
    item_depth: usize,
    read: u64,
}

/// Where a walk through an object or a list stands.
#[derive(Default)]
pub(super) struct Walk {
    begun: bool,
}

/// The next value of a list.
pub(super) enum Item<'a> {
    /// Its text.
    Whole(&'a str),
    /// It is larger or deeper than allowed, and was passed over.
    Passed,
}

impl<R: Read> Input<R> {
    /// For a reply inside so many objects.
    pub(super) fn new(reader: R, limits: SizeLimits, wrapping: usize) -> Self {
        Self {
            item_depth: ITEM_DEPTH + wrapping,
            reader,
            limits,
            buffer: vec![0; READ_BYTES],
            start: 0,
            end: 0,
            depth: 0,
            read: 0,
        }
    }

    /// Bytes read so far.
    pub(super) const fn read_bytes(&self) -> u64 {
        self.read
    }

    /// Enters an object or a list: what comes next must be this bracket.
    pub(super) fn enter(&mut self, bracket: u8) -> Result<Walk> {
        match self.peek()? {
            Some(byte) if byte == bracket => {
                self.start += 1;
                self.depth += 1;
                Ok(Walk::default())
            }
            Some(_) => Err(NOT_THE_FORM),
            None => Err(NOT_JSON),
        }
    }

    /// The next key of the object, judged; none at its end, which is then left.
    pub(super) fn key<T>(
        &mut self,
        walk: &mut Walk,
        judge: impl FnOnce(&str) -> T,
    ) -> Result<Option<T>> {
        if !self.go_on(walk, b'}')? {
            return Ok(None);
        }
        let name: String = serde_json::from_str(self.value()?).map_err(|_| NOT_JSON)?;
        if self.peek()? != Some(b':') {
            return Err(NOT_JSON);
        }
        self.start += 1;
        Ok(Some(judge(&name)))
    }

    /// The list's next value; none at its end, which is then left.
    pub(super) fn item(&mut self, walk: &mut Walk) -> Result<Option<Item<'_>>> {
        if !self.go_on(walk, b']')? {
            return Ok(None);
        }
        match self.find(true)? {
            Some(length) => self.cut(length).map(|text| Some(Item::Whole(text))),
            None => Ok(Some(Item::Passed)),
        }
    }

    /// Whether there is another entry before the closing bracket.
    fn go_on(&mut self, walk: &mut Walk, closing: u8) -> Result<bool> {
        match self.peek()? {
            Some(byte) if byte == closing => {
                self.start += 1;
                self.depth -= 1;
                return Ok(false);
            }
            Some(b',') if walk.begun => self.start += 1,
            Some(_) if !walk.begun => walk.begun = true,
            _ => return Err(NOT_JSON),
        }
        Ok(true)
    }

    /// The text of the next value. Whether it is JSON is for the caller to find out.
    pub(super) fn value(&mut self) -> Result<&str> {
        match self.find(false)? {
            Some(length) => self.cut(length),
            None => Err(NOT_JSON),
        }
    }

    /// How long the next value is, all of which is then in the buffer. One that is not to be kept is an
    /// error, or passed over, if it may be: then there is no length.
    fn find(&mut self, may_pass: bool) -> Result<Option<usize>> {
        self.peek()?;
        let mut span = Span::new(self.depth);
        let mut length = 0;
        loop {
            let bytes = &self.buffer[self.start + length..self.end];
            let rest = span.advance(bytes, &self.limits)?;
            length += rest.unwrap_or(bytes.len());
            match span.excess() {
                Some(error) if !may_pass => return Err(error.clone()),
                Some(_) => {
                    self.start += length;
                    length = 0;
                }
                None => {}
            }
            if rest.is_some() {
                return Ok(span.excess().is_none().then_some(length));
            }
            if !self.fill()? {
                return Err(NOT_JSON);
            }
        }
    }

    /// The next bytes, as text.
    fn cut(&mut self, length: usize) -> Result<&str> {
        let from = self.start;
        self.start += length;
        std::str::from_utf8(&self.buffer[from..self.start]).map_err(|_| NOT_UTF8)
    }

    /// Passes over a value that nobody asked for, however large it is: down to the depth of
    /// records it is walked, so that no more than one record is in memory.
    pub(super) fn skip(&mut self) -> Result<()> {
        match self.peek()? {
            Some(b'{') if self.depth < self.item_depth => {
                let mut walk = self.enter(b'{')?;
                while self.key(&mut walk, |_| ())?.is_some() {
                    self.skip()?;
                }
                Ok(())
            }
            Some(b'[') if self.depth < self.item_depth => {
                let mut walk = self.enter(b'[')?;
                while self.go_on(&mut walk, b']')? {
                    self.skip()?;
                }
                Ok(())
            }
            _ => match self.find(true)? {
                Some(length) => check(self.cut(length)?),
                None => Ok(()),
            },
        }
    }

    /// Makes sure that nothing but space is left.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(NOT_JSON),
        }
    }

    /// The next byte that is no space, if there is one.
    fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let left = &self.buffer[self.start..self.end];
            let spaces = left
                .iter()
                .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            self.start += spaces.count();
            if self.start < self.end {
                return Ok(Some(self.buffer[self.start]));
            }
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Reads more, behind what is there. False at the end of the reply.
    fn fill(&mut self) -> Result<bool> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        // A large record needs room, for as long as it is there.
        if self.buffer.len() - self.end < READ_BYTES / 2 {
            let length = self.buffer.len();
            self.buffer.resize(length + (length / 2).max(READ_BYTES), 0);
        } else if self.buffer.len() > READ_BYTES && self.end < READ_BYTES / 2 {
            self.buffer.truncate(READ_BYTES);
            self.buffer.shrink_to_fit();
        }
        // No more at once, however much room there is: what is too large is noticed early.
        let room = self.buffer.len().min(self.end + READ_BYTES);
        let count = loop {
            match self.reader.read(&mut self.buffer[self.end..room]) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Errors of this room travel inside the standard library's.
                Err(error) => {
                    return Err(error.downcast::<Error>().unwrap_or_else(|_| {
                        Error::new(ErrorCode::Network, "the reply broke off")
                    }));
                }
            }
        };
        self.end += count;
        self.read += count as u64;
        if self.read > self.limits.body {
            return Err(TOO_LARGE);
        }
        Ok(count > 0)
    }
}

/// Refuses what is not JSON.
pub(super) fn check(raw: &str) -> Result<()> {
    serde_json::from_str::<IgnoredAny>(raw)
        .map(|_| ())
        .map_err(|_| NOT_JSON)
}
