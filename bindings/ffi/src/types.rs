//! Plain data that crosses, and how it is made from the core's.

use amana_core::model::notice::{self, ChangeNotice};
use amana_core::model::report::SyncReport;
use amana_core::model::{ledger, peer};

use crate::conflict_rule::AppRule;
use crate::key_store::KeyStoreKind;
use crate::time_limits::TimeLimits;

/// Where the vault is and how it is opened.
#[derive(Clone, Debug, uniffi::Record)]
pub struct VaultConfig {
    /// The vault's directory; made if it is not there. With a name: the app's directory of vaults.
    pub directory: String,
    /// Names one of several vaults of an app: 1 to 48 lower-case letters, digits, `-` and `_`.
    #[uniffi(default = None)]
    pub name: Option<String>,
    /// An app's own schema as JSON; without it the built-in one of Hikma Health.
    #[uniffi(default = None)]
    pub schema_json: Option<String>,
    /// Where the device secret lives.
    pub key_store: KeyStoreKind,
    /// A vault that no call uses for so many milliseconds locks itself; 0 never. A running sync
    /// keeps the database open for itself, ten minutes at most.
    #[uniffi(default = 300000)]
    pub idle_lock_ms: u64,
    /// So many wrong PINs in a row destroy that person's slot, and no other; without a number never.
    #[uniffi(default = None)]
    pub drop_pin_after: Option<u32>,
    /// How syncs are made; without it as servers expect.
    #[uniffi(default = None)]
    pub sync: Option<SyncRules>,
}

/// How syncs are made.
#[derive(Clone, Debug, uniffi::Record)]
pub struct SyncRules {
    /// What is kept to prove to the cloud who is syncing: the password, or a token of 24 hours, with
    /// which somebody has to sign in every day.
    #[uniffi(default = false)]
    pub cloud_token: bool,
    /// An edit leaves the outbox once a hub has taken it: the hub must bring it to the cloud, and an
    /// edit that it loses is lost. A device then pairs with one hub and no more.
    #[uniffi(default = false)]
    pub hub_has_last_word: bool,
    /// What stays in conflicts, by table.
    #[uniffi(default = [])]
    pub conflicts: Vec<TableRule>,
    /// What stays in conflicts elsewhere; without it the local value, which servers expect.
    #[uniffi(default = None)]
    pub usual_conflict: Option<ConflictRule>,
    /// After how many days the cloud is asked for everything again; 0: only when it must be.
    #[uniffi(default = 7)]
    pub cloud_full_pull_days: u32,
    /// The same for hubs.
    #[uniffi(default = 1)]
    pub hub_full_pull_days: u32,
    /// The keys that the cloud's server may show, beside the ordinary checks.
    #[uniffi(default = None)]
    pub cloud_pins: Option<CloudPins>,
    /// Rules of the app's own, to which tables refer by name.
    #[uniffi(default = [])]
    pub app_rules: Vec<AppRule>,
    /// How long each request may take; without it as usual.
    #[uniffi(default = None)]
    pub time_limits: Option<TimeLimits>,
}

/// What stays in the conflicts of one table.
#[derive(Clone, Debug, uniffi::Record)]
pub struct TableRule {
    /// The table.
    pub table: String,
    /// What stays; with a rule of the app's own, where that one does not answer.
    pub rule: ConflictRule,
    /// The name of one of `appRules`, which is asked first.
    #[uniffi(default = None)]
    pub app_rule: Option<String>,
}

/// What stays where both sides changed a column. Both values are in the ledger in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum ConflictRule {
    /// What was written here.
    Local,
    /// What the peer has.
    Remote,
    /// The side whose record was changed later.
    Latest,
}

/// The public keys of a cloud server.
#[derive(Clone, Debug, uniffi::Record)]
pub struct CloudPins {
    /// Two or more: the base64 of the SHA-256 of a certificate's SubjectPublicKeyInfo.
    pub pins: Vec<String>,
    /// After this, epoch milliseconds, they are not looked at any more.
    pub expires_ms: i64,
    /// Only counts keys that are not pinned, and goes on.
    #[uniffi(default = false)]
    pub report_only: bool,
}

/// Whether a vault can be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, uniffi::Enum)]
pub enum VaultState {
    /// The key is dropped and the database closed, or there is no vault yet.
    Locked,
    /// Records can be read and written. While its root key is being changed, calls are `busy`.
    Unlocked,
    /// For good.
    Closed,
}

