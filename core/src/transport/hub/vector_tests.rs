//! The public vectors of the sealed channel, both ways: what we derive and seal is what a hub
//! expects, and what a hub seals we open.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use super::channel::{self, Received, Route};
use super::keys::KeyPair;
use super::store::{Store, StorePlace};
use super::test_hub;
use crate::cancel::CancelToken;
use crate::error::{ErrorCode, Result};
use crate::model::hub::HubPublicKey;
use crate::ports::Entropy;
use crate::secret::HubSessionKey;
use crate::test_support::{FakeDisk, SeededEntropy};

fn vectors() -> Json {
    serde_json::from_str(include_str!("fixtures/vectors.json")).unwrap()
}

fn hex(value: &Json) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

fn key(value: &Json) -> [u8; 32] {
    hex(value).try_into().unwrap()
}

fn place(directory: &tempfile::TempDir) -> StorePlace {
    StorePlace {
        directory: directory.path().to_owned(),
        entropy: Arc::new(SeededEntropy::new(3)),
        disk: Arc::new(FakeDisk::unknown()),
    }
}

/// Opens a reply's payload the way a pull does.
fn open(key: &[u8; 32], route: Route, payload: &str) -> Result<Vec<u8>> {
    let directory = tempfile::tempdir().unwrap();
    let body = json!({"payload": payload, "success": true}).to_string();
    let received = channel::receive(body.as_bytes(), u64::MAX, place(&directory))?;
    let Received::Sealed(sealed) = received else {
        panic!("an error in clear")
    };
    let opened = sealed.open(&HubSessionKey::from_bytes(key), route, &CancelToken::new())?;
    opened.read_small(1 << 20).map(|text| text.to_vec())
}

/// Checking a large reply takes a while on a tablet.
#[test]
fn a_cancel_is_felt_while_a_reply_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let body = json!({"payload": "A".repeat(400_000), "success": true}).to_string();
    let received = channel::receive(body.as_bytes(), u64::MAX, place(&directory)).unwrap();
    let Received::Sealed(sealed) = received else {
        panic!("an error in clear")
    };
    let cancel = CancelToken::new();
    cancel.cancel();
    let opened = sealed.open(&HubSessionKey::from_bytes(&[1; 32]), Route::Query, &cancel);
    assert_eq!(opened.err().unwrap().code(), ErrorCode::Cancelled);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// Gives out what a vector says.
struct Given(Vec<u8>);

impl Entropy for Given {
    fn fill(&self, buffer: &mut [u8]) -> Result<()> {
        buffer.copy_from_slice(&self.0);
        Ok(())
    }
}

#[test]
fn keys_are_derived_as_a_hub_does() {
    for session in vectors()["sessions"].as_array().unwrap() {
        let pair = KeyPair::from_bytes(&key(&session["client_private_hex"]));
        assert_eq!(pair.public_text(), session["client_public_b64url"]);
        let hub = HubPublicKey::parse(session["hub_public_b64url"].as_str().unwrap()).unwrap();
        let derived = pair.session_key(&hub).unwrap();
        assert_eq!(derived.expose(), &key(&session["session_key_hex"]));
        assert_ne!(derived.expose(), &key(&session["swapped_key_hex"]));
        let private = StaticSecret::from(key(&session["hub_private_hex"]));
        assert_eq!(PublicKey::from(&private).as_bytes(), hub.as_bytes());
        let theirs = StaticSecret::from(key(&session["client_private_hex"]));
        let shared = private.diffie_hellman(&PublicKey::from(&theirs));
        assert_eq!(shared.as_bytes(), &key(&session["shared_point_hex"]));
    }
}

#[test]
fn requests_are_sealed_and_replies_opened_as_the_vectors_say() {
    let mut seen = 0;
    for session in vectors()["sessions"].as_array().unwrap() {
        let session_key = key(&session["session_key_hex"]);
        for envelope in session["envelopes"].as_array().unwrap() {
            let text = match &envelope["padding"] {
                Json::Null => envelope["text"].as_str().unwrap().to_owned(),
                letters => {
                    let letters = letters.as_u64().unwrap() as usize;
                    format!(
                        r#"{{"command":"ping","data":{{"pad":"{}"}}}}"#,
                        "x".repeat(letters)
                    )
                }
            };
            let (route, reply) = match envelope["aad"].as_str().unwrap() {
                "command" => (Route::Command, false),
                "query" => (Route::Query, false),
                "command_response" => (Route::Command, true),
                _ => (Route::Query, true),
            };
            seen += 1;
            if reply {
                let payload = envelope["payload"].as_str().unwrap();
                assert_eq!(open(&session_key, route, payload).unwrap(), text.as_bytes());
                continue;
            }
            let sealed = channel::seal(
                &HubSessionKey::from_bytes(&session_key),
                route,
                Zeroizing::new(text.into_bytes()),
                &Given(hex(&envelope["nonce_hex"])),
            )
            .unwrap();
            match &envelope["payload_sha256_hex"] {
                Json::Null => assert_eq!(sealed, envelope["payload"].as_str().unwrap()),
                hash => assert_eq!(Sha256::digest(sealed.as_bytes()).as_slice(), hex(hash)),
            }
        }
    }
    assert_eq!(seen, 12);
}

