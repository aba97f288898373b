//! The one error that crosses, and its closed list of codes.

use std::fmt;

use amana_core::ErrorCode as CoreCode;

macro_rules! codes {
    ($($variant:ident),* $(,)?) => {
        /// What went wrong, from a closed list.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, uniffi::Enum)]
        #[allow(missing_docs, reason = "each is documented at amana_core::ErrorCode")]
        pub enum ErrorCode { $($variant,)* }

        impl From<CoreCode> for ErrorCode {
            fn from(code: CoreCode) -> Self {
                match code {
                    $(CoreCode::$variant => Self::$variant,)*
                    // The core's list may only grow together with this one: a test holds that.
                    _ => Self::Internal,
                }
            }
        }
    };
}

codes! {
    Locked, KeyTemporarilyUnavailable, KeyLost, KeyMismatch, WrongPin, PinDelayed, KeyringDamaged,
    KeyringTooNew, DatabaseDamaged, StorageTooNew, StorageFull, StorageBusy, NotEncrypted,
    InvalidInput, NotFound, ValueTooLarge, PermissionDenied, NotSignedIn, PresenceRequired,
    Network, Tls, Unauthorized, RateLimited, Server, Protocol, ForbiddenTable,
    PeerIdentityMismatch, UpgradeRequired, Busy, Closed, Unsupported, Cancelled, Internal,
}

/// Every failure of Amana. (`AmanaException` in Kotlin.)
#[derive(Clone, Debug, uniffi::Error)]
pub enum AmanaError {
    /// The one variant.
    Failure {
        /// What went wrong.
        code: ErrorCode,
        /// Whether the same call may succeed later.
        retryable: bool,
        /// Milliseconds after which a new attempt makes sense.
        retry_after_ms: Option<u64>,
        /// Fixed text for people who read logs; never a value.
        detail: String,
        /// Table, column or JSON pointer of the schema.
        at: Option<String>,
    },
}

impl fmt::Display for AmanaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Failure {
            code, detail, at, ..
        } = self;
        write!(f, "{code:?}: {detail}")?;
        match at {
            Some(at) => write!(f, " (at {at})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for AmanaError {}

impl From<amana_core::Error> for AmanaError {
    fn from(error: amana_core::Error) -> Self {
        Self::Failure {
            code: error.code().into(),
            retryable: error.is_retryable(),
            retry_after_ms: error.retry_after(),
            detail: error.detail().to_owned(),
            at: error.place().map(str::to_owned),
        }
    }
}

/// What a callback threw that it does not say it throws.
impl From<uniffi::UnexpectedUniFFICallbackError> for AmanaError {
    fn from(_: uniffi::UnexpectedUniFFICallbackError) -> Self {
        // Its text may hold anything, and is not passed on.
        amana_core::Error::internal("the app's own code failed").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_the_core_has_its_own_here() {
        let mut seen = std::collections::HashSet::new();
        for code in CoreCode::ALL {
            assert!(seen.insert(ErrorCode::from(*code)), "{}", code.as_str());
        }
    }
}
