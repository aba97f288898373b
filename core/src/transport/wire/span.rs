//! Finds where a JSON value ends, and tells of one that is larger or deeper than allowed before it takes
//! memory: lengths and nesting are counted on the bytes as they pass. Whether such a one ends the reply
//! or is passed over is for the caller to decide.
//!
//! It does not know whether the bytes are JSON; it only has to be right about bytes that are. The
//! parser looks at what it cut out.

use memchr::memchr2;

use super::failures::{NOT_JSON, too_large, too_long};
use crate::error::{Error, ErrorCode, Result};
use crate::transport::limits::SizeLimits;

/// The search for the end of one value, over as many pieces as it comes in.
pub(super) struct Span {
    /// Brackets that are open around the value.
    outside: usize,
    /// Brackets that are open within it.
    depth: usize,
    token: Token,
    length: usize,
    excess: Option<Error>,
}

/// What the next byte belongs to, with the bytes of it so far.
#[derive(Clone, Copy)]
enum Token {
    None,
    Word(usize),
    Text(usize),
    Escape(usize),
}

impl Span {
    /// A value that begins with the next byte.
    pub(super) const fn new(outside: usize) -> Self {
        Self {
            outside,
            depth: 0,
            token: Token::None,
            length: 0,
            excess: None,
        }
    }

    /// Why the value is not to be kept, as far as it was looked at.
    pub(super) const fn excess(&self) -> Option<&Error> {
        self.excess.as_ref()
    }

    fn exceed(&mut self, error: Error) {
        self.excess.get_or_insert(error);
    }

    /// Looks at the next bytes. Tells how many of them belong to the value, once it ends. An error is
    /// what may not even be passed over.
    pub(super) fn advance(&mut self, bytes: &[u8], limits: &SizeLimits) -> Result<Option<usize>> {
        let end = self.search(bytes, limits)?;
        self.length += end.unwrap_or(bytes.len());
        if self.length > limits.record {
            const LARGE: &str = "a record is larger than allowed";
            if self.length > limits.passed {
                return Err(too_large(LARGE));
            }
            self.exceed(too_large(LARGE));
        }
        Ok(end)
    }

    fn search(&mut self, bytes: &[u8], limits: &SizeLimits) -> Result<Option<usize>> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            match self.token {
                Token::Text(length) => {
                    let found = memchr2(b'"', b'\\', &bytes[at..]);
                    let passed = found.unwrap_or(bytes.len() - at);
                    let length = length + passed;
                    if length > limits.string {
                        self.exceed(too_large("a text is larger than allowed"));
                    }
                    at += passed;
                    self.token = match bytes.get(at) {
                        None => Token::Text(length),
                        Some(b'\\') => Token::Escape(length + 1),
                        Some(_) => Token::None,
                    };
                    at += 1;
                    if found.is_some() && self.is_whole() {
                        return Ok(Some(at));
                    }
                }
                Token::Escape(length) => {
                    self.token = Token::Text(length + 1);
                    at += 1;
                }
                Token::Word(length) if is_word(*byte) => {
                    if length >= limits.word {
                        return Err(too_long());
                    }
                    self.token = Token::Word(length + 1);
                    at += 1;
                }
                Token::Word(_) => {
                    self.token = Token::None;
                    if self.is_whole() {
                        return Ok(Some(at));
                    }
                }
                Token::None => {
                    self.begin(*byte, limits)?;
                    at += 1;
                    if self.depth == 0 && matches!(byte, b'}' | b']') {
                        return Ok(Some(at));
                    }
                }
            }
        }
        Ok(None)
    }

    /// A byte that is not within a text or a word.
    fn begin(&mut self, byte: u8, limits: &SizeLimits) -> Result<()> {
        match byte {
            b'"' => self.token = Token::Text(0),
            b'{' | b'[' => {
                self.depth += 1;
                let depth = self.outside + self.depth;
                if depth > limits.nesting {
                    const DEEP: &str = "the reply is nested deeper than allowed";
                    let error = Error::new(ErrorCode::Protocol, DEEP);
                    if depth > limits.passed_nesting {
                        return Err(error);
                    }
                    self.exceed(error);
                }
            }
            // Before a value has begun, these mean that there is none.
            b'}' | b']' | b',' | b':' if self.depth == 0 => return Err(NOT_JSON),
            b'}' | b']' => self.depth -= 1,
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {}
            _ => self.token = Token::Word(1),
        }
        Ok(())
    }

    const fn is_whole(&self) -> bool {
        self.depth == 0 && matches!(self.token, Token::None)
    }
}

