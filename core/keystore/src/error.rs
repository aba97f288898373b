//! Why a key store did not answer. What each means for the vault is decided elsewhere.

use std::fmt;

/// The typed outcomes of a key store that are not an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KeyStoreError {
    /// There is no secret under this alias. Not proof: right after a reboot stores say so wrongly.
    Absent,
    /// The store cannot answer now; a later attempt may succeed.
    Transient,
    /// The person cancelled, or was not recognised.
    Denied,
    /// The system has invalidated the secret for good, for example after a new finger.
    Invalidated,
    /// The secure hardware failed.
    HardwareFailure,
}

impl fmt::Display for KeyStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "no secret under this alias",
            Self::Transient => "the key store cannot answer now",
            Self::Denied => "not confirmed by the person",
            Self::Invalidated => "invalidated by the system",
            Self::HardwareFailure => "the secure hardware failed",
        })
    }
}

impl std::error::Error for KeyStoreError {}
