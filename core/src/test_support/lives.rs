//! How many random lives a test plays, from which seeds, and how a life that fails is played again.

use crate::ports::Entropy as _;
use crate::system::SystemEntropy;

/// Half of a usual run plays these lives each time, so that a change is judged by itself.
const USUAL_SEED: u64 = 2026;

/// Some lives from one seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw {
    /// Where they begin.
    pub seed: u64,
    /// How many.
    pub lives: u32,
    times: u32,
}

impl Draw {
    /// The command that plays these lives once more. `target` is what tells cargo where the running
    /// test is, such as `-p amana-core --lib`.
    #[must_use]
    pub fn again(&self, target: &str) -> String {
        let thread = std::thread::current();
        // The harness names the thread after its test.
        let test = thread.name().unwrap_or_default();
        let times = match self.times {
            1 => String::new(),
            times => format!(" AMANA_LIVES={times}"),
        };
        let seed = self.seed;
        format!("again with: AMANA_SEED={seed}{times} cargo test {target} -- --exact {test}")
    }
}

/// What a test plays that usually plays so many lives: half of them from the usual seed, half from one
/// that is new in each run. With `AMANA_SEED=NUMBER` all of them from that one, with `AMANA_SEED=new` all
/// from a new one; with `AMANA_LIVES=10` ten times as many. The seeds are printed.
#[allow(clippy::print_stderr, reason = "read beside the failure of a test")]
#[must_use]
pub fn draws(usual: u32) -> Vec<Draw> {
    let times = std::env::var("AMANA_LIVES").ok();
    let times = times.and_then(|text| text.parse().ok()).unwrap_or(1);
    let asked = std::env::var("AMANA_SEED").ok();
    let draws = plan(asked.as_deref(), new_seed(), usual, times);
    for draw in &draws {
        eprintln!("{} lives from AMANA_SEED={}", draw.lives, draw.seed);
    }
    draws
}

fn plan(asked: Option<&str>, fresh: u64, usual: u32, times: u32) -> Vec<Draw> {
    let all = usual * times;
    let draw = |seed, lives| Draw { seed, lives, times };
    match asked {
        Some("new") => vec![draw(fresh, all)],
        Some(number) => vec![draw(number.parse().unwrap_or(USUAL_SEED), all)],
        None => vec![draw(USUAL_SEED, all - all / 2), draw(fresh, all / 2)],
    }
}

fn new_seed() -> u64 {
    let mut bytes = [0; 8];
    match SystemEntropy.fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => USUAL_SEED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds_and_lives(asked: Option<&str>, times: u32) -> Vec<(u64, u32)> {
        let draws = plan(asked, 7, 25, times);
        draws.iter().map(|draw| (draw.seed, draw.lives)).collect()
    }

    #[test]
    fn half_of_the_lives_are_the_usual_ones_and_half_are_new() {
        assert_eq!(seeds_and_lives(None, 1), [(USUAL_SEED, 13), (7, 12)]);
        assert_eq!(seeds_and_lives(None, 10), [(USUAL_SEED, 125), (7, 125)]);
        assert_ne!(new_seed(), new_seed());
    }

    #[test]
    fn a_seed_that_is_asked_for_gets_all_lives_so_that_the_one_that_failed_is_among_them() {
        assert_eq!(seeds_and_lives(Some("31"), 2), [(31, 50)]);
        assert_eq!(seeds_and_lives(Some("new"), 1), [(7, 25)]);
        let command = plan(Some("31"), 7, 25, 2)[0].again("-p amana-core --lib");
        assert_eq!(
            command,
            "again with: AMANA_SEED=31 AMANA_LIVES=2 cargo test -p amana-core --lib -- --exact \
             test_support::lives::tests::\
             a_seed_that_is_asked_for_gets_all_lives_so_that_the_one_that_failed_is_among_them"
        );
    }
}
