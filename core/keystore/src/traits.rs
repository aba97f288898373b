//! The trait that every key store implements, and the types it speaks in.

use std::fmt;

use zeroize::Zeroizing;

use crate::error::KeyStoreError;

/// The name of a device secret: random, made for one key slot, never reused.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Alias(String);

impl Alias {
    /// What every alias of ours begins with, so that nothing of anyone else is ever touched.
    pub const PREFIX: &'static str = "amana.";

    /// The alias of 16 random bytes.
    pub fn from_random(bytes: &[u8; 16]) -> Self {
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        Self(format!("{}{hex}", Self::PREFIX))
    }

    /// Reads an alias back; `None` where it has not the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(Self::PREFIX)?;
        let fits = hex.len() == 32
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        fits.then(|| Self(text.to_owned()))
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How well a secret is protected, as far as the store can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecurityLevel {
    /// A separate security chip.
    SecureElement,
    /// The main processor's protected area.
    TrustedEnvironment,
    /// The operating system alone.
    Software,
    /// A development host: no protection.
    Unprotected,
}

/// What a look at an alias found, without using the secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probe {
    /// How well the secret is protected.
    pub level: SecurityLevel,
}

/// 32 derived bytes, zeroized when dropped.
pub struct Derived(Zeroizing<[u8; 32]>);

impl Derived {
    /// Takes the bytes over.
    pub fn new(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived([redacted])")
    }
}

/// A store of device secrets. Synchronous; called on a thread that may wait.
pub trait KeyStore: Send + Sync {
    /// Makes a new secret under a fresh alias. An alias that is taken is a `HardwareFailure`: an
    /// existing secret is never replaced.
    fn create(&self, alias: &Alias) -> Result<SecurityLevel, KeyStoreError>;

    /// Looks whether a secret is there, without using it.
    fn probe(&self, alias: &Alias) -> Result<Probe, KeyStoreError>;

    /// Derives 32 bytes from the secret and an input: the same for the same input. Never creates.
    fn derive(&self, alias: &Alias, input: &[u8; 32]) -> Result<Derived, KeyStoreError>;

    /// Deletes the secret. Deleting what is not there is no error.
    fn delete(&self, alias: &Alias) -> Result<(), KeyStoreError>;

    /// Where a copy of the counts of wrong PINs can lie, out of reach of who copies files back.
    /// `None` where the platform has no such place.
    fn attempt_copy(&self) -> Option<&dyn AttemptCopy> {
        None
    }
}

/// A few bytes beside each device secret that are no secret: they stay on this device, and may be
/// read whenever the secret may. What they say is the vault's. `delete` of the secret leaves them.
pub trait AttemptCopy: Send + Sync {
    /// Reads the bytes of an alias; `None` where there are none.
    fn read(&self, alias: &Alias) -> Result<Option<Vec<u8>>, KeyStoreError>;

    /// Writes the bytes of an alias, in place of what was there.
    fn write(&self, alias: &Alias, bytes: &[u8]) -> Result<(), KeyStoreError>;

    /// Removes the bytes of an alias. Removing what is not there is no error.
    fn remove(&self, alias: &Alias) -> Result<(), KeyStoreError>;
}
