//! Decodes a pull reply as a stream: rows go to the sink one by one, and nothing of the reply is
//! kept. What the reply must look like is in `reply`; what is dropped and counted is decided here.

use std::io::Read;

use super::failures::{NOT_THE_FORM, TOO_MANY, TOO_MANY_TABLES};
use super::input::{self, Input};
use super::record::{self, Shape};
use super::reply::{self, List};
use crate::error::Result;
use crate::model::change_set::{PullReply, RemoteRow, SkipCounts};
use crate::model::ids::RecordId;
use crate::model::schema::{Schema, Table, TableIndex};
use crate::ports::ChangeSink;
use crate::transport::limits::SizeLimits;

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
    /// The tables that stand in it, and those of them of which something was passed over.
    pub(super) listed: Vec<TableIndex>,
    partial: Vec<TableIndex>,
    shape: Shape,
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
            listed: Vec::new(),
            partial: Vec::new(),
            shape: Shape::default(),
        }
    }

    /// The reply stands inside so many objects: `result`, `data`, `json` as far as it goes.
    pub(in crate::transport) const fn wrapped(mut self, by: usize) -> Self {
        self.wrapping = by;
        self
    }

    /// Reads the reply to its end. What was asked for, and the skew, are the caller's to fill in.
    pub(in crate::transport) fn read(mut self, body: impl Read) -> Result<PullReply> {
        let mut input = Input::new(body, self.limits, self.wrapping);
        let wrapping = self.wrapping;
        reply::read(&mut input, &mut self, wrapping)?;
        let timestamp = self.timestamp.ok_or(NOT_THE_FORM)?;
        if !self.saw_changes {
            return Err(NOT_THE_FORM);
        }
        self.listed.retain(|table| !self.partial.contains(table));
        Ok(PullReply {
            timestamp,
            skew_ms: 0,
            upserts: self.upserts,
            deletions: self.deletions,
            bytes: input.read_bytes(),
            full: false,
            tables: self.listed,
            skipped: self.skipped,
        })
    }

    /// The name of one table.
    pub(super) fn table(&mut self) -> Result<()> {
        self.tables += 1;
        if self.tables > self.limits.tables {
            return Err(TOO_MANY_TABLES);
        }
        Ok(())
    }

    /// One item of a list.
    pub(super) fn item(&mut self, index: TableIndex, list: List, raw: &str) -> Result<()> {
        self.row()?;
        match list {
            List::Upserts => self.upsert(index, raw),
            List::Deletions => self.delete(index, raw),
        }
    }

    /// An item that was too large or too deep to be looked at. Whose it is, is not known: what its table
    /// does not hold says nothing then.
    pub(super) fn passed(&mut self, index: TableIndex) -> Result<()> {
        self.row()?;
        self.skipped.bad_records += 1;
        if !self.partial.contains(&index) {
            self.partial.push(index);
        }
        Ok(())
    }

    fn row(&mut self) -> Result<()> {
        self.rows += 1;
        if self.rows > self.limits.rows {
            return Err(TOO_MANY);
        }
        Ok(())
    }

    fn upsert(&mut self, index: TableIndex, raw: &str) -> Result<()> {
        let row = record::read(self.schema, index, raw, &mut self.shape, &mut self.skipped);
        let Some(row) = row else {
            return self.pass_over(raw);
        };
        if !self.is_own(self.schema.table(index), &row) {
            self.skipped.foreign_rows += 1;
            return Ok(());
        }
        self.upserts += 1;
        self.sink.upsert(index, row)
    }

    fn delete(&mut self, index: TableIndex, raw: &str) -> Result<()> {
        let Some(id) = record::read_id(raw) else {
            return self.pass_over(raw);
        };
        self.deletions += 1;
        self.sink.delete(index, id)
    }

    /// An item that is of no use is counted, if it is JSON at all.
    fn pass_over(&mut self, raw: &str) -> Result<()> {
        input::check(raw)?;
        self.skipped.bad_records += 1;
        Ok(())
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
