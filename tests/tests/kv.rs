//! The key–value store over the public calls: what is on the disk, what survives, what is refused,
//! what is told, and many threads at once.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, mpsc};
use std::time::Duration;

use amana_core::model::kv::{
    KvEntry, KvNamespace, KvNotice, KvValue, MAX_CALL_KEYS, MAX_KEY_BYTES, MAX_VALUE_BYTES,
};
use amana_core::ports::{ChangeListener, Clock as _, KvListener};
use amana_core::system::SystemClock;
use amana_core::test_support::FakeClock;
use amana_core::{Amana, Config, Error, ErrorCode, Result, System};
use amana_tests::{PASSWORD, Tablet, clinic, patient};
use pollster::block_on;

fn stored(name: &str) -> KvNamespace {
    KvNamespace::Stored(name.into())
}

fn session(name: &str) -> KvNamespace {
    KvNamespace::Session(name.into())
}

fn set(amana: &Amana, space: &KvNamespace, key: &str, value: &str) -> Result<()> {
    block_on(amana.kv_set(space, key, KvValue::text(value), None))
}

fn get(amana: &Amana, space: &KvNamespace, key: &str) -> Option<String> {
    let found = amana.kv_get_now(space, key).unwrap()?;
    Some(found.as_text().unwrap().to_owned())
}

fn code<T: std::fmt::Debug>(result: Result<T>) -> ErrorCode {
    refusal(result).code()
}

fn refusal<T: std::fmt::Debug>(result: Result<T>) -> Error {
    let error = result.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("Canary"), "{shown}");
    error
}

fn assert_absent(tablet: &Tablet, needles: &[&str]) {
    for file in tablet.files() {
        let bytes = std::fs::read(&file).unwrap();
        for needle in needles {
            let found = bytes.windows(needle.len()).any(|w| w == needle.as_bytes());
            assert!(!found, "{needle} in {}", file.display());
        }
    }
}

#[test]
fn s02_nothing_of_it_is_readable_in_any_file() {
    let needles = ["CanarySpace", "CanaryKey", "CanaryValue", "CanaryBytes"];
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    for space in [stored("CanarySpace"), session("CanarySpace")] {
        set(amana, &space, "CanaryKey", "CanaryValue").unwrap();
        let bytes = KvValue::bytes(*b"CanaryBytes");
        block_on(amana.kv_set(&space, "CanaryKey/2", bytes, Some(1_000_000))).unwrap();
    }
    assert_absent(&tablet, &needles);
    amana.lock().unwrap();
    assert_absent(&tablet, &needles);
    amana.unlock().unwrap();
    assert_eq!(
        get(amana, &stored("CanarySpace"), "CanaryKey").unwrap(),
        "CanaryValue"
    );
    block_on(amana.kv_clear(&stored("CanarySpace"))).unwrap();
    amana.close().unwrap();
    assert_absent(&tablet, &needles);
}

#[test]
fn stored_values_survive_and_session_values_do_not() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    let (stored, session) = (stored("n"), session("n"));
    set(amana, &stored, "k", "kept").unwrap();
    set(amana, &session, "k", "lost").unwrap();
    assert_eq!(get(amana, &stored, "k").unwrap(), "kept");
    assert_eq!(get(amana, &session, "k").unwrap(), "lost");

    amana.lock().unwrap();
    for space in [&stored, &session] {
        assert_eq!(code(amana.kv_get_now(space, "k")), ErrorCode::Locked);
        assert_eq!(code(set(amana, space, "k", "v")), ErrorCode::Locked);
        let keys = amana.kv_keys_now(space, "", None, 10);
        assert_eq!(code(keys), ErrorCode::Locked);
    }
    amana.unlock().unwrap();
    assert_eq!(get(amana, &stored, "k").unwrap(), "kept");
    assert_eq!(get(amana, &session, "k"), None);

    amana.close().unwrap();
    assert_eq!(code(amana.kv_get_now(&stored, "k")), ErrorCode::Closed);
    assert_eq!(code(set(amana, &session, "k", "v")), ErrorCode::Closed);
    let again = Amana::open(
        Config::new(tablet.directory()),
        Arc::clone(&tablet.key_store),
        System::real(),
    )
    .unwrap();
    assert_eq!(get(&again, &stored, "k").unwrap(), "kept");
}

