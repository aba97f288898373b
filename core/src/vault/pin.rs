//! PINs: who they belong to, their bytes, and how they are stretched. Owns Argon2id and its
//! parameters; knows no slot and counts no attempt.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, ErrorCode, Result};
use crate::ports::Clock;

/// Names a staff member, as the app does. Not shown in diagnoses.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct PersonId(String);

impl PersonId {
    const MAX: usize = 64;

    /// 1 to 64 bytes, without control characters.
    pub fn new(text: &str) -> Result<Self> {
        if text.is_empty() || text.len() > Self::MAX || text.chars().any(char::is_control) {
            return Err(Error::invalid("a person's id has 1 to 64 plain bytes"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A PIN's bytes, wiped when dropped.
pub struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    const LENGTHS: std::ops::RangeInclusive<usize> = 4..=128;

    /// Takes the bytes over. 4 to 128 bytes; how long a PIN must be is the app's rule.
    pub fn new(bytes: Vec<u8>) -> Result<Self> {
        let bytes = Zeroizing::new(bytes);
        if !Self::LENGTHS.contains(&bytes.len()) {
            return Err(Error::invalid("a PIN has 4 to 128 bytes"));
        }
        Ok(Self(bytes))
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin([redacted])")
    }
}

/// Parameters of Argon2id; stored with each slot, so that a later device may choose others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PinKdf {
    /// Memory in KiB.
    pub(super) memory_kib: u32,
    /// Passes over it.
    pub(super) passes: u32,
    /// Lanes.
    pub(super) lanes: u32,
}

const MIB: u32 = 1024;
/// From the strongest to the weakest that is ever made.
const STEPS: [PinKdf; 5] = [
    PinKdf::of(64 * MIB, 3),
    PinKdf::of(64 * MIB, 2),
    PinKdf::of(46 * MIB, 2),
    PinKdf::of(32 * MIB, 2),
    PinKdf::of(19 * MIB, 2),
];
/// What a person waits for without complaint.
const BEARABLE_MS: u64 = 1000;

impl PinKdf {
    /// For devices that can afford it.
    pub const DEFAULT: Self = STEPS[0];
    /// Nothing weaker is made.
    pub const FLOOR: Self = STEPS[STEPS.len() - 1];

    const fn of(memory_kib: u32, passes: u32) -> Self {
        Self {
            memory_kib,
            passes,
            lanes: 1,
        }
    }

    /// Far below the floor, for tests that open vaults by the thousand.
    #[cfg(any(test, feature = "test-support"))]
    pub const fn for_tests() -> Self {
        Self::of(8, 1)
    }

    /// The strongest parameters with which this device opens within a second. Hashes once with the
    /// weakest, which every tablet has the memory for.
    pub fn calibrate(clock: &dyn Clock) -> Result<Self> {
        let start = clock.monotonic_ms();
        stretch_bytes(b"calibration", &[0; 32], Self::FLOOR)?;
        Ok(Self::affordable(clock.monotonic_ms().saturating_sub(start)))
    }

    /// What a device can afford that needs this long at the floor.
    fn affordable(floor_ms: u64) -> Self {
        let floor_work = Self::FLOOR.work();
        STEPS
            .into_iter()
            .find(|step| floor_ms.saturating_mul(step.work()) <= BEARABLE_MS * floor_work)
            .unwrap_or(Self::FLOOR)
    }

    fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.passes)
    }

    /// Whether some device can carry it out: at most 1 GiB, 64 passes, 16 lanes.
    pub(super) fn is_bearable(self) -> bool {
        (1..=16).contains(&self.lanes)
            && (1..=64).contains(&self.passes)
            && (8 * self.lanes..=1024 * MIB).contains(&self.memory_kib)
    }
}

/// Stretches a PIN to what the device secret is asked with.
pub(super) fn stretch(pin: &Pin, salt: &[u8; 32], kdf: PinKdf) -> Result<Zeroizing<[u8; 32]>> {
    stretch_bytes(&pin.0, salt, kdf)
}

fn stretch_bytes(pin: &[u8], salt: &[u8; 32], kdf: PinKdf) -> Result<Zeroizing<[u8; 32]>> {
    let params =
        Params::new(kdf.memory_kib, kdf.passes, kdf.lanes, Some(32)).map_err(|_| failed())?;
    let mut blocks = Memory(Vec::new());
    // Asked for politely: a tablet without the memory gets an error instead of an abort.
    blocks
        .0
        .try_reserve_exact(params.block_count())
        .map_err(|_| {
            Error::new(
                ErrorCode::KeyTemporarilyUnavailable,
                "there is not enough memory to check a PIN",
            )
        })?;
    blocks.0.resize(params.block_count(), Block::new());
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(pin, salt, out.as_mut_slice(), &mut blocks.0)
        .map_err(|_| failed())?;
    Ok(out)
}

/// The blocks that a PIN was spread over.
struct Memory(Vec<Block>);

impl Drop for Memory {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(Zeroize::zeroize);
    }
}

