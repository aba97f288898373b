//! First runs: interrupted, repeated, finished too early.

use super::*;

#[test]
fn a_first_run_killed_before_its_end_starts_again_with_new_keys() {
    let place = Place::new();
    let first = place.open().unwrap();
    fs::write(place.database(), b"half a database").unwrap();
    fs::write(
        files::with_suffix(&place.database(), "-wal"),
        b"its journal",
    )
    .unwrap();
    fs::create_dir(spool_directory(place.path())).unwrap();
    let Copies {
        copies: [KeyringCopy::Readable(Keyring::Creating(creating)), _],
        ..
    } = Copies::read(place.path())
    else {
        panic!("not creating");
    };

    let second = place.open().unwrap();
    assert!(second.first_run);
    assert_ne!(first.keys.database.expose(), second.keys.database.expose());
    assert!(!place.database().exists() && !spool_directory(place.path()).exists());
    let probe = place.store.inner.probe(&creating.aliases[0]);
    assert_eq!(probe, Err(KeyStoreError::Absent));
}

#[test]
fn a_kill_between_the_two_writes_of_the_end_keeps_the_vault() {
    let (place, key) = Place::with_vault();
    let finished = fs::read(place.copy(0)).unwrap();
    let creating = {
        let other = Place::new();
        other.open().unwrap();
        fs::read(other.copy(0)).unwrap()
    };
    fs::write(place.copy(0), &creating).unwrap();
    place.opens_with(&key);
    // Mended before the key was handed out: losing the other copy now costs nothing.
    assert_eq!(fs::read(place.copy(0)).unwrap(), finished);
    fs::remove_file(place.copy(1)).unwrap();
    place.opens_with(&key);
}

#[test]
fn a_copy_in_creation_beside_an_unreadable_one_deletes_nothing() {
    let place = Place::new();
    place.open().unwrap();
    fs::write(place.database(), b"data, for all we know").unwrap();
    fs::write(place.copy(1), b"damaged").unwrap();
    place.refuses(ErrorCode::KeyringDamaged);
}

#[cfg(unix)]
#[test]
fn no_key_is_handed_out_while_a_copy_in_creation_cannot_be_replaced() {
    let (place, _) = Place::with_vault();
    let other = Place::new();
    other.open().unwrap();
    fs::copy(other.copy(0), place.copy(0)).unwrap();
    // A directory where the temporary file would be.
    fs::create_dir(files::temporary(&place.copy(0))).unwrap();
    assert!(place.open().is_err());
}

#[test]
fn leftover_temporary_files_do_not_matter() {
    let place = Place::new();
    fs::write(files::temporary(&place.copy(0)), b"half").unwrap();
    let key = place.make();
    fs::write(files::temporary(&place.copy(0)), b"half").unwrap();
    fs::write(files::temporary(&place.copy(1)), b"half").unwrap();
    place.opens_with(&key);
}

#[test]
fn finishing_needs_a_database_and_the_keyring_it_was_made_for() {
    let place = Place::new();
    let mut opened = place.open().unwrap();
    assert!(finish_creation(place.path(), &mut opened.keys).is_err());
    fs::write(place.database(), b"").unwrap();
    assert!(finish_creation(place.path(), &mut opened.keys).is_err());
    let mut newer = place.open().unwrap();
    fs::write(place.database(), b"a database").unwrap();
    assert!(finish_creation(place.path(), &mut opened.keys).is_err());
    finish_creation(place.path(), &mut newer.keys).unwrap();
    finish_creation(place.path(), &mut newer.keys).unwrap();
    finish_creation(place.path(), &mut place.open().unwrap().keys).unwrap();
}
