//! What the core asks of the world, and what its rooms ask of each other.
//!
//! Small traits only. `sync`, `storage`, `transport` and `vault` do not know each other; they meet
//! here and in `model`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    Acknowledgement, Noted, OutboxPage, OutboxPosition, OutboxRow, PieceLimit, PullReply,
    PullRequest, PushClass, PushFailure, Refusal, RemoteChange, RemoteRow, Suspicion,
};
use crate::model::ids::{PeerId, RecordId};
use crate::model::kv::KvNotice;
use crate::model::merge::MergeRule;
use crate::model::notice::{ChangeNotice, SyncProgress, VaultState};
use crate::model::report::ApplyReport;
use crate::model::schema::TableIndex;
use crate::model::terms::PeerTerms;
use crate::pending::Pending;

pub use amana_keystore::{Derived, KeyStore, KeyStoreError, SecurityLevel};

/// Wall-clock and monotonic time.
pub trait Clock: Send + Sync {
    /// Epoch milliseconds by the device's clock, which may be wrong.
    fn now_ms(&self) -> i64;
    /// Milliseconds since some fixed moment; never goes back.
    fn monotonic_ms(&self) -> u64;
    /// Time since the device was started, sleep included. Nobody can set it; delays that must
    /// survive a restart of the process are counted on it.
    fn since_boot(&self) -> BootTime {
        BootTime {
            boot: None,
            elapsed_ms: self.monotonic_ms(),
        }
    }
}

/// A moment, counted from the device's start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct BootTime {
    /// Names the start, where the system has a name for it.
    pub boot: Option<[u8; 16]>,
    /// Milliseconds since then.
    pub elapsed_ms: u64,
}

/// Cryptographic randomness.
pub trait Entropy: Send + Sync {
    /// Fills the buffer, or fails; never fills it with anything weaker.
    fn fill(&self, buffer: &mut [u8]) -> Result<()>;
}

/// Waiting.
pub trait Timer: Send + Sync {
    /// Returns after `duration`, or with `cancelled` as soon as the token is.
    fn wait(&self, duration: Duration, cancel: &CancelToken) -> Result<()>;
}

/// The disk on which the vaults are.
pub trait Disk: Send + Sync {
    /// Bytes that this app may still write on the disk of a directory; `None` where it cannot be
    /// told: then a full disk is found out by writing.
    fn free_bytes(&self, directory: &Path) -> Option<u64>;
}

/// Hears of committed changes. Called with no lock held on a thread that all listeners of a vault
/// share: one that is slow delays the others, but neither who writes nor a live query. What it has not
/// heard yet waits, and from 64 notices on is drawn together, so that nothing is lost and the waiting
/// ones take bounded memory.
pub trait ChangeListener: Send + Sync {
    /// Once per transaction that changed records; once for several that were drawn together, with the
    /// ids of all, or none where they are too many to name.
    fn changed(&self, notice: &ChangeNotice);
}

/// Hears of committed changes of the key–value store. Called as [`ChangeListener`] is.
pub trait KvListener: Send + Sync {
    /// Once per transaction that set or removed values; once for several of one namespace that were
    /// drawn together. That a value expired is not told.
    fn changed(&self, notice: &KvNotice);
}

/// Hears of changes of a vault's state. Called as [`ChangeListener`] is.
pub trait StateListener: Send + Sync {
    /// Once per change; the state may have changed again meanwhile. Of changes that were drawn together
    /// only the newest is told, which may be the state that was told before.
    fn changed(&self, state: VaultState);
}

/// Hears that damage was found in the database. Called as [`ChangeListener`] is.
pub trait DamageListener: Send + Sync {
    /// Once for each table or index in which a page cannot be read; once for several that were drawn
    /// together.
    fn found(&self);
}

/// Hears the result of a live query. Called on a thread of its own, with no lock held; while it
/// works, further changes are drawn together into one more run.
pub trait QueryListener: Send + Sync {
    /// The page, as [`crate::Amana::query`] gives it: at first, and each time it has changed.
    fn result(&self, page: &str);
    /// It could not be run, for example since the vault is locked. It is tried again at the next
    /// change.
    fn failed(&self, error: &Error);
}

