//! The ways to open a vault, and what a new one is made with, as plain types.

use amana_keystore::{Alias, Derived, KeyStoreError};

use super::pin::{PersonId, Pin, PinKdf};
use super::recovery::{RecoveryKey, RecoveryOpening};

/// How an opening gets at the root key.
#[derive(Debug)]
pub enum Way<'a> {
    /// Without a person. For vaults of policy `device`.
    Device,
    /// With a staff member's PIN.
    Pin {
        /// Whose.
        person: &'a PersonId,
        /// What they typed.
        pin: &'a Pin,
        /// What wrong PINs lead to.
        rules: PinRules,
    },
    /// With the platform's answer about a person's presence.
    Presence(&'a PresenceAnswer),
    /// With the organisation's answer to a recovery request.
    Recovery(&'a RecoveryOpening),
}

/// What wrong PINs lead to beside delays.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct PinRules {
    /// So many wrong PINs in a row destroy that slot. Off where there is no number.
    pub drop_after: Option<u32>,
}

/// What the platform is asked when a person's presence opens a slot: to prompt, and to derive from
/// this alias and this input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PresenceRequest {
    /// Names the slot; goes into the answer.
    pub slot: [u8; 16],
    /// The device secret.
    pub alias: Alias,
    /// What it is asked to derive from.
    pub input: [u8; 32],
}

/// What the platform answered.
#[derive(Debug)]
pub struct PresenceAnswer {
    /// The slot of the request.
    pub slot: [u8; 16],
    /// The derived bytes, or why there are none.
    pub outcome: Result<Derived, KeyStoreError>,
}

/// What a new vault is made with.
#[derive(Debug)]
pub struct NewVault<'a> {
    /// Who may open it; for good.
    pub policy: NewPolicy<'a>,
    /// The organisation's key, pinned for good.
    pub recovery: Option<RecoveryKey>,
}

/// A new vault's policy, with its first slot.
#[derive(Debug)]
pub enum NewPolicy<'a> {
    /// Opens without a person.
    Device,
    /// Opens for persons alone; this is the first.
    Person {
        /// The first person.
        person: &'a PersonId,
        /// Their PIN.
        pin: &'a Pin,
        /// How PINs are stretched on this device.
        kdf: PinKdf,
    },
}

impl NewVault<'_> {
    /// A vault that opens without a person, without a recovery key.
    pub const DEVICE: NewVault<'static> = NewVault {
        policy: NewPolicy::Device,
        recovery: None,
    };
}
