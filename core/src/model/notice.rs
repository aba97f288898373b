//! What listeners are told.

use super::kv::KvNotice;

/// Something that listeners are told of, most often a commit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// Records.
    Records(ChangeNotice),
    /// Values of the key–value store.
    Kv(KvNotice),
    /// The vault was locked, unlocked or closed, by whatever cause.
    State(VaultState),
    /// Nothing was: a look at every page found damage.
    Damage,
}

/// Whether a vault can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VaultState {
    /// The key is dropped and the database closed, or there is no vault yet.
    Locked,
    /// Records can be read and written. While its root key is being changed, calls are `busy`.
    Unlocked,
    /// For good.
    Closed,
}

/// A committed transaction changed records.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeNotice {
    /// The store's revision after it; does not move with a pull.
    pub revision: i64,
    /// Whether the changes came from a peer.
    pub from_peer: bool,
    /// The tables touched.
    pub tables: Vec<TableNotice>,
}

/// The records of one table that a transaction touched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableNotice {
    /// The table's name.
    pub table: String,
    /// The records' ids; `None` where they are more than [`MAX_NOTICE_IDS`].
    pub ids: Option<Vec<String>>,
}

/// The most ids that a notice names in one table.
pub const MAX_NOTICE_IDS: usize = 1_000;

/// What a sync is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyncPhase {
    /// Asking, and receiving changes.
    Pulling,
    /// Merging what was received.
    Applying,
    /// Sending local changes.
    Pushing,
    /// Waiting because the peer asked to.
    Waiting,
    /// Done.
    Finished,
}

impl SyncPhase {
    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pulling => "pulling",
            Self::Applying => "applying",
            Self::Pushing => "pushing",
            Self::Waiting => "waiting",
            Self::Finished => "finished",
        }
    }
}

/// How far a sync is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SyncProgress {
    /// What it is doing.
    pub phase: SyncPhase,
    /// Bytes received in this pull.
    pub bytes: u64,
    /// Rows done in this phase.
    pub rows: u64,
    /// Rows of this phase in all, where that is known.
    pub total_rows: Option<u64>,
}
