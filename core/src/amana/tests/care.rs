//! Diagnosis, the look at every page, and salvage, through the front door.

use std::sync::Mutex;

use super::*;
use crate::access::integrity::IntegrityRule;
use crate::error::ErrorCode;
use crate::model::diagnosis::{HeaderState, KeyringState};
use crate::ports::{Clock, DamageListener};

const PAGE: usize = 4096;

fn database(tablet: &Tablet) -> PathBuf {
    tablet.path("patients").join("database")
}

/// Flips a bit in one page of a closed database.
fn damage(tablet: &Tablet, page: usize) {
    let mut bytes = std::fs::read(database(tablet)).unwrap();
    bytes[(page - 1) * PAGE + 1_000] ^= 1;
    std::fs::write(database(tablet), bytes).unwrap();
}

fn pages(tablet: &Tablet) -> usize {
    std::fs::metadata(database(tablet)).unwrap().len() as usize / PAGE
}

/// The last page in which a look finds damage that does not keep the vault from opening: one of
/// records.
fn damage_records(tablet: &Tablet, vault: &Amana) {
    vault.lock().unwrap();
    let whole = std::fs::read(database(tablet)).unwrap();
    for page in (2..=pages(tablet)).rev() {
        damage(tablet, page);
        let opens = enter(vault, "ama", "1111").is_ok();
        let reads = opens && block_on(vault.query("patients", r#"{"limit":1000}"#)).is_ok();
        if opens && !reads {
            vault.lock().unwrap();
            return;
        }
        if opens {
            vault.lock().unwrap();
        }
        std::fs::write(database(tablet), &whole).unwrap();
    }
    panic!("no page holds the records alone");
}

#[test]
fn a_diagnosis_needs_no_key_and_an_open_vault_tells_more() {
    let tablet = Tablet::new();
    let nothing = diagnose(&tablet.path("patients"), &*tablet.disk);
    assert_eq!(nothing.database, HeaderState::Missing);
    assert!(nothing.slots.is_empty() && nothing.files.is_empty());
    assert_eq!(nothing.keyring[0].state, KeyringState::Missing);

    let vault = tablet.patients();
    let open = block_on(vault.diagnose()).unwrap();
    let details = open.open.as_ref().unwrap();
    assert!(
        details
            .cipher_version
            .starts_with(|digit: char| digit.is_ascii_digit())
    );
    let setting = |name: &str| {
        let mut all = details.settings.iter();
        all.find(|(known, _)| *known == name)
            .map(|(_, value)| &**value)
    };
    assert_eq!(setting("journal_mode"), Some("wal"));
    assert_eq!(setting("cipher_hmac_algorithm"), Some("HMAC_SHA256"));
    assert_eq!(setting("synchronous"), Some("2"));
    assert_eq!(setting("cipher_page_size"), Some("4096"));
    assert_eq!((details.pending, details.set_aside), (1, 0));

    assert!(enter(&vault, "ama", "1112").is_err());
    vault.lock().unwrap();
    tablet.phone.calls();
    let locked = block_on(vault.diagnose()).unwrap();
    assert_eq!(locked, diagnose(&tablet.path("patients"), &*tablet.disk));
    assert!(tablet.phone.calls().is_empty(), "the key store was asked");
    assert_eq!(vault.state(), VaultState::Locked);
    assert!(locked.open.is_none());
    assert_eq!(locked.unsynced, Some(1));
    assert_eq!(locked.database, HeaderState::Encrypted);
    assert_eq!(locked.free_disk, Some(u64::MAX));
    for copy in &locked.keyring {
        assert_eq!(copy.state, KeyringState::Active);
        assert_eq!((copy.format, copy.policy), (Some(1), Some("person")));
        assert!(copy.generation.is_some());
    }
    assert_eq!(locked.slots.len(), 1);
    assert_eq!((locked.slots[0].kind, locked.slots[0].failures), ("pin", 1));
    let file = |name: &str| locked.files.iter().find(|file| file.name == name);
    assert!(file("database").unwrap().bytes > 0);
    assert!(serde_json::from_str::<serde_json::Value>(&locked.to_json()).is_ok());
}

#[test]
fn damaged_keyrings_plain_files_and_neighbours_are_told_apart() {
    let tablet = Tablet::new();
    drop(tablet.patients());
    let directory = tablet.path("patients");
    std::fs::write(directory.join("keyring.b"), b"noise").unwrap();
    std::fs::write(directory.join("database"), b"SQLite format 3\0 and more").unwrap();
    std::fs::write(directory.join("Amal's notes"), b"12345").unwrap();
    std::fs::create_dir(tablet.path("patients.quarantine.1")).unwrap();
    let found = diagnose(&directory, &*tablet.disk);
    assert_eq!(found.keyring[0].state, KeyringState::Active);
    assert_eq!(found.keyring[1].state, KeyringState::Unreadable);
    assert_eq!(found.keyring[1].format, None);
    assert_eq!(found.database, HeaderState::Plaintext);
    assert_eq!(found.quarantined, [None]);
    let other = found
        .files
        .iter()
        .find(|file| file.name == "other")
        .unwrap();
    assert_eq!((other.count, other.bytes), (1, 5));
    assert!(!found.to_json().contains("notes"));
}

#[test]
fn nothing_secret_and_nobodys_name_is_in_a_diagnosis() {
    let tablet = Tablet::new();
    let vault = tablet.attach("patients");
    let names = ["canary-person", "98765431", "CanaryPatient", "canary-token"];
    vault
        .create(&NewVault {
            policy: NewPolicy::Person {
                person: &person(names[0]),
                pin: &pin(names[1]),
            },
            recovery: None,
        })
        .unwrap();
    insert(&vault, names[2]);
    let namespace = crate::model::kv::KvNamespace::Stored(names[3].into());
    let value = crate::model::kv::KvValue::text(names[3]);
    block_on(vault.kv_set(&namespace, names[3], value, None)).unwrap();
    let texts = || {
        let diagnosis = block_on(vault.diagnose()).unwrap();
        [diagnosis.to_json(), format!("{diagnosis:?}")]
    };
    let mut all = texts().to_vec();
    vault.lock().unwrap();
    all.extend(texts());
    let alias = std::fs::read(tablet.path("patients").join("keyring.a")).unwrap();
    for text in all {
        for name in names {
            assert!(!text.contains(name), "{name} in {text}");
        }
        assert!(!text.contains(&*tablet.home.path().to_string_lossy()));
        // What the keyring holds in readable form are names of its secrets.
        for word in alias
            .split(|byte| !byte.is_ascii_graphic())
            .filter(|word| word.len() > 15)
        {
            assert!(!text.contains(&*String::from_utf8_lossy(word)));
        }
    }
}

#[derive(Default)]
struct Heard(Mutex<u32>, std::sync::Condvar);

impl DamageListener for Heard {
    fn found(&self) {
        *self.0.lock().unwrap() += 1;
        self.1.notify_all();
    }
}

/// Waits for the look that is under way on another thread.
fn until(vault: &Amana, done: impl Fn(crate::model::diagnosis::Integrity) -> bool) {
    while !vault.integrity().is_some_and(&done) {
        std::thread::yield_now();
    }
}

#[test]
fn an_idle_vault_is_looked_at_once_and_damage_is_told() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    for n in 0..200 {
        insert(&vault, &format!("Patient {n} {}", "x".repeat(200)));
    }
    let rule = IntegrityRule::default();
    vault.check_integrity();
    assert_eq!(vault.integrity(), Some(Default::default()), "too early");
    tablet.clock.advance(rule.after_ms);
    vault.check_integrity();
    until(&vault, |look| look.checked_at_ms.is_some());
    let whole = vault.integrity().unwrap();
    assert!(!whole.is_damaged() && whole.progress.is_none());
    assert_eq!(whole.checked_at_ms, Some(tablet.clock.monotonic_ms()));
    tablet.clock.advance(rule.after_ms);
    vault.check_integrity();
    assert_eq!(vault.integrity(), Some(whole), "a day has not passed");

    damage_records(&tablet, &vault);
    enter(&vault, "ama", "1111").unwrap();
    let heard = Arc::new(Heard::default());
    let subscription = vault.subscribe_damage(heard.clone());
    tablet.clock.advance(rule.after_ms);
    vault.check_integrity();
    until(&vault, |look| look.checked_at_ms.is_some());
    assert_eq!(vault.integrity().unwrap().damaged_trees, 1);
    let heard = heard
        .1
        .wait_while(heard.0.lock().unwrap(), |heard| *heard == 0)
        .unwrap();
    assert_eq!(*heard, 1);
    drop(subscription);
    // A look harms nobody: what is whole can still be read.
    assert!(block_on(vault.count("visits", "{}")).is_ok());
    let told = block_on(vault.diagnose()).unwrap();
    assert!(told.open.unwrap().integrity.is_damaged());
}

#[test]
fn use_and_lock_end_a_look_and_it_goes_on_later() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    let rule = IntegrityRule::default();
    for _ in 0..20 {
        tablet.clock.advance(rule.after_ms);
        vault.check_integrity();
        // Wherever the look is now, this ends it, and is answered.
        assert_eq!(count(&vault).unwrap(), 1);
        if vault.integrity().unwrap().checked_at_ms.is_some() {
            break;
        }
    }
    tablet.clock.advance(rule.after_ms + rule.every_ms);
    enter(&vault, "ama", "1111").unwrap();
    tablet.clock.advance(rule.after_ms);
    vault.check_integrity();
    vault.lock().unwrap();
    assert_eq!(vault.integrity(), None);
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
}

