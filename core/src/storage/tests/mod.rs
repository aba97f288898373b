//! The store as its callers see it, on a real encrypted file.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

mod at_once;
mod files;
mod grown;
mod kv;
mod outbox;
mod pulls;
mod records;
mod related;
mod salvage;
mod taken;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{Database, DatabaseOptions, Operation};
use crate::background::Background;
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{
    Acknowledgement, OutboxKind, OutboxPosition, OutboxRow, PieceLimit, PullReply, PushClass,
    Refusal, RemoteChange, RemoteRow, SkipCounts,
};
use crate::model::filter::Query;
use crate::model::ids::{PeerId, RecordId};
use crate::model::kv::KvNotice;
use crate::model::merge::{MergeInput, MergePlan, MergeRule, Verdict, VerifyInput};
use crate::model::notice::{ChangeNotice, Notice};
use crate::model::report::ApplyReport;
use crate::model::row;
use crate::model::schema::{Schema, TableIndex};
use crate::model::terms::PeerTerms;
use crate::model::value::Value;
use crate::ports::{ChangeSource, SyncStore};
use crate::secret::DatabaseKey;
use crate::test_support::{FakeClock, SeededEntropy, all_tables};

const ALL: PieceLimit = PieceLimit {
    rows: 100,
    bytes: usize::MAX,
    begun: crate::model::change_set::Revision(i64::MAX),
};
const NOW: i64 = 1_795_470_612_883;

struct Store {
    database: Database,
    schema: Arc<Schema>,
    clock: Arc<FakeClock>,
    notices: Arc<Mutex<Vec<ChangeNotice>>>,
    kv_notices: Arc<Mutex<Vec<KvNotice>>>,
    background: Arc<Background>,
    directory: TempDir,
}

impl Store {
    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap(), Schema::hikma().unwrap()).unwrap()
    }

    fn open(directory: TempDir, schema: Arc<Schema>) -> Result<Self> {
        let clock = Arc::new(FakeClock::at(NOW));
        let notices = Arc::new(Mutex::new(Vec::new()));
        let kv_notices = Arc::new(Mutex::new(Vec::new()));
        let (sink, kv_sink) = (Arc::clone(&notices), Arc::clone(&kv_notices));
        let background = Arc::<Background>::default();
        let database = Database::open(DatabaseOptions {
            background: Arc::clone(&background),
            path: &directory.path().join("database"),
            key: &DatabaseKey::from_bytes(&[7; 32]),
            schema: Arc::clone(&schema),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            notices: Arc::new(move |notice| match notice {
                Notice::Records(notice) => sink.lock().unwrap().push(notice),
                Notice::Kv(notice) => kv_sink.lock().unwrap().push(notice),
                // The front door's, never a database's.
                Notice::State(_) => unreachable!(),
                Notice::Damage => {}
            }),
        })?;
        Ok(Self {
            database,
            schema,
            clock,
            notices,
            kv_notices,
            background,
            directory,
        })
    }

    fn table(&self, name: &str) -> TableIndex {
        self.schema.require(name).unwrap().0
    }

    fn insert(&self, table: &str, fields: Json) -> Result<RecordId> {
        let (index, table) = self.schema.require(table)?;
        let (id, fields) = row::parse_fields(table, fields.as_object().unwrap())?;
        let operation = Operation::Insert {
            table: index,
            id,
            fields,
        };
        Ok(self.database.apply(vec![operation]).wait()?.remove(0))
    }

    fn update(&self, table: &str, id: &RecordId, fields: Json) -> Result<()> {
        let (index, table) = self.schema.require(table)?;
        let (_, fields) = row::parse_fields(table, fields.as_object().unwrap())?;
        let operation = Operation::Update {
            table: index,
            id: id.clone(),
            fields,
        };
        self.database.apply(vec![operation]).wait().map(|_| ())
    }

    fn delete(&self, table: &str, id: &RecordId) -> Result<()> {
        let (index, _) = self.schema.require(table)?;
        let operation = Operation::Delete {
            table: index,
            id: id.clone(),
        };
        self.database.apply(vec![operation]).wait().map(|_| ())
    }

    fn get(&self, table: &str, id: &RecordId) -> Option<Json> {
        let (index, _) = self.schema.require(table).unwrap();
        let text = self.database.get(index, id.clone()).wait().unwrap();
        text.map(|text| serde_json::from_str(&text).unwrap())
    }

    fn query(&self, table: &str, query: &str) -> Json {
        serde_json::from_str(&self.page(table, query).unwrap()).unwrap()
    }

    fn page(&self, table: &str, query: &str) -> Result<String> {
        let (index, _) = self.schema.require(table)?;
        let query = Query::parse(&self.schema, index, query)?;
        self.database.query(index, query).wait()
    }

    fn column(&self, table: &str, query: &str, column: &str) -> Vec<Json> {
        let page = self.query(table, query);
        let columns = page["columns"].as_array().unwrap();
        let at = columns.iter().position(|c| c == column).unwrap();
        page["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[at].clone())
            .collect()
    }

    fn outbox(&self, class: PushClass) -> Vec<OutboxRow> {
        let start = OutboxPosition::default();
        self.database
            .collect(&PeerTerms::cloud(), class, &start, ALL)
            .wait()
            .unwrap()
            .rows
    }

    fn upserts(&self) -> Vec<OutboxRow> {
        self.outbox(PushClass::Upserts { stage: 0 })
    }

    fn pull(&self, changes: Vec<RemoteChange>) -> Result<ApplyReport> {
        self.database.apply_pull(
            &PeerTerms::cloud(),
            &reply(NOW + 1),
            Box::new(List { changes, next: 0 }),
            Arc::new(RemoteWins),
            &CancelToken::new(),
        )
    }

    fn remote(&self, table: &str, id: &str, cells: &[(&str, Value)]) -> RemoteChange {
        let (index, table) = self.schema.require(table).unwrap();
        let cells = cells
            .iter()
            .map(|(c, v)| (table.position(c).unwrap(), v.clone()))
            .collect();
        let row = RemoteRow {
            id: RecordId::from_peer(id).unwrap(),
            cells,
        };
        RemoteChange::Upsert(index, row)
    }

    fn remote_delete(&self, table: &str, id: &RecordId) -> RemoteChange {
        RemoteChange::Delete(self.schema.require(table).unwrap().0, id.clone())
    }
}

