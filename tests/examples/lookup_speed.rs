//! Measures what the look-ups that a phone makes at once take in Rust alone, for the figures of the
//! bindings on top: `cargo run --release -p amana-tests --example lookup_speed`. Prints a name, a tab
//! and microseconds; scripts/react-native-figures shows them beside Kotlin's and JavaScript's.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, and its clock is the real one"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use amana_core::model::kv::{KvNamespace, KvValue};
use amana_core::test_support::MemoryKeyStore;
use amana_core::{Amana, Config, System};
use pollster::block_on;

const CALLS: u32 = 20_000;

fn main() {
    let home = tempfile::tempdir().unwrap();
    let vault = Amana::open(
        Config::new(home.path()),
        Arc::new(MemoryKeyStore::new()),
        System::real(),
    )
    .unwrap();
    let app = KvNamespace::Stored("app".into());
    block_on(vault.kv_set(&app, "language", KvValue::text("ar"), None)).unwrap();
    let fields = r#"{"given_name":"Amal","surname":"Khalil"}"#;
    let id = block_on(vault.insert("patients", fields)).unwrap();
    cost("kv read in Rust", || {
        black_box(vault.kv_get_now(&app, "language").unwrap());
    });
    cost("find in Rust", || {
        black_box(vault.get_now("patients", &id).unwrap());
    });
}

/// The median of ten rounds.
fn cost(what: &str, call: impl Fn()) {
    let round = || {
        let begin = Instant::now();
        (0..CALLS).for_each(|_| call());
        begin.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
    };
    round();
    let mut each: Vec<f64> = (0..10).map(|_| round()).collect();
    each.sort_by(f64::total_cmp);
    println!("{what}\t{:.2}", each[5]);
}
