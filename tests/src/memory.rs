//! A search through this process's own memory. For tests that are alone in their process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;

/// What secrets are masked with.
pub const MASK: u8 = 0xa7;

/// A secret to look for. Kept masked, so that the search does not find itself.
pub struct Needle {
    /// What it is.
    pub name: &'static str,
    masked: Vec<u8>,
}

impl Needle {
    /// Takes the bytes in masked form.
    pub fn new(name: &'static str, bytes: impl Iterator<Item = u8>) -> Self {
        Self {
            name,
            masked: bytes.map(|byte| byte ^ MASK).collect(),
        }
    }

    /// The same, of bytes that were never here unmasked.
    #[must_use]
    pub fn masked(name: &'static str, masked: &[u8]) -> Self {
        Self {
            name,
            masked: masked.to_vec(),
        }
    }

    /// The secret itself, in memory of the caller's.
    #[must_use]
    pub fn unmasked(&self) -> Vec<u8> {
        self.masked.iter().map(|byte| byte ^ MASK).collect()
    }

    fn is_at(&self, window: &[u8]) -> bool {
        window
            .iter()
            .zip(&self.masked)
            .all(|(byte, masked)| byte ^ MASK == *masked)
    }
}

/// How often each needle stands in the memory of this process.
#[must_use]
pub fn search(needles: &[Needle]) -> Vec<usize> {
    let memory = File::open("/proc/self/mem").expect("this process can be read");
    let maps: Vec<String> =
        BufReader::new(File::open("/proc/self/maps").expect("this process can be read"))
            .lines()
            .map(|line| line.expect("this process can be read"))
            .collect();
    let mut found = vec![0; needles.len()];
    // Most bytes begin no needle.
    let mut begins = [false; 256];
    for needle in needles {
        begins[usize::from(needle.masked[0] ^ MASK)] = true;
    }
    let longest = needles.iter().map(|n| n.masked.len()).max().unwrap_or(0);
    let mut buffer = vec![0u8; 1 << 20];
    let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
    for map in &maps {
        let mut fields = map.split_whitespace();
        let (range, rights) = (
            fields.next().expect("this process can be read"),
            fields.next().expect("this process can be read"),
        );
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').expect("this process can be read");
        let parse = |text| u64::from_str_radix(text, 16).expect("this process can be read");
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
                if !begins[usize::from(window[0])] {
                    continue;
                }
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
