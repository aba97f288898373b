//! A change of the root key through the front door.

use super::*;
use crate::storage;
use crate::vault::{self, DatabaseAnswer, VaultIo, Way};

/// The database's key, from a keyring that nobody has open.
fn with_keys<T>(
    tablet: &Tablet,
    name: &str,
    work: impl FnOnce(&VaultIo<'_>, &mut vault::VaultKeys) -> T,
) -> T {
    let directory = tablet.path(name).canonicalize().unwrap();
    let file = vault::database_path(&directory);
    let system = tablet.system();
    let io = VaultIo {
        directory: &directory,
        database_file: &file,
        key_store: &*tablet.phone,
        clock: &*system.clock,
        entropy: &*system.entropy,
        timer: &*system.timer,
        cancel: &CancelToken::new(),
    };
    let mut opened = vault::open(&io, &Way::Device, None).unwrap();
    work(&io, &mut opened.keys)
}

fn database_key(tablet: &Tablet, name: &str) -> [u8; 32] {
    with_keys(tablet, name, |_, keys| *keys.database.expose())
}

#[test]
fn an_open_vault_goes_on_under_another_key() {
    let tablet = Tablet::new();
    let vault = tablet.open("settings").unwrap();
    insert(&vault, "Amal");
    let session = crate::model::kv::KvNamespace::Session("draft".to_owned());
    let value = crate::model::kv::KvValue::text("kept");
    block_on(vault.kv_set(&session, "a", value, None)).unwrap();
    vault.close().unwrap();
    let before = database_key(&tablet, "settings");

    let vault = tablet.open("settings").unwrap();
    let value = crate::model::kv::KvValue::text("kept");
    block_on(vault.kv_set(&session, "a", value, None)).unwrap();
    tablet.phone.calls();
    vault.rotate().unwrap();
    // Nobody's device secret is needed, and what is in memory alone is still there.
    assert!(tablet.phone.calls().is_empty());
    assert_eq!(vault.state(), VaultState::Unlocked);
    assert!(vault.kv_get_now(&session, "a").unwrap().is_some());
    assert_eq!(count(&vault).unwrap(), 1);
    insert(&vault, "Badr");
    vault.rotate().unwrap();
    vault.close().unwrap();
    assert_ne!(database_key(&tablet, "settings"), before);
    let vault = tablet.open("settings").unwrap();
    assert_eq!(count(&vault).unwrap(), 2);
}

#[test]
fn without_room_nothing_is_changed_and_it_stays_due() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    vault.add_pin(&person("kofi"), &pin("2222")).unwrap();
    vault.remove_pin(&person("kofi")).unwrap();
    tablet.disk.0.store(1 << 20, Ordering::SeqCst);
    assert_eq!(code(vault.rotate()), ErrorCode::StorageFull);
    assert_eq!(count(&vault).unwrap(), 1);
    vault.lock().unwrap();
    // An opening that cannot do what is due opens all the same.
    enter(&vault, "ama", "1111").unwrap();
    assert!(vault.slots().unwrap().rotation_due);
    tablet.disk.0.store(u64::MAX, Ordering::SeqCst);
    vault.lock().unwrap();
    enter(&vault, "ama", "1111").unwrap();
    assert!(!vault.slots().unwrap().rotation_due);
    assert_eq!(count(&vault).unwrap(), 1);
    // The one who was removed is, also with an old copy of the keyring.
    vault.lock().unwrap();
    assert_eq!(code(enter(&vault, "kofi", "2222")), ErrorCode::NotFound);
}

#[test]
fn a_change_that_was_interrupted_is_settled_at_the_next_opening() {
    for rekeyed in [false, true] {
        let tablet = Tablet::new();
        let vault = tablet.open("settings").unwrap();
        insert(&vault, "Amal");
        vault.close().unwrap();
        let before = with_keys(&tablet, "settings", |io, keys| {
            vault::begin_rekey(io, keys).unwrap();
            let next = keys.next_database.as_ref().unwrap();
            if rekeyed {
                storage::rekey(io.database_file, &keys.database, next).unwrap();
            }
            // A kill here.
            *keys.database.expose()
        });
        let vault = tablet.open("settings").unwrap();
        assert_eq!(count(&vault).unwrap(), 1);
        vault.close().unwrap();
        with_keys(&tablet, "settings", |io, keys| {
            assert!(keys.next_database.is_none());
            assert_eq!(*keys.database.expose() != before, rekeyed);
            assert!(storage::opens(io.database_file, &keys.database).unwrap());
            vault::settle_rekey(io, keys, DatabaseAnswer::Opens).unwrap();
        });
    }
}

#[test]
fn with_a_change_unfinished_a_damaged_database_is_damaged() {
    let tablet = Tablet::new();
    let vault = tablet.open("settings").unwrap();
    insert(&vault, "Amal");
    vault.close().unwrap();
    let file = with_keys(&tablet, "settings", |io, keys| {
        vault::begin_rekey(io, keys).unwrap();
        io.database_file.to_owned()
    });
    std::fs::write(&file, [7; 8192]).unwrap();
    let vault = tablet.attach("settings");
    assert_eq!(code(vault.unlock()), ErrorCode::DatabaseDamaged);
    let report = vault.last_refusal().unwrap().report;
    assert!(matches!(report, Some(RefusalReport::Damage(_))));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(code(vault.unlock()), ErrorCode::DatabaseDamaged);
}

#[test]
fn a_change_of_the_root_key_needs_an_unlocked_vault() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    vault.lock().unwrap();
    assert_eq!(code(vault.rotate()), ErrorCode::Locked);
    vault.close().unwrap();
    assert_eq!(code(vault.rotate()), ErrorCode::Closed);
}
