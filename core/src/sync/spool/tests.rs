//! The spool gives back what it took, or a typed error; never plaintext on the disk.

use std::fs;
use std::io::{self, Cursor};

use proptest::prelude::*;

use std::path::Path;

use aes_gcm::{Aes256Gcm, KeyInit};

use super::blocks::{BLOCK, BlockReader, BlockWriter, TAG};
use super::writing::UPSERTS;
use super::*;
use crate::error::{ErrorCode, Result};
use crate::model::change_set::{RemoteChange, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::schema::TableIndex;
use crate::model::value::Value;
use crate::ports::{ChangeSink, ChangeSource};
use crate::test_support::SeededEntropy;

const CANARY: &str = "CANARY-Amal-Khoury-1980";

fn upsert(table: u16, id: &str, cells: Vec<(usize, Value)>) -> RemoteChange {
    let id = RecordId::from_peer(id).unwrap();
    RemoteChange::Upsert(TableIndex(table), RemoteRow { id, cells })
}

fn delete(table: u16, id: &str) -> RemoteChange {
    RemoteChange::Delete(TableIndex(table), RecordId::from_peer(id).unwrap())
}

fn put(spool: &mut Spool, change: &RemoteChange) {
    match change.clone() {
        RemoteChange::Upsert(table, row) => spool.upsert(table, row).unwrap(),
        RemoteChange::Delete(table, id) => spool.delete(table, id).unwrap(),
    }
}

fn take_all(reader: &mut dyn ChangeSource) -> Result<Vec<RemoteChange>> {
    let mut all = Vec::new();
    while let Some(change) = reader.next_change()? {
        all.push(change.clone());
    }
    Ok(all)
}

fn spool_in(directory: &Path) -> Spool {
    Spool::create(directory, &SeededEntropy::new(7)).unwrap()
}

fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[test]
fn upserts_come_first_and_the_files_go() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = spool_in(directory.path());
    let changes = [
        delete(3, "gone-1"),
        upsert(
            1,
            "one",
            vec![(1, Value::Text(CANARY.into())), (4, Value::Null)],
        ),
        delete(3, "gone-2"),
        upsert(
            2,
            "two",
            vec![(9, Value::Integer(-5)), (2, Value::Real(0.25))],
        ),
    ];
    for change in &changes {
        put(&mut spool, change);
    }
    assert_eq!(files(directory.path()).len(), 2);
    let mut reader = spool.into_reader().unwrap();
    let [d1, u1, d2, u2] = changes;
    assert_eq!(take_all(&mut reader).unwrap(), [u1, u2, d1, d2]);
    assert!(reader.next_change().unwrap().is_none());
    drop(reader);
    assert!(files(directory.path()).is_empty());
}

#[test]
fn an_unfinished_spool_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = spool_in(directory.path());
    put(&mut spool, &delete(1, "x"));
    drop(spool);
    assert!(files(directory.path()).is_empty());
}

#[cfg(unix)]
#[test]
fn files_are_the_owners_alone_and_missing_directories_are_made() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("a/b");
    let _spool = spool_in(&inner);
    for file in files(&inner) {
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    assert_eq!(
        fs::metadata(&inner).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn leftovers_go_and_other_files_stay() {
    let directory = tempfile::tempdir().unwrap();
    std::mem::forget(spool_in(directory.path()));
    fs::write(directory.path().join("keyring"), b"x").unwrap();
    assert_eq!(remove_leftovers(directory.path()).unwrap(), 2);
    assert_eq!(files(directory.path()).len(), 1);
    assert_eq!(remove_leftovers(directory.path()).unwrap(), 0);
    assert_eq!(remove_leftovers(&directory.path().join("none")).unwrap(), 0);
}

#[test]
fn no_plaintext_reaches_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = spool_in(directory.path());
    for i in 0..4_000 {
        put(
            &mut spool,
            &upsert(
                1,
                &format!("{CANARY}-{i}"),
                vec![(1, Value::Text(CANARY.into()))],
            ),
        );
        put(&mut spool, &delete(1, &format!("{CANARY}-{i}")));
    }
    let reader = spool.into_reader().unwrap();
    for file in files(directory.path()) {
        let bytes = fs::read(file).unwrap();
        assert!(bytes.len() > 2 * BLOCK);
        assert!(!bytes.windows(12).any(|w| w == &CANARY.as_bytes()[..12]));
    }
    drop(reader);
}

#[test]
fn equal_blocks_and_streams_look_different() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = spool_in(directory.path());
    let zeros = "0".repeat(3 * BLOCK);
    put(&mut spool, &upsert(0, "a", vec![(1, Value::Text(zeros))]));
    let reader = spool.into_reader().unwrap();
    let mut seen = std::collections::HashSet::new();
    for file in files(directory.path()) {
        for block in fs::read(file).unwrap().chunks(BLOCK + TAG) {
            assert!(seen.insert(block.to_vec()));
        }
    }
    drop(reader);
}

/// Runs the reader over files that were changed below it.
fn read_damaged(change: impl Fn(Vec<u8>) -> Vec<u8>) -> Result<Vec<RemoteChange>> {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = spool_in(directory.path());
    for i in 0..20 {
        put(
            &mut spool,
            &upsert(
                1,
                &format!("id-{i}"),
                vec![(1, Value::Text("x".repeat(BLOCK / 4)))],
            ),
        );
        put(&mut spool, &delete(1, &format!("id-{i}")));
    }
    let mut reader = spool.into_reader().unwrap();
    for file in files(directory.path()) {
        let damaged = change(fs::read(&file).unwrap());
        // In place: the reader holds the file open.
        fs::write(&file, damaged).unwrap();
    }
    take_all(&mut reader)
}

