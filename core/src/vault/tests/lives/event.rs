//! What can happen in a life, and how often it does.

use proptest::prelude::*;

use crate::test_support::DiskFault;

pub(super) const NAMES: [&str; 3] = ["ama", "kofi", "esi"];
pub(super) const PINS: [&str; 3] = ["1111", "2222", "3333"];

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    // What persons and the app do.
    Open,
    Enter { name: usize, pin: usize },
    Finger,
    Recover,
    Commit,
    Add { name: usize, pin: usize },
    Change { name: usize, old: usize, new: usize },
    Remove { name: usize },
    AddFinger { killed_before_prompt: bool },
    Rotate { stop: RotationStop },
    NoteUnsynced { count: u64 },
    Lock,
    Wipe { again_from_a_copy: bool },
    PutAside,
    // What the phone does.
    Reboot,
    UnlockPhone,
    LockPhone,
    HideFiles,
    StoreFails { seconds: u64 },
    StoreSaysAbsent { seconds: u64 },
    StoreSlow { slow: bool },
    NewFinger,
    RemoveLockScreen,
    Time { seconds: u64 },
    SetWallClock { ms: i64 },
    // What becomes of the app.
    Update,
    ReinstallWithKeychain,
    ClearData,
    OtherPhone,
    // What goes wrong.
    Fault { after: u32, fault: DiskFault },
    KillAtKeyStore { after: u32 },
    FreeDisk,
    DamageCopy { index: usize, bit: u32 },
    DamageStatus { bit: u32 },
    LoseKeyring { bit: u32 },
    NewerKeyring,
    LoseDatabase { empty: bool },
}

/// Where a change of the root key ends for other reasons than a fault.
#[derive(Clone, Copy, Debug)]
pub(super) enum RotationStop {
    Nowhere,
    BeforeDatabase,
    AfterDatabase,
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    let name = 0..NAMES.len();
    let pin = 0..PINS.len();
    prop_oneof![
        10 => Just(Event::Open),
        14 => (name.clone(), pin.clone()).prop_map(|(name, pin)| Event::Enter { name, pin }),
        3 => Just(Event::Finger),
        1 => Just(Event::Recover),
        10 => Just(Event::Commit),
        3 => (name.clone(), pin.clone()).prop_map(|(name, pin)| Event::Add { name, pin }),
        3 => (name.clone(), pin.clone(), pin)
            .prop_map(|(name, old, new)| Event::Change { name, old, new }),
        2 => name.prop_map(|name| Event::Remove { name }),
        2 => any::<bool>()
            .prop_map(|killed_before_prompt| Event::AddFinger { killed_before_prompt }),
        4 => prop_oneof![
            3 => Just(RotationStop::Nowhere),
            1 => Just(RotationStop::BeforeDatabase),
            1 => Just(RotationStop::AfterDatabase),
        ].prop_map(|stop| Event::Rotate { stop }),
        1 => (0..500_u64).prop_map(|count| Event::NoteUnsynced { count }),
        6 => Just(Event::Lock),
        1 => any::<bool>().prop_map(|again_from_a_copy| Event::Wipe { again_from_a_copy }),
        1 => Just(Event::PutAside),
        3 => Just(Event::Reboot),
        7 => Just(Event::UnlockPhone),
        2 => Just(Event::LockPhone),
        1 => Just(Event::HideFiles),
        2 => (1..40_u64).prop_map(|seconds| Event::StoreFails { seconds }),
        2 => (1..40_u64).prop_map(|seconds| Event::StoreSaysAbsent { seconds }),
        1 => any::<bool>().prop_map(|slow| Event::StoreSlow { slow }),
        1 => Just(Event::NewFinger),
        1 => Just(Event::RemoveLockScreen),
        10 => (1_u64..4000).prop_map(|seconds| Event::Time { seconds }),
        1 => any::<i64>().prop_map(|ms| Event::SetWallClock { ms }),
        2 => Just(Event::Update),
        1 => Just(Event::ReinstallWithKeychain),
        1 => Just(Event::ClearData),
        1 => Just(Event::OtherPhone),
        12 => (0..16_u32, fault()).prop_map(|(after, fault)| Event::Fault { after, fault }),
        3 => (0..3_u32).prop_map(|after| Event::KillAtKeyStore { after }),
        5 => Just(Event::FreeDisk),
        3 => (0..2_usize, any::<u32>())
            .prop_map(|(index, bit)| Event::DamageCopy { index, bit }),
        1 => any::<u32>().prop_map(|bit| Event::DamageStatus { bit }),
        1 => any::<u32>().prop_map(|bit| Event::LoseKeyring { bit }),
        1 => Just(Event::NewerKeyring),
        1 => any::<bool>().prop_map(|empty| Event::LoseDatabase { empty }),
    ]
}

fn fault() -> impl Strategy<Value = DiskFault> {
    prop_oneof![
        3 => Just(DiskFault::Kill),
        3 => Just(DiskFault::Torn),
        3 => (0..4_usize).prop_map(DiskFault::PowerCut),
        2 => Just(DiskFault::Full),
        2 => Just(DiskFault::Fails),
    ]
}
