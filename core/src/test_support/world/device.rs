//! One device: a real encrypted store, its own clock, and the engine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::model::filter::Query;
use crate::model::ids::PeerId;
use crate::model::ledger::ConflictEntry;
use crate::model::notice::{ChangeNotice, Notice};
use crate::model::report::SyncReport;
use crate::model::row;
use crate::model::schema::Direction;
use crate::model::standing::{RecordStanding, SyncStatus};
use crate::model::terms::SyncPolicy;
use crate::ports::{Disk, SyncPeer};
use crate::secret::DatabaseKey;
use crate::storage::{Database, DatabaseOptions, Operation};
use crate::sync::{Engine, Resolver};
use crate::test_support::{FakeClock, FakeDisk, InstantTimer, SeededEntropy};

/// Tables with the ids of their records.
type Touched = Vec<(String, Vec<String>)>;

type Heard = Arc<Mutex<Vec<ChangeNotice>>>;

pub(super) struct Device {
    pub database: Arc<Database>,
    pub schema: Arc<Schema>,
    pub clock: Arc<FakeClock>,
    pub policy: Mutex<SyncPolicy>,
    pub cancel: CancelToken,
    /// What listeners heard of records, in order.
    pub heard: Heard,
    entropy: Arc<SeededEntropy>,
    timer: InstantTimer,
    disk: Arc<dyn Disk>,
    directory: tempfile::TempDir,
}

impl Device {
    pub fn new(clock: &Arc<FakeClock>, seed: u64) -> Self {
        let memory = std::path::Path::new("/dev/shm");
        let directory = if memory.is_dir() {
            tempfile::tempdir_in(memory)
        } else {
            tempfile::tempdir()
        }
        .unwrap();
        let entropy = Arc::new(SeededEntropy::new(seed));
        let schema = schema();
        let heard = Heard::default();
        let database = open(directory.path(), &schema, clock, &entropy, &heard);
        Self {
            database: Arc::new(database),
            heard,
            schema,
            clock: Arc::clone(clock),
            policy: Mutex::default(),
            cancel: CancelToken::new(),
            entropy,
            timer: InstantTimer::default(),
            disk: Arc::new(FakeDisk::unknown()),
            directory,
        }
    }

    /// As if it were new.
    pub fn begin_anew(&self) {
        self.database.clear().wait().unwrap();
        self.clock.set_wall(NOW);
        self.heard.lock().unwrap().clear();
    }

    /// The process ends and starts again.
    pub fn restart(&mut self) {
        self.database.close();
        let database = open(
            self.directory.path(),
            &self.schema,
            &self.clock,
            &self.entropy,
            &self.heard,
        );
        self.database = Arc::new(database);
    }

    pub fn table(&self, name: &str) -> TableIndex {
        self.schema.find(name).unwrap()
    }

    pub fn insert(&self, table: &str, fields: Json) -> Result<RecordId> {
        let (index, table) = self.schema.require(table)?;
        let (id, fields) = row::parse_fields(table, fields.as_object().unwrap())?;
        let operation = Operation::Insert {
            table: index,
            id,
            fields,
        };
        Ok(self.database.apply(vec![operation]).wait()?.remove(0))
    }

    pub fn update(&self, table: &str, id: &RecordId, fields: Json) -> Result<()> {
        let (index, table) = self.schema.require(table)?;
        let (_, fields) = row::parse_fields(table, fields.as_object().unwrap())?;
        let operation = Operation::Update {
            table: index,
            id: id.clone(),
            fields,
        };
        self.database.apply(vec![operation]).wait().map(|_| ())
    }

    pub fn delete(&self, table: &str, id: &RecordId) -> Result<()> {
        let operation = Operation::Delete {
            table: self.table(table),
            id: id.clone(),
        };
        self.database.apply(vec![operation]).wait().map(|_| ())
    }

    pub fn get(&self, table: &str, id: &RecordId) -> Option<Json> {
        let found = self
            .database
            .get(self.table(table), id.clone())
            .wait()
            .unwrap();
        found.map(|text| serde_json::from_str(&text).unwrap())
    }

    pub fn field(&self, table: &str, id: &RecordId, column: &str) -> Json {
        self.get(table, id)
            .map_or(Json::Null, |row| row[column].clone())
    }

    pub fn count(&self, table: &str) -> usize {
        let query = Query::parse(&self.schema, self.table(table), "{}").unwrap();
        let count = self.database.count(self.table(table), query.condition);
        count.wait().unwrap() as usize
    }

    pub fn ids(&self, table: &str) -> Vec<RecordId> {
        let rows = self.rows_of(table);
        rows.keys()
            .map(|id| RecordId::from_peer(id).unwrap())
            .collect()
    }

