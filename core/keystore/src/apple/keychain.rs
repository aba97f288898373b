//! The keychain's items of our service, one per alias, and the dictionaries that ask for them.
//!
//! The calls are made directly: the wrappers of security-framework either replace what is there, or
//! leave out who may read an item and when, or panic on an answer that they do not know.
#![allow(
    unsafe_code,
    reason = "the Security framework is C: its constants and its calls"
)]

use std::ptr;
use std::sync::Arc;

use core_foundation::base::{CFOptionFlags, CFType, TCFType};
use core_foundation::boolean::CFBoolean;
use core_foundation::data::CFData;
use core_foundation::dictionary::CFDictionary;
use core_foundation::string::{CFString, CFStringRef};
use security_framework::access_control::{ProtectionMode, SecAccessControl};
use security_framework_sys::base::errSecSuccess;
use security_framework_sys::item::{
    kSecAttrAccessControl, kSecAttrAccount, kSecAttrService, kSecAttrSynchronizable, kSecClass,
    kSecClassGenericPassword, kSecReturnData, kSecUseDataProtectionKeychain, kSecValueData,
};
use security_framework_sys::keychain_item::{
    SecItemAdd, SecItemCopyMatching, SecItemDelete, SecItemUpdate,
};

use crate::apple_record::Record;
use crate::apple_status;
use crate::error::KeyStoreError;
use crate::options::KeyStoreOptions;
use crate::traits::Alias;

/// Every device secret has this service, and every query names it.
pub(super) const SERVICE: &str = "amana.device-secret";

/// A constant of the framework.
macro_rules! constant {
    ($name:ident) => {{
        // SAFETY: the framework defines it, a string that is never changed or freed.
        $crate::apple::keychain::owned(unsafe { $name })
    }};
}
pub(super) use constant;

/// A constant as a string of ours.
pub(super) fn owned(constant: CFStringRef) -> CFString {
    // SAFETY: called with constants of the framework alone, which are strings and live for ever.
    unsafe { CFString::wrap_under_get_rule(constant) }
}

/// A dictionary in the making.
pub(super) struct Attributes(Vec<(CFString, CFType)>);

impl Attributes {
    /// Of the data protection keychain, which is the only one on iOS, and never of iCloud's.
    pub(super) fn new() -> Self {
        Self(Vec::new())
            .with(constant!(kSecUseDataProtectionKeychain), yes())
            .with(constant!(kSecAttrSynchronizable), no())
    }

    /// Nothing but what is added.
    pub(super) fn empty() -> Self {
        Self(Vec::new())
    }

    pub(super) fn with(mut self, key: CFString, value: impl TCFType) -> Self {
        self.0.push((key, value.into_CFType()));
        self
    }

    pub(super) fn build(&self) -> CFDictionary<CFString, CFType> {
        CFDictionary::from_CFType_pairs(&self.0)
    }
}

pub(super) fn yes() -> CFBoolean {
    CFBoolean::true_value()
}

pub(super) fn no() -> CFBoolean {
    CFBoolean::false_value()
}

/// Who may use it and when: never on another device, not before the first unlock (strict: only while
/// unlocked), and what the flags say.
pub(super) fn access(
    options: KeyStoreOptions,
    flags: CFOptionFlags,
) -> Result<SecAccessControl, KeyStoreError> {
    let protection = if options.strict {
        ProtectionMode::AccessibleWhenUnlockedThisDeviceOnly
    } else {
        ProtectionMode::AccessibleAfterFirstUnlockThisDeviceOnly
    };
    SecAccessControl::create_with_protection(Some(protection), flags)
        .map_err(|error| apple_status::of_os_status(error.code()))
}

/// What names the item of an alias, of one of our services.
pub(super) fn item(service: &str, alias: &Alias) -> Attributes {
    Attributes::new()
        .with(constant!(kSecClass), constant!(kSecClassGenericPassword))
        .with(constant!(kSecAttrService), CFString::new(service))
        .with(constant!(kSecAttrAccount), CFString::new(alias.as_str()))
}

fn item_of(alias: &Alias) -> Attributes {
    item(SERVICE, alias)
}

/// Adds the item of an alias. One that is there is never replaced.
pub(super) fn add(
    alias: &Alias,
    record: &Record,
    options: KeyStoreOptions,
) -> Result<(), KeyStoreError> {
    // The data wipes itself when the framework has let go of it.
    let value = CFData::from_arc(Arc::new(record.encode()));
    add_value(item_of(alias), value, options)
}

/// Adds an item with this value. One that is there is never replaced.
pub(super) fn add_value(
    item: Attributes,
    value: CFData,
    options: KeyStoreOptions,
) -> Result<(), KeyStoreError> {
    let item = item
        .with(constant!(kSecAttrAccessControl), access(options, 0)?)
        .with(constant!(kSecValueData), value)
        .build();
    // SAFETY: the dictionary lives through the call; nothing is returned without a place for it.
    check(unsafe { SecItemAdd(item.as_concrete_TypeRef(), ptr::null_mut()) })
}

/// Reads the item of an alias.
pub(super) fn read(alias: &Alias) -> Result<Record, KeyStoreError> {
    let data = value_of(item_of(alias))?;
    Record::decode(data.bytes()).ok_or(KeyStoreError::HardwareFailure)
}

/// Reads the value of an item.
pub(super) fn value_of(item: Attributes) -> Result<CFData, KeyStoreError> {
    find(&item.with(constant!(kSecReturnData), yes()))?
        .downcast_into()
        .ok_or(KeyStoreError::HardwareFailure)
}

/// Bytes that are no secret, as the framework takes them.
pub(super) fn data(bytes: &[u8]) -> CFData {
    CFData::from_buffer(bytes)
}

/// Deletes the item of an alias. That there is none is no error.
pub(super) fn delete(alias: &Alias) -> Result<(), KeyStoreError> {
    delete_matching(&item_of(alias))
}

/// What a query finds.
pub(super) fn find(query: &Attributes) -> Result<CFType, KeyStoreError> {
    let query = query.build();
    let mut found = ptr::null();
    // SAFETY: the dictionary and the place for the answer live through the call.
    check(unsafe { SecItemCopyMatching(query.as_concrete_TypeRef(), &raw mut found) })?;
    if found.is_null() {
        return Err(KeyStoreError::HardwareFailure);
    }
    // SAFETY: not null, and the call's name says "copy": it is ours to release.
    Ok(unsafe { CFType::wrap_under_create_rule(found) })
}

/// Deletes what a query finds. That there is nothing is no error.
pub(super) fn delete_matching(query: &Attributes) -> Result<(), KeyStoreError> {
    let query = query.build();
    // SAFETY: the dictionary lives through the call.
    match check(unsafe { SecItemDelete(query.as_concrete_TypeRef()) }) {
        Err(KeyStoreError::Absent) => Ok(()),
        other => other,
    }
}

/// Gives what a query finds another value, which is no secret.
pub(super) fn update(query: &Attributes, bytes: &[u8]) -> Result<(), KeyStoreError> {
    let query = query.build();
    let values = Attributes::empty()
        .with(constant!(kSecValueData), data(bytes))
        .build();
    // SAFETY: both dictionaries live through the call.
    check(unsafe { SecItemUpdate(query.as_concrete_TypeRef(), values.as_concrete_TypeRef()) })
}

fn check(status: i32) -> Result<(), KeyStoreError> {
    if status == errSecSuccess {
        Ok(())
    } else {
        Err(apple_status::of_os_status(status))
    }
}
