//! The clock and the randomness of the driver: the only file that reads either.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::{Duration, Instant};

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts it.
    #[allow(clippy::disallowed_methods, reason = "the driver measures real time")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Whole milliseconds since the start.
    pub fn ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// A word of letters that is nowhere else. Not a secret: the standard library's hash keys do.
pub fn rare_word(length: usize) -> String {
    let mut bits = 0;
    (0..length)
        .map(|position| {
            if position % 8 == 0 {
                bits = RandomState::new().build_hasher().finish();
            }
            let letter = (bits % 26) as u8;
            bits /= 26;
            char::from(b'a' + letter)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_words_differ() {
        assert_eq!(rare_word(12).len(), 12);
        assert_ne!(rare_word(12), rare_word(12));
    }
}
