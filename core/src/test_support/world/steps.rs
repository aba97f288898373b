//! What can happen in a life, and how likely it is.

use proptest::prelude::*;

use super::wire::Cut;

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    None,
    /// The pull breaks off behind some byte.
    CutPull(Cut),
    /// The server takes so many rows of the push, and the reply is lost.
    CutPush(usize),
    /// The whole push arrives, its reply does not.
    LostReply,
    /// Another device syncs between pull and push.
    Meanwhile(usize),
    Stopped,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Make {
        device: usize,
        kind: usize,
        parent: usize,
    },
    Edit {
        device: usize,
        table: usize,
        record: usize,
        column: usize,
        to_null: bool,
    },
    Remove {
        device: usize,
        table: usize,
        record: usize,
    },
    Sync {
        device: usize,
        hub: bool,
        full: bool,
        fault: Fault,
    },
    Relay,
    Restart {
        device: usize,
    },
    /// The hub loses all that it has, and every device is paired with it anew.
    Wipe,
    /// A device is paired with the hub anew.
    Pair {
        device: usize,
    },
    Clock {
        device: usize,
        minutes: i64,
    },
    Pass {
        minutes: u64,
    },
}

pub(super) fn a_step(devices: usize) -> impl Strategy<Value = Step> {
    let fault = prop_oneof![
        6 => Just(Fault::None),
        1 => any::<Cut>().prop_map(Fault::CutPull),
        1 => (0usize..4).prop_map(Fault::CutPush),
        1 => Just(Fault::LostReply),
        2 => (0usize..devices).prop_map(Fault::Meanwhile),
        1 => Just(Fault::Stopped),
    ];
    prop_oneof![
        3 => (0..devices, 0usize..5, 0usize..4)
            .prop_map(|(device, kind, parent)| Step::Make { device, kind, parent }),
        6 => (0..devices, 0usize..5, 0usize..4, 0usize..6, prop::bool::weighted(0.15)).prop_map(
            |(device, table, record, column, to_null)| Step::Edit {
                device, table, record, column, to_null
            }
        ),
        1 => (0..devices, 0usize..5, 0usize..4)
            .prop_map(|(device, table, record)| Step::Remove { device, table, record }),
        7 => (0..devices, prop::bool::weighted(0.4), prop::bool::weighted(0.2), fault).prop_map(
            |(device, hub, full, fault)| Step::Sync { device, hub, full, fault }
        ),
        1 => Just(Step::Relay),
        1 => (0..devices).prop_map(|device| Step::Restart { device }),
        1 => (0..devices).prop_map(|device| Step::Pair { device }),
        1 => Just(Step::Wipe),
        1 => (0..devices, -600i64..600).prop_map(|(device, minutes)| Step::Clock { device, minutes }),
        2 => (0u64..30).prop_map(|minutes| Step::Pass { minutes }),
    ]
}
