//! What to do at opening, decided purely: an observation in, a plan out. Touches nothing.
//!
//! The rows are evaluated from the top; the first that fits decides. Rows that later forms add
//! (3: an interrupted wipe, 9: other slots, 11: PINs, 13: an interrupted change of the root key)
//! have their places marked. The one rule above all: a key is made only where no file of the vault
//! exists, and nothing is ever deleted because it could not be read.

use std::time::Duration;

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
    Shredding,
}

/// The database's file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DatabaseState {
    Missing,
    Empty,
    Present,
    /// Opened with the proven key, and refused by SQLite.
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
    Denied,
    Invalidated,
    /// No such alias, at this many looks.
    Absent {
        looks: u32,
    },
    /// The key store answered, but the keyring does not open with it.
    DoesNotOpen {
        other_copy: bool,
    },
    /// Sealed parts, key-check value and MAC agree.
    Proven,
}

/// What to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Plan {
    /// Give up with this; nothing is written.
    Refuse(Error),
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
    /// The key is right, the database is there.
    Open,
}

/// How long a key store that cannot answer is asked again, and how often.
const TRANSIENT_LIMIT: Duration = Duration::from_secs(2);
const TRANSIENT_PAUSE: Duration = Duration::from_millis(250);
/// "Absent" is no proof right after a reboot: two looks, this far apart.
const ABSENT_LOOKS: u32 = 2;
const ABSENT_PAUSE: Duration = Duration::from_secs(1);

/// The decision.
pub(super) fn decide(observed: &Observation) -> Plan {
    let any = |state| observed.copies.contains(&state);
    let files = observed.database != DatabaseState::Missing || observed.other_data;

    // Row 1. A look that was denied makes every other look worthless.
    if observed.protected_data != Some(true) {
        return refuse(
            ErrorCode::KeyTemporarilyUnavailable,
            "the vault's files are not accessible now",
        );
    }
    // Row 2.
    if any(CopyState::TooNew) {
        return refuse(
            ErrorCode::KeyringTooNew,
            "the keyring was written by a newer version",
        );
    }
    if any(CopyState::Provisional) {
        return refuse(
            ErrorCode::Unsupported,
            "the keyring is of the provisional format that no version promised to open",
        );
    }
    // Row 3: nothing wipes yet, so nothing is resumed; it must not open either.
    if any(CopyState::Shredding) {
        return refuse(ErrorCode::NotFound, "the vault was wiped");
    }
    // Row 4.
    if observed.copies == [CopyState::Missing; 2] && !files {
        return Plan::FirstRun;
    }
    if !any(CopyState::Active) {
        // Row 5. A copy that cannot be read may have been active: then data may exist.
        if any(CopyState::Creating) && !any(CopyState::Unreadable) {
            return Plan::DiscardInterrupted;
        }
        // Row 6, and unreadable copies without files: whatever they were, they are not "nothing".
        return refuse(
            ErrorCode::KeyringDamaged,
            "the keyring is missing or cannot be read",
        );
    }
    // Rows 7 to 12.
    if let Some(plan) = after_answer(observed.key) {
        return plan;
    }
    // Row 13: an interrupted change of the root key is finished or rolled back here.
    match observed.database {
        // Row 14. Never opened as an empty one.
        DatabaseState::Missing | DatabaseState::Empty => refuse(
            ErrorCode::DatabaseDamaged,
            "the key is right, but the database is missing",
        ),
        // Row 15.
        DatabaseState::Refused => refuse(
            ErrorCode::DatabaseDamaged,
            "the key is right, but the database cannot be read",
        ),
        // Row 16.
        DatabaseState::Present => Plan::Open,
    }
}

/// Rows 7 to 12: what an answer of the key store leads to; `None` once the key is proven.
pub(super) fn after_answer(key: KeyState) -> Option<Plan> {
    Some(match key {
        KeyState::NotAsked => Plan::AskKey,
        // Row 7.
        KeyState::Transient { waited } if waited < TRANSIENT_LIMIT => {
            Plan::AskAgainAfter(TRANSIENT_PAUSE)
        }
        KeyState::Transient { .. } => refuse(
            ErrorCode::KeyTemporarilyUnavailable,
            "the key store cannot answer now",
        ),
        // Row 8.
        KeyState::Denied => refuse(
            ErrorCode::PresenceRequired,
            "the key store asked for the person and got no confirmation",
        ),
        // Row 9: other slots are tried here; with one slot it is row 10.
        KeyState::Invalidated => refuse(
            ErrorCode::KeyLost,
            "the system has invalidated the device secret",
        ),
        // Row 10: other slots and recovery are tried here.
        KeyState::Absent { looks } if looks < ABSENT_LOOKS => Plan::AskAgainAfter(ABSENT_PAUSE),
        KeyState::Absent { .. } => refuse(ErrorCode::KeyLost, "the device secret is gone"),
        // Row 11: a PIN slot that does not open is decided here.
        // Row 12.
        KeyState::DoesNotOpen { other_copy: true } => Plan::TryOtherCopy,
        KeyState::DoesNotOpen { other_copy: false } => refuse(
            ErrorCode::KeyMismatch,
            "the device secret does not open this keyring",
        ),
        KeyState::Proven => return None,
    })
}

