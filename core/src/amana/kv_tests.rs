//! Random lives of the key–value store beside a map that cannot be wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use pollster::block_on;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Amana, Config, System};
use crate::error::ErrorCode;
use crate::model::kv::{KvEntry, KvNamespace, KvValue};
use crate::ports::KeyStore;
use crate::test_support::{FakeClock, InstantTimer, MemoryKeyStore, SeededEntropy};

/// Setting it fails inside the transaction.
const REFUSED: &str = "refused";

#[derive(Clone, Debug)]
enum Step {
    Set(Place, Held),
    MultiSet(usize, Vec<(usize, Held)>),
    RefusedBatch(Vec<(usize, Held)>),
    Remove(Place),
    Clear(usize),
    /// Expected, as what is there or as another value; new.
    CompareAndSet(Place, bool, Option<Held>),
    Pass(u64),
    Lock,
    Reopen,
}

/// Namespace and key.
type Place = (usize, usize);
/// A value, and what it expires in.
type Held = (u8, Option<u64>);
type Model = BTreeMap<Place, (KvValue, Option<u64>)>;

fn held() -> impl Strategy<Value = Held> + Clone {
    (0..6u8, proptest::option::weighted(0.4, 1..40u64))
}

fn step() -> impl Strategy<Value = Step> {
    let place = (0..3usize, 0..5usize);
    let batch = proptest::collection::vec((0..5usize, held()), 1..6);
    prop_oneof![
        6 => (place.clone(), held()).prop_map(|(p, h)| Step::Set(p, h)),
        3 => (0..3usize, batch.clone()).prop_map(|(n, b)| Step::MultiSet(n, b)),
        1 => batch.prop_map(Step::RefusedBatch),
        3 => place.clone().prop_map(Step::Remove),
        1 => (0..3usize).prop_map(Step::Clear),
        3 => (place, any::<bool>(), proptest::option::of(held()))
            .prop_map(|(p, right, new)| Step::CompareAndSet(p, right, new)),
        4 => (1..30u64).prop_map(Step::Pass),
        1 => Just(Step::Lock),
        1 => Just(Step::Reopen),
    ]
}

fn namespace(n: usize) -> KvNamespace {
    match n {
        0 => KvNamespace::Stored("first".into()),
        1 => KvNamespace::Stored("second".into()),
        // The name of a stored one: they must not meet.
        _ => KvNamespace::Session("first".into()),
    }
}

fn key(k: usize) -> String {
    ["a", "ab", "abc", "b", "\u{10FFFF}"][k].to_owned()
}

fn value(seed: u8) -> KvValue {
    match seed {
        0 => KvValue::text(""),
        1 => KvValue::bytes(*b"same"),
        2 => KvValue::text("same"),
        3 => KvValue::text("a\0b"),
        // Too large for the cache.
        4 => KvValue::bytes(vec![4; 300 * 1024]),
        n => KvValue::text(format!("value {n}")),
    }
}

struct Life {
    amana: Amana,
    clock: Arc<FakeClock>,
    key_store: Arc<dyn KeyStore>,
    directory: TempDir,
    now: u64,
    model: Model,
}