const fn failed() -> Error {
    Error::internal("a PIN could not be stretched")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slower_devices_get_less_and_never_less_than_the_floor() {
        let floor_work = PinKdf::FLOOR.work();
        let mut last = u64::MAX;
        for floor_ms in [0, 100, 190, 220, 260, 350, 500, 1000, 5000, u64::MAX] {
            let kdf = PinKdf::affordable(floor_ms);
            assert!(kdf.work() <= last && kdf.work() >= floor_work);
            assert!(kdf.memory_kib >= 19 * MIB && kdf.passes >= 2 && kdf.lanes >= 1);
            last = kdf.work();
        }
        assert_eq!(PinKdf::affordable(0), PinKdf::DEFAULT);
        assert_eq!(PinKdf::affordable(1001), PinKdf::FLOOR);
        assert_eq!(
            (PinKdf::DEFAULT.memory_kib, PinKdf::DEFAULT.passes),
            (65536, 3)
        );
        assert_eq!((PinKdf::FLOOR.memory_kib, PinKdf::FLOOR.passes), (19456, 2));
    }

    #[test]
    fn calibration_asks_the_clock() {
        let clock = crate::test_support::FakeClock::at(0);
        assert_eq!(PinKdf::calibrate(&clock).unwrap(), PinKdf::DEFAULT);
    }

    #[test]
    fn every_pin_salt_and_parameter_gives_something_else() {
        let pin = |text: &[u8]| Pin::new(text.to_vec()).unwrap();
        let base = *stretch(&pin(b"1234"), &[1; 32], PinKdf::for_tests()).unwrap();
        let again = *stretch(&pin(b"1234"), &[1; 32], PinKdf::for_tests()).unwrap();
        assert_eq!(base, again);
        for other in [
            stretch(&pin(b"1235"), &[1; 32], PinKdf::for_tests()),
            stretch(&pin(b"1234"), &[2; 32], PinKdf::for_tests()),
            stretch(&pin(b"1234"), &[1; 32], PinKdf::of(16, 1)),
            stretch(&pin(b"1234"), &[1; 32], PinKdf::of(8, 2)),
        ] {
            assert_ne!(*other.unwrap(), base);
        }
    }

    #[test]
    fn pins_and_persons_have_bounds() {
        assert!(Pin::new(vec![b'1'; 3]).is_err() && Pin::new(vec![b'1'; 129]).is_err());
        assert!(Pin::new(vec![0; 4]).is_ok());
        assert_eq!(
            format!("{:?}", Pin::new(vec![b'7'; 6]).unwrap()),
            "Pin([redacted])"
        );
        assert!(PersonId::new("").is_err() && PersonId::new(&"x".repeat(65)).is_err());
        assert!(PersonId::new("a\0b").is_err());
        assert_eq!(PersonId::new("Ama Ñ").unwrap().as_str(), "Ama Ñ");
    }
}
