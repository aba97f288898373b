//! After a lock the process's whole readable memory holds no key. Alone in its process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use amana_core::cancel::CancelToken;
use amana_core::ports::KeyStore;
use amana_core::system::{SystemClock, SystemEntropy, SystemTimer};
use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, System, vault};
use pollster::block_on;

const MASK: u8 = 0xa7;

/// A secret to look for. Kept masked, so that the search does not find itself.
struct Needle {
    name: &'static str,
    masked: Vec<u8>,
}

impl Needle {
    fn new(name: &'static str, bytes: impl Iterator<Item = u8>) -> Self {
        Self {
            name,
            masked: bytes.map(|byte| byte ^ MASK).collect(),
        }
    }

    fn is_at(&self, window: &[u8]) -> bool {
        window
            .iter()
            .zip(&self.masked)
            .all(|(byte, masked)| byte ^ MASK == *masked)
    }
}

/// How often each needle stands in the memory of this process.
fn search(needles: &[Needle]) -> Vec<usize> {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps: Vec<String> = BufReader::new(File::open("/proc/self/maps").unwrap())
        .lines()
        .map(Result::unwrap)
        .collect();
    let mut found = vec![0; needles.len()];
    let longest = needles.iter().map(|n| n.masked.len()).max().unwrap_or(0);
    let mut buffer = vec![0u8; 1 << 20];
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    for map in &maps {
        let mut fields = map.split_whitespace();
        let (range, rights) = (fields.next().unwrap(), fields.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let parse = |text| u64::from_str_radix(text, 16).unwrap();
        let (mut at, end) = (parse(from), parse(to));
        while at < end {
            let length = (end - at).min(buffer.len() as u64) as usize;
            let Ok(read) = memory.read_at(&mut buffer[..length], at) else {
                break;
            };
            if read == 0 {
                break;
            }
            for (i, window) in buffer[..read].windows(longest).enumerate() {
                // The buffer holds what was read before.
                if own.contains(&(at + i as u64)) {
                    continue;
                }
                for (needle, count) in needles.iter().zip(&mut found) {
                    *count += usize::from(needle.is_at(&window[..needle.masked.len()]));
                }
            }
            at += if read == length && at + read as u64 != end {
                (read - longest) as u64
            } else {
                read as u64
            };
        }
    }
    buffer.fill(0);
    found
}

#[test]
fn no_key_is_left_after_a_lock() {
    let directory = tempfile::tempdir().unwrap();
    let key_store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
    let open = || {
        Amana::open(
            Config::new(directory.path()),
            Arc::clone(&key_store),
            System::real(),
        )
        .unwrap()
    };
    open().close().unwrap();

    let needles = {
        let path = directory.path().canonicalize().unwrap();
        let io = vault::VaultIo {
            directory: &path,
            database_file: &vault::database_path(&path),
            key_store: &*key_store,
            clock: &SystemClock,
            entropy: &SystemEntropy,
            timer: &SystemTimer,
            cancel: &CancelToken::new(),
        };
        let opened = vault::open(&io, &vault::Way::Device, None).unwrap();
        let key = opened.keys.database.expose();
        let hex = key.iter().flat_map(|byte| {
            let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap() as u8;
            [digit(byte >> 4), digit(byte & 15)]
        });
        [
            Needle::new("the database key", key.iter().copied()),
            Needle::new("the database key as text", hex),
        ]
    };

    let amana = open();
    for n in 0..50 {
        let fields = format!(r#"{{"given_name":"P{n}"}}"#);
        block_on(amana.insert("patients", &fields)).unwrap();
    }
    assert_eq!(block_on(amana.count("patients", "{}")).unwrap(), 50);
    amana.lock().unwrap();
    for (needle, found) in needles.iter().zip(search(&needles)) {
        assert_eq!(found, 0, "{} is still in memory", needle.name);
    }

    // That this can fail: copies that nobody wiped.
    for (i, needle) in needles.iter().enumerate() {
        let leak: Vec<u8> = needle.masked.iter().map(|byte| byte ^ MASK).collect();
        assert!(search(&needles)[i] > 0, "{} was planted", needle.name);
        drop(leak);
    }
}
