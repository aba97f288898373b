//! What each of Apple's error numbers means here: a table, and nothing else. No call, no Apple type,
//! so that it is tested on every host.
//!
//! What the tables do not name is `HardwareFailure`: nothing may be concluded from it, least of all
//! that a secret is gone.

use crate::error::KeyStoreError::{self, Absent, Denied, HardwareFailure, Transient};

/// `OSStatus` of the keychain calls. Source: Apple, Security framework, "Security Framework Result
/// Codes" and its header `SecBase.h`.
/// <https://developer.apple.com/documentation/security/security-framework-result-codes>
///
/// There is no number for "invalidated": the keychain answers "not found" for an item whose set of
/// fingers has changed, and a key in the Secure Enclave answers "authentication failed".
#[rustfmt::skip]
const OS_STATUS: &[(i64, &str, KeyStoreError)] = &[
    // not there; before the first unlock and for an app signed by someone else also said wrongly
    (-25300, "errSecItemNotFound", Absent),

    // locked, no first unlock yet, or no window in which to ask
    (-25308, "errSecInteractionNotAllowed", Transient),
    (-25315, "errSecInteractionRequired", Transient),
    (-25320, "errSecInDarkWake", Transient),
    // seen right after an app starts or is updated, then gone: not a verdict
    (-34018, "errSecMissingEntitlement", Transient),
    (-25291, "errSecNotAvailable", Transient),
    (-25316, "errSecDataNotAvailable", Transient),
    (-67585, "errSecServiceNotAvailable", Transient),
    (-108,   "errSecAllocate", Transient),

    // the person
    (-128,   "errSecUserCanceled", Denied),
    (-25293, "errSecAuthFailed", Denied),

    // the alias is taken: an existing secret is never replaced
    (-25299, "errSecDuplicateItem", HardwareFailure),
    // no Secure Enclave, or it does not know what was asked
    (-4,     "errSecUnimplemented", HardwareFailure),
    (-50,    "errSecParam", HardwareFailure),
    (-36,    "errSecIO", HardwareFailure),
    (-26275, "errSecDecode", HardwareFailure),
    (-26276, "errSecInternal", HardwareFailure),
    (-2070,  "errSecInternalComponent", HardwareFailure),
    (-67587, "errSecDeviceReset", HardwareFailure),
    (-67588, "errSecDeviceFailed", HardwareFailure),
];

/// `LAError.Code`. Source: Apple, LocalAuthentication framework, header `LAPublicDefines.h`.
/// <https://developer.apple.com/documentation/localauthentication/laerror-swift.struct/code>
#[rustfmt::skip]
const LOCAL_AUTHENTICATION: &[(i64, &str, KeyStoreError)] = &[
    (-1,    "authenticationFailed", Denied),
    (-2,    "userCancel", Denied),
    (-3,    "userFallback", Denied),
    (-4,    "systemCancel", Transient),
    (-5,    "passcodeNotSet", HardwareFailure),
    (-6,    "biometryNotAvailable", HardwareFailure),
    // the fingers may be enrolled again, and then are other ones: no verdict on the secret
    (-7,    "biometryNotEnrolled", HardwareFailure),
    (-8,    "biometryLockout", Transient),
    (-9,    "appCancel", Transient),
    (-10,   "invalidContext", Transient),
    (-11,   "watchNotAvailable", HardwareFailure),
    (-1004, "notInteractive", Transient),
];

/// `TKError.Code`, which the Secure Enclave's token speaks in. Source: Apple, CryptoTokenKit framework,
/// header `TKError.h`. <https://developer.apple.com/documentation/cryptotokenkit/tkerror-swift.struct/code>
#[rustfmt::skip]
const CRYPTO_TOKEN_KIT: &[(i64, &str, KeyStoreError)] = &[
    (-1, "notImplemented", HardwareFailure),
    (-2, "communicationError", Transient),
    // seen on locked devices as well as after a restore on another one: not a verdict
    (-3, "corruptedData", HardwareFailure),
    (-4, "canceledByUser", Denied),
    (-5, "authenticationFailed", Denied),
    (-6, "objectNotFound", Absent),
    (-7, "tokenNotFound", HardwareFailure),
    (-8, "badParameter", HardwareFailure),
    (-9, "authenticationNeeded", Transient),
];