#[test]
fn a_type_is_not_read_as_the_other_and_survives() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    for space in [stored("n"), session("n")] {
        block_on(amana.kv_set(&space, "b", KvValue::bytes(vec![0, 0xff]), None)).unwrap();
        set(amana, &space, "t", "a\0\u{10FFFF}").unwrap();
        set(amana, &space, "empty", "").unwrap();
        let bytes = amana.kv_get_now(&space, "b").unwrap().unwrap();
        assert_eq!(bytes.as_bytes().unwrap(), [0, 0xff]);
        assert_eq!(code(bytes.as_text()), ErrorCode::InvalidInput);
        let text = amana.kv_get_now(&space, "t").unwrap().unwrap();
        assert_eq!(text.as_text().unwrap(), "a\0\u{10FFFF}");
        assert_eq!(code(text.as_bytes()), ErrorCode::InvalidInput);
        assert_eq!(get(amana, &space, "empty").unwrap(), "");
        assert_eq!(get(amana, &space, "missing"), None);
    }
}

#[test]
fn whatever_is_wrong_is_refused_with_its_code_and_writes_nothing() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    let huge = format!("Canary{}", "k".repeat(10 << 20));
    let long = "k".repeat(MAX_KEY_BYTES + 1);
    let text = || KvValue::text("CanaryValue");
    let names = ["", "\0", "Canary\0", huge.as_str(), long.as_str()];
    for make in [stored, session] {
        for name in names {
            let space = make(name);
            let any = || Some(text());
            assert_eq!(code(amana.kv_get_now(&space, "k")), ErrorCode::InvalidInput);
            assert_eq!(code(set(amana, &space, "k", "v")), ErrorCode::InvalidInput);
            assert_eq!(
                code(block_on(amana.kv_clear(&space))),
                ErrorCode::InvalidInput
            );
            let space = make("n");
            let one = vec![name.to_owned()];
            for refused in [
                amana.kv_get_now(&space, name).map(|_| ()),
                block_on(amana.kv_get(&space, name)).map(|_| ()),
                amana.kv_multi_get_now(&space, &one).map(|_| ()),
                block_on(amana.kv_multi_get(&space, one)).map(|_| ()),
                set(amana, &space, name, "CanaryValue"),
                block_on(amana.kv_remove(&space, name)).map(|_| ()),
                block_on(amana.kv_compare_and_set(&space, name, any(), any(), None)).map(|_| ()),
                amana.kv_keys_now(&space, "", Some(name), 9).map(|_| ()),
            ] {
                assert_eq!(code(refused), ErrorCode::InvalidInput);
            }
            if !name.is_empty() {
                let keys = amana.kv_keys_now(&space, name, None, 9);
                assert_eq!(code(keys), ErrorCode::InvalidInput);
            }
        }
        let space = make("n");
        for limit in [0, 1_001, u32::MAX] {
            let keys = block_on(amana.kv_keys(&space, "", None, limit));
            assert_eq!(code(keys), ErrorCode::InvalidInput);
        }
        let at_once = block_on(amana.kv_set(&space, "k", text(), Some(0)));
        assert_eq!(code(at_once), ErrorCode::InvalidInput);
        let too_many = vec!["k".to_owned(); MAX_CALL_KEYS + 1];
        assert_eq!(
            code(amana.kv_multi_get_now(&space, &too_many)),
            ErrorCode::InvalidInput
        );

        set(amana, &space, "k", "old").unwrap();
        let large = || KvValue::bytes(vec![7; MAX_VALUE_BYTES + 1]);
        let refused = block_on(amana.kv_set(&space, "k", large(), None));
        assert_eq!(code(refused), ErrorCode::ValueTooLarge);
        let old = || Some(KvValue::text("old"));
        let refused = block_on(amana.kv_compare_and_set(&space, "k", old(), Some(large()), None));
        assert_eq!(code(refused), ErrorCode::ValueTooLarge);
        let batch = vec![KvEntry::new("k", text()), KvEntry::new("", text())];
        let refused = block_on(amana.kv_multi_set(&space, batch));
        assert_eq!(code(refused), ErrorCode::InvalidInput);
        let batch = (0..5).map(|_| KvEntry::new("k", KvValue::bytes(vec![7; 15 << 20])));
        let refused = block_on(amana.kv_multi_set(&space, batch.collect()));
        assert_eq!(code(refused), ErrorCode::ValueTooLarge);
        assert_eq!(get(amana, &space, "k").unwrap(), "old");
        let keys = amana.kv_keys_now(&space, "", None, 9).unwrap();
        assert_eq!(keys.keys, ["k"]);
        block_on(amana.kv_multi_set(&space, Vec::new())).unwrap();
    }
}

