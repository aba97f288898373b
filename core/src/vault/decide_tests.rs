//! Every combination of observations against the table, written a second time: as conditions of
//! their own, none of which relies on the order of another.

use super::*;
use CopyState as C;
use DatabaseState as D;
use KeyState as K;

const COPIES: [C; 8] = [
    C::Missing,
    C::Unreadable,
    C::TooNew,
    C::Provisional,
    C::Creating,
    C::Active,
    C::PendingRekey,
    C::Shredding,
];
const DATABASES: [D; 6] = [
    D::Missing,
    D::Empty,
    D::Present,
    D::Opens,
    D::OpensWithNext,
    D::Refused,
];

fn keys() -> Vec<K> {
    let mut all = vec![
        K::NotAsked,
        K::Denied,
        K::NobodyThere,
        K::NoSlot,
        K::PinDelayed { left_ms: 1 },
        K::PinDelayed { left_ms: 3_600_000 },
    ];
    all.extend([0, 1, 1999, 2000, 60_000].map(|ms| K::Transient {
        waited: Duration::from_millis(ms),
    }));
    for flag in [false, true] {
        all.extend((0..4).map(|looks| K::Absent {
            looks,
            others: flag,
        }));
        all.push(K::Invalidated { others: flag });
        all.push(K::WrongPin { other_copy: flag });
        all.push(K::DoesNotOpen { other_copy: flag });
        all.push(K::Proven { pending: flag });
    }
    all
}

