//! The open database: one writer, two readers, and the calls that the rest of the core makes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, TransactionBehavior};

use super::at_once::AtOnce;
use super::connection::{self, Access, CHECKPOINT_PAGES, Commits};
use super::errors::MapSqlite;
use super::kv_store::KvReading;
use super::opener::Opener;
use super::outbox::OutboxCounts;
use super::records::{self, Operation};
use super::session::StoredSession;
use super::table_sql::SchemaSql;
use super::transaction::{Context, Revisions, WriteTransaction};
use super::until_commit::UntilCommit;
use super::worker::Workers;
use super::{
    aside, conflicts, digest, migrations, outbox, peers, query, schema_tables, session, standing,
    undo,
};
use crate::background::{Background, Working};
use crate::error::{Error, ErrorCode, Result};
use crate::kv::cache::KvCache;
use crate::model::filter::{Condition, Query};
use crate::model::ids::{PeerId, RecordId};
use crate::model::ledger::{ConflictEntry, Digest};
use crate::model::notice::Notice;
use crate::model::schema::{Schema, TableIndex};
use crate::model::standing::{PeerStatus, QuarantinedRecord, RecordStanding, SyncStatus};
use crate::model::terms::SyncPolicy;
use crate::pending::Pending;
use crate::ports::{Clock, Entropy};
use crate::secret::DatabaseKey;

const READERS: usize = 2;

/// Hears of each committed transaction that changed something. Must only pass it on.
pub type NoticeSink = Arc<dyn Fn(Notice) + Send + Sync>;

/// What a database needs to open.
pub struct DatabaseOptions<'a> {
    /// The file.
    pub path: &'a Path,
    /// Its key.
    pub key: &'a DatabaseKey,
    /// The record tables.
    pub schema: Arc<Schema>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Who hears of committed changes.
    pub notices: NoticeSink,
    /// Where what nobody waits for is counted.
    pub background: Arc<Background>,
}

/// The open, encrypted database.
pub struct Database {
    writer: Workers<WriterState>,
    readers: Arc<Workers<Connection>>,
    pub(super) context: Arc<Context>,
    pub(super) kv: KvReading,
    opener: Arc<Opener>,
    /// Whether the outbox holds anything.
    waits: UntilCommit,
    path: PathBuf,
    background: Arc<Background>,
}

pub(super) struct WriterState {
    pub connection: Connection,
    pub context: Arc<Context>,
    pub notices: NoticeSink,
    pub kv_cache: Arc<KvCache>,
    pub at_once: Arc<AtOnce>,
    pub revisions: Revisions,
}

