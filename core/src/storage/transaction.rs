//! One write transaction: what it may use, what it touched, and the revision it ends with.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::schema_tables::{read_meta, write_meta};
use super::table_sql::SchemaSql;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::Revision;
use crate::model::notice::{ChangeNotice, MAX_NOTICE_IDS, TableNotice};
use crate::model::schema::{Schema, TableIndex};
use crate::ports::{Clock, Entropy};

/// What every transaction of a database shares.
pub(super) struct Context {
    pub schema: Arc<Schema>,
    pub sql: SchemaSql,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// An open write transaction. Dropping it without `finish` leaves the commit undone.
pub(super) struct WriteTransaction<'a> {
    pub connection: &'a Connection,
    pub context: &'a Context,
    revision: Revision,
    revision_moved: bool,
    skew_ms: i64,
    touched: BTreeMap<TableIndex, Touched>,
}

enum Touched {
    Ids(Vec<String>),
    Many,
}

impl<'a> WriteTransaction<'a> {
    /// Starts to keep the books of a transaction that SQLite has begun.
    pub(super) fn new(connection: &'a Connection, context: &'a Context) -> Result<Self> {
        let revision = match read_meta(connection, "revision")? {
            Some(text) => text.parse().map_err(|_| {
                Error::new(ErrorCode::DatabaseDamaged, "the revision cannot be read")
            })?,
            None => 0,
        };
        Ok(Self {
            connection,
            context,
            revision: Revision(revision),
            revision_moved: false,
            skew_ms: super::peers::skew_of_records(connection)?,
            touched: BTreeMap::new(),
        })
    }

    /// The revision of the next local write: each has one of its own.
    pub(super) fn next_revision(&mut self) -> Revision {
        self.revision.0 += 1;
        self.revision_moved = true;
        self.revision
    }

    /// The time that records get: the device's clock, corrected by what the peer's replies told.
    pub(super) fn record_time_ms(&self) -> i64 {
        self.context.clock.now_ms().saturating_add(self.skew_ms)
    }

    /// Remembers that a record was changed, for the notice.
    pub(super) fn touch(&mut self, table: TableIndex, id: &str) {
        match self
            .touched
            .entry(table)
            .or_insert_with(|| Touched::Ids(Vec::new()))
        {
            Touched::Many => {}
            Touched::Ids(ids) if ids.len() < MAX_NOTICE_IDS => ids.push(id.to_owned()),
            many => *many = Touched::Many,
        }
    }

    /// Writes the revision, and tells what was touched; the caller commits.
    pub(super) fn finish(self, from_peer: bool) -> Result<Option<ChangeNotice>> {
        if self.revision_moved {
            write_meta(self.connection, "revision", &self.revision.0.to_string())?;
        }
        if self.touched.is_empty() {
            return Ok(None);
        }
        let tables = self
            .touched
            .into_iter()
            .map(|(table, touched)| TableNotice {
                table: self.context.schema.table(table).name.clone(),
                ids: match touched {
                    Touched::Ids(ids) => Some(ids),
                    Touched::Many => None,
                },
            })
            .collect();
        Ok(Some(ChangeNotice {
            revision: self.revision.0,
            from_peer,
            tables,
        }))
    }
}
