//! Stops a reply before the JSON parser takes memory for it: lengths, nesting and size are counted
//! on the bytes as they pass.
//!
//! It does not know whether the bytes are JSON; it only has to be right about bytes that are.

use std::io::{self, Read};

use super::utf8::Utf8Check;
use crate::error::{Error, ErrorCode, Result};
use crate::transport::failure::TOO_LARGE;
use crate::transport::limits::SizeLimits;

/// A record is an object in a list in a table in `changes` in the reply.
const RECORD_DEPTH: usize = 5;

/// Counts what passes through.
pub(super) struct Guard<R> {
    inner: R,
    limits: SizeLimits,
    record_depth: usize,
    bytes: u64,
    depth: usize,
    token: Token,
    record: usize,
    utf8: Utf8Check,
}

/// What the next byte belongs to, with the bytes of it so far.
#[derive(Clone, Copy, PartialEq)]
enum Token {
    None,
    Word(usize),
    Text(usize),
    Escape(usize),
}

impl<R: Read> Guard<R> {
    /// For a reply inside so many objects.
    pub(super) fn new(inner: R, limits: SizeLimits, wrapping: usize) -> Self {
        Self {
            inner,
            limits,
            record_depth: RECORD_DEPTH + wrapping,
            bytes: 0,
            depth: 0,
            token: Token::None,
            record: 0,
            utf8: Utf8Check::default(),
        }
    }

    /// Bytes that passed.
    pub(super) const fn seen(&self) -> u64 {
        self.bytes
    }

    fn look(&mut self, bytes: &[u8]) -> Result<()> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.limits.body {
            return Err(TOO_LARGE);
        }
        if !self.utf8.feed(bytes) {
            return Err(Error::new(ErrorCode::Protocol, "the reply is not UTF-8"));
        }
        bytes.iter().try_for_each(|byte| self.step(*byte))
    }

    fn step(&mut self, byte: u8) -> Result<()> {
        if self.depth >= self.record_depth {
            self.record += 1;
            if self.record > self.limits.record {
                return Err(too_large("a record is larger than allowed"));
            }
        }
        self.token = match (self.token, byte) {
            (Token::Text(_), b'"') => Token::None,
            (Token::Text(length), b'\\') => Token::Escape(length + 1),
            (Token::Text(length) | Token::Escape(length), _) => {
                if length >= self.limits.string {
                    return Err(too_large("a text is larger than allowed"));
                }
                Token::Text(length + 1)
            }
            (_, b'"') => Token::Text(0),
            (_, b'{' | b'[') => {
                self.depth += 1;
                if self.depth > self.limits.nesting {
                    return Err(Error::new(
                        ErrorCode::Protocol,
                        "the reply is nested deeper than allowed",
                    ));
                }
                Token::None
            }
            (_, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth < self.record_depth {
                    self.record = 0;
                }
                Token::None
            }
            (_, b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') => Token::None,
            (Token::Word(length), _) => {
                if length >= self.limits.word {
                    return Err(Error::new(
                        ErrorCode::Protocol,
                        "a number in the reply is longer than allowed",
                    ));
                }
                Token::Word(length + 1)
            }
            (Token::None, _) => Token::Word(1),
        };
        Ok(())
    }
}

const fn too_large(detail: &'static str) -> Error {
    Error::new(ErrorCode::ValueTooLarge, detail)
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        // Errors of this room travel inside the standard library's, and are taken out at the end.
        self.look(&buffer[..length]).map_err(io::Error::other)?;
        if length == 0 && !buffer.is_empty() && !self.utf8.is_whole() {
            return Err(io::Error::other(Error::new(
                ErrorCode::Protocol,
                "the reply is not UTF-8",
            )));
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: SizeLimits = SizeLimits {
        body: 200,
        string: 10,
        word: 8,
        record: 40,
        nesting: 7,
        rows: 5,
        tables: 5,
    };

    fn pass(text: &str) -> Option<ErrorCode> {
        let mut guard = Guard::new(text.as_bytes(), SMALL, 0);
        let mut out = Vec::new();
        let error = guard.read_to_end(&mut out).err()?;
        Some(error.downcast::<Error>().unwrap().code())
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let large = Some(ErrorCode::ValueTooLarge);
        let protocol = Some(ErrorCode::Protocol);
        for (text, expected) in [
            (r#""1234567890""#.to_owned(), None),
            (r#""12345678901""#.to_owned(), large),
            (r#""\"\\\"\\\"""#.to_owned(), None),
            (r#""\"\\\"\\\"x""#.to_owned(), large),
            (r#"["[[[[[[[[[["]"#.to_owned(), None),
            ("12345678".to_owned(), None),
            ("123456789".to_owned(), protocol),
            ("[[[[[[[]]]]]]]".to_owned(), None),
            ("[[[[[[[[".to_owned(), protocol),
            (format!("[[[[[{}]]]]]", " ".repeat(39)), None),
            (format!("[[[[[{}]]]]]", " ".repeat(40)), large),
            (format!("[[[[{}]]]]", "[1,2,3,4,5,6,7,8],".repeat(9)), None),
            (" ".repeat(200), None),
            (" ".repeat(201), protocol),
        ] {
            assert_eq!(pass(&text), expected, "{text}");
        }
    }
}