fn every_observation() -> Vec<Observation> {
    let mut all = Vec::new();
    for protected_data in [None, Some(false), Some(true)] {
        for a in COPIES {
            for b in COPIES {
                for database in DATABASES {
                    for other_data in [false, true] {
                        for key in keys() {
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

fn has(o: &Observation, state: C) -> bool {
    o.copies[0] == state || o.copies[1] == state
}

fn alive(o: &Observation) -> bool {
    has(o, C::Active) || has(o, C::PendingRekey)
}

fn files(o: &Observation) -> bool {
    o.database != D::Missing || o.other_data
}

fn proven(o: &Observation) -> bool {
    alive(o) && matches!(o.key, K::Proven { .. })
}

/// A line of the table: its row, what is observed, and what the plan must be.
type Row = (
    u8,
    fn(&Observation) -> bool,
    fn(&Observation, &Plan) -> bool,
);

fn is_code(plan: &Plan, code: ErrorCode) -> bool {
    matches!(plan, Plan::Refuse(error) if error.code() == code)
}

/// The table, line by line, in its order.
const TABLE: &[Row] = &[
    (
        1,
        |o| o.protected_data != Some(true),
        |_, plan| is_code(plan, ErrorCode::KeyTemporarilyUnavailable),
    ),
    (
        2,
        |o| has(o, C::TooNew),
        |_, plan| is_code(plan, ErrorCode::KeyringTooNew),
    ),
    (
        2,
        |o| has(o, C::Provisional),
        |_, plan| is_code(plan, ErrorCode::Unsupported),
    ),
    (
        3,
        |o| has(o, C::Shredding),
        |_, plan| *plan == Plan::ResumeWipe,
    ),
    (
        4,
        |o| o.copies == [C::Missing, C::Missing] && !files(o),
        |_, plan| *plan == Plan::FirstRun,
    ),
    (
        5,
        |o| has(o, C::Creating) && !alive(o) && !has(o, C::Unreadable),
        |_, plan| *plan == Plan::DiscardInterrupted,
    ),
    (
        6,
        |o| !alive(o) && (has(o, C::Unreadable) || (o.copies == [C::Missing; 2] && files(o))),
        |_, plan| is_code(plan, ErrorCode::KeyringDamaged),
    ),
    (7, |o| o.key == K::NotAsked, |_, plan| *plan == Plan::AskKey),
    (
        7,
        |o| matches!(o.key, K::Transient { .. }),
        |o, plan| match o.key {
            K::Transient { waited } if waited.as_millis() < 2000 => {
                matches!(plan, Plan::AskAgainAfter(_))
            }
            _ => is_code(plan, ErrorCode::KeyTemporarilyUnavailable),
        },
    ),
    (
        8,
        |o| matches!(o.key, K::Denied | K::NobodyThere),
        |_, plan| is_code(plan, ErrorCode::PresenceRequired),
    ),
    (
        9,
        |o| matches!(o.key, K::Invalidated { .. }),
        |o, plan| match (o.key, plan) {
            (K::Invalidated { others: true }, Plan::DropSlot(then)) => {
                is_code(then, ErrorCode::PresenceRequired)
            }
            (K::Invalidated { others: false }, plan) => {
                *plan == Plan::Lost(KeyLostReason::Invalidated)
            }
            _ => false,
        },
    ),
    (
        10,
        |o| matches!(o.key, K::Absent { .. }),
        |o, plan| match o.key {
            K::Absent { looks: 0 | 1, .. } => *plan == Plan::AskAgainAfter(Duration::from_secs(1)),
            K::Absent { others: true, .. } => is_code(plan, ErrorCode::PresenceRequired),
            _ => *plan == Plan::Lost(KeyLostReason::Absent),
        },
    ),
    (
        11,
        |o| matches!(o.key, K::PinDelayed { .. } | K::WrongPin { .. } | K::NoSlot),
        |o, plan| match (o.key, plan) {
            (K::PinDelayed { left_ms }, Plan::Refuse(error)) => {
                error.code() == ErrorCode::PinDelayed && error.retry_after() == Some(left_ms)
            }
            (K::WrongPin { other_copy: true }, plan) => *plan == Plan::TryOtherCopy,
            (K::WrongPin { .. }, plan) => is_code(plan, ErrorCode::WrongPin),
            (_, plan) => is_code(plan, ErrorCode::NotFound),
        },
    ),
    (
        12,
        |o| matches!(o.key, K::DoesNotOpen { .. }),
        |o, plan| match o.key {
            K::DoesNotOpen { other_copy: true } => *plan == Plan::TryOtherCopy,
            _ => is_code(plan, ErrorCode::KeyMismatch),
        },
    ),
    (
        13,
        |o| {
            o.key == K::Proven { pending: true }
                && matches!(o.database, D::Present | D::Opens | D::OpensWithNext)
        },
        |o, plan| match o.database {
            D::Opens => *plan == Plan::RollBackRekey,
            D::OpensWithNext => *plan == Plan::FinishRekey,
            _ => *plan == Plan::TryBothKeys,
        },
    ),
    (
        14,
        |o| proven(o) && matches!(o.database, D::Missing | D::Empty),
        |_, plan| is_code(plan, ErrorCode::DatabaseDamaged),
    ),
    (
        15,
        |o| proven(o) && o.database == D::Refused,
        |_, plan| is_code(plan, ErrorCode::DatabaseDamaged),
    ),
    (
        16,
        |o| proven(o) && matches!(o.database, D::Present | D::Opens | D::OpensWithNext),
        |_, plan| *plan == Plan::Open,
    ),
];

#[test]
fn every_combination_takes_the_first_row_that_fits() {
    let all = every_observation();
    assert_eq!(all.len(), 3 * 64 * 6 * 2 * keys().len());
    let mut taken = std::collections::BTreeSet::new();
    for observed in all {
        let (row, _, holds) = TABLE
            .iter()
            .find(|(_, fits, _)| fits(&observed))
            .unwrap_or_else(|| panic!("no row for {observed:?}"));
        let decision = decide(&observed);
        assert_eq!(decision.row, *row, "{observed:?}");
        assert!(
            holds(&observed, &decision.plan),
            "{observed:?}: {decision:?}"
        );
        taken.insert(decision.row);
    }
    assert!(taken.into_iter().eq(1..=16));
}

/// A variant that is new does not compile here until it has a place, and is then missed by the test
/// below until it is enumerated.
const fn place_of_copy(copy: C) -> usize {
    match copy {
        C::Missing => 0,
        C::Unreadable => 1,
        C::TooNew => 2,
        C::Provisional => 3,
        C::Creating => 4,
        C::Active => 5,
        C::PendingRekey => 6,
        C::Shredding => 7,
    }
}

const fn place_of_database(database: D) -> usize {
    match database {
        D::Missing => 0,
        D::Empty => 1,
        D::Present => 2,
        D::Opens => 3,
        D::OpensWithNext => 4,
        D::Refused => 5,
    }
}

const fn place_of_key(key: K) -> usize {
    match key {
        K::NotAsked => 0,
        K::Denied => 1,
        K::NobodyThere => 2,
        K::NoSlot => 3,
        K::PinDelayed { .. } => 4,
        K::Transient { .. } => 5,
        K::Absent { .. } => 6,
        K::Invalidated { .. } => 7,
        K::WrongPin { .. } => 8,
        K::DoesNotOpen { .. } => 9,
        K::Proven { .. } => 10,
    }
}

#[test]
fn no_variant_is_missing_from_the_enumeration() {
    assert!(COPIES.map(place_of_copy).into_iter().eq(0..8));
    assert!(DATABASES.map(place_of_database).into_iter().eq(0..6));
    let mut keys: Vec<usize> = keys().into_iter().map(place_of_key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert!(keys.into_iter().eq(0..11));
}

#[test]
fn with_data_present_no_row_leads_to_a_key_that_is_made() {
    for observed in every_observation() {
        // A copy that is, or may have been, of a vault in use; or data that no copy explains.
        let in_use = alive(&observed)
            || has(&observed, C::Unreadable)
            || has(&observed, C::TooNew)
            || has(&observed, C::Provisional)
            || has(&observed, C::Shredding)
            || (files(&observed) && !has(&observed, C::Creating));
        let plan = decide(&observed).plan;
        if in_use {
            // A discarded first run is looked at anew, and found to be nothing.
            assert!(!matches!(plan, Plan::FirstRun | Plan::DiscardInterrupted));
        }
    }
}

#[test]
fn a_key_is_never_made_where_anything_exists() {
    for observed in every_observation() {
        if decide(&observed).plan == Plan::FirstRun {
            assert_eq!(observed.copies, [C::Missing; 2]);
            assert_eq!(observed.database, D::Missing);
            assert!(!observed.other_data && observed.protected_data == Some(true));
        }
    }
}

#[test]
fn nothing_is_discarded_unless_every_copy_that_exists_says_creating() {
    for observed in every_observation() {
        if decide(&observed).plan == Plan::DiscardInterrupted {
            let fine = |copy| matches!(copy, C::Creating | C::Missing);
            assert!(observed.copies.into_iter().all(fine), "{observed:?}");
            assert!(has(&observed, C::Creating));
        }
    }
}

#[test]
fn it_opens_with_a_proven_key_and_a_database_that_was_not_refused_only() {
    for observed in every_observation() {
        let plan = decide(&observed).plan;
        if matches!(
            plan,
            Plan::Open | Plan::TryBothKeys | Plan::FinishRekey | Plan::RollBackRekey
        ) {
            assert_eq!(observed.protected_data, Some(true));
            assert!(proven(&observed) && !has(&observed, C::Shredding));
            assert!(!matches!(
                observed.database,
                D::Missing | D::Empty | D::Refused
            ));
        }
    }
}

#[test]
fn a_pin_slot_is_never_a_mismatch_and_only_a_shredding_keyring_is_wiped() {
    for observed in every_observation() {
        let plan = decide(&observed).plan;
        if matches!(observed.key, K::WrongPin { .. } | K::PinDelayed { .. }) {
            assert!(!is_code(&plan, ErrorCode::KeyMismatch));
        }
        assert_eq!(
            plan == Plan::ResumeWipe,
            observed.protected_data == Some(true)
                && has(&observed, C::Shredding)
                && !has(&observed, C::TooNew)
                && !has(&observed, C::Provisional)
        );
    }
}
