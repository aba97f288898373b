//! What to do at opening, decided purely: an observation in, a row of the table and its plan out.
//! Touches nothing.
//!
//! The rows are evaluated from the top; the first that fits decides. The one rule above all: a key
//! is made only where no file of the vault exists, and nothing is ever deleted because it could not
//! be read.

use std::time::Duration;

use super::report::KeyLostReason;
use crate::error::{Error, ErrorCode};

/// All that the decision looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Observation {
    /// Whether the operating system gives access to protected files; `None` if it is not known.
    pub protected_data: Option<bool>,
    pub copies: [CopyState; 2],
    pub database: DatabaseState,
    /// Files that hold data beside the database: its journals, attachments.
    pub other_data: bool,
    pub key: KeyState,
}

/// One copy of the keyring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CopyState {
    Missing,
    Unreadable,
    TooNew,
    Provisional,
    Creating,
    Active,
    PendingRekey,
    Shredding,
}

/// The database's file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DatabaseState {
    Missing,
    Empty,
    /// Not tried yet.
    Present,
    /// Tried with the present root key's database key, and opened.
    Opens,
    /// Tried with the next root key's database key, and opened.
    OpensWithNext,
    /// Tried with every proven key, and refused by SQLite.
    Refused,
}

/// How far the key has been asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum KeyState {
    NotAsked,
    /// The key store cannot answer, after this much waiting.
    Transient {
        waited: Duration,
    },
    /// Cancelled by the person, or a finger that is not theirs.
    Denied,
    /// Only a person can open this vault, and none is there.
    NobodyThere,
    /// `others`: whether a slot is left that a person on this device could open.
    Invalidated {
        others: bool,
    },
    /// No such alias, at this many looks.
    Absent {
        looks: u32,
        others: bool,
    },
    /// The person has no slot in this vault.
    NoSlot,
    PinDelayed {
        left_ms: u64,
    },
    WrongPin {
        other_copy: bool,
    },
    /// The key store answered, but the keyring does not open with it.
    DoesNotOpen {
        other_copy: bool,
    },
    /// Sealed parts, key-check value and MAC agree; `pending`: the keyring has two root keys.
    Proven {
        pending: bool,
    },
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Plan {
    /// Give up with this; nothing is written.
    Refuse(Error),
    /// No slot opens; nothing is deleted. The reason goes into the report.
    Lost(KeyLostReason),
    /// Note that this slot is of no use any more, then the plan inside.
    DropSlot(Box<Plan>),
    /// Go on with an interrupted wipe.
    ResumeWipe,
    /// Make keys: there is nothing here.
    FirstRun,
    /// Delete what an interrupted first run left, then look again.
    DiscardInterrupted,
    /// Ask the key store.
    AskKey,
    /// Wait, then ask the key store again.
    AskAgainAfter(Duration),
    /// Try the other copy of the keyring.
    TryOtherCopy,
    /// Try the database with the present key, then with the next.
    TryBothKeys,
    /// The database has the next key: make it the present one.
    FinishRekey,
    /// The database still has the present key: forget the next.
    RollBackRekey,
    /// The key is right, the database is there.
    Open,
}

/// A row of the table, and what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Decision {
    pub row: u8,
    pub plan: Plan,
}

/// How long a key store that cannot answer is asked again, and how often.
pub(super) const TRANSIENT_LIMIT: Duration = Duration::from_secs(2);
const TRANSIENT_PAUSE: Duration = Duration::from_millis(250);
/// "Absent" is no proof right after a reboot: two looks, this far apart.
const ABSENT_LOOKS: u32 = 2;
const ABSENT_PAUSE: Duration = Duration::from_secs(1);

