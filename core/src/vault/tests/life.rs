//! Changes of the root key, wipes and quarantine, each killed wherever it can be.

use super::clinic::{Clinic, person};
use super::*;
use crate::error::Error;
use crate::vault::wipe::{WipeStep, wipe_with};

#[test]
fn the_root_key_changes_without_anybody_elses_pin() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    clinic.add(&mut keys, "kofi", "2222");
    clinic.add(&mut keys, "esi", "4444");
    remove_pin(&clinic.io(), &mut keys, &person("esi")).unwrap();
    let before = *keys.database.expose();
    begin_rekey(&clinic.io(), &mut keys).unwrap();
    let next = *keys.next_database.as_ref().unwrap().expose();
    assert_ne!(before, next);
    let again = begin_rekey(&clinic.io(), &mut keys).unwrap_err();
    assert_eq!(again.code(), ErrorCode::Busy);
    settle_rekey(&clinic.io(), &mut keys, DatabaseAnswer::OpensWithNext).unwrap();
    assert_eq!(keys.database.expose(), &next);
    assert!(keys.next_database.is_none() && !keys.is_rotation_due());
    for (name, text) in [("ama", "1111"), ("kofi", "2222")] {
        let opened = clinic.enter(name, text).unwrap();
        assert_eq!(opened.database.expose(), &next);
    }
    // Harmless where nothing is unfinished.
    settle_rekey(&clinic.io(), &mut keys, DatabaseAnswer::Opens).unwrap();
}

#[test]
fn a_change_killed_anywhere_is_finished_or_rolled_back_by_what_the_database_has() {
    for answer in [DatabaseAnswer::Opens, DatabaseAnswer::OpensWithNext] {
        // Which copies took the new state before the kill: none of them, B, A, both.
        for written in 0..4 {
            let (clinic, mut keys) = Clinic::with_ama(None);
            let old = [0, 1].map(|i| fs::read(keyring::path(clinic.path(), i)).unwrap());
            let before = *keys.database.expose();
            begin_rekey(&clinic.io(), &mut keys).unwrap();
            let next = *keys.next_database.as_ref().unwrap().expose();
            for (index, bytes) in old.iter().enumerate() {
                if written & (1 << index) == 0 {
                    fs::write(keyring::path(clinic.path(), index), bytes).unwrap();
                }
            }
            // The database is only touched once both copies are written.
            if answer == DatabaseAnswer::OpensWithNext && written != 3 {
                continue;
            }
            let mut opened = clinic.enter("ama", "1111").unwrap();
            assert_eq!(opened.database.expose(), &before);
            assert_eq!(opened.next_database.is_some(), written != 0);
            if written == 0 {
                continue;
            }
            let refused = settle_rekey(&clinic.io(), &mut opened, DatabaseAnswer::Refused);
            assert_eq!(refused.unwrap_err().code(), ErrorCode::DatabaseDamaged);
            settle_rekey(&clinic.io(), &mut opened, answer).unwrap();
            let expected = match answer {
                DatabaseAnswer::OpensWithNext => next,
                _ => before,
            };
            let last = clinic.enter("ama", "1111").unwrap();
            assert_eq!(last.database.expose(), &expected);
            assert!(last.next_database.is_none());
        }
    }
}

#[test]
fn a_kill_between_the_two_last_writes_keeps_the_new_key() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    begin_rekey(&clinic.io(), &mut keys).unwrap();
    let pending = fs::read(keyring::path(clinic.path(), 0)).unwrap();
    let next = *keys.next_database.as_ref().unwrap().expose();
    settle_rekey(&clinic.io(), &mut keys, DatabaseAnswer::OpensWithNext).unwrap();
    fs::write(keyring::path(clinic.path(), 0), pending).unwrap();
    let opened = clinic.enter("ama", "1111").unwrap();
    assert_eq!(opened.database.expose(), &next);
    assert!(opened.next_database.is_none());
}

#[test]
fn slots_rest_while_the_root_key_changes() {
    let (clinic, mut keys) = Clinic::with_ama(None);
    clinic.add(&mut keys, "kofi", "2222");
    begin_rekey(&clinic.io(), &mut keys).unwrap();
    let removed = remove_pin(&clinic.io(), &mut keys, &person("kofi"));
    assert_eq!(removed.unwrap_err().code(), ErrorCode::Busy);
    tidy(&clinic.io(), &mut keys).unwrap();
}

fn with_data() -> Clinic {
    let (clinic, mut keys) = Clinic::with_ama(None);
    clinic.add(&mut keys, "kofi", "2222");
    note_unsynced(clinic.path(), 3).unwrap();
    fs::write(clinic.path().join("database-wal"), b"journal").unwrap();
    fs::create_dir(clinic.path().join("attachments")).unwrap();
    fs::write(clinic.path().join("attachments/1"), b"image").unwrap();
    fs::create_dir(clinic.path().join("spool")).unwrap();
    clinic
}

