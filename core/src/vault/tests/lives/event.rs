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

/// Events from numbers: drawing each from a tree of strategies would cost more than living it.
pub(super) fn event() -> impl Strategy<Value = Event> {
    any::<u64>().prop_map(|number| Event::of(&mut Digits(number)))
}

/// A number, taken apart digit by digit.
struct Digits(u64);

impl Digits {
    fn below(&mut self, base: u64) -> u64 {
        let digit = self.0 % base;
        self.0 /= base;
        digit
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    fn bits(&mut self) -> u32 {
        u32::try_from(self.below(1 << 32)).unwrap()
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 1
    }
}

/// How often each event happens.
type Choice = (u64, fn(&mut Digits) -> Event);
const CHOICES: &[Choice] = &[
    (10, |_| Event::Open),
    (14, |d| Event::Enter {
        name: d.index(3),
        pin: d.index(3),
    }),
    (3, |_| Event::Finger),
    (1, |_| Event::Recover),
    (10, |_| Event::Commit),
    (3, |d| Event::Add {
        name: d.index(3),
        pin: d.index(3),
    }),
    (3, |d| Event::Change {
        name: d.index(3),
        old: d.index(3),
        new: d.index(3),
    }),
    (2, |d| Event::Remove { name: d.index(3) }),
    (2, |d| Event::AddFinger {
        killed_before_prompt: d.coin(),
    }),
    (4, |d| Event::Rotate {
        stop: RotationStop::of(d),
    }),
    (1, |d| Event::NoteUnsynced {
        count: d.below(500),
    }),
    (6, |_| Event::Lock),
    (1, |d| Event::Wipe {
        again_from_a_copy: d.coin(),
    }),
    (1, |_| Event::PutAside),
    (3, |_| Event::Reboot),
    (7, |_| Event::UnlockPhone),
    (2, |_| Event::LockPhone),
    (1, |_| Event::HideFiles),
    (2, |d| Event::StoreFails {
        seconds: 1 + d.below(40),
    }),
    (2, |d| Event::StoreSaysAbsent {
        seconds: 1 + d.below(40),
    }),
    (1, |d| Event::StoreSlow { slow: d.coin() }),
    (1, |_| Event::NewFinger),
    (1, |_| Event::RemoveLockScreen),
    (10, |d| Event::Time {
        seconds: 1 + d.below(4000),
    }),
    (1, |d| Event::SetWallClock {
        ms: i64::from(d.bits()) * 1_000,
    }),
    (2, |_| Event::Update),
    (1, |_| Event::ReinstallWithKeychain),
    (1, |_| Event::ClearData),
    (1, |_| Event::OtherPhone),
    (12, |d| Event::Fault {
        after: d.index(16) as u32,
        fault: fault(d),
    }),
    (3, |d| Event::KillAtKeyStore {
        after: d.index(3) as u32,
    }),
    (5, |_| Event::FreeDisk),
    (3, |d| Event::DamageCopy {
        index: d.index(2),
        bit: d.bits(),
    }),
    (1, |d| Event::DamageStatus { bit: d.bits() }),
    (1, |d| Event::LoseKeyring { bit: d.bits() }),
    (1, |_| Event::NewerKeyring),
    (1, |d| Event::LoseDatabase { empty: d.coin() }),
];

impl Event {
    fn of(digits: &mut Digits) -> Self {
        let all: u64 = CHOICES.iter().map(|(weight, _)| weight).sum();
        let mut place = digits.below(all);
        for (weight, make) in CHOICES {
            if place < *weight {
                return make(digits);
            }
            place -= weight;
        }
        Self::Open
    }
}

impl RotationStop {
    fn of(digits: &mut Digits) -> Self {
        match digits.below(5) {
            0 => Self::BeforeDatabase,
            1 => Self::AfterDatabase,
            _ => Self::Nowhere,
        }
    }
}

fn fault(digits: &mut Digits) -> DiskFault {
    match digits.below(13) {
        0..3 => DiskFault::Kill,
        3..6 => DiskFault::Torn,
        6..9 => DiskFault::PowerCut(digits.index(4)),
        9..11 => DiskFault::Full,
        _ => DiskFault::Fails,
    }
}