impl From<amana_core::VaultState> for VaultState {
    fn from(state: amana_core::VaultState) -> Self {
        match state {
            amana_core::VaultState::Locked => Self::Locked,
            amana_core::VaultState::Unlocked => Self::Unlocked,
            amana_core::VaultState::Closed => Self::Closed,
        }
    }
}

/// The signed-in person.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Person {
    /// The user's id.
    pub id: String,
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: String,
    /// Their home clinic.
    pub clinic_id: Option<String>,
}

impl From<peer::Person> for Person {
    fn from(person: peer::Person) -> Self {
        let peer::Person {
            id,
            name,
            role,
            clinic_id,
        } = person;
        Self {
            id,
            name,
            role,
            clinic_id,
        }
    }
}

/// How far a sync is.
#[derive(Clone, Debug, uniffi::Record)]
pub struct SyncProgress {
    /// `pulling`, `applying`, `pushing`, `waiting` or `finished`.
    pub phase: String,
    /// Bytes received in this pull.
    pub bytes: u64,
    /// Rows done in this phase.
    pub rows: u64,
    /// Rows of this phase in all, where that is known.
    pub total_rows: Option<u64>,
}

impl From<&notice::SyncProgress> for SyncProgress {
    fn from(progress: &notice::SyncProgress) -> Self {
        Self {
            phase: progress.phase.as_str().to_owned(),
            bytes: progress.bytes,
            rows: progress.rows,
            total_rows: progress.total_rows,
        }
    }
}

/// What a sync did, in counts.
#[derive(Clone, Debug, uniffi::Record)]
pub struct SyncResult {
    /// Records received.
    pub pulled: u64,
    /// Deletions received.
    pub pulled_deletions: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Records that were not here before.
    pub inserted: u64,
    /// Records of which some column was written.
    pub updated: u64,
    /// Records that were already so.
    pub unchanged: u64,
    /// Records deleted because the peer said so, or because their parent was.
    pub deleted: u64,
    /// Columns that both sides had changed; see the ledger.
    pub conflicts: u64,
    /// Records deleted by the peer that had edits here; see the ledger.
    pub lost_edits: u64,
    /// Tables, columns and rows of the reply that were refused because they must never be stored.
    pub refused: u64,
    /// Values that could not be read, and records that were no records.
    pub unreadable: u64,
    /// Records that the peer took.
    pub pushed: u64,
    /// Deletions that the peer took.
    pub pushed_deletions: u64,
    /// Records put aside because the peer refuses each of them by itself, or would.
    pub quarantined: u64,
    /// Records that wait: for one that was put aside, or for the cloud to take them before a hub.
    pub waiting: u64,
    /// Records that came under another id, which was taken over.
    pub adopted: u64,
    /// Records that the peer had taken, and of which it holds something else, or nothing; see the
    /// ledger.
    pub not_kept: u64,
    /// Records that a pull of everything did not hold, and that are gone by that.
    pub gone: u64,
    /// Those where it proves nothing: kept, and marked as absent.
    pub absent: u64,
    /// Rights that a hub would have given, and that only the cloud may give.
    pub refused_rights: u64,
    /// Requests sent.
    pub requests: u64,
}

impl From<SyncReport> for SyncResult {
    fn from(report: SyncReport) -> Self {
        let (applied, skipped) = (report.applied, report.skipped);
        Self {
            pulled: report.pulled,
            pulled_deletions: report.pulled_deletions,
            bytes: report.bytes,
            inserted: applied.inserted,
            updated: applied.updated,
            unchanged: applied.unchanged,
            deleted: applied.deleted + applied.cascaded,
            conflicts: applied.conflicts,
            lost_edits: applied.lost_edits,
            refused: skipped.forbidden_tables + skipped.forbidden_columns + skipped.foreign_rows,
            unreadable: skipped.unreadable_values + skipped.bad_records,
            pushed: report.pushed,
            pushed_deletions: report.pushed_deletions,
            quarantined: report.quarantined,
            waiting: report.waiting,
            adopted: applied.adopted,
            not_kept: applied.not_kept,
            gone: applied.gone,
            absent: applied.absent,
            refused_rights: applied.refused_rights,
            requests: report.requests,
        }
    }
}

/// A committed transaction changed records.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Change {
    /// The store's revision after it.
    pub revision: i64,
    /// Whether the changes came from a peer.
    pub from_peer: bool,
    /// The tables touched.
    pub tables: Vec<TableChange>,
}