#[test]
fn sixteen_mebibytes_are_a_value() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    for space in [stored("n"), session("n")] {
        let value = KvValue::bytes(vec![7; MAX_VALUE_BYTES]);
        block_on(amana.kv_set(&space, "k", value.clone(), None)).unwrap();
        assert_eq!(*amana.kv_get_now(&space, "k").unwrap().unwrap(), value);
        let twin = block_on(amana.kv_get(&space, "k")).unwrap().unwrap();
        assert_eq!(*twin, value);
    }
    // Five of them are more than one call returns.
    let space = stored("n");
    for n in 0..5 {
        let value = KvValue::bytes(vec![n; 15 << 20]);
        block_on(amana.kv_set(&space, &n.to_string(), value, None)).unwrap();
    }
    let keys: Vec<String> = (0..5).map(|n| n.to_string()).collect();
    let all = amana.kv_multi_get_now(&space, &keys).map(|all| all.len());
    assert_eq!(code(all), ErrorCode::ValueTooLarge);
    let some = amana.kv_multi_get_now(&space, &keys[..4]).unwrap();
    assert!(some.iter().all(Option::is_some));
}

struct Heard(mpsc::Sender<KvNotice>);

impl KvListener for Heard {
    fn changed(&self, notice: &KvNotice) {
        let _ = self.0.send(notice.clone());
    }
}

struct Unmoved;

impl ChangeListener for Unmoved {
    fn changed(&self, notice: &amana_core::model::notice::ChangeNotice) {
        assert_eq!(notice.tables[0].table, "patients");
    }
}

#[test]
fn listeners_hear_of_each_transaction_once_and_of_nothing_else() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    let (sender, heard) = mpsc::channel();
    let subscription = amana.subscribe_kv(Arc::new(Heard(sender)));
    let _records = amana.subscribe(Arc::new(Unmoved));
    for space in [stored("n"), session("n")] {
        let next = || heard.recv_timeout(Duration::from_secs(30)).unwrap();
        let keys = |keys: &[&str]| KvNotice {
            namespace: space.clone(),
            keys: Some(keys.iter().map(|key| (*key).to_owned()).collect()),
        };
        let entry = |key: &str| KvEntry::new(key, KvValue::text("v"));
        let cas = |expected, new| {
            block_on(amana.kv_compare_and_set(&space, "a", expected, new, None)).unwrap()
        };
        // What changes nothing is not told: the next notice is that of the batch.
        assert!(!block_on(amana.kv_remove(&space, "a")).unwrap());
        assert_eq!(block_on(amana.kv_clear(&space)).unwrap(), 0);
        assert!(!cas(Some(KvValue::text("other")), None));
        assert!(cas(None, None));
        let _ = tablet.insert("patients", &patient("Amal"));
        let batch = vec![entry("b"), entry("a"), entry("b")];
        block_on(amana.kv_multi_set(&space, batch)).unwrap();
        assert_eq!(next(), keys(&["a", "b"]));
        assert!(cas(Some(KvValue::text("v")), Some(KvValue::text("w"))));
        assert_eq!(next(), keys(&["a"]));
        assert!(block_on(amana.kv_remove(&space, "b")).unwrap());
        assert_eq!(next(), keys(&["b"]));
        assert_eq!(block_on(amana.kv_clear(&space)).unwrap(), 1);
        assert_eq!(next(), KvNotice::cleared(space.clone()));
        let many = (0..1_001).map(|n| entry(&n.to_string())).collect();
        block_on(amana.kv_multi_set(&space, many)).unwrap();
        assert_eq!(next().keys, None);
    }
    drop(subscription);
    set(amana, &stored("n"), "k", "v").unwrap();
    assert!(
        heard.recv_timeout(Duration::from_secs(30)).is_err(),
        "the sender is gone"
    );
}

