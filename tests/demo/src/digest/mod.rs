//! The digest of a server's records, computed from a pull without the core's help.
//!
//! The same definition as the tablets': each record is one line of JSON,
//! `[table, id, [[column, value]…]]`, columns by name, hidden ones left out, JSON with sorted keys, decimals without idle zeros;
//! the SHA-256 of all lines are added up as four 64-bit words. Only the description of the tables
//! is shared; reading the wire is written anew here, so that a mistake in one shows.

mod dates;
mod decode;
mod pull;
mod schema;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

pub use pull::{PullDigest, of_pull};

/// What a table holds.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TableDigest {
    /// How many records.
    pub rows: u64,
    words: [u64; 4],
}

/// What each table holds, by name.
pub type Digests = BTreeMap<String, (u64, String)>;

impl TableDigest {
    fn add(&mut self, table: &str, id: &str, mut cells: Vec<(&str, Json)>) {
        cells.sort_by_key(|(name, _)| *name);
        let line = json!([table, id, cells]).to_string();
        let hash = Sha256::digest(line.as_bytes());
        for (word, bytes) in self.words.iter_mut().zip(hash.chunks_exact(8)) {
            let part = bytes
                .iter()
                .fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
            *word = word.wrapping_add(part);
        }
        self.rows += 1;
    }

    fn text(&self) -> String {
        self.words
            .iter()
            .map(|word| format!("{word:016x}"))
            .collect()
    }
}

/// A tablet's answer to `digest`.
pub fn of_tablet(answer: &Json) -> Digests {
    let tables = answer["tables"].as_object();
    tables
        .into_iter()
        .flatten()
        .map(|(name, table)| {
            let rows = table["rows"].as_u64().unwrap_or_default();
            let digest = table["digest"].as_str().unwrap_or_default();
            (name.clone(), (rows, digest.to_owned()))
        })
        .collect()
}

/// The tables in which two differ, each with its number of rows on both sides.
pub fn differences(a: &Digests, b: &Digests) -> Vec<String> {
    let rows = |side: &Digests, name: &str| {
        side.get(name)
            .map_or("no such table".to_owned(), |(rows, _)| rows.to_string())
    };
    let mut names: Vec<&String> = a.keys().chain(b.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| a.get(*name) != b.get(*name))
        .map(|name| format!("{name} ({} / {} rows)", rows(a, name), rows(b, name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells() -> Vec<(&'static str, Json)> {
        vec![
            ("name", json!("سلمى")),
            ("is_archived", json!(0)),
            ("extra", json!({"b": 1, "a": []})),
        ]
    }

    #[test]
    fn the_sum_is_that_of_the_lines_written_by_hand() {
        let mut digest = TableDigest::default();
        digest.add("clinics", "c1", cells());
        digest.add("clinics", "c2", Vec::new());
        // printf '%s' '<line>' | sha256sum, the two sums added up in words of 64 bits.
        assert_eq!(digest.rows, 2);
        let first =
            r#"["clinics","c1",[["extra",{"a":[],"b":1}],["is_archived",0],["name","سلمى"]]]"#;
        let words = |line: &str| -> Vec<u64> {
            let hex: String = Sha256::digest(line)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            (0..4)
                .map(|n| u64::from_str_radix(&hex[n * 16..][..16], 16).unwrap())
                .collect()
        };
        let (a, b) = (words(first), words(r#"["clinics","c2",[]]"#));
        let sum: String = a
            .iter()
            .zip(b)
            .map(|(a, b)| format!("{:016x}", a.wrapping_add(b)))
            .collect();
        assert_eq!(digest.text(), sum);
    }

    #[test]
    fn order_does_not_matter_and_every_value_does() {
        let digest = |rows: &[(&str, i64)]| {
            let mut digest = TableDigest::default();
            for (id, value) in rows {
                digest.add("clinics", id, vec![("n", json!(value))]);
            }
            digest
        };
        assert_eq!(digest(&[("a", 1), ("b", 2)]), digest(&[("b", 2), ("a", 1)]));
        assert_ne!(digest(&[("a", 1), ("b", 2)]), digest(&[("a", 2), ("b", 1)]));
        assert_ne!(digest(&[("a", 1)]), digest(&[("a", 1), ("a", 1)]));
    }

    #[test]
    fn differences_name_the_tables() {
        let side = |rows: u64, digest: &str| {
            Digests::from([
                ("same".to_owned(), (1, "x".to_owned())),
                ("patients".to_owned(), (rows, digest.to_owned())),
            ])
        };
        assert!(differences(&side(1, "a"), &side(1, "a")).is_empty());
        assert_eq!(
            differences(&side(1, "a"), &side(1, "b")),
            ["patients (1 / 1 rows)"]
        );
        assert_eq!(
            differences(&side(1, "a"), &Digests::new()),
            [
                "patients (1 / no such table rows)",
                "same (1 / no such table rows)"
            ]
        );
    }
}
