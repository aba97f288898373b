//! What each of Android's exceptions means here: tables and how to read them, and nothing else. No
//! call, no Java type, so that it is tested on every host.
//!
//! What the tables do not name is `HardwareFailure`: nothing may be concluded from it, least of all
//! that a secret is gone.

use crate::error::KeyStoreError::{self, Absent, HardwareFailure, Invalidated, Transient};

/// What is known of one exception of a chain of causes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Thrown {
    /// Its class, then the classes that this one extends.
    pub(crate) classes: Vec<String>,
    /// For `android.security.KeyStoreException` from API 33 on.
    pub(crate) key_store: Option<KeyStoreCode>,
}

/// What `android.security.KeyStoreException` says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyStoreCode {
    /// `getNumericErrorCode()`
    pub(crate) number: i32,
    /// `isTransientFailure()`
    pub(crate) is_transient: bool,
}

/// Exceptions that say what happened. Source: Android reference, packages `android.security.keystore`,
/// `android.os` and `java.lang`; levels are those in which a class came.
/// <https://developer.android.com/reference/android/security/keystore/package-summary>
#[rustfmt::skip]
const PLAIN: &[(&str, KeyStoreError)] = &[
    // for good: a new finger, the lock screen removed
    ("android.security.keystore.KeyPermanentlyInvalidatedException", Invalidated), // 23
    // locked, or nobody has confirmed
    ("android.security.keystore.UserNotAuthenticatedException", Transient),        // 23
    ("android.security.keystore.UserPresenceUnavailableException", Transient),     // 28
    // too many operations at once
    ("android.security.keystore.BackendBusyException", Transient),                 // 31
    // the process of the key store has ended, or is starting
    ("android.security.keystore.KeyStoreConnectException", Transient),             // hidden
    ("android.os.DeadObjectException", Transient),                                 // 1
    ("android.os.TransactionTooLargeException", Transient),                        // 15
    ("java.lang.OutOfMemoryError", Transient),                                     // 1
    // only while making a secret, and there it means: without StrongBox
    ("android.security.keystore.StrongBoxUnavailableException", HardwareFailure),  // 28
    // our secrets have no dates
    ("android.security.keystore.KeyExpiredException", HardwareFailure),            // 23
    ("android.security.keystore.KeyNotYetValidException", HardwareFailure),        // 23
];

/// Exceptions that wrap whatever it was: their cause speaks first. Source: as above, and package
/// `java.security`. <https://developer.android.com/reference/java/security/package-summary>
///
/// `UnrecoverableKeyException` alone says little: the provider also throws it, without its cause, in
/// place of `KeyPermanentlyInvalidatedException` when a key is loaded, and on some phones while the key
/// store is busy. So it is no reason to give up a secret.
#[rustfmt::skip]
const WRAPPING: &[(&str, KeyStoreError)] = &[
    ("java.security.UnrecoverableKeyException", HardwareFailure),
    ("java.security.InvalidKeyException", HardwareFailure),
    ("java.security.KeyStoreException", HardwareFailure),
    ("java.security.ProviderException", HardwareFailure),
    ("java.security.InvalidAlgorithmParameterException", HardwareFailure),
    ("java.security.NoSuchAlgorithmException", HardwareFailure),
    ("java.security.NoSuchProviderException", HardwareFailure),
    ("java.security.spec.InvalidKeySpecException", HardwareFailure),
    ("java.io.IOException", HardwareFailure),
    ("java.lang.IllegalStateException", HardwareFailure),
    ("java.lang.SecurityException", HardwareFailure),
];

/// `android.security.KeyStoreException`: public from API 33 on, a hidden class before.
pub(crate) const KEY_STORE_EXCEPTION: &str = "android.security.KeyStoreException";

