//! What an app chooses when it opens the platform's key store. Plain data.

/// How secrets are made. It is given when the store is opened, and applies to secrets made from then
/// on: a secret keeps what it was made with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyStoreOptions {
    /// Usable only while the device is unlocked, so not in the background.
    ///
    /// Apple: `WhenUnlockedThisDeviceOnly` instead of `AfterFirstUnlockThisDeviceOnly`. Android:
    /// `setUnlockedDeviceRequired`, from API 35; before, it is left out, since on Android 12 to 14
    /// removing the lock screen deletes such keys.
    pub strict: bool,
    /// Android: asks for the separate security chip (StrongBox), and takes the main processor's
    /// protected area where there is none. Slow, hence a choice. Elsewhere without effect.
    pub strong_box: bool,
    /// Whether a person has to be there at each use.
    pub presence: Presence,
}

/// Whether a person has to be there at each use of a secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Presence {
    /// Nobody is asked.
    #[default]
    None,
    /// One of the fingers or faces that are enrolled when the secret is made; enrolling another
    /// invalidates it. Only in hardware: there is no fallback to the operating system alone.
    ///
    /// Prepared: secrets are made so. Using one in two steps (begin, the platform's prompt in Kotlin
    /// or Swift, finish) is not there yet: on Android `derive` is refused as transient until then, on
    /// Apple the system asks by itself while `derive` waits.
    CurrentBiometry,
}