impl WriterState {
    /// As [`WriterState::transaction`], for what the next sync would do once more: it need not be on
    /// the disk when this returns.
    pub(super) fn repeatable<T>(
        &mut self,
        from_peer: bool,
        write: impl FnOnce(&mut WriteTransaction<'_>) -> Result<T>,
    ) -> Result<T> {
        connection::set_commits(&self.connection, Commits::Soon)?;
        let result = self.transaction(from_peer, write);
        // The writes of people must not go on without it.
        connection::set_commits(&self.connection, Commits::OnDisk)?;
        result
    }

    /// Runs a write in one IMMEDIATE transaction; tells the listeners after the commit.
    pub(super) fn transaction<T>(
        &mut self,
        from_peer: bool,
        write: impl FnOnce(&mut WriteTransaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_sqlite()?;
        let mut books = WriteTransaction::new(&transaction, &self.context, self.revisions)?;
        let result = write(&mut books)?;
        let (notice, revisions) = books.finish(from_peer)?;
        transaction.commit().map_sqlite()?;
        self.revisions = revisions;
        self.at_once.committed();
        if let Some(notice) = notice {
            (self.notices)(Notice::Records(notice));
        }
        Ok(result)
    }
}

/// Reads in one snapshot; what SQLCipher made up in place of a page is never handed out.
pub(super) fn read_once<T>(
    connection: &Connection,
    context: &Context,
    read: impl FnOnce(&Connection, &Context) -> Result<T>,
) -> Result<T> {
    let snapshot = connection.unchecked_transaction().map_sqlite()?;
    let found = read(&snapshot, context)?;
    connection::assert_sound(&snapshot)?;
    Ok(found)
}

fn move_log(readers: &Workers<Connection>, at_once: Arc<AtOnce>, working: Working) -> Pending<()> {
    readers.submit(move |connection| {
        at_once.let_go();
        let moved = connection::checkpoint(connection);
        drop(working);
        moved
    })
}

impl Database {
    /// Opens the database, makes or widens its tables, and proves that the file is encrypted.
    pub fn open(options: DatabaseOptions<'_>) -> Result<Self> {
        let mut writer = connection::open(options.path, options.key, Access::Write)?;
        migrations::run(&mut writer)?;
        schema_tables::prepare(&mut writer, &options.schema)?;
        // A new file has its first page only after this. A full disk must not keep an old one shut.
        let _ = connection::checkpoint(&writer);
        connection::assert_encrypted(options.path)?;
        let readers = (0..READERS)
            .map(|_| connection::open(options.path, options.key, Access::Read))
            .collect::<Result<Vec<_>>>()?;
        let kv = KvReading::new(connection::open(
            options.path,
            options.key,
            Access::ReadAtOnce,
        )?);
        let context = Arc::new(Context {
            sql: SchemaSql::new(&options.schema),
            schema: options.schema,
            clock: options.clock,
            entropy: options.entropy,
        });
        let state = WriterState {
            revisions: Revisions::load(&writer)?,
            connection: writer,
            context: Arc::clone(&context),
            notices: options.notices,
            kv_cache: kv.cache(),
            at_once: kv.at_once(),
        };
        let database = Self {
            writer: Workers::start("amana-writer", vec![state])?,
            readers: Arc::new(Workers::start("amana-reader", readers)?),
            context,
            kv,
            opener: Arc::new(Opener::new(options.path.to_owned(), options.key)),
            waits: UntilCommit::new(),
            path: options.path.to_owned(),
            background: options.background,
        };
        // An app asks this first. Whatever it says is said again to who asks.
        let _ = database.has_unsynced_now();
        Ok(database)
    }

    /// Finishes what is queued, then closes every connection. Calls that come later hear `locked`.
    pub fn close(&self) {
        self.close_because(&Error::new(ErrorCode::Locked, "the vault is locked"));
    }

    /// The same; calls that come later hear why.
    pub fn close_because(&self, why: &Error) {
        self.kv.close(why);
        self.readers.stop(why);
        self.writer.stop(why);
        self.opener.forget();
    }

    /// Looks at every page's authentication code: a damaged page is otherwise unnoticed until it is
    /// read. Returns how many faults there are. Reads the whole file.
    pub fn integrity_faults(&self) -> Pending<u64> {
        self.readers.submit(|connection| {
            let mut statement = connection
                .prepare("PRAGMA cipher_integrity_check")
                .map_sqlite()?;
            let mut rows = statement.query([]).map_sqlite()?;
            let mut faults = 0;
            while rows.next().map_sqlite()?.is_some() {
                faults += 1;
            }
            Ok(faults)
        })
    }

    /// Whether the file still begins with ciphertext.
    pub fn assert_encrypted(&self) -> Result<()> {
        connection::assert_encrypted(&self.path)
    }

    pub(super) fn writer<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut WriterState) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.writer.submit(job)
    }

    fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut WriteTransaction<'_>) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.writer
            .submit(move |state| state.transaction(false, write))
    }

    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, &Context) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        let context = Arc::clone(&self.context);
        let opener = self.opener();
        self.readers.submit(move |connection| {
            let found = read_once(connection, &context, read);
            if found.is_err() {
                opener.heal(connection);
            }
            found
        })
    }

    pub(super) fn opener(&self) -> Arc<Opener> {
        Arc::clone(&self.opener)
    }

    /// Runs a job on a reader's thread, without its connection.
    pub(super) fn on_reader<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        self.readers.submit(move |_| job())
    }

    /// Carries out local writes in one transaction: all or none. Returns the records' ids.
    pub fn apply(&self, operations: Vec<Operation>) -> Pending<Vec<RecordId>> {
        let fills_log = operations.len() >= CHECKPOINT_PAGES as usize;
        let write = move |tx: &mut WriteTransaction<'_>| {
            operations
                .into_iter()
                .map(|operation| records::apply(tx, operation))
                .collect()
        };
        if !fills_log {
            return self.write(write);
        }
        // The commit would move the log into the file, while the caller waits.
        let (readers, at_once) = (Arc::clone(&self.readers), self.kv.at_once());
        let background = Arc::clone(&self.background);
        self.writer.submit(move |state| {
            connection::set_checkpoint_pages(&state.connection, 0)?;
            let result = state.transaction(false, write);
            let _ = connection::set_checkpoint_pages(&state.connection, CHECKPOINT_PAGES);
            drop(move_log(&readers, at_once, background.begin()));
            result
        })
    }

    /// A record as a JSON object, or none.
    pub fn get(&self, table: TableIndex, id: RecordId) -> Pending<Option<String>> {
        self.read(move |connection, context| query::record(connection, context, table, &id))
    }

    /// The same, now. Waits for no writer and no other kind of reader.
    pub fn get_now(&self, table: TableIndex, id: &RecordId) -> Result<Option<String>> {
        self.kv.connection().read(|connection| {
            let found = query::record(connection, &self.context, table, id)?;
            // What is longer may have pages that hold nothing but its end: the only ones whose
            // damage SQLite does not notice.
            if found.as_ref().is_some_and(|json| json.len() > 2_000) {
                connection::assert_sound(connection)?;
            }
            Ok(found)
        })
    }

    /// Whether anything waits to be pushed, now.
    pub fn has_unsynced_now(&self) -> Result<bool> {
        self.waits.get(self.kv.connection(), outbox::waits)
    }

    /// Moves the write-ahead log into the file, beside the writer.
    pub(super) fn move_log(&self) -> Pending<()> {
        move_log(&self.readers, self.kv.at_once(), self.background.begin())
    }

    /// A page of records as JSON text.
    pub fn query(&self, table: TableIndex, query: Query) -> Pending<String> {
        self.read(move |connection, context| query::page(connection, context, table, &query))
    }

    /// Empties every table, for tests that live many lives on one file.
    #[cfg(test)]
    pub(crate) fn clear(&self) -> Pending<()> {
        self.write(|tx| records::clear(tx.connection, tx.context))
    }

    /// All records of a table by id, for tests that compare whole stores.
    #[cfg(test)]
    pub(crate) fn all_of(
        &self,
        table: TableIndex,
    ) -> Pending<std::collections::BTreeMap<String, Vec<crate::model::value::Value>>> {
        self.read(move |connection, context| records::all(connection, context, table))
    }

    /// How many records a condition fits.
    pub fn count(&self, table: TableIndex, condition: Condition) -> Pending<u64> {
        self.read(move |connection, context| query::count(connection, context, table, &condition))
    }

    /// What waits to be pushed.
    pub fn outbox_counts(&self) -> Pending<OutboxCounts> {
        self.read(|connection, _| outbox::counts(connection))
    }

    /// Takes what was put aside back, for one peer or for all: the next sync tries it again.
    /// Returns how much it was.
    pub fn release_quarantined(&self, peer: Option<PeerId>) -> Pending<u64> {
        self.write(move |tx| aside::release_all(tx.connection, peer.as_ref()))
    }

    /// Takes one record back. `not_found` where it was not put aside.
    pub fn release_record(&self, table: TableIndex, id: RecordId) -> Pending<()> {
        self.write(move |tx| standing::release(tx, table, &id))
    }

    /// What was put aside, at most `limit`.
    pub fn quarantined(&self, limit: u32) -> Pending<Vec<QuarantinedRecord>> {
        self.read(move |connection, context| aside::list(connection, &context.schema, limit))
    }

    /// Where one record stands.
    pub fn standing(
        &self,
        policy: SyncPolicy,
        table: TableIndex,
        id: RecordId,
    ) -> Pending<RecordStanding> {
        self.read(move |connection, context| {
            standing::of_record(connection, context, &policy, table, &id)
        })
    }

    /// Where the syncs stand.
    pub fn sync_status(&self, policy: SyncPolicy) -> Pending<SyncStatus> {
        self.read(move |connection, context| standing::of_syncs(connection, context, &policy))
    }

    /// Takes the other value of a ledger entry. Returns the record that has it now.
    pub fn undo_conflict(&self, entry: i64) -> Pending<RecordId> {
        self.write(move |tx| undo::undo(tx, entry))
    }

    /// Pairs with a peer: what was pinned, kept unchanged. Starts from nothing with it.
    pub fn pair(&self, peer: PeerId, name: String, trust: String) -> Pending<()> {
        self.write(move |tx| peers::pair(tx, &peer, &name, &trust))
    }

    /// The name of a paired peer, and what was pinned.
    pub fn trust(&self, peer: PeerId) -> Pending<Option<(String, String)>> {
        self.read(move |connection, _| peers::trust(connection, &peer))
    }

    /// Replaces what is kept of a paired peer, such as its address.
    pub fn set_trust(&self, peer: PeerId, trust: String) -> Pending<()> {
        self.write(move |tx| peers::set_trust(tx.connection, &peer, &trust))
    }

    /// Forgets a peer. What waits in the outbox stays.
    pub fn forget_peer(&self, peer: PeerId) -> Pending<()> {
        self.write(move |tx| peers::forget(tx, &peer))
    }

    /// The ledger's entries after an id, oldest first, and how many there are in all.
    pub fn conflicts(&self, after: i64, limit: u32) -> Pending<(Vec<ConflictEntry>, u64)> {
        self.read(move |connection, _| {
            Ok((
                conflicts::list(connection, after, limit)?,
                conflicts::count(connection)?,
            ))
        })
    }

    /// The digest of the records.
    pub fn digest(&self) -> Pending<Digest> {
        self.read(digest::digest)
    }

    /// Shows every record.
    #[cfg(any(test, feature = "test-support"))]
    pub fn dump(&self, mut visit: super::dump::DumpVisitor) -> Pending<()> {
        self.read(move |connection, context| super::dump::dump(connection, context, &mut visit))
    }

    /// Who is signed in.
    pub fn session(&self) -> Pending<Option<StoredSession>> {
        self.read(|connection, _| session::load(connection))
    }

    /// Remembers who signed in. Rows that were kept because they were another person's own go.
    pub fn save_session(&self, peer: &PeerId, session: StoredSession) -> Pending<()> {
        let peer = peer.clone();
        self.write(move |tx| {
            if let Some(address) = &session.address {
                peers::set_url(tx.connection, &peer, address.url.as_str())?;
            }
            if session::person_id(tx.connection)?.as_deref() != Some(&session.person.id) {
                records::remove_own_rows(tx, |_| true)?;
            }
            session::save(tx.connection, &session)
        })
    }

    /// Forgets the session and its password, also in the write-ahead log.
    pub fn remove_session(&self) -> Pending<()> {
        self.writer.submit(|state| {
            state.transaction(false, |tx| session::remove(tx.connection))?;
            let _ = connection::checkpoint(&state.connection);
            Ok(())
        })
    }

    /// Where we stand with a peer.
    pub fn peer_status(&self, peer: &PeerId) -> Pending<PeerStatus> {
        let peer = peer.clone();
        self.read(move |connection, _| peers::status(connection, &peer))
    }
}
