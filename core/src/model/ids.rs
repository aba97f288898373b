//! Identifiers: of records, peers, vaults. Text that has been looked at once.

use std::fmt;

use crate::error::{Error, Result};
use crate::ports::{Clock, Entropy};

/// The longest record id that a peer may send, in bytes.
pub const MAX_ID_BYTES: usize = 128;

/// The id of a record. New ones are UUIDs of version 7; a peer may hold others.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct RecordId(String);

impl RecordId {
    /// A new, time-ordered id.
    pub fn make(clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Self> {
        let mut random = [0u8; 10];
        entropy.fill(&mut random)?;
        let millis = u64::try_from(clock.now_ms()).unwrap_or(0);
        let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Ok(Self(uuid.to_string()))
    }

    /// An id given by the app: a UUID, kept in its lower-case form. The cloud stores a patient
    /// whose id is no UUID under another id, and refuses the rest.
    pub fn parse_uuid(text: &str) -> Result<Self> {
        // What is in its form already needs no parser: nearly every id of a pull.
        if is_lower_case_uuid(text.as_bytes()) {
            return Ok(Self(text.to_owned()));
        }
        // Only the hyphenated form: the others would come back from a server looking different.
        if text.len() != 36 {
            return Err(Error::invalid("the id is not a UUID"));
        }
        let uuid =
            uuid::Uuid::try_parse(text).map_err(|_| Error::invalid("the id is not a UUID"))?;
        Ok(Self(uuid.to_string()))
    }

    /// An id as a peer sent it, or as the app looks for it: a UUID in lower case, anything else
    /// unchanged. `None` where it is empty, too long or holds control characters.
    pub fn from_peer(text: &str) -> Option<Self> {
        if let Ok(id) = Self::parse_uuid(text) {
            return Some(id);
        }
        let fits = !text.is_empty() && text.len() <= MAX_ID_BYTES;
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text form, taken out.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// Whether the bytes are a UUID with hyphens and in lower case.
fn is_lower_case_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of server a peer is: decides what may be asked of it and what its word is worth.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum PeerKind {
    /// The organisation's server.
    Cloud,
    /// A clinic's local hub.
    Hub,
}

impl PeerKind {
    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cloud => "cloud",
            Self::Hub => "hub",
        }
    }

    /// The cursor that asks for everything. A hub leaves out what is stamped 0, so it is asked
    /// with −1.
    pub const fn full_cursor(self) -> i64 {
        match self {
            Self::Cloud => 0,
            Self::Hub => -1,
        }
    }
}

const HUB_PREFIX: &str = "hub:";

/// The store's name for a peer: `cloud`, or `hub:` and the hub's id.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PeerId(String);

impl PeerId {
    /// The one cloud peer of a vault.
    pub fn cloud() -> Self {
        Self("cloud".to_owned())
    }

    /// A hub, by the id that its pairing code showed. Another hub is another peer.
    pub fn hub(hub_id: &str) -> Result<Self> {
        RecordId::from_peer(hub_id)
            .map(|id| Self(format!("{HUB_PREFIX}{id}")))
            .ok_or(Error::invalid("the hub's id cannot be used"))
    }

    /// A peer by its text form.
    pub fn parse(text: &str) -> Result<Self> {
        match text.strip_prefix(HUB_PREFIX) {
            Some(hub_id) => Self::hub(hub_id),
            None if text == "cloud" => Ok(Self::cloud()),
            None => Err(Error::invalid("there is no such peer")),
        }
    }

    /// What kind of server it is.
    pub fn kind(&self) -> PeerKind {
        if self.0.starts_with(HUB_PREFIX) {
            PeerKind::Hub
        } else {
            PeerKind::Cloud
        }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{FakeClock, SeededEntropy};

    #[test]
    fn new_ids_are_version_7_and_ordered_by_time() {
        let clock = FakeClock::at(1_795_470_612_883);
        let entropy = SeededEntropy::new(1);
        let first = RecordId::make(&clock, &entropy).unwrap();
        clock.advance(1);
        let second = RecordId::make(&clock, &entropy).unwrap();
        assert!(first < second);
        assert_eq!(
            uuid::Uuid::parse_str(first.as_str())
                .unwrap()
                .get_version_num(),
            7
        );
    }

    #[test]
    fn only_hyphenated_uuids_are_taken_from_the_app() {
        let upper = "AAAAAAAA-0000-4000-8000-000000000001";
        assert_eq!(
            RecordId::parse_uuid(upper).unwrap().as_str(),
            upper.to_lowercase()
        );
        for bad in [
            "",
            "1",
            "aaaaaaaa000040008000000000000001",
            "x'; DROP TABLE patients; --",
        ] {
            assert!(RecordId::parse_uuid(bad).is_err());
        }
    }

    #[test]
    fn a_peers_name_tells_its_kind() {
        let hub = PeerId::hub("AAAAAAAA-0000-4000-8000-000000000001").unwrap();
        assert_eq!(hub.as_str(), "hub:aaaaaaaa-0000-4000-8000-000000000001");
        assert_eq!((hub.kind(), hub.kind().full_cursor()), (PeerKind::Hub, -1));
        assert_eq!(PeerId::parse(hub.as_str()).unwrap(), hub);
        assert_eq!(PeerId::parse("cloud").unwrap().kind(), PeerKind::Cloud);
        for bad in ["", "hub:", "hub:a\0b", "clouds"] {
            assert!(PeerId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_peer_may_hold_other_ids_within_limits() {
        assert!(RecordId::from_peer("row-1").is_some());
        assert!(RecordId::from_peer("").is_none());
        assert!(RecordId::from_peer("a\0b").is_none());
        assert!(RecordId::from_peer(&"a".repeat(129)).is_none());
    }
}
