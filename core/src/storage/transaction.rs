//! One write transaction: what it may use, what it touched, and the revision it ends with.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::schema_tables::{read_meta, write_meta};
use super::table_sql::SchemaSql;
use crate::error::{Error, ErrorCode, Result};
use crate::model::change_set::Revision;
use crate::model::dates;
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

/// How many revisions are reserved at a time. The file is told of each such step alone: otherwise
/// each write would have one page more to encrypt. What a closed store had left of them is not given.
const RESERVED_AT_ONCE: i64 = 1_000;

/// Which revisions have been given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Revisions {
    last: Revision,
    /// Up to which the file knows of them.
    reserved: Revision,
}

impl Revisions {
    /// Goes on behind all that a store may have given before.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let reserved = match read_meta(connection, "revision")? {
            Some(text) => text.parse().map_err(|_| {
                Error::new(ErrorCode::DatabaseDamaged, "the revision cannot be read")
            })?,
            None => 0,
        };
        Ok(Self {
            last: Revision(reserved),
            reserved: Revision(reserved),
        })
    }
}

/// An open write transaction. Dropping it without `finish` leaves the commit undone.
pub(super) struct WriteTransaction<'a> {
    pub connection: &'a Connection,
    pub context: &'a Context,
    revisions: Revisions,
    skew_ms: i64,
    touched: BTreeMap<TableIndex, Touched>,
}

enum Touched {
    Ids(Vec<String>),
    Many,
}

impl<'a> WriteTransaction<'a> {
    /// Starts to keep the books of a transaction that SQLite has begun.
    pub(super) fn new(
        connection: &'a Connection,
        context: &'a Context,
        revisions: Revisions,
    ) -> Result<Self> {
        Ok(Self {
            connection,
            context,
            revisions,
            skew_ms: super::peers::skew_of_records(connection)?,
            touched: BTreeMap::new(),
        })
    }

    /// The revision of the next local write: each has one of its own.
    pub(super) fn next_revision(&mut self) -> Revision {
        self.revisions.last.0 += 1;
        self.revisions.last
    }

    /// The time that records get: the device's clock, corrected by what the peer's replies told, unless
    /// only the correction makes it implausible. Always one of the calendar.
    pub(super) fn record_time_ms(&self) -> i64 {
        let now = self.context.clock.now_ms();
        let corrected = now.saturating_add(self.skew_ms);
        let is_worse = dates::is_plausible(now) && !dates::is_plausible(corrected);
        dates::into_calendar(if is_worse { now } else { corrected })
    }

    /// The same for an edit of a record of this time: later, but where nothing can be.
    pub(super) fn record_time_after(&self, known: i64) -> i64 {
        dates::into_calendar(self.record_time_ms().max(known.saturating_add(1)))
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

    /// Reserves revisions where they ran out, and tells what was touched and which revisions are
    /// given once the caller has committed.
    pub(super) fn finish(self, from_peer: bool) -> Result<(Option<ChangeNotice>, Revisions)> {
        let mut revisions = self.revisions;
        if revisions.last > revisions.reserved {
            revisions.reserved = Revision(revisions.last.0 + RESERVED_AT_ONCE);
            write_meta(
                self.connection,
                "revision",
                &revisions.reserved.0.to_string(),
            )?;
        }
        if self.touched.is_empty() {
            return Ok((None, revisions));
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
        let notice = ChangeNotice {
            revision: revisions.last.0,
            from_peer,
            tables,
        };
        Ok((Some(notice), revisions))
    }
}
