//! A reply's JSON, `{"payload":"…","success":…,"error":"…"}`, read as a stream: the payload may be
//! larger than memory, so its characters are handed on as they come. What is left without them is
//! small, and is read by the JSON parser.

use std::io::Read;

use serde::Deserialize;

use crate::error::{Error, ErrorCode, Result};
use crate::transport::failure::TOO_LARGE;

/// All of a reply but the payload, in bytes: an error's text names at most a row.
const MAX_SHELL: usize = 16 * 1024;
const BUFFER: usize = 64 * 1024;

pub(super) const NOT_THE_FORM: Error = Error::new(
    ErrorCode::Protocol,
    "the hub's reply has not the form of the protocol",
);

/// What the reply says in clear. Nobody has signed it.
#[derive(Debug, Deserialize)]
pub(super) struct Shell {
    pub success: bool,
    #[serde(default)]
    pub error: Option<String>,
    /// Always empty here.
    #[serde(rename = "payload")]
    _payload: String,
}

/// Reads a reply of at most `limit` bytes to its end; the payload's characters go to `take`.
pub(super) fn read(
    mut body: impl Read,
    limit: u64,
    take: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<Shell> {
    let mut scanner = Scanner::default();
    let mut buffer = vec![0; BUFFER];
    let mut seen = 0;
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => {
                return Err(e
                    .downcast::<Error>()
                    .unwrap_or_else(|_| Error::new(ErrorCode::Network, "the reply broke off")));
            }
        };
        seen += count as u64;
        if seen > limit {
            return Err(TOO_LARGE);
        }
        scanner.feed(&buffer[..count], take)?;
    }
    serde_json::from_slice(&scanner.shell).map_err(|_| NOT_THE_FORM)
}

/// Finds the one string that is the value of the key `payload` of the outermost object.
#[derive(Default)]
struct Scanner {
    shell: Vec<u8>,
    place: Place,
    depth: usize,
    /// Where the last string of the outermost object began in the shell, and where it ended.
    text: (usize, usize),
    /// Whether that string was the key `payload`, and its value has not begun.
    at_payload: bool,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Place {
    #[default]
    Outside,
    Text,
    Escape,
    Payload,
}

impl Scanner {
    fn feed(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while !bytes.is_empty() {
            if self.place == Place::Payload {
                let end = bytes.iter().position(|byte| *byte == b'"');
                let (now, later) = bytes.split_at(end.unwrap_or(bytes.len()));
                // An escape is no character of base64url: the decoder will say so.
                take(now)?;
                bytes = later;
                if end.is_none() {
                    return Ok(());
                }
                self.place = Place::Text;
            }
            let (byte, rest) = (bytes[0], &bytes[1..]);
            bytes = rest;
            if self.shell.len() == MAX_SHELL {
                return Err(TOO_LARGE);
            }
            self.shell.push(byte);
            self.step(byte);
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) {
        match (self.place, byte) {
            (Place::Text, b'\\') => self.place = Place::Escape,
            (Place::Escape, _) => self.place = Place::Text,
            (Place::Text, b'"') => {
                self.place = Place::Outside;
                self.text.1 = self.shell.len();
            }
            (Place::Text | Place::Payload, _) => {}
            (Place::Outside, b'"') if self.at_payload => {
                self.at_payload = false;
                self.place = Place::Payload;
            }
            (Place::Outside, b'"') => {
                self.place = Place::Text;
                self.text.0 = self.shell.len() - 1;
            }
            (Place::Outside, b':') => {
                let (from, to) = self.text;
                self.at_payload =
                    self.depth == 1 && from < to && self.shell[from..to] == *br#""payload""#;
            }
            (Place::Outside, b'{' | b'[') => self.deeper(1),
            (Place::Outside, b'}' | b']') => self.deeper(-1),
            (Place::Outside, b',') => self.at_payload = false,
            (Place::Outside, _) => {}
        }
    }

    fn deeper(&mut self, by: isize) {
        self.at_payload = false;
        self.depth = self.depth.saturating_add_signed(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            let (now, later) = self.0.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn split(text: &str, chunk: usize) -> Result<(bool, Option<String>, String)> {
        let mut payload = Vec::new();
        let shell = read(Pieces(text.as_bytes(), chunk), 1_000_000, &mut |bytes| {
            payload.extend_from_slice(bytes);
            Ok(())
        })?;
        Ok((
            shell.success,
            shell.error,
            String::from_utf8(payload).unwrap(),
        ))
    }

    #[test]
    fn the_payload_is_handed_on_whatever_stands_around_it() {
        for chunk in [1, 2, 7, 1000] {
            for text in [
                r#"{"payload":"abc_-1","success":true}"#,
                r#" { "success" : true , "payload" : "abc_-1" } "#,
                r#"{"more":{"payload":"x","y":[{"payload":"z"}]},"payload":"abc_-1","success":true}"#,
                r#"{"more":"\"payload\":\"","success":true,"payload":"abc_-1"}"#,
            ] {
                let (success, error, payload) = split(text, chunk).unwrap();
                assert!(success && error.is_none(), "{text}");
                assert_eq!(payload, "abc_-1", "{text}");
            }
            let text = r#"{"payload":"","success":false,"error":"Authentication required"}"#;
            let (success, error, payload) = split(text, chunk).unwrap();
            assert!(!success && payload.is_empty());
            assert_eq!(error.as_deref(), Some("Authentication required"));
        }
    }

    #[test]
    fn what_has_not_the_form_breaks_the_protocol() {
        for text in [
            "",
            "not found",
            "[]",
            "{}",
            r#"{"payload":"a"}"#,
            r#"{"success":true}"#,
            r#"{"payload":1,"success":true}"#,
            r#"{"payload":null,"success":true}"#,
            r#"{"payload":"a","success":"true"}"#,
            r#"{"payload":"a","payload":"b","success":true}"#,
            r#"{"payload":"a","success":true"#,
            r#"{"payload":"a"#,
            r#"{"payload":"a","success":true}x"#,
            "\u{feff}{\"payload\":\"a\",\"success\":true}",
            r#"{"payload":"a","success":true,"error":1}"#,
        ] {
            let error = split(text, 3).unwrap_err();
            assert_eq!(error.code(), ErrorCode::Protocol, "{text}");
        }
    }

    #[test]
    fn neither_the_shell_nor_the_whole_may_grow() {
        let long = format!(
            r#"{{"payload":"","success":false,"error":"{}"}}"#,
            "x".repeat(MAX_SHELL)
        );
        assert_eq!(split(&long, 100).unwrap_err().code(), ErrorCode::Protocol);
        let nothing = &mut |_: &[u8]| Ok(());
        let text = r#"{"payload":"aaaa","success":true}"#;
        let limit = text.len() as u64;
        assert!(read(text.as_bytes(), limit, nothing).is_ok());
        let error = read(text.as_bytes(), limit - 1, nothing).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Protocol);
        let deep = format!(r#"{{"a":{}"#, "[".repeat(10_000));
        assert_eq!(split(&deep, 100).unwrap_err().code(), ErrorCode::Protocol);
    }
}
