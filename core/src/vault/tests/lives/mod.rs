//! Random lives of a phone against a simple model of what must be true: a committed value can
//! always be read again unless its last key is really gone; a key is never made while data exists;
//! a wrong PIN never opens; after a wipe nothing does; every refusal is the one that the table says.

mod database;
mod deeds;
mod event;
mod facts;
mod life;
mod oracle;
mod place;

use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use event::event;
use life::Life;
use place::Traits;

use crate::test_support::draws;

fn traits() -> impl Strategy<Value = Traits> {
    let often = || prop::bool::weighted(0.7);
    let drop_after = prop::option::weighted(0.2, 3_u32..9);
    (
        often(),
        any::<bool>(),
        prop::bool::weighted(0.2),
        drop_after,
    )
        .prop_map(|(person, recovery, strict, drop_after)| Traits {
            person,
            recovery,
            strict,
            drop_after,
        })
}

#[test]
fn no_life_loses_a_vault_or_opens_it_to_a_stranger() {
    let lives = (
        any::<u64>(),
        traits(),
        prop::collection::vec(event(), 100..250),
    );
    for draw in draws(2_000) {
        let mut runner = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            max_shrink_iters: 5_000,
            rng_seed: RngSeed::Fixed(draw.seed),
            ..ProptestConfig::with_cases(draw.lives)
        });
        let outcome = runner.run(&lives, |(seed, traits, events)| {
            let mut life = Life::new(seed, traits);
            for event in events {
                life.happen(event);
            }
            life.end();
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("{failure}\n{}", draw.again("-p amana-core --lib"));
        }
    }
}
