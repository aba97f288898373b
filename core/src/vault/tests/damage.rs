//! Files cut, flipped, forged, missing: opened through the other copy or refused unchanged.

use super::*;

#[test]
fn one_copy_is_enough_and_the_other_is_mended() {
    let (place, key) = Place::with_vault();
    let good = fs::read(place.copy(0)).unwrap();
    for index in [0, 1] {
        for damage in [None, Some(vec![]), Some(vec![0; 99]), Some(vec![0; 99_999])] {
            match damage {
                None => fs::remove_file(place.copy(index)).unwrap(),
                Some(bytes) => fs::write(place.copy(index), bytes).unwrap(),
            }
            place.opens_with(&key);
            assert_eq!(fs::read(place.copy(index)).unwrap(), good);
        }
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_of_one_copy_opens_through_the_other() {
    let (place, key) = Place::with_vault();
    let good = fs::read(place.copy(0)).unwrap();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        for bytes in [&flipped[..], &good[..at]] {
            fs::write(place.copy(0), bytes).unwrap();
            place.opens_with(&key);
        }
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_of_both_copies_is_refused_unchanged() {
    let (place, key) = Place::with_vault();
    let good = fs::read(place.copy(0)).unwrap();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        for bytes in [&flipped[..], &good[..at]] {
            fs::write(place.copy(0), bytes).unwrap();
            fs::write(place.copy(1), bytes).unwrap();
            place.refuses(ErrorCode::KeyringDamaged);
        }
    }
    fs::write(place.copy(0), &good).unwrap();
    place.opens_with(&key);
}

#[test]
fn forged_bytes_with_a_right_checksum_never_open() {
    use sha2::{Digest, Sha256};
    let (place, _) = Place::with_vault();
    let good = fs::read(place.copy(0)).unwrap();
    let end = good.len() - 16;
    for at in 0..end {
        let mut forged = good.clone();
        forged[at] ^= 1 << (at % 8);
        let sum = Sha256::digest(&forged[..end]);
        forged[end..].copy_from_slice(&sum[..16]);
        fs::write(place.copy(0), &forged).unwrap();
        fs::write(place.copy(1), &forged).unwrap();
        let before = place.files();
        let code = place.code();
        assert!(
            [
                ErrorCode::KeyringDamaged,
                ErrorCode::KeyringTooNew,
                ErrorCode::Unsupported,
                ErrorCode::NotFound,
                ErrorCode::KeyMismatch,
                ErrorCode::KeyLost,
            ]
            .contains(&code),
            "byte {at}: {code:?}"
        );
        assert_eq!(place.files(), before);
    }
}

#[test]
fn a_forged_newer_copy_falls_back_to_the_good_one_with_one_key_store_call() {
    use sha2::{Digest, Sha256};
    let (place, key) = Place::with_vault();
    let mut forged = fs::read(place.copy(0)).unwrap();
    let end = forged.len() - 16;
    forged[35] = 9; // the generation's last byte
    let sum = Sha256::digest(&forged[..end]);
    forged[end..].copy_from_slice(&sum[..16]);
    fs::write(place.copy(0), &forged).unwrap();
    place.opens_with(&key);
    assert_eq!(place.store.calls(), ["derive"]);
    // Not proven is not proven worthless: it is left as it is.
    assert_eq!(fs::read(place.copy(0)).unwrap(), forged);
}

#[test]
fn a_newer_version_is_told_from_damage_and_left_alone() {
    use sha2::{Digest, Sha256};
    let (place, _) = Place::with_vault();
    let mut newer = b"AMANAKR\n\x00\x02and something else".to_vec();
    let sum = Sha256::digest(&newer);
    newer.extend_from_slice(&sum[..16]);
    fs::write(place.copy(1), newer).unwrap();
    place.refuses(ErrorCode::KeyringTooNew);
}

#[test]
fn the_provisional_format_is_named_and_left_alone() {
    use sha2::{Digest, Sha256};
    let (place, _) = Place::with_vault();
    let mut old = b"AMANAKR\n\x00\x00and something else".to_vec();
    let sum = Sha256::digest(&old);
    old.extend_from_slice(&sum[..16]);
    for index in [0, 1] {
        fs::write(place.copy(index), &old).unwrap();
        place.refuses(ErrorCode::Unsupported);
    }
}

#[test]
fn data_without_a_keyring_is_never_a_first_run() {
    for name in [
        "database",
        "database-wal",
        "database-journal",
        "attachments/1",
    ] {
        for content in [&b""[..], b"data"] {
            let place = Place::new();
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            place.refuses(ErrorCode::KeyringDamaged);
        }
    }
}

#[test]
fn a_missing_or_empty_database_is_not_opened_as_an_empty_one() {
    let (place, key) = Place::with_vault();
    let data = fs::read(place.database()).unwrap();
    fs::write(place.database(), b"").unwrap();
    place.refuses(ErrorCode::DatabaseDamaged);
    fs::remove_file(place.database()).unwrap();
    place.refuses(ErrorCode::DatabaseDamaged);
    fs::write(place.database(), data).unwrap();
    place.opens_with(&key);
    assert_eq!(database_unreadable().code(), ErrorCode::DatabaseDamaged);
}

#[test]
fn the_device_secret_of_another_vault_is_a_mismatch() {
    let (place, _) = Place::with_vault();
    let Copies {
        copies: [KeyringCopy::Readable(Keyring::Active(active)), _],
        ..
    } = Copies::read(place.path())
    else {
        panic!("not active");
    };
    let alias = &active.slots[0].half().unwrap().alias;
    place.store.inner.delete(alias).unwrap();
    place.store.inner.create(alias).unwrap();
    place.refuses(ErrorCode::KeyMismatch);
}
