//! Looks for words in files, in the forms in which they could have got there.
//!
//! A word inside base64 looks different for each of three positions, and its ends mix with what
//! stands beside it: for each position the middle that depends on the word alone is looked for.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::error::{Doing as _, Result};
use crate::files;

/// Shorter patterns would be found by chance.
const SHORTEST: usize = 6;

/// Words to look for.
pub struct Canary {
    patterns: Vec<Pattern>,
    /// Whether some pattern begins with a byte.
    begins: Box<[bool; 256]>,
}

struct Pattern {
    /// What the word is, never the word itself: a password would get into the report.
    what: String,
    bytes: Vec<u8>,
}

/// What was looked at, and what was found.
#[derive(Default, Debug)]
pub struct Search {
    /// Files read.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Where something was found, and in which form.
    pub found: Vec<(PathBuf, String)>,
}

impl Canary {
    /// From words with a name for each.
    pub fn new(words: &[(&str, &str)]) -> Self {
        let patterns: Vec<Pattern> = words
            .iter()
            .flat_map(|(what, word)| forms(what, word))
            .collect();
        let mut begins = Box::new([false; 256]);
        for first in patterns.iter().filter_map(|pattern| pattern.bytes.first()) {
            begins[usize::from(*first)] = true;
        }
        Self { patterns, begins }
    }

    /// The forms that occur in some bytes, each once.
    pub fn find(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            if !self.begins[usize::from(*byte)] {
                continue;
            }
            for pattern in &self.patterns {
                if bytes[at..].starts_with(&pattern.bytes) && !found.contains(&&*pattern.what) {
                    found.push(&pattern.what);
                }
            }
        }
        found
    }

    /// Looks through all files below some folders, names of files included.
    pub fn search(&self, folders: &[&Path]) -> Result<Search> {
        let mut search = Search::default();
        for folder in folders {
            for path in files::list(folder)? {
                let bytes = std::fs::read(&path).doing(path.display())?;
                search.files += 1;
                search.bytes += bytes.len() as u64;
                let below = path.strip_prefix(folder).unwrap_or(&path);
                let in_name = self.find(below.as_os_str().as_encoded_bytes());
                for what in self.find(&bytes).into_iter().chain(in_name) {
                    search.found.push((path.clone(), what.to_owned()));
                }
            }
        }
        Ok(search)
    }
}

impl Search {
    /// Both together.
    pub fn and(mut self, mut other: Self) -> Self {
        self.files += other.files;
        self.bytes += other.bytes;
        self.found.append(&mut other.found);
        self
    }
}

fn forms(what: &str, word: &str) -> Vec<Pattern> {
    let wide = |to_bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        word.encode_utf16().flat_map(to_bytes).collect()
    };
    let utf8 = word.as_bytes().to_vec();
    let hex = |upper: bool| -> Vec<u8> {
        let digit = |b: &u8| {
            if upper {
                format!("{b:02X}")
            } else {
                format!("{b:02x}")
            }
        };
        utf8.iter().map(digit).collect::<String>().into_bytes()
    };
    let plain = [
        ("UTF-8", utf8.clone()),
        ("UTF-16, little-endian", wide(u16::to_le_bytes)),
        ("UTF-16, big-endian", wide(u16::to_be_bytes)),
    ];
    let mut all = Vec::new();
    for (form, bytes) in plain {
        for (position, text) in base64_middles(&bytes).into_iter().enumerate() {
            let url = text.replace('+', "-").replace('/', "_");
            let name = format!("base64 of {form}, position {position}");
            if url != text {
                all.push((format!("{name}, for addresses"), url.into_bytes()));
            }
            all.push((name, text.into_bytes()));
        }
        all.push((form.to_owned(), bytes));
    }
    all.push(("hexadecimal".to_owned(), hex(false)));
    all.push(("hexadecimal".to_owned(), hex(true)));
    all.into_iter()
        .filter(|(_, bytes)| bytes.len() >= SHORTEST)
        .map(|(form, bytes)| Pattern {
            what: format!("{what} ({form})"),
            bytes,
        })
        .collect()
}

/// For each position in a group of three bytes, the base64 digits that depend on the bytes alone.
fn base64_middles(bytes: &[u8]) -> [String; 3] {
    [0, 1, 2].map(|position| {
        let mut padded = vec![0; position];
        padded.extend_from_slice(bytes);
        let text = STANDARD_NO_PAD.encode(&padded);
        // A digit holds six bits: those that are all within the word.
        let first = (position * 8).div_ceil(6);
        let end = padded.len() * 8 / 6;
        text.get(first..end).unwrap_or_default().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const WORD: &str = "Qamarxkvbt";

    fn canary() -> Canary {
        Canary::new(&[("the name", WORD), ("the password", "Cedar-River-7")])
    }

    fn wide(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(to_bytes).collect()
    }

    #[test]
    fn finds_each_form_wherever_it_stands() {
        let text = format!("Dalia {WORD} 00017");
        for before in ["", "a", "ab", "abc", "سل"] {
            let text = format!("{before}{text}");
            for (form, bytes) in [
                ("UTF-8)", text.clone().into_bytes()),
                ("little-endian)", wide(&text, u16::to_le_bytes)),
                ("big-endian)", wide(&text, u16::to_be_bytes)),
                ("base64 of UTF-8", STANDARD.encode(&text).into_bytes()),
                (
                    "base64 of UTF-16, little-endian",
                    STANDARD.encode(wide(&text, u16::to_le_bytes)).into_bytes(),
                ),
                (
                    "hexadecimal",
                    text.bytes()
                        .map(|b| format!("{b:02X}"))
                        .collect::<String>()
                        .into_bytes(),
                ),
            ] {
                let canary = canary();
                let found = canary.find(&bytes);
                assert!(
                    found.iter().any(|what| what.contains(form)),
                    "{form} in {text}: {found:?}"
                );
                assert!(found.iter().all(|what| what.starts_with("the name")));
            }
        }
    }

    #[test]
    fn finds_the_password_in_credentials() {
        let header = format!(
            "Basic {}",
            STANDARD.encode("noor@clinic-a.example:Cedar-River-7")
        );
        let found = canary().find(header.as_bytes()).join(" ");
        assert!(
            found.starts_with("the password (base64 of UTF-8"),
            "{found}"
        );
    }

    #[test]
    fn finds_nothing_where_nothing_is() {
        let near = WORD.replace('x', "y");
        assert!(canary().find(near.as_bytes()).is_empty());
        assert!(canary().find(STANDARD.encode(&near).as_bytes()).is_empty());
        assert!(canary().find(b"").is_empty());
    }

    #[test]
    fn looks_through_folders_and_names_the_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("deep")).unwrap();
        std::fs::write(home.path().join("clean"), vec![7; 100_000]).unwrap();
        let clean = canary().search(&[home.path()]).unwrap();
        assert_eq!(
            (clean.files, clean.bytes, clean.found.len()),
            (1, 100_000, 0)
        );
        let leak = home.path().join("deep/leak");
        std::fs::write(&leak, format!("{}{WORD}", "x".repeat(70_000))).unwrap();
        let named = home.path().join(WORD);
        std::fs::write(&named, "").unwrap();
        let found = canary().search(&[home.path()]).unwrap().found;
        let paths: Vec<_> = found.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, [&named, &leak]);
    }
}
