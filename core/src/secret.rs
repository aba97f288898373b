//! Types for secrets: no `Clone`, no serde, redacted `Debug`, zeroized when dropped.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::Result;
use crate::ports::Entropy;

macro_rules! key {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        pub struct $name(Box<Zeroizing<[u8; 32]>>);

        impl $name {
            /// Takes the bytes over; the caller's copy is its own to wipe.
            pub fn from_bytes(bytes: &[u8; 32]) -> Self {
                let mut key = Box::new(Zeroizing::new([0; 32]));
                key.copy_from_slice(bytes);
                Self(key)
            }

            /// The bytes, for the primitive that needs them.
            pub fn expose(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    )*};
}

key! {
    /// The 256 random bits of a vault from which every other key is derived.
    RootKey;
    /// What a key slot derives from its device secret; seals the private half of the slot pair.
    SlotKey;
    /// SQLCipher's raw key.
    DatabaseKey;
    /// Authenticates the keyring's list of slots.
    KeyringMacKey;
    /// The organisation's half of its recovery key.
    OrganisationPrivateKey;
    /// Opens the answer to one recovery request.
    OneTimePrivateKey;
    /// Encrypts a spool; exists in memory alone.
    SpoolKey;
    /// What a device and a hub share until one of them forgets it; exists in memory alone.
    HubSessionKey;
}

/// Overwrites the stack below the caller. What primitives leave there (the last block of an HKDF is a
/// whole key) is out of reach of any type; to be called after they have returned.
#[inline(never)]
pub fn scrub_stack() {
    /// Deeper than any derivation or unsealing goes; a thread of the smallest usual size has 512 KiB.
    const DEPTH: usize = 64 * 1024;
    let mut area = Zeroizing::new([0u8; DEPTH]);
    std::hint::black_box(area.as_mut_slice());
}

impl RootKey {
    /// A new root key from the injected randomness.
    pub fn make(entropy: &dyn Entropy) -> Result<Self> {
        random(entropy).map(|bytes| Self::from_bytes(&bytes))
    }
}

impl SpoolKey {
    /// A new spool key from the injected randomness.
    pub fn make(entropy: &dyn Entropy) -> Result<Self> {
        random(entropy).map(|bytes| Self::from_bytes(&bytes))
    }
}

fn random(entropy: &dyn Entropy) -> Result<Zeroizing<[u8; 32]>> {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

/// A secret text, such as a password.
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// Takes over what a database or a decoder handed out already wrapped.
    pub fn from_zeroizing(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The text, for the call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let text = format!(
            "{:?} {:?}",
            RootKey::from_bytes(&[7; 32]),
            SecretText::new("hunter2".into())
        );
        assert_eq!(text, "RootKey([redacted]) SecretText([redacted])");
    }
}
