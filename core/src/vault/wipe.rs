//! Destroys a vault: keys first, then files, the keyring last. Needs no key, can be repeated, and
//! goes on where it was killed: until the keyring is gone, every opening comes back here.

use amana_keystore::Alias;

use super::attempt_copy;
use super::directory::{attachments_directory, damaged_directory};
use super::files::{self, storage_error};
use super::first_run::remove_data;
use super::io::VaultIo;
use super::keyring::{self, Bare, Copies, Keyring, KeyringCopy, Policy};
use super::look::{JOURNALS, SALVAGE};
use super::status;
use crate::error::{Error, ErrorCode, Result};
use crate::ports::KeyStoreError;

/// What has just been done; tests end a wipe after each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WipeStep {
    MarkedCopy,
    AliasDeleted,
    AliasesDeleted,
    DataRemoved,
    AttachmentsRemoved,
    StatusRemoved,
    Verified,
    CopyRemoved,
}

/// Destroys the vault. The caller has closed the database and dropped the keys. After an error the
/// vault never opens again, and the next opening (or wipe) goes on.
pub fn wipe(io: &VaultIo<'_>) -> Result<()> {
    wipe_with(io, &mut |_| Ok(()))
}

pub(super) fn wipe_with(
    io: &VaultIo<'_>,
    after: &mut dyn FnMut(WipeStep) -> Result<()>,
) -> Result<()> {
    let aliases = mark(io, after)?;
    for alias in &aliases {
        io.patiently(|| io.key_store.delete(alias))?;
        attempt_copy::clear(io, alias);
        after(WipeStep::AliasDeleted)?;
    }
    after(WipeStep::AliasesDeleted)?;
    remove_data(io).map_err(storage_error)?;
    after(WipeStep::DataRemoved)?;
    files::remove_tree(&attachments_directory(io.directory)).map_err(storage_error)?;
    after(WipeStep::AttachmentsRemoved)?;
    let status = status::path(io.directory);
    for path in [files::temporary(&status), status] {
        files::remove(&path).map_err(storage_error)?;
    }
    files::sync_parent(io.database_file).map_err(storage_error)?;
    after(WipeStep::StatusRemoved)?;
    verify(io, &aliases)?;
    after(WipeStep::Verified)?;
    for index in [0, 1] {
        keyring::remove_copy(io.directory, index)?;
        after(WipeStep::CopyRemoved)?;
    }
    Ok(())
}

/// Writes "shredding" into both copies, with every alias that either of them names.
fn mark(io: &VaultIo<'_>, after: &mut dyn FnMut(WipeStep) -> Result<()>) -> Result<Vec<Alias>> {
    let copies = Copies::read(io.directory);
    if copies.denied {
        return Err(Error::new(
            ErrorCode::KeyTemporarilyUnavailable,
            "the vault's files are not accessible now",
        ));
    }
    if copies.copies.contains(&KeyringCopy::TooNew) {
        return Err(Error::new(
            ErrorCode::KeyringTooNew,
            "the keyring was written by a newer version",
        ));
    }
    let aliases = copies.aliases();
    let newest = copies.readable().max_by_key(|keyring| keyring.generation());
    let (vault_id, generation, policy) = match newest {
        Some(Keyring::Creating(bare) | Keyring::Shredding(bare)) => {
            (bare.vault_id, bare.generation, bare.policy)
        }
        Some(Keyring::Active(active)) => (active.vault_id, active.generation, active.policy),
        // No alias is known, but the files can go.
        None => ([0; 16], 0, Policy::Device),
    };
    let shredding = Keyring::Shredding(Bare {
        vault_id,
        generation: generation.saturating_add(1),
        policy,
        aliases: aliases.clone(),
    });
    for index in [1, 0] {
        if !matches!(
            &copies.copies[index],
            KeyringCopy::Readable(Keyring::Shredding(bare)) if bare.aliases == aliases
        ) {
            keyring::write(io.directory, index, &shredding)?;
        }
        after(WipeStep::MarkedCopy)?;
    }
    Ok(aliases)
}

fn verify(io: &VaultIo<'_>, aliases: &[Alias]) -> Result<()> {
    let journals = JOURNALS.map(|suffix| files::with_suffix(io.database_file, suffix));
    let salvage = SALVAGE.map(|suffix| files::with_suffix(io.database_file, suffix));
    let left = journals
        .iter()
        .chain(&salvage)
        .map(std::path::PathBuf::as_path)
        .chain([
            io.database_file,
            &attachments_directory(io.directory),
            &damaged_directory(io.directory),
        ])
        .any(|path| !matches!(files::exists(path), Ok(false)));
    if left {
        return Err(Error::internal("a file was left by a wipe"));
    }
    for alias in aliases {
        match io.key_store.probe(alias) {
            // A secret that the system took away is as gone.
            Err(KeyStoreError::Absent | KeyStoreError::Invalidated) => {}
            // A store that said "not found" when it was told to delete: the next try goes on.
            Ok(_) => {
                return Err(Error::new(
                    ErrorCode::KeyTemporarilyUnavailable,
                    "the key store still has a secret that it was told to delete",
                ));
            }
            Err(_) => {
                return Err(Error::new(
                    ErrorCode::KeyTemporarilyUnavailable,
                    "the key store cannot say whether a secret is gone",
                ));
            }
        }
    }
    Ok(())
}