/// The decision.
pub(super) fn decide(observed: &Observation) -> Decision {
    let any = |states: &[CopyState]| observed.copies.iter().any(|copy| states.contains(copy));
    let files = observed.database != DatabaseState::Missing || observed.other_data;

    // A look that was denied makes every other look worthless.
    if observed.protected_data != Some(true) {
        return refuse(
            1,
            ErrorCode::KeyTemporarilyUnavailable,
            "the vault's files are not accessible now",
        );
    }
    if any(&[CopyState::TooNew]) {
        return refuse(
            2,
            ErrorCode::KeyringTooNew,
            "the keyring was written by a newer version",
        );
    }
    // Another version that is not ours: as little is written.
    if any(&[CopyState::Provisional]) {
        return refuse(
            2,
            ErrorCode::Unsupported,
            "the keyring is of the provisional format, which is not read any more",
        );
    }
    if any(&[CopyState::Shredding]) {
        return plan(3, Plan::ResumeWipe);
    }
    if observed.copies == [CopyState::Missing; 2] && !files {
        return plan(4, Plan::FirstRun);
    }
    if !any(&[CopyState::Active, CopyState::PendingRekey]) {
        // A copy that cannot be read may have been active: then data may exist.
        if any(&[CopyState::Creating]) && !any(&[CopyState::Unreadable]) {
            return plan(5, Plan::DiscardInterrupted);
        }
        // Also unreadable copies without files: whatever they were, they are not "nothing".
        return refuse(
            6,
            ErrorCode::KeyringDamaged,
            "the keyring is missing or cannot be read",
        );
    }
    if let Some(decision) = after_answer(observed.key) {
        return decision;
    }
    let pending = observed.key == KeyState::Proven { pending: true };
    match observed.database {
        DatabaseState::Present if pending => plan(13, Plan::TryBothKeys),
        DatabaseState::Opens if pending => plan(13, Plan::RollBackRekey),
        DatabaseState::OpensWithNext if pending => plan(13, Plan::FinishRekey),
        // Never opened as an empty one.
        DatabaseState::Missing | DatabaseState::Empty => refuse(
            14,
            ErrorCode::DatabaseDamaged,
            "the key is right, but the database is missing",
        ),
        DatabaseState::Refused => refuse(
            15,
            ErrorCode::DatabaseDamaged,
            "the key is right, but the database cannot be read",
        ),
        DatabaseState::Present | DatabaseState::Opens | DatabaseState::OpensWithNext => {
            plan(16, Plan::Open)
        }
    }
}

/// Rows 7 to 12: what an answer of the key store leads to; `None` once the key is proven.
pub(super) fn after_answer(key: KeyState) -> Option<Decision> {
    Some(match key {
        KeyState::NotAsked => plan(7, Plan::AskKey),
        KeyState::Transient { waited } if waited < TRANSIENT_LIMIT => {
            plan(7, Plan::AskAgainAfter(TRANSIENT_PAUSE))
        }
        KeyState::Transient { .. } => refuse(
            7,
            ErrorCode::KeyTemporarilyUnavailable,
            "the key store cannot answer now",
        ),
        KeyState::Denied => refuse(
            8,
            ErrorCode::PresenceRequired,
            "the key store asked for the person and got no confirmation",
        ),
        KeyState::NobodyThere => refuse(
            8,
            ErrorCode::PresenceRequired,
            "this vault opens for a person alone",
        ),
        // With no other slot left nothing is dropped: as row 10.
        KeyState::Invalidated { others: false } => plan(9, Plan::Lost(KeyLostReason::Invalidated)),
        KeyState::Invalidated { others: true } => plan(
            9,
            Plan::DropSlot(Box::new(other_way(true, KeyLostReason::Invalidated))),
        ),
        KeyState::Absent { looks, .. } if looks < ABSENT_LOOKS => {
            plan(10, Plan::AskAgainAfter(ABSENT_PAUSE))
        }
        KeyState::Absent { others, .. } => plan(10, other_way(others, KeyLostReason::Absent)),
        KeyState::NoSlot => refuse(
            11,
            ErrorCode::NotFound,
            "there is no such slot in this vault",
        ),
        KeyState::PinDelayed { left_ms } => Decision {
            row: 11,
            plan: Plan::Refuse(
                Error::new(
                    ErrorCode::PinDelayed,
                    "too many wrong PINs: the next may be tried later",
                )
                .retry_after_ms(left_ms),
            ),
        },
        KeyState::WrongPin { other_copy: true } => plan(11, Plan::TryOtherCopy),
        KeyState::WrongPin { other_copy: false } => {
            refuse(11, ErrorCode::WrongPin, "the PIN is wrong")
        }
        KeyState::DoesNotOpen { other_copy: true } => plan(12, Plan::TryOtherCopy),
        KeyState::DoesNotOpen { other_copy: false } => refuse(
            12,
            ErrorCode::KeyMismatch,
            "the key does not open this keyring",
        ),
        KeyState::Proven { .. } => return None,
    })
}

/// Other slots on this device need their person: the app must ask for another way.
const fn other_way(others: bool, reason: KeyLostReason) -> Plan {
    if others {
        Plan::Refuse(Error::new(
            ErrorCode::PresenceRequired,
            "this slot cannot open any more: another way is left",
        ))
    } else {
        Plan::Lost(reason)
    }
}

const fn plan(row: u8, plan: Plan) -> Decision {
    Decision { row, plan }
}

const fn refuse(row: u8, code: ErrorCode, detail: &'static str) -> Decision {
    plan(row, Plan::Refuse(Error::new(code, detail)))
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