/// The records of one table that a transaction touched.
#[derive(Clone, Debug, uniffi::Record)]
pub struct TableChange {
    /// The table.
    pub table: String,
    /// The records; none where they are too many to name.
    pub ids: Option<Vec<String>>,
}

impl From<&ChangeNotice> for Change {
    fn from(notice: &ChangeNotice) -> Self {
        let tables = notice
            .tables
            .iter()
            .map(|t| TableChange {
                table: t.table.clone(),
                ids: t.ids.clone(),
            })
            .collect();
        Self {
            revision: notice.revision,
            from_peer: notice.from_peer,
            tables,
        }
    }
}

/// Where the vault stands with the cloud.
#[derive(Clone, Debug, uniffi::Record)]
pub struct VaultStatus {
    /// Who is signed in.
    pub person: Option<Person>,
    /// To which server.
    pub url: Option<String>,
    /// Records that the cloud has not taken.
    pub pending: u64,
    /// Of these, records put aside.
    pub quarantined: u64,
    /// Entries of the conflict ledger.
    pub conflicts: u64,
    /// When the last sync ended well, epoch milliseconds of the device.
    pub last_success_ms: Option<i64>,
    /// The server's clock minus the device's, in milliseconds.
    pub skew_ms: i64,
    /// Whether a sync is running.
    pub syncing: bool,
}

impl From<amana_core::Status> for VaultStatus {
    fn from(status: amana_core::Status) -> Self {
        Self {
            person: status.person.map(Person::from),
            url: status.url,
            pending: status.outbox.pending,
            quarantined: status.outbox.quarantined,
            conflicts: status.conflicts,
            last_success_ms: status.cloud.last_success_ms,
            skew_ms: status.cloud.skew_ms,
            syncing: status.syncing,
        }
    }
}

/// An entry of the conflict ledger. Values are JSON text.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Conflict {
    /// Grows with each entry.
    pub id: i64,
    /// When it was found, epoch milliseconds of the device.
    pub at_ms: i64,
    /// `both_changed`, `deleted_by_peer`, `changed_by_peer`, `not_kept` or `rule_failed`: both sides
    /// changed it, and the app's rule gave no answer.
    pub kind: String,
    /// The table.
    pub table: String,
    /// The record.
    pub record_id: String,
    /// The column, where it is about one.
    pub column: Option<String>,
    /// The value when both sides last agreed.
    pub base: Option<String>,
    /// The value here.
    pub local: Option<String>,
    /// The peer's value.
    pub remote: Option<String>,
    /// Which peer.
    pub peer: Option<String>,
    /// Whose value stayed: `local`, `remote` or `rule`.
    pub kept: String,
    /// The id of the person who was signed in here when it was found.
    pub actor: Option<String>,
    /// When the record was last changed here, by its `updated_at`.
    pub local_at_ms: Option<i64>,
    /// When the peer's version was last changed, by its `updated_at`.
    pub remote_at_ms: Option<i64>,
    /// When somebody took the other value after all.
    pub undone_at_ms: Option<i64>,
}

impl From<ledger::ConflictEntry> for Conflict {
    fn from(entry: ledger::ConflictEntry) -> Self {
        Self {
            id: entry.id,
            at_ms: entry.at_ms,
            kind: entry.kind.as_str().to_owned(),
            table: entry.table,
            record_id: entry.record_id,
            column: entry.column,
            base: entry.base,
            local: entry.local,
            remote: entry.remote,
            peer: entry.peer,
            kept: entry.kept.as_str().to_owned(),
            actor: entry.actor,
            local_at_ms: entry.local_at_ms,
            remote_at_ms: entry.remote_at_ms,
            undone_at_ms: entry.undone_at_ms,
        }
    }
}

/// The digest of one table's records: equal on two devices that hold the same.
#[derive(Clone, PartialEq, Eq, Debug, uniffi::Record)]
pub struct TableDigest {
    /// The table.
    pub table: String,
    /// Its records.
    pub rows: u64,
    /// 64 hexadecimal digits.
    pub digest: String,
}

impl From<ledger::TableDigest> for TableDigest {
    fn from(digest: ledger::TableDigest) -> Self {
        Self {
            table: digest.table,
            rows: digest.rows,
            digest: digest.digest,
        }
    }
}
