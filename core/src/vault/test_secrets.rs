//! Every secret on the way to an open vault, for the test that looks for them in memory. Never in an
//! app: behind the feature `test-support`.

use zeroize::Zeroizing;

use super::hierarchy;
use super::io::VaultIo;
use super::keyring::{Copies, SlotLock};
use super::pin::{self, PersonId, Pin};
use crate::error::{Error, Result};

/// A secret, with a name for it.
pub type NamedSecret = (&'static str, Zeroizing<Vec<u8>>);

/// The secrets that a person's PIN leads through: what the PIN was stretched to, what the key store
/// derived, the slot key, the slot's private half, the root key and the database key.
pub fn secrets_of_person(
    io: &VaultIo<'_>,
    person: &PersonId,
    pin: &Pin,
) -> Result<Vec<NamedSecret>> {
    let copies = Copies::read(io.directory);
    let active = copies.active().first().copied().ok_or_else(nothing)?;
    let (slot, half, kdf) = active
        .slots
        .iter()
        .find_map(|slot| match &slot.lock {
            SlotLock::Pin {
                half,
                person: owner,
                kdf,
            } if owner == person => Some((slot, half, *kdf)),
            _ => None,
        })
        .ok_or_else(nothing)?;
    let input = pin::stretch(pin, &half.salt, kdf)?;
    let derived = io
        .key_store
        .derive(&half.alias, &input)
        .map_err(|_| nothing())?;
    let slot_key = hierarchy::slot_key(&derived, &active.vault_id, &slot.id)?;
    let private = hierarchy::open_half(active, slot, &derived)?.ok_or_else(nothing)?;
    let roots = hierarchy::open_roots(active, slot, &private)?.ok_or_else(nothing)?;
    let database = hierarchy::database_key(&roots.root, &active.vault_id)?;
    let named = |name, bytes: &[u8; 32]| (name, Zeroizing::new(bytes.to_vec()));
    Ok(vec![
        named("the stretched PIN", &input),
        named("the key store's answer", derived.expose()),
        named("the slot key", slot_key.expose()),
        named("the slot's private half", &private),
        named("the root key", roots.root.expose()),
        named("the database key", database.expose()),
    ])
}

const fn nothing() -> Error {
    Error::internal("there is no such vault")
}