    /// The texts in some columns of a record.
    pub fn texts(&self, table: &str, id: &RecordId, columns: &[&str]) -> Vec<String> {
        let Some(row) = self.get(table, id) else {
            return Vec::new();
        };
        let texts = columns.iter().filter_map(|column| row[*column].as_str());
        texts.map(str::to_owned).collect()
    }

    fn rows_of(&self, table: &str) -> BTreeMap<String, Vec<Value>> {
        self.database.all_of(self.table(table)).wait().unwrap()
    }

    /// All records of the tables that are pushed.
    pub fn rows(&self) -> Rows {
        let pushed = self
            .schema
            .tables()
            .filter(|(_, t)| t.direction == Direction::Both);
        let rows = pushed.flat_map(|(index, table)| {
            let rows = self.rows_of(&table.name).into_iter();
            rows.map(move |(id, values)| ((index, id), values))
        });
        rows.collect()
    }

    pub fn sync_with(&self, id: &PeerId, peer: &dyn SyncPeer, full: bool) -> Result<SyncReport> {
        self.sync_by(id, peer, full, &self.cancel)
    }

    pub fn sync_by(
        &self,
        id: &PeerId,
        peer: &dyn SyncPeer,
        full: bool,
        cancel: &CancelToken,
    ) -> Result<SyncReport> {
        let policy = self.policy.lock().unwrap().clone();
        let status = self.database.peer_status(id).wait()?;
        Engine {
            store: &*self.database,
            peer,
            terms: policy.terms(id),
            rule: Arc::new(Resolver::new(&self.schema, &policy)),
            schema: &self.schema,
            clock: &*self.clock,
            entropy: &*self.entropy,
            timer: &self.timer,
            spool_directory: self.directory.path(),
            disk: &self.disk,
            progress: None,
            cancel,
            full_pull: full,
            full_pull_first: false,
            past_failures: status.failures,
        }
        .run()
    }

    pub fn sync(&self, cloud: &Cloud) -> SyncReport {
        self.sync_with(&PeerId::cloud(), cloud, false).unwrap()
    }

    pub fn sync_fully(&self, cloud: &Cloud) -> SyncReport {
        self.sync_with(&PeerId::cloud(), cloud, true).unwrap()
    }

    /// With the hub, anew where it was paired before.
    pub fn pair(&self) {
        let paired = self.database.pair(Hub::id(), "Hub".into(), "{}".into());
        paired.wait().unwrap();
    }

    pub fn sync_hub(&self, hub: &Hub) -> SyncReport {
        self.sync_with(&Hub::id(), hub, false).unwrap()
    }

    pub fn ledger(&self) -> Vec<ConflictEntry> {
        self.database.conflicts(0, 1_000).wait().unwrap().0
    }

    pub fn standing(&self, table: &str, id: &RecordId) -> RecordStanding {
        let policy = self.policy.lock().unwrap().clone();
        let standing = self
            .database
            .standing(policy, self.table(table), id.clone());
        standing.wait().unwrap()
    }

    pub fn status(&self) -> SyncStatus {
        let policy = self.policy.lock().unwrap().clone();
        self.database.sync_status(policy).wait().unwrap()
    }

    /// What was heard since the last look: of each notice whether a peer was the cause, and the tables
    /// with the ids.
    pub fn what_was_heard(&self) -> Vec<(bool, Touched)> {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap());
        let tables = |notice: ChangeNotice| {
            let tables = notice.tables.into_iter();
            tables.map(|t| (t.table, t.ids.unwrap())).collect()
        };
        let heard = heard.into_iter();
        heard.map(|n| (n.from_peer, tables(n))).collect()
    }

    pub fn pending(&self) -> u64 {
        self.database.outbox_counts().wait().unwrap().pending
    }
}

fn open(
    directory: &std::path::Path,
    schema: &Arc<Schema>,
    clock: &Arc<FakeClock>,
    entropy: &Arc<SeededEntropy>,
    heard: &Heard,
) -> Database {
    let heard = Arc::clone(heard);
    Database::open(DatabaseOptions {
        background: Arc::default(),
        path: &directory.join("database"),
        key: &DatabaseKey::from_bytes(&[7; 32]),
        schema: Arc::clone(schema),
        clock: clock.clone(),
        entropy: entropy.clone(),
        notices: Arc::new(move |notice| {
            if let Notice::Records(notice) = notice {
                heard.lock().unwrap().push(notice);
            }
        }),
    })
    .unwrap()
}

/// A clock at a fixed time, a cloud and a device.
pub(super) fn cloud_and_device() -> (Arc<FakeClock>, Cloud, Device) {
    let clock = Arc::new(FakeClock::at(NOW));
    (
        Arc::clone(&clock),
        Cloud::new(&clock),
        Device::new(&clock, 1),
    )
}