fn reply(timestamp: i64) -> PullReply {
    PullReply {
        timestamp,
        skew_ms: 0,
        upserts: 0,
        deletions: 0,
        bytes: 0,
        full: false,
        tables: all_tables(),
        skipped: SkipCounts::default(),
    }
}

fn refusals(rows: Vec<Acknowledgement>) -> Vec<Refusal> {
    let refusal = |row| Refusal {
        row,
        reason: "refused",
        retry_ms: None,
        by_peer: true,
    };
    rows.into_iter().map(refusal).collect()
}

struct List {
    changes: Vec<RemoteChange>,
    next: usize,
}

impl ChangeSource for List {
    fn next_change(&mut self) -> Result<Option<&RemoteChange>> {
        self.next += 1;
        Ok(self.changes.get(self.next - 1))
    }
}

/// The simplest rule: enough to see what the store does with a plan.
struct RemoteWins;

impl MergeRule for RemoteWins {
    fn merge<'a>(&self, _: TableIndex, input: &MergeInput<'a>) -> MergePlan<'a> {
        remote_wins(input)
    }

    fn verify(&self, _: &VerifyInput<'_>) -> Verdict {
        Verdict::Kept
    }
}

fn remote_wins<'a>(input: &MergeInput<'a>) -> MergePlan<'a> {
    if input
        .outbox
        .is_some_and(|entry| entry.kind == OutboxKind::Deleted)
    {
        return MergePlan::KeepTombstone { newer: false };
    }
    match input.local {
        None => {
            let mut record = vec![Value::Null; input.table.columns.len()];
            record[0] = Value::Text(input.remote.id.as_str().to_owned());
            for (position, value) in &input.remote.cells {
                record[*position] = value.clone();
            }
            MergePlan::Insert(record.into_iter().map(Cow::Owned).collect())
        }
        Some(_) => MergePlan::Update {
            cells: input.remote.cells.clone(),
            base: None,
            conflicts: Vec::new(),
        },
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn raw<T: rusqlite::types::FromSql + Send + 'static>(store: &Store, sql: &'static str) -> T {
    store
        .database
        .read(move |connection, _| {
            connection
                .query_row(sql, [], |row| row.get(0))
                .map_err(|_| Error::internal("test"))
        })
        .wait()
        .unwrap()
}
