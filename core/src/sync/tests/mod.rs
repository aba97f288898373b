//! The engine against a scripted peer and a store in memory.

mod cancelling;
mod convergence;
mod order;
mod probing;
mod pulling;
mod pushing;

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::{Engine, Resolver};
use crate::cancel::CancelToken;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{PushFailure, RemoteChange, RemoteRow};
use crate::model::ids::RecordId;
use crate::model::notice::SyncProgress;
use crate::model::report::SyncReport;
use crate::model::schema::{Schema, TableIndex};
use crate::model::terms::{PeerTerms, SyncPolicy};
use crate::model::value::Value;
use crate::ports::{Disk, ProgressListener, SyncPeer};
use crate::test_support::{
    CallLog, FakeClock, FakeDisk, FakeStore, InstantTimer, ScriptedPeer, ScriptedPull,
    SeededEntropy,
};

const NOW: i64 = 1_795_470_612_883;

/// One device with its fakes.
struct Device {
    schema: Arc<Schema>,
    log: CallLog,
    store: Arc<FakeStore>,
    peer: ScriptedPeer,
    clock: Arc<FakeClock>,
    entropy: SeededEntropy,
    timer: InstantTimer,
    spools: tempfile::TempDir,
    disk: Arc<dyn Disk>,
    cancel: CancelToken,
    progress: Progress,
}

impl Device {
    fn new() -> Self {
        let schema = Schema::hikma().unwrap();
        let log = CallLog::default();
        Self {
            store: Arc::new(FakeStore::new(schema.clone(), &log)),
            peer: ScriptedPeer::new(&log),
            log,
            schema,
            clock: Arc::new(FakeClock::at(NOW)),
            entropy: SeededEntropy::new(1),
            timer: InstantTimer::default(),
            spools: tempfile::tempdir().unwrap(),
            disk: Arc::new(FakeDisk::unknown()),
            cancel: CancelToken::new(),
            progress: Progress::default(),
        }
    }

    fn engine<'a>(&'a self, peer: &'a dyn SyncPeer) -> Engine<'a> {
        Engine {
            store: &*self.store,
            peer,
            terms: PeerTerms::cloud(),
            rule: Arc::new(Resolver::new(&self.schema, &SyncPolicy::default())),
            schema: &self.schema,
            clock: &*self.clock,
            entropy: &self.entropy,
            timer: &self.timer,
            spool_directory: self.spools.path(),
            disk: &self.disk,
            progress: Some(&self.progress),
            cancel: &self.cancel,
            full_pull: false,
            full_pull_first: false,
            past_failures: 0,
        }
    }

    fn sync(&self) -> Result<SyncReport> {
        let result = self.engine(&self.peer).run();
        assert_no_spool(self.spools.path());
        result
    }

    fn full_sync(&self) -> Result<SyncReport> {
        let mut engine = self.engine(&self.peer);
        engine.full_pull = true;
        engine.run()
    }

    fn table(&self, name: &str) -> TableIndex {
        self.schema.find(name).unwrap()
    }

    fn column(&self, table: &str, column: &str) -> usize {
        self.schema
            .table(self.table(table))
            .position(column)
            .unwrap()
    }

    /// A local write to a text column.
    fn write(&self, table: &str, number: u32, column: &str, text: &str) -> RecordId {
        let id = id(number);
        let cells = [(self.column(table, column), Value::Text(text.to_owned()))];
        self.store.write(self.table(table), &id, &cells, NOW);
        id
    }

    fn patients(&self, count: u32) {
        for number in 0..count {
            self.write("patients", number, "given_name", "Amal");
        }
    }
}

fn assert_no_spool(directory: &Path) {
    assert_eq!(std::fs::read_dir(directory).unwrap().count(), 0);
}

fn id(number: u32) -> RecordId {
    RecordId::parse_uuid(&format!("00000000-0000-7000-8000-{number:012}")).unwrap()
}

fn number_of(id: &RecordId) -> u32 {
    id.as_str()[24..].parse().unwrap()
}

fn refused() -> PushFailure {
    PushFailure::Refused(Error::new(ErrorCode::Server, "refused"))
}

fn error(code: ErrorCode) -> Error {
    Error::new(code, "scripted")
}

fn reply(timestamp: i64, changes: Vec<RemoteChange>) -> ScriptedPull {
    ScriptedPull {
        changes,
        timestamp,
        ..ScriptedPull::default()
    }
}

fn failing(error: Error, changes: Vec<RemoteChange>) -> ScriptedPull {
    ScriptedPull {
        changes,
        error: Some(error),
        ..ScriptedPull::default()
    }
}

/// A patient as the peer sends it.
fn patient(device: &Device, number: u32, name: &str, updated_at: i64) -> RemoteChange {
    let cells = vec![
        (
            device.column("patients", "given_name"),
            Value::Text(name.to_owned()),
        ),
        (
            device.column("patients", "updated_at"),
            Value::Integer(updated_at),
        ),
    ];
    RemoteChange::Upsert(
        device.table("patients"),
        RemoteRow {
            id: id(number),
            cells,
        },
    )
}

#[derive(Default)]
struct Progress(Mutex<Vec<SyncProgress>>);

impl Progress {
    fn events(&self) -> Vec<SyncProgress> {
        self.0.lock().unwrap().clone()
    }
}

impl ProgressListener for Progress {
    fn progress(&self, progress: &SyncProgress) {
        self.0.lock().unwrap().push(*progress);
    }
}
