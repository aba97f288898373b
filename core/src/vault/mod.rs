//! The vault's keys: keyring file, key slots, the decision at opening, the directory's lock.
//!
//! Owns what stands between a device secret and the database key. Must not open the database, know
//! SQL, a network or a person's session; must never make a key where data may exist.

mod attempt_copy;
mod attempts;
mod decide;
mod describe;
mod directory;
mod disk;
mod files;
mod first_run;
mod format;
mod glance;
#[cfg(test)]
mod golden;
mod guess;
mod hierarchy;
mod io;
mod keyring;
mod keys;
mod look;
mod open;
mod pin;
mod quarantine;
mod recovery;
mod report;
mod rotation;
mod sealing;
mod slots;
mod status;
#[cfg(feature = "test-support")]
mod test_secrets;
#[cfg(test)]
mod tests;
mod ways;
mod wipe;

pub use describe::{Description, describe};
pub use directory::{
    DirectoryLock, KEYRING_COPIES, VaultDirectory, attachments_directory, damaged_directory,
    database_path, spool_directory,
};
#[cfg(any(test, feature = "test-support"))]
pub use disk::DiskStep;
pub use first_run::finish_creation;
#[cfg(any(test, feature = "test-support"))]
pub use format::check_keyring_decoder;
pub use glance::{Glance, PinStanding, Presence, glance, pin_standing};
pub use io::VaultIo;
pub use keyring::Policy;
pub use keys::VaultKeys;
pub use open::{Opened, database_unreadable, open, out_of_reach};
pub use pin::{PersonId, Pin, PinKdf};
pub use quarantine::{LossAcknowledged, Quarantined, list_quarantined, quarantine};
pub use recovery::{
    RecoveryKey, RecoveryOpening, answer_request, fingerprint, make_organisation_key, make_request,
    open_answer,
};
pub use report::{
    DamageReport, KeyLostReason, KeyLostReport, OpenResult, Refusal, RefusalReport, Remedy,
    WrongPinReport,
};
pub use rotation::{DatabaseAnswer, begin_rekey, settle_rekey};
pub use slots::{
    PresenceDraft, SlotInfo, SlotInfoKind, add_pin, begin_add_presence, begin_presence, change_pin,
    finish_add_presence, list_slots, note_unsynced, remove_pin, remove_slot, replace_device_slot,
    reset_pin, tidy, unsynced_hint,
};
#[cfg(feature = "test-support")]
pub use test_secrets::{NamedSecret, secrets_of_person};
pub use ways::{NewPolicy, NewVault, PinRules, PresenceAnswer, PresenceRequest, Way};
pub use wipe::wipe;