/// Whether a byte goes on with a number or a word.
const fn is_word(byte: u8) -> bool {
    !matches!(
        byte,
        b'"' | b'{' | b'[' | b'}' | b']' | b',' | b':' | b' ' | b'\t' | b'\n' | b'\r'
    )
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
        passed: 60,
        passed_nesting: 9,
        rows: 5,
        tables: 5,
    };

    /// How long the value at the beginning is, however the text is cut; with an error where it is not to
    /// be kept, and without a length where it may not even be passed over.
    fn length(text: &str) -> Result<Option<usize>, (ErrorCode, Option<usize>)> {
        let of = |chunk: usize| {
            let mut span = Span::new(0);
            let mut before = 0;
            for piece in text.as_bytes().chunks(chunk) {
                match span.advance(piece, &SMALL) {
                    Ok(Some(end)) => {
                        return match span.excess() {
                            None => Ok(Some(before + end)),
                            Some(error) => Err((error.code(), Some(before + end))),
                        };
                    }
                    Ok(None) => before += piece.len(),
                    Err(error) => return Err((error.code(), None)),
                }
            }
            Ok(None)
        };
        let whole = of(text.len());
        for chunk in 1..text.len() {
            assert_eq!(of(chunk), whole, "{text} by {chunk}");
        }
        whole
    }

    #[test]
    fn a_value_ends_where_the_next_thing_begins() {
        for (text, expected) in [
            ("\"a\"", Some(3)),
            ("\"a\\\"\\\\\" ,", Some(7)),
            ("\"\",", Some(2)),
            ("12,", Some(2)),
            ("true]", Some(4)),
            ("null ", Some(4)),
            ("12", None),
            ("\"a", None),
            ("\"a\\", None),
            ("{}", Some(2)),
            ("[[],{\"]\":[]}],", Some(13)),
            ("{\"a\":\"}\"}}", Some(9)),
            ("[1", None),
        ] {
            assert_eq!(length(text), Ok(expected), "{text}");
        }
        for text in ["]", "}", ",", ":"] {
            assert_eq!(length(text), Err((ErrorCode::Protocol, None)), "{text}");
        }
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let (large, protocol) = (ErrorCode::ValueTooLarge, ErrorCode::Protocol);
        for (text, expected) in [
            (r#""1234567890""#.to_owned(), Ok(Some(12))),
            (r#""12345678901""#.to_owned(), Err((large, Some(13)))),
            (r#""\"\\\"\\\"""#.to_owned(), Ok(Some(12))),
            (r#""\"\\\"\\\"x""#.to_owned(), Err((large, Some(13)))),
            (r#"["[[[[[[[[[["]"#.to_owned(), Ok(Some(14))),
            ("12345678,".to_owned(), Ok(Some(8))),
            ("123456789,".to_owned(), Err((protocol, None))),
            ("[[[[[[[]]]]]]]".to_owned(), Ok(Some(14))),
            ("[[[[[[[[]]]]]]]]".to_owned(), Err((protocol, Some(16)))),
            ("[[[[[[[[[]]]]]]]]]".to_owned(), Err((protocol, Some(18)))),
            ("[[[[[[[[[[".to_owned(), Err((protocol, None))),
            (format!("[{}]", " ".repeat(38)), Ok(Some(40))),
            (format!("[{}]", " ".repeat(39)), Err((large, Some(41)))),
            (format!("[{}]", " ".repeat(58)), Err((large, Some(60)))),
            (format!("[{}]", " ".repeat(59)), Err((large, None))),
        ] {
            assert_eq!(length(&text), expected, "{text}");
        }
    }
}
