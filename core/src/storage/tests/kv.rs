//! The key–value table under failures: what an app cannot provoke over the public calls.

use super::*;
use crate::model::kv::{Kept, KvNamespace, KvValue};

impl Store {
    fn set(&self, key: &str, value: KvValue) -> Result<()> {
        let kept = Kept::new(value, None, NOW)?;
        self.database
            .kv_set("n".into(), vec![(key.into(), kept)])
            .wait()
    }

    fn value(&self, key: &str) -> Result<Option<String>> {
        let found = self.database.kv_get_now("n", key)?;
        let several = self
            .database
            .kv_multi_get("n".into(), vec![key.into()])
            .wait()?;
        assert_eq!(several, std::slice::from_ref(&found));
        found
            .map(|value| value.as_text().map(str::to_owned))
            .transpose()
    }

    pub(super) fn run(&self, sql: &'static str) {
        self.database
            .writer(move |state| {
                state
                    .connection
                    .execute_batch(sql)
                    .map_err(|_| Error::internal("test"))
            })
            .wait()
            .unwrap();
    }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_full_disk_keeps_the_old_value_and_is_said() {
    let store = Store::new();
    store.set("k", KvValue::text("old")).unwrap();
    store.run("PRAGMA max_page_count = 1");
    let error = store
        .set("k", KvValue::bytes(vec![7; 4 << 20]))
        .unwrap_err();
    assert_eq!(error.code(), ErrorCode::StorageFull);
    assert_eq!(store.value("k").unwrap(), some("old"));
    store.run("PRAGMA max_page_count = 4294967294");
    store.set("k", KvValue::text("new")).unwrap();
    assert_eq!(store.value("k").unwrap(), some("new"));
}

#[test]
fn a_batch_that_fails_in_the_middle_changes_nothing_and_tells_nobody() {
    let store = Store::new();
    store.set("a", KvValue::text("old")).unwrap();
    let told = store.kv_notices.lock().unwrap().len();
    store.database.kv_refuse("b");
    let kept = |text: &str| Kept::new(KvValue::text(text), None, NOW).unwrap();
    let values = vec![("a".into(), kept("new")), ("b".into(), kept("new"))];
    assert!(store.database.kv_set("n".into(), values).wait().is_err());
    assert_eq!(store.value("a").unwrap(), some("old"));
    assert_eq!(store.value("b").unwrap(), None);
    assert_eq!(store.kv_notices.lock().unwrap().len(), told);
}

#[test]
fn what_cannot_be_read_is_not_missing() {
    let store = Store::new();
    for (sql, key) in [
        ("UPDATE amana_kv SET value = x'ff' WHERE key = 'a'", "a"),
        ("UPDATE amana_kv SET value = 'text' WHERE key = 'b'", "b"),
    ] {
        store.set(key, KvValue::text("CanaryValue")).unwrap();
        store.run(sql);
    }
    store.database.close();
    let store = Store::open(store.directory, store.schema).unwrap();
    for key in ["a", "b"] {
        let error = store.value(key).unwrap_err();
        assert_eq!(error.code(), ErrorCode::DatabaseDamaged);
        assert!(!format!("{error:?}").contains("Canary"));
        store.set(key, KvValue::text("mended")).unwrap();
        assert_eq!(store.value(key).unwrap(), some("mended"));
    }
}

#[test]
fn expired_rows_go_in_batches_with_later_writes_and_untold() {
    let store = Store::new();
    let rows = || raw::<i64>(&store, "SELECT count(*) FROM amana_kv");
    let values = (0..100)
        .map(|n| {
            let kept = Kept::new(KvValue::text("v"), Some(10), NOW).unwrap();
            (format!("k{n:03}"), kept)
        })
        .collect();
    store.database.kv_set("gone".into(), values).wait().unwrap();
    store.clock.advance(10);
    assert_eq!(rows(), 100);
    assert_eq!(store.database.kv_get_now("gone", "k000").unwrap(), None);
    for left in [68, 36, 4, 0, 0] {
        store.set("live", KvValue::text("v")).unwrap();
        assert_eq!(rows(), left + 1);
    }
    let told = store.kv_notices.lock().unwrap();
    let live = KvNotice::new(KvNamespace::Stored("n".into()), vec!["live".into()]);
    assert!(told[1..].iter().all(|notice| *notice == live));
    // Whoever sets the clock back gets nothing back that is gone.
    store.clock.set_wall(NOW);
    assert_eq!(store.database.kv_get_now("gone", "k099").unwrap(), None);
}

#[test]
fn a_read_waits_for_no_writer() {
    let store = Store::new();
    store.set("k", KvValue::text("old")).unwrap();
    let (entered, inside) = std::sync::mpsc::channel();
    let (leave, left) = std::sync::mpsc::channel::<()>();
    let write = store.database.writer(move |state| {
        state.transaction(false, |tx| {
            tx.connection
                .execute("DELETE FROM amana_kv", [])
                .map_err(|_| Error::internal("test"))?;
            entered.send(()).unwrap();
            left.recv().unwrap();
            Err::<(), _>(Error::internal("undone"))
        })
    });
    inside.recv().unwrap();
    // Neither key is in the cache, and the writer holds its transaction.
    assert_eq!(store.database.kv_get_now("n", "other").unwrap(), None);
    assert_eq!(store.value("k").unwrap(), some("old"));
    leave.send(()).unwrap();
    assert!(write.wait().is_err());
}

#[test]
fn closing_wipes_the_cache_and_shuts_the_reader() {
    let store = Store::new();
    let kept = Kept::new(KvValue::text("v"), None, NOW).unwrap();
    let values = vec![("k".into(), kept.clone())];
    store.database.kv_set("n".into(), values).wait().unwrap();
    assert_eq!(Arc::strong_count(&kept.value), 2, "ours and the cache's");
    store.database.close();
    assert_eq!(Arc::strong_count(&kept.value), 1);
    let error = store.database.kv_get_now("n", "k").unwrap_err();
    assert_eq!(error.code(), ErrorCode::Locked);
}
