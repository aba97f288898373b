//! Pull replies that no honest server sends: huge, deep, endless, or plain nonsense.

use std::io;

use axum::body::{Body, Bytes};

/// What to send in place of a pull reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// These bytes.
    Bytes(Bytes),
    /// A valid reply with one patient whose name has this many characters.
    HugeString(u64),
    /// A valid reply with one patient whose additional data nests this deep.
    Nested(u64),
    /// One patient after the other, for ever.
    Endless,
    /// A valid reply with this many patients.
    Patients(u64),
}

const HEAD: &str = r#"{"success":true,"changes":{"patients":{"created":["#;

/// A part of a body.
enum Part {
    Text(String),
    /// A text over and over.
    Repeated(&'static str, u64),
    /// Patients from this number up to that one.
    Patients(u64, u64),
}

/// About this much is made at a time.
const BLOCK: u64 = 64 * 1024;

impl Replacement {
    /// The body, made while it is being sent: its size costs no memory.
    pub(crate) fn body(self, now_ms: i64) -> Body {
        let tail = format!(r#"],"updated":[],"deleted":[]}}}},"timestamp":{now_ms}}}"#);
        let id = r#"{"id":"4e9e0000-0000-4000-8000-000000000000","#;
        let parts = match self {
            Self::Bytes(bytes) => return Body::from(bytes),
            Self::HugeString(length) => vec![
                Part::Text(format!(r#"{HEAD}{id}"given_name":""#)),
                Part::Repeated("x", length),
                Part::Text(format!("\"}}{tail}")),
            ],
            Self::Nested(depth) => vec![
                Part::Text(format!(r#"{HEAD}{id}"additional_data":"#)),
                Part::Repeated("[", depth),
                Part::Repeated("]", depth),
                Part::Text(format!("}}{tail}")),
            ],
            Self::Endless => vec![Part::Text(HEAD.to_owned()), Part::Patients(0, u64::MAX)],
            Self::Patients(count) => vec![
                Part::Text(HEAD.to_owned()),
                Part::Patients(0, count),
                Part::Text(tail),
            ],
        };
        stream(parts)
    }
}

fn stream(parts: Vec<Part>) -> Body {
    let blocks = Blocks {
        parts: parts.into_iter(),
        current: None,
    };
    Body::from_stream(futures_util::stream::iter(
        blocks.map(Ok::<Bytes, io::Error>),
    ))
}

/// A hub's reply whose envelope never ends.
pub(crate) fn endless_envelope() -> Body {
    stream(vec![
        Part::Text("{\"payload\":\"".to_owned()),
        Part::Repeated("A", u64::MAX),
    ])
}

struct Blocks {
    parts: std::vec::IntoIter<Part>,
    current: Option<Part>,
}

impl Iterator for Blocks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.current.take() {
                None => self.current = Some(self.parts.next()?),
                Some(Part::Text(text)) => return Some(Bytes::from(text)),
                Some(Part::Repeated(_, 0)) => {}
                Some(Part::Repeated(unit, left)) => {
                    let now = left.min(BLOCK);
                    self.current = Some(Part::Repeated(unit, left - now));
                    return Some(Bytes::from(
                        unit.repeat(usize::try_from(now).unwrap_or_default()),
                    ));
                }
                Some(Part::Patients(from, to)) if from >= to => {}
                Some(Part::Patients(from, to)) => {
                    let end = to.min(from.saturating_add(256));
                    self.current = Some(Part::Patients(end, to));
                    return Some(Bytes::from((from..end).map(patient).collect::<String>()));
                }
            }
        }
    }
}

fn patient(number: u64) -> String {
    let comma = if number == 0 { "" } else { "," };
    format!(
        r#"{comma}{{"id":"4e9e0000-0000-4000-8000-{number:012x}","given_name":"Generated {number}","is_deleted":false,"created_at":"2026-01-02T03:04:05.678Z","updated_at":"2026-01-02T03:04:05.678Z"}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: Vec<Part>) -> String {
        let blocks = Blocks {
            parts: parts.into_iter(),
            current: None,
        };
        blocks
            .map(|block| String::from_utf8_lossy(&block).into_owned())
            .collect()
    }

    #[test]
    fn repeated_parts_have_their_length_across_blocks() {
        let length = BLOCK * 2 + 7;
        assert_eq!(text(vec![Part::Repeated("x", length)]).len() as u64, length);
        assert_eq!(text(vec![Part::Repeated("x", 0)]), "");
    }

    #[test]
    fn generated_patients_are_json() {
        let list = format!("[{}]", text(vec![Part::Patients(0, 600)]));
        let parsed: Vec<serde_json::Value> = serde_json::from_str(&list).unwrap();
        assert_eq!(parsed.len(), 600);
    }
}
