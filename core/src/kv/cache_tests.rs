//! The cache beside commits, clocks and its limit.

use super::cache::*;
use crate::model::kv::{Kept, KvValue};
use std::sync::Arc;

fn kept(text: &str, expires_in_ms: Option<u64>) -> Kept {
    Kept::new(KvValue::text(text), expires_in_ms, 0).unwrap()
}

fn known(cache: &KvCache, key: &str, now_ms: i64) -> Option<Option<String>> {
    match cache.look("n", key, || now_ms) {
        Look::Known(value) => Some(value.map(|v| v.as_text().unwrap().to_owned())),
        Look::Unknown => None,
    }
}

fn load(cache: &KvCache, key: &str, found: Option<&Kept>) {
    cache.offer(cache.ticket(), "n", key, found);
}

fn touch(key: &str) -> Touched<'_> {
    Touched {
        namespace: "n",
        key: Some(key),
    }
}

#[test]
fn what_was_read_before_a_commit_is_not_taken_in_after_it() {
    let cache = KvCache::new(CACHE_BYTES);
    let old = kept("old", None);
    let before = cache.ticket();
    let window = cache.begin(&[touch("k")]);
    let during = cache.ticket();
    cache.offer(before, "n", "k", Some(&old));
    cache.offer(during, "n", "k", Some(&old));
    assert_eq!(known(&cache, "k", 0), None);
    window.publish("n", [("k", Some(&kept("new", None)))]);
    cache.offer(before, "n", "k", Some(&old));
    cache.offer(during, "n", "k", Some(&old));
    assert_eq!(known(&cache, "k", 0), Some(Some("new".into())));
}

#[test]
fn a_failed_commit_leaves_its_keys_unknown_and_the_others_known() {
    let cache = KvCache::new(CACHE_BYTES);
    load(&cache, "a", Some(&kept("a", None)));
    load(&cache, "b", None);
    drop(cache.begin(&[touch("a")]));
    assert_eq!(known(&cache, "a", 0), None);
    assert_eq!(known(&cache, "b", 0), Some(None));
    load(&cache, "a", Some(&kept("a", None)));
    assert!(known(&cache, "a", 0).is_some());
}

#[test]
fn an_expired_value_is_missing_and_then_unknown() {
    let cache = KvCache::new(CACHE_BYTES);
    load(&cache, "k", Some(&kept("v", Some(10))));
    assert_eq!(known(&cache, "k", 9), Some(Some("v".into())));
    assert_eq!(known(&cache, "k", 10), Some(None));
    assert_eq!(known(&cache, "k", 9), None);
}

#[test]
fn it_stays_within_its_bytes_and_keeps_what_is_read() {
    let cache = KvCache::new(16 * 1024);
    load(&cache, "hot", Some(&kept("v", None)));
    for n in 0..1_000 {
        assert!(known(&cache, "hot", 0).is_some());
        load(
            &cache,
            &format!("k{n}"),
            Some(&kept(&"x".repeat(500), None)),
        );
        assert!(cache.bytes() <= 16 * 1024);
    }
    load(&cache, "huge", Some(&kept(&"x".repeat(2_000), None)));
    assert_eq!(known(&cache, "huge", 0), None);
}

#[test]
fn a_namespace_goes_alone_and_closing_takes_everything() {
    let cache = KvCache::new(CACHE_BYTES);
    for n in 0..20 {
        load(&cache, &format!("k{n}"), Some(&kept("v", None)));
        cache.offer(cache.ticket(), "other", &format!("k{n}"), None);
    }
    drop(cache.begin(&[Touched {
        namespace: "n",
        key: None,
    }]));
    for n in 0..20 {
        assert_eq!(known(&cache, &format!("k{n}"), 0), None);
        let other = cache.look("other", &format!("k{n}"), || 0);
        assert!(matches!(other, Look::Known(None)));
    }
    let value = kept("v", None);
    load(&cache, "k", Some(&value));
    assert_eq!(Arc::strong_count(&value.value), 2);
    cache.close();
    assert_eq!(Arc::strong_count(&value.value), 1);
    load(&cache, "k", Some(&value));
    assert_eq!((known(&cache, "k", 0), cache.bytes()), (None, 0));
}
