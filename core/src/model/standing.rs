//! What the app can ask about where its records are: per record, per peer, per table.

use super::ids::PeerId;

/// How far a record's newest version has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// Only this device has it.
    HereOnly,
    /// A hub has taken it.
    OnHub,
    /// The cloud has taken it, or sent it.
    InCloud,
}

impl Standing {
    /// The stable text form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HereOnly => "here_only",
            Self::OnHub => "on_hub",
            Self::InCloud => "in_cloud",
        }
    }
}

/// Where one record stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordStanding {
    /// How far its newest version has come. What a peer took and then did not show is here only; so is
    /// what another peer has changed of a record that waits, until it was sent on.
    pub standing: Standing,
    /// Whether it was deleted here; the deletion is what stands somewhere, then.
    pub deleted: bool,
    /// Whether a later pull has shown that the peer kept what it took; true where nothing waits
    /// for that.
    pub confirmed: bool,
    /// The peers that have taken the newest version while it waits for the one with the last word.
    pub taken_by: Vec<PeerId>,
    /// The peers that refuse it, with their reasons.
    pub refused_by: Vec<(PeerId, String)>,
    /// Since when the peer does not show it: a pull of everything did not hold it, which does not
    /// prove that it is gone, or the first pull after the peer took it did not; epoch milliseconds
    /// of the device.
    pub absent_since_ms: Option<i64>,
}

/// A record that was put aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct QuarantinedRecord {
    /// For which peer.
    pub peer: PeerId,
    /// The table.
    pub table: String,
    /// The record.
    pub record_id: String,
    /// Why, in fixed text.
    pub reason: String,
    /// When it was first refused, epoch milliseconds of the device.
    pub since_ms: i64,
    /// When it is tried again by itself; `None` for only after an edit or a release.
    pub retry_at_ms: Option<i64>,
    /// How many records wait for this one.
    pub waiting: u64,
}

/// Where we stand with a peer.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PeerStatus {
    /// The peer's own time of the last pull that was applied; 0 before the first.
    pub cursor: i64,
    /// The peer's clock minus the device's, in milliseconds.
    pub skew_ms: i64,
    /// When the last sync ended well, by the device's clock.
    pub last_success_ms: Option<i64>,
    /// When the last sync ended, well or not.
    pub last_attempt_ms: Option<i64>,
    /// When everything was last asked for.
    pub last_full_ms: Option<i64>,
    /// The code of the last failure; none after a success.
    pub last_error: Option<String>,
    /// How many syncs failed since the last one that ended well.
    pub failures: u32,
    /// When it makes sense to try again, by the device's clock; none for at any time.
    pub next_try_ms: Option<i64>,
    /// Whose own rows the last full pull brought; `None` when a full pull is due.
    pub full_pull_for: Option<String>,
}

/// How much of a table waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TablePending {
    /// The table.
    pub table: String,
    /// Records that wait, those put aside included.
    pub pending: u64,
    /// Records put aside.
    pub quarantined: u64,
}

/// A peer in the status of syncing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerSync {
    /// The peer.
    pub peer: PeerId,
    /// Cursor, skew, last success, next try and why.
    pub status: PeerStatus,
    /// What this peer has not taken, by table; only tables where something waits.
    pub pending: Vec<TablePending>,
}

/// The whole status of syncing, for the app.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncStatus {
    /// Every peer that was ever synced with or paired.
    pub peers: Vec<PeerSync>,
    /// Entries of the conflict ledger that nobody has undone.
    pub conflicts: u64,
    /// Records marked as absent.
    pub absent: u64,
    /// Rows that a peer took and no pull has confirmed yet.
    pub unconfirmed: u64,
    /// Connections of this process to the cloud that showed a key which is not pinned: refused, or,
    /// where pins are only reported, gone on with. Always 0 without pins. The store leaves it at 0.
    pub pin_mismatches: u64,
}