fn assert_gone(clinic: &Clinic) {
    assert!(clinic.phone.aliases().is_empty());
    let left: Vec<_> = fs::read_dir(clinic.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

fn steps() -> Vec<WipeStep> {
    let clinic = with_data();
    let mut steps = Vec::new();
    wipe_with(&clinic.io(), &mut |step| {
        steps.push(step);
        Ok(())
    })
    .unwrap();
    assert_gone(&clinic);
    steps
}

#[test]
fn a_wipe_killed_after_any_step_never_opens_and_is_finished_by_the_next_opening() {
    let steps = steps();
    assert_eq!(steps.len(), 11);
    for kill in 0..steps.len() {
        let clinic = with_data();
        let mut done = 0;
        let killed = wipe_with(&clinic.io(), &mut |_| {
            done += 1;
            if done > kill {
                return Err(Error::internal("killed"));
            }
            Ok(())
        });
        assert!(killed.is_err());
        let refusal = clinic.enter("ama", "1111").unwrap_err();
        assert_eq!(refusal.error.code(), ErrorCode::NotFound, "step {kill}");
        let finished = refusal.report == Some(RefusalReport::WipeFinished);
        assert_eq!(finished, kill + 1 < steps.len());
        assert_gone(&clinic);
        // And again: nothing to do. A new vault shares nothing with the old one.
        wipe(&clinic.io()).unwrap();
        clinic.make_person(None);
        clinic.enter("ama", "1111").unwrap();
    }
}

#[test]
fn a_wipe_waits_for_the_key_store_and_the_vault_stays_shut() {
    let clinic = with_data();
    clinic.phone.fails_for(Duration::from_secs(30));
    let error = wipe(&clinic.io()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KeyTemporarilyUnavailable);
    let code = clinic.code("ama", "1111");
    assert_eq!(code, ErrorCode::KeyTemporarilyUnavailable);
    clinic.clock.advance(30_000);
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::NotFound);
    assert_gone(&clinic);
}

#[test]
fn a_store_that_hides_secrets_during_a_wipe_does_not_make_it_forget_them() {
    let clinic = with_data();
    clinic.phone.says_absent_for(Duration::from_millis(1));
    clinic.phone.answers_after(Duration::from_millis(1));
    let _ = wipe(&clinic.io());
    clinic.phone.answers_after(Duration::ZERO);
    wipe(&clinic.io()).unwrap();
    assert_gone(&clinic);
}

#[test]
fn nothing_is_wiped_that_a_newer_version_wrote() {
    use sha2::{Digest, Sha256};
    let clinic = with_data();
    let mut newer = b"AMANAKR\n\x00\x02and something else".to_vec();
    let sum = Sha256::digest(&newer);
    newer.extend_from_slice(&sum[..16]);
    fs::write(keyring::path(clinic.path(), 1), newer).unwrap();
    let error = wipe(&clinic.io()).unwrap_err();
    assert_eq!(error.code(), ErrorCode::KeyringTooNew);
    assert_eq!(clinic.phone.aliases().len(), 2);
}

#[test]
fn a_quarantined_vault_is_kept_whole_and_opens_again_when_its_key_comes_back() {
    let (clinic, keys) = Clinic::with_ama(None);
    note_unsynced(clinic.path(), 12).unwrap();
    clinic.phone.says_absent_for(Duration::from_secs(30));
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::KeyLost);

    let held = VaultDirectory::open(clinic.path()).unwrap();
    let agreed = LossAcknowledged { unsynced: None };
    let refused = quarantine(&held, agreed).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidInput);
    let agreed = LossAcknowledged { unsynced: Some(12) };
    let aside = quarantine(&held, agreed).unwrap();
    drop(held);
    assert_eq!(aside.unsynced, Some(12));
    assert_eq!(
        list_quarantined(clinic.path()),
        std::slice::from_ref(&aside)
    );

    clinic.clock.advance(30_000);
    drop(VaultDirectory::open(clinic.path()).unwrap());
    let mut fresh = clinic.make_person(None);
    tidy(&clinic.io(), &mut fresh).unwrap();
    assert_ne!(fresh.database.expose(), keys.database.expose());
    // Both vaults' secrets are there, and the old one still opens where it is now.
    assert_eq!(clinic.phone.aliases().len(), 2);
    let database = database_path(&aside.path);
    let io = VaultIo {
        directory: &aside.path,
        database_file: &database,
        ..clinic.io()
    };
    let (person, pin) = (person("ama"), super::clinic::pin("1111"));
    let way = Way::Pin {
        person: &person,
        pin: &pin,
        rules: PinRules::default(),
    };
    let opened = open(&io, &way, None).unwrap();
    assert_eq!(opened.keys.database.expose(), keys.database.expose());
}

#[test]
fn a_store_that_finds_nothing_for_half_a_minute_costs_nothing() {
    let (clinic, keys) = Clinic::with_ama(None);
    clinic.phone.says_absent_for(Duration::from_secs(30));
    while crate::ports::Clock::monotonic_ms(&*clinic.clock) < 28_000 {
        assert_eq!(clinic.code("ama", "1111"), ErrorCode::KeyLost);
    }
    clinic.clock.advance(5_000);
    let opened = clinic.enter("ama", "1111").unwrap();
    assert_eq!(opened.database.expose(), keys.database.expose());
    assert_eq!(clinic.phone.aliases().len(), 1);
}

#[test]
fn a_reinstalled_app_starts_afresh_and_a_restored_backup_without_its_secrets_does_not() {
    let (clinic, keys) = Clinic::with_ama(None);
    let backup: Vec<_> = fs::read_dir(clinic.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    // The files are gone, the keychain is kept: the old secret is nobody's, and is not used.
    for (path, _) in &backup {
        fs::remove_file(path).unwrap();
    }
    let fresh = clinic.make_person(None);
    assert_ne!(fresh.database.expose(), keys.database.expose());
    assert_eq!(clinic.phone.aliases().len(), 2);
    // The backup on a phone that never had its secrets.
    clinic.phone.clear_secrets();
    for (path, bytes) in &backup {
        fs::write(path, bytes).unwrap();
    }
    assert_eq!(clinic.code("ama", "1111"), ErrorCode::KeyLost);
    assert!(clinic.phone.aliases().is_empty());
}