/// Each thread reads its own writes at once; a value that all count up loses no step; nobody sees
/// half of a batch.
#[test]
fn sixteen_threads_at_once() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    let space = stored("n");
    set(amana, &space, "counter", "0").unwrap();
    let pair = |n: &str| {
        ["left", "right"]
            .map(|key| KvEntry::new(key, KvValue::text(n)))
            .into()
    };
    block_on(amana.kv_multi_set(&space, pair("0"))).unwrap();
    std::thread::scope(|scope| {
        for n in 0..16 {
            let space = &space;
            scope.spawn(move || {
                let own = format!("own/{n}");
                for k in 0..10 {
                    let text = format!("{n}/{k}");
                    set(amana, space, &own, &text).unwrap();
                    assert_eq!(get(amana, space, &own).unwrap(), text);
                    let twin = block_on(amana.kv_get(space, &own)).unwrap().unwrap();
                    assert_eq!(twin.as_text().unwrap(), text);
                    block_on(amana.kv_multi_set(space, pair(&text))).unwrap();
                    let both = ["left".to_owned(), "right".to_owned()];
                    let read = amana.kv_multi_get_now(space, &both).unwrap();
                    assert_eq!(read[0], read[1]);
                }
                for _ in 0..4 {
                    count_up(amana, space);
                }
            });
        }
    });
    assert_eq!(get(amana, &space, "counter").unwrap(), "64");
}

fn count_up(amana: &Amana, space: &KvNamespace) {
    loop {
        let old = get(amana, space, "counter").unwrap();
        let new = (old.parse::<u32>().unwrap() + 1).to_string();
        let (old, new) = (KvValue::text(old), KvValue::text(new));
        let call = amana.kv_compare_and_set(space, "counter", Some(old), Some(new), None);
        if block_on(call).unwrap() {
            return;
        }
    }
}

#[test]
fn threads_read_and_write_while_the_vault_locks_and_unlocks() {
    let tablet = Tablet::new();
    let amana = &tablet.amana;
    std::thread::scope(|scope| {
        for n in 0..16 {
            scope.spawn(move || {
                let (stored, session) = (stored("n"), session("n"));
                let key = n.to_string();
                let mut last = None;
                for k in 0..30 {
                    let text = k.to_string();
                    match set(amana, &stored, &key, &text) {
                        Ok(()) => last = Some(text.clone()),
                        Err(error) => assert_eq!(error.code(), ErrorCode::Locked),
                    }
                    match amana.kv_get_now(&stored, &key) {
                        // A write whose answer was lost to the lock may have been made.
                        Ok(found) => assert!(found.is_some() || last.is_none()),
                        Err(error) => assert_eq!(error.code(), ErrorCode::Locked),
                    }
                    if let Err(error) = set(amana, &session, &key, &text) {
                        assert_eq!(error.code(), ErrorCode::Locked);
                    }
                }
            });
        }
        for _ in 0..10 {
            amana.lock().unwrap();
            amana.unlock().unwrap();
        }
    });
    amana.lock().unwrap();
    amana.unlock().unwrap();
    let left = amana.kv_keys_now(&session("n"), "", None, 10).unwrap();
    assert!(left.keys.is_empty());
}

/// A sync may keep the database open behind the locked screen, but not the session's values.
#[test]
fn the_idle_lock_wipes_the_session_even_while_a_sync_runs() {
    let peer = clinic();
    peer.seed_patients(300).unwrap();
    let clock = Arc::new(FakeClock::at(SystemClock.now_ms()));
    let tablet = Tablet::with_clock(clock.clone());
    let amana = &tablet.amana;
    tablet
        .sign_in(&peer, "amal@clinic.example", PASSWORD)
        .unwrap();
    let idle = || {
        set(amana, &stored("n"), "k", "kept").unwrap();
        set(amana, &session("n"), "k", "lost").unwrap();
        clock.advance(6 * 60_000);
        for space in [stored("n"), session("n")] {
            assert_eq!(code(amana.kv_get_now(&space, "k")), ErrorCode::Locked);
            assert_eq!(code(set(amana, &space, "k", "v")), ErrorCode::Locked);
        }
    };
    let unlocked = || {
        amana.unlock().unwrap();
        assert_eq!(get(amana, &stored("n"), "k").unwrap(), "kept");
        assert_eq!(get(amana, &session("n"), "k"), None);
    };
    // Unlocked before the watching thread came to close it: the rule holds all the same.
    idle();
    unlocked();
    let gate = peer.faults().hold_pull_after(50_000);
    std::thread::scope(|scope| {
        let sync = scope.spawn(|| tablet.sync());
        assert!(gate.wait_reached(Duration::from_secs(60)));
        idle();
        amana.check_idle_lock();
        unlocked();
        set(amana, &session("n"), "k", "new").unwrap();
        assert_eq!(get(amana, &session("n"), "k").unwrap(), "new");
        gate.release();
        assert!(sync.join().unwrap().unwrap().pulled >= 300);
    });
    // Unlocking what was not locked wipes nothing.
    amana.unlock().unwrap();
    assert_eq!(get(amana, &session("n"), "k").unwrap(), "new");
}