/// The outcome of a keychain call that did not succeed.
pub(crate) fn of_os_status(status: i32) -> KeyStoreError {
    look_up(OS_STATUS, status.into())
}

/// The outcome of a call that answered with an error object.
pub(crate) fn of_error(domain: &str, code: i64) -> KeyStoreError {
    match domain {
        "NSOSStatusErrorDomain" => look_up(OS_STATUS, code),
        "com.apple.LocalAuthentication" => look_up(LOCAL_AUTHENTICATION, code),
        "CryptoTokenKit" => look_up(CRYPTO_TOKEN_KIT, code),
        _ => HardwareFailure,
    }
}

fn look_up(table: &[(i64, &str, KeyStoreError)], code: i64) -> KeyStoreError {
    table
        .iter()
        .find(|(number, _, _)| *number == code)
        .map_or(HardwareFailure, |(_, _, outcome)| *outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_means_what_the_table_of_outcomes_says() {
        // written out once more, so that a slip in the table above is seen
        for (status, outcome) in [
            (-25300, Absent),
            (-25308, Transient),
            (-25315, Transient),
            (-25320, Transient),
            (-34018, Transient),
            (-25291, Transient),
            (-25316, Transient),
            (-67585, Transient),
            (-108, Transient),
            (-128, Denied),
            (-25293, Denied),
            (-25299, HardwareFailure),
            (-4, HardwareFailure),
            (-50, HardwareFailure),
            (-36, HardwareFailure),
            (-26275, HardwareFailure),
            (-26276, HardwareFailure),
            (-2070, HardwareFailure),
            (-67587, HardwareFailure),
            (-67588, HardwareFailure),
        ] {
            assert_eq!(of_os_status(status), outcome, "{status}");
            assert_eq!(
                of_error("NSOSStatusErrorDomain", status.into()),
                outcome,
                "{status}"
            );
        }
    }

    #[test]
    fn the_person_and_the_enclave_speak_in_numbers_of_their_own() {
        for (code, outcome) in [
            (-1, Denied),
            (-2, Denied),
            (-3, Denied),
            (-4, Transient),
            (-5, HardwareFailure),
            (-6, HardwareFailure),
            (-7, HardwareFailure),
            (-8, Transient),
            (-9, Transient),
            (-10, Transient),
            (-11, HardwareFailure),
            (-1004, Transient),
        ] {
            assert_eq!(
                of_error("com.apple.LocalAuthentication", code),
                outcome,
                "{code}"
            );
        }
        for (code, outcome) in [
            (-1, HardwareFailure),
            (-2, Transient),
            (-3, HardwareFailure),
            (-4, Denied),
            (-5, Denied),
            (-6, Absent),
            (-7, HardwareFailure),
            (-8, HardwareFailure),
            (-9, Transient),
        ] {
            assert_eq!(of_error("CryptoTokenKit", code), outcome, "{code}");
        }
    }

    #[test]
    fn what_nobody_has_named_is_no_verdict() {
        for status in [i32::MIN, -25301, -1, 0, 1, i32::MAX] {
            assert_eq!(of_os_status(status), HardwareFailure, "{status}");
        }
        // a number means nothing without its domain
        assert_eq!(of_error("NSPOSIXErrorDomain", -25300), HardwareFailure);
        assert_eq!(of_error("CryptoTokenKit", -25300), HardwareFailure);
    }

    #[test]
    fn no_number_is_there_twice() {
        for table in [OS_STATUS, LOCAL_AUTHENTICATION, CRYPTO_TOKEN_KIT] {
            let numbers: std::collections::HashSet<i64> = table.iter().map(|row| row.0).collect();
            assert_eq!(numbers.len(), table.len());
        }
    }
}
