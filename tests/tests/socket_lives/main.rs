//! Random lives of tablets, a cloud and a hub over real sockets, TLS and the sealed channel, through the
//! front door: a small set beside the thousands that the engine's own tests play in memory.
//! `AMANA_LIVES=10` plays ten times as many. A life that fails is printed, shortened, with the command
//! that brings it again.
//!
//! All ten tables that are pushed are played, with columns of every type, nulls among the values.
//! What belongs to a record that the cloud never had is refused there and stays on its tablet, put
//! aside: so the lives hang nothing on patients, prescriptions and items that may be deleted, other
//! than what goes with them.
//!
//! Compared are whole digests among the tablets, with the server the columns that the lives write, read
//! from its own tables rather than from a pull, and every pushed column between cloud and hub: see
//! `at_hub`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "in a test a panic is the report of a failure"
)]

mod at_hub;
mod hub;
mod member;
mod steps;
mod world;

use amana_core::test_support::draws;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};
use steps::{a_cast, a_step};
use world::World;

fn storms(with_hub: bool) {
    let storm = (2usize..=3, a_cast()).prop_flat_map(|(tablets, cast)| {
        let steps = prop::collection::vec(a_step(tablets, with_hub), 10..40);
        (Just(tablets), Just(cast), steps)
    });
    for draw in draws(12) {
        let mut runner = TestRunner::new(ProptestConfig {
            failure_persistence: None,
            max_shrink_iters: 60,
            rng_seed: RngSeed::Fixed(draw.seed),
            ..ProptestConfig::with_cases(draw.lives)
        });
        let outcome = runner.run(&storm, |(tablets, cast, steps)| {
            let mut world = World::new(tablets, cast, with_hub);
            for step in &steps {
                world.step(step);
                world.pass(17);
            }
            world.calm()?;
            world.check()
        });
        if let Err(failure) = outcome {
            panic!(
                "{failure}\n{}",
                draw.again("-p amana-tests --test socket_lives")
            );
        }
    }
}

#[test]
fn after_a_storm_over_sockets_all_hold_the_same_and_nothing_is_lost() {
    storms(false);
}

#[test]
fn after_a_storm_with_a_hub_over_sockets_all_hold_the_same_and_nothing_is_lost() {
    storms(true);
}