/// Its numbers. Source: Android reference, `android.security.KeyStoreException`.
/// <https://developer.android.com/reference/android/security/KeyStoreException>
/// `isTransientFailure()` is asked besides, and wins.
#[rustfmt::skip]
const CODES: &[(i32, &str, KeyStoreError)] = &[
    (1,  "ERROR_OTHER", HardwareFailure),
    (2,  "ERROR_USER_AUTHENTICATION_REQUIRED", Transient),
    (3,  "ERROR_KEYSTORE_UNINITIALIZED", Transient),
    (4,  "ERROR_INTERNAL_SYSTEM_ERROR", HardwareFailure),
    (5,  "ERROR_PERMISSION_DENIED", HardwareFailure),
    // also said of an invalidated key, but then within KeyPermanentlyInvalidatedException
    (6,  "ERROR_KEY_DOES_NOT_EXIST", Absent),
    (7,  "ERROR_KEY_CORRUPTED", HardwareFailure),
    (8,  "ERROR_ID_ATTESTATION_FAILURE", HardwareFailure),
    (9,  "ERROR_ATTESTATION_CHALLENGE_TOO_LARGE", HardwareFailure),
    (10, "ERROR_KEYMINT_FAILURE", HardwareFailure),
    (11, "ERROR_KEYSTORE_FAILURE", HardwareFailure),
    (12, "ERROR_UNIMPLEMENTED", HardwareFailure),
    (13, "ERROR_INCORRECT_USAGE", HardwareFailure),
    (14, "ERROR_KEY_NOT_TEMPORALLY_VALID", HardwareFailure),
    (15, "ERROR_KEY_OPERATION_EXPIRED", Transient),
    (16, "ERROR_ATTESTATION_KEYS_UNAVAILABLE", HardwareFailure),
];

/// The outcome of a call that threw: the exception itself first, then its causes. The outermost that
/// says what happened decides; one that only wraps decides where none does.
pub(crate) fn of_thrown(chain: &[Thrown]) -> KeyStoreError {
    chain
        .iter()
        .find_map(plain)
        .or_else(|| chain.iter().find_map(wrapping))
        .unwrap_or(HardwareFailure)
}

fn plain(thrown: &Thrown) -> Option<KeyStoreError> {
    if let Some(code) = thrown.key_store {
        return Some(if code.is_transient {
            Transient
        } else {
            of_code(code.number)
        });
    }
    look_up(PLAIN, thrown)
}

fn wrapping(thrown: &Thrown) -> Option<KeyStoreError> {
    look_up(WRAPPING, thrown)
}

fn look_up(table: &[(&str, KeyStoreError)], thrown: &Thrown) -> Option<KeyStoreError> {
    // The class itself before what it extends.
    thrown.classes.iter().find_map(|class| {
        let row = table.iter().find(|(name, _)| name == class)?;
        Some(row.1)
    })
}

fn of_code(number: i32) -> KeyStoreError {
    CODES
        .iter()
        .find(|row| row.0 == number)
        .map_or(HardwareFailure, |row| row.2)
}