#[test]
fn a_damaged_vault_is_salvaged_under_its_own_key() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    for n in 0..200 {
        insert(&vault, &format!("Patient {n} {}", "x".repeat(200)));
    }
    let unlocked = Unlock::Pin {
        person: &person("ama"),
        pin: &pin("1111"),
    };
    let error = vault.salvage(&unlocked).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidInput);
    damage_records(&tablet, &vault);
    let before = std::fs::read(database(&tablet)).unwrap();
    let wrong = Unlock::Pin {
        person: &person("ama"),
        pin: &pin("1112"),
    };
    assert_eq!(
        vault.salvage(&wrong).unwrap_err().code(),
        ErrorCode::WrongPin
    );
    tablet.disk.0.store(10, Ordering::SeqCst);
    assert_eq!(
        vault.salvage(&unlocked).unwrap_err().code(),
        ErrorCode::StorageFull
    );
    assert_eq!(std::fs::read(database(&tablet)).unwrap(), before);
    tablet.disk.0.store(u64::MAX, Ordering::SeqCst);

    let report = vault.salvage(&unlocked).unwrap();
    assert_eq!(vault.state(), VaultState::Locked);
    assert!(!report.is_complete() && report.full_pull_due);
    assert_eq!(std::fs::read(report.copy.join("database")).unwrap(), before);
    enter(&vault, "ama", "1111").unwrap();
    let left = count(&vault).unwrap();
    assert!(left > 100 && left < 201, "{left} records are left");
    let found = block_on(vault.diagnose()).unwrap();
    assert_eq!(found.damaged_copies, 1);
    // The copy is under the vault's key, and goes with it.
    vault.wipe().unwrap();
    assert!(!report.copy.exists());
}

