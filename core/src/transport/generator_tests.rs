//! What the fuzz targets do without nightly: replies from a seed, whole ones and broken ones. A
//! failure names its seed.

use std::fmt::Write as _;

use crate::error::ErrorCode;
use crate::ports::Entropy;
use crate::test_support::{SeededEntropy, check_hub_decoder, check_pull_decoder};

const SEEDS: u64 = 3_000;

/// Decisions, from a seed.
struct Dice(SeededEntropy);

impl Dice {
    fn below(&self, limit: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        (u64::from_le_bytes(bytes) % limit as u64) as usize
    }

    fn one_of<'a>(&self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

/// A value, mostly of the forms that peers send.
fn value(dice: &Dice, depth: usize) -> String {
    match dice.below(if depth > 4 { 8 } else { 10 }) {
        0 => "null".into(),
        1 => dice
            .one_of(&["0", "1", "-0", "80.0", "1e999", "-1e-999"])
            .into(),
        2 => dice
            .one_of(&[
                "9223372036854775808",
                "1772352000000",
                "01",
                "-",
                "1.",
                "NaN",
            ])
            .into(),
        3 => dice.one_of(&["true", "false", "True"]).into(),
        4 => dice
            .one_of(&[
                r#""36.60""#,
                r#""2026-01-31T08:15:30.123Z""#,
                r#""1980-02-03""#,
                r#""""#,
            ])
            .into(),
        5 => dice
            .one_of(&[
                r#""\ud800""#,
                r#""\u0000""#,
                r#""سلمى 👶""#,
                r#""{\"a\":[1]}""#,
                "\"\u{feff}\"",
            ])
            .into(),
        6 => dice.one_of(&["[]", "{}", r#""__proto__""#]).into(),
        7 => format!("\"{}\"", "x".repeat(dice.below(300))),
        8 => {
            let items: Vec<_> = (0..dice.below(4)).map(|_| value(dice, depth + 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => object(
            dice,
            depth + 1,
            &["id", "a", "b", "__proto__", "constructor"],
        ),
    }
}

fn object(dice: &Dice, depth: usize, names: &[&str]) -> String {
    let mut out = "{".to_owned();
    for i in 0..dice.below(7) {
        let comma = if i > 0 { "," } else { "" };
        let name = dice.one_of(names);
        write!(out, "{comma}\"{name}\":{}", value(dice, depth)).unwrap();
    }
    out + "}"
}

const COLUMNS: [&str; 12] = [
    "id",
    "given_name",
    "date_of_birth",
    "metadata",
    "created_at",
    "updated_at",
    "is_deleted",
    "hashed_password",
    "__proto__",
    "unknown",
    "user_id",
    "height_cm",
];

fn reply(dice: &Dice) -> String {
    let mut tables = Vec::new();
    for _ in 0..dice.below(5) {
        let table = dice.one_of(&[
            "patients",
            "visits",
            "users",
            "user_clinic_permissions",
            "resources",
            "__proto__",
            "patient_vitals",
            "event_logs",
            "undefined",
        ]);
        let mut lists = Vec::new();
        for list in ["created", "updated", "deleted"] {
            let items: Vec<_> = (0..dice.below(4))
                .map(|_| match dice.below(5) {
                    0 => value(dice, 0),
                    _ => object(dice, 0, &COLUMNS),
                })
                .collect();
            lists.push(format!("\"{list}\":[{}]", items.join(",")));
        }
        tables.push(format!("\"{table}\":{{{}}}", lists.join(",")));
    }
    format!(
        r#"{{"success":true,"changes":{{{}}},"timestamp":{}}}"#,
        tables.join(","),
        if dice.below(9) == 0 {
            value(dice, 0)
        } else {
            "1795470613883".into()
        }
    )
}

/// A few bytes changed, cut out or put in.
fn damage(dice: &Dice, bytes: &mut Vec<u8>) {
    for _ in 0..dice.below(4) {
        let at = dice.below(bytes.len().max(1));
        match dice.below(4) {
            _ if bytes.is_empty() => {}
            0 => bytes[at] = dice.below(256) as u8,
            1 => bytes.truncate(at),
            2 => {
                bytes.remove(at);
            }
            _ => bytes.insert(at, b"{}[]\",:\\\xff0"[dice.below(10)]),
        }
    }
}

#[test]
fn no_reply_of_any_seed_does_harm() {
    let mut whole = 0;
    for seed in 0..SEEDS {
        let dice = Dice(SeededEntropy::new(seed));
        let mut body = reply(&dice);
        let wrapped = dice.below(2) == 1;
        if wrapped {
            body = format!(r#"{{"result":{{"data":{{"json":{body},"meta":{{}}}}}}}}"#);
        }
        let mut bytes = body.into_bytes();
        if dice.below(3) > 0 {
            damage(&dice, &mut bytes);
        }
        match check_pull_decoder(&bytes, wrapped) {
            Ok(_) => whole += 1,
            Err(error) => assert!(
                matches!(error.code(), ErrorCode::Protocol | ErrorCode::ValueTooLarge),
                "seed {seed}: {error}"
            ),
        }
    }
    // A generator of nothing but rubbish would prove little.
    assert!(whole > SEEDS / 20, "{whole} whole replies");
}

#[test]
fn no_sealed_reply_of_any_seed_opens() {
    for seed in 0..SEEDS {
        let dice = Dice(SeededEntropy::new(seed));
        let letters = dice.below(400);
        let payload: String = (0..letters)
            .map(|_| dice.one_of(&["A", "b", "-", "_", "9", "z", "w", "0"]))
            .collect();
        let mut body = format!(
            r#"{{"payload":"{payload}","success":true,"error":{}}}"#,
            value(&dice, 0)
        )
        .into_bytes();
        damage(&dice, &mut body);
        assert!(!check_hub_decoder(&body, &[0x5a; 32]), "seed {seed}");
    }
}