const fn refuse(code: ErrorCode, detail: &'static str) -> Plan {
    Plan::Refuse(Error::new(code, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COPIES: [CopyState; 5] = [
        CopyState::Missing,
        CopyState::Unreadable,
        CopyState::TooNew,
        CopyState::Creating,
        CopyState::Active,
    ];
    const DATABASES: [DatabaseState; 4] = [
        DatabaseState::Missing,
        DatabaseState::Empty,
        DatabaseState::Present,
        DatabaseState::Refused,
    ];
    const KEYS: [KeyState; 12] = [
        KeyState::NotAsked,
        KeyState::Transient {
            waited: Duration::ZERO,
        },
        KeyState::Transient {
            waited: Duration::from_millis(1999),
        },
        KeyState::Transient {
            waited: TRANSIENT_LIMIT,
        },
        KeyState::Denied,
        KeyState::Invalidated,
        KeyState::Absent { looks: 1 },
        KeyState::Absent { looks: 2 },
        KeyState::Absent { looks: 3 },
        KeyState::DoesNotOpen { other_copy: true },
        KeyState::DoesNotOpen { other_copy: false },
        KeyState::Proven,
    ];

    fn every_observation() -> Vec<Observation> {
        let mut all = Vec::new();
        for protected_data in [None, Some(false), Some(true)] {
            for a in COPIES {
                for b in COPIES {
                    for database in DATABASES {
                        for other_data in [false, true] {
                            for key in KEYS {
                                all.push(Observation {
                                    protected_data,
                                    copies: [a, b],
                                    database,
                                    other_data,
                                    key,
                                });
                            }
                        }
                    }
                }
            }
        }
        all
    }

    fn files(observed: &Observation) -> bool {
        observed.database != DatabaseState::Missing || observed.other_data
    }

    fn code(plan: &Plan) -> Option<ErrorCode> {
        match plan {
            Plan::Refuse(error) => Some(error.code()),
            _ => None,
        }
    }

    #[test]
    fn a_key_is_never_made_where_anything_exists() {
        let all = every_observation();
        assert_eq!(all.len(), 3 * 25 * 4 * 2 * 12);
        for observed in all {
            let plan = decide(&observed);
            let nothing = observed.copies == [CopyState::Missing; 2] && !files(&observed);
            if plan == Plan::FirstRun {
                assert!(
                    nothing && observed.protected_data == Some(true),
                    "{observed:?}"
                );
            }
        }
    }

    #[test]
    fn nothing_is_discarded_unless_every_copy_that_exists_says_creating() {
        for observed in every_observation() {
            if decide(&observed) == Plan::DiscardInterrupted {
                assert!(
                    observed.copies.contains(&CopyState::Creating),
                    "{observed:?}"
                );
                assert!(
                    observed
                        .copies
                        .iter()
                        .all(|copy| matches!(copy, CopyState::Creating | CopyState::Missing)),
                    "{observed:?}"
                );
            }
        }
    }

    #[test]
    fn it_opens_with_a_proven_key_and_a_present_database_only() {
        for observed in every_observation() {
            if decide(&observed) == Plan::Open {
                assert_eq!(observed.protected_data, Some(true));
                assert!(observed.copies.contains(&CopyState::Active));
                assert_eq!(observed.key, KeyState::Proven);
                assert_eq!(observed.database, DatabaseState::Present);
            }
        }
    }

    /// The table again, written as its own conditions instead of an order of returns.
    #[test]
    fn every_combination_falls_into_the_row_of_the_table() {
        for observed in every_observation() {
            let plan = decide(&observed);
            let has = |state| observed.copies.contains(&state);
            let expected = if observed.protected_data != Some(true) {
                Some(ErrorCode::KeyTemporarilyUnavailable)
            } else if has(CopyState::TooNew) {
                Some(ErrorCode::KeyringTooNew)
            } else if has(CopyState::Active) {
                match observed.key {
                    KeyState::Transient { waited } if waited >= Duration::from_secs(2) => {
                        Some(ErrorCode::KeyTemporarilyUnavailable)
                    }
                    KeyState::Denied => Some(ErrorCode::PresenceRequired),
                    KeyState::Invalidated => Some(ErrorCode::KeyLost),
                    KeyState::Absent { looks } if looks >= 2 => Some(ErrorCode::KeyLost),
                    KeyState::DoesNotOpen { other_copy: false } => Some(ErrorCode::KeyMismatch),
                    KeyState::Proven if observed.database != DatabaseState::Present => {
                        Some(ErrorCode::DatabaseDamaged)
                    }
                    _ => None,
                }
            } else if has(CopyState::Unreadable)
                || (observed.copies == [CopyState::Missing; 2] && files(&observed))
            {
                Some(ErrorCode::KeyringDamaged)
            } else {
                None
            };
            assert_eq!(code(&plan), expected, "{observed:?}");
        }
    }
}
