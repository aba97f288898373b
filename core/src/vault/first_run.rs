//! Makes a vault where nothing exists, finishes it, and discards one that was never finished.

use std::path::Path;

use super::directory::{damaged_directory, spool_directory};
use super::files;
use super::hierarchy::{self, DraftKind, SlotDraft};
use super::io::{VaultIo, not_planned};
use super::keyring::{self, Bare, Copies, Keyring, KeyringCopy, Policy, Slot};
use super::keys::VaultKeys;
use super::look::{JOURNALS, SALVAGE, database_state};
use super::open::Opened;
use super::pin;
use super::ways::{NewPolicy, NewVault};
use crate::error::{Error, Result};

/// Row 4.
pub(super) fn make(io: &VaultIo<'_>, new: &NewVault<'_>) -> Result<Opened> {
    let mut vault_id = [0; 16];
    io.entropy.fill(&mut vault_id)?;
    if let Some(recovery) = &new.recovery {
        hierarchy::check_recovery_key(&recovery.bytes(), io.entropy)?;
    }
    let draft = SlotDraft::make(io.entropy)?;
    let (policy, kind, input) = match &new.policy {
        NewPolicy::Device => (Policy::Device, DraftKind::Device, draft.salt.into()),
        NewPolicy::Person { person, pin, kdf } => (
            Policy::Person,
            DraftKind::Pin {
                person: (*person).clone(),
                kdf: *kdf,
            },
            pin::stretch(pin, &draft.salt, *kdf)?,
        ),
    };
    // The alias is on disk before the secret exists: a kill leaves nothing without a name.
    let creating = Bare {
        vault_id,
        generation: 1,
        policy,
        aliases: vec![draft.alias.clone()],
    };
    keyring::write(io.directory, 0, &Keyring::Creating(creating))?;
    let slot = make_slot(io, draft, kind, &input, &vault_id)?;
    let mut slots = vec![slot];
    if let Some(recovery) = &new.recovery {
        slots.push(hierarchy::make_recovery_slot(recovery.bytes(), io.entropy)?);
    }
    let (roots, active) = hierarchy::make_active(&vault_id, 2, policy, slots, io.entropy)?;
    let mut keys = VaultKeys::derive(roots, active)?;
    keys.creation = Some(io.database_file.to_path_buf());
    Ok(Opened {
        keys,
        first_run: true,
    })
}

/// Makes a device secret under a draft's alias and the slot under what it derives.
pub(super) fn make_slot(
    io: &VaultIo<'_>,
    draft: SlotDraft,
    kind: DraftKind,
    input: &[u8; 32],
    vault_id: &[u8; 16],
) -> Result<Slot> {
    let alias = draft.alias.clone();
    let mut attempted = false;
    let level = io.patiently(|| {
        // An attempt that "could not answer" may have made the secret. Nothing is sealed to it.
        if std::mem::replace(&mut attempted, true) {
            io.key_store.delete(&alias)?;
        }
        io.key_store.create(&alias)
    })?;
    let derived = io.patiently(|| io.key_store.derive(&alias, input))?;
    draft.make_slot(kind, level, &derived, vault_id, io.entropy)
}

/// Marks a new vault as existing. Called once its database is created and committed; after it, data
/// may be written. Harmless for a vault that exists already.
pub fn finish_creation(directory: &Path, keys: &mut VaultKeys) -> Result<()> {
    let Some(database_file) = &keys.creation else {
        return Ok(());
    };
    if database_state(database_file) != Ok(super::decide::DatabaseState::Present) {
        return Err(Error::internal(
            "a vault is finished after its database is created",
        ));
    }
    let made = Keyring::Active(keys.active.clone());
    // A keyring that has moved on since must not be taken back.
    for copy in Copies::read(directory).copies {
        match copy {
            KeyringCopy::Missing => {}
            KeyringCopy::Readable(Keyring::Creating(found)) if found.vault_id == keys.vault_id => {}
            KeyringCopy::Readable(found) if found == made => {}
            _ => return Err(Error::internal("the keyring is not the one that was made")),
        }
    }
    keyring::write_both(directory, &made)?;
    keys.creation = None;
    Ok(())
}

/// Row 5. The keyring goes last: a kill anywhere comes back here.
pub(super) fn discard(io: &VaultIo<'_>, copies: &Copies) -> Result<()> {
    if copies
        .readable()
        .any(|k| !matches!(k, Keyring::Creating(_)))
    {
        return Err(not_planned());
    }
    for alias in copies.aliases() {
        io.patiently(|| io.key_store.delete(&alias))?;
    }
    remove_data(io).map_err(files::storage_error)?;
    keyring::remove(io.directory)
}

/// Removes the database, its journals and the spool.
pub(super) fn remove_data(io: &VaultIo<'_>) -> std::io::Result<()> {
    files::remove(io.database_file)?;
    for suffix in JOURNALS {
        files::remove(&files::with_suffix(io.database_file, suffix))?;
    }
    for suffix in SALVAGE {
        files::remove(&files::with_suffix(io.database_file, suffix))?;
    }
    files::remove_tree(&damaged_directory(io.directory))?;
    files::remove_tree(&spool_directory(io.directory))?;
    files::sync_parent(io.database_file)
}
