//! What may happen in a life, and how often.

use amana_core::test_support::life_values::{IN_EVERY_LIFE, TABLES};
use proptest::prelude::*;

/// More than the engine tries by itself.
pub const EVERY_TRY: u32 = 10;

#[derive(Clone, Copy, Debug)]
pub enum Fault {
    None,
    /// Pull replies break off behind so many bytes.
    CutPull(u64),
    /// The line breaks behind so many bytes of the push on their way up, in the head or the body of the
    /// request, or behind its end; and stays broken.
    CutRequest(u64),
    /// Pushes are taken, and their replies break off behind so many bytes.
    CutPush(u64),
    /// Pushes are taken, and answered with an error.
    LostReply(u32),
    /// Errors of the server itself, for so many requests.
    PullFails(u32),
    PushFails(u32),
    /// The push is taken up to this row.
    FailsAtRow(usize),
    /// A hub says so of itself that it is locked.
    DatabaseDown,
    /// The hub ends when the push begins, and comes back elsewhere, with what it had stored and
    /// without its sessions.
    HubDies,
    /// The hub ends between its write and its reply.
    HubDiesSilently,
    /// The hub forgets its sessions, as a restart does.
    HubForgets,
}

#[derive(Clone, Debug)]
pub enum Step {
    Make {
        tablet: usize,
        table: usize,
        parent: usize,
    },
    Edit {
        tablet: usize,
        table: usize,
        record: usize,
        column: usize,
        to_null: bool,
    },
    Remove {
        tablet: usize,
        table: usize,
        record: usize,
    },
    Sync {
        tablet: usize,
        hub: bool,
        full: bool,
        fault: Fault,
    },
    /// The hub meets the cloud.
    Meeting,
    Restart {
        tablet: usize,
    },
    Clock {
        tablet: usize,
        minutes: i64,
    },
    Pass {
        minutes: u32,
    },
}

/// The tables of a life: patients, visits and three others.
pub fn a_cast() -> impl Strategy<Value = Vec<usize>> {
    let others: Vec<usize> = (IN_EVERY_LIFE..TABLES.len()).collect();
    prop::sample::subsequence(others, 3)
        .prop_map(|others| (0..IN_EVERY_LIFE).chain(others).collect())
}

/// Without a hub its meetings are nothing, and its faults none or the cloud's.
pub fn a_step(tablets: usize, with_hub: bool) -> impl Strategy<Value = Step> {
    let hub = if with_hub { 0.5 } else { 0.0 };
    prop_oneof![
        4 => (0..tablets, 0usize..5, 0usize..4)
            .prop_map(|(tablet, table, parent)| Step::Make { tablet, table, parent }),
        6 => (0..tablets, 0usize..5, 0usize..4, 0usize..6, prop::bool::weighted(0.15)).prop_map(
            |(tablet, table, record, column, to_null)| Step::Edit {
                tablet, table, record, column, to_null
            }
        ),
        1 => (0..tablets, 0usize..5, 0usize..4)
            .prop_map(|(tablet, table, record)| Step::Remove { tablet, table, record }),
        8 => (0..tablets, prop::bool::weighted(hub), prop::bool::weighted(0.2), a_fault())
            .prop_map(|(tablet, hub, full, fault)| Step::Sync { tablet, hub, full, fault }),
        1 => Just(Step::Meeting),
        1 => (0..tablets).prop_map(|tablet| Step::Restart { tablet }),
        1 => (0..tablets, -300i64..300)
            .prop_map(|(tablet, minutes)| Step::Clock { tablet, minutes }),
        2 => (0u32..30).prop_map(|minutes| Step::Pass { minutes }),
    ]
}

fn a_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        2 => (0u64..20_000).prop_map(Fault::CutPull),
        2 => (0u64..2_000).prop_map(Fault::CutRequest),
        2 => (0u64..20).prop_map(Fault::CutPush),
        1 => (1..EVERY_TRY).prop_map(Fault::LostReply),
        1 => (1..EVERY_TRY).prop_map(Fault::PullFails),
        1 => (1..EVERY_TRY).prop_map(Fault::PushFails),
        1 => (1usize..5).prop_map(Fault::FailsAtRow),
        1 => Just(Fault::DatabaseDown),
        1 => Just(Fault::HubDies),
        1 => Just(Fault::HubDiesSilently),
        1 => Just(Fault::HubForgets),
    ]
}
