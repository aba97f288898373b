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
    /// Records put aside because the peer refuses each of them by itself.
    pub quarantined: u64,
    /// Requests sent.
    pub requests: u64,
    /// Milliseconds spent receiving and spooling.
    pub pull_ms: u64,
    /// Milliseconds spent merging: the only time in which a local write has to wait.
    pub apply_ms: u64,
    /// Milliseconds spent sending.
    pub push_ms: u64,
}