#[test]
fn truncation_at_any_block_is_noticed() {
    assert_eq!(read_damaged(|bytes| bytes).unwrap().len(), 40);
    for keep in [
        0,
        1,
        TAG,
        BLOCK,
        BLOCK + TAG,
        2 * (BLOCK + TAG),
        3 * (BLOCK + TAG) - 1,
    ] {
        let error = read_damaged(|bytes| bytes[..keep.min(bytes.len() - 1)].to_vec()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::DatabaseDamaged, "{keep}");
    }
}

#[test]
fn blocks_cannot_be_moved_repeated_or_added() {
    let swap = |bytes: Vec<u8>| {
        let mut blocks: Vec<_> = bytes.chunks(BLOCK + TAG).map(<[u8]>::to_vec).collect();
        if blocks.len() > 2 {
            blocks.swap(0, 1);
        } else {
            blocks.reverse();
        }
        blocks.concat()
    };
    let repeat = |bytes: Vec<u8>| {
        let first = bytes.chunks(BLOCK + TAG).next().unwrap().to_vec();
        [first, bytes].concat()
    };
    let add = |bytes: Vec<u8>| [bytes, vec![0; 5]].concat();
    for error in [
        read_damaged(swap).unwrap_err(),
        read_damaged(repeat).unwrap_err(),
        read_damaged(add).unwrap_err(),
    ] {
        assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
    }
}

#[test]
fn a_failed_reader_hands_out_nothing_more() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = spool_in(directory.path());
    put(&mut spool, &upsert(1, "a", vec![]));
    let mut reader = spool.into_reader().unwrap();
    for file in files(directory.path()) {
        fs::write(&file, b"short").unwrap();
    }
    assert!(reader.next_change().is_err());
    assert!(reader.next_change().is_err());
}

/// Takes so many bytes, then fails.
struct Full(usize, io::ErrorKind);

impl io::Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::Error::from(self.1))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_a_condition_and_the_rest_a_defect() {
    let cipher = Aes256Gcm::new_from_slice(&[1; 32]).unwrap();
    for (kind, code) in [
        (io::ErrorKind::StorageFull, ErrorCode::StorageFull),
        (io::ErrorKind::QuotaExceeded, ErrorCode::StorageFull),
        (io::ErrorKind::PermissionDenied, ErrorCode::Internal),
    ] {
        let mut writer = BlockWriter::new(Full(2 * BLOCK, kind), cipher.clone(), UPSERTS);
        writer.write(&vec![0; BLOCK]).unwrap();
        assert_eq!(writer.write(&vec![0; BLOCK]).unwrap_err().code(), code);
        let writer = BlockWriter::new(Full(0, kind), cipher.clone(), UPSERTS);
        assert_eq!(writer.finish().err().unwrap().code(), code);
    }
    let error = Spool::create(Path::new("/dev/null/x"), &SeededEntropy::new(1)).err();
    assert_eq!(error.unwrap().code(), ErrorCode::Internal);
}

#[cfg(target_os = "linux")]
#[test]
fn the_systems_full_disk_is_recognised() {
    let cipher = Aes256Gcm::new_from_slice(&[1; 32]).unwrap();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let error = BlockWriter::new(full, cipher, UPSERTS)
        .finish()
        .err()
        .unwrap();
    assert_eq!(error.code(), ErrorCode::StorageFull);
}

fn a_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        (-1.0e300f64..1.0e300).prop_map(Value::Real),
        ".{0,40}".prop_map(Value::Text),
        (0usize..60_000).prop_map(|n| Value::Text("ü".repeat(n))),
    ]
}

fn a_change() -> impl Strategy<Value = RemoteChange> {
    let id = "[a-zA-Z0-9_.-]{1,40}";
    prop_oneof![
        3 => (any::<u16>(), id, proptest::collection::vec((0usize..200, a_value()), 0..12))
            .prop_map(|(table, id, cells)| upsert(table, &id, cells)),
        1 => (any::<u16>(), id).prop_map(|(table, id)| delete(table, &id)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn random_changes_come_back(changes in proptest::collection::vec(a_change(), 0..20)) {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = spool_in(directory.path());
        for change in &changes {
            put(&mut spool, change);
        }
        let mut reader = spool.into_reader().unwrap();
        let (mut expected, deletions): (Vec<_>, Vec<_>) = changes
            .into_iter()
            .partition(|change| matches!(change, RemoteChange::Upsert(..)));
        expected.extend(deletions);
        prop_assert_eq!(take_all(&mut reader).unwrap(), expected);
    }

    #[test]
    fn a_flipped_bit_is_a_typed_error(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let result = read_damaged(|mut bytes| {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            bytes
        });
        prop_assert_eq!(result.unwrap_err().code(), ErrorCode::DatabaseDamaged);
    }

    #[test]
    fn bytes_that_are_no_changes_are_a_typed_error(bytes in proptest::collection::vec(any::<u8>(), 1..400)) {
        let cipher = Aes256Gcm::new_from_slice(&[1; 32]).unwrap();
        let mut out = BlockWriter::new(Vec::new(), cipher, UPSERTS);
        out.write(&bytes).unwrap();
        let (sealed, cipher) = out.finish().unwrap();
        let mut input = BlockReader::new(Cursor::new(sealed), cipher, UPSERTS);
        loop {
            match codec::read_upsert(&mut input) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    prop_assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
                    break;
                }
            }
        }
    }
}