/// Hears how a sync goes on, on its thread. Called with no lock held; must return quickly: the sync
/// waits. Calls from it that would wait for the end of a sync are refused as `busy`: to change the
/// vault's state or root key, to sign in or out, to pair, move or forget a hub, to rest, and to join a sync that
/// runs. That cannot be told of another thread: a listener that waits for one which makes such a call
/// waits for ever.
pub trait ProgressListener: Send + Sync {
    /// At most a few times a second.
    fn progress(&self, progress: &SyncProgress);
}

/// Takes the changes of a pull, one by one, decoded and guarded, in the order they come.
pub trait ChangeSink: Send {
    /// A created or updated record: both mean "make it so".
    fn upsert(&mut self, table: TableIndex, row: RemoteRow) -> Result<()>;
    /// The id of a deleted record.
    fn delete(&mut self, table: TableIndex, id: RecordId) -> Result<()>;
}

/// Gives back the changes that a sink took: all upserts first, then all deletions.
pub trait ChangeSource: Send {
    /// The next change, or none at the end. Lent, so that who applies it frees nothing.
    fn next_change(&mut self) -> Result<Option<&RemoteChange>>;
}

/// One peer, as the sync engine sees it. Calls block; they run on the engine's own thread, one at
/// a time.
pub trait SyncPeer: Send + Sync {
    /// Asks for the changes after a cursor and hands them to the sink while they arrive. On error
    /// the sink's content is worth nothing. `PullReply::full` tells whether everything was asked
    /// for: a request with the kind's full cursor.
    fn pull(
        &self,
        request: &PullRequest,
        sink: &mut dyn ChangeSink,
        on_bytes: &mut dyn FnMut(u64),
        cancel: &CancelToken,
    ) -> Result<PullReply>;

    /// Sends one piece: rows of one [`PushClass`], in the order in which the peer is to take them;
    /// `values` are in the store's forms, and encoding them for the wire is the peer's business.
    /// `Ok` only when the peer said that it took all of it.
    fn push(&self, piece: &[OutboxRow], cancel: &CancelToken) -> Result<(), PushFailure>;
}

/// The local store, as the sync engine sees it. Calls block; they run on the engine's own thread.
pub trait SyncStore: Send + Sync {
    /// The cursor of the last pull that was applied, 0 before the first.
    fn cursor(&self, peer: &PeerId) -> Result<i64>;

    /// Merges a spooled pull in one transaction, together with the new cursor. Rows that were sent
    /// before and not yet confirmed are compared with what comes.
    fn apply_pull(
        &self,
        terms: &PeerTerms,
        reply: &PullReply,
        source: Box<dyn ChangeSource>,
        rule: Arc<dyn MergeRule>,
        cancel: &CancelToken,
    ) -> Result<ApplyReport>;

    /// The next outbox rows of a class after a position, with whole records: what this peer has
    /// neither taken nor refused. The caller may do something else before it waits for them.
    fn collect(
        &self,
        terms: &PeerTerms,
        class: PushClass,
        after: &OutboxPosition,
        limit: PieceLimit,
    ) -> Pending<OutboxPage>;

    /// Whether a record's entry still waits in the revision that was sent: nothing newer of it, nor its
    /// deletion, can have gone since.
    fn waits_as(&self, row: &Acknowledgement) -> Result<bool>;

    /// What is known before a push to this peer.
    fn noted(&self, peer: &PeerId) -> Result<Noted>;

    /// Notes what the peer took. From the peer with the last word that ends an entry, unless it
    /// was changed since; from any other it ends only what that peer is sent.
    fn acknowledge(&self, terms: &PeerTerms, taken: Vec<Acknowledgement>) -> Result<()>;

    /// Puts rows aside for this peer, until they are edited, released, or their time comes.
    fn quarantine(&self, peer: &PeerId, rows: Vec<Refusal>) -> Result<()>;

    /// Notes rows that the peer refused while it took nothing else: in this order, how often each
    /// was refused by now, and when first.
    fn suspect(&self, peer: &PeerId, rows: Vec<Acknowledgement>) -> Result<Vec<Suspicion>>;

    /// Notes that a sync ended well: the peer's clock minus ours, for record times.
    fn note_success(&self, peer: &PeerId, skew_ms: i64) -> Result<()>;

    /// Notes that a sync failed, and when it makes sense to try again.
    fn note_failure(&self, peer: &PeerId, code: ErrorCode, next_try_ms: Option<i64>) -> Result<()>;
}
