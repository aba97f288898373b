//! Decodes a pull reply as a stream: rows go to the sink one by one, and nothing of the reply is
//! kept. What the reply must look like is in `reply`; what is dropped and counted is decided here.

use std::io::{BufReader, Read};

use serde::Deserializer;

use super::guard::Guard;
use super::record;
use super::reply::{List, Wrapped};
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::{PullReply, RemoteRow, SkipCounts};
use crate::model::ids::RecordId;
use crate::model::schema::{Schema, Table, TableIndex};
use crate::ports::ChangeSink;
use crate::transport::limits::SizeLimits;

/// The parser reads byte by byte; the network's pieces are copied here first.
const BUFFER_BYTES: usize = 64 * 1024;

const NOT_JSON: Error = protocol("the reply is not whole JSON");
const NOT_THE_FORM: Error = protocol("the reply has not the form of the protocol");

const fn protocol(detail: &'static str) -> Error {
    Error::new(ErrorCode::Protocol, detail)
}

/// Decodes one reply into a sink.
pub(in crate::transport) struct Decoder<'a> {
    pub(super) schema: &'a Schema,
    own_user_id: String,
    sink: &'a mut dyn ChangeSink,
    limits: SizeLimits,
    wrapping: usize,
    tables: u64,
    rows: u64,
    upserts: u64,
    deletions: u64,
    pub(super) skipped: SkipCounts,
    pub(super) timestamp: Option<i64>,
    pub(super) saw_changes: bool,
    // An error of ours cannot pass through the parser, which would only keep its text.
    pub(super) failure: Option<Error>,
}

impl<'a> Decoder<'a> {
    pub(in crate::transport) fn new(
        schema: &'a Schema,
        own_user_id: &str,
        sink: &'a mut dyn ChangeSink,
        limits: SizeLimits,
    ) -> Self {
        // In the form that references in records get.
        let own_user_id = RecordId::from_peer(own_user_id)
            .map_or_else(|| own_user_id.to_owned(), RecordId::into_string);
        Self {
            schema,
            own_user_id,
            sink,
            limits,
            wrapping: 0,
            tables: 0,
            rows: 0,
            upserts: 0,
            deletions: 0,
            skipped: SkipCounts::default(),
            timestamp: None,
            saw_changes: false,
            failure: None,
        }
    }

    /// The reply stands inside so many objects: `result`, `data`, `json` as far as it goes.
    pub(in crate::transport) const fn wrapped(mut self, by: usize) -> Self {
        self.wrapping = by;
        self
    }

    /// Reads the reply to its end. What was asked for, and the skew, are the caller's to fill in.
    pub(in crate::transport) fn read(mut self, body: impl Read) -> Result<PullReply> {
        let wrapping = self.wrapping;
        let mut guard = Guard::new(body, self.limits, wrapping);
        let parsed = {
            let reader = BufReader::with_capacity(BUFFER_BYTES, &mut guard);
            let mut json = serde_json::Deserializer::from_reader(reader);
            json.deserialize_map(Wrapped(&mut self, wrapping))
                .and_then(|()| json.end())
        };
        parsed.map_err(|error| self.failure.take().unwrap_or_else(|| explain(error)))?;
        let timestamp = self.timestamp.ok_or(NOT_THE_FORM)?;
        if !self.saw_changes {
            return Err(NOT_THE_FORM);
        }
        Ok(PullReply {
            timestamp,
            skew_ms: 0,
            upserts: self.upserts,
            deletions: self.deletions,
            bytes: guard.seen(),
            full: false,
            skipped: self.skipped,
        })
    }

    /// The name of one table.
    pub(super) fn table(&mut self) -> Result<()> {
        self.tables += 1;
        if self.tables > self.limits.tables {
            return Err(protocol("the reply holds more tables than allowed"));
        }
        Ok(())
    }

    /// One item of a list.
    pub(super) fn item(&mut self, index: TableIndex, list: List, raw: &str) -> Result<()> {
        self.rows += 1;
        if self.rows > self.limits.rows {
            return Err(protocol("the reply holds more records than allowed"));
        }
        match list {
            List::Upserts => self.upsert(index, raw),
            List::Deletions => self.delete(index, raw),
        }
    }

    fn upsert(&mut self, index: TableIndex, raw: &str) -> Result<()> {
        let table = self.schema.table(index);
        let Some(row) = record::read(self.schema, table, raw, &mut self.skipped) else {
            self.skipped.bad_records += 1;
            return Ok(());
        };
        if !self.is_own(table, &row) {
            self.skipped.foreign_rows += 1;
            return Ok(());
        }
        self.upserts += 1;
        self.sink.upsert(index, row)
    }

    fn delete(&mut self, index: TableIndex, raw: &str) -> Result<()> {
        let Some(id) = record::read_id(raw) else {
            self.skipped.bad_records += 1;
            return Ok(());
        };
        self.deletions += 1;
        self.sink.delete(index, id)
    }

    /// A row that does not say whose it is, is nobody's.
    fn is_own(&self, table: &Table, row: &RemoteRow) -> bool {
        table.own_rows_only.is_none_or(|column| {
            row.cells.iter().any(|(position, value)| {
                *position == column && value.as_text() == Some(&self.own_user_id)
            })
        })
    }
}

fn explain(error: serde_json::Error) -> Error {
    use serde_json::error::Category;
    match error.classify() {
        Category::Io => std::io::Error::from(error)
            .downcast::<Error>()
            .unwrap_or_else(|_| Error::new(ErrorCode::Network, "the reply broke off")),
        Category::Data => NOT_THE_FORM,
        Category::Syntax | Category::Eof => NOT_JSON,
    }
}

/// The decoder of pull replies, for fuzzing: whatever the bytes are, it must not panic. Returns how
/// many changes were handed on.
#[cfg(any(test, feature = "test-support"))]
pub(crate) fn check_decoder(body: &[u8], wrapping: usize) -> Result<u64> {
    use std::sync::{Arc, OnceLock};

    #[derive(Default)]
    struct Count(u64);

    impl ChangeSink for Count {
        fn upsert(&mut self, _: TableIndex, _: RemoteRow) -> Result<()> {
            self.0 += 1;
            Ok(())
        }

        fn delete(&mut self, _: TableIndex, _: RecordId) -> Result<()> {
            self.0 += 1;
            Ok(())
        }
    }

    static SCHEMA: OnceLock<Result<Arc<Schema>>> = OnceLock::new();
    let schema = SCHEMA.get_or_init(Schema::hikma).clone()?;
    let mut count = Count::default();
    Decoder::new(&schema, "u", &mut count, SizeLimits::PULL)
        .wrapped(wrapping)
        .read(body)?;
    Ok(count.0)
}
