//! Changing the root key. The keyring holds both keys, sealed to every slot, from before the database
//! is rekeyed until after: a kill anywhere leaves a vault that one of them opens. Never touches the
//! database; nobody's PIN is needed.
//!
//! ```text
//! begin_rekey    keyring: pending     both copies written before the database is touched
//! (the caller)   checkpoint, then rekey the database to keys.next_database
//! settle_rekey   keyring: active, with the key that the database has
//! ```

use super::decide::{CopyState, DatabaseState, KeyState, Observation, Plan, decide};
use super::hierarchy;
use super::io::{VaultIo, not_planned};
use super::keys::{VaultKeys, change, check_unchanged, write};
use crate::error::{Error, ErrorCode, Result};
use crate::secret::RootKey;

/// What became of the database when it was tried with the keys of a vault, or was rekeyed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DatabaseAnswer {
    /// It opens with `keys.database`.
    Opens,
    /// It opens with `keys.next_database`.
    OpensWithNext,
    /// It opens with neither.
    Refused,
}

/// Makes the next root key and puts it beside the present one. Afterwards `keys.next_database` is
/// what the database is to be rekeyed to. `busy` where a change is unfinished already.
pub fn begin_rekey(io: &VaultIo<'_>, keys: &mut VaultKeys) -> Result<()> {
    if keys.roots.next.is_some() {
        return Err(Error::new(
            ErrorCode::Busy,
            "the root key is being changed already",
        ));
    }
    let next = RootKey::make(io.entropy)?;
    let next_database = hierarchy::database_key(&next, &keys.vault_id)?;
    keys.roots.next = Some(next);
    let begun = match &keys.roots.next {
        Some(next) => {
            let next = RootKey::from_bytes(next.expose());
            change(io, keys, |active| {
                hierarchy::make_pending(active, &next, io.entropy)
            })
        }
        None => Err(not_planned()),
    };
    // The keyring decides: where one copy took the change, the vault is pending.
    if keys.active.pending.is_some() {
        keys.next_database = Some(next_database);
    } else {
        keys.roots.next = None;
    }
    begun
}

/// Ends a change of the root key, as row 13 says: finished where the database has the next key,
/// rolled back where it has the present one. `database_damaged` where it has neither; then nothing
/// is written. Harmless where no change is unfinished.
pub fn settle_rekey(io: &VaultIo<'_>, keys: &mut VaultKeys, answer: DatabaseAnswer) -> Result<()> {
    let decision = decide(&Observation {
        protected_data: Some(true),
        copies: [CopyState::PendingRekey; 2],
        database: match answer {
            DatabaseAnswer::Opens => DatabaseState::Opens,
            DatabaseAnswer::OpensWithNext => DatabaseState::OpensWithNext,
            DatabaseAnswer::Refused => DatabaseState::Refused,
        },
        other_data: false,
        key: KeyState::Proven {
            pending: keys.roots.next.is_some(),
        },
    });
    match decision.plan {
        Plan::Open => Ok(()),
        Plan::RollBackRekey => settle(io, keys, false),
        Plan::FinishRekey => settle(io, keys, true),
        Plan::Refuse(error) => Err(error),
        _ => Err(not_planned()),
    }
}

fn settle(io: &VaultIo<'_>, keys: &mut VaultKeys, finished: bool) -> Result<()> {
    let newest = check_unchanged(io.directory, keys)?;
    let mut active = keys.active.clone();
    let pending = active.pending.take().ok_or_else(not_planned)?;
    if finished {
        for (slot, sealed) in active.slots.iter_mut().zip(pending.sealed_roots) {
            slot.sealed_root = sealed;
        }
        active.rotation_due = false;
    }
    active.generation = newest
        .checked_add(1)
        .ok_or(Error::internal("the keyring cannot be changed any more"))?;
    // The keys follow the keyring only once it is written: until then both are needed.
    let next = match (&keys.roots.next, finished) {
        (Some(next), true) => RootKey::from_bytes(next.expose()),
        _ => RootKey::from_bytes(keys.roots.root.expose()),
    };
    let roots = hierarchy::Roots {
        root: next,
        next: None,
    };
    hierarchy::authenticate(&mut active, &roots)?;
    let database = hierarchy::database_key(&roots.root, &keys.vault_id)?;
    let written = write(io.directory, keys, active);
    if keys.active.pending.is_none() {
        keys.roots = roots;
        keys.database = database;
        keys.next_database = None;
    }
    written
}