/// The refused ones are requests. Sealed anew as replies, with the same damage, they are refused for
/// the reason that the vector names; as they are, nothing opens them either.
#[test]
fn what_must_be_refused_is() {
    let vectors = vectors();
    let refused = vectors["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 4);
    for case in refused {
        let payload = case["payload"].as_str().unwrap();
        for route in [Route::Command, Route::Query] {
            let error = open(&key(&case["session_key_hex"]), route, payload).unwrap_err();
            let padded = payload.ends_with('=');
            let expected = if padded {
                ErrorCode::Protocol
            } else {
                ErrorCode::PeerIdentityMismatch
            };
            assert_eq!(error.code(), expected, "{}", case["why"]);
        }
    }
    let session_key = [3; 32];
    let good = test_hub::seal(&session_key, 1, "command_response", r#"{"pong":true}"#);
    assert!(open(&session_key, Route::Command, &good).is_ok());
    let bytes = URL_SAFE_NO_PAD.decode(&good).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() / 2] ^= 0xff;
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    for (route, payload, code) in [
        (
            Route::Command,
            encode(&flipped),
            ErrorCode::PeerIdentityMismatch,
        ),
        (Route::Query, good.clone(), ErrorCode::PeerIdentityMismatch),
        (
            Route::Command,
            encode(&bytes[..27]),
            ErrorCode::PeerIdentityMismatch,
        ),
        (
            Route::Command,
            String::new(),
            ErrorCode::PeerIdentityMismatch,
        ),
        (Route::Command, format!("{good}="), ErrorCode::Protocol),
        (Route::Command, format!("{good}=="), ErrorCode::Protocol),
        (
            Route::Command,
            good.replacen('A', "+", 1),
            ErrorCode::Protocol,
        ),
        (
            Route::Command,
            format!("{good}\\u0041"),
            ErrorCode::Protocol,
        ),
        (
            Route::Command,
            format!("{}A", &good[..good.len() / 4 * 4]),
            ErrorCode::Protocol,
        ),
    ] {
        let error = open(&session_key, route, &payload).unwrap_err();
        assert_eq!(error.code(), code, "{payload}");
    }
}

#[test]
fn a_hubs_key_of_low_order_is_refused() {
    // The points of small order of the curve, but zero, which is refused when it is read.
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ] {
        let text = URL_SAFE_NO_PAD.encode(hex(&json!(point)));
        let hub = HubPublicKey::parse(&text).unwrap();
        let pair = KeyPair::make(&SeededEntropy::new(1)).unwrap();
        let error = pair.session_key(&hub).unwrap_err();
        assert_eq!(error.code(), ErrorCode::PeerIdentityMismatch, "{point}");
    }
}

#[test]
fn h11_an_error_in_clear_is_told_apart_before_anything_is_opened() {
    let directory = tempfile::tempdir().unwrap();
    let body = br#"{"payload":"","success":false,"error":"Authentication required"}"#;
    let received = channel::receive(&body[..], 1000, place(&directory)).unwrap();
    let Received::Error(text) = received else {
        panic!("a sealed reply")
    };
    assert_eq!(text, "Authentication required");
}

#[test]
fn a_store_gives_back_what_it_took_from_memory_and_from_the_disk() {
    for length in [0, 1, 1000, 300 * 1024, 1024 * 1024 + 7] {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::new(place(&directory));
        let bytes: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        for part in bytes.chunks(50_000) {
            store.write(part).unwrap();
        }
        assert_eq!(store.is_on_disk(), length > 256 * 1024);
        for _ in 0..2 {
            store.rewind().unwrap();
            let (mut back, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                match store.read(&mut buffer).unwrap() {
                    0 => break,
                    count => back.extend_from_slice(&buffer[..count]),
                }
            }
            assert_eq!(back, bytes);
        }
    }
}

/// A file that is changed between the check and the reading is noticed at the end of the reading.
#[test]
fn a_spooled_reply_that_changes_on_the_disk_does_not_count() {
    let directory = tempfile::tempdir().unwrap();
    let session_key = [3; 32];
    let text = "x".repeat(1024 * 1024);
    let payload = test_hub::seal(&session_key, 1, "query_response", &text);
    let body = json!({"payload": payload, "success": true}).to_string();
    let received = channel::receive(body.as_bytes(), u64::MAX, place(&directory)).unwrap();
    let Received::Sealed(sealed) = received else {
        panic!("an error in clear")
    };
    let opened = sealed
        .open(
            &HubSessionKey::from_bytes(&session_key),
            Route::Query,
            &CancelToken::new(),
        )
        .unwrap();
    let file = std::fs::read_dir(directory.path()).unwrap().next().unwrap();
    let path = file.unwrap().path();
    let mut bytes = std::fs::read(&path).unwrap();
    assert!(!bytes.windows(8).any(|window| window == b"xxxxxxxx"));
    bytes[500_000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert!(opened.read_small(1 << 21).is_err());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}
