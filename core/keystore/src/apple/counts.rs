//! Copies of the counts of wrong PINs in the keychain: one item per alias, of a service of their own.
//! No secret; under the same class as the device secrets, so that one is readable when the other is.

use super::AppleKeyStore;
use super::keychain::{self, Attributes};
use crate::error::KeyStoreError;
use crate::traits::{Alias, AttemptCopy};

/// Every count has this service, and every query names it.
const SERVICE: &str = "amana.attempts";

fn item_of(alias: &Alias) -> Attributes {
    keychain::item(SERVICE, alias)
}

impl AttemptCopy for AppleKeyStore {
    fn read(&self, alias: &Alias) -> Result<Option<Vec<u8>>, KeyStoreError> {
        match keychain::value_of(item_of(alias)) {
            Ok(data) => Ok(Some(data.bytes().to_vec())),
            Err(KeyStoreError::Absent) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, alias: &Alias, bytes: &[u8]) -> Result<(), KeyStoreError> {
        match keychain::update(&item_of(alias), bytes) {
            Err(KeyStoreError::Absent) => {
                keychain::add_value(item_of(alias), keychain::data(bytes), self.options)
            }
            other => other,
        }
    }

    fn remove(&self, alias: &Alias) -> Result<(), KeyStoreError> {
        keychain::delete_matching(&item_of(alias))
    }
}
