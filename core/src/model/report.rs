//! What a sync did, in counts. No values, no ids.

use super::change_set::SkipCounts;

/// What merging a pull did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct ApplyReport {
    /// Records that were not here before.
    pub inserted: u64,
    /// Records of which some column was written.
    pub updated: u64,
    /// Records that were already so.
    pub unchanged: u64,
    /// Records deleted because the peer said so.
    pub deleted: u64,
    /// Records deleted because their parent was.
    pub cascaded: u64,
    /// Columns that both sides had changed.
    pub conflicts: u64,
    /// Records that were deleted by the peer while they had local edits; the ledger has those.
    pub lost_edits: u64,
    /// Records deleted here that the peer still has; they stay deleted.
    pub kept_tombstones: u64,
    /// Records that came under another id, which was taken over: the peer has one for each key.
    pub adopted: u64,
    /// Records that the peer had said it took, and of which it holds something else, or nothing.
    /// The ledger has what was sent.
    pub not_kept: u64,
    /// Records that a pull of everything did not hold: deleted where that proves that they are
    /// gone.
    pub gone: u64,
    /// Those where it proves nothing: kept, and marked as absent.
    pub absent: u64,
    /// Rights that a hub would have given, and that only the cloud may give.
    pub refused_rights: u64,
}

impl ApplyReport {
    /// Adds another report to this one.
    pub fn add(&mut self, other: &Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.deleted += other.deleted;
        self.cascaded += other.cascaded;
        self.conflicts += other.conflicts;
        self.lost_edits += other.lost_edits;
        self.kept_tombstones += other.kept_tombstones;
        self.adopted += other.adopted;
        self.not_kept += other.not_kept;
        self.gone += other.gone;
        self.absent += other.absent;
        self.refused_rights += other.refused_rights;
    }
}

/// What a sync did.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SyncReport {
    /// Records received, deletions not counted.
    pub pulled: u64,
    /// Deletions received.
    pub pulled_deletions: u64,
    /// Bytes received.
    pub bytes: u64,
    /// What became of what was received.
    pub applied: ApplyReport,
    /// What was passed over.
    pub skipped: SkipCounts,
    /// Records that the peer took.
    pub pushed: u64,
    /// Deletions that the peer took.
    pub pushed_deletions: u64,
    /// Records put aside because the peer refuses each of them by itself, or would.
    pub quarantined: u64,
    /// Records that wait: for one that was put aside, or for the cloud to take them before a hub.
    pub waiting: u64,
    /// Requests sent.
    pub requests: u64,
    /// Milliseconds spent receiving and spooling.
    pub pull_ms: u64,
    /// Milliseconds spent merging: the only time in which a local write has to wait.
    pub apply_ms: u64,
    /// Milliseconds spent sending.
    pub push_ms: u64,
}