impl Life {
    fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(FakeClock::at(1_000_000));
        let key_store: Arc<dyn KeyStore> = Arc::new(MemoryKeyStore::new());
        let amana = open(&directory, &clock, &key_store);
        Self {
            amana,
            clock,
            key_store,
            directory,
            now: 0,
            model: Model::new(),
        }
    }

    fn model_set(&mut self, place: Place, (seed, expires): Held) {
        let until = expires.map(|after| self.now + after);
        self.model.insert(place, (value(seed), until));
    }

    fn present(&self, place: Place) -> Option<&KvValue> {
        let (value, until) = self.model.get(&place)?;
        until.is_none_or(|until| self.now < until).then_some(value)
    }

    fn forget_session(&mut self) {
        self.model.retain(|(n, _), _| *n != 2);
    }

    fn live(&mut self, step: Step) {
        let amana = self.amana.clone();
        match step {
            Step::Set(place, held) => {
                let (space, key) = (namespace(place.0), key(place.1));
                block_on(amana.kv_set(&space, &key, value(held.0), held.1)).unwrap();
                self.model_set(place, held);
            }
            Step::MultiSet(n, batch) => {
                block_on(amana.kv_multi_set(&namespace(n), entries(&batch))).unwrap();
                for (k, held) in batch {
                    self.model_set((n, k), held);
                }
            }
            Step::RefusedBatch(batch) => {
                let mut entries = entries(&batch);
                entries.push(KvEntry::new(REFUSED, value(0)));
                assert!(block_on(amana.kv_multi_set(&namespace(0), entries)).is_err());
            }
            Step::Remove(place) => {
                let (space, key) = (namespace(place.0), key(place.1));
                let removed = block_on(amana.kv_remove(&space, &key)).unwrap();
                assert_eq!(removed, self.present(place).is_some());
                self.model.remove(&place);
            }
            Step::Clear(n) => {
                let live = (0..5).filter(|k| self.present((n, *k)).is_some()).count();
                let removed = block_on(amana.kv_clear(&namespace(n))).unwrap();
                assert_eq!(removed, live as u64);
                self.model.retain(|(m, _), _| *m != n);
            }
            Step::CompareAndSet(place, right, new) => {
                let (space, key) = (namespace(place.0), key(place.1));
                let present = self.present(place).cloned();
                let expected = if right { present } else { Some(value(99)) };
                let (new_value, expires) = match new {
                    Some((seed, expires)) => (Some(value(seed)), expires),
                    None => (None, None),
                };
                let call = amana.kv_compare_and_set(&space, &key, expected, new_value, expires);
                assert_eq!(block_on(call).unwrap(), right);
                match (right, new) {
                    (true, Some(held)) => self.model_set(place, held),
                    (true, None) => drop(self.model.remove(&place)),
                    (false, _) => {}
                }
            }
            Step::Pass(ms) => {
                self.clock.advance(ms);
                self.now += ms;
            }
            Step::Lock => {
                amana.lock().unwrap();
                let refused = amana.kv_get_now(&namespace(0), "a").unwrap_err();
                assert_eq!(refused.code(), ErrorCode::Locked);
                amana.unlock().unwrap();
                refuse(&amana);
                self.forget_session();
            }
            Step::Reopen => {
                amana.close().unwrap();
                let refused = amana.kv_get_now(&namespace(2), "a").unwrap_err();
                assert_eq!(refused.code(), ErrorCode::Closed);
                self.amana = open(&self.directory, &self.clock, &self.key_store);
                self.forget_session();
            }
        }
    }

    /// Every way to read says what the model says.
    fn check(&self) {
        let all: Vec<String> = (0..5).map(key).collect();
        for n in 0..3 {
            let space = namespace(n);
            let wanted: Vec<Option<&KvValue>> = (0..5).map(|k| self.present((n, k))).collect();
            for (key, wanted) in all.iter().zip(&wanted) {
                let found = self.amana.kv_get_now(&space, key).unwrap();
                assert_eq!(found.as_deref(), *wanted);
            }
            let now = self.amana.kv_multi_get_now(&space, &all).unwrap();
            assert_eq!(now.iter().map(Option::as_deref).collect::<Vec<_>>(), wanted);
            let twin = block_on(self.amana.kv_multi_get(&space, all.clone())).unwrap();
            assert_eq!(twin, now);
            for prefix in ["", "a", "ab", "x"] {
                let listed: Vec<String> = (0..5)
                    .filter(|k| self.present((n, *k)).is_some())
                    .map(key)
                    .filter(|key| key.starts_with(prefix))
                    .collect();
                assert_eq!(self.pages(&space, prefix), listed);
            }
        }
    }

    fn pages(&self, space: &KvNamespace, prefix: &str) -> Vec<String> {
        let mut keys = Vec::new();
        let mut after = None;
        loop {
            let page = self
                .amana
                .kv_keys_now(space, prefix, after.as_deref(), 2)
                .unwrap();
            assert!(page.keys.len() <= 2);
            keys.extend(page.keys);
            match page.next {
                Some(next) => after = Some(next),
                None => return keys,
            }
        }
    }
}

fn entries(batch: &[(usize, Held)]) -> Vec<KvEntry> {
    batch
        .iter()
        .map(|(k, (seed, expires))| KvEntry {
            key: key(*k),
            value: value(*seed),
            expires_in_ms: *expires,
        })
        .collect()
}

fn open(directory: &TempDir, clock: &Arc<FakeClock>, key_store: &Arc<dyn KeyStore>) -> Amana {
    let system = System {
        clock: Arc::clone(clock) as _,
        entropy: Arc::new(SeededEntropy::new(1)),
        timer: Arc::new(InstantTimer::default()),
        ..System::real()
    };
    let amana = Amana::open(Config::new(directory.path()), Arc::clone(key_store), system).unwrap();
    refuse(&amana);
    amana
}

fn refuse(amana: &Amana) {
    amana.opened().unwrap().database.kv_refuse(REFUSED);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]
    #[test]
    fn every_life_agrees_with_the_model(steps in proptest::collection::vec(step(), 1..60)) {
        let mut life = Life::begin();
        for step in steps {
            life.live(step);
            life.check();
        }
    }
}
