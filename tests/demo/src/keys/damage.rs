//! The cases of damaged files: newer, damaged and missing keyrings, missing and damaged databases.

use sha2::{Digest as _, Sha256};

use super::Case;
use super::cases::with_other_bytes;
use super::stage::{Stage, read, write};
use crate::error::{Doing as _, Result};

pub const CASES: [Case; 7] = [
    Case {
        row: 2,
        observed: "a copy of the keyring that a newer version wrote",
        wanted: "keyring_too_new; nothing written, no key made or deleted; \
                 with the newer version: opens with its value",
        play: newer_keyring,
    },
    Case {
        row: 6,
        observed: "both copies of the keyring are damaged, and data is there",
        wanted: "keyring_damaged, offering quarantine; nothing written, no key made or deleted; \
                 mended by an expert: opens with its value",
        play: both_copies_damaged,
    },
    Case {
        row: 6,
        observed: "no keyring, but data",
        wanted: "keyring_damaged, offering quarantine; nothing written, no key made or deleted",
        play: no_keyring,
    },
    Case {
        row: 12,
        observed: "one flipped bit in one copy of the keyring",
        wanted: "opens with its value; the copy is mended",
        play: one_bit,
    },
    Case {
        row: 14,
        observed: "the key is right, the database's file is missing",
        wanted: "database_damaged, offering quarantine; nothing written, no key made or deleted; \
                 the file is back: opens with its value",
        play: no_database,
    },
    Case {
        row: 14,
        observed: "the key is right, the database's file is empty",
        wanted: "database_damaged, offering salvage and quarantine; nothing written, no key made or deleted; \
                 the file is back: opens with its value",
        play: empty_database,
    },
    Case {
        row: 15,
        observed: "the key is right, the database is none any more",
        wanted: "database_damaged, offering salvage and quarantine; nothing written, no key made or deleted; \
                 the file is back: opens with its value",
        play: damaged_database,
    },
];

fn newer_keyring() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    let mut newer = b"AMANAKR\n\x00\x02what a later version says".to_vec();
    let sum = Sha256::digest(&newer);
    newer.extend_from_slice(&sum[..16]);
    let file = stage.file("keyring.b");
    let seen = with_other_bytes(&file, &newer, || stage.open_and_compare())?;
    Ok(format!("{seen}; with the newer version: {}", stage.open()?))
}

fn both_copies_damaged() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    let (a, b) = (stage.file("keyring.a"), stage.file("keyring.b"));
    let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
    let (torn_a, torn_b) = (half(read(&a)?), half(read(&b)?));
    let seen = with_other_bytes(&a, &torn_a, || {
        with_other_bytes(&b, &torn_b, || stage.open_and_compare())
    })?;
    Ok(format!("{seen}; mended by an expert: {}", stage.open()?))
}

fn no_keyring() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    for name in ["keyring.a", "keyring.b"] {
        std::fs::remove_file(stage.file(name)).doing(name)?;
    }
    stage.open_and_compare()
}

fn one_bit() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    let file = stage.file("keyring.a");
    let good = read(&file)?;
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    write(&file, &flipped)?;
    let seen = stage.open()?;
    let mended = match read(&file)? == good {
        true => "the copy is mended",
        false => "THE COPY IS LEFT",
    };
    Ok(format!("{seen}; {mended}"))
}

fn no_database() -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    let (file, aside) = (stage.file("database"), stage.file("aside"));
    std::fs::rename(&file, &aside).doing("database")?;
    let seen = stage.open_and_compare()?;
    std::fs::rename(&aside, &file).doing("database")?;
    Ok(format!("{seen}; the file is back: {}", stage.open()?))
}

fn empty_database() -> Result<String> {
    with_database(b"")
}

fn damaged_database() -> Result<String> {
    with_database(&[0x5a; 8 * 4096])
}

fn with_database(bytes: &[u8]) -> Result<String> {
    let stage = Stage::with_device_vault(None)?;
    let file = stage.file("database");
    let seen = with_other_bytes(&file, bytes, || stage.open_and_compare())?;
    Ok(format!("{seen}; the file is back: {}", stage.open()?))
}
