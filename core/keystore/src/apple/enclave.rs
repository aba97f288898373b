//! Keys in the Secure Enclave: made, found, asked for ECDH, deleted. They carry a tag of our service and
//! their alias, and every query names it.
//!
//! The attributes are put together here: security-framework's own helper leaves permanence and access
//! control out on iOS.
#![allow(
    unsafe_code,
    reason = "the Security framework is C: its constants and two calls"
)]

use std::ptr;

use core_foundation::base::TCFType;
use core_foundation::data::CFData;
use core_foundation::error::{CFError, CFErrorRef};
use core_foundation::number::CFNumber;
use core_foundation::string::CFStringRef;
use security_framework::key::{Algorithm, SecKey};
use security_framework_sys::access_control::{
    kSecAccessControlBiometryCurrentSet, kSecAccessControlPrivateKeyUsage,
};
use security_framework_sys::base::SecKeyRef;
use security_framework_sys::item::{
    kSecAttrAccessControl, kSecAttrApplicationLabel, kSecAttrIsPermanent, kSecAttrKeyClass,
    kSecAttrKeyClassPrivate, kSecAttrKeyClassPublic, kSecAttrKeySizeInBits, kSecAttrKeyType,
    kSecAttrKeyTypeECSECPrimeRandom, kSecAttrTokenID, kSecAttrTokenIDSecureEnclave, kSecClass,
    kSecClassKey, kSecPrivateKeyAttrs, kSecReturnRef, kSecUseDataProtectionKeychain,
};
use security_framework_sys::key::{SecKeyCreateRandomKey, SecKeyCreateWithData};
use zeroize::Zeroizing;

use super::keychain::{self, Attributes, SERVICE, access, constant, yes};
use crate::apple_point::POINT_LENGTH;
use crate::apple_status;
use crate::error::KeyStoreError;
use crate::options::{KeyStoreOptions, Presence};
use crate::traits::Alias;

// SAFETY: a constant of the Security framework with its type in SecItem.h. security-framework-sys links
// the framework, but leaves this one out.
unsafe extern "C" {
    static kSecAttrApplicationTag: CFStringRef;
}

/// SHA-1 of a public key, by which the keychain tells keys apart.
type KeyHash = [u8; 20];

/// Makes a key of an alias, and says which it is.
pub(super) fn generate(alias: &Alias, options: KeyStoreOptions) -> Result<KeyHash, KeyStoreError> {
    let presence = match options.presence {
        Presence::None => 0,
        Presence::CurrentBiometry => kSecAccessControlBiometryCurrentSet,
    };
    // Without "private key usage" the key could be made, but not used.
    let access = access(options, kSecAccessControlPrivateKeyUsage | presence)?;
    let private = Attributes::empty()
        .with(constant!(kSecAttrIsPermanent), yes())
        .with(constant!(kSecAttrApplicationTag), tag(alias))
        .with(constant!(kSecAttrAccessControl), access)
        .build();
    let attributes = Attributes::empty()
        .with(constant!(kSecUseDataProtectionKeychain), yes())
        .with(
            constant!(kSecAttrKeyType),
            constant!(kSecAttrKeyTypeECSECPrimeRandom),
        )
        .with(constant!(kSecAttrKeySizeInBits), CFNumber::from(256))
        .with(
            constant!(kSecAttrTokenID),
            constant!(kSecAttrTokenIDSecureEnclave),
        )
        .with(constant!(kSecPrivateKeyAttrs), private)
        .build();
    let mut error: CFErrorRef = ptr::null_mut();
    let attributes = attributes.as_concrete_TypeRef().cast();
    // SAFETY: the dictionary and the place for the error live through the call.
    let key = unsafe { SecKeyCreateRandomKey(attributes, &raw mut error) };
    let key = taken(key, error)?;
    key.application_label()
        .and_then(|label| label.try_into().ok())
        .ok_or(KeyStoreError::HardwareFailure)
}

