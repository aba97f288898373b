//! Numbers that a seed decides.

/// Xorshift: small, and good enough to choose what to do next.
pub struct Draw(u64);

impl Draw {
    /// The same numbers for the same seed.
    pub const fn new(seed: u64) -> Self {
        // Mixed, because seeds are often small and near each other.
        Self((seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1)
    }

    /// A number below another.
    pub const fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) % end
    }
}