/// Whether StrongBox refused, and the same may work without it.
pub(crate) fn is_strong_box_refusal(chain: &[Thrown]) -> bool {
    const REFUSALS: &[&str] = &[
        "android.security.keystore.StrongBoxUnavailableException",
        // what vendors throw instead
        "java.security.ProviderException",
    ];
    chain.first().is_some_and(|thrown| {
        thrown
            .classes
            .iter()
            .any(|class| REFUSALS.contains(&class.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thrown(classes: &[&str]) -> Thrown {
        Thrown {
            classes: classes.iter().map(|&class| class.to_owned()).collect(),
            key_store: None,
        }
    }

    fn coded(number: i32, is_transient: bool) -> Thrown {
        Thrown {
            classes: vec![
                KEY_STORE_EXCEPTION.to_owned(),
                "java.lang.Exception".to_owned(),
            ],
            key_store: Some(KeyStoreCode {
                number,
                is_transient,
            }),
        }
    }

    #[test]
    fn each_class_means_what_the_table_of_outcomes_says() {
        // written out once more, so that a slip in the tables above is seen
        for (class, outcome) in [
            (
                "android.security.keystore.KeyPermanentlyInvalidatedException",
                Invalidated,
            ),
            (
                "android.security.keystore.UserNotAuthenticatedException",
                Transient,
            ),
            (
                "android.security.keystore.UserPresenceUnavailableException",
                Transient,
            ),
            ("android.security.keystore.BackendBusyException", Transient),
            (
                "android.security.keystore.KeyStoreConnectException",
                Transient,
            ),
            ("android.os.DeadObjectException", Transient),
            ("android.os.TransactionTooLargeException", Transient),
            ("java.lang.OutOfMemoryError", Transient),
            (
                "android.security.keystore.StrongBoxUnavailableException",
                HardwareFailure,
            ),
            (
                "android.security.keystore.KeyExpiredException",
                HardwareFailure,
            ),
            (
                "android.security.keystore.KeyNotYetValidException",
                HardwareFailure,
            ),
            ("java.security.UnrecoverableKeyException", HardwareFailure),
            ("java.security.InvalidKeyException", HardwareFailure),
            ("java.security.KeyStoreException", HardwareFailure),
            ("java.security.ProviderException", HardwareFailure),
            (
                "java.security.InvalidAlgorithmParameterException",
                HardwareFailure,
            ),
            ("java.security.NoSuchAlgorithmException", HardwareFailure),
            ("java.security.NoSuchProviderException", HardwareFailure),
            (
                "java.security.spec.InvalidKeySpecException",
                HardwareFailure,
            ),
            ("java.io.IOException", HardwareFailure),
            ("java.lang.IllegalStateException", HardwareFailure),
            ("java.lang.SecurityException", HardwareFailure),
        ] {
            let alone = thrown(&[class, "java.lang.Exception"]);
            assert_eq!(of_thrown(std::slice::from_ref(&alone)), outcome, "{class}");
            // a vendor's own subclass of it
            let derived = thrown(&["com.vendor.Odd", class]);
            assert_eq!(of_thrown(&[derived]), outcome, "{class}");
            // within something that only wraps
            let wrapped = [thrown(&["java.security.ProviderException"]), alone];
            assert_eq!(of_thrown(&wrapped), outcome, "{class}");
        }
    }

    #[test]
    fn each_number_of_the_key_store_means_what_the_table_says() {
        for (number, outcome) in [
            (1, HardwareFailure),
            (2, Transient),
            (3, Transient),
            (4, HardwareFailure),
            (5, HardwareFailure),
            (6, Absent),
            (7, HardwareFailure),
            (8, HardwareFailure),
            (9, HardwareFailure),
            (10, HardwareFailure),
            (11, HardwareFailure),
            (12, HardwareFailure),
            (13, HardwareFailure),
            (14, HardwareFailure),
            (15, Transient),
            (16, HardwareFailure),
            (17, HardwareFailure),
            (0, HardwareFailure),
            (-1, HardwareFailure),
        ] {
            assert_eq!(of_thrown(&[coded(number, false)]), outcome, "{number}");
            assert_eq!(of_thrown(&[coded(number, true)]), Transient, "{number}");
            for outer in [
                "java.security.UnrecoverableKeyException",
                "java.security.ProviderException",
                "java.security.InvalidKeyException",
            ] {
                let chain = [thrown(&[outer]), coded(number, false)];
                assert_eq!(of_thrown(&chain), outcome, "{outer} {number}");
            }
        }
    }

    #[test]
    fn the_outermost_that_says_what_happened_decides() {
        let invalidated = thrown(&[
            "android.security.keystore.KeyPermanentlyInvalidatedException",
            "java.security.InvalidKeyException",
        ]);
        assert_eq!(
            of_thrown(&[invalidated.clone(), coded(6, false)]),
            Invalidated
        );
        assert_eq!(
            of_thrown(&[
                thrown(&["java.security.ProviderException"]),
                invalidated,
                coded(6, false)
            ]),
            Invalidated
        );
    }

    #[test]
    fn what_nobody_has_named_is_no_verdict() {
        assert_eq!(of_thrown(&[]), HardwareFailure);
        assert_eq!(
            of_thrown(&[thrown(&["java.lang.NullPointerException"])]),
            HardwareFailure
        );
        // before API 33 it has no number
        assert_eq!(
            of_thrown(&[thrown(&[KEY_STORE_EXCEPTION])]),
            HardwareFailure
        );
    }

    #[test]
    fn only_what_strong_box_refuses_is_tried_without_it() {
        let refusal = thrown(&[
            "android.security.keystore.StrongBoxUnavailableException",
            "java.security.ProviderException",
        ]);
        assert!(is_strong_box_refusal(&[refusal]));
        assert!(is_strong_box_refusal(&[thrown(&[
            "java.security.ProviderException"
        ])]));
        assert!(!is_strong_box_refusal(&[thrown(&[
            "java.security.InvalidAlgorithmParameterException"
        ])]));
        assert!(!is_strong_box_refusal(&[]));
    }
}