#[test]
fn a_database_that_is_none_is_refused_with_salvage_as_a_remedy() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    vault.lock().unwrap();
    damage(&tablet, 1);
    let error = enter(&vault, "ama", "1111").unwrap_err();
    assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
    let Some(RefusalReport::Damage(damage)) = vault.last_refusal().unwrap().report else {
        panic!("no report of the damage");
    };
    assert_eq!(damage.remedies, [Remedy::Salvage, Remedy::Quarantine]);
    let unlock = Unlock::Pin {
        person: &person("ama"),
        pin: &pin("1111"),
    };
    let report = vault.salvage(&unlock).unwrap();
    assert!(!report.description_readable);
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(count(&vault).unwrap(), 0);
    insert(&vault, "Amal");
    vault.lock().unwrap();
    // Without a file there is nothing to salvage, and none is made up.
    std::fs::remove_file(database(&tablet)).unwrap();
    assert_eq!(
        vault.salvage(&unlock).unwrap_err().code(),
        ErrorCode::DatabaseDamaged
    );
    assert!(!database(&tablet).exists());
}

#[test]
fn a_salvage_that_was_interrupted_is_ended_by_the_next_opening() {
    let tablet = Tablet::new();
    let vault = tablet.patients();
    vault.lock().unwrap();
    let sealed = tablet.path("patients").join("database.salvaged");
    std::fs::rename(database(&tablet), &sealed).unwrap();
    std::fs::write(database(&tablet), vec![0x5a; 8192]).unwrap();
    std::fs::write(tablet.path("patients").join("database-wal"), b"old").unwrap();
    enter(&vault, "ama", "1111").unwrap();
    assert_eq!(count(&vault).unwrap(), 1);
    assert!(!sealed.exists());
}
