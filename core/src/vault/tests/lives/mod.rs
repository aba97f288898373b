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
use proptest::test_runner::RngSeed;

use event::event;
use life::Life;
use place::Traits;

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

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 5_000,
        rng_seed: RngSeed::Fixed(crate::test_support::seed()),
        ..ProptestConfig::with_cases(crate::test_support::lives(2_000))
    })]

    #[test]
    fn no_life_loses_a_vault_or_opens_it_to_a_stranger(
        seed in any::<u64>(), traits in traits(), events in prop::collection::vec(event(), 100..250),
    ) {
        let mut life = Life::new(seed, traits);
        for event in events {
            life.happen(event);
        }
        life.end();
    }
}
