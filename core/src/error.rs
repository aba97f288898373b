//! The one public error. Owns the closed list of codes; holds no text but fixed text.
//!
//! Nothing a dependency says and no value of a record may enter an [`Error`]: both can hold
//! patient data, and errors end up in logs and crash reporters.

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident => $text:literal, $retryable:literal;)*) => {
        /// What went wrong, from a closed list. The text form is what crosses to apps.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[non_exhaustive]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            /// Every code, in the order of their declaration.
            pub const ALL: &'static [ErrorCode] = &[$(ErrorCode::$variant,)*];

            /// The stable text form, as apps see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorCode::$variant => $text,)* }
            }

            /// Whether the same call may succeed later without anything being changed.
            pub const fn is_retryable(self) -> bool {
                match self { $(ErrorCode::$variant => $retryable,)* }
            }
        }
    };
}

codes! {
    /// The vault is locked: unlock it first.
    Locked => "locked", false;
    /// The key store cannot answer now, for example before the first unlock after a reboot.
    KeyTemporarilyUnavailable => "key_temporarily_unavailable", true;
    /// No key slot can open the vault any more. Nothing was deleted.
    KeyLost => "key_lost", false;
    /// A key was found, but it is not this vault's. Nothing was written.
    KeyMismatch => "key_mismatch", false;
    /// The PIN is wrong; the attempt was counted.
    WrongPin => "wrong_pin", false;
    /// Too many wrong PINs: wait.
    PinDelayed => "pin_delayed", true;
    /// The keyring cannot be read although data exists.
    KeyringDamaged => "keyring_damaged", false;
    /// The keyring was written by a newer version of Amana.
    KeyringTooNew => "keyring_too_new", false;
    /// The key is right, but the database cannot be read or is missing.
    DatabaseDamaged => "database_damaged", false;
    /// The database was written by a newer version of Amana or of the app's schema.
    StorageTooNew => "storage_too_new", false;
    /// No space left on the device.
    StorageFull => "storage_full", true;
    /// The database is in use elsewhere.
    StorageBusy => "storage_busy", true;
    /// The database file turned out not to be encrypted.
    NotEncrypted => "not_encrypted", false;
    /// An argument is not acceptable.
    InvalidInput => "invalid_input", false;
    /// There is no such record.
    NotFound => "not_found", false;
    /// A value is larger than allowed.
    ValueTooLarge => "value_too_large", false;
    /// The signed-in person may not do this.
    PermissionDenied => "permission_denied", false;
    /// Nobody is signed in.
    NotSignedIn => "not_signed_in", false;
    /// The platform asked for the person, and got no confirmation.
    PresenceRequired => "presence_required", true;
    /// The network or the peer could not be reached, or broke off.
    Network => "network", true;
    /// The peer's certificate or TLS is not acceptable.
    Tls => "tls", false;
    /// The peer refused the credentials, or could not check them.
    Unauthorized => "unauthorized", false;
    /// The peer asked to wait.
    RateLimited => "rate_limited", true;
    /// The peer failed.
    Server => "server", true;
    /// The peer's reply breaks the protocol.
    Protocol => "protocol", false;
    /// The table must never be stored on a device.
    ForbiddenTable => "forbidden_table", false;
    /// The peer is not the one that was paired.
    PeerIdentityMismatch => "peer_identity_mismatch", false;
    /// The peer needs a newer app.
    UpgradeRequired => "upgrade_required", false;
    /// The vault is open in another process.
    Busy => "busy", true;
    /// The object was closed.
    Closed => "closed", false;
    /// This platform or version cannot do it.
    Unsupported => "unsupported", false;
    /// The call was cancelled; nothing is half done.
    Cancelled => "cancelled", true;
    /// A defect in Amana.
    Internal => "internal", false;
}

/// The one error type of Amana.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    code: ErrorCode,
    detail: &'static str,
    at: Option<String>,
    retry_after_ms: Option<u64>,
}

/// `Result` with Amana's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with fixed text for people who read logs.
    pub const fn new(code: ErrorCode, detail: &'static str) -> Self {
        Self {
            code,
            detail,
            at: None,
            retry_after_ms: None,
        }
    }

    /// `invalid_input` with fixed text.
    pub const fn invalid(detail: &'static str) -> Self {
        Self::new(ErrorCode::InvalidInput, detail)
    }

    /// `internal` with fixed text: a defect, not a condition.
    pub const fn internal(detail: &'static str) -> Self {
        Self::new(ErrorCode::Internal, detail)
    }

    /// Adds where: names of the schema (`patients.sex`), a JSON pointer into an app's own schema,
    /// or a source position. Never a value, and never a name that came from outside.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.at = Some(place.into());
        self
    }

    /// Adds the time after which a new attempt makes sense, in milliseconds.
    #[must_use]
    pub const fn retry_after_ms(mut self, milliseconds: u64) -> Self {
        self.retry_after_ms = Some(milliseconds);
        self
    }

    /// The code, from the closed list.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// Fixed text that says what happened.
    pub const fn detail(&self) -> &'static str {
        self.detail
    }

    /// Where: table, column or JSON pointer of the schema.
    pub fn place(&self) -> Option<&str> {
        self.at.as_deref()
    }

    /// Milliseconds after which a new attempt makes sense, where the peer or the rule says so.
    pub const fn retry_after(&self) -> Option<u64> {
        self.retry_after_ms
    }

    /// Whether the same call may succeed later.
    pub const fn is_retryable(&self) -> bool {
        self.code.is_retryable()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)?;
        if let Some(at) = &self.at {
            write!(f, " (at {at})")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_snake_case() {
        let mut seen = std::collections::HashSet::new();
        for code in ErrorCode::ALL {
            assert!(seen.insert(code.as_str()));
            assert!(
                code.as_str()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_')
            );
        }
        assert_eq!(seen.len(), 33);
    }

    #[test]
    fn display_names_code_detail_and_place() {
        let error = Error::invalid("unknown column").at("patients");
        assert_eq!(
            error.to_string(),
            "invalid_input: unknown column (at patients)"
        );
    }
}