/// Finds a key of an alias. Nobody is asked for anything.
pub(super) fn find(alias: &Alias, hash: &KeyHash) -> Result<SecKey, KeyStoreError> {
    keychain::find(&one_of(alias, hash).with(constant!(kSecReturnRef), yes()))?
        .downcast_into()
        .ok_or(KeyStoreError::HardwareFailure)
}

/// Deletes one key of an alias.
pub(super) fn delete_one(alias: &Alias, hash: &KeyHash) -> Result<(), KeyStoreError> {
    keychain::delete_matching(&one_of(alias, hash))
}

/// Deletes every key of an alias. That there is none is no error.
pub(super) fn delete_all(alias: &Alias) -> Result<(), KeyStoreError> {
    keychain::delete_matching(&all_of(alias))
}

/// ECDH of a key and a point: the x coordinate of their product.
pub(super) fn exchange(
    key: &SecKey,
    point: &[u8; POINT_LENGTH],
) -> Result<Zeroizing<[u8; 32]>, KeyStoreError> {
    let point = public_key(point)?;
    // (What the framework itself has allocated for the answer is not ours to wipe.)
    let answer = key
        .key_exchange(Algorithm::ECDHKeyExchangeStandard, &point, 32, None)
        .map(Zeroizing::new)
        .map_err(|error| outcome(&error))?;
    let mut bytes = Zeroizing::new([0; 32]);
    if answer.len() != bytes.len() {
        return Err(KeyStoreError::HardwareFailure);
    }
    bytes.copy_from_slice(&answer);
    Ok(bytes)
}

fn public_key(point: &[u8; POINT_LENGTH]) -> Result<SecKey, KeyStoreError> {
    let data = CFData::from_buffer(point);
    let attributes = Attributes::empty()
        .with(
            constant!(kSecAttrKeyType),
            constant!(kSecAttrKeyTypeECSECPrimeRandom),
        )
        .with(
            constant!(kSecAttrKeyClass),
            constant!(kSecAttrKeyClassPublic),
        )
        .with(constant!(kSecAttrKeySizeInBits), CFNumber::from(256))
        .build();
    let mut error: CFErrorRef = ptr::null_mut();
    // SAFETY: data, dictionary and the place for the error live through the call.
    let key = unsafe {
        SecKeyCreateWithData(
            data.as_concrete_TypeRef(),
            attributes.as_concrete_TypeRef().cast(),
            &raw mut error,
        )
    };
    taken(key, error)
}

fn all_of(alias: &Alias) -> Attributes {
    Attributes::new()
        .with(constant!(kSecClass), constant!(kSecClassKey))
        .with(
            constant!(kSecAttrKeyClass),
            constant!(kSecAttrKeyClassPrivate),
        )
        .with(constant!(kSecAttrApplicationTag), tag(alias))
}

fn one_of(alias: &Alias, hash: &KeyHash) -> Attributes {
    all_of(alias).with(
        constant!(kSecAttrApplicationLabel),
        CFData::from_buffer(hash),
    )
}

fn tag(alias: &Alias) -> CFData {
    CFData::from_buffer(format!("{SERVICE}/{}", alias.as_str()).as_bytes())
}

/// What a call that makes a key has returned: one of the two.
fn taken(key: SecKeyRef, error: CFErrorRef) -> Result<SecKey, KeyStoreError> {
    if !error.is_null() {
        // SAFETY: the call has made it for us to release.
        return Err(outcome(&unsafe { CFError::wrap_under_create_rule(error) }));
    }
    if key.is_null() {
        return Err(KeyStoreError::HardwareFailure);
    }
    // SAFETY: not null, and the call's name says "create": it is ours to release.
    Ok(unsafe { SecKey::wrap_under_create_rule(key) })
}

fn outcome(error: &CFError) -> KeyStoreError {
    let code = i64::try_from(error.code()).unwrap_or(0);
    apple_status::of_error(&error.domain().to_string(), code)
}
