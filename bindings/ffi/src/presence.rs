//! The platform's side of a slot that a person's presence opens. On Apple's systems the library asks
//! by itself while it derives; on Android the prompt is the framework's, in Kotlin, and only the secret
//! is made here.

use amana_core::Error;
use amana_keystore::{Alias, KeyStoreError, Presence, platform_key_store};
use zeroize::Zeroizing;

use crate::error::AmanaError;
use crate::guard::offload;
use crate::key_store::{KeyStoreLevel, KeyStoreOptions, no_store};
use crate::slots::PresenceOutcome;

/// Makes the secret that a person's presence will open, under the alias of a request of
/// `beginAddPresence`. Only in hardware.
///
/// # Errors
/// `unsupported` where the device has nothing of the kind; `key_temporarily_unavailable`.
#[uniffi::export]
pub async fn make_presence_secret(
    alias: String,
    options: KeyStoreOptions,
) -> Result<KeyStoreLevel, AmanaError> {
    offload(move || {
        let store = platform_key_store(with_presence(&options)).map_err(no_store)?;
        let level = store.create(&read_alias(&alias)?).map_err(|error| {
            let (code, detail) = match error {
                KeyStoreError::Transient => (
                    amana_core::ErrorCode::KeyTemporarilyUnavailable,
                    "the key store cannot answer now",
                ),
                KeyStoreError::Denied => (
                    amana_core::ErrorCode::PresenceRequired,
                    "the person did not confirm",
                ),
                _ => (
                    amana_core::ErrorCode::Unsupported,
                    "the device makes no secret that asks for a finger or face",
                ),
            };
            Error::new(code, detail)
        })?;
        Ok(level.into())
    })
    .await
}

/// Derives from a secret of `makePresenceSecret`; the system shows its prompt meanwhile. For Apple's
/// systems: elsewhere the answer is `Unavailable`.
#[uniffi::export]
pub async fn derive_with_presence(
    alias: String,
    input: Vec<u8>,
) -> Result<PresenceOutcome, AmanaError> {
    offload(move || {
        let store =
            platform_key_store(with_presence(&KeyStoreOptions::default())).map_err(no_store)?;
        let input: Zeroizing<[u8; 32]> = Zeroizing::new(
            input
                .try_into()
                .map_err(|_| Error::invalid("32 bytes are derived from"))?,
        );
        Ok(match store.derive(&read_alias(&alias)?, &input) {
            Ok(derived) => PresenceOutcome::Derived {
                bytes: derived.expose().to_vec(),
            },
            Err(KeyStoreError::Denied) => PresenceOutcome::Denied,
            Err(KeyStoreError::Invalidated) => PresenceOutcome::Invalidated,
            Err(KeyStoreError::Absent) => PresenceOutcome::Absent,
            Err(KeyStoreError::Transient | KeyStoreError::HardwareFailure) => {
                PresenceOutcome::Unavailable
            }
        })
    })
    .await
}

fn with_presence(options: &KeyStoreOptions) -> amana_keystore::KeyStoreOptions {
    amana_keystore::KeyStoreOptions {
        presence: Presence::CurrentBiometry,
        ..options.into()
    }
}

fn read_alias(text: &str) -> amana_core::Result<Alias> {
    Alias::parse(text).ok_or_else(|| Error::invalid("there is no such alias"))
}
