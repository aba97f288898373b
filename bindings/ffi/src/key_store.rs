//! Key stores: which one a vault uses, and the self-test that an app runs on its own device.

use std::sync::Arc;

use amana_core::ports::KeyStore;
use amana_core::{Error, ErrorCode, Result};
use amana_keystore::contract::{Step, StepFailure};
use amana_keystore::{
    KeyStoreError, NoPlatformKeyStore, Presence, SecurityLevel, SelfTest, platform_key_store,
    run_self_test,
};

use crate::error::AmanaError;
use crate::guard::offload;

/// Where the device secret lives.
#[derive(Clone, Debug, uniffi::Enum)]
pub enum KeyStoreKind {
    /// The phone's own: Secure Enclave, Keychain or AndroidKeyStore.
    Platform {
        /// How secrets are made there.
        options: KeyStoreOptions,
    },
    /// A file, for development hosts. Not in builds for phones: there it is `unsupported`.
    HostFile {
        /// The directory of the file.
        directory: String,
    },
}

/// How the phone's own key store makes secrets.
#[derive(Clone, Debug, Default, uniffi::Record)]
pub struct KeyStoreOptions {
    /// Usable only while the device is unlocked, so not in the background. Android: from API 35
    /// (Android 15) on, and for opening alone; before, it has no effect.
    #[uniffi(default = false)]
    pub strict: bool,
    /// Android: in the separate security chip where there is one. Slow, hence a choice.
    #[uniffi(default = false)]
    pub strong_box: bool,
}

impl From<&KeyStoreOptions> for amana_keystore::KeyStoreOptions {
    fn from(options: &KeyStoreOptions) -> Self {
        Self {
            strict: options.strict,
            strong_box: options.strong_box,
            presence: Presence::None,
        }
    }
}

/// How well a key store protects what it makes, as far as it can tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum KeyStoreLevel {
    /// A separate security chip.
    SecureElement,
    /// The main processor's protected area.
    TrustedEnvironment,
    /// The operating system alone.
    Software,
    /// A development host: no protection.
    Unprotected,
}

impl From<SecurityLevel> for KeyStoreLevel {
    fn from(level: SecurityLevel) -> Self {
        match level {
            SecurityLevel::SecureElement => Self::SecureElement,
            SecurityLevel::TrustedEnvironment => Self::TrustedEnvironment,
            SecurityLevel::Software => Self::Software,
            SecurityLevel::Unprotected => Self::Unprotected,
        }
    }
}

/// What a self-test found.
#[derive(Clone, Debug, uniffi::Record)]
pub struct KeyStoreReport {
    /// Whether every step passed.
    pub passed: bool,
    /// The level of what the store made; none where it made nothing.
    pub level: Option<KeyStoreLevel>,
    /// The steps, in the order in which they ran.
    pub steps: Vec<KeyStoreStep>,
}

/// One step of a self-test.
#[derive(Clone, Debug, uniffi::Record)]
pub struct KeyStoreStep {
    /// What it checks.
    pub name: String,
    /// Whether it passed.
    pub passed: bool,
    /// Why not. Fixed text; never a value.
    pub failure: Option<String>,
}

impl From<SelfTest> for KeyStoreReport {
    fn from(found: SelfTest) -> Self {
        Self {
            passed: found.report.is_kept(),
            level: found.level.map(KeyStoreLevel::from),
            steps: found
                .report
                .steps
                .into_iter()
                .map(KeyStoreStep::from)
                .collect(),
        }
    }
}

impl From<Step> for KeyStoreStep {
    fn from(step: Step) -> Self {
        let failure = step.outcome.err().map(|failure| match failure {
            StepFailure::Broken(what) => what.to_owned(),
            StepFailure::Store(error) => error.to_string(),
        });
        Self {
            name: step.name.to_owned(),
            passed: failure.is_none(),
            failure,
        }
    }
}

/// Checks on this device that a key store does what vaults rely on. Makes three secrets' names of its
/// own and removes them; no vault is touched.
#[uniffi::export]
pub async fn run_key_store_self_test(
    key_store: KeyStoreKind,
) -> std::result::Result<KeyStoreReport, AmanaError> {
    offload(move || {
        amana_core::panics::install_hook();
        let store = open(&key_store)?;
        let found = run_self_test(store.as_ref()).map_err(|_: KeyStoreError| {
            Error::internal("the system gave no random bytes for the test's names")
        })?;
        Ok(found.into())
    })
    .await
}

/// Opens a key store; asks it nothing yet.
pub(crate) fn open(kind: &KeyStoreKind) -> Result<Arc<dyn KeyStore>> {
    match kind {
        #[cfg(feature = "host-keystore")]
        KeyStoreKind::HostFile { directory } => {
            amana_core::host_key_store(std::path::Path::new(directory))
        }
        #[cfg(not(feature = "host-keystore"))]
        KeyStoreKind::HostFile { .. } => Err(Error::new(
            ErrorCode::Unsupported,
            "this build has no key store in a file",
        )),
        KeyStoreKind::Platform { options } => platform_key_store(options.into()).map_err(no_store),
    }
}

pub(crate) fn no_store(reason: NoPlatformKeyStore) -> Error {
    Error::new(
        ErrorCode::Unsupported,
        match reason {
            NoPlatformKeyStore::Unsupported => "this build has no platform key store",
            NoPlatformKeyStore::NoJavaVm => {
                "the library was not loaded by System.loadLibrary, so it has no key store"
            }
        },
    )
}
