//! Against the crate that seals whole messages, at every length and cut, and against vectors.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use proptest::prelude::*;
use serde_json::Value as Json;

use super::*;

fn seal(key: &[u8; 32], nonce: &[u8; NONCE], aad: &[u8], text: &[u8]) -> (Vec<u8>, [u8; TAG]) {
    let mut sealed = text.to_vec();
    let tag = Aes256Gcm::new(<&Key<Aes256Gcm>>::from(key))
        .encrypt_inout_detached(&Nonce::from(*nonce), aad, sealed.as_mut_slice().into())
        .unwrap();
    (sealed, tag.into())
}

fn open(
    key: &[u8; 32],
    nonce: &[u8; NONCE],
    aad: &[u8],
    sealed: &[u8],
    tag: &[u8; TAG],
    chunk: usize,
) -> Option<Vec<u8>> {
    let key = HubSessionKey::from_bytes(key);
    let mut check = TagCheck::new(&key, nonce, aad).unwrap();
    for part in sealed.chunks(chunk) {
        check.update(part).unwrap();
    }
    if !check.verifies(tag) {
        return None;
    }
    let mut decryptor = Decryptor::new(&key, nonce).unwrap();
    let mut text = sealed.to_vec();
    for part in text.chunks_mut(chunk) {
        decryptor.apply(part).unwrap();
    }
    Some(text)
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
        .collect()
}

fn array<const N: usize>(hex: &str) -> [u8; N] {
    bytes(hex).try_into().unwrap()
}

/// The cases for 256-bit keys and 96-bit nonces of the paper that defined GCM (McGrew and Viega,
/// test cases 13 to 16): key, nonce, AAD, text, ciphertext, tag.
const PUBLISHED: [[&str; 6]; 4] = [
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000",
        "",
        "",
        "",
        "530f8afbc74536b9a963b4f1c4cb738b",
    ],
    [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000",
        "",
        "00000000000000000000000000000000",
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ],
    [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ],
    [
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        "76fc6ece0f4e1768cddf8853bb2d551b",
    ],
];

#[test]
fn the_published_cases_open_at_every_cut() {
    for [key, nonce, aad, text, sealed, tag] in PUBLISHED {
        let (key, nonce, tag) = (array(key), array(nonce), array(tag));
        for chunk in 1..70 {
            let opened = open(&key, &nonce, &bytes(aad), &bytes(sealed), &tag, chunk);
            assert_eq!(opened, Some(bytes(text)), "{chunk}");
        }
    }
}

/// Wycheproof's cases for our sizes of key, nonce and tag: good ones of every length around a block,
/// without AAD and with, and tags with bits flipped.
#[test]
fn the_cases_of_wycheproof_open_or_are_refused_at_every_cut() {
    let all: Json = serde_json::from_str(include_str!("fixtures/wycheproof_aes_gcm.json")).unwrap();
    let (mut good, mut bad) = (0, 0);
    for case in all["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let (key, nonce, tag) = (array(text("key")), array(text("iv")), array(text("tag")));
        let (aad, sealed) = (bytes(text("aad")), bytes(text("ct")));
        let expected = match text("result") {
            "valid" => {
                good += 1;
                Some(bytes(text("msg")))
            }
            other => {
                assert_eq!(other, "invalid");
                bad += 1;
                None
            }
        };
        for chunk in [1, 7, 15, 16, 17, 64, 600] {
            let opened = open(&key, &nonce, &aad, &sealed, &tag, chunk);
            assert_eq!(opened, expected, "case {} by {chunk}", case["case"]);
        }
    }
    assert_eq!((good, bad), (39, 27));
}

/// What has to be refused whatever the text is: every bit of a tag, a tag shifted, cut, of zeros, of
/// another nonce, another AAD, another key, a byte more or less.
#[test]
fn every_change_is_refused() {
    let (key, nonce, aad) = ([7; 32], [9; NONCE], &b"query_response"[..]);
    for length in [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1000] {
        let text = vec![0x5a; length];
        let (sealed, tag) = seal(&key, &nonce, aad, &text);
        let refused =
            |key: &[u8; 32], nonce: &[u8; 12], aad: &[u8], sealed: &[u8], tag: &[u8; 16]| {
                assert_eq!(open(key, nonce, aad, sealed, tag, 16), None, "{length}");
            };
        assert_eq!(open(&key, &nonce, aad, &sealed, &tag, 16), Some(text));
        for bit in 0..TAG * 8 {
            let mut other = tag;
            other[bit / 8] ^= 1 << (bit % 8);
            refused(&key, &nonce, aad, &sealed, &other);
        }
        let mut rotated = tag;
        rotated.rotate_left(1);
        refused(&key, &nonce, aad, &sealed, &rotated);
        refused(&key, &nonce, aad, &sealed, &[0; TAG]);
        refused(&key, &nonce, aad, &sealed, &[0xff; TAG]);
        refused(&key, &nonce, aad, &sealed, &tag.map(|byte| !byte));
        refused(&key, &nonce, b"command_response", &sealed, &tag);
        refused(&key, &nonce, b"", &sealed, &tag);
        refused(&key, &[8; NONCE], aad, &sealed, &tag);
        refused(&[8; 32], &nonce, aad, &sealed, &tag);
        refused(&key, &nonce, aad, &[&sealed[..], &[0]].concat(), &tag);
        if length > 0 {
            refused(&key, &nonce, aad, &sealed[..length - 1], &tag);
            for at in [0, length / 2, length - 1] {
                let mut other = sealed.clone();
                other[at] ^= 0x80;
                refused(&key, &nonce, aad, &other, &tag);
            }
        }
    }
}

/// The counter of a block and the one that masks the tag are each other's neighbours: they must
/// not be mixed up at any boundary of blocks.
#[test]
fn it_agrees_with_the_whole_message_crate_around_the_boundaries() {
    for length in (0..=80).chain([4095, 4096, 4097]) {
        let text: Vec<u8> = (0..length).map(|i| i as u8).collect();
        let (sealed, tag) = seal(&[1; 32], &[2; NONCE], b"query", &text);
        for chunk in [1, 5, 15, 16, 17, 64, 5000] {
            let opened = open(&[1; 32], &[2; NONCE], b"query", &sealed, &tag, chunk);
            assert_eq!(opened.as_ref(), Some(&text), "{length} by {chunk}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..Default::default() })]

    #[test]
    fn it_agrees_with_the_whole_message_crate(
        key in any::<[u8; 32]>(),
        nonce in any::<[u8; NONCE]>(),
        aad in proptest::collection::vec(any::<u8>(), 0..40),
        text in proptest::collection::vec(any::<u8>(), 0..700),
        chunk in 1usize..200,
    ) {
        let (sealed, tag) = seal(&key, &nonce, &aad, &text);
        prop_assert_eq!(open(&key, &nonce, &aad, &sealed, &tag, chunk), Some(text));
    }
}
