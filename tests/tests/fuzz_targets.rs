//! The fuzz targets on bytes that are made up from a seed: cuts, swaps and flips of what is well formed.
//! A fuzzer that knows the code goes further; how it is started stands in `tests/fuzz/Cargo.toml`.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../fuzz/targets.rs"]
mod targets;

use std::path::Path;

/// Made-up inputs of each target.
const INPUTS: usize = 3_000;

/// A generator of its own, so that a seed means the same for ever.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    /// One change of some bytes.
    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, self.next() as u8),
            2 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            3 if !bytes.is_empty() => {
                bytes[at] = *b"\"\\{}[]:,0-\x00\xff".get(self.below(12)).unwrap()
            }
            4 => {
                let end = at + self.below(bytes.len() - at);
                let piece = bytes[at..end].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let end = at + self.below(bytes.len() - at);
                bytes.drain(at..end);
            }
        }
    }
}

fn run(target: fn(&[u8]), seeds: &[Vec<u8>]) {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    target(b"");
    for seed in seeds {
        target(seed);
    }
    for _ in 0..INPUTS {
        let mut bytes = seeds[numbers.below(seeds.len())].clone();
        for _ in 0..=numbers.below(4) {
            numbers.change(&mut bytes);
        }
        target(&bytes);
    }
}

#[test]
fn keyrings() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src/vault/golden");
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(golden).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "keyring") {
            seeds.push(std::fs::read(path).unwrap());
        }
    }
    assert!(seeds.len() >= 5);
    seeds.sort();
    run(targets::keyring, &seeds);
}

#[test]
fn pull_replies() {
    let inside = r#""changes":{"patients":{"created":[{"id":"a0000000-0000-4000-8000-000000000001","given_name":"سلمى","metadata":{"a":[1,2.50]},"created_at":"2026-11-23T21:48:14.211Z"}],"updated":[],"deleted":["b"]},"users":{"created":[{"id":"u"}]}},"timestamp":1795470612883"#;
    let plain = format!("{{\"success\":true,{inside}}}").into_bytes();
    let wrapped = format!(
        "{{\"result\":{{\"data\":{{\"json\":{{{inside}}},\"meta\":{{\"values\":{{\"changes.patients.created.0.created_at\":[\"Date\"]}}}}}}}}}}"
    );
    run(targets::pull_reply, &[plain, wrapped.into_bytes()]);
}

#[test]
fn hub_replies() {
    let sealed = r#"{"payload":"q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8SNFZ4kKvN7xI=","success":true}"#;
    let refused = r#"{"success":false,"error":"Invalid token"}"#;
    let seeds = [sealed, refused].map(|text| text.as_bytes().to_vec());
    run(targets::hub_reply, &seeds);
}
